//! The first sitting, recordings, and others who watch.

use super::terminal::Terminal;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

#[test]
fn the_tour_begins_by_itself_once() {
    let home = tempfile::tempdir().unwrap();
    let mut first = Terminal::open_new(40, 120, home.path(), &[]);
    first.wait_for("Tour 1 of 5");
    first.press("n");
    first.wait_for("Tour 2 of 5");
    first.press("T");
    first.wait_until("no tour", |text| !text.contains("Tour 2 of 5"));
    first.quits();
    let mut second = Terminal::open_new(40, 120, home.path(), &[]);
    second.wait_for("example 1 of");
    second.wait_for("q quit");
    assert!(!second.text().contains("Tour"), "{}", second.text());
    second.quits();
}

/// What a recording shows at its end, and how often its size changed.
fn replayed(path: &Path) -> (String, usize) {
    let text = fs::read_to_string(path).unwrap();
    let mut lines = text
        .lines()
        .map(|l| serde_json::from_str::<serde_json::Value>(l).unwrap());
    let header = lines.next().unwrap();
    let number = |value: &serde_json::Value| value.as_u64().unwrap() as u16;
    let mut parser = vt100::Parser::new(number(&header["height"]), number(&header["width"]), 0);
    let mut sizes = 0;
    for event in lines {
        let data = event[2].as_str().unwrap();
        match event[1].as_str().unwrap() {
            "o" => parser.process(data.as_bytes()),
            "r" => {
                let (width, height) = data.split_once('x').unwrap();
                let (width, height) = (width.parse().unwrap(), height.parse().unwrap());
                parser.screen_mut().set_size(height, width);
                sizes += 1;
            }
            other => panic!("{other}"),
        }
    }
    (parser.screen().contents(), sizes)
}

#[test]
fn a_recording_shows_what_was_seen() {
    let home = tempfile::tempdir().unwrap();
    let args = ["--record", "tour.cast"];
    let mut terminal = Terminal::open_with(40, 120, home.path(), &args);
    terminal.wait_for("example 1 of");
    terminal.press("t");
    terminal.wait_until("a finished trace", |text| {
        text.contains("◆ layer") && text.contains("ready")
    });
    // Nothing moves any more: a notice has had its time.
    std::thread::sleep(Duration::from_millis(500));
    let seen = terminal.text();
    let (shown, sizes) = replayed(&home.path().join("tour.cast"));
    assert_eq!((shown, sizes), (seen, 0));
    terminal.quits();
    // A recording is never written over.
    let mut again = Terminal::open_with(40, 120, home.path(), &args);
    again.wait_for("tour.cast");
    assert_eq!(again.ended().0, 1);
}

#[test]
fn others_see_what_is_seen_and_can_do_nothing() {
    let home = tempfile::tempdir().unwrap();
    let mut terminal = Terminal::open_with(40, 120, home.path(), &["--follow"]);
    terminal.wait_for("example 1 of");
    let folder = home.path().join("pentimento/follow");
    assert_eq!(
        fs::metadata(&folder).unwrap().permissions().mode() & 0o777,
        0o700
    );
    let mut watcher = Terminal::open_with(40, 120, home.path(), &["follow"]);
    watcher.wait_for("example 1 of");
    watcher.press("t");
    terminal.press("n");
    terminal.wait_for("example 2 of");
    watcher.wait_for("example 2 of");
    assert!(
        !terminal.text().contains("◆ layer"),
        "a watcher's key was heard"
    );
    watcher.quits();
    watcher.is_restored();
    // It goes on without them, and takes its socket along.
    terminal.press("n");
    terminal.wait_for("example 3 of");
    terminal.quits();
    assert_eq!(fs::read_dir(&folder).unwrap().count(), 0);
    let mut nobody = Terminal::open_with(40, 120, home.path(), &["follow"]);
    nobody.wait_for("start one with `pentimento --follow`");
    assert_eq!(nobody.ended().0, 1);
}

#[test]
fn a_saved_session_is_shown_without_a_key() {
    let home = tempfile::tempdir().unwrap();
    let session = concat!(env!("CARGO_MANIFEST_DIR"), "/sessions/statue.toml");
    let args = ["session", "replay", "--live", "--every", "0.2", session];
    let mut args = args.to_vec();
    args.splice(0..0, ["--record", "show.cast"]);
    let mut terminal = Terminal::open_with(40, 120, home.path(), &args);
    terminal.wait_for("statue · 1 of");
    assert_eq!(terminal.ended().0, 0);
    terminal.is_restored();
    let (shown, _) = replayed(&home.path().join("show.cast"));
    assert!(
        shown.contains("base + 1 edit") && shown.contains("the end"),
        "{shown}"
    );
    assert!(
        terminal.autosaves().is_empty(),
        "a show leaves nothing behind"
    );
}
