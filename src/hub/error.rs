//! What can go wrong between the hub and the disk, and what to do about it.

use std::path::PathBuf;

#[derive(Debug, thiserror::Error)]
pub enum HubError {
    #[error(
        "{0:?} is no model id: the hub's have the form ORGANISATION/NAME, with :QUANTISATION after it for one of its GGUF files, and @REVISION if one is meant"
    )]
    Name(String),
    #[error(
        "{model} is not on this machine and HF_HUB_OFFLINE is set: fetch it where there is a network, or unset the variable"
    )]
    Offline { model: String },
    #[error("there is no folder for models: set HF_HOME or HF_HUB_CACHE")]
    NoCache,
    #[error(
        "{endpoint} cannot be reached: {reason}. Is there a network? A mirror can be named in HF_ENDPOINT"
    )]
    Unreachable { endpoint: String, reason: String },
    #[error(
        "the hub does not let this machine read {model} ({status}): if it is private or asks for its licence to be accepted, do so on its page and put an access token into HF_TOKEN"
    )]
    Forbidden { model: String, status: u16 },
    #[error(
        "the hub has no {what}, or does not show it to this machine: check the spelling and the revision after @; for a private one, put an access token into HF_TOKEN"
    )]
    NotFound { what: String },
    #[error("the hub asks for patience (429): try again in {wait_s} seconds{hint}")]
    TooMany { wait_s: u64, hint: &'static str },
    #[error("the hub answered {status} to {what}: try again later")]
    Status { status: u16, what: String },
    #[error(
        "the connection broke at {done} of {total} bytes of {file}: {reason}. What arrived is kept; the same command goes on from there"
    )]
    Cut {
        file: String,
        done: u64,
        total: u64,
        reason: String,
    },
    #[error(
        "{file} arrived with another {what} than the hub names ({got} for {want}): it was thrown away. Fetch it again; if it happens twice, something between here and the hub changes files"
    )]
    Damaged {
        file: String,
        what: &'static str,
        got: String,
        want: String,
    },
    #[error(
        "{model} has no safetensors or GGUF weights (its files: {files}): convert it with transformers' save_pretrained, or ask its authors for them"
    )]
    NoSafetensors { model: String, files: String },
    #[error("{repo} has no GGUF {tag}. It has {has}: name one of these after the colon")]
    NoQuantisation {
        repo: String,
        tag: String,
        has: String,
    },
    #[error("{name} is not on this machine. {hint}`pentimento model list` names what is")]
    NotKept { name: String, hint: String },
    #[error("{name} cannot be opened: {reason}")]
    NotOpened { name: String, reason: String },
    #[error("the hub's answer about {what} makes no sense: {reason}")]
    Nonsense { what: String, reason: String },
    #[error("cannot write {path}: {source}. What is there is kept; make room and fetch again")]
    Write {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    #[error("another program is fetching {file} at this moment: wait for it, or end it")]
    Busy { file: String },
    #[error("cancelled")]
    Cancelled,
}

pub type Result<T, E = HubError> = std::result::Result<T, E>;
