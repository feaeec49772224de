//! What the engine says to each job.

use super::cases::judged;
use super::checks::answer_with_checks;
use super::sides::viewed;
use super::underneath::{erased, looked};
use super::world::{
    LAYERS, candidates, cell, generations, model, neighbours, recheck, tokenise, tried,
};
use pentimento::edit::Delta;
use pentimento::engine::{
    EventKind, LossStep, Outcome, Prediction, Side, Spec, Stage, TraceHeader,
};
use pentimento::measure::board::{History, State};
use pentimento::measure::geometry::{GeometryReport, GeometrySpec, KeyRow, RowKey};
use pentimento::measure::{EditReport, LayerNorm, MomentHealth, Pair, Probe, ProbeRow};
use pentimento::trace::{Answer, Grids, Kind, TraceReport};

/// What the engine says to a job. `edited`: whether an edit is on.
pub fn answer(spec: &Spec, edited: bool) -> Vec<EventKind> {
    let mut events = Vec::new();
    let started = |stage, total| EventKind::Started { stage, total };
    let outcome = match spec {
        Spec::Load(_) => {
            events.push(started(Stage::Load, 0));
            Outcome::Loaded(Box::new(model()))
        }
        Spec::Predict { prompt, .. } => {
            let (tokens, offsets) = tokenise(prompt);
            let before = candidates(&[
                ("Seattle", 0.94),
                ("Tacoma", 0.02),
                ("Portland", 0.012),
                ("the", 0.004),
            ]);
            let after = candidates(&[
                ("Paris", 0.992),
                ("Rome", 0.003),
                ("Seattle", 0.001),
                ("Lyon", 0.001),
            ]);
            Outcome::Predicted(Prediction {
                prompt: prompt.clone(),
                tokens,
                offsets,
                after: if edited { after } else { before.clone() },
                before,
            })
        }
        Spec::Trace(trace) => {
            let (tokens, offsets) = tokenise(&trace.prompt);
            let at = trace.prompt.find(&trace.subject).unwrap_or(0);
            let subject = at..at + trace.subject.len();
            let inside = |o: &[usize; 2]| o[0] < subject.end && o[1] > subject.start;
            let first = offsets.iter().position(inside).unwrap_or(0);
            let last = offsets.iter().rposition(inside).unwrap_or(0);
            let count = tokens.len();
            let header = TraceHeader {
                tokens: tokens.clone(),
                subject_range: [first, last + 1],
                answer: Answer {
                    id: 7,
                    text: " Seattle".into(),
                },
                layers: LAYERS,
                high: 0.94,
                low: 0.05,
                noise_scale: 0.13,
                window: 2,
            };
            events.push(started(Stage::Trace, (count * LAYERS * 3) as u64));
            events.push(EventKind::TraceReady(Box::new(header.clone())));
            let mut order: Vec<usize> = (0..count).collect();
            order.sort_by_key(|t| {
                if *t == last {
                    0
                } else if *t == count - 1 {
                    1
                } else {
                    2
                }
            });
            let mut grids = Grids::default();
            let mut done = 0;
            for token in order {
                for kind in Kind::ALL {
                    for layer in 0..LAYERS {
                        let p = cell(kind, token, layer, last, count);
                        events.push(EventKind::Cell {
                            kind,
                            token,
                            layer,
                            p,
                        });
                        let grid = grids
                            .get_mut(kind)
                            .get_or_insert(vec![vec![0.0; LAYERS]; count]);
                        grid[token][layer] = p;
                        done += 1;
                    }
                }
                events.push(EventKind::Progress {
                    stage: Stage::Trace,
                    done,
                    total: (count * LAYERS * 3) as u64,
                    eta_s: Some(2.1),
                });
            }
            Outcome::Traced(Box::new(TraceReport {
                model: "atlas".into(),
                prompt: trace.prompt.clone(),
                subject: trace.subject.clone(),
                tokens,
                input_ids: vec![1; count],
                subject_range: header.subject_range,
                answer: header.answer,
                high: header.high,
                low: header.low,
                noise_scale: header.noise_scale,
                samples: 10,
                seed: 1,
                window: 2,
                grids,
                severed: None,
                suggested_layer: Some(4),
                published_layer: None,
                warnings: vec![],
                elapsed_s: 1.24,
                first_cell_s: 0.1,
            }))
        }
        Spec::Edit { id, edit, watch } => {
            let stages = [Stage::Templates, Stage::SecondMoment, Stage::Value];
            events.extend(stages.map(|s| started(s, 20)));
            let totals: Vec<f64> = (0..14)
                .map(|i| 6.8 * (-0.42 * f64::from(i)).exp() + 0.03)
                .collect();
            for (step, total) in totals.iter().enumerate() {
                events.push(EventKind::Loss(LossStep {
                    step: step + 1,
                    steps: 20,
                    nll: total * 0.8,
                    kl: total * 0.05,
                    wd: total * 0.15,
                    total: *total,
                }));
            }
            events.push(started(Stage::Update, 1));
            events.push(started(Stage::Probes, 14));
            let rows = neighbours(true);
            for (index, row) in neighbours(false).into_iter().enumerate() {
                events.push(EventKind::Row {
                    index,
                    row,
                    after: false,
                });
            }
            for (index, row) in rows.iter().cloned().enumerate() {
                events.push(EventKind::Row {
                    index,
                    row,
                    after: true,
                });
            }
            events.push(started(Stage::Generations, 80));
            let generations = generations(&watch.generate);
            for (prompt, g) in generations.iter().enumerate() {
                for (b, a) in g.before_tokens.iter().zip(&g.after_tokens) {
                    for (side, text) in [(Side::Before, b), (Side::After, a)] {
                        events.push(EventKind::Token {
                            prompt,
                            side,
                            text: text.clone(),
                        });
                    }
                }
            }
            Outcome::Edited {
                id: *id,
                report: Box::new(EditReport {
                    model: "atlas".into(),
                    method: edit.method.name().into(),
                    layer: 4,
                    losses: totals
                        .iter()
                        .map(|t| [t * 0.8, t * 0.05, t * 0.15, *t])
                        .collect(),
                    delta_norm: 9.3,
                    t0_norm: 4.4,
                    division_factor: 12.8,
                    update_norm: 3.1,
                    relative_update_norm: 0.091,
                    p_target: Pair {
                        before: 0.0004,
                        after: 0.992,
                    },
                    p_true: Pair {
                        before: 0.94,
                        after: 0.001,
                    },
                    true_answer: "Seattle".into(),
                    layers: vec![LayerNorm {
                        layer: 4,
                        relative_update_norm: 0.091,
                    }],
                    second_moment: Some(MomentHealth {
                        tokens: 30720,
                        tokens_per_dim: 30.0,
                        condition: 4.1e3,
                        ridge: 0.002,
                        drift: None,
                    }),
                    norm_percentile: None,
                    seed: 1,
                    probes: rows,
                    generations,
                    ..EditReport::default()
                }),
                deltas: vec![Delta {
                    layer: 4,
                    r: vec![0.1; 256],
                    u: vec![0.2; 1024],
                    rank: 1,
                    bias: Vec::new(),
                }],
            }
        }
        Spec::Try { edit, .. } => {
            events.push(started(Stage::Value, 20));
            Outcome::Tried(Box::new(tried(edit.method, edit.layer)))
        }
        Spec::Validate {
            id,
            edit,
            watch,
            plan,
        } => return answer_with_checks(*id, edit, watch, plan, edited),
        Spec::Stack { edits } => {
            let on = edits.iter().filter(|e| e.on).count();
            Outcome::Stacked {
                hash: format!("b81d{on}7aa"),
            }
        }
        Spec::Recheck { overlaps } => {
            let (held, outcome) = recheck(if edited { &[1] } else { &[] }, *overlaps);
            events.extend(held);
            outcome
        }
        Spec::Probe { probes } => {
            events.push(started(Stage::Probes, probes.len() as u64));
            let known = neighbours(edited);
            let rows: Vec<ProbeRow> = probes
                .iter()
                .map(|p| {
                    let row = known.iter().find(|r| r.prompt == p.prompt).cloned();
                    row.unwrap_or(ProbeRow::of(p))
                })
                .collect();
            for (index, row) in rows.iter().cloned().enumerate() {
                events.push(EventKind::Row {
                    index,
                    row,
                    after: true,
                });
            }
            Outcome::Probed(rows)
        }
        Spec::History { probes } => Outcome::History(history(probes, edited)),
        Spec::Propose { .. } => {
            Outcome::Proposed(neighbours(false).iter().map(ProbeRow::probe).collect())
        }
        Spec::Generate { prompts, .. } => Outcome::Generated(generations(prompts)),
        Spec::Geometry(spec) => Outcome::Compared(Box::new(compared(spec))),
        Spec::Lens(spec) => Outcome::Looked(Box::new(looked(spec, edited))),
        Spec::Views { plan, .. } => {
            let report = viewed(plan.later);
            events.push(started(Stage::Probes, 60));
            let seen = report.views.iter().cloned();
            events.extend(seen.map(|scored| EventKind::View(Box::new(scored))));
            Outcome::Viewed(Box::new(report))
        }
        Spec::Erase(spec) => Outcome::Erased(Box::new(erased(spec, edited))),
        Spec::Zsre { .. } => Outcome::Marked(vec![]),
        Spec::Moments { .. } => Outcome::Moments {
            layers: vec![],
            not_kept: None,
        },
        Spec::Score { .. } => Outcome::Scored(Default::default()),
        Spec::Judge { records, edit, .. } => Outcome::Judged(judged(records, edit.is_some())),
        Spec::JudgeEach { records, edit, .. } => {
            events.extend(judged(records, edit.is_some()).into_iter().map(|judged| {
                EventKind::Judged {
                    case_id: judged.case_id,
                    result: Ok(Box::new(judged)),
                }
            }));
            Outcome::JudgedEach
        }
        Spec::Recall(_) => Outcome::Recalled(vec![]),
        Spec::Know => Outcome::Known {
            examples: vec![],
            known: 0,
            done: true,
        },
        Spec::Adopt { id, .. } => Outcome::Adopted(*id),
    };
    events.push(EventKind::Finished(Ok(outcome)));
    events
}

