//! Rotary position embeddings (Su et al. 2021) as a config describes them.

use super::fields::Fields;
use super::unsupported;
use crate::model::error::Result;
use std::f64::consts::PI;
use std::sync::Arc;

/// How queries and keys are turned by their position.
#[derive(Clone, Debug, PartialEq)]
pub struct Rotary {
    /// Leading components of a head that turn; the others stay.
    pub width: usize,
    /// Component pairs are (2i, 2i + 1), as in GPT-J; otherwise (i, i + width/2).
    pub interleaved: bool,
    pub theta: f64,
    pub scaling: Scaling,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Scaling {
    None,
    /// All turns are slowed alike, by this factor.
    Linear(f64),
    /// Llama 3's: slow turns are slowed further, by `factor`; the change sets
    /// in between `original/high` and `original/low` positions a turn.
    Llama3 {
        factor: f64,
        low: f64,
        high: f64,
        original: f64,
    },
    /// Each pair's turn is slowed by its own number: how a GGUF holds Llama 3's.
    Divisors(Arc<[f32]>),
}

impl Rotary {
    /// Reads both spellings: `rope_theta` and `rope_scaling` at the top, or all
    /// in `rope_parameters`. `width` is a whole head's.
    pub(super) fn read(f: &Fields, width: usize) -> Result<Rotary> {
        let object = ["rope_parameters", "rope_scaling"].iter().find_map(|name| {
            f.json
                .get(*name)
                .filter(|v| v.is_object())
                .map(|v| (*name, v))
        });
        let inside = object.map(|(name, json)| (name, Fields { json, path: f.path }));
        // A number of `rope_parameters`, else one of the config itself.
        let number = |names: &[&str], default: f64| -> Result<f64> {
            for fields in inside.iter().map(|(_, f)| f).chain([f]) {
                for name in names {
                    if fields.json.get(*name).is_some_and(|v| !v.is_null()) {
                        return fields.number_or(name, default);
                    }
                }
            }
            Ok(default)
        };
        let theta = number(&["rope_theta", "rotary_emb_base"], 10_000.0)?;
        let share = number(&["partial_rotary_factor", "rotary_pct"], 1.0)?;
        if !(theta.is_finite() && theta > 1.0 && share > 0.0 && share <= 1.0) {
            return Err(f.bad(format!(
                "a rotary base of {theta} over a share of {share} of each head makes no sense"
            )));
        }
        Ok(Rotary {
            width: (width as f64 * share) as usize,
            interleaved: false,
            theta,
            scaling: match &inside {
                Some((name, fields)) => scaling(name, fields)?,
                None => Scaling::None,
            },
        })
    }

    /// Gemma 3's two: of the layers that see the whole prompt, and of the local ones.
    /// In `rope_parameters` each stands under the name of its layers; in older
    /// configs the second has a base of its own and is never scaled.
    pub(super) fn read_two(f: &Fields, width: usize) -> Result<(Rotary, Rotary)> {
        let of = |kind: &str| f.json.get("rope_parameters").and_then(|v| v.get(kind));
        if let (Some(whole), Some(local)) = (of("full_attention"), of("sliding_attention")) {
            let read = |parameters: &serde_json::Value| {
                let json = &serde_json::json!({ "rope_parameters": parameters });
                Rotary::read(&Fields { json, path: f.path }, width)
            };
            return Ok((read(whole)?, read(local)?));
        }
        let mut whole = Rotary::read(f, width)?;
        whole.theta = f.number_or("rope_theta", 1e6)?;
        let local = Rotary {
            theta: f.number_or("rope_local_base_freq", 1e4)?,
            scaling: Scaling::None,
            ..whole
        };
        Ok((whole, local))
    }

    /// Refuses a width that cannot be turned.
    pub(super) fn check(&self, head_dim: usize) -> std::result::Result<(), String> {
        let width = self.width;
        if !(self.theta.is_finite() && self.theta > 1.0) {
            return Err(format!("a rotary base of {} makes no sense", self.theta));
        }
        if width == 0 || width % 2 == 1 || width > head_dim {
            return Err(format!(
                "{width} rotary components of a head's {head_dim}; it should be an even number up to that"
            ));
        }
        Ok(())
    }

