//! Lays a session out as TOML to read and to diff.
//!
//! A general TOML writer puts every number of a grid on its own line. Here a
//! grid is one row a line, a short table is one line, a list of like records
//! (probes) is one record a line, and long lists of words stand one under the
//! other.

use std::borrow::Cow;
use toml::{Table, Value};

/// The last line of every session. A text that lost its end is still TOML
/// wherever the cut fell between two lines; this line shows the loss.
pub const LAST_LINE: &str = "# end of session";

/// Lines are kept to about this many columns where that is a choice.
const WIDTH: usize = 100;

/// `table` as TOML, [`LAST_LINE`] at its end.
pub fn write(table: &Table) -> String {
    let mut out = String::new();
    body(table, "", &mut out);
    out.push_str(&format!("\n{LAST_LINE}\n"));
    out
}

/// Plain values first: in TOML what follows a header belongs to it.
fn body(table: &Table, under: &str, out: &mut String) {
    for (name, value) in table.iter().filter(|(_, v)| !takes_header(v, under)) {
        out.push_str(&format!("{} = {}\n", key(name), plain(value)));
    }
    for (name, value) in table.iter().filter(|(_, v)| takes_header(v, under)) {
        let header = if under.is_empty() {
            key(name)
        } else {
            format!("{under}.{}", key(name))
        };
        match value {
            Value::Array(items) => {
                for item in items.iter().filter_map(Value::as_table) {
                    out.push_str(&format!("\n[[{header}]]\n"));
                    body(item, &header, out);
                }
            }
            Value::Table(inner) => {
                out.push_str(&format!("\n[{header}]\n"));
                body(inner, &header, out);
            }
            _ => {}
        }
    }
}

/// Whether a value stands under its own `[header]`.
fn takes_header(value: &Value, under: &str) -> bool {
    match value {
        Value::Table(table) => under.is_empty() || !is_flat(table) || inline(value).len() > WIDTH,
        Value::Array(items) => {
            let tables = || items.iter().map(Value::as_table);
            !items.is_empty() && tables().all(|t| t.is_some()) && !tables().flatten().all(is_flat)
        }
        _ => false,
    }
}

fn is_flat(table: &Table) -> bool {
    table.values().all(|v| !v.is_array() && !v.is_table())
}

/// A value after its `=`, over several lines where that reads better.
fn plain(value: &Value) -> String {
    match value {
        Value::String(text) if text.contains('\n') => paragraph(text),
        Value::Array(items) if !items.is_empty() => {
            let line = inline(value);
            let nested = items.iter().any(|v| v.is_array() || v.is_table());
            if !nested && line.len() <= WIDTH {
                return line;
            }
            let words = items
                .iter()
                .any(|v| v.as_str().is_some_and(|s| s.len() > 16));
            let pieces: Vec<String> = items.iter().map(inline).collect();
            format!(
                "[\n{}]",
                if nested || words {
                    stacked(&pieces)
                } else {
                    filled(&pieces)
                }
            )
        }
        _ => inline(value),
    }
}

fn stacked(pieces: &[String]) -> String {
    pieces.iter().map(|piece| format!("  {piece},\n")).collect()
}

fn filled(pieces: &[String]) -> String {
    let mut out = String::new();
    let mut column = 0;
    for piece in pieces {
        if column > 0 && column + piece.len() + 2 > WIDTH {
            out.push('\n');
            column = 0;
        }
        out.push_str(if column == 0 { "  " } else { " " });
        out.push_str(piece);
        out.push(',');
        column += piece.len() + 2;
    }
    out.push('\n');
    out
}

fn inline(value: &Value) -> String {
    match value {
        Value::String(text) => quoted(text),
        Value::Integer(number) => number.to_string(),
        // Rust's shortest form that reads back as the same number is TOML.
        Value::Float(number) => format!("{number:?}"),
        Value::Boolean(flag) => flag.to_string(),
        Value::Datetime(when) => when.to_string(),
        Value::Array(items) => {
            format!(
                "[{}]",
                items.iter().map(inline).collect::<Vec<_>>().join(", ")
            )
        }
        Value::Table(table) => {
            let pairs: Vec<String> = table
                .iter()
                .map(|(k, v)| format!("{} = {}", key(k), inline(v)))
                .collect();
            format!("{{ {} }}", pairs.join(", "))
        }
    }
}

fn key(name: &str) -> String {
    let bare = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    if !name.is_empty() && name.chars().all(bare) {
        name.into()
    } else {
        quoted(name)
    }
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", escaped(text))
}

/// A text of several lines, each on its own.
fn paragraph(text: &str) -> String {
    // Only a quote after another could be taken for the end.
    let line = |line: &str| {
        escaped(line)
            .replace("\\\"", "\"")
            .replace("\"\"", "\"\\\"")
    };
    let lines: Vec<String> = text.split('\n').map(line).collect();
    format!("\"\"\"\n{}\"\"\"", lines.join("\n"))
}

