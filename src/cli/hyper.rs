//! Methods and their hyper-parameters, as they are typed.

use super::error::CliError;
use super::trace::number;
use crate::edit::{EditError, Hyper, Knob, Method};
use clap::builder::{PossibleValuesParser, TypedValueParser};

/// Refuses a method that cannot rewrite `at_once` facts by one change.
pub fn together(methods: &[Method], at_once: usize) -> Result<(), CliError> {
    let single = methods.iter().find(|method| !method.takes_many());
    match single.filter(|_| at_once > 1) {
        None => Ok(()),
        Some(method) => Err(CliError::Failed(format!(
            "{} rewrites one fact at a time: leave --at-once out, or name other methods",
            method.name()
        ))),
    }
}

/// The hyper-parameters of v*; what is left out is the model's default.
#[derive(Clone, Debug, Default, clap::Args)]
#[command(next_help_heading = "Hyper-parameters [default: the model's]")]
pub struct HyperArgs {
    /// Evaluations of the loss
    #[arg(long, value_name = "N")]
    steps: Option<usize>,
    /// Adam's learning rate
    #[arg(long, value_name = "X", value_parser = number)]
    lr: Option<f64>,
    /// Weight of the KL term at "{subject} is a"
    #[arg(long, value_name = "X", value_parser = number)]
    kl_factor: Option<f64>,
    /// Weight of ‖δ‖/‖t₀‖²
    #[arg(long, value_name = "X", value_parser = number)]
    weight_decay: Option<f64>,
    /// Keeps ‖δ‖ within this many ‖t₀‖
    #[arg(long, value_name = "X", value_parser = number)]
    clamp: Option<f64>,
    /// Ridge on the second moment, in multiples of its mean diagonal
    #[arg(long, value_name = "X", value_parser = number)]
    ridge: Option<f64>,
    /// What keeps an update of many facts small (memit, emmet, alpha-edit)
    #[arg(long, value_name = "X", value_parser = number)]
    lambda: Option<f64>,
    /// alpha-edit writes along eigenvectors of C with eigenvalues below this
    #[arg(long, value_name = "X", value_parser = number)]
    threshold: Option<f64>,
    /// --threshold is in multiples of C's mean diagonal
    #[arg(long)]
    relative_threshold: bool,
    /// ft-l keeps every weight within this of where it was
    #[arg(long, value_name = "X", value_parser = number)]
    epsilon: Option<f64>,
}

impl HyperArgs {
    /// What was named, with its value.
    pub fn words(&self) -> Vec<String> {
        let named = self.given().into_iter();
        let named = named.filter_map(|(knob, value)| Some((knob.name(), value?)));
        named
            .map(|(name, value)| format!("{name} {value}"))
            .collect()
    }

    fn given(&self) -> [(Knob, Option<f64>); 10] {
        [
            (Knob::Steps, self.steps.map(|steps| steps as f64)),
            (Knob::Lr, self.lr),
            (Knob::KlFactor, self.kl_factor),
            (Knob::WeightDecay, self.weight_decay),
            (Knob::Clamp, self.clamp),
            (Knob::Ridge, self.ridge),
            (Knob::Lambda, self.lambda),
            (Knob::Threshold, self.threshold),
            (
                Knob::RelativeThreshold,
                self.relative_threshold.then_some(1.0),
            ),
            (Knob::Epsilon, self.epsilon),
        ]
    }

    /// The model's own with what was named put in; `None`: nothing was named.
    ///
    /// # Errors
    /// A value that no edit could be made with.
    pub fn over(&self, model: &Hyper) -> Result<Option<Hyper>, EditError> {
        let mut named = None;
        for (knob, value) in self.given() {
            if let Some(value) = value {
                knob.set(named.get_or_insert_with(|| model.clone()), value)?;
            }
        }
        Ok(named)
    }
}

/// A method by its name.
pub fn method() -> impl TypedValueParser<Value = Method> {
    PossibleValuesParser::new(Method::ALL.map(Method::name)).map(|name| {
        Method::ALL
            .into_iter()
            .find(|m| m.name() == name)
            .unwrap_or_default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_named_departs_from_the_models_own() {
        let model = Hyper {
            weight_decay: 0.05,
            ..Hyper::default()
        };
        assert_eq!(HyperArgs::default().over(&model).unwrap(), None);
        let args = HyperArgs {
            lr: Some(0.1),
            ..HyperArgs::default()
        };
        assert_eq!(args.over(&model).unwrap(), Some(Hyper { lr: 0.1, ..model }));
    }

    #[test]
    fn a_number_is_positive_and_finite() {
        for bad in ["nan", "inf", "-1", "x", ""] {
            assert!(number(bad).is_err(), "{bad}");
        }
        assert_eq!(number("1e-3"), Ok(1e-3));
    }
}