/// From before to after, over one edit where one is on.
fn history(probes: &[Probe], edited: bool) -> History {
    let p = |after: bool| {
        let known = neighbours(after);
        move |probe: &Probe| {
            let row = known.iter().find(|row| row.prompt == probe.prompt);
            row.map_or(0.0, |row| if after { row.p_after } else { row.p_before })
        }
    };
    let (before, after) = (p(false), p(true));
    let states = [None, Some(1)].into_iter().take(1 + usize::from(edited));
    History {
        p: (probes.iter())
            .map(|probe| match edited {
                true => vec![before(probe), after(probe)],
                false => vec![before(probe)],
            })
            .collect(),
        states: states
            .map(|edit| State {
                edit,
                alpha: edit.map(|_| 1.0),
            })
            .collect(),
    }
}

/// Keys that are the nearer the more their probe moved, but for one.
fn compared(spec: &GeometrySpec) -> GeometryReport {
    let known = neighbours(true);
    let row = |probe: &Probe| {
        let seen = known.iter().find(|row| row.prompt == probe.prompt);
        let seen = seen.cloned().unwrap_or_default();
        let near = (seen.p_before - seen.p_after).abs().clamp(0.05, 0.9);
        KeyRow {
            prompt: probe.prompt.clone(),
            expected: probe.expected.clone(),
            group: probe.group,
            key: RowKey {
                cosine: 0.5 * near,
                cosine_c: Some(near),
                gate: -0.8 * near,
                gate_most: 0.9 * near,
                ..RowKey::default()
            },
            p_before: seen.p_before,
            p_after: seen.p_after,
            moved: seen.moved,
            counted: !probe.group.follows(),
            ..KeyRow::default()
        }
    };
    let rows: Vec<KeyRow> = spec.probes.iter().map(row).collect();
    GeometryReport {
        edit: spec.edit.unwrap_or(1),
        layer: 4,
        rank: 1,
        facts: 1,
        ridge: Some(0.01),
        counted: rows.iter().filter(|row| row.counted).count(),
        moved: rows.iter().filter(|row| row.counted && row.moved).count(),
        rows,
        sentences: vec![
            "2 of 8 neighbours moved; of the 2 with the largest |cosine| with C⁻¹, 2 did (by chance 0.5)".into(),
            "behind layer 4, \u{1b}Space Needle lay 3 % of the way from Seattle's centroid to Paris's and lies 91 % of it now; the two are 5.20 apart, nearer by 0.10 with the edit".into(),
        ],
        ..GeometryReport::default()
    }
}
