//! One file, from wherever an earlier attempt stopped.

use super::error::{HubError, Result};
use super::http::{Ask, Client, header};
use crossbeam_channel::{Receiver, RecvTimeoutError, bounded};
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// A connection that brings nothing for this long is given up.
const STALLED: Duration = Duration::from_secs(30);
/// Attempts in a row that bring nothing new.
const ATTEMPTS: usize = 4;

/// A file of the hub.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Remote {
    /// As the repository names it.
    pub file: String,
    pub url: String,
    pub size: u64,
    /// What its content is called, in the cache and by the hub.
    pub name: String,
}

/// Brings `remote` into `path`, which holds what has come so far and is locked
/// meanwhile. `report` is told how many bytes are there.
pub(super) fn download(
    client: &Client,
    model: &str,
    remote: &Remote,
    path: &Path,
    report: &mut dyn FnMut(u64),
) -> Result<()> {
    let failed = |source| HubError::Write {
        path: path.to_owned(),
        source,
    };
    let mut file = (OpenOptions::new()
        .create(true)
        .append(false)
        .read(true)
        .write(true))
    .truncate(false)
    .open(path)
    .map_err(failed)?;
    match file.try_lock() {
        Err(TryLockError::WouldBlock) => {
            let file = remote.file.clone();
            return Err(HubError::Busy { file });
        }
        // A file system without locks: then there is none to respect.
        Err(TryLockError::Error(_)) | Ok(()) => {}
    }
    let mut idle = 0;
    loop {
        let mut have = file.seek(SeekFrom::End(0)).map_err(failed)?;
        if have > remote.size {
            file.set_len(0).map_err(failed)?;
            have = file.seek(SeekFrom::Start(0)).map_err(failed)?;
        }
        report(have);
        if have == remote.size {
            return file.sync_all().map_err(failed);
        }
        let reason = match pass(client, model, remote, &mut file, have, report) {
            Ok(()) => "it ended early".to_owned(),
            Err(Stop::Cut(reason)) => reason,
            Err(Stop::Disk(source)) => return Err(failed(source)),
            Err(Stop::Told(error)) => return Err(error),
        };
        let now = file.metadata().map_err(failed)?.len();
        idle = if now > have { 0 } else { idle + 1 };
        if idle == ATTEMPTS {
            return Err(HubError::Cut {
                file: remote.file.clone(),
                done: now,
                total: remote.size,
                reason,
            });
        }
        client.sleep(Duration::from_millis(200 << idle))?;
    }
}

/// Why a pass ended before the file did.
enum Stop {
    /// The connection; worth another try.
    Cut(String),
    Disk(std::io::Error),
    Told(HubError),
}

/// One connection: asks for what lies behind the first `have` bytes.
fn pass(
    client: &Client,
    model: &str,
    remote: &Remote,
    file: &mut File,
    have: u64,
    report: &mut dyn FnMut(u64),
) -> Result<(), Stop> {
    let answer = client
        .ask(Ask::Get { from: have }, &remote.url, model, &remote.file)
        .map_err(Stop::Told)?;
    let starts = || {
        header(&answer, "content-range")?
            .strip_prefix("bytes ")?
            .split('-')
            .next()?
            .parse()
            .ok()
    };
    let mut done = match answer.status().as_u16() {
        206 if starts() == Some(have) => have,
        // Whoever does not know ranges sends all of it again.
        200 => 0,
        status => {
            file.set_len(0).map_err(Stop::Disk)?;
            return Err(Stop::Cut(format!("the hub answered {status} to a range")));
        }
    };
    file.set_len(done).map_err(Stop::Disk)?;
    file.seek(SeekFrom::Start(done)).map_err(Stop::Disk)?;
    let chunks = read_aside(answer.into_body().into_reader());
    let mut last = Instant::now();
    loop {
        client.cancelled().map_err(Stop::Told)?;
        match chunks.recv_timeout(Duration::from_millis(50)) {
            Ok(Ok(chunk)) => {
                file.write_all(&chunk).map_err(Stop::Disk)?;
                done += chunk.len() as u64;
                last = Instant::now();
                report(done.min(remote.size));
                if done > remote.size {
                    return Ok(());
                }
            }
            Ok(Err(error)) => return Err(Stop::Cut(error.to_string())),
            Err(RecvTimeoutError::Disconnected) => return Ok(()),
            Err(RecvTimeoutError::Timeout) if last.elapsed() > STALLED => {
                return Err(Stop::Cut("nothing came for half a minute".into()));
            }
            Err(RecvTimeoutError::Timeout) => {}
        }
    }
}

/// Reads on a thread of its own, so that a silent connection can be left. The
/// thread ends with the connection, or when nobody takes what it brings.
fn read_aside(mut body: impl Read + Send + 'static) -> Receiver<std::io::Result<Vec<u8>>> {
    let (send, chunks) = bounded(8);
    std::thread::spawn(move || {
        loop {
            let mut chunk = vec![0; 1 << 18];
            let read = match body.read(&mut chunk) {
                Ok(0) => return,
                Ok(n) => {
                    chunk.truncate(n);
                    Ok(chunk)
                }
                Err(error) => Err(error),
            };
            let ends = read.is_err();
            if send.send(read).is_err() || ends {
                return;
            }
        }
    });
    chunks
}

/// The name of a file that is still arriving.
pub(super) fn incomplete(blob: &Path) -> PathBuf {
    let mut name = blob.as_os_str().to_owned();
    name.push(".incomplete");
    PathBuf::from(name)
}
