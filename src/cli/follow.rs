//! `pentimento follow`: watch another workbench of this user.

use super::CliError;
use crate::session::FileError;
use crate::session::folders;
use crate::tui::terminal;
use std::fs;
use std::io::{self, IsTerminal};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// The socket, where several workbenches may be watched
    socket: Option<PathBuf>,
}

pub fn run(args: &Args) -> Result<(), CliError> {
    if !(io::stdin().is_terminal() && io::stdout().is_terminal()) {
        return Err(CliError::NoTerminal);
    }
    let stream = match &args.socket {
        Some(path) => UnixStream::connect(path).map_err(FileError::io(path))?,
        None => only()?,
    };
    terminal::watch(stream).map_err(CliError::Terminal)
}

/// The one workbench that may be watched. A socket that nobody listens at any
/// more was left by one that was killed: it goes.
fn only() -> Result<UnixStream, CliError> {
    let mut open = Vec::new();
    let folder = folders::followed();
    let entries = folder.and_then(|folder| fs::read_dir(folder).ok());
    for path in entries.into_iter().flatten().flatten().map(|e| e.path()) {
        match UnixStream::connect(&path) {
            Ok(stream) => open.push((path, stream)),
            Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
                let _ = fs::remove_file(&path);
            }
            Err(_) => {}
        }
    }
    match open.len() {
        0 => Err(CliError::Failed(
            "no workbench can be watched: start one with `pentimento --follow`".into(),
        )),
        1 => Ok(open.remove(0).1),
        _ => {
            let paths: Vec<String> = open
                .iter()
                .map(|(path, _)| path.display().to_string())
                .collect();
            let words = format!(
                "several workbenches can be watched; name one of\n  {}",
                paths.join("\n  ")
            );
            Err(CliError::Failed(words))
        }
    }
}
