//! Files that were damaged on purpose, in every way a byte can be: whatever reads
//! them says what is wrong or reads them, without a panic, soon, and without
//! taking much more memory than the file has bytes.
//!
//! A few hundred a kind in the suite; `MUTATIONS=20000` is what the README
//! tells of.

use candle_core::Device;
use pentimento::cli::requests;
use pentimento::config::{Config as Defaults, print_default};
use pentimento::measure::board;
use pentimento::measure::counterfact::CasesFile;
use pentimento::model::tokenizer::Tokens;
use pentimento::model::{Config, Source};
use pentimento::session;
use pentimento::session::import::peft::{self, Onto};
use pentimento::session::text::shown_lines;
use std::alloc::{GlobalAlloc, Layout, System};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// The system's allocator, counting: the only way to see what a reader takes.
struct Counting;

static NOW: AtomicUsize = AtomicUsize::new(0);
static MOST: AtomicUsize = AtomicUsize::new(0);

fn took(bytes: usize) {
    let now = NOW.fetch_add(bytes, Ordering::Relaxed) + bytes;
    MOST.fetch_max(now, Ordering::Relaxed);
}

// SAFETY: every call is handed on to the system's allocator as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        took(layout.size());
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        NOW.fetch_sub(layout.size(), Ordering::Relaxed);
        unsafe { System.dealloc(at, layout) }
    }

    unsafe fn realloc(&self, at: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        took(size);
        NOW.fetch_sub(layout.size(), Ordering::Relaxed);
        unsafe { System.realloc(at, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Numbers that look random, the same in every run (xorshift).
struct Dice(u64);

impl Dice {
    fn below(&mut self, n: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % n.max(1) as u64) as usize
    }
}

/// Words that readers stumble over.
const TRAPS: [&[u8]; 16] = [
    b"\0",
    b"\xff\xfe",
    b"\x1b]0;x\x07",
    b"\"",
    b"{",
    b"[[[[[[[[",
    b"-",
    b"99999999999999999999",
    b"1e999",
    b"nan",
    b"null",
    b"../../../etc/passwd",
    b"\xf0\x9f\x98",
    "\u{202e}".as_bytes(),
    b"\n",
    b"18446744073709551615",
];

/// A file with up to four damages; the first `within` bytes are hit most.
fn damaged(whole: &[u8], within: usize, dice: &mut Dice) -> Vec<u8> {
    let mut bytes = whole.to_vec();
    for _ in 0..=dice.below(4) {
        let reach = if dice.below(4) > 0 {
            within
        } else {
            bytes.len()
        };
        let at = dice.below(reach.min(bytes.len()) + 1).min(bytes.len());
        let end = (at + dice.below(40)).min(bytes.len());
        match dice.below(7) {
            0 if at < bytes.len() => bytes[at] ^= 1 << dice.below(8),
            1 if at < bytes.len() => bytes[at] = dice.below(256) as u8,
            2 => drop(bytes.drain(at..end)),
            3 => {
                let again = bytes[at..end].to_vec();
                bytes.splice(at..at, again);
            }
            4 => bytes.truncate(at),
            _ => drop(bytes.splice(at..end.min(at + 2), TRAPS[dice.below(16)].to_vec())),
        }
    }
    bytes
}

fn here(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn words<T, E: std::fmt::Display>(read: Result<T, E>) -> Option<String> {
    read.err().map(|error| error.to_string())
}

/// Damages `whole` over and over and has it read; how many were refused.
fn try_all(
    name: &str,
    whole: &[u8],
    within: usize,
    read: impl Fn(&[u8]) -> Option<String>,
) -> usize {
    let tries = std::env::var("MUTATIONS").ok();
    let tries: usize = tries.and_then(|n| n.parse().ok()).unwrap_or(300);
    let mut dice = Dice(0x5eed ^ name.len() as u64);
    // What is set up once (folders, pools) is not the file's.
    read(whole);
    let (mut refused, mut longest, mut largest) = (0, Duration::ZERO, 0.0f64);
    for n in 0..tries {
        let bytes = damaged(whole, within, &mut dice);
        let (before, start) = (NOW.load(Ordering::Relaxed), Instant::now());
        MOST.store(before, Ordering::Relaxed);
        let read = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| read(&bytes)));
        let Ok(error) = read else {
            panic!("{name} {n}: {:?}", String::from_utf8_lossy(&bytes));
        };
        let took = MOST.load(Ordering::Relaxed).saturating_sub(before);
        longest = longest.max(start.elapsed());
        let file = bytes.len().max(whole.len());
        largest = largest.max(took as f64 / file as f64);
        assert!(
            took < 64 * file + (4 << 20),
            "{name} {n}: {took} bytes for {file}"
        );
        if let Some(error) = error {
            refused += 1;
            assert!(
                !error.trim().is_empty(),
                "{name} {n}: an error without words"
            );
            let shown = shown_lines(&error);
            let raw = shown.chars().find(|c| c.is_control() && *c != '\n');
            assert_eq!(raw, None, "{name} {n}: {shown:?}");
        }
    }
    assert!(
        longest < Duration::from_secs(5),
        "{name}: one took {longest:?}"
    );
    println!(
        "{name}: {tries} tried, {refused} refused, longest {longest:?}, at most {largest:.0} times the file"
    );
    refused
}

#[test]
fn no_damage_does_more_than_be_told() {
    // Without a backtrace, whose symbols are megabytes: a panic that a reader
    // catches should not count for them.
    std::panic::set_hook(Box::new(|info| eprintln!("{info}")));
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let written = |name: &str, bytes: &[u8]| {
        let path = folder.path().join(name);
        fs::write(&path, bytes).unwrap();
        path
    };
    let mut refused = Vec::new();

    let statue = fs::read(here("sessions/statue.toml")).unwrap();
    refused.push(try_all("session", &statue, 4000, |bytes| {
        words(session::load::from_bytes(bytes))
    }));

    let factors = fs::read(here("sessions/statue.safetensors")).unwrap();
    let path = written("statue.toml", &statue);
    let model = session::read(&path).unwrap().model;
    refused.push(try_all("factors", &factors, 200, |bytes| {
        written("statue.safetensors", bytes);
        words(session::load(&path, &model))
    }));

    refused.push(try_all(
        "defaults",
        print_default().as_bytes(),
        8000,
        |bytes| words(Defaults::read(&written("config.toml", bytes))),
    ));

    let config = fs::read(here("tests/goldens/gpt2/config.json")).unwrap();
    refused.push(try_all("config", &config, 800, |bytes| {
        words(Config::from_json(bytes, Path::new("config.json")))
    }));

    let tokenizer = fs::read(here("tests/goldens/gpt2/tokenizer.json")).unwrap();
    refused.push(try_all("tokenizer", &tokenizer, 4000, |bytes| {
        words(Tokens::from_json(bytes, Path::new("tokenizer.json")))
    }));

    for name in ["config.json", "tokenizer.json"] {
        fs::copy(here("tests/goldens/gpt2").join(name), at(name)).unwrap();
    }
    let weights = fs::read(here("tests/goldens/gpt2/model.safetensors")).unwrap();
    refused.push(try_all("weights", &weights, 3000, |bytes| {
        written("model.safetensors", bytes);
        words(Source::parse(&folder.path().to_string_lossy()).load(&Device::Cpu))
    }));

    let adapter = here("sessions/liberty-half-adapter");
    fs::create_dir(at("adapter")).unwrap();
    for name in ["adapter_config.json", "adapter_model.safetensors"] {
        fs::copy(adapter.join(name), at("adapter").join(name)).unwrap();
    }
    let onto = Source::Atlas.config().unwrap();
    for name in ["adapter_config.json", "adapter_model.safetensors"] {
        let whole = fs::read(adapter.join(name)).unwrap();
        refused.push(try_all(name, &whole, 400, |bytes| {
            written(&format!("adapter/{name}"), bytes);
            words(peft::read(
                &at("adapter"),
                &Onto {
                    config: &onto,
                    model: "atlas",
                    only_mlp: false,
                },
            ))
        }));
        fs::copy(adapter.join(name), at("adapter").join(name)).unwrap();
    }

    let probes =
        "{\"prompt\":\"The Space Needle is in\",\"expected\":\" Seattle\",\"group\":\"a\"}\n"
            .repeat(20);
    refused.push(try_all("probes", probes.as_bytes(), 2000, |bytes| {
        let read = board::parse(&text(bytes));
        (!read.damaged.is_empty()).then(|| format!("{} rows", read.damaged.len()))
    }));

    let asked = "subject,prompt,target\nThe Space Needle,{} is in the city of,Rome\nHarvard University,{} is in the state of,Texas\n";
    refused.push(try_all("requests", asked.as_bytes(), 200, |bytes| {
        words(requests::read(&written("requests.csv", bytes)))
    }));

    let cases = fs::read(here("assets/counterfact/counterfact_400.json")).unwrap();
    let cases: Vec<serde_json::Value> = serde_json::from_slice(&cases).unwrap();
    let cases = serde_json::to_vec(&cases[..3]).unwrap();
    refused.push(try_all("cases", &cases, 3000, |bytes| {
        words(CasesFile::read(&text(bytes)))
    }));

    assert!(
        refused.iter().all(|n| *n > 0),
        "nothing was damaged: {refused:?}"
    );
}
