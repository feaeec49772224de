//! What the lens and the erasure show of the made-up model.

use super::world::{LAYERS, tokenise};
use pentimento::measure::erase::{
    Accuracy, Both, Class, EraseReport, EraseSpec, Fresh, Neighbour, Probed, Reading, Switched,
};
use pentimento::measure::lens::{
    AnswerToken, Depth, Difference, Grid, Guess, LensReport, LensSpec, Seen,
};

/// What the lens shows of Seattle and of another answer, edited at layer 4 or not.
pub fn looked(spec: &LensSpec, edited: bool) -> LensReport {
    let (tokens, _) = tokenise(&spec.prompt);
    let last = tokens.len() - 1;
    let rise = |depth: usize, from: f64| 1.0 / (1.0 + (1.6 * (from - depth as f64)).exp());
    let grid = |p: &dyn Fn(usize) -> f64| -> Grid {
        let row = |t: usize| (0..=LAYERS).map(move |d| p(d) * 0.4f64.powi((last - t) as i32));
        (0..=last).map(|t| row(t).collect()).collect()
    };
    let old = |depth| 0.94 * rise(depth, 5.2);
    let new = |depth| 0.0004 * rise(depth, 7.0);
    let old_after = |depth| old(depth) * if depth > 6 { 0.01 } else { 1.0 };
    let new_after = |depth| {
        if depth > 4 {
            0.992 * rise(depth, 6.2)
        } else {
            new(depth)
        }
    };
    let seen = |old: &dyn Fn(usize) -> f64, new: &dyn Fn(usize) -> f64| {
        let guess = |id, text: &str, p| Guess {
            id,
            text: text.into(),
            p,
        };
        let (p_old, p_new) = (grid(old), grid(new));
        let top = p_old.iter().zip(&p_new).map(|(old, new)| {
            let cells = old.iter().zip(new).map(|(old, new)| {
                let rest = 1.0 - old - new;
                let mut told = vec![
                    guess(7, " Seattle", *old),
                    guess(8, &spec.new, *new),
                    guess(9, " the\u{1b}[31m", 0.5 * rest),
                ];
                told.sort_by(|a, b| b.p.total_cmp(&a.p));
                told
            });
            cells.collect()
        });
        let top = top.collect();
        Seen::new(p_old, p_new, top)
    };
    let before = seen(&old, &new);
    let (after, sentence) = match edited {
        true => (
            seen(&old_after, &new_after),
            "the old answer still leads in the embedding and layers 0–5 (with p up to 0.73); the new one leads from layer 6 on",
        ),
        false => (before.clone(), "no edit is on: the old answer leads"),
    };
    let less = |a: &Grid, b: &Grid| -> Grid {
        let rows = a.iter().zip(b);
        rows.map(|(a, b)| a.iter().zip(b).map(|(a, b)| a - b).collect())
            .collect()
    };
    let answer = |id, text: &str| AnswerToken {
        text: text.into(),
        id,
        token: text.into(),
    };
    LensReport {
        model: "atlas".into(),
        prompt: spec.prompt.clone(),
        input_ids: vec![1; tokens.len()],
        tokens,
        forced: 0,
        old: answer(7, "Seattle"),
        new: answer(8, &spec.new),
        columns: (0..=LAYERS).map(Depth).collect(),
        first_edited: edited.then_some(4),
        difference: Difference {
            p_old: less(&after.p_old, &before.p_old),
            p_new: less(&after.p_new, &before.p_new),
        },
        before,
        after,
        sentence: sentence.into(),
    }
}

/// What an erasure of the fact's concept shows.
pub fn erased(spec: &EraseSpec, edited: bool) -> EraseReport {
    let class = |label: &str, fitted, held_out| Class {
        label: label.into(),
        fitted,
        held_out,
    };
    let reading = |p_old, p_new, top: &str, perplexity| Reading {
        p_old: Some(p_old),
        p_new: Some(p_new),
        top: vec![Guess {
            id: 5,
            text: format!(" {top}"),
            p: 0.4,
        }],
        probe: vec![0.9 * p_old + 0.05, 0.02, 0.93 - 0.9 * p_old],
        perplexity: Some(perplexity),
    };
    let neighbour = |i: usize| Neighbour {
        prompt: format!("Landmark number {i} is in the city of"),
        expected: "Seattle".into(),
        p_off: 0.9 - 0.01 * i as f64,
        p_on: 0.02 * i as f64,
        top_off: " Seattle".into(),
        top_on: if i < 3 { " the" } else { " Seattle" }.into(),
        moved: i < 3,
    };
    let side = |off, on| Switched {
        off,
        on,
        neighbours: (0..8).map(neighbour).collect(),
    };
    let accuracy = |fitted, held_out| Accuracy { fitted, held_out };
    EraseReport {
        model: "atlas".into(),
        layer: spec.layer.unwrap_or(4),
        relation: Some("LOC".into()),
        classes: vec![
            class("Seattle", 40, 10),
            class("Paris", 30, 10),
            class("other", 90, 30),
        ],
        prompts: 210,
        subjects: 42,
        fitted_subjects: 32,
        d: 256,
        rank: 2,
        singular_values: vec![0.4, 0.2],
        own_share: 0.98,
        cross_covariance: Both {
            before: 4.2,
            after: 6e-14,
        },
        guaranteed: true,
        majority: accuracy(0.5625, 0.6),
        probe: Both {
            before: Probed {
                accuracy: accuracy(1.0, 0.86),
                ..Probed::default()
            },
            after: Probed {
                accuracy: accuracy(0.5625, 0.6),
                ..Probed::default()
            },
        },
        fresh: Some(Fresh {
            before: 0.8,
            after: 0.58,
            majority: 0.6,
        }),
        fact: spec.fact.clone(),
        base: side(
            reading(0.94, 0.001, "Seattle", 21.4),
            reading(0.12, 0.08, "the", 24.9),
        ),
        edited: edited.then(|| {
            side(
                reading(0.01, 0.97, "Paris", 21.6),
                reading(0.02, 0.31, "the", 25.2),
            )
        }),
        warnings: vec!["what was fitted on is about 32 subjects, fewer than twice the 256".into()],
        ..EraseReport::default()
    }
}
