//! How the next edit is made, as a form over the panes: method, layers, and
//! every hyper-parameter that the method asks for; and what kind of case it is.

use super::{Entry, State};
use crate::edit::{Hyper, Knob, Method};

/// A line of the form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Line {
    Method,
    Layers,
    Knob(Knob),
    /// The kind of case, for a validation.
    Case,
}

#[derive(Clone, Debug, Default)]
pub struct Recipe {
    pub selected: usize,
    /// The value of the selected line while it is typed.
    pub entry: Option<Entry>,
}

/// The lines for a method.
pub fn lines(method: Method) -> Vec<Line> {
    let knobs = Knob::ALL.into_iter().filter(|knob| knob.used_by(method));
    let first = [Line::Method, Line::Layers];
    let all = first.into_iter().chain(knobs.map(Line::Knob));
    all.chain([Line::Case]).collect()
}

/// A value as it is typed.
pub fn shown(knob: Knob, value: f64) -> String {
    match knob {
        Knob::RelativeThreshold if value == 0.0 => "no".into(),
        Knob::RelativeThreshold => "yes".into(),
        _ if value != 0.0 && (value.abs() < 1e-4 || value.abs() >= 1e7) => format!("{value:e}"),
        _ => value.to_string(),
    }
}

impl State {
    /// What the model's authors, or we, found for `method`.
    pub fn known_hyper(&self, method: Method) -> Hyper {
        let known = self.model.as_ref().map(|model| model.hyper(method));
        known.unwrap_or_default()
    }

    /// What an edit by `method` would be made with.
    pub fn hyper(&self, method: Method) -> Hyper {
        let tuned = self.fact.tuned.get(&method).cloned();
        tuned.unwrap_or_else(|| self.known_hyper(method))
    }

    /// Takes hyper-parameters for `method`; the known ones are not remembered.
    pub fn tune(&mut self, method: Method, hyper: Hyper) {
        match hyper == self.known_hyper(method) {
            true => self.fact.tuned.remove(&method),
            false => self.fact.tuned.insert(method, hyper),
        };
    }

    /// The parameters of `method` that the user set, with their values.
    pub fn tuned(&self, method: Method) -> Vec<(Knob, f64)> {
        let Some(hyper) = self.fact.tuned.get(&method) else {
            return vec![];
        };
        let known = self.known_hyper(method);
        let used = Knob::ALL.into_iter().filter(|knob| knob.used_by(method));
        used.map(|knob| (knob, knob.get(hyper)))
            .filter(|(knob, value)| *value != knob.get(&known))
            .collect()
    }
}
