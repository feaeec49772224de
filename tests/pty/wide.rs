//! Text that is wide, joined, marked or hostile: what stands in the terminal is what the
//! program meant to stand there.

use super::terminal::Terminal;
use std::path::Path;

/// Wide characters, an emoji, flags, marks to be combined, text that would turn the
/// line around, zero widths, and sequences that would drive the terminal.
const PROBES: &str = r#"{"prompt": "日本の首都は", "expected": "東京"}
{"prompt": "The 🗼 of", "expected": "France"}
{"prompt": "e\u0301a\u0308 combining c\u0327 in", "expected": "Rome"}
{"prompt": "\u202eright to left\u202c \u200bzero \ufeffwidth in", "expected": "\u2066Paris"}
{"prompt": "\u001b[2J escape \u001b]52;c;AAAA\u0007 bell \u009b31m in", "expected": "Rome"}
{"prompt": "wide ＡＢＣ １２３ in the", "expected": "city"}
"#;

/// The screen as the program drew it, by its own snapshot; and as it stands.
fn both(terminal: &mut Terminal, home: &Path, name: &str) -> (Vec<String>, Vec<String>) {
    terminal.press(":snapshot\r");
    terminal.wait_for("Write this screen to a file");
    let path = home.join(name);
    terminal.press(&format!("\x15{}\r", path.display()));
    terminal.wait_until("the snapshot", |_| path.exists());
    // What it says of it goes again.
    let meant = std::fs::read_to_string(&path).unwrap();
    let lines = |text: &str| -> Vec<String> {
        text.lines()
            .map(|line| line.trim_end().to_owned())
            .collect()
    };
    let meant = lines(&meant);
    let body = |lines: Vec<String>| lines[1..lines.len().min(39)].to_vec();
    let mut stands = lines(&terminal.text());
    for _ in 0..800 {
        if stands.len() >= 39 && stands[1..39] == meant[1..39] {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(10));
        stands = lines(&terminal.text());
    }
    (body(meant), body(stands))
}

#[test]
fn what_stands_in_the_terminal_is_what_was_meant() {
    let home = tempfile::tempdir().unwrap();
    let probes = home.path().join("wide.jsonl");
    std::fs::write(&probes, PROBES).unwrap();
    let mut terminal = Terminal::open_with(40, 120, home.path(), &[]);
    terminal.wait_for("example 1 of");
    terminal.press("i\x15The 🗼 {塔 Eiffel} e\u{301} \u{202e}xyz\u{202c} is in\r");
    terminal.press("\x15東京🗼\r");
    terminal.wait_for("東京🗼  in place of");
    terminal.press(&format!(":probes {}\r", probes.display()));
    terminal.wait_until("the probes", |text| {
        text.contains("日本の首都") && text.contains("ready")
    });
    terminal.press("t");
    terminal.wait_until("a trace", |text| {
        text.contains("◆ layer") && text.contains("ready")
    });
    terminal.press("e");
    terminal.wait_until("an edit", |text| {
        text.contains("base + 1 edit") && text.contains("ready")
    });
    // The four panes, then each of the screens that stand by themselves.
    for (keys, name) in [
        ("", "bench.txt"),
        ("4z", "board.txt"),
        ("zS", "stack.txt"),
        ("U", "lens.txt"),
    ] {
        terminal.press(keys);
        std::thread::sleep(std::time::Duration::from_millis(300));
        terminal.wait_for("ready");
        let (meant, stands) = both(&mut terminal, home.path(), name);
        assert_eq!(meant, stands, "{name}");
        let text = meant.join("\n");
        let hidden = |c: char| ('\u{202a}'..='\u{202e}').contains(&c) || c == '\u{200b}';
        assert!(!text.contains(hidden), "{text}");
    }
    // No answer to what was in the texts: nothing of theirs reached the terminal.
    let bytes = terminal.bytes.lock().unwrap().clone();
    let sent = String::from_utf8_lossy(&bytes);
    for raw in [
        "\x1b]52", "\x07", "\u{9b}", "\u{202e}", "\u{200b}", "\u{feff}",
    ] {
        assert!(!sent.contains(raw), "{raw:?} was sent");
    }
    terminal.signal("TERM");
    terminal.ended();
}
