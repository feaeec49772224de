//! The terminal: entered, left and painted, and always left as it was found.

use super::app::State;
use super::theme::Styles;
use super::view;
use ratatui::Terminal;
use ratatui::backend::CrosstermBackend;
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
use std::thread::ThreadId;

/// Where the loop draws: the terminal, or a test's.
pub trait Screen {
    fn size(&mut self) -> io::Result<Size>;
    fn draw(&mut self, state: &State) -> io::Result<()>;
    /// The next frame is painted in full.
    fn repaint(&mut self) -> io::Result<()>;
    /// Gives the terminal back and stops the process until it is continued.
    fn suspend(&mut self) -> io::Result<()>;
    /// Takes the terminal again, whatever was done to it meanwhile.
    fn resume(&mut self) -> io::Result<()>;
    /// Sends text to the terminal's clipboard.
    fn copy(&mut self, text: &str) -> io::Result<()>;
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
    /// Sends what has gathered, marked as one update.
    fn send(&self) -> io::Result<()> {
        let bytes = std::mem::take(&mut *self.0.borrow_mut());
        if bytes.is_empty() {
            return Ok(());
        }
        let mut whole = Vec::with_capacity(bytes.len() + 16);
        queue!(whole, BeginSynchronizedUpdate)?;
        whole.extend_from_slice(&bytes);
        queue!(whole, EndSynchronizedUpdate)?;
        let mut out = io::stdout().lock();
        out.write_all(&whole)?;
        out.flush()
    }
}

/// The user's terminal, while the workbench has it.
pub struct Tty {
    terminal: Terminal<CrosstermBackend<Frame>>,
    frame: Frame,
    styles: Styles,
    mouse: bool,
    _guard: Guard,
}

impl Tty {
    /// Takes the terminal over; it is given back when this is dropped.
    pub fn enter(styles: Styles, mouse: bool) -> io::Result<Tty> {
        let guard = Guard::new();
        enter(mouse)?;
        let frame = Frame::default();
        let terminal = Terminal::new(CrosstermBackend::new(frame.clone()))?;
        Ok(Tty {
            terminal,
            frame,
            styles,
            mouse,
            _guard: guard,
        })
    }
}

impl Screen for Tty {
    fn size(&mut self) -> io::Result<Size> {
        self.terminal.size()
    }

    fn draw(&mut self, state: &State) -> io::Result<()> {
        let styles = &self.styles;
        self.terminal.draw(|frame| {
            let buf = frame.buffer_mut();
            if let Some(caret) = view::draw(buf, state, styles) {
                frame.set_cursor_position(caret);
            }
        })?;
        self.frame.send()
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

type Hook = Box<dyn Fn(&std::panic::PanicHookInfo<'_>) + Sync + Send>;

/// Leaves the terminal when dropped, and before a panic of this thread speaks.
/// A panic on another thread (a job of the model's) must not be printed over
/// the screen: it becomes the job's error, and a line in the log.
struct Guard;

impl Guard {
    fn new() -> Guard {
        let own: ThreadId = std::thread::current().id();
        let before: Hook = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            if std::thread::current().id() == own {
                leave();
                before(info);
            } else {
                tracing::error!("{info}");
            }
        }));
        Guard
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        leave();
        if !std::thread::panicking() {
            // Ours goes; what is printed from now on is printed as usual.
            let _ = std::panic::take_hook();
        }
    }
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