/// What TOML asks to have escaped, and whatever could move a cursor or turn
/// the reading direction when the file is printed on a terminal.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '\r' => out.push_str("\\r"),
            c if c.is_control() || is_invisible(c) => {
                let code = u32::from(c);
                let wide = code > 0xFFFF;
                out.push_str(&if wide {
                    format!("\\U{code:08X}")
                } else {
                    format!("\\u{code:04X}")
                });
            }
            c => out.push(c),
        }
    }
    out
}

/// `text` for a terminal or a message: on one line, with whatever is not to
/// be seen written out as Rust writes it.
pub fn shown(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_control() || is_invisible(c) {
            out.extend(c.escape_default());
        } else {
            out.push(c);
        }
    }
    out
}

/// As [`shown`], line by line.
pub fn shown_lines(text: &str) -> String {
    text.split('\n').map(shown).collect::<Vec<_>>().join("\n")
}

/// Characters of an error that are worth reading.
const WORTH: usize = 2000;

/// The beginning of a text that may quote a whole file.
pub fn brief(text: &str) -> Cow<'_, str> {
    let Some((end, _)) = text.char_indices().nth(WORTH) else {
        return Cow::Borrowed(text);
    };
    let more = text[end..].chars().count();
    Cow::Owned(format!("{} … ({more} more characters)", &text[..end]))
}

/// Direction marks, zero-width characters, line separators, tags.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2060}'..='\u{206F}'
        | '\u{FEFF}' | '\u{FFF9}'..='\u{FFFB}' | '\u{E0000}'..='\u{E007F}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Table {
        text.parse().unwrap_or_else(|e| panic!("{e}\n{text}"))
    }

    #[test]
    fn what_quotes_a_file_is_told_in_brief() {
        assert_eq!(brief("short"), "short");
        let long = brief(&"é".repeat(5000)).into_owned();
        assert!(long.ends_with("é … (3000 more characters)"), "{long}");
        assert!(long.chars().count() < 2040);
    }

    #[test]
    fn a_grid_is_one_row_a_line() {
        let table = parsed("[g]\nmlp = [[0.1, 0.25], [1e-7, 1.0]]");
        assert_eq!(
            write(&table),
            "\n[g]\nmlp = [\n  [0.1, 0.25],\n  [1e-7, 1.0],\n]\n\n# end of session\n"
        );
    }

    #[test]
    fn records_are_one_a_line_and_short_tables_inline() {
        let table = parsed(
            "[a]\nrows = [{ p = 0.5, text = 'x' }, { p = 1.0, text = 'y' }]\npair = { b = 1, c = 2 }",
        );
        assert_eq!(
            write(&table),
            "\n[a]\nrows = [\n  { p = 0.5, text = \"x\" },\n  { p = 1.0, text = \"y\" },\n]\n\
             pair = { b = 1, c = 2 }\n\n# end of session\n"
        );
    }

    #[test]
    fn nothing_in_a_text_can_drive_a_terminal() {
        let mut table = Table::new();
        let nasty = "a\u{1b}[2J \u{9b}m \u{202e}\u{7f}\u{0}\r\n\"\"\" \\ \u{e0001} é 漢 end";
        table.insert("key with \u{1b}".into(), nasty.into());
        let text = write(&table);
        assert!(
            text.chars()
                .all(|c| c == '\n' || !(c.is_control() || is_invisible(c))),
            "{text}"
        );
        assert_eq!(parsed(&text), table);
    }

    #[test]
    fn paragraphs_keep_their_lines_and_their_quotes() {
        for text in [
            "a\n\"b\" \\",
            "\n\"\"\"\"\"\n",
            "\\\"\n\"",
            "\r\n\\n\\\"\"\"",
            "x\n\"\"",
        ] {
            let table = Table::from_iter([("notes".to_string(), Value::from(text))]);
            let written = write(&table);
            assert_eq!(parsed(&written), table, "{written}");
            assert!(written.starts_with("notes = \"\"\"\n"), "{written}");
        }
    }

    #[test]
    fn long_lists_wrap() {
        let numbers = Value::Array((0..200).map(Value::Integer).collect());
        let words = Value::Array(vec!["a template of some length {}".into(); 9]);
        let mut table = Table::new();
        table.insert("numbers".into(), numbers);
        table.insert("words".into(), words);
        let text = write(&table);
        assert!(text.lines().all(|line| line.len() <= WIDTH + 2), "{text}");
        assert_eq!(
            text.matches("a template").count(),
            text.matches("\n  \"a template").count()
        );
        assert_eq!(parsed(&text), table);
    }
}
