//! The terminal: entered, left and painted, and always left as it was found.

mod cast;
mod follow;
mod guard;
mod watch;

pub use cast::Cast;
pub use follow::Followers;
pub use watch::watch;

use super::app::State;
use super::theme::Styles;
use super::view;
use guard::Guard;
use ratatui::Terminal;
use ratatui::backend::{Backend, CrosstermBackend};
use ratatui::buffer::Buffer;
use ratatui::crossterm::cursor::{Hide, Show};
use ratatui::crossterm::event::{
    DisableBracketedPaste, DisableMouseCapture, EnableBracketedPaste, EnableMouseCapture,
};
use ratatui::crossterm::terminal::{
    BeginSynchronizedUpdate, EndSynchronizedUpdate, EnterAlternateScreen, LeaveAlternateScreen,
    disable_raw_mode, enable_raw_mode, size,
};
use ratatui::crossterm::{execute, queue};
use ratatui::layout::{Rect, Size};
use std::cell::RefCell;
use std::io::{self, Write};
use std::rc::Rc;

/// Where the loop draws: the terminal, or a test's.
pub trait Screen {
    fn size(&mut self) -> io::Result<Size>;
    /// Gives the bytes that it took.
    fn draw(&mut self, state: &State) -> io::Result<usize>;
    /// The next frame is painted in full.
    fn repaint(&mut self) -> io::Result<()>;
    /// Gives the terminal back and stops the process until it is continued.
    fn suspend(&mut self) -> io::Result<()>;
    /// Takes the terminal again, whatever was done to it meanwhile.
    fn resume(&mut self) -> io::Result<()>;
    /// Sends text to the terminal's clipboard.
    fn copy(&mut self, text: &str) -> io::Result<()>;
    /// What went wrong beside the screen, once.
    fn trouble(&mut self) -> Option<String> {
        None
    }
    /// Whether somebody who watches waits for a frame.
    fn waited_for(&self) -> bool {
        false
    }
}

/// Where frames go besides the terminal.
#[derive(Default)]
pub struct Beside {
    /// The recording.
    pub cast: Option<Cast>,
    /// Those who watch.
    pub followers: Option<Followers>,
}

/// The bytes of the frame being drawn. They go out in one piece, so that what
/// flushes on the way (every cursor command does) costs nothing, and an error
/// half-way leaves no half a frame.
#[derive(Clone, Default)]
struct Frame(Rc<RefCell<Vec<u8>>>);

impl Write for Frame {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.borrow_mut().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Frame {
    /// What has gathered, marked as one update; empty where nothing has.
    fn take(&self) -> io::Result<Vec<u8>> {
        let bytes = std::mem::take(&mut *self.0.borrow_mut());
        let mut whole = Vec::with_capacity(bytes.len() + 16);
        if !bytes.is_empty() {
            queue!(whole, BeginSynchronizedUpdate)?;
            whole.extend_from_slice(&bytes);
            queue!(whole, EndSynchronizedUpdate)?;
        }
        Ok(whole)
    }
}

/// The bytes that paint a whole screen, whatever stood there.
fn whole(state: &State, styles: &Styles, size: Size) -> io::Result<Vec<u8>> {
    let area = Rect::new(0, 0, size.width, size.height);
    let (blank, mut buf) = (Buffer::empty(area), Buffer::empty(area));
    let caret = view::draw(&mut buf, state, styles);
    let frame = Frame::default();
    let mut backend = CrosstermBackend::new(frame.clone());
    backend.clear()?;
    backend.draw(blank.diff(&buf).into_iter())?;
    match caret {
        Some(caret) => {
            backend.set_cursor_position(caret)?;
            backend.show_cursor()?;
        }
        None => backend.hide_cursor()?,
    }
    frame.take()
}

/// The user's terminal, while the workbench has it.
pub struct Tty {
    terminal: Terminal<CrosstermBackend<Frame>>,
    frame: Frame,
    styles: Styles,
    mouse: bool,
    beside: Beside,
    trouble: Option<String>,
    _guard: Guard,
}

impl Tty {
    /// Takes the terminal over; it is given back when this is dropped.
    pub fn enter(styles: Styles, mouse: bool, beside: Beside) -> io::Result<Tty> {
        let guard = Guard::new();
        enter(mouse)?;
        let frame = Frame::default();
        let terminal = Terminal::new(CrosstermBackend::new(frame.clone()))?;
        Ok(Tty {
            terminal,
            frame,
            styles,
            mouse,
            beside,
            trouble: None,
            _guard: guard,
        })
    }

