//! What comes from outside: keys, mouse, size and signals, each on a thread of
//! its own that does nothing but hand it on.

use crate::tui::app::Msg;
use crossbeam_channel::{Receiver, Sender, unbounded};
use ratatui::crossterm::event::{self, Event};
use signal_hook::consts::{SIGCONT, SIGHUP, SIGINT, SIGTERM, SIGTSTP};
use signal_hook::iterator::Signals;
use std::io;
use std::thread;

#[derive(Clone, Debug)]
pub enum Input {
    Msg(Msg),
    /// SIGTERM, SIGHUP, or SIGINT from outside.
    Leave,
    /// SIGTSTP: stop, as ctrl-z does.
    Stop,
    /// SIGCONT: running again.
    Continued,
    /// The terminal cannot be read any more.
    Gone,
    /// Somebody watches: a frame is wanted.
    Joined,
}

/// Starts listening; both threads end with the process. Others may send, too.
pub fn listen() -> io::Result<(Sender<Input>, Receiver<Input>)> {
    let (inputs, received) = unbounded();
    let mut signals = Signals::new([SIGTERM, SIGHUP, SIGINT, SIGTSTP, SIGCONT])?;
    let to = inputs.clone();
    thread::Builder::new()
        .name("signals".into())
        .spawn(move || {
            for signal in signals.forever() {
                let input = match signal {
                    SIGTSTP => Input::Stop,
                    SIGCONT => Input::Continued,
                    _ => Input::Leave,
                };
                if to.send(input).is_err() {
                    return;
                }
            }
        })?;
    thread::Builder::new().name("keys".into()).spawn({
        let inputs = inputs.clone();
        move || read(&inputs)
    })?;
    Ok((inputs, received))
}

fn read(inputs: &Sender<Input>) {
    loop {
        let input = match event::read() {
            Ok(Event::Key(key)) => Input::Msg(Msg::Key(key)),
            Ok(Event::Mouse(mouse)) => Input::Msg(Msg::Mouse(mouse)),
            Ok(Event::Paste(text)) => Input::Msg(Msg::Paste(text)),
            Ok(Event::Resize(width, height)) => Input::Msg(Msg::Resize(width, height)),
            Ok(Event::FocusGained | Event::FocusLost) => continue,
            Err(_) => Input::Gone,
        };
        let gone = matches!(input, Input::Gone);
        if inputs.send(input).is_err() || gone {
            return;
        }
    }
}
