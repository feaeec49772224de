//! The real program in a real terminal: it starts, follows its size, stops,
//! continues, and leaves the terminal as it found it, however it is ended.

#![cfg(unix)]

use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};
use std::io::{Read, Write};
use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tempfile::TempDir;

const PATIENCE: Duration = Duration::from_secs(60);

struct Terminal {
    screen: Arc<Mutex<vt100::Parser>>,
    /// Everything that was ever written, for what a parser does not keep.
    bytes: Arc<Mutex<Vec<u8>>>,
    keys: Box<dyn Write + Send>,
    master: Box<dyn MasterPty + Send>,
    child: Box<dyn Child + Send + Sync>,
    home: TempDir,
}

fn size(rows: u16, cols: u16) -> PtySize {
    PtySize {
        rows,
        cols,
        pixel_width: 0,
        pixel_height: 0,
    }
}

impl Terminal {
    fn open(rows: u16, cols: u16) -> Terminal {
        let home = tempfile::tempdir().expect("a folder for the test");
        let pty = native_pty_system()
            .openpty(size(rows, cols))
            .expect("a terminal");
        let mut command = CommandBuilder::new(env!("CARGO_BIN_EXE_pentimento"));
        command.cwd(home.path());
        command.env_clear();
        for (name, value) in [("TERM", "xterm-256color"), ("LANG", "C.UTF-8")] {
            command.env(name, value);
        }
        for name in [
            "HOME",
            "XDG_STATE_HOME",
            "XDG_CACHE_HOME",
            "XDG_CONFIG_HOME",
        ] {
            command.env(name, home.path());
        }
        let child = pty
            .slave
            .spawn_command(command)
            .expect("the program starts");
        drop(pty.slave);
        let screen = Arc::new(Mutex::new(vt100::Parser::new(rows, cols, 0)));
        let bytes = Arc::new(Mutex::new(Vec::new()));
        let mut reader = pty.master.try_clone_reader().expect("its output");
        let (to_screen, to_bytes) = (Arc::clone(&screen), Arc::clone(&bytes));
        std::thread::spawn(move || {
            let mut buffer = [0; 1 << 16];
            while let Ok(n @ 1..) = reader.read(&mut buffer) {
                to_screen.lock().unwrap().process(&buffer[..n]);
                to_bytes.lock().unwrap().extend_from_slice(&buffer[..n]);
            }
        });
        Terminal {
            screen,
            bytes,
            keys: pty.master.take_writer().expect("its input"),
            master: pty.master,
            child,
            home,
        }
    }

    fn text(&self) -> String {
        self.screen.lock().unwrap().screen().contents()
    }

    fn wait_for(&self, words: &str) {
        self.wait_until(words, |text| text.contains(words));
    }

    fn wait_until(&self, what: &str, done: impl Fn(&str) -> bool) {
        let end = Instant::now() + PATIENCE;
        while Instant::now() < end {
            if done(&self.text()) {
                return;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        panic!("waited in vain for {what:?}:\n{}", self.text());
    }

    fn press(&mut self, keys: &str) {
        self.keys
            .write_all(keys.as_bytes())
            .expect("the keys go through");
        self.keys.flush().expect("the keys go through");
    }

    fn pid(&self) -> u32 {
        self.child.process_id().expect("it runs")
    }

    fn signal(&self, name: &str) {
        let pid = self.pid().to_string();
        let kill = Command::new("kill").args(["-s", name, &pid]).status();
        assert!(kill.expect("kill is there").success());
    }

    /// Waits for the end; gives the exit code and how long it took.
    fn ended(&mut self) -> (u32, Duration) {
        let start = Instant::now();
        while start.elapsed() < PATIENCE {
            if let Some(status) = self.child.try_wait().expect("it can be asked") {
                return (status.exit_code(), start.elapsed());
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        let _ = self.child.kill();
        panic!("it does not end:\n{}", self.text());
    }

    /// The terminal is as it was: main screen, cursor seen, no mouse, no paste.
    fn is_restored(&self) {
        // The reader may still be busy with the last bytes.
        let end = Instant::now() + Duration::from_secs(5);
        loop {
            let parser = self.screen.lock().unwrap();
            let screen = parser.screen();
            let mouse = screen.mouse_protocol_mode() == vt100::MouseProtocolMode::None;
            if !screen.alternate_screen()
                && !screen.hide_cursor()
                && !screen.bracketed_paste()
                && mouse
            {
                return;
            }
            drop(parser);
            assert!(Instant::now() < end, "the terminal is left in disorder");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    fn autosaves(&self) -> Vec<String> {
        let folder = self.home.path().join("pentimento/autosave");
        let found = std::fs::read_dir(folder).into_iter().flatten().flatten();
        let names = found.map(|e| e.file_name().to_string_lossy().into_owned());
        names.filter(|name| name.ends_with(".toml")).collect()
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.child.kill();
    }
}

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
    terminal.press("q");
    assert_eq!(terminal.ended().0, 0);
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
    terminal.wait_for("saved");
    terminal.press("q");
    assert_eq!(terminal.ended().0, 0);
    terminal.is_restored();
    assert!(terminal.home.path().join("first.toml").is_file());
    assert!(terminal.home.path().join("first.safetensors").is_file());
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
    terminal.press("q");
    assert_eq!(terminal.ended().0, 0);
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
    terminal.press("q");
    assert_eq!(terminal.ended().0, 0);
    terminal.is_restored();
}
