//! A recording of what the terminal was sent: asciinema's file format, version 2
//! (a line of JSON for the header, then one for each frame).

use serde_json::json;
use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// A recording that is being written. What cannot be written ends it; the
/// workbench goes on.
pub struct Cast {
    file: Option<BufWriter<File>>,
    start: Instant,
    size: (u16, u16),
}

impl Cast {
    /// Begins a recording in a file that is not there yet.
    ///
    /// # Errors
    /// The file is there, or cannot be written.
    pub fn begin(path: &Path, (width, height): (u16, u16)) -> io::Result<Cast> {
        let mut options = OpenOptions::new();
        // The user's alone: it shows whatever was typed.
        let file = options
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(path)?;
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        let mut cast = Cast {
            file: Some(BufWriter::new(file)),
            start: Instant::now(),
            size: (width, height),
        };
        let header = json!({
            "version": 2,
            "width": width,
            "height": height,
            "timestamp": now.map_or(0, |now| now.as_secs()),
            "title": "pentimento",
            "env": { "TERM": std::env::var("TERM").unwrap_or_default() },
        });
        cast.line(&header)?;
        // What the terminal was told before the first frame: the other screen, no cursor.
        cast.event("o", "\x1b[?1049h\x1b[?25l\x1b[2J")?;
        Ok(cast)
    }

    /// One frame, as it was sent to a terminal of this size.
    ///
    /// # Errors
    /// It could not be written: the recording has ended.
    pub fn frame(&mut self, bytes: &[u8], size: (u16, u16)) -> io::Result<()> {
        if self.file.is_none() {
            return Ok(());
        }
        let mut written = Ok(());
        if size != self.size {
            self.size = size;
            written = self.event("r", &format!("{}x{}", size.0, size.1));
        }
        // Frames are whole: no letter is cut in two.
        let text = String::from_utf8_lossy(bytes);
        let written = written.and_then(|()| self.event("o", &text));
        if written.is_err() {
            self.file = None;
        }
        written
    }

    fn event(&mut self, kind: &str, text: &str) -> io::Result<()> {
        // Microseconds, as asciinema itself writes them.
        let seconds = (self.start.elapsed().as_secs_f64() * 1e6).round() / 1e6;
        self.line(&json!([seconds, kind, text]))
    }

    fn line(&mut self, line: &serde_json::Value) -> io::Result<()> {
        let Some(file) = &mut self.file else {
            return Ok(());
        };
        serde_json::to_writer(&mut *file, line)?;
        file.write_all(b"\n")?;
        // Frame by frame: what was seen is kept, however it ends.
        file.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_recording_is_read_line_by_line() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.cast");
        let mut cast = Cast::begin(&path, (80, 24)).unwrap();
        cast.frame("a\x1b[1mé→".as_bytes(), (80, 24)).unwrap();
        cast.frame(b"b", (100, 30)).unwrap();
        // It is there before the recording has ended.
        let text = std::fs::read_to_string(&path).unwrap();
        let lines: Vec<serde_json::Value> = text
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        assert_eq!(
            (
                &lines[0]["version"],
                &lines[0]["width"],
                &lines[0]["height"]
            ),
            (&json!(2), &json!(80), &json!(24))
        );
        let events: Vec<_> = lines[2..].iter().map(|line| (&line[1], &line[2])).collect();
        assert_eq!(
            events,
            [
                (&json!("o"), &json!("a\x1b[1mé→")),
                (&json!("r"), &json!("100x30")),
                (&json!("o"), &json!("b")),
            ]
        );
        let times: Vec<f64> = lines[1..].iter().map(|l| l[0].as_f64().unwrap()).collect();
        assert!(times.is_sorted());
        // What is there is not written over.
        assert!(Cast::begin(&path, (80, 24)).is_err());
    }

    #[test]
    fn a_full_disk_ends_the_recording_and_nothing_else() {
        let file = File::options().write(true).open("/dev/full").unwrap();
        let mut cast = Cast {
            file: Some(BufWriter::new(file)),
            start: Instant::now(),
            size: (80, 24),
        };
        assert!(cast.frame(b"a", (80, 24)).is_err());
        assert!(cast.frame(b"b", (80, 24)).is_ok());
    }
}
