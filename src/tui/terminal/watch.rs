//! The other end: a terminal that shows what another one is sent, and says nothing.

use super::enter;
use super::guard::Guard;
use ratatui::crossterm::event::{self, Event, KeyCode, KeyModifiers};
use ratatui::crossterm::execute;
use ratatui::crossterm::terminal::{DisableLineWrap, EnableLineWrap};
use std::io::{self, Read, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::thread;

/// Shows frames until q, esc or ctrl-c is pressed here, or the workbench ends.
///
/// # Errors
/// The terminal cannot be used.
pub fn watch(mut stream: UnixStream) -> io::Result<()> {
    let _guard = Guard::new();
    enter(false)?;
    // A smaller terminal shows the upper left part.
    execute!(io::stdout(), DisableLineWrap)?;
    let shut = stream.try_clone()?;
    thread::Builder::new().name("keys".into()).spawn(move || {
        while !asks_to_leave(event::read()) {}
        let _ = shut.shutdown(Shutdown::Both);
    })?;
    let mut buffer = vec![0; 1 << 16];
    let mut out = io::stdout();
    while let Ok(n @ 1..) = stream.read(&mut buffer) {
        out.write_all(&buffer[..n])?;
        out.flush()?;
    }
    execute!(out, EnableLineWrap)
}

fn asks_to_leave(event: io::Result<Event>) -> bool {
    match event {
        Ok(Event::Key(key)) => {
            let ctrl = key.modifiers.contains(KeyModifiers::CONTROL);
            match key.code {
                KeyCode::Char('q') | KeyCode::Esc => true,
                KeyCode::Char('c') => ctrl,
                _ => false,
            }
        }
        Ok(_) => false,
        Err(_) => true,
    }
}
