//! Labelled prompts in a file: JSONL or CSV of prompt, label and, if the file says
//! so, subject.

use super::data::Labelled;

/// Lines that are told of a file that is broken.
const TOLD: usize = 8;

/// Reads all of `text`.
///
/// # Errors
/// What is wrong, line by line; the text may be any.
pub fn labelled(text: &str) -> Result<Vec<Labelled>, String> {
    let rows = match text.trim_start().starts_with('{') {
        true => jsonl(text),
        false => csv(text),
    };
    let mut found = Vec::with_capacity(rows.len());
    let mut broken = Vec::new();
    for (line, row) in rows {
        match row.and_then(sound) {
            Ok(one) => found.push(one),
            Err(reason) => broken.push(format!("line {line}: {reason}")),
        }
    }
    let more = broken.len().saturating_sub(TOLD);
    broken.truncate(TOLD);
    match (broken.is_empty(), more, found.is_empty()) {
        (false, 0, _) => Err(broken.join("; ")),
        (false, more, _) => Err(format!("{}; and {more} more", broken.join("; "))),
        (true, _, true) => Err("it holds no labelled prompts".into()),
        (true, _, false) => Ok(found),
    }
}

type Rows = Vec<(usize, Result<Labelled, String>)>;

fn jsonl(text: &str) -> Rows {
    let lines = (1..).zip(text.lines());
    let lines = lines.filter(|(_, line)| !line.trim().is_empty());
    let row = |line: &str| {
        serde_json::from_str(line).map_err(|error| {
            let words = error.to_string();
            words.split(" at line ").next().unwrap_or(&words).to_owned()
        })
    };
    lines.map(|(at, line)| (at, row(line))).collect()
}

/// With its columns named in the first row.
fn csv(text: &str) -> Rows {
    let mut reader = csv::ReaderBuilder::new()
        .trim(csv::Trim::Headers)
        .from_reader(text.as_bytes());
    let headers = reader.headers().cloned().unwrap_or_default();
    let line = |at: Option<&csv::Position>| at.map_or(1, |at| at.line() as usize);
    let row = |record: Result<csv::StringRecord, csv::Error>| match record {
        Ok(record) => {
            let row = record.deserialize(Some(&headers));
            let row = row.map_err(|error| match error.kind() {
                csv::ErrorKind::Deserialize { err, .. } => err.to_string(),
                _ => error.to_string(),
            });
            (line(record.position()), row)
        }
        Err(error) => (line(error.position()), Err(error.to_string())),
    };
    reader.records().map(row).collect()
}

fn sound(one: Labelled) -> Result<Labelled, String> {
    if one.prompt.trim().is_empty() {
        return Err("its prompt is empty".into());
    }
    if one.label.trim().is_empty() {
        return Err("its label is empty".into());
    }
    let subject = one.subject.trim();
    match subject.is_empty() || one.prompt.contains(subject) {
        true => Ok(one),
        false => Err(format!("its prompt does not name its subject, {subject:?}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn two_forms_say_the_same() {
        let want = Labelled {
            prompt: "Big Ben, the bell, is in".into(),
            subject: "Big Ben".into(),
            label: "London".into(),
        };
        let csv = "label,prompt,subject\nLondon,\"Big Ben, the bell, is in\",Big Ben\n";
        let jsonl = "\n{\"prompt\": \"Big Ben, the bell, is in\", \"subject\": \"Big Ben\", \
                     \"label\": \"London\"}\n";
        assert_eq!(labelled(csv).unwrap(), std::slice::from_ref(&want));
        assert_eq!(labelled(jsonl).unwrap(), [want]);
        let bare = labelled("prompt,label\nIt rains in,Bergen\n").unwrap();
        assert_eq!(bare[0].subject, "");
    }

    #[test]
    fn what_is_broken_is_told_line_by_line() {
        let error =
            labelled("{\"prompt\": \"a\"}\n{\"prompt\": \" \", \"label\": \"b\"}").unwrap_err();
        assert!(
            error.starts_with("line 1: missing field `label`; line 2: "),
            "{error}"
        );
        let error = labelled("prompt,label,subject\na b,c,z\n").unwrap_err();
        assert!(
            error.contains("line 2: its prompt does not name"),
            "{error}"
        );
        assert!(labelled("").unwrap_err().contains("no labelled prompts"));
        let many = labelled(&"{}\n".repeat(20)).unwrap_err();
        assert!(many.ends_with("and 12 more"), "{many}");
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            let text = String::from_utf8_lossy(&bytes);
            let _ = labelled(&text);
            let _ = labelled(&format!("prompt,label,subject\n{text}"));
            let _ = labelled(&format!("{{{text}"));
        }
    }
}
