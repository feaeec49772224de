//! A hub of one model on the loopback: listings, ETags, redirects of large
//! files to another host (another port here), ranges; and faults on request.

use sha1::Sha1;
use sha2::{Digest, Sha256};
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

pub const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";

#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Fault {
    #[default]
    None,
    /// The first answer with content longer than this ends there.
    CutAfter(usize),
    /// No content ever goes beyond this byte.
    AlwaysCutAt(usize),
    /// Content stops there and the connection stays open.
    Stall(usize),
    /// A bit of every large content is wrong.
    Flip,
    /// This status for so many questions.
    Status(u16, usize),
}

/// A small model's files, the weights in two shards.
pub fn files() -> Vec<(&'static str, Vec<u8>)> {
    let bytes = |n: usize, seed: usize| (0..n).map(|i| (i * 31 + seed) as u8).collect();
    let index = br#"{"weight_map": {"a": "model-1.safetensors", "b": "model-2.safetensors"}}"#;
    vec![
        ("config.json", b"{\"model_type\": \"gpt2\"}".to_vec()),
        ("tokenizer.json", bytes(3000, 5)),
        ("model.safetensors.index.json", index.to_vec()),
        ("model-1.safetensors", bytes(200_000, 1)),
        ("model-2.safetensors", bytes(90_000, 2)),
    ]
}

/// A repository of GGUF files: two quantisations, one in shards, a projector.
pub fn ggufs() -> Vec<(&'static str, Vec<u8>)> {
    let bytes = |n: usize, seed: usize| (0..n).map(|i| (i * 37 + seed) as u8).collect();
    vec![
        ("big/tiny F16-00001-of-00002.gguf", bytes(120_000, 3)),
        ("big/tiny F16-00002-of-00002.gguf", bytes(80_000, 4)),
        ("mmproj-tiny-Q4_K_M.gguf", bytes(60_000, 5)),
        ("tiny-Q4_K_M.gguf", bytes(90_000, 6)),
        ("tiny-Q8_0.gguf", bytes(150_000, 7)),
    ]
}

/// Whatever the server has.
fn file(name: &str) -> Option<(&'static str, Vec<u8>)> {
    let name = name.replace("%20", " ");
    files().into_iter().chain(ggufs()).find(|(n, _)| *n == name)
}

#[derive(Default)]
struct Shared {
    fault: Fault,
    no_ranges: bool,
    only_pickles: bool,
    only_ggufs: bool,
    at_hub: Vec<String>,
    elsewhere: Vec<String>,
    ranges: Vec<usize>,
    contents: usize,
}

pub struct Server {
    hub: u16,
    shared: Arc<Mutex<Shared>>,
}

impl Server {
    pub fn start() -> Server {
        let shared = Arc::new(Mutex::new(Shared::default()));
        let store = listen(Arc::clone(&shared), content);
        let hub = listen(Arc::clone(&shared), move |stream, shared| {
            hub(stream, shared, store);
        });
        Server { hub, shared }
    }

    pub fn address(&self) -> String {
        format!("http://127.0.0.1:{}", self.hub)
    }

    pub fn fault(&self, fault: Fault) {
        self.shared.lock().unwrap().fault = fault;
    }

    pub fn no_ranges(&self) {
        self.shared.lock().unwrap().no_ranges = true;
    }

    pub fn only_pickles(&self) {
        self.shared.lock().unwrap().only_pickles = true;
    }

    pub fn only_ggufs(&self) {
        self.shared.lock().unwrap().only_ggufs = true;
    }

    /// First bytes that were asked for, other than the very first.
    pub fn ranges(&self) -> Vec<usize> {
        self.shared.lock().unwrap().ranges.clone()
    }

    /// How many contents were sent.
    pub fn contents(&self) -> usize {
        self.shared.lock().unwrap().contents
    }

    pub fn heard_at_hub(&self, word: &str) -> bool {
        self.shared
            .lock()
            .unwrap()
            .at_hub
            .iter()
            .any(|r| r.contains(word))
    }

    pub fn heard_elsewhere(&self, word: &str) -> bool {
        let shared = self.shared.lock().unwrap();
        assert!(!shared.elsewhere.is_empty(), "large files lie elsewhere");
        shared.elsewhere.iter().any(|r| r.contains(word))
    }
}

fn listen(
    shared: Arc<Mutex<Shared>>,
    answer: impl Fn(TcpStream, &Mutex<Shared>) + Send + Sync + 'static,
) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let answer = Arc::new(answer);
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let (answer, shared) = (Arc::clone(&answer), Arc::clone(&shared));
            std::thread::spawn(move || answer(stream, &shared));
        }
    });
    port
}

