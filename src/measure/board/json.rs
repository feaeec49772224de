//! The objects of a JSON file, each with its line: one that is damaged does not
//! take the others with it.

/// The texts of the objects in the list that `text` begins with, each with the
/// line it starts on, counted from 1. What is cut off at the end is given as far
/// as it goes.
pub fn objects(text: &str) -> Vec<(usize, &str)> {
    let mut found = Vec::new();
    let (mut line, mut depth) = (1, 0usize);
    let (mut quoted, mut escaped) = (false, false);
    // Where the object begins that is being read.
    let mut begun: Option<(usize, usize)> = None;
    for (at, c) in text.char_indices() {
        if c == '\n' {
            line += 1;
        }
        if quoted {
            (quoted, escaped) = (escaped || c != '"', !escaped && c == '\\');
            continue;
        }
        match c {
            '"' => quoted = true,
            '{' => {
                depth += 1;
                begun.get_or_insert((line, at));
            }
            '}' => {
                depth = depth.saturating_sub(1);
                if let Some((line, from)) = begun.take_if(|_| depth == 0) {
                    found.push((line, &text[from..=at]));
                }
            }
            _ => {}
        }
    }
    found.extend(begun.map(|(line, from)| (line, &text[from..])));
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn objects_are_told_apart_whatever_is_in_them() {
        let text = "[\n{\"a\": \"}\\\"{\"},\n {\"b\": {\"c\": []}} , 3,\n{\"d";
        let all = objects(text);
        let want = [
            (2, "{\"a\": \"}\\\"{\"}"),
            (3, "{\"b\": {\"c\": []}}"),
            (4, "{\"d"),
        ];
        assert_eq!(all, want);
        assert!(objects("[]").is_empty() && objects("}").is_empty());
    }
}
