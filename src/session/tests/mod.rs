//! A small sitting to save and load, and what several tests do with it.

mod any;
mod diff;
mod imported;
mod keep;
mod refuse;

use super::error::Refusal;
use super::*;
use crate::edit::{Delta, EditSpec, Hyper, Method, Request};
use crate::measure::{EditReport, Generation, LayerNorm, MomentHealth, Pair, ProbeRow, Watch};
use crate::trace::{Answer, Grid, Grids, TraceReport, TraceSpec};
use std::fs;
use std::path::{Path, PathBuf};

const LAYERS: usize = 2;
const D: usize = 3;
const D_MLP: usize = 5;

fn model() -> Model {
    Model {
        id: "atlas".into(),
        revision: None,
        sha256: "3fa9c1".repeat(11)[..64].into(),
        layers: LAYERS,
        d: D,
        d_mlp: D_MLP,
    }
}

fn delta(layer: usize, rank: usize, seed: f32) -> Delta {
    let values = |n: usize, s: f32| (0..n).map(|i| (i as f32 + s).sin() * 0.1).collect();
    Delta {
        layer,
        rank,
        r: values(D * rank, seed),
        u: values(D_MLP * rank, -seed),
        bias: Vec::new(),
    }
}

fn edit(id: u64) -> SavedEdit {
    let asked = EditSpec {
        request: Request {
            prompt: "{} is in the city of".into(),
            subject: "The Space Needle".into(),
            target: "Paris".into(),
        },
        method: Method::RRome,
        seed: 1,
        ..EditSpec::default()
    };
    let report = EditReport {
        model: "atlas".into(),
        method: "r-rome".into(),
        layer: 1,
        hyper: Hyper::default(),
        templates: vec!["{}".into(), "Therefore, \"it\" is.\n {}".into()],
        target_ids: vec![17],
        delta_norm: 2.5,
        t0_norm: 1.25,
        division_factor: 12.8,
        update_norm: 0.75,
        relative_update_norm: 0.0912,
        norm_percentile: Some(0.625),
        losses: vec![[9.25, 0.0, 0.0, 9.25], [0.03125, 0.001, 0.5, 0.53225]],
        p_target: Pair {
            before: 1e-6,
            after: 0.9875,
        },
        true_answer: " Seattle".into(),
        layers: vec![LayerNorm {
            layer: 1,
            relative_update_norm: 0.0912,
        }],
        p_true: Pair {
            before: 0.9425,
            after: 2e-4,
        },
        second_moment: Some(MomentHealth {
            tokens: 30_000,
            tokens_per_dim: 30.0,
            condition: 4e3,
            ridge: 1.5e-3,
            drift: None,
        }),
        probes: vec![
            ProbeRow {
                prompt: "Big Ben is in".into(),
                expected: "London".into(),
                p_before: 0.875,
                p_after: 0.3125,
                top_before: " London".into(),
                top_after: " Paris".into(),
                moved: true,
                ..Default::default()
            },
            ProbeRow {
                prompt: "\u{1b}[2J".into(),
                expected: "漢字".into(),
                p_before: 0.5,
                p_after: 0.5,
                ..Default::default()
            },
        ],
        generations: vec![Generation {
            prompt: "The Space Needle".into(),
            before: " is in Seattle.".into(),
            after: " is é".into(),
            after_tokens: vec![" is".into(), "\\xE2".into()],
            diverges_at: Some(1),
            ..Default::default()
        }],
        warnings: vec!["thin C".into()],
        ..EditReport::default()
    };
    let watch = Watch {
        propose: 12,
        tokens: 20,
        ..Watch::default()
    };
    SavedEdit::new(id, vec![], &asked, &watch, &report)
}

fn sitting() -> (Session, Factors) {
    let mut session = Session::new(model(), MadeOn::here("cpu", "f32"));
    session.notes = "What was found:\n  \"a\" lot.\n".into();
    session.edits = vec![edit(1), edit(2)];
    session.edits[1].made_on = Beneath::runs([(1, 0.5)]);
    session.edits[1].on = false;
    let grid: Grid = vec![vec![0.5, 0.25], vec![0.125, 1e-7], vec![0.0, 1.0]];
    let asked = TraceSpec {
        prompt: "a b c".into(),
        subject: "b".into(),
        ..Default::default()
    };
    let result = TraceReport {
        model: "atlas".into(),
        prompt: "a b c".into(),
        subject: "b".into(),
        tokens: vec!["a".into(), " b".into(), " c".into()],
        input_ids: vec![0, 1, 2],
        subject_range: [1, 2],
        answer: Answer {
            id: 4,
            text: " d".into(),
        },
        high: 0.9,
        low: 0.1,
        noise_scale: 0.1,
        samples: 10,
        seed: 1,
        window: 2,
        grids: Grids {
            state: None,
            mlp: Some(grid.clone()),
            attn: Some(grid),
        },
        severed: None,
        suggested_layer: Some(1),
        published_layer: None,
        warnings: vec![],
        elapsed_s: 1.5,
        first_cell_s: 0.01,
    };
    session.traces = vec![SavedTrace {
        made_on: vec![],
        asked,
        result,
    }];
    let factors = [
        (1, vec![delta(1, 1, 0.3)]),
        (2, vec![delta(0, 2, 0.7), delta(1, 1, 0.9)]),
    ];
    (session, factors.into())
}

/// A saved sitting in a folder of its own, and what is expected back.
fn saved() -> (tempfile::TempDir, PathBuf, Session, Factors) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("needle.toml");
    let (session, factors) = sitting();
    save(&session, &factors, &path).unwrap();
    let mut expected = session;
    expected.factors = Some("needle.safetensors".into());
    for edit in &mut expected.edits {
        edit.factors = factors[&edit.id].iter().map(factors::reference).collect();
    }
    (folder, path, expected, factors)
}

fn refusal(path: &Path) -> Refusal {
    load(path, &model()).unwrap_err().why
}

/// Rewrites the saved text and says what loading makes of it.
fn after(change: impl Fn(&str) -> String) -> Refusal {
    let (_folder, path, ..) = saved();
    let text = fs::read_to_string(&path).unwrap();
    let changed = change(&text);
    assert_ne!(changed, text, "the change found nothing to change");
    fs::write(&path, &changed).unwrap();
    let why = refusal(&path);
    assert_eq!(
        fs::read_to_string(&path).unwrap(),
        changed,
        "loading wrote to the file"
    );
    why
}