    /// Radians a position, for each of the `width / 2` pairs.
    pub fn frequencies(&self) -> Vec<f64> {
        let half = self.width / 2;
        (0..half)
            .map(|i| (self.scaling).of(i, self.theta.powf(-(i as f64) / half as f64)))
            .collect()
    }
}

impl Scaling {
    /// The frequency of pair `i`.
    fn of(&self, i: usize, frequency: f64) -> f64 {
        let (factor, low, high, original) = match *self {
            Scaling::None => return frequency,
            Scaling::Linear(factor) => return frequency / factor,
            Scaling::Divisors(ref by) => return frequency / by.get(i).map_or(1.0, |&x| x.into()),
            Scaling::Llama3 {
                factor,
                low,
                high,
                original,
            } => (factor, low, high, original),
        };
        // Turns within the original context.
        let turns = original * frequency / (2.0 * PI);
        if turns < low {
            frequency / factor
        } else if turns > high {
            frequency
        } else {
            let smooth = (turns - low) / (high - low);
            (1.0 - smooth) * frequency / factor + smooth * frequency
        }
    }
}

fn scaling(of: &str, f: &Fields) -> Result<Scaling> {
    let kind = match f.text("rope_type")? {
        Some(kind) => Some(kind),
        None => f.text("type")?,
    };
    let number = |name: &str| -> Result<f64> {
        match f.number_or(name, f64::NAN)? {
            x if x.is_finite() && x > 0.0 => Ok(x),
            _ => Err(f.bad(format!("`{of}` lacks a positive `{name}`"))),
        }
    };
    match kind.as_deref() {
        None | Some("default") => Ok(Scaling::None),
        Some("linear") => Ok(Scaling::Linear(number("factor")?)),
        Some("llama3") => {
            let (low, high) = (number("low_freq_factor")?, number("high_freq_factor")?);
            if high <= low {
                return Err(f.bad(format!(
                    "`{of}`: `high_freq_factor` {high} should be above `low_freq_factor` {low}"
                )));
            }
            Ok(Scaling::Llama3 {
                factor: number("factor")?,
                low,
                high,
                original: number("original_max_position_embeddings")?,
            })
        }
        Some(other) => Err(unsupported(
            &format!("the rotary scaling {other:?} (`{of}`)"),
            "unscaled rotary embeddings, \"linear\" and \"llama3\" are known",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};
    use std::path::Path;

    fn rotary(json: &Value) -> Result<Rotary> {
        let path = Path::new("config.json");
        Rotary::read(&Fields { json, path }, 64)
    }

    #[test]
    fn both_spellings_say_the_same() {
        let scaling = json!({"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0,
            "high_freq_factor": 4.0, "original_max_position_embeddings": 8192});
        let old = json!({"rope_theta": 500000.0, "rope_scaling": scaling});
        let mut inner = scaling.clone();
        inner["rope_theta"] = json!(500000.0);
        let new = json!({"rope_parameters": inner});
        assert_eq!(rotary(&old).unwrap(), rotary(&new).unwrap());
        assert_eq!(rotary(&old).unwrap().theta, 500000.0);
        let plain = rotary(&json!({"rotary_pct": 0.25, "rotary_emb_base": 10000})).unwrap();
        assert_eq!((plain.width, plain.scaling), (16, Scaling::None));
    }

    #[test]
    fn other_scalings_are_refused_by_name() {
        let asked = json!({"rope_scaling": {"type": "yarn", "factor": 4.0}});
        assert!(rotary(&asked).unwrap_err().to_string().contains("yarn"));
        let asked = json!({"rope_parameters": {"rope_type": "llama3"}});
        assert!(rotary(&asked).is_err());
    }

    #[test]
    fn odd_widths_are_refused() {
        let mut rotary = rotary(&json!({})).unwrap();
        assert!(rotary.check(64).is_ok());
        rotary.width = 7;
        assert!(rotary.check(64).is_err());
        rotary.width = 66;
        assert!(rotary.check(64).is_err());
    }
}
