//! Over a slow line: what is sent, how much of it, and how soon a key is answered.

use super::terminal::{Line, Terminal};
use std::time::{Duration, Instant};

/// 20 kB a second, 150 ms each way.
const LINE: Line = Line {
    rate: 20_000.0,
    delay: Duration::from_millis(150),
};
/// What the workbench itself may take to answer.
const ANSWER: Duration = Duration::from_millis(300);

fn sent(terminal: &Terminal) -> usize {
    terminal.bytes.lock().unwrap().len()
}

/// Waits until nothing has been sent for a while.
fn quiet(terminal: &Terminal, long: Duration) {
    let (mut last, mut since) = (sent(terminal), Instant::now());
    while since.elapsed() < long {
        std::thread::sleep(Duration::from_millis(20));
        if sent(terminal) != last {
            (last, since) = (sent(terminal), Instant::now());
        }
    }
}

/// How long it takes until a key, pressed at the other end of the line, is seen.
fn answered(terminal: &mut Terminal, key: &str, seen: impl Fn(&str) -> bool) -> Duration {
    let start = Instant::now();
    std::thread::sleep(LINE.delay);
    terminal.press(key);
    terminal.wait_until(key, seen);
    std::thread::sleep(LINE.delay);
    start.elapsed() - 2 * LINE.delay
}

#[test]
fn little_is_sent_and_nothing_while_nothing_happens() {
    let mut terminal = Terminal::open(40, 120);
    terminal.wait_for("example 1 of");
    // The first notice goes after five seconds.
    quiet(&terminal, Duration::from_secs(6));
    let opening = sent(&terminal);
    std::thread::sleep(Duration::from_secs(10));
    let idle = sent(&terminal) - opening;
    let start = Instant::now();
    terminal.press("t");
    terminal.wait_until("a finished trace", |text| {
        text.contains("◆ layer") && text.contains("ready")
    });
    let (streamed, took) = (sent(&terminal) - opening, start.elapsed());
    println!("opening {opening} bytes, ten idle seconds {idle}, a trace {streamed} in {took:.1?}");
    assert_eq!(idle, 0, "something is redrawn while nothing happens");
    assert!(opening < 24_000, "{opening} bytes until it stands");
    assert!(streamed < 120_000, "{streamed} bytes for a trace");
}

/// Keys that were pressed at the far end, and what came with their answers.
#[derive(Default)]
struct Answers {
    /// Beyond what the line takes for the bytes.
    took: Vec<Duration>,
    /// From the key to its answer: frames that stood in a queue before it, too.
    bytes: Vec<usize>,
}

impl Answers {
    fn press(&mut self, terminal: &mut Terminal, key: &str, seen: impl Fn(&str) -> bool) {
        let before = sent(terminal);
        let took = answered(terminal, key, seen);
        let bytes = sent(terminal) - before;
        let line = Duration::from_secs_f64(bytes as f64 / LINE.rate);
        self.took.push(took.saturating_sub(line));
        self.bytes.push(bytes);
    }

    /// Opens the palette, writes into it, and closes it again.
    fn write(&mut self, terminal: &mut Terminal, letters: &str) {
        self.press(terminal, ":", |text| text.contains("enter runs it"));
        for (n, letter) in letters.char_indices() {
            let written = format!(": {}", &letters[..=n]);
            self.press(terminal, &letter.to_string(), |text| {
                text.contains(&written)
            });
        }
        terminal.press("\x1b");
        terminal.wait_until("no palette", |text| !text.contains("enter runs it"));
    }
}

/// The whole tour at the far end: 150 probes, a trace, an edit with its stories, its
/// scale, the session; keys are pressed all the while.
#[test]
fn a_slow_line_answers_every_key() {
    let mut terminal = Terminal::open_far(40, 120, LINE);
    terminal.wait_for("example 1 of");
    let mut answers = Answers::default();
    for (job, over) in [
        (":propose 150\r", "of 142 moved"),
        ("t", "◆ layer"),
        ("e", "parts at token"),
        ("t", "◆ layer"),
        // α moves, and with it every row of the board.
        ("[[", "α 0.8"),
    ] {
        terminal.press(job);
        for letters in ["un", "tr", "zo"] {
            answers.write(&mut terminal, letters);
        }
        terminal.wait_until(job, |text| text.contains(over) && text.contains("ready"));
    }
    assert!(
        terminal.text().contains("base + 1 edit"),
        "{}",
        terminal.text()
    );
    terminal.press("\x13");
    terminal.wait_for("Save this session as");
    terminal.press("\x15far\r");
    terminal.wait_until("it is saved", |text| {
        text.contains("far") && !text.contains("not saved")
    });
    answers.took.sort();
    let (median, worst) = (answers.took[answers.took.len() / 2], answers.took.last());
    let (worst, most) = (*worst.unwrap(), *answers.bytes.iter().max().unwrap());
    println!(
        "{} keys beyond the line: median {median:?}, worst {worst:?}; {most} bytes at most until \
         the answer stood there",
        answers.took.len()
    );
    assert!(worst < ANSWER, "{:?}", answers.took);
    // A screen and a half: no queue of frames stands before an answer.
    assert!(most < 12_000, "{:?}", answers.bytes);
}
