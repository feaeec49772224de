//! From what was seen to a score in 0–1: each view's definition as arithmetic.

use super::prompt::Wish;
use super::report::{Evidence, ViewScore};
use super::row::Row;
use super::view::{Thresholds, View};
use crate::measure::counterfact::mean;

/// A text that follows another's keeps at least this much of its entropy.
const LANGUAGE: f64 = 0.8;

/// The rows of one view, and how many prompts told nothing.
#[derive(Clone, Debug, Default)]
pub struct Rows {
    pub rows: Vec<Row>,
    pub left_out: usize,
}

/// Retention: mean p(new).
fn p_new(rows: &[Row]) -> Option<f64> {
    mean(rows.iter().map(|row| row.after.p))
}

fn share(rows: &[Row], of: impl Fn(&Row) -> bool) -> Option<f64> {
    mean(rows.iter().map(|row| f64::from(of(row))))
}

/// A view that is scored by its own rows alone.
pub fn asked(view: View, found: &Rows, thresholds: &Thresholds) -> ViewScore {
    let rows = &found.rows;
    let score = match view {
        View::Retention => p_new(rows),
        View::Extraction => share(rows, |row| row.after.exact),
        _ => share(rows, |row| row.holds),
    };
    let all = rows.len();
    let count = |of: &dyn Fn(&Row) -> bool| rows.iter().filter(|row| of(row)).count();
    let why = match (score, found.left_out) {
        (None, 0) => "no prompt is known to ask it by; give your own".into(),
        (None, 1) => {
            "the one prompt told nothing: the model did not answer it before either".into()
        }
        (None, n) => {
            format!(
                "none of {n} prompts told anything: the model did not answer them before either"
            )
        }
        (Some(p), _) => match view {
            View::Retention => format!("mean p(new) {p:.3} over {}", prompts(all)),
            View::Extraction => {
                format!(
                    "{} of {} answered",
                    count(&|r| r.after.exact),
                    questions(all)
                )
            }
            View::Ripple | View::CrossDomain => {
                format!("{} of {} moved", count(&|r| !r.holds), prompts(all))
            }
            _ => format!("{} of {} hold", count(&|r| r.holds), prompts(all)),
        },
    };
    let evidence = rows.iter().cloned().map(Evidence::Asked).collect();
    ViewScore {
        left_out: found.left_out,
        ..ViewScore::new(view, score, why, evidence, thresholds)
    }
}

fn prompts(n: usize) -> String {
    counted(n, "prompt")
}

fn questions(n: usize) -> String {
    counted(n, "question")
}

fn counted(n: usize, what: &str) -> String {
    match n {
        1 => format!("1 {what}"),
        n => format!("{n} {what}s"),
    }
}

/// Memorisation against generalisation, from the edited prompt (the first row of
/// retention) and the other wordings.
pub fn memorisation(retention: &[Row], others: &[Row], thresholds: &Thresholds) -> ViewScore {
    let (Some(edited), Some(elsewhere)) = (retention.first(), p_new(others)) else {
        let why = "no other wording of the prompt is known; give your own under generalisation";
        return ViewScore::untold(View::Memorisation, why, thresholds);
    };
    let lost = edited.after.p - elsewhere;
    let why = format!(
        "p(new) {:.3} after the edited prompt, {elsewhere:.3} on average after {} others",
        edited.after.p,
        others.len()
    );
    let rows = std::iter::once(edited).chain(others);
    let evidence = rows.cloned().map(Evidence::Asked).collect();
    let score = Some((1.0 - lost).min(1.0));
    ViewScore::new(View::Memorisation, score, why, evidence, thresholds)
}

/// By how much p(right) falls, on average; what rises does no harm.
fn harm(pairs: impl Iterator<Item = (f64, f64)>) -> Option<f64> {
    mean(
        pairs.map(|(before, after)| match (before - after).is_nan() {
            true => f64::NAN,
            false => (before - after).max(0.0),
        }),
    )
}

/// Signal: `kept` are the rows of ripple and cross-domain; `tuned` is p(expected)
/// of each after fine-tuning to p(new) `reached`.
pub fn signal(kept: &[Row], tuned: &[f64], reached: f64, thresholds: &Thresholds) -> ViewScore {
    let both: Vec<(&Row, f64)> = kept.iter().zip(tuned.iter().copied()).collect();
    let edit = harm(both.iter().map(|(row, _)| (row.before.p, row.after.p)));
    let tuning = harm(both.iter().map(|(row, p)| (row.before.p, *p)));
    let (Some(edit), Some(tuning)) = (edit, tuning) else {
        let why = "no fact that the model knows stands beside this one";
        return ViewScore::untold(View::Signal, why, thresholds);
    };
    let score = match edit == 0.0 {
        true => 1.0,
        false => tuning / (tuning + edit),
    };
    let why = format!(
        "p(right) fell by {edit:.4} on average, by {tuning:.4} under fine-tuning to p(new) {reached:.3}"
    );
    let evidence = both.into_iter().map(|(row, tuned)| Evidence::Beside {
        prompt: row.prompt.clone(),
        expected: match &row.wish {
            Wish::Keep { expected } => expected.clone(),
            other => other.wanted().to_owned(),
        },
        before: row.before.p,
        edited: row.after.p,
        tuned,
    });
    let evidence = evidence.collect();
    ViewScore::new(View::Signal, Some(score), why, evidence, thresholds)
}

