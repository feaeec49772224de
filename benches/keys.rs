//! What a user waits for, in the real program in a real pseudo-terminal: from the
//! start to the first frame and to an Atlas that answers; from a key to the
//! screen, idle and while the model works (letters typed into the palette during
//! traces; the aim is under 50 ms for 99 of 100 letters on two cores); from Ctrl-C
//! to the end of a trace (the aim is 100 ms). And the bytes and the memory of it.
//!
//!     cargo bench --bench keys

#[cfg(unix)]
fn main() {
    // `cargo bench` passes `--bench`; `cargo test --benches` must not run this.
    if std::env::args().any(|word| word == "--bench") {
        typing::measure();
    }
}

#[cfg(not(unix))]
fn main() {}

#[cfg(unix)]
mod typing {
    use portable_pty::{Child, CommandBuilder, PtySize, native_pty_system};
    use std::io::{Read, Write};
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::{Arc, Mutex};
    use std::time::{Duration, Instant};

    const ROUNDS: usize = 12;
    /// Between two letters.
    const PAUSE: Duration = Duration::from_millis(15);

    pub fn measure() {
        let home = tempfile::tempdir().expect("a folder");
        let state = home.path().join("pentimento");
        std::fs::create_dir(&state).expect("a folder");
        std::fs::write(state.join("toured"), "").expect("a folder");
        let size = PtySize {
            rows: 40,
            cols: 120,
            ..PtySize::default()
        };
        let pty = native_pty_system().openpty(size).expect("a terminal");
        let mut command = CommandBuilder::new(env!("CARGO_BIN_EXE_pentimento"));
        command.env("TERM", "xterm-256color");
        for name in [
            "HOME",
            "XDG_STATE_HOME",
            "XDG_CACHE_HOME",
            "XDG_CONFIG_HOME",
        ] {
            command.env(name, home.path());
        }
        let start = Instant::now();
        let mut child = pty.slave.spawn_command(command).expect("it starts");
        let screen = Arc::new(Mutex::new(vt100::Parser::new(40, 120, 0)));
        let sent = Arc::new(AtomicUsize::new(0));
        let (mut reader, shared, counter) = (
            pty.master.try_clone_reader().expect("its output"),
            Arc::clone(&screen),
            Arc::clone(&sent),
        );
        std::thread::spawn(move || {
            let mut buffer = [0; 1 << 16];
            while let Ok(n @ 1..) = reader.read(&mut buffer) {
                counter.fetch_add(n, Ordering::SeqCst);
                shared.lock().expect("no panic").process(&buffer[..n]);
            }
        });
        let text = || screen.lock().expect("no panic").screen().contents();
        let wait = |words: &str| {
            let start = Instant::now();
            while !text().contains(words) {
                assert!(
                    start.elapsed() < Duration::from_secs(60),
                    "waited for {words:?}:\n{}",
                    text()
                );
                std::thread::sleep(Duration::from_micros(300));
            }
            start.elapsed()
        };
        let mut keys = pty.master.take_writer().expect("its input");
        let mut press = |text: &str| {
            keys.write_all(text.as_bytes())
                .and_then(|()| keys.flush())
                .expect("keys")
        };

        wait("pentimento");
        let first = start.elapsed();
        wait("example 1 of 5");
        wait("Seattle");
        let ready = start.elapsed();
        std::thread::sleep(Duration::from_secs(2));
        let status = std::fs::read_to_string(format!("/proc/{}/status", pid(&*child)));
        let resident = status.ok().and_then(|text| {
            let line = text.lines().find(|line| line.starts_with("VmRSS:"))?;
            line.split_whitespace().nth(1)?.parse::<f64>().ok()
        });
        println!(
            "first frame after {:.0} ms, Atlas answers after {:.0} ms; {} bytes, {:.0} MB",
            first.as_secs_f64() * 1e3,
            ready.as_secs_f64() * 1e3,
            sent.load(Ordering::SeqCst),
            resident.unwrap_or_default() / 1024.0
        );
        let mut idle = Vec::new();
        for _ in 0..ROUNDS {
            press(":");
            wait("enter runs it");
            let mut typed = String::from(": ");
            for letter in "abcdefghij".chars() {
                typed.push(letter);
                std::thread::sleep(PAUSE);
                press(&letter.to_string());
                idle.push(wait(&typed));
            }
            press("\x1b");
            while text().contains("enter runs it") {
                std::thread::sleep(Duration::from_millis(5));
            }
        }
        tell("idle", &mut idle);
        let (before, began) = (sent.load(Ordering::SeqCst), Instant::now());
        press("t");
        while text().contains(" ready") {
            std::thread::sleep(Duration::from_millis(1));
        }
        wait(" ready");
        let bytes = sent.load(Ordering::SeqCst) - before;
        let seconds = began.elapsed().as_secs_f64();
        println!("a trace: {bytes} bytes in {seconds:.2} s");
        let mut times = Vec::new();
        for round in 0..ROUNDS {
            press("n");
            wait(&format!("example {} of 5", (round + 1) % 5 + 1));
            press("t");
            press(":");
            wait("enter runs it");
            let mut typed = String::from(": ");
            // The header says "ready" when the trace is over.
            while !text().contains(" ready") && typed.len() < 60 {
                let letter = char::from(b'a' + (times.len() % 26) as u8);
                typed.push(letter);
                press(&letter.to_string());
                times.push(wait(&typed));
                std::thread::sleep(PAUSE);
            }
            press("\x1b");
            // A letter right behind it would be Alt and that letter.
            while text().contains("enter runs it") || !text().contains(" ready") {
                std::thread::sleep(Duration::from_millis(5));
            }
        }
        let mut stops = Vec::new();
        for round in ROUNDS..2 * ROUNDS {
            press("n");
            wait(&format!("example {} of 5", (round + 1) % 5 + 1));
            press("t");
            std::thread::sleep(Duration::from_millis(80));
            if text().contains(" ready") {
                continue;
            }
            press("\x03");
            stops.push(wait(" ready"));
        }
        press("q");
        let _ = child.wait();
        stops.sort();
        if let Some(longest) = stops.last() {
            println!(
                "{} traces stopped: the longest took {:.0} ms",
                stops.len(),
                longest.as_secs_f64() * 1e3
            );
        }
        tell("during traces", &mut times);
    }

    fn tell(when: &str, times: &mut [Duration]) {
        times.sort();
        let at =
            |share: f64| times[((times.len() - 1) as f64 * share) as usize].as_secs_f64() * 1e3;
        println!(
            "{} letters {when}: median {:.1} ms, 99 % {:.1} ms, longest {:.1} ms",
            times.len(),
            at(0.5),
            at(0.99),
            at(1.0)
        );
    }

    fn pid(child: &dyn Child) -> u32 {
        child.process_id().unwrap_or_default()
    }
}
