//! The averaged picture over many facts (ALGORITHMS §1.6).

use super::spec::{Kind, Severed, TraceReport};
use serde::{Deserialize, Serialize};

/// Where a token stands relative to the subject.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Bucket {
    FirstSubject,
    MiddleSubject,
    LastSubject,
    FirstSubsequent,
    Further,
    Last,
}

impl Bucket {
    pub const ALL: [Bucket; 6] = [
        Bucket::FirstSubject,
        Bucket::MiddleSubject,
        Bucket::LastSubject,
        Bucket::FirstSubsequent,
        Bucket::Further,
        Bucket::Last,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Bucket::FirstSubject => "first subject token",
            Bucket::MiddleSubject => "middle subject tokens",
            Bucket::LastSubject => "last subject token",
            Bucket::FirstSubsequent => "first subsequent token",
            Bucket::Further => "further tokens",
            Bucket::Last => "last token",
        }
    }

    /// The bucket of `token` among `tokens` of which `[begin, end)` are the
    /// subject's; `None` before the subject. The prompt's final token is
    /// [`Bucket::Last`] and a one-token subject [`Bucket::LastSubject`].
    pub fn of(token: usize, [begin, end]: [usize; 2], tokens: usize) -> Option<Bucket> {
        Some(match token {
            t if t < begin => return None,
            t if t + 1 == tokens => Bucket::Last,
            t if t + 1 == end => Bucket::LastSubject,
            t if t == begin => Bucket::FirstSubject,
            t if t < end => Bucket::MiddleSubject,
            t if t == end => Bucket::FirstSubsequent,
            _ => Bucket::Further,
        })
    }
}

/// Means over facts. Effects are differences of probabilities.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Averages {
    pub facts: usize,
    /// Mean p(answer), clean and corrupted.
    pub high: f64,
    pub low: f64,
    pub rows: Vec<AverageRow>,
    /// The state row at the last subject token with a module cut off, as an
    /// effect by layer; over the facts that were traced so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub severed: Option<Severed>,
}

/// Average indirect effect of one bucket by layer: the mean of score − low over
/// the facts that have such a token, each with its own low. (The mean low of all
/// facts would credit a rare bucket with its facts being easier.)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AverageRow {
    pub kind: Kind,
    pub bucket: Bucket,
    /// Facts that have such a token.
    pub facts: usize,
    pub effect: Vec<f64>,
}

impl Averages {
    /// Average total effect: how much of the answer the noise takes away.
    pub fn total_effect(&self) -> f64 {
        self.high - self.low
    }

    pub fn row(&self, kind: Kind, bucket: Bucket) -> Option<&AverageRow> {
        self.rows
            .iter()
            .find(|r| r.kind == kind && r.bucket == bucket)
    }
}

/// Averages traces of one model (choose those whose answer is right). A fact's
/// tokens of one bucket are averaged first, then the facts.
pub fn average(reports: &[TraceReport]) -> Averages {
    let facts = reports.len();
    let mean =
        |of: fn(&TraceReport) -> f64| reports.iter().map(of).sum::<f64>() / facts.max(1) as f64;
    let (high, low) = (mean(|r| r.high), mean(|r| r.low));
    let mut rows = Vec::new();
    for kind in Kind::ALL {
        for bucket in Bucket::ALL {
            let effects: Vec<Vec<f64>> = reports
                .iter()
                .filter_map(|r| Some(above_low(&bucket_scores(r, kind, bucket)?, r)))
                .collect();
            if let Some(effect) = column_means(effects.iter()) {
                let facts = effects.len();
                rows.push(AverageRow {
                    kind,
                    bucket,
                    facts,
                    effect,
                });
            }
        }
    }
    let cut_off = |of: fn(&Severed) -> &Vec<f64>| {
        let traced = reports
            .iter()
            .filter_map(|r| Some((r, r.severed.as_ref()?)));
        let effects: Vec<Vec<f64>> = traced.map(|(r, s)| above_low(of(s), r)).collect();
        column_means(effects.iter())
    };
    let severed = cut_off(|s| &s.attn).zip(cut_off(|s| &s.mlp));
    Averages {
        facts,
        high,
        low,
        rows,
        severed: severed.map(|(attn, mlp)| Severed { attn, mlp }),
    }
}