    /// Hands a frame to the recording and to those who watch.
    fn beside(&mut self, bytes: &[u8], state: &State) -> io::Result<()> {
        let Beside { cast, followers } = &mut self.beside;
        if cast.is_none() && followers.is_none() {
            return Ok(());
        }
        let size = self.terminal.size()?;
        if let Some(cast) = cast
            && !bytes.is_empty()
            && let Err(error) = cast.frame(bytes, (size.width, size.height))
        {
            self.trouble = Some(format!("the recording has ended: {error}"));
        }
        if let Some(followers) = followers {
            let whole = || whole(state, &self.styles, size).unwrap_or_default();
            followers.frame(bytes, whole);
        }
        Ok(())
    }
}

impl Screen for Tty {
    fn size(&mut self) -> io::Result<Size> {
        self.terminal.size()
    }

    fn draw(&mut self, state: &State) -> io::Result<usize> {
        let styles = &self.styles;
        self.terminal.draw(|frame| {
            let buf = frame.buffer_mut();
            if let Some(caret) = view::draw(buf, state, styles) {
                frame.set_cursor_position(caret);
            }
        })?;
        let bytes = self.frame.take()?;
        if !bytes.is_empty() {
            let mut out = io::stdout().lock();
            out.write_all(&bytes)?;
            out.flush()?;
        }
        self.beside(&bytes, state)?;
        Ok(bytes.len())
    }

    fn trouble(&mut self) -> Option<String> {
        self.trouble.take()
    }

    fn waited_for(&self) -> bool {
        self.beside
            .followers
            .as_ref()
            .is_some_and(Followers::waiting)
    }

    fn repaint(&mut self) -> io::Result<()> {
        // Not `clear()`: that asks the terminal for its cursor, and the answer
        // would come in between the keys.
        let (width, height) = size()?;
        self.terminal.resize(Rect::new(0, 0, width, height))
    }

    fn suspend(&mut self) -> io::Result<()> {
        leave();
        signal_hook::low_level::raise(signal_hook::consts::SIGSTOP)
    }

    fn resume(&mut self) -> io::Result<()> {
        enter(self.mouse)?;
        self.repaint()
    }

    fn copy(&mut self, text: &str) -> io::Result<()> {
        let mut out = io::stdout().lock();
        write!(out, "\x1b]52;c;{}\x07", base64(text.as_bytes()))?;
        out.flush()
    }
}

fn enter(mouse: bool) -> io::Result<()> {
    enable_raw_mode()?;
    let mut out = io::stdout();
    execute!(out, EnterAlternateScreen, EnableBracketedPaste, Hide)?;
    if mouse {
        execute!(out, EnableMouseCapture)?;
    }
    Ok(())
}

/// Gives the terminal back. Errors do not count: it may be gone.
fn leave() {
    let mut out = io::stdout();
    let _ = execute!(
        out,
        EndSynchronizedUpdate,
        DisableMouseCapture,
        DisableBracketedPaste,
        LeaveAlternateScreen,
        Show
    );
    let _ = disable_raw_mode();
}

/// Standard base64, with padding.
fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let three = [0, 1, 2].map(|i| u32::from(chunk.get(i).copied().unwrap_or(0)));
        let bits = three[0] << 16 | three[1] << 8 | three[2];
        for i in 0..4 {
            if i <= chunk.len() {
                let six = bits >> (18 - 6 * i) & 63;
                text.push(char::from(LETTERS[six as usize]));
            } else {
                text.push('=');
            }
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_the_standard_one() {
        for (plain, coded) in [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
            ("é→", "w6nihpI="),
        ] {
            assert_eq!(base64(plain.as_bytes()), coded);
        }
    }
}
