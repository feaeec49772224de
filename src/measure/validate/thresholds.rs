//! What an edit has to reach.

use serde::de::{Deserializer, Error};
use serde::{Deserialize, Serialize};
use std::ops::RangeInclusive;

/// The published ones by default (ALGORITHMS §5); `[validation]` of the config file
/// sets others. Reading refuses what no check could mean.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Thresholds {
    /// Mean p(new) over the paraphrases is at least this.
    #[serde(deserialize_with = "share")]
    pub paraphrases: f64,
    /// Mean KL over the battery in nats: below this is a pass,
    #[serde(deserialize_with = "divergence")]
    pub kl_strict: f64,
    /// below this one with a warning, from here on a failure.
    #[serde(deserialize_with = "divergence")]
    pub kl: f64,
    /// Mean cosine of the fingerprint is at least this.
    #[serde(deserialize_with = "cosine")]
    pub fingerprint: f64,
    /// Layers (or sets of them) that are tried at most.
    #[serde(deserialize_with = "layers")]
    pub layers: usize,
}

impl Default for Thresholds {
    fn default() -> Self {
        Thresholds {
            paraphrases: 0.10,
            kl_strict: 0.05,
            kl: 0.25,
            fingerprint: 0.92,
            layers: 3,
        }
    }
}

fn within<'de, D, T>(from: D, range: RangeInclusive<T>) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de> + PartialOrd + std::fmt::Display,
{
    let value = T::deserialize(from)?;
    match range.contains(&value) {
        true => Ok(value),
        false => Err(D::Error::custom(format!(
            "{value} is out of range: it goes from {} to {}",
            range.start(),
            range.end()
        ))),
    }
}

fn share<'de, D: Deserializer<'de>>(from: D) -> Result<f64, D::Error> {
    within(from, 0.0..=1.0)
}

/// In nats; ln of a vocabulary is about 12.
fn divergence<'de, D: Deserializer<'de>>(from: D) -> Result<f64, D::Error> {
    within(from, 0.0..=100.0)
}

fn cosine<'de, D: Deserializer<'de>>(from: D) -> Result<f64, D::Error> {
    within(from, -1.0..=1.0)
}

fn layers<'de, D: Deserializer<'de>>(from: D) -> Result<usize, D::Error> {
    within(from, 1..=100)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_no_check_could_mean_is_refused() {
        let read = |text: &str| toml::from_str::<Thresholds>(text);
        assert_eq!(read("").unwrap(), Thresholds::default());
        assert_eq!(read("kl = 1\nlayers = 5").unwrap().kl, 1.0);
        for bad in [
            "paraphrases = 1.5",
            "kl = -0.1",
            "kl_strict = inf",
            "fingerprint = nan",
            "layers = 0",
            "layers = -1",
            "cosine = 0.9",
        ] {
            assert!(read(bad).is_err(), "{bad}");
        }
    }
}
