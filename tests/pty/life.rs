//! It starts, follows its size, stops, continues, and leaves the terminal as it
//! found it, however it is ended.

use super::terminal::{PATIENCE, Terminal, size};
use std::path::Path;
use std::time::{Duration, Instant};

#[test]
fn it_opens_follows_its_size_and_quits() {
    let mut terminal = Terminal::open(40, 120);
    terminal.wait_for("example 1 of");
    terminal.wait_for("Neighbours");
    for (rows, cols) in [(24, 80), (10, 40), (60, 200)] {
        terminal
            .screen
            .lock()
            .unwrap()
            .screen_mut()
            .set_size(rows, cols);
        terminal
            .master
            .resize(size(rows, cols))
            .expect("it can be resized");
        if cols == 40 {
            terminal.wait_for("a little more room");
        } else {
            terminal.wait_until("the footer on the last line", |text| {
                text.lines().count() == usize::from(rows) && text.trim_end().ends_with("q quit")
            });
        }
    }
    terminal.quits();
    terminal.is_restored();
    let bytes = terminal.bytes.lock().unwrap();
    let count = |what: &[u8]| bytes.windows(what.len()).filter(|w| w == &what).count();
    assert_eq!(
        count(b"\x1b[6n"),
        0,
        "the terminal was asked for its cursor"
    );
    assert!(
        count(b"\x1b[?2026h") > 3,
        "frames are not marked as one update"
    );
}

#[test]
fn a_trace_an_edit_an_undo_and_a_saved_session() {
    let mut terminal = Terminal::open(40, 120);
    terminal.wait_for("example 1 of");
    terminal.press("t");
    terminal.wait_until("a finished trace", |text| {
        text.contains("◆ layer") && text.contains("ready")
    });
    terminal.press("e");
    terminal.wait_until("a finished edit", |text| {
        text.contains("base + 1 edit") && text.contains("moved of") && text.contains("ready")
    });
    terminal.press("u");
    terminal.wait_until("the base", |text| !text.contains("base + 1 edit"));
    terminal.press("\x12");
    terminal.wait_for("base + 1 edit");
    terminal.press("\x13");
    terminal.wait_for("Save this session as");
    terminal.press("\x15first\r");
    terminal.wait_until("the saved session", |text| {
        text.contains("first")
            && !text.contains("not saved")
            && !text.contains("Save this session as")
    });
    terminal.quits();
    terminal.is_restored();
    assert!(terminal.home.join("first.toml").is_file());
    assert!(terminal.home.join("first.safetensors").is_file());
    assert!(
        terminal.autosaves().is_empty(),
        "{:?}",
        terminal.autosaves()
    );
}

#[test]
fn ctrl_c_stops_a_job_at_once() {
    let mut terminal = Terminal::open(40, 120);
    terminal.wait_for("example 1 of");
    terminal.press("e");
    terminal.wait_for("▸");
    terminal.press("\x03");
    terminal.wait_for("stopped; nothing was changed");
    terminal.quits();
}

#[test]
fn a_hangup_ends_it_at_once_and_keeps_what_is_unsaved() {
    let mut terminal = Terminal::open(40, 120);
    terminal.wait_for("example 1 of");
    terminal.press("e");
    terminal.wait_until("a finished edit", |text| {
        text.contains("base + 1 edit") && text.contains("ready")
    });
    terminal.signal("HUP");
    let (_, took) = terminal.ended();
    assert!(took < Duration::from_secs(3), "{took:?}");
    assert_eq!(terminal.autosaves().len(), 1);
}

#[test]
fn a_termination_during_a_job_restores_the_terminal() {
    let mut terminal = Terminal::open(40, 120);
    terminal.wait_for("example 1 of");
    terminal.press("t");
    terminal.signal("TERM");
    let (_, took) = terminal.ended();
    assert!(took < Duration::from_secs(3), "{took:?}");
    terminal.is_restored();
}

#[test]
fn ctrl_z_stops_and_continuing_paints_again() {
    let mut terminal = Terminal::open(40, 120);
    terminal.wait_for("example 1 of");
    terminal.press("\x1a");
    let stat = format!("/proc/{}/stat", terminal.pid());
    if !Path::new(&stat).exists() {
        return;
    }
    let state = || {
        let stat = std::fs::read_to_string(&stat).unwrap_or_default();
        let after = stat.rsplit(')').next().unwrap_or_default();
        after.trim_start().chars().next()
    };
    let end = Instant::now() + PATIENCE;
    while state() != Some('T') {
        assert!(Instant::now() < end, "it does not stop");
        std::thread::sleep(Duration::from_millis(10));
    }
    terminal.is_restored();
    // The shell writes over what was there.
    terminal
        .screen
        .lock()
        .unwrap()
        .process(b"\x1b[2J\x1b[H$ fg\r\n");
    terminal.signal("CONT");
    terminal.wait_for("example 1 of");
    assert!(terminal.screen.lock().unwrap().screen().alternate_screen());
    terminal.press("?");
    terminal.wait_for("Locate, edit, measure");
    terminal.press("\x1b");
    terminal.wait_until("no help", |text| !text.contains("Locate, edit, measure"));
    terminal.quits();
    terminal.is_restored();
}
