//! What stops a pass between two layers: a wish, or a want of memory.

use super::error::{ModelError, Result};
use super::probe::{Point, Probe, Site};
use candle_core::Tensor;
use std::fs;
use std::sync::atomic::{AtomicBool, Ordering};

/// Stops the pass with [`ModelError::Cancelled`] once `stop` is up, and with
/// [`ModelError::OutOfMemory`] where the process holds more than `limit` bytes.
#[derive(Clone, Copy)]
pub struct Brake<'a> {
    pub stop: &'a AtomicBool,
    /// `None`: what the system gives.
    pub limit: Option<u64>,
}

impl<'a> Brake<'a> {
    /// Without a limit.
    pub fn new(stop: &'a AtomicBool) -> Brake<'a> {
        Brake { stop, limit: None }
    }

    pub fn check(&self) -> Result<()> {
        if self.stop.load(Ordering::Relaxed) {
            return Err(ModelError::Cancelled);
        }
        let Some(limit) = self.limit else {
            return Ok(());
        };
        match resident() {
            Some(held) if held > limit => Err(ModelError::OutOfMemory { held, limit }),
            _ => Ok(()),
        }
    }
}

impl Probe for Brake<'_> {
    fn visit(&mut self, site: Site, x: Tensor) -> Result<Tensor> {
        // What is held is asked of the system, which costs something: once a layer.
        match site.point {
            Point::ResidPre => self.check()?,
            _ if self.stop.load(Ordering::Relaxed) => return Err(ModelError::Cancelled),
            _ => {}
        }
        Ok(x)
    }

    fn wants_key(&self, _layer: usize) -> bool {
        false
    }
}

/// Bytes of memory that the process holds, with what the allocator keeps for later;
/// `None` where the system does not say.
pub fn resident() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmRSS:"))?;
    let kilobytes: u64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kilobytes * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_that_is_passed_is_told_with_both_sizes() {
        let stop = AtomicBool::new(false);
        let brake = |limit| Brake { stop: &stop, limit };
        assert!(brake(None).check().is_ok());
        if resident().is_none() {
            return;
        }
        assert!(brake(Some(1 << 50)).check().is_ok());
        let error = brake(Some(1_000_000)).check().unwrap_err();
        assert!(matches!(error, ModelError::OutOfMemory { .. }), "{error}");
        let words = error.to_string();
        assert!(
            words.contains("--memory") && words.contains("1 MB"),
            "{words}"
        );
        stop.store(true, Ordering::Relaxed);
        let error = brake(Some(1)).check().unwrap_err();
        assert!(matches!(error, ModelError::Cancelled), "a wish comes first");
    }
}
