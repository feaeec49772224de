//! The hyper-parameters of all methods, and each of them by its name.

use super::error::{EditError, Result};
use super::method::Method;
use serde::{Deserialize, Serialize};

/// The hyper-parameters of all methods (ALGORITHMS §§3–4); each uses some.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Hyper {
    pub steps: usize,
    pub lr: f64,
    pub kl_factor: f64,
    pub weight_decay: f64,
    /// ‖δ‖ is kept within `clamp`·‖t₀‖.
    pub clamp: f64,
    /// λ_C: the ridge on C in multiples of its mean diagonal.
    pub ridge: f64,
    /// What keeps an update of many facts small: λ of MEMIT, w·λ_e of EMMET,
    /// λ₂ of AlphaEdit.
    pub lambda: f64,
    /// AlphaEdit writes along eigenvectors of C with eigenvalues below this.
    pub threshold: f64,
    /// Whether `threshold` is in multiples of C's mean diagonal.
    pub relative_threshold: bool,
    /// FT+L keeps every entry of W within this of W₀.
    pub epsilon: f64,
}

impl Default for Hyper {
    fn default() -> Self {
        Hyper {
            steps: 20,
            lr: 0.5,
            kl_factor: 0.0625,
            weight_decay: 0.5,
            clamp: 4.0,
            ridge: 1e-2,
            lambda: 15_000.0,
            threshold: 2e-2,
            relative_threshold: false,
            epsilon: 1e-3,
        }
    }
}

impl Hyper {
    /// Refuses values with which no edit can be made.
    pub fn check(&self) -> Result<()> {
        Knob::ALL
            .into_iter()
            .try_for_each(|knob| knob.check(knob.get(self)))
    }
}

/// A hyper-parameter by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Knob {
    Steps,
    Lr,
    KlFactor,
    WeightDecay,
    Clamp,
    Ridge,
    Lambda,
    Threshold,
    RelativeThreshold,
    Epsilon,
}

impl Knob {
    pub const ALL: [Knob; 10] = [
        Knob::Steps,
        Knob::Lr,
        Knob::KlFactor,
        Knob::WeightDecay,
        Knob::Clamp,
        Knob::Ridge,
        Knob::Lambda,
        Knob::Threshold,
        Knob::RelativeThreshold,
        Knob::Epsilon,
    ];