/// Reads a request's head.
fn request(stream: &TcpStream) -> Option<String> {
    let mut head = String::new();
    let mut lines = BufReader::new(stream);
    loop {
        let mut line = String::new();
        if lines.read_line(&mut line).ok()? == 0 {
            return None;
        }
        if line == "\r\n" {
            return Some(head);
        }
        head.push_str(&line);
    }
}

fn path(head: &str) -> String {
    head.split(' ').nth(1).unwrap_or_default().to_owned()
}

/// Listings, and what is known of each file; small files themselves.
fn hub(mut stream: TcpStream, shared: &Mutex<Shared>, store: u16) {
    let Some(head) = request(&stream) else { return };
    let mut state = shared.lock().unwrap();
    state.at_hub.push(head.clone());
    if let Fault::Status(status, left) = state.fault {
        if left > 0 {
            state.fault = Fault::Status(status, left - 1);
            let _ = write!(
                stream,
                "HTTP/1.1 {status} No\r\nretry-after: 0\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
            );
            return;
        }
        state.fault = Fault::None;
    }
    let (pickles, only_ggufs) = (state.only_pickles, state.only_ggufs);
    drop(state);
    let path = path(&head);
    let (address, sizes) = match path.strip_suffix("?blobs=true") {
        Some(address) => (address, true),
        None => (path.as_str(), false),
    };
    if address == "/api/models/org/tiny/revision/main" {
        let files = if only_ggufs { ggufs() } else { files() };
        let mut names: Vec<&str> = files.iter().map(|(name, _)| *name).collect();
        if pickles {
            names.retain(|name| !name.contains("safetensors"));
            names.push("pytorch_model.bin");
        }
        names.push("README.md");
        let siblings: Vec<_> = names
            .iter()
            .map(|n| match file(n).filter(|_| sizes) {
                Some((_, content)) => serde_json::json!({"rfilename": n, "size": content.len()}),
                None => serde_json::json!({"rfilename": n}),
            })
            .collect();
        let body = serde_json::json!({"sha": COMMIT, "siblings": siblings}).to_string();
        let _ = write!(
            stream,
            "HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
            body.len()
        );
        return;
    }
    let prefix = format!("/org/tiny/resolve/{COMMIT}/");
    let file = path.strip_prefix(&prefix).and_then(file);
    let Some((name, body)) = file else {
        let _ = write!(
            stream,
            "HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
        );
        return;
    };
    if body.len() > 50_000 {
        let hash = hex(&Sha256::digest(&body));
        let _ = write!(
            stream,
            "HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:{store}/store/{}?signed=1\r\n\
             x-linked-etag: \"{hash}\"\r\nx-linked-size: {}\r\nx-repo-commit: {COMMIT}\r\n\
             content-length: 0\r\nconnection: close\r\n\r\n",
            name.replace(' ', "%20"),
            body.len()
        );
        return;
    }
    let git = Sha1::new()
        .chain_update(format!("blob {}\0", body.len()))
        .chain_update(&body);
    let etag = hex(&git.finalize());
    let _ = write!(
        stream,
        "HTTP/1.1 200 OK\r\netag: \"{etag}\"\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
        body.len()
    );
    if !head.starts_with("HEAD") {
        shared.lock().unwrap().contents += 1;
        let _ = stream.write_all(&body);
    }
}

/// The other host: content alone, with ranges and faults.
fn content(mut stream: TcpStream, shared: &Mutex<Shared>) {
    let Some(head) = request(&stream) else { return };
    let mut state = shared.lock().unwrap();
    state.elsewhere.push(head.clone());
    state.contents += 1;
    let path = path(&head);
    let name = path
        .trim_start_matches("/store/")
        .split('?')
        .next()
        .unwrap();
    let mut body = file(name).unwrap().1;
    let whole = body.len();
    let asked = head.to_lowercase();
    let from: usize = asked
        .split_once("range: bytes=")
        .and_then(|(_, rest)| rest.split('-').next()?.parse().ok())
        .unwrap_or(0);
    if from > 0 {
        state.ranges.push(from);
    }
    if state.fault == Fault::Flip {
        body[70_000] ^= 1;
    }
    let from = if state.no_ranges { 0 } else { from };
    let end = match state.fault {
        Fault::CutAfter(n) if whole - from > n => {
            state.fault = Fault::None;
            from + n
        }
        Fault::AlwaysCutAt(n) | Fault::Stall(n) => n.clamp(from, whole),
        _ => whole,
    };
    let stalls = matches!(state.fault, Fault::Stall(_));
    drop(state);
    let status = match from {
        0 => "200 OK".to_owned(),
        _ => format!(
            "206 Partial Content\r\ncontent-range: bytes {from}-{}/{whole}",
            whole - 1
        ),
    };
    let _ = write!(
        stream,
        "HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
        whole - from
    );
    let _ = stream.write_all(&body[from..end]);
    let _ = stream.flush();
    if stalls {
        std::thread::sleep(Duration::from_secs(5));
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}
