//! A panic of ours, in the middle of a frame: the terminal is given back, the panic can
//! be read, and what was finished is kept.

use super::terminal::{Terminal, autosaves, command, tour_was_seen};
use pentimento::engine::{Engine, Folders};
use pentimento::hub;
use pentimento::tui::app::{Settings, State};
use pentimento::tui::run::{Pace, World, drive, listen};
use pentimento::tui::store::files::Files;
use pentimento::tui::terminal::{Beside, Screen, Tty};
use pentimento::tui::theme::{Depth, Ground, Styles};
use ratatui::layout::Size;
use std::io::{self, IsTerminal};
use std::path::{Path, PathBuf};
use std::time::Instant;

/// A screen that panics when there is an edit to draw and it is on the disk.
struct Broken {
    tty: Tty,
    home: PathBuf,
}

impl Screen for Broken {
    fn size(&mut self) -> io::Result<Size> {
        self.tty.size()
    }

    fn draw(&mut self, state: &State) -> io::Result<usize> {
        let drawn = self.tty.draw(state)?;
        // Its text is written last: with it all of it is there.
        let kept = !autosaves(&self.home).is_empty();
        assert!(!kept, "a frame that cannot be drawn");
        Ok(drawn)
    }

    fn repaint(&mut self) -> io::Result<()> {
        self.tty.repaint()
    }

    fn suspend(&mut self) -> io::Result<()> {
        self.tty.suspend()
    }

    fn resume(&mut self) -> io::Result<()> {
        self.tty.resume()
    }

    fn copy(&mut self, text: &str) -> io::Result<()> {
        self.tty.copy(text)
    }
}

#[test]
#[ignore = "it is what the test below runs in a terminal"]
fn a_workbench_that_cannot_draw() {
    let home = std::env::var("XDG_STATE_HOME").unwrap_or_default();
    if !io::stdout().is_terminal() || home.is_empty() {
        return;
    }
    let folder = Path::new(&home).join("pentimento/autosave");
    let (engine, events) = Engine::start(Folders::default()).unwrap();
    let (_to_inputs, inputs) = listen().unwrap();
    let styles = Styles::new(Depth::Indexed, Ground::Dark);
    let mut screen = Broken {
        tty: Tty::enter(styles, false, Beside::default()).unwrap(),
        home: PathBuf::from(&home),
    };
    let files = Files::new(home.into(), Some(folder), hub::Settings::default());
    let clock = Instant::now();
    let world = World {
        screen: &mut screen,
        engine: &mut &engine,
        events,
        inputs,
        store: Box::new(files),
        clock: &|| clock.elapsed(),
        pace: Pace::of(|_| None),
    };
    drive(&mut State::new(Settings::default()), world).unwrap();
}

#[test]
fn a_panic_in_drawing_gives_the_terminal_back_and_says_what_it_was() {
    let home = tempfile::tempdir().unwrap();
    tour_was_seen(home.path());
    let own = std::env::current_exe().unwrap();
    let mut command = command(own.to_str().unwrap(), home.path(), &[]);
    let name = "panics::a_workbench_that_cannot_draw";
    command.args(["--exact", name, "--ignored", "--nocapture"]);
    let mut terminal = Terminal::start((40, 120), home.path(), command, None);
    terminal.wait_for("example 1 of");
    terminal.press("e");
    terminal.wait_for("a frame that cannot be drawn");
    let (status, _) = terminal.ended();
    assert_ne!(status, 0);
    terminal.is_restored();
    // The panic stands on the main screen, below what was there.
    assert!(
        !terminal.text().contains("Neighbours"),
        "{}",
        terminal.text()
    );
    let kept = autosaves(home.path());
    let session = pentimento::session::read(&kept[0]).expect("the sitting");
    assert_eq!(session.edits.len(), 1);
}

/// A tokenizer on which the library that reads it panics: told like any other error,
/// and another model opens in its place.
#[test]
fn a_panic_at_load_is_an_error_and_another_model_opens() {
    let home = tempfile::tempdir().unwrap();
    let strange = home.path().join("strange");
    std::fs::create_dir(&strange).unwrap();
    let sound = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/goldens/gpt2");
    for file in ["config.json", "model.safetensors"] {
        std::fs::copy(sound.join(file), strange.join(file)).unwrap();
    }
    let text = std::fs::read_to_string(sound.join("tokenizer.json")).unwrap();
    let mut tokenizer: serde_json::Value = serde_json::from_str(&text).unwrap();
    tokenizer["normalizer"] = serde_json::json!({
        "type": "Replace", "pattern": {"String": ""}, "content": "x"
    });
    std::fs::write(strange.join("tokenizer.json"), tokenizer.to_string()).unwrap();

    let arguments = ["--model", strange.to_str().unwrap()];
    let mut terminal = Terminal::open_with(40, 120, home.path(), &arguments);
    terminal.wait_until("the error, and what to do", |text| {
        text.contains("could not be opened")
            && text.contains("library fails on it")
            && text.contains("M another")
    });
    assert!(!terminal.text().contains("panicked"), "{}", terminal.text());
    terminal.press("M");
    terminal.wait_for("inside the program");
    terminal.press("\r");
    terminal.wait_for("example 1 of");
    terminal.quits();
    terminal.is_restored();
}