/// Long-form: `texts` have what holds filled in by [`written`].
pub fn long_form(texts: Vec<Evidence>, thresholds: &Thresholds) -> ViewScore {
    let held = texts
        .iter()
        .filter(|text| text.holds() == Some(true))
        .count();
    let named = texts
        .iter()
        .filter(|text| {
            matches!(
                text,
                Evidence::Written {
                    names_old: true,
                    ..
                }
            )
        })
        .count();
    let score = mean(
        texts
            .iter()
            .map(|text| f64::from(text.holds() == Some(true))),
    );
    let why = match score {
        None => "no text was asked for".into(),
        Some(_) => format!(
            "{held} of {} hold; {named} name the old answer",
            counted(texts.len(), "text")
        ),
    };
    ViewScore::new(View::LongForm, score, why, texts, thresholds)
}

/// A continuation beside the one before; `before` and `after` are without the
/// prompt.
pub fn written(prompt: &str, before: &str, after: &str, old: &str) -> Evidence {
    let entropy = |text: &str| crate::measure::counterfact::entropy(&format!("{prompt}{text}"));
    let (entropy_before, entropy_after) = (entropy(before), entropy(after));
    let names_old = names(after, old);
    Evidence::Written {
        prompt: prompt.to_owned(),
        before: before.to_owned(),
        after: after.to_owned(),
        names_old,
        entropy_before,
        entropy_after,
        holds: !names_old && entropy_after >= LANGUAGE * entropy_before,
    }
}

/// Whether `text` holds `name` as whole words.
fn names(text: &str, name: &str) -> bool {
    let name = name.trim();
    let within = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
    !name.is_empty()
        && text.match_indices(name).any(|(at, found)| {
            let before = text[..at].chars().next_back();
            let after = text[at + found.len()..].chars().next();
            !within(before) && !within(after)
        })
}

/// Batch: facts of [`Evidence::Made`]; `own`: those of the edit itself.
pub fn batch(made: Vec<Evidence>, own: bool, thresholds: &Thresholds) -> ViewScore {
    let held = made
        .iter()
        .filter(|fact| fact.holds() == Some(true))
        .count();
    let score = mean(
        made.iter()
            .map(|fact| f64::from(fact.holds() == Some(true))),
    );
    let of = match own {
        true => "the edit's own",
        false => "this one and the further edits",
    };
    let why = format!("{held} of {} hold: {of}", counted(made.len(), "fact"));
    ViewScore::new(View::Batch, score, why, made, thresholds)
}

/// Later: `rows` are those of retention, `at_first` and at the end.
pub fn later(
    at_first: &[Row],
    at_last: &[Row],
    edits: usize,
    thresholds: &Thresholds,
) -> ViewScore {
    let (Some(first), Some(last)) = (p_new(at_first), p_new(at_last)) else {
        return ViewScore::untold(View::Later, "nothing was asked", thresholds);
    };
    if first == 0.0 {
        let why = "the new answer was never given: nothing can be lost";
        return ViewScore::untold(View::Later, why, thresholds);
    }
    let why = format!(
        "mean p(new) {first:.3}, and {last:.3} after {}",
        counted(edits, "further edit")
    );
    let evidence = at_last.iter().cloned().map(Evidence::Asked).collect();
    let score = Some((last / first).min(1.0));
    ViewScore::new(View::Later, score, why, evidence, thresholds)
}

/// Collapse: `perplexity` before and at the end; `kept`: the rows of cross-domain
/// at the end.
pub fn collapse(
    perplexity: [f64; 2],
    kept: &[Row],
    edits: usize,
    thresholds: &Thresholds,
) -> ViewScore {
    let [before, after] = perplexity;
    let ratio = match (before / after).is_finite() {
        true => (before / after).min(1.0),
        false => 0.0,
    };
    let stands = share(kept, |row| row.holds);
    let score = stands.map_or(ratio, |stands| stands.min(ratio));
    let standing = kept.iter().filter(|row| row.holds).count();
    let why = format!(
        "after {}: perplexity {before:.1} → {after:.1}; {standing} of {} stand",
        counted(edits, "further edit"),
        prompts(kept.len())
    );
    let evidence = kept.iter().cloned().map(Evidence::Asked).collect();
    ViewScore::new(View::Collapse, Some(score), why, evidence, thresholds)
}

