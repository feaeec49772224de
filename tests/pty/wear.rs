//! What happens to programs that are left running: the terminal goes away, the disk
//! fills, the clock moves, a file is replaced.

use super::terminal::{PATIENCE, PROGRAM, Terminal, autosaves, command, size, tour_was_seen};
use pentimento::session;
use portable_pty::native_pty_system;
use std::fs;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::{Duration, Instant, SystemTime};

/// A program that has lost its terminal is gone within this.
const SOON: Duration = Duration::from_secs(1);

/// Makes the edit of the first example.
fn edit(terminal: &mut Terminal) {
    terminal.wait_for("example 1 of");
    terminal.press("e");
    terminal.wait_until("a finished edit", |text| {
        text.contains("base + 1 edit") && text.contains("ready")
    });
}

/// Saves under a name that was not there yet.
fn save_as(terminal: &mut Terminal, name: &str) {
    terminal.press("\x13");
    terminal.wait_for("Save this session as");
    terminal.press(&format!("\x15{name}\r"));
    terminal.wait_until("the saved session", |text| {
        text.contains(name) && !text.contains("not saved") && !text.contains("Save this")
    });
}

/// The one sitting that is kept safe holds, or will hold in a moment, so many edits,
/// each whole.
fn edits_are_kept(home: &Path, edits: usize) {
    let end = Instant::now() + PATIENCE;
    loop {
        let kept = autosaves(home);
        let read = kept
            .first()
            .map(|path| session::read(path).expect("the sitting"));
        if let Some(session) = read.filter(|session| session.edits.len() == edits) {
            let (_, factors) = session::load(&kept[0], &session.model).expect("its factors");
            assert_eq!((kept.len(), factors.len()), (1, edits));
            return;
        }
        assert!(Instant::now() < end, "{edits} edits are not in {kept:?}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn one_edit_is_kept(home: &Path) {
    edits_are_kept(home, 1);
}

#[test]
fn a_closed_terminal_ends_it_within_a_second() {
    let home = tempfile::tempdir().unwrap();
    tour_was_seen(home.path());
    let pty = native_pty_system().openpty(size(40, 120)).unwrap();
    let command = command(PROGRAM, home.path(), &[]);
    let mut child = pty.slave.spawn_command(command).unwrap();
    drop(pty.slave);
    let (mut reader, mut keys) = (
        pty.master.try_clone_reader().unwrap(),
        pty.master.take_writer().unwrap(),
    );
    // A thread reads until it is told enough, and hands its end back to be closed.
    let (to_test, screens) = std::sync::mpsc::channel();
    let reading = std::thread::spawn(move || {
        let mut screen = vt100::Parser::new(40, 120, 0);
        let mut buffer = [0; 1 << 16];
        while let Ok(n @ 1..) = reader.read(&mut buffer) {
            screen.process(&buffer[..n]);
            let text = screen.screen().contents();
            let enough = text.contains("base + 1 edit");
            if to_test.send(text).is_err() || enough {
                break;
            }
        }
        reader
    });
    let wait_for = |words: &str| {
        let seen = |text: String| text.contains(words);
        let more = || screens.recv_timeout(PATIENCE).map(seen);
        while !more().unwrap_or_else(|_| panic!("waited in vain for {words}")) {}
    };
    wait_for("example 1 of");
    keys.write_all(b"e").unwrap();
    wait_for("base + 1 edit");
    let reader = reading.join().unwrap();
    one_edit_is_kept(home.path());
    // It is in the middle of a trace when nobody holds the other end any more.
    keys.write_all(b"t").unwrap();
    std::thread::sleep(Duration::from_millis(100));
    drop((reader, keys, pty.master));
    let start = Instant::now();
    while child.try_wait().unwrap().is_none() {
        assert!(start.elapsed() < SOON, "it goes on without a terminal");
        std::thread::sleep(Duration::from_millis(5));
    }
    one_edit_is_kept(home.path());
}

/// A tmux of its own; its server goes with it.
struct Tmux {
    socket: PathBuf,
}

impl Tmux {
    fn run(&self, args: &[&str]) -> Output {
        let mut tmux = Command::new("tmux");
        tmux.arg("-S").arg(&self.socket).args(["-f", "/dev/null"]);
        tmux.args(args).output().expect("tmux runs")
    }

    fn said(&self, args: &[&str]) -> String {
        String::from_utf8_lossy(&self.run(args).stdout).into_owned()
    }

    fn wait_for(&self, words: &str) {
        let end = Instant::now() + PATIENCE;
        loop {
            let text = self.said(&["capture-pane", "-p"]);
            if text.contains(words) {
                return;
            }
            assert!(Instant::now() < end, "waited in vain for {words}:\n{text}");
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

impl Drop for Tmux {
    fn drop(&mut self) {
        let _ = self.run(&["kill-server"]);
    }
}

fn is_running(pid: &str) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let state = stat.rsplit(") ").next().unwrap_or_default().chars().next();
    state.is_some_and(|state| state != 'Z')
}

#[test]
fn a_vanished_tmux_ends_it_within_a_second() {
    let known = Command::new("tmux").arg("-V").output();
    if !known.is_ok_and(|said| said.status.success()) || !Path::new("/proc/self").exists() {
        return;
    }
    let home = tempfile::tempdir().unwrap();
    tour_was_seen(home.path());
    let folder = home.path().display();
    let tmux = Tmux {
        socket: home.path().join("tmux"),
    };
    let inside = format!(
        "env HOME={folder} XDG_STATE_HOME={folder} XDG_CACHE_HOME={folder} \
         XDG_CONFIG_HOME={folder} {PROGRAM}"
    );
    tmux.run(&["new-session", "-d", "-x", "120", "-y", "40", &inside]);
    tmux.wait_for("example 1 of");
    tmux.run(&["send-keys", "e"]);
    tmux.wait_for("base + 1 edit");
    one_edit_is_kept(home.path());
    let program = tmux.said(&["display-message", "-p", "#{pane_pid}"]);
    let server = tmux.said(&["display-message", "-p", "#{pid}"]);
    assert!(is_running(program.trim()), "pane {program:?}");
    let killed = Command::new("kill").args(["-KILL", server.trim()]).status();
    assert!(killed.unwrap().success());
    let start = Instant::now();
    while is_running(program.trim()) {
        assert!(start.elapsed() < SOON, "it goes on without a terminal");
        std::thread::sleep(Duration::from_millis(5));
    }
    one_edit_is_kept(home.path());
}

#[test]
fn a_full_disk_is_told_and_the_work_goes_on() {
    let home = tempfile::tempdir().unwrap();
    let mut terminal = Terminal::open_full(40, 120, home.path(), 4);
    edit(&mut terminal);
    // The autosave needs more than 2 KB.
    terminal.wait_until("what the disk said", |text| {
        text.contains("not kept safe") && text.contains("File too large")
    });
    terminal.press("\x13");
    terminal.wait_for("Save this session as");
    terminal.press("\x15full\r");
    terminal.wait_until("the refusal", |text| {
        text.contains("full") && text.contains("File too large") && text.contains("not saved")
    });
    // Nothing half-written is left under the name, and the edit is still there.
    assert!(!home.path().join("full.toml").exists());
    terminal.press("\x1b");
    // An escape with a letter close behind it would be alt and the letter.
    std::thread::sleep(Duration::from_millis(200));
    // What a pane shows does not fit either, and what it would replace stays.
    let screen = home.path().join("screen.svg");
    std::fs::write(&screen, "what was there").unwrap();
    terminal.press(":snapshot\r");
    terminal.wait_for("screen.svg");
    terminal.press("\x15screen.svg\r");
    terminal.wait_for("screen.svg is there already");
    terminal.press("y");
    terminal.wait_until("the refusal", |text| {
        text.contains("screen.svg cannot be written")
    });
    assert_eq!(std::fs::read_to_string(&screen).unwrap(), "what was there");
    terminal.press("u");
    terminal.wait_until("the base", |text| !text.contains("base + 1 edit"));
    terminal.press("\x12");
    terminal.wait_for("base + 1 edit");
    terminal.signal("TERM");
    terminal.ended();
    terminal.is_restored();
}

#[test]
fn a_clock_that_was_set_back_or_forward_loses_nothing() {
    let day = Duration::from_secs(24 * 3600);
    let now = SystemTime::now();
    for clock in [now - 4000 * day, now + 4000 * day] {
        let home = tempfile::tempdir().unwrap();
        let mut terminal = Terminal::open_with(40, 120, home.path(), &[]);
        edit(&mut terminal);
        save_as(&mut terminal, "first");
        terminal.press("e");
        terminal.wait_for("base + 2 edits");
        terminal.wait_for("ready");
        edits_are_kept(home.path(), 2);
        terminal.signal("KILL");
        terminal.ended();
        // Everything was written at another time than now.
        for folder in ["", "pentimento", "pentimento/autosave"] {
            for entry in fs::read_dir(home.path().join(folder)).unwrap().flatten() {
                if entry.path().is_file() {
                    let file = fs::File::options().write(true).open(entry.path());
                    file.unwrap().set_modified(clock).unwrap();
                }
            }
        }
        let mut next = Terminal::open_with(40, 120, home.path(), &[]);
        next.wait_for("example 1 of");
        next.press("o");
        next.wait_for("left behind ·");
        next.press("\r");
        next.wait_until("both edits", |text| {
            text.contains("left behind is back") && text.contains("base + 2 edits")
        });
        next.signal("KILL");
        next.ended();
    }
}

#[test]
fn a_model_replaced_while_it_is_open_is_told_apart() {
    let home = tempfile::tempdir().unwrap();
    let model = home.path().join("model");
    fs::create_dir(&model).unwrap();
    let atlas = Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/atlas");
    for name in ["config.json", "tokenizer.json", "model.safetensors"] {
        fs::copy(atlas.join(name), model.join(name)).unwrap();
    }
    let args = ["--model", "model"];
    let mut terminal = Terminal::open_with(40, 120, home.path(), &args);
    edit(&mut terminal);
    // As an update of a model does it: another file under the same name.
    let mut other = fs::read(model.join("model.safetensors")).unwrap();
    let last = other.len() - 2;
    other[last] ^= 1;
    fs::write(home.path().join("new"), other).unwrap();
    fs::rename(home.path().join("new"), model.join("model.safetensors")).unwrap();
    // What is open stays what it was: a second edit, an undo, a saved session.
    terminal.press("u");
    terminal.wait_until("the base", |text| !text.contains("base + 1 edit"));
    terminal.press("\x12");
    terminal.wait_for("base + 1 edit");
    save_as(&mut terminal, "before");
    terminal.quits();
    // The new file is another model, and the session is not for it.
    let args = ["--model", "model", "before.toml"];
    let next = Terminal::open_with(40, 120, home.path(), &args);
    next.wait_until("the refusal", |text| {
        text.replace('\n', " ").contains("other weights")
    });
}
