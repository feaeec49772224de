//! Files that were damaged on purpose, in every way a byte can be: whatever reads
//! them says what is wrong or reads them, without a panic, soon, and without
//! taking much more memory than the file has bytes.
//!
//! A few hundred a kind in the suite; `MUTATIONS=20000` is what the README
//! tells of.

#[path = "common/readers.rs"]
mod readers;

use pentimento::session::text::shown_lines;
use readers::Reader;
use std::alloc::{GlobalAlloc, Layout, System};
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

/// Damages a whole file over and over and has it read; how many were refused.
fn try_all(reader: &Reader) -> usize {
    let Reader {
        name,
        whole,
        beside,
        within,
        read,
    } = reader;
    let tries = std::env::var("MUTATIONS").ok();
    let tries: usize = tries.and_then(|n| n.parse().ok()).unwrap_or(300);
    let mut dice = Dice(0x5eed ^ name.len() as u64);
    // What is set up once (folders, pools) is not the file's.
    read(whole);
    let (mut refused, mut longest, mut largest) = (0, Duration::ZERO, 0.0f64);
    for n in 0..tries {
        let bytes = damaged(whole, *within, &mut dice);
        let (before, start) = (NOW.load(Ordering::Relaxed), Instant::now());
        MOST.store(before, Ordering::Relaxed);
        let read = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| read(&bytes)));
        let Ok(error) = read else {
            panic!("{name} {n}: {:?}", String::from_utf8_lossy(&bytes));
        };
        let took = MOST.load(Ordering::Relaxed).saturating_sub(before);
        longest = longest.max(start.elapsed());
        let file = bytes.len().max(whole.len()) + beside;
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
    // READER=shards tries one of them alone.
    let one = std::env::var("READER").ok();
    let all = readers::all(folder.path()).into_iter();
    let all = all.filter(|reader| one.as_ref().is_none_or(|one| reader.name == one));
    let refused: Vec<usize> = all.map(|reader| try_all(&reader)).collect();
    assert!(
        refused.iter().all(|n| *n > 0),
        "nothing was damaged: {refused:?}"
    );
}
