//! `pentimento session export`: edits to use elsewhere.

use super::client::Client;
use super::error::CliError;
use super::{Context, open};
use crate::session::export::{Form, export};
use clap::builder::{PossibleValuesParser, TypedValueParser};
use std::io::Write;
use std::path::PathBuf;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// The session's file
    session: PathBuf,
    /// peft, gguf (LoRA adapters), merged (the whole model), gguf-model, gguf-model-f32 (the whole
    /// GGUF file, edited matrices in F16 or F32), or delta (the bare factors)
    #[arg(long = "as", value_name = "FORM", value_parser = form(), hide_possible_values = true)]
    form: Form,
    /// Where to write it: a folder for peft and merged, a file for the others
    #[arg(short, long, value_name = "PATH")]
    out: PathBuf,
}

fn form() -> impl TypedValueParser<Value = Form> {
    PossibleValuesParser::new(Form::ALL.map(Form::name)).map(|name| {
        let mut all = Form::ALL.into_iter();
        all.find(|form| form.name() == name).unwrap_or(Form::Delta)
    })
}

pub fn run(args: &Args, context: &Context, out: &mut dyn Write) -> Result<(), CliError> {
    let client = Client::start(context)?;
    // The model is opened: it must be the session's, and what has no factors is
    // made again.
    let (_, session, factors) = open::restore(&client, &context.open, Some(&args.session))?;
    let source = context.open.spec(Some(&session.model))?.source;
    export(&session, &factors, &source, args.form, &args.out)
        .map_err(|e| CliError::Failed(e.to_string()))?;
    let on = session
        .edits
        .iter()
        .filter(|edit| edit.on && edit.alpha != 0.0)
        .count();
    let (form, path) = (args.form.name(), args.out.display());
    Ok(writeln!(out, "{on} edits as {form} in {path}")?)
}
