//! The real program in a terminal whose screen can be read.

use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tempfile::TempDir;

pub const PATIENCE: Duration = Duration::from_secs(60);

pub const PROGRAM: &str = env!("CARGO_BIN_EXE_pentimento");

pub struct Terminal {
    pub screen: Arc<Mutex<vt100::Parser>>,
    /// Everything that was ever written, for what a parser does not keep.
    pub bytes: Arc<Mutex<Vec<u8>>>,
    keys: Box<dyn Write + Send>,
    pub master: Box<dyn MasterPty + Send>,
    child: Box<dyn Child + Send + Sync>,
    pub home: PathBuf,
    /// Removed with the terminal that made it.
    own: Option<TempDir>,
}

/// What lies between the program and who looks at it.
#[derive(Clone, Copy)]
pub struct Line {
    /// Bytes a second towards the screen.
    pub rate: f64,
    /// One way, of keys; a screen's way back is waited for by who measures.
    pub delay: Duration,
}

pub fn size(rows: u16, cols: u16) -> PtySize {
    PtySize {
        rows,
        cols,
        pixel_width: 0,
        pixel_height: 0,
    }
}

/// Names of the folders that the program writes in.
const FOLDERS: [&str; 4] = [
    "HOME",
    "XDG_STATE_HOME",
    "XDG_CACHE_HOME",
    "XDG_CONFIG_HOME",
];

/// `program` in `home`, with nothing of this process's environment.
pub fn command(program: &str, home: &Path, env: &[(&str, &str)]) -> CommandBuilder {
    let mut command = CommandBuilder::new(program);
    command.cwd(home);
    command.env_clear();
    let usual = [("TERM", "xterm-256color"), ("LANG", "C.UTF-8")];
    for (name, value) in usual.iter().chain(env) {
        command.env(name, value);
    }
    for name in FOLDERS {
        command.env(name, home);
    }
    command
}

/// As at any start but the first.
pub fn tour_was_seen(home: &Path) {
    let state = home.join("pentimento");
    std::fs::create_dir_all(&state).expect("a folder for the test");
    std::fs::write(state.join("toured"), "").expect("a folder for the test");
}

/// The sittings that are kept safe in `home`.
pub fn autosaves(home: &Path) -> Vec<PathBuf> {
    let folder = home.join("pentimento/autosave");
    let found = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let paths = found.map(|entry| entry.path());
    let whole = |path: &PathBuf| path.extension().is_some_and(|end| end == "toml");
    paths.filter(whole).collect()
}

impl Terminal {
    /// On Atlas, in a home of its own.
    pub fn open(rows: u16, cols: u16) -> Terminal {
        let home = tempfile::tempdir().expect("a folder for the test");
        let mut terminal = Terminal::open_with(rows, cols, home.path(), &[]);
        terminal.own = Some(home);
        terminal
    }

    /// With arguments, in a home that may hold something; the tour was seen.
    pub fn open_with(rows: u16, cols: u16, home: &Path, args: &[&str]) -> Terminal {
        tour_was_seen(home);
        Terminal::open_new(rows, cols, home, args)
    }

    /// In a home where nothing was ever done.
    pub fn open_new(rows: u16, cols: u16, home: &Path, args: &[&str]) -> Terminal {
        let mut command = command(PROGRAM, home, &[]);
        command.args(args);
        Terminal::start((rows, cols), home, command, None)
    }

    /// Where no file may grow beyond `blocks` of 512 bytes, as if the disk were full.
    pub fn open_full(rows: u16, cols: u16, home: &Path, blocks: usize) -> Terminal {
        tour_was_seen(home);
        // Without the trap the signal ends the process before it sees the error.
        let script = format!("trap '' XFSZ; ulimit -f {blocks}; exec {PROGRAM}");
        let mut command = command("/bin/sh", home, &[("PATH", "/usr/bin:/bin")]);
        command.args(["-c", &script]);
        Terminal::start((rows, cols), home, command, None)
    }

    /// At the far end of a line, in a home of its own.
    pub fn open_far(rows: u16, cols: u16, line: Line) -> Terminal {
        let home = tempfile::tempdir().expect("a folder for the test");
        tour_was_seen(home.path());
        let env = [("SSH_CONNECTION", "192.0.2.1 50000 192.0.2.2 22")];
        let command = command(PROGRAM, home.path(), &env);
        let mut terminal = Terminal::start((rows, cols), home.path(), command, Some(line));
        terminal.own = Some(home);
        terminal
    }

    pub fn start(
        (rows, cols): (u16, u16),
        home: &Path,
        command: CommandBuilder,
        line: Option<Line>,
    ) -> Terminal {
        let pty = native_pty_system()
            .openpty(size(rows, cols))
            .expect("a terminal");
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
            // On a slow line little is taken at a time, and it is seen later.
            let most = line.map_or(buffer.len(), |_| 512);
            while let Ok(n @ 1..) = reader.read(&mut buffer[..most]) {
                if let Some(Line { rate, .. }) = line {
                    std::thread::sleep(Duration::from_secs_f64(n as f64 / rate));
                }
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
            home: home.to_owned(),
            own: None,
        }
    }

    pub fn text(&self) -> String {
        self.screen.lock().unwrap().screen().contents()
    }

    pub fn wait_for(&self, words: &str) {
        self.wait_until(words, |text| text.contains(words));
    }

    pub fn wait_until(&self, what: &str, done: impl Fn(&str) -> bool) {
        let end = Instant::now() + PATIENCE;
        while Instant::now() < end {
            if done(&self.text()) {
                return;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        panic!("waited in vain for {what:?}:\n{}", self.text());
    }

    pub fn press(&mut self, keys: &str) {
        self.keys
            .write_all(keys.as_bytes())
            .expect("the keys go through");
        self.keys.flush().expect("the keys go through");
    }

    pub fn pid(&self) -> u32 {
        self.child.process_id().expect("it runs")
    }

    pub fn signal(&self, name: &str) {
        let pid = self.pid().to_string();
        let kill = Command::new("kill").args(["-s", name, &pid]).status();
        assert!(kill.expect("kill is there").success());
    }

    /// Waits for the end; gives the exit code and how long it took.
    pub fn ended(&mut self) -> (u32, Duration) {
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
    pub fn is_restored(&self) {
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

    pub fn autosaves(&self) -> Vec<PathBuf> {
        autosaves(&self.home)
    }

    /// Leaves by `q`, which must end it well.
    pub fn quits(&mut self) {
        self.press("q");
        assert_eq!(self.ended().0, 0);
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.child.kill();
    }
}