#[cfg(test)]
mod tests {
    use super::super::row::Said;
    use super::*;

    fn said(p: f64, rival: f64) -> Said {
        Said {
            p,
            rival,
            ..Said::default()
        }
    }

    fn row(before: f64, after: f64, holds: bool) -> Row {
        Row {
            before: said(before, 0.0),
            after: said(after, 0.0),
            holds,
            ..Row::default()
        }
    }

    fn score(scored: ViewScore) -> f64 {
        scored.score.unwrap()
    }

    fn close(a: f64, b: f64) {
        assert!((a - b).abs() < 1e-12, "{a} {b}");
    }

    #[test]
    fn shares_and_means_are_what_the_definitions_say() {
        let t = Thresholds::default();
        let rows = |rows: Vec<Row>| Rows { rows, left_out: 2 };
        let three = || {
            vec![
                row(0.1, 0.9, true),
                row(0.2, 0.6, true),
                row(0.3, 0.3, false),
            ]
        };
        close(score(asked(View::Retention, &rows(three()), &t)), 0.6);
        close(score(asked(View::Ripple, &rows(three()), &t)), 2.0 / 3.0);
        close(score(asked(View::Extraction, &rows(three()), &t)), 0.0);
        let none = asked(View::TwoHop, &rows(vec![]), &t);
        assert_eq!((none.score, none.left_out), (None, 2));
        assert!(none.why.contains("none of 2 prompts"), "{}", none.why);
        close(
            score(memorisation(&three(), &three()[1..], &t)),
            1.0 - (0.9 - 0.45),
        );
        // Other wordings may do better than the edited one.
        close(score(memorisation(&three()[2..], &three(), &t)), 1.0);
    }

    #[test]
    fn an_edit_that_moves_nothing_scores_one_wherever_nothing_is_to_move() {
        let t = Thresholds::default();
        let still = vec![row(0.9, 0.9, true); 4];
        close(score(signal(&still, &[0.5; 4], 0.9, &t)), 1.0);
        close(score(signal(&still, &[0.9; 4], 0.9, &t)), 1.0);
        close(score(collapse([20.0, 20.0], &still, 3, &t)), 1.0);
        close(score(later(&still, &still, 3, &t)), 1.0);
    }

    #[test]
    fn harm_is_what_falls_and_is_weighed_against_fine_tuning() {
        let t = Thresholds::default();
        let rows = [row(0.9, 0.7, true), row(0.5, 0.8, true)];
        // 0.1 on average against 0.3.
        close(score(signal(&rows, &[0.5, 0.3], 0.9, &t)), 0.75);
        let broken = [row(0.9, f64::NAN, false)];
        assert!(score(signal(&broken, &[0.5], 0.9, &t)).is_nan());
    }

    #[test]
    fn collapse_is_the_lesser_of_language_and_facts() {
        let t = Thresholds::default();
        let half = [row(0.9, 0.9, true), row(0.9, 0.1, false)];
        close(score(collapse([20.0, 25.0], &half, 3, &t)), 0.5);
        close(score(collapse([20.0, 80.0], &half, 3, &t)), 0.25);
        close(score(collapse([20.0, f64::INFINITY], &half, 3, &t)), 0.0);
        close(score(collapse([20.0, f64::NAN], &half, 3, &t)), 0.0);
        close(score(collapse([20.0, 19.0], &[], 3, &t)), 1.0);
    }

    #[test]
    fn a_text_holds_that_names_the_old_answer_nowhere_and_does_not_loop() {
        let holds = |after: &str| {
            let before = " in the old town by the river near the hill.";
            written("The tower is", before, after, " Paris").holds() == Some(true)
        };
        assert!(holds(" in Rome, the old town by the seven hills."));
        assert!(!holds(" in the old town of Paris by the river there."));
        assert!(holds(" the work of the Parisian masons of old and then."));
        assert!(!holds(
            " Rome Rome Rome Rome Rome Rome Rome Rome Rome Rome."
        ));
    }

    #[test]
    fn what_was_lost_is_a_share_of_what_there_was() {
        let t = Thresholds::default();
        let (first, last) = ([row(0.0, 0.8, true)], [row(0.0, 0.2, false)]);
        close(score(later(&first, &last, 5, &t)), 0.25);
        let none = later(&[row(0.0, 0.0, false)], &last, 5, &t);
        assert_eq!(none.score, None);
    }
}
