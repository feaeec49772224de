//! A whole model: which files it needs, each fetched, checked and put where
//! every tool of the hub looks for it.

use super::cache::{self, Repo, Snapshot, is_commit};
use super::check::{check, name_of};
use super::download::{Remote, download, incomplete};
use super::error::{HubError, Result};
use super::gguf;
use super::http::{Ask, Client, header};
use super::name::ModelId;
use super::settings::Settings;
use serde::Deserialize;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

/// How far a fetch is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Progress {
    /// The file that is arriving.
    pub file: String,
    /// Bytes of all files together. The shards of an index join `total` when
    /// it has arrived.
    pub done: u64,
    pub total: u64,
}

const WEIGHTS: &str = "model.safetensors";
const INDEX: &str = "model.safetensors.index.json";
/// A listing is small; more than this is none.
const LISTING: u64 = 32 << 20;
/// Quantisations that a refusal names.
const MOST_NAMED: usize = 40;

/// Brings a model up to date: asks the hub which commit its revision is, and
/// fetches what the cache lacks of it. Nothing counts as a model before it is
/// whole and checked; what a broken fetch leaves, the next one goes on from.
pub fn fetch(
    settings: &Settings,
    id: &ModelId,
    report: &mut dyn FnMut(&Progress),
    cancel: &AtomicBool,
) -> Result<Snapshot> {
    let repo = Repo::of(settings, id).ok_or(HubError::NoCache)?;
    if settings.offline {
        let found = cache::find(settings, id);
        return found.ok_or_else(|| HubError::Offline {
            model: id.to_string(),
        });
    }
    let client = Client::new(settings, cancel);
    let listing = listing(&client, settings, id, "")?;
    let fetch = Fetch {
        client: &client,
        settings,
        id,
        folder: repo.snapshot(&listing.sha),
        commit: &listing.sha,
        repo: &repo,
    };
    let names: Vec<&str> = listing
        .siblings
        .iter()
        .map(|s| s.rfilename.as_str())
        .collect();
    let first = match id.gguf.is_some() || !names.iter().any(|n| [WEIGHTS, INDEX].contains(n)) {
        true => gguf::choose(&names, id.gguf.as_deref()),
        false => None,
    };
    let wanted = match (first, &id.gguf) {
        (Some(first), _) => gguf_parts(id, &names, first)?,
        (None, Some(tag)) => return Err(missing(&client, settings, id, tag)?),
        (None, None) => wanted(id, &names)?,
    };
    let mut files = fetch.remotes(&wanted)?;
    let mut progress = Progress {
        file: String::new(),
        done: 0,
        total: files.iter().map(|f| f.size).sum(),
    };
    let mut next = 0;
    while let Some(remote) = files.get(next).cloned() {
        progress.file = remote.file.clone();
        let before = progress.done;
        fetch.one(&remote, &mut |bytes| {
            progress.done = before + bytes;
            report(&progress);
        })?;
        if remote.file == INDEX {
            let shards = fetch.remotes(&fetch.shards()?)?;
            progress.total += shards.iter().map(|f| f.size).sum::<u64>();
            files.extend(shards);
        }
        next += 1;
    }
    if !is_commit(id.revision()) {
        put(&repo.reference(id.revision()), |path| {
            fs::write(path, &listing.sha)
        })?;
    }
    Ok(Snapshot {
        gguf: first.map(|first| fetch.folder.join(first)),
        folder: fetch.folder.clone(),
        commit: listing.sha,
    })
}

/// The files of the GGUF that begins with `first`.
fn gguf_parts(id: &ModelId, names: &[&str], first: &str) -> Result<Vec<String>> {
    let nonsense = |reason| HubError::Nonsense {
        what: id.to_string(),
        reason,
    };
    let parts = gguf::parts(names, first);
    let parts = parts.map_err(|has| nonsense(format!("the repository has {has} of {first}")))?;
    match parts.iter().find(|part| !gguf::is_plain(part)) {
        Some(part) => Err(nonsense(format!("{part:?} cannot be a file's name"))),
        None => Ok(parts),
    }
}

