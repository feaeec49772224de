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

#[test]
fn a_slow_line_answers_every_key() {
    let mut terminal = Terminal::open_far(40, 120, LINE);
    terminal.wait_for("example 1 of");
    // A frame of some kilobytes takes a part of a second of the line itself.
    let mut worst = Duration::ZERO;
    let mut answers = Vec::new();
    for job in ["t", "e", "t"] {
        terminal.press(job);
        terminal.wait_until("it runs", |text| !text.contains("ready"));
        for letters in ["un", "tr", "zo"] {
            let before = sent(&terminal);
            let mut took = answered(&mut terminal, ":", |text| text.contains("enter runs it"));
            let bytes = sent(&terminal) - before;
            let line = Duration::from_secs_f64(bytes as f64 / LINE.rate);
            took = took.saturating_sub(line);
            answers.push(took);
            worst = worst.max(took);
            for (n, letter) in letters.char_indices() {
                let typed = format!(": {}", &letters[..=n]);
                let before = sent(&terminal);
                let took = answered(&mut terminal, &letter.to_string(), |text| {
                    text.contains(&typed)
                });
                let bytes = sent(&terminal) - before;
                let line = Duration::from_secs_f64(bytes as f64 / LINE.rate);
                answers.push(took.saturating_sub(line));
                worst = worst.max(took.saturating_sub(line));
            }
            terminal.press("\x1b");
            terminal.wait_until("no palette", |text| !text.contains("enter runs it"));
        }
        terminal.wait_until("it is done", |text| text.contains("ready"));
    }
    answers.sort();
    let median = answers[answers.len() / 2];
    println!(
        "{} keys beyond the line: median {median:?}, worst {worst:?}",
        answers.len()
    );
    assert!(worst < ANSWER + Duration::from_millis(200), "{answers:?}");
    terminal.press("\x13");
    terminal.wait_for("Save this session as");
    terminal.press("\x15far\r");
    terminal.wait_until("it is saved", |text| {
        text.contains("far") && !text.contains("not saved")
    });
}
