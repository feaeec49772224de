//! What a method's questions come to: the mean over a prompt's tokens, then over
//! questions, ×100, with 95 % intervals.

use super::answers::Marked;
use crate::edit::Method;
use crate::measure::counterfact::{Figure, harmonic_mean, interval, mean};
use serde::Serialize;

/// The scores of one method; those of the paper's Table 1 and what moved beside.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Line {
    pub method: String,
    /// Questions with an answer, and edits that could not be made.
    pub cases: usize,
    pub failed: usize,
    /// The harmonic mean of the three.
    pub score: f64,
    pub efficacy: Figure,
    pub paraphrase: Figure,
    /// Of the unrelated questions, against their own answers.
    pub specificity: Figure,
    /// Of the unrelated questions' tokens those at which the unedited model chooses
    /// the same.
    pub unchanged: Figure,
    pub mean_relative_update_norm: Option<f64>,
    pub seconds_an_edit: Option<f64>,
}

impl Line {
    /// Of each question the unedited model's marks beside the method's own.
    pub fn of(method: Option<Method>, marked: &[(&Marked, &Marked)], failed: usize) -> Line {
        let of = |field: &dyn Fn(&Marked, &Marked) -> f64| {
            let values: Vec<f64> = marked.iter().map(|(base, own)| field(base, own)).collect();
            Figure::from(interval(&values))
        };
        let efficacy = of(&|_, own| own.rewrite.accuracy());
        let paraphrase = of(&|_, own| own.paraphrase.accuracy());
        let specificity = of(&|_, own| own.neighbour.accuracy());
        let norms = marked
            .iter()
            .filter_map(|(_, own)| own.relative_update_norm);
        let edits = marked.iter().filter(|_| method.is_some());
        Line {
            method: method.map_or("unedited", Method::name).into(),
            cases: marked.len(),
            failed,
            score: harmonic_mean([efficacy.mean, paraphrase.mean, specificity.mean]),
            efficacy,
            paraphrase,
            specificity,
            unchanged: of(&|base, own| own.neighbour.same_as(&base.neighbour)),
            mean_relative_update_norm: mean(norms),
            seconds_an_edit: mean(edits.map(|(_, own)| own.seconds)),
        }
    }

    /// As [`HEADINGS`] has them.
    pub fn cells(&self) -> Vec<String> {
        let with = |f: &Figure| format!("{:.1} ±{:.1}", f.mean, f.ci);
        let number = |x: Option<f64>, of: fn(f64) -> String| x.map_or("–".into(), of);
        vec![
            self.method.clone(),
            self.cases.to_string(),
            format!("{:.1}", self.score),
            with(&self.efficacy),
            with(&self.paraphrase),
            with(&self.specificity),
            with(&self.unchanged),
            number(self.mean_relative_update_norm, |x| {
                format!("{:.0} %", 100.0 * x)
            }),
            number(self.seconds_an_edit, |x| format!("{x:.1}")),
        ]
    }
}

pub const HEADINGS: [&str; 9] = [
    "method",
    "cases",
    "score",
    "efficacy",
    "paraphrase",
    "specificity",
    "unchanged",
    "‖ΔW‖/‖W‖",
    "s an edit",
];

#[cfg(test)]
mod tests {
    use super::super::answers::Marks;
    use super::*;

    #[test]
    fn tokens_are_averaged_within_a_question_first() {
        let marks = |wanted: &[u32], chosen: &[u32]| Marks {
            wanted: wanted.to_vec(),
            chosen: chosen.to_vec(),
        };
        let own = |rewrite| Marked {
            rewrite,
            paraphrase: marks(&[1], &[1]),
            neighbour: marks(&[5, 6], &[5, 7]),
            ..Marked::default()
        };
        let base = Marked {
            neighbour: marks(&[5, 6], &[9, 7]),
            ..Marked::default()
        };
        let cases = [
            own(marks(&[1, 2, 3, 4], &[1, 2, 3, 4])),
            own(marks(&[1], &[2])),
        ];
        let pairs = cases.each_ref().map(|own| (&base, own));
        let line = Line::of(Some(Method::Rome), &pairs, 1);
        assert_eq!(line.efficacy.mean, 50.0, "not 4 tokens of 5");
        assert_eq!((line.paraphrase.mean, line.specificity.mean), (100.0, 50.0));
        assert_eq!((line.unchanged.mean, line.cases, line.failed), (50.0, 2, 1));
        assert!((line.score - 60.0).abs() < 1e-9);
        assert_eq!(Line::of(None, &pairs, 0).seconds_an_edit, None);
    }
}