/// The refusal of a GGUF that the repository lacks: names those it has, with
/// their sizes.
fn missing(client: &Client, settings: &Settings, id: &ModelId, tag: &str) -> Result<HubError> {
    // Sizes are in the long listing alone.
    let listing = listing(client, settings, id, "?blobs=true")?;
    let names: Vec<&str> = listing
        .siblings
        .iter()
        .map(|s| s.rfilename.as_str())
        .collect();
    let size = |name: &String| {
        let file = listing.siblings.iter().find(|s| s.rfilename == *name);
        file.and_then(|s| s.size)
    };
    let has = gguf::variants(&names).into_iter().map(|(tag, first)| {
        let parts = gguf::parts(&names, first).unwrap_or_default();
        match parts.iter().map(size).sum::<Option<u64>>() {
            Some(bytes) if bytes > 0 => format!("{tag} ({})", in_words(bytes)),
            _ => tag,
        }
    });
    let has: Vec<String> = has.take(MOST_NAMED).collect();
    Ok(HubError::NoQuantisation {
        repo: id.repo.clone(),
        tag: tag.to_owned(),
        has: match has.is_empty() {
            true => "no GGUF at all".into(),
            false => has.join(", "),
        },
    })
}

/// As the hub's site writes sizes.
fn in_words(bytes: u64) -> String {
    match bytes {
        0..1_000_000 => format!("{} kB", bytes.div_ceil(1000)),
        1_000_000..1_000_000_000 => format!("{:.0} MB", bytes as f64 / 1e6),
        _ => format!("{:.1} GB", bytes as f64 / 1e9),
    }
}

/// What the hub says of a revision.
#[derive(Deserialize)]
struct Listing {
    sha: String,
    siblings: Vec<Sibling>,
}

#[derive(Deserialize)]
struct Sibling {
    rfilename: String,
    size: Option<u64>,
}

fn listing(client: &Client, settings: &Settings, id: &ModelId, query: &str) -> Result<Listing> {
    let revision = id.revision().replace('/', "%2F");
    let url = format!(
        "{}/api/models/{}/revision/{revision}{query}",
        settings.endpoint, id.repo
    );
    let model = id.to_string();
    let answer = client.ask(
        Ask::Get { from: 0 },
        &url,
        &model,
        &format!("model {model}"),
    )?;
    let nonsense = |reason: String| HubError::Nonsense {
        what: model.clone(),
        reason,
    };
    let mut body = answer.into_body();
    let text = body.with_config().limit(LISTING).read_to_vec();
    let listing: Listing = serde_json::from_slice(&text.map_err(|e| nonsense(e.to_string()))?)
        .map_err(|e| nonsense(e.to_string()))?;
    match is_commit(&listing.sha) {
        true => Ok(listing),
        false => Err(nonsense("it names no commit".into())),
    }
}

/// The files that a model is opened from, small ones first.
fn wanted(id: &ModelId, names: &[&str]) -> Result<Vec<String>> {
    let has = |name: &str| names.contains(&name);
    let mut files = vec!["config.json"];
    match has("tokenizer.json") {
        true => files.push("tokenizer.json"),
        false => files.extend(["vocab.json", "merges.txt"]),
    }
    if has(WEIGHTS) {
        files.push(WEIGHTS);
    } else if has(INDEX) {
        files.push(INDEX);
    } else {
        let weights = names
            .iter()
            .filter(|n| n.ends_with(".bin") || n.ends_with(".pt"));
        let named: Vec<&str> = weights.take(3).copied().collect();
        return Err(HubError::NoSafetensors {
            model: id.to_string(),
            files: match named.is_empty() {
                true => "no weights at all".into(),
                false => named.join(", "),
            },
        });
    }
    Ok(files.into_iter().map(str::to_owned).collect())
}

struct Fetch<'a> {
    client: &'a Client<'a>,
    settings: &'a Settings,
    id: &'a ModelId,
    commit: &'a str,
    /// The snapshot.
    folder: PathBuf,
    repo: &'a Repo,
}

