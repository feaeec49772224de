//! How far frames are apart. What happens in between shares one.
//!
//! A slow line keeps what it cannot carry: by the time a key's answer is sent, it
//! waits behind every frame before it. So what moves by itself takes only a part
//! of the line, and the answer to a key goes out at once.

use std::time::Duration;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// The least time between two frames.
    pub frame: Duration,
    /// Bytes a second that frames may take which nobody asked for.
    pub bytes: Option<u32>,
}

impl Default for Pace {
    /// A terminal on this machine: 60 frames a second, whatever their bytes.
    fn default() -> Pace {
        Pace {
            frame: Duration::from_secs(1) / 60,
            bytes: None,
        }
    }
}

impl Pace {
    /// By `SSH_CONNECTION`: 20 frames a second, and 12 kB of them.
    pub fn of(env: impl Fn(&str) -> Option<String>) -> Pace {
        match env("SSH_CONNECTION").is_some_and(|value| !value.is_empty()) {
            false => Pace::default(),
            true => Pace {
                frame: Duration::from_secs(1) / 20,
                bytes: Some(12_000),
            },
        }
    }

    /// So many frames a second.
    pub fn frames(self, frames: u16) -> Pace {
        Pace {
            frame: Duration::from_secs(1) / u32::from(frames.max(1)),
            ..self
        }
    }

    /// How long after a frame of `last` bytes the next may be drawn; `answering`:
    /// a key waits for it.
    pub fn after(&self, last: usize, answering: bool) -> Duration {
        match self.bytes {
            Some(rate) if !answering => {
                let line = Duration::from_secs_f64(last as f64 / f64::from(rate.max(1)));
                line.max(self.frame)
            }
            _ => self.frame,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_left_free_for_answers() {
        let here = Pace::of(|_| None);
        assert_eq!(here, Pace::default());
        assert_eq!(here.after(1 << 20, false), here.frame);
        let there = Pace::of(|name| (name == "SSH_CONNECTION").then(|| "1.2.3.4 5".into()));
        assert_eq!(there.after(100, false), Duration::from_millis(50));
        assert_eq!(there.after(6_000, false), Duration::from_millis(500));
        assert_eq!(there.after(6_000, true), Duration::from_millis(50));
        assert_eq!(there.frames(5).after(100, true), Duration::from_millis(200));
    }
}
