//! `pentimento man`

use super::{Cli, CliError};
use crate::session::FileError;
use clap::CommandFactory;
use clap_mangen::{Man, generate_to};
use std::io::Write;
use std::path::PathBuf;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// Write a page for each command into this folder
    #[arg(long, value_name = "FOLDER")]
    out: Option<PathBuf>,
}

pub fn run(args: &Args, out: &mut dyn Write) -> Result<(), CliError> {
    let Some(folder) = &args.out else {
        let mut page = Vec::new();
        Man::new(Cli::command()).render(&mut page)?;
        return Ok(out.write_all(&page)?);
    };
    std::fs::create_dir_all(folder)
        .and_then(|()| generate_to(Cli::command(), folder))
        .map_err(FileError::io(folder))?;
    Ok(writeln!(
        out,
        "a page for each command in {}",
        folder.display()
    )?)
}