impl Fetch<'_> {
    /// Asks for size and hash of each file.
    fn remotes(&self, files: &[String]) -> Result<Vec<Remote>> {
        files.iter().map(|file| self.remote(file)).collect()
    }

    fn remote(&self, file: &str) -> Result<Remote> {
        let url = format!(
            "{}/{}/resolve/{}/{}",
            self.settings.endpoint,
            self.id.repo,
            self.commit,
            escaped(file)
        );
        let model = self.id.to_string();
        let what = format!("{file} of {model}");
        let answer = self.client.ask(Ask::Head, &url, &model, &what)?;
        let either = |a: &str, b: &str| {
            let value = header(&answer, a).or_else(|| header(&answer, b));
            value.map(str::to_owned)
        };
        let nonsense = |reason: &str| HubError::Nonsense {
            what: what.clone(),
            reason: reason.into(),
        };
        let name = either("x-linked-etag", "etag").as_deref().and_then(name_of);
        let size = either("x-linked-size", "content-length").and_then(|s| s.trim().parse().ok());
        Ok(Remote {
            file: file.to_owned(),
            url,
            size: size.ok_or_else(|| nonsense("it has no size"))?,
            name: name.ok_or_else(|| nonsense("it has no usable ETag"))?,
        })
    }

    /// One file: into `blobs` under its hash, and a link to it in the snapshot.
    fn one(&self, remote: &Remote, report: &mut dyn FnMut(u64)) -> Result<()> {
        let blob = self.repo.blob(&remote.name);
        let there = fs::metadata(&blob).is_ok_and(|m| m.len() == remote.size);
        if !there {
            let arriving = incomplete(&blob);
            folder_of(&arriving)?;
            download(self.client, &self.id.to_string(), remote, &arriving, report)?;
            if let Err(error) = check(&arriving, &remote.file, &remote.name, remote.size) {
                if let HubError::Damaged { .. } = error {
                    let _ = fs::remove_file(&arriving);
                }
                return Err(error);
            }
            fs::rename(&arriving, &blob).map_err(|source| HubError::Write {
                path: blob.clone(),
                source,
            })?;
        }
        report(remote.size);
        let up = "../".repeat(remote.file.matches('/').count());
        let to = Path::new(&up).join("../../blobs").join(&remote.name);
        put(&self.folder.join(&remote.file), |path| {
            link(&to, &blob, path)
        })
    }

    /// The weight files that the index in the snapshot names.
    fn shards(&self) -> Result<Vec<String>> {
        let path = self.folder.join(INDEX);
        let bytes = fs::read(&path).map_err(|source| HubError::Write { path, source })?;
        cache::shards(&bytes).map_err(|reason| HubError::Nonsense {
            what: INDEX.into(),
            reason,
        })
    }
}

/// A path as it stands in a URL.
fn escaped(path: &str) -> String {
    let mut url = String::with_capacity(path.len());
    for byte in path.bytes() {
        match byte.is_ascii_alphanumeric() || b"-_./".contains(&byte) {
            true => url.push(char::from(byte)),
            false => url += &format!("%{byte:02X}"),
        }
    }
    url
}

#[cfg(unix)]
fn link(to: &Path, _blob: &Path, at: &Path) -> std::io::Result<()> {
    std::os::unix::fs::symlink(to, at)
}

#[cfg(not(unix))]
fn link(_to: &Path, blob: &Path, at: &Path) -> std::io::Result<()> {
    fs::copy(blob, at).map(|_| ())
}

/// Makes a file beside its place and moves it there.
fn put(path: &Path, make: impl FnOnce(&Path) -> std::io::Result<()>) -> Result<()> {
    folder_of(path)?;
    let mut beside = path.as_os_str().to_owned();
    beside.push(format!(".{}", std::process::id()));
    let beside = PathBuf::from(beside);
    let _ = fs::remove_file(&beside);
    let made = make(&beside).and_then(|()| fs::rename(&beside, path));
    made.map_err(|source| HubError::Write {
        path: path.to_owned(),
        source,
    })
}

fn folder_of(path: &Path) -> Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder).map_err(|source| HubError::Write {
        path: folder.to_owned(),
        source,
    })
}