fn above_low(scores: &[f64], report: &TraceReport) -> Vec<f64> {
    scores.iter().map(|score| score - report.low).collect()
}

/// Mean score by layer of one fact's tokens in a bucket.
fn bucket_scores(report: &TraceReport, kind: Kind, bucket: Bucket) -> Option<Vec<f64>> {
    let grid = report.grids.get(kind)?;
    let place = |t| Bucket::of(t, report.subject_range, grid.len());
    column_means(
        (0..grid.len())
            .filter(|&t| place(t) == Some(bucket))
            .map(|t| &grid[t]),
    )
}

fn column_means<'a>(rows: impl Iterator<Item = &'a Vec<f64>>) -> Option<Vec<f64>> {
    let (mut n, mut sums) = (0.0, Vec::new());
    for row in rows {
        sums.resize(row.len(), 0.0);
        sums.iter_mut().zip(row).for_each(|(s, v)| *s += v);
        n += 1.0;
    }
    (n > 0.0).then(|| sums.iter().map(|s| s / n).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trace::spec::{Answer, Grids};

    fn report(subject_range: [usize; 2], high: f64, low: f64, state: Vec<Vec<f64>>) -> TraceReport {
        let tokens = state.len();
        TraceReport {
            model: "test".into(),
            prompt: String::new(),
            subject: String::new(),
            tokens: vec![String::new(); tokens],
            input_ids: vec![0; tokens],
            subject_range,
            answer: Answer {
                id: 0,
                text: String::new(),
            },
            high,
            low,
            noise_scale: 1.0,
            samples: 1,
            seed: 1,
            window: 1,
            grids: Grids {
                state: Some(state),
                ..Grids::default()
            },
            severed: None,
            suggested_layer: None,
            published_layer: None,
            warnings: vec![],
            elapsed_s: 0.0,
            first_cell_s: 0.0,
        }
    }

    #[test]
    fn every_token_has_the_first_bucket_that_fits() {
        use Bucket::*;
        let of = |subject, tokens: usize| -> Vec<Option<Bucket>> {
            (0..tokens)
                .map(|t| Bucket::of(t, subject, tokens))
                .collect()
        };
        assert_eq!(
            of([1, 4], 8),
            [
                None,
                Some(FirstSubject),
                Some(MiddleSubject),
                Some(LastSubject),
                Some(FirstSubsequent),
                Some(Further),
                Some(Further),
                Some(Last)
            ]
        );
        assert_eq!(
            of([0, 1], 3),
            [Some(LastSubject), Some(FirstSubsequent), Some(Last)]
        );
        assert_eq!(of([0, 2], 2), [Some(FirstSubject), Some(Last)]);
    }

    #[test]
    fn effects_are_means_over_facts_above_their_low() {
        let a = report(
            [0, 1],
            0.9,
            0.1,
            vec![vec![0.5, 0.3], vec![0.2, 0.2], vec![0.9, 0.9]],
        );
        let b = report(
            [0, 2],
            0.7,
            0.3,
            vec![vec![0.4, 0.4], vec![0.7, 0.5], vec![0.7, 0.7]],
        );
        let averages = average(&[a, b]);
        assert!((averages.total_effect() - 0.6).abs() < 1e-12);
        let last = averages
            .row(Kind::State, Bucket::LastSubject)
            .map(|r| (r.facts, r.effect.clone()));
        let (facts, effect) = last.unwrap_or_default();
        assert_eq!(facts, 2);
        // (0.4 + 0.4)/2 and (0.2 + 0.2)/2.
        assert!((effect[0] - 0.4).abs() < 1e-12 && (effect[1] - 0.2).abs() < 1e-12);
        assert!(averages.row(Kind::State, Bucket::Further).is_none());
        assert!(averages.row(Kind::Mlp, Bucket::Last).is_none());
        // Only the second fact has such a token: its own low counts.
        let first = averages.row(Kind::State, Bucket::FirstSubject);
        let first = first.map(|r| r.effect.clone()).unwrap_or_default();
        assert!((first[0] - 0.1).abs() < 1e-12 && (first[1] - 0.1).abs() < 1e-12);
        assert_eq!(
            averages
                .row(Kind::State, Bucket::FirstSubject)
                .map(|r| r.facts),
            Some(1)
        );
    }
}
