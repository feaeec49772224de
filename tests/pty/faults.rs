//! Killed at any moment: what was finished is offered at the next start, and
//! nothing half-written is read.

use super::terminal::Terminal;
use pentimento::session;
use std::path::Path;
use std::time::{Duration, Instant};

/// How long an autosave may take until it is on the disk.
const MOMENT: Duration = Duration::from_millis(250);

/// Moments at which it is killed; the number that the README tells was tried by
/// hand with KILLS=200.
fn kills() -> u64 {
    let asked = std::env::var("KILLS").ok().and_then(|n| n.parse().ok());
    asked.unwrap_or(6)
}

/// A number from 0 to 1 that looks random; the same in every run.
fn share(n: u64) -> f64 {
    let mut x = n.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x ^= x >> 27;
    (x >> 11) as f64 / (1u64 << 53) as f64
}

/// The sessions and autosaves of a home, each of which must be whole.
fn edits_kept(home: &Path) -> usize {
    let mut most = 0;
    for folder in [home.to_owned(), home.join("pentimento/autosave")] {
        let found = std::fs::read_dir(folder).into_iter().flatten().flatten();
        for path in found.map(|entry| entry.path()) {
            if path.extension().is_some_and(|end| end == "toml") {
                let session = session::read(&path);
                let session = session.unwrap_or_else(|e| panic!("{}: {e}", path.display()));
                let (_, factors) = session::load(&path, &session.model).expect("its factors");
                assert_eq!(factors.len(), session.edits.len(), "{}", path.display());
                most = most.max(session.edits.len());
            }
        }
    }
    most
}

/// How long an edit takes on this machine, with whatever else runs on it.
fn an_edit_takes() -> Duration {
    let mut terminal = Terminal::open(40, 120);
    terminal.wait_for("example 1 of");
    let start = Instant::now();
    terminal.press("e");
    terminal.wait_for("base + 1 edit");
    start.elapsed()
}

#[test]
fn a_kill_at_any_moment_loses_nothing_finished() {
    let (mut while_working, mut all) = (0, 0);
    let one = an_edit_takes();
    for n in 0..kills() {
        let home = tempfile::tempdir().unwrap();
        let mut terminal = Terminal::open_with(40, 120, home.path(), &[]);
        terminal.wait_for("example 1 of");
        // Edits, αs, undos and savings; each edit is autosaved when it is there.
        terminal.press("e");
        let end = Instant::now() + one.mul_f64(0.1 + 2.9 * share(n));
        let mut seen: Vec<Instant> = Vec::new();
        while Instant::now() < end {
            let more = seen.len() + 1;
            let words = if more == 1 { "edit" } else { "edits" };
            if terminal.text().contains(&format!("base + {more} {words}")) {
                seen.push(Instant::now());
                let saving = if more == 1 { "\x13\x15first\r" } else { "\x13" };
                terminal.press(&format!("[]{saving}u\x12ne"));
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        let text = terminal.text();
        while_working += usize::from(!text.contains("ready"));
        terminal.signal("KILL");
        terminal.ended();
        // What had been on the screen for a moment is on the disk.
        let finished = seen.iter().filter(|at| at.elapsed() > MOMENT).count();
        let kept = edits_kept(home.path());
        assert!(
            kept >= finished,
            "kill {n}: {finished} were finished, {kept} are kept"
        );
        all += kept;
        if kept == 0 {
            continue;
        }
        let mut next = Terminal::open_with(40, 120, home.path(), &[]);
        next.wait_for("example 1 of");
        let unsaved = !next.autosaves().is_empty();
        next.press("o");
        next.wait_until("the session that was lost", |text| {
            text.contains("left behind ·") || !unsaved && text.contains("first")
        });
        next.press("\r");
        next.wait_until("the sitting as it was", |text| {
            text.contains("left behind is back") || text.contains("opened first")
        });
        next.signal("KILL");
        next.ended();
    }
    assert!(while_working > 0, "it was never killed while it worked");
    assert!(all > 0, "no edit was ever finished");
    println!(
        "{} kills, {while_working} during a job, {all} edits kept",
        kills()
    );
}