    /// As the command line writes it after its two dashes.
    pub fn name(self) -> &'static str {
        match self {
            Knob::Steps => "steps",
            Knob::Lr => "lr",
            Knob::KlFactor => "kl-factor",
            Knob::WeightDecay => "weight-decay",
            Knob::Clamp => "clamp",
            Knob::Ridge => "ridge",
            Knob::Lambda => "lambda",
            Knob::Threshold => "threshold",
            Knob::RelativeThreshold => "relative-threshold",
            Knob::Epsilon => "epsilon",
        }
    }

    pub fn about(self) -> &'static str {
        match self {
            Knob::Steps => "evaluations of the loss",
            Knob::Lr => "Adam's learning rate",
            Knob::KlFactor => "weight of the KL at “{subject} is a”",
            Knob::WeightDecay => "weight of ‖δ‖/‖t₀‖²",
            Knob::Clamp => "keeps ‖δ‖ within so many ‖t₀‖",
            Knob::Ridge => "on C, in its mean diagonals",
            Knob::Lambda => "keeps the update small",
            Knob::Threshold => "writes where C's eigenvalues are below",
            Knob::RelativeThreshold => "the threshold is in C's mean diagonals",
            Knob::Epsilon => "keeps every weight so near to where it was",
        }
    }

    /// Whether `method` asks for it.
    pub fn used_by(self, method: Method) -> bool {
        match self {
            Knob::Steps | Knob::Lr => {
                method.seeks_value() || matches!(method, Method::Ft | Method::FtL)
            }
            Knob::KlFactor | Knob::WeightDecay | Knob::Clamp => method.seeks_value(),
            Knob::Ridge => method.seeks_value() && method != Method::AlphaEdit,
            Knob::Lambda => {
                matches!(method, Method::Memit | Method::Emmet | Method::AlphaEdit)
            }
            Knob::Threshold | Knob::RelativeThreshold => method == Method::AlphaEdit,
            Knob::Epsilon => method == Method::FtL,
        }
    }

    /// Its value; of what is on or off 1 or 0.
    pub fn get(self, hyper: &Hyper) -> f64 {
        match self {
            Knob::Steps => hyper.steps as f64,
            Knob::Lr => hyper.lr,
            Knob::KlFactor => hyper.kl_factor,
            Knob::WeightDecay => hyper.weight_decay,
            Knob::Clamp => hyper.clamp,
            Knob::Ridge => hyper.ridge,
            Knob::Lambda => hyper.lambda,
            Knob::Threshold => hyper.threshold,
            Knob::RelativeThreshold => f64::from(u8::from(hyper.relative_threshold)),
            Knob::Epsilon => hyper.epsilon,
        }
    }

    /// Sets it, unless no edit could be made with that.
    ///
    /// # Errors
    /// [`EditError::Hyper`], with what it should be.
    pub fn set(self, hyper: &mut Hyper, value: f64) -> Result<()> {
        self.check(value)?;
        match self {
            Knob::Steps => hyper.steps = value as usize,
            Knob::Lr => hyper.lr = value,
            Knob::KlFactor => hyper.kl_factor = value,
            Knob::WeightDecay => hyper.weight_decay = value,
            Knob::Clamp => hyper.clamp = value,
            Knob::Ridge => hyper.ridge = value,
            Knob::Lambda => hyper.lambda = value,
            Knob::Threshold => hyper.threshold = value,
            Knob::RelativeThreshold => hyper.relative_threshold = value != 0.0,
            Knob::Epsilon => hyper.epsilon = value,
        }
        Ok(())
    }

    fn check(self, value: f64) -> Result<()> {
        let (holds, want) = match self {
            Knob::Steps => (
                value >= 1.0 && value.fract() == 0.0 && value < 1e9,
                "a whole number from 1",
            ),
            Knob::Lr | Knob::Clamp | Knob::Threshold | Knob::Epsilon => (value > 0.0, "positive"),
            Knob::KlFactor | Knob::WeightDecay | Knob::Ridge | Knob::Lambda => {
                (value >= 0.0, "zero or positive")
            }
            Knob::RelativeThreshold => (true, ""),
        };
        match holds && value.is_finite() {
            true => Ok(()),
            false => Err(EditError::Hyper {
                name: self.name(),
                value,
                want,
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_knob_turns_its_own_parameter() {
        for knob in Knob::ALL {
            let mut hyper = Hyper::default();
            knob.set(&mut hyper, 7.0).unwrap();
            let turned = |k: Knob| k.get(&hyper) != k.get(&Hyper::default());
            let all: Vec<Knob> = Knob::ALL.into_iter().filter(|k| turned(*k)).collect();
            assert_eq!(all, [knob]);
            let read = if knob == Knob::RelativeThreshold {
                1.0
            } else {
                7.0
            };
            assert_eq!(knob.get(&hyper), read);
        }
    }

    #[test]
    fn what_no_edit_can_be_made_with_is_refused_and_changes_nothing() {
        let mut hyper = Hyper::default();
        for knob in Knob::ALL {
            for value in [f64::NAN, f64::INFINITY, -1.0, 0.0, 0.5] {
                let before = hyper.clone();
                if knob.set(&mut hyper, value).is_err() {
                    assert_eq!(hyper, before);
                }
                assert!(hyper.check().is_ok(), "{knob:?} {value}");
            }
        }
        for (knob, bad) in [
            (Knob::Steps, 0.0),
            (Knob::Steps, 1.5),
            (Knob::Lr, 0.0),
            (Knob::Ridge, -1.0),
            (Knob::Clamp, f64::NAN),
        ] {
            assert!(knob.set(&mut hyper, bad).is_err(), "{knob:?} {bad}");
        }
    }

    #[test]
    fn every_method_that_can_be_asked_for_says_what_it_uses() {
        let used = |method: Method| Knob::ALL.into_iter().filter(|k| k.used_by(method)).count();
        assert_eq!(used(Method::RRome), 6);
        assert_eq!(used(Method::Memit), 7);
        assert_eq!(used(Method::AlphaEdit), 8);
        assert_eq!(used(Method::Ft), 2);
        assert_eq!(used(Method::FtL), 3);
        assert_eq!(used(Method::Direct), 0);
        for method in Method::ALL {
            let asks = method.seeks_value() || matches!(method, Method::Ft | Method::FtL);
            assert_eq!(used(method) > 0, asks, "{method:?}");
        }
    }
}
