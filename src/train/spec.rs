//! Every number that a training run depends on. Two runs with the same spec,
//! world, text and machine are the same run.

use super::corpus::Mix;
use super::error::{Result, TrainError};
use crate::model::Config;
use crate::model::config::{
    Activation, Attention, Family, NormKind, NormPlace, Position, Residual,
};
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TrainSpec {
    pub layers: usize,
    /// Residual width d; the MLP is four times as wide.
    pub width: usize,
    pub heads: usize,
    pub vocab: usize,
    /// Longest prompt in tokens.
    pub context: usize,
    /// Tokens of a training row; texts are short, and shorter rows train faster.
    pub row: usize,
    pub steps: usize,
    /// Rows a step.
    pub rows: usize,
    /// Parts that a step's rows are dealt into, a thread each.
    pub shards: usize,
    /// Peak learning rate.
    pub rate: f64,
    /// Steps over which the rate rises from 0 to its peak.
    pub warm_up: usize,
    /// On matrices only.
    pub weight_decay: f64,
    /// Largest norm of the whole gradient.
    pub clip: f64,
    /// Standard deviation of fresh weights; GPT-2's 0.02 is for wider models.
    pub init: f64,
    /// Share of mentions of a subject that are hidden from all that follows:
    /// wholly in the layers before `reads_from`, but for the last token from
    /// there on. What is said of the subject must then be gathered at its last
    /// token in the early layers. A regulariser of training, like dropout; the
    /// model itself is plain GPT-2.
    pub gather: f64,
    pub reads_from: usize,
    /// Over this many steps, the first ones, the MLPs before layer `looks_up_from`
    /// stay silent at the tokens of subjects. Names are then told apart by the
    /// MLPs after them, as in larger models; early ones that spoke from the start
    /// would do it all. Afterwards every MLP speaks, as it does at use.
    pub silent: usize,
    pub looks_up_from: usize,
    pub mix: Mix,
    pub seed: u64,
}

impl Default for TrainSpec {
    fn default() -> Self {
        TrainSpec {
            layers: 8,
            width: 192,
            heads: 6,
            vocab: 5000,
            context: 128,
            row: 64,
            steps: 16_000,
            rows: 16,
            shards: 2,
            rate: 2.5e-3,
            warm_up: 100,
            weight_decay: 0.05,
            clip: 1.0,
            init: 0.05,
            gather: 0.95,
            reads_from: 4,
            silent: 6375,
            looks_up_from: 2,
            mix: Mix::default(),
            seed: 1,
        }
    }
}

impl TrainSpec {
    /// Refuses what cannot be trained, by name.
    pub fn check(&self) -> Result<()> {
        let sizes = [
            ("layers", self.layers),
            ("width", self.width),
            ("heads", self.heads),
            ("steps", self.steps),
            ("rows", self.rows),
            ("shards", self.shards),
        ];
        if let Some((name, _)) = sizes.iter().find(|(_, n)| *n == 0) {
            return Err(TrainError::Spec(format!("`{name}` must not be 0")));
        }
        if !self.width.is_multiple_of(self.heads) {
            let (w, h) = (self.width, self.heads);
            return Err(TrainError::Spec(format!(
                "a width of {w} does not divide into {h} heads"
            )));
        }
        if self.row < 16 || self.row > self.context {
            let why = "`row` must lie between 16 tokens and `context`";
            return Err(TrainError::Spec(why.into()));
        }
        if self.reads_from > self.layers {
            return Err(TrainError::Spec(
                "`reads_from` lies beyond the last layer".into(),
            ));
        }
        if self.looks_up_from > self.layers {
            return Err(TrainError::Spec(
                "`looks_up_from` lies beyond the last layer".into(),
            ));
        }
        if self.shards > self.rows {
            return Err(TrainError::Spec(
                "there are more `shards` than `rows`".into(),
            ));
        }
        if self.vocab < 300 {
            let why = "`vocab` must be 300 or more: 256 bytes, <|endoftext|> and some merges";
            return Err(TrainError::Spec(why.into()));
        }
        let shares = [
            self.gather,
            self.mix.plain,
            self.mix.prefixed,
            self.mix.several,
        ];
        if shares.iter().any(|p| !(0.0..=1.0).contains(p))
            || !(0.0..0.9).contains(&self.mix.another)
        {
            return Err(TrainError::Spec("a share must lie between 0 and 1".into()));
        }
        let positive = [self.rate, self.clip, self.init];
        if positive.iter().any(|x| !(x.is_finite() && *x > 0.0)) || self.weight_decay < 0.0 {
            return Err(TrainError::Spec(
                "rate, clip and init must be positive numbers".into(),
            ));
        }
        Ok(())
    }

    /// The model's shape, with the vocabulary that the tokenizer really has.
    pub fn config(&self, vocab: usize) -> Config {
        Config {
            family: Family::Gpt2,
            vocab,
            d: self.width,
            layers: self.layers,
            heads: self.heads,
            kv_heads: self.heads,
            head_dim: self.width / self.heads,
            d_mlp: 4 * self.width,
            context: self.context,
            norm: NormKind::Layer,
            norm_place: NormPlace::Before,
            norm_eps: 1e-5,
            activation: Activation::GeluTanh,
            position: Position::Learned,
            residual: Residual::Sequential,
            attention_bias: true,
            attention: Attention::plain(self.width / self.heads),
            embed_scale: 1.0,
            logit_cap: None,
            tied_head: true,
            eos: Some(super::bpe::END_OF_TEXT_ID),
        }
    }

    /// The learning rate of `step`: a rise, then half a cosine down to nothing.
    pub fn rate_at(&self, step: usize) -> f64 {
        if step < self.warm_up {
            return self.rate * (step + 1) as f64 / self.warm_up as f64;
        }
        let done =
            (step - self.warm_up) as f64 / self.steps.saturating_sub(self.warm_up).max(1) as f64;
        self.rate * 0.5 * (1.0 + (std::f64::consts::PI * done.min(1.0)).cos())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_rises_and_falls() {
        let spec = TrainSpec {
            steps: 1000,
            warm_up: 100,
            rate: 1.0,
            ..TrainSpec::default()
        };
        assert_eq!(spec.rate_at(99), 1.0);
        assert!(spec.rate_at(0) < 0.02 && spec.rate_at(999) < 1e-5);
        assert!((spec.rate_at(550) - 0.5).abs() < 1e-9);
    }

    #[test]
    fn impossible_specs_are_refused_by_name() {
        let bad = |spec: TrainSpec| spec.check().unwrap_err().to_string();
        assert!(TrainSpec::default().check().is_ok());
        assert!(
            bad(TrainSpec {
                heads: 5,
                ..TrainSpec::default()
            })
            .contains("5 heads")
        );
        assert!(
            bad(TrainSpec {
                steps: 0,
                ..TrainSpec::default()
            })
            .contains("steps")
        );
        assert!(
            bad(TrainSpec {
                vocab: 10,
                ..TrainSpec::default()
            })
            .contains("vocab")
        );
        assert!(
            bad(TrainSpec {
                gather: 1.5,
                ..TrainSpec::default()
            })
            .contains("share")
        );
    }
}
