//! What the engine tells of a stack: whether edits hold, what moved, and which
//! keys overlap, each against a calculation of its own.

use crate::{Bench, edit};
use faer::Mat;
use faer::linalg::solvers::Solve;
use pentimento::edit::{
    Context, Delta, EditSpec, Hyper, LayerChoice, Method, Request, SecondMoment,
};
use pentimento::edit::{recall, stack};
use pentimento::engine::{Folders, Outcome, Spec, StackCheck, Stacked};
use pentimento::measure::rescore::Rescore;
use pentimento::measure::score::{Ask, score};
use pentimento::measure::{EditReport, Probe, ProbeRow, Watch};
use pentimento::model::{Decoder, Loaded, Source};
use std::collections::BTreeMap;

fn request(subject: &str, target: &str) -> Request {
    Request {
        prompt: "{} is located in".into(),
        subject: subject.into(),
        target: target.into(),
    }
}

fn made(bench: &Bench, id: u64, spec: EditSpec) -> (EditReport, Vec<Delta>) {
    let spec = Spec::Edit {
        id,
        edit: Box::new(spec),
        watch: Watch::default(),
    };
    match bench.run(spec) {
        Ok(Outcome::Edited { report, deltas, .. }) => (*report, deltas),
        other => panic!("{other:?}"),
    }
}

/// An edit without a gradient: quick, and as good as any to change weights.
fn direct(subject: &str, target: &str, layer: usize) -> EditSpec {
    EditSpec {
        request: request(subject, target),
        method: Method::Direct,
        layer: LayerChoice::At(layer),
        ..EditSpec::default()
    }
}

fn recheck(bench: &Bench) -> StackCheck {
    match bench.run(Spec::Recheck { overlaps: true }) {
        Ok(Outcome::Rechecked(check)) => *check,
        other => panic!("{other:?}"),
    }
}

fn restack(bench: &Bench, edits: &[(u64, f64, bool)]) -> String {
    let edits = edits
        .iter()
        .map(|&(id, alpha, on)| Stacked { id, alpha, on });
    let edits = edits.collect();
    match bench.run(Spec::Stack { edits }) {
        Ok(Outcome::Stacked { hash }) => hash,
        other => panic!("{other:?}"),
    }
}

fn probe(bench: &Bench, probes: &[Probe]) -> Vec<ProbeRow> {
    let probes = probes.to_vec();
    match bench.run(Spec::Probe { probes }) {
        Ok(Outcome::Probed(rows)) => rows,
        other => panic!("{other:?}"),
    }
}

fn atlas() -> Loaded {
    Source::Atlas.load(&candle_core::Device::Cpu).unwrap()
}

fn held(check: &StackCheck, id: u64) -> f64 {
    check.held.iter().find(|(of, _)| *of == id).unwrap().1
}

#[test]
fn an_edit_of_the_same_fact_fades_the_first_and_is_warned_of() {
    let folder = tempfile::tempdir().unwrap();
    let bench = Bench::open_with(Folders {
        cache: Some(folder.path().into()),
        ..Folders::default()
    });
    let rome = |subject: &str, target: &str| EditSpec {
        request: request(subject, target),
        ..EditSpec::default()
    };
    let (first, _) = made(&bench, 1, rome("The Space Needle", "Paris"));
    assert!(!first.warnings.iter().any(|w| w.contains("overlaps")));
    let alone = recheck(&bench);
    let p = held(&alone, 1);
    assert!((p - first.p_target.after).abs() < 1e-4, "{p} at first");

    let (second, _) = made(&bench, 2, rome("The Space Needle", "Rome"));
    let warned = second.warnings.iter().find(|w| w.contains("overlaps"));
    let warned = warned.unwrap_or_else(|| panic!("{:?}", second.warnings));
    assert!(warned.contains("edit 1 (The Space Needle)"), "{warned}");
    made(&bench, 3, rome("The Liberty Bell", "Rome"));
    let check = recheck(&bench);
    assert!(held(&check, 1) < 0.2, "p(Paris) {}", held(&check, 1));
    assert!(held(&check, 2) > 0.5, "p(Rome) {}", held(&check, 2));

    // The overlaps by hand: keys of the unedited model, C from its file.
    let of = &check.overlaps.as_ref().unwrap()[0];
    assert!(of.in_c && of.layer == first.layer && of.ids == [1, 2, 3]);
    let Loaded {
        decoder, tokens, ..
    } = atlas();
    let (d_k, layer) = (decoder.config.d_mlp, of.layer);
    let key = |subject| {
        let context = Context::new(&tokens, &request(subject, "x"), &["{}".into()]).unwrap();
        recall::keys(&decoder, &[context], layer, &mut ()).unwrap()
    };
    let subjects = ["The Space Needle", "The Space Needle", "The Liberty Bell"];
    let keys = subjects.map(key);
    let file = std::fs::read_dir(folder.path()).unwrap().next().unwrap();
    let c = SecondMoment::read(&file.unwrap().path(), d_k, layer).unwrap();
    let ridge = 1e-2 * c.mean_diagonal();
    let c = Mat::from_fn(d_k, d_k, |i, j| {
        c.c[i * d_k + j] + if i == j { ridge } else { 0.0 }
    });
    let solved = c.partial_piv_lu();
    let form = |a: &Mat<f64>, b: &Mat<f64>| (a.transpose() * solved.solve(b))[(0, 0)];
    for (i, row) in of.pairs.iter().enumerate() {
        for (j, found) in row.iter().enumerate() {
            let (a, b) = (&keys[i], &keys[j]);
            let cosine = form(a, b) / (form(a, a) * form(b, b)).sqrt();
            let share = form(a, b) / form(b, b);
            assert!(
                (found.cosine - cosine).abs() < 1e-6,
                "{i} {j} {found:?} {cosine}"
            );
            assert!(
                (found.share - share).abs() < 1e-6,
                "{i} {j} {found:?} {share}"
            );
        }
    }
    assert!(of.pairs[0][1].cosine > 0.999 && of.pairs[0][2].cosine.abs() < 0.5);
}

#[test]
fn without_c_overlaps_are_plain_cosines_and_say_so() {
    let bench = Bench::open();
    made(&bench, 1, direct("The Space Needle", "Paris", 2));
    made(&bench, 2, direct("The Liberty Bell", "Rome", 2));
    made(&bench, 3, direct("The Liberty Bell", "Rome", 5));
    let overlaps = recheck(&bench).overlaps.unwrap();
    let layers: Vec<_> = overlaps.iter().map(|of| (of.layer, of.ids.len())).collect();
    assert_eq!(layers, [(2, 2), (5, 1)]);
    assert!(overlaps.iter().all(|of| !of.in_c));
    let cosine = overlaps[0].pairs[0][1].cosine;
    assert!((0.0..1.0).contains(&cosine), "{cosine}");
}

#[test]
fn only_edited_layers_move_and_by_what_was_written() {
    let bench = Bench::open();
    let (one, first) = made(&bench, 1, direct("The Space Needle", "Paris", 1));
    let (_, second) = made(&bench, 2, direct("The Liberty Bell", "Rome", 4));
    restack(&bench, &[(1, 0.5, true), (2, -1.0, true)]);
    let layers = recheck(&bench).layers;
    let pristine = atlas().decoder;
    assert_eq!(layers.len(), pristine.layers());
    for (layer, of) in layers.iter().enumerate() {
        let before = stack::weight_norm(&pristine, layer).unwrap();
        assert_eq!(of.before, before);
        if ![1, 4].contains(&layer) {
            assert_eq!((of.now, of.change, of.edited), (before, 0.0, false));
            continue;
        }
        assert!(of.edited);
        let (delta, alpha) = if layer == 1 {
            (&first[0], 0.5)
        } else {
            (&second[0], -1.0)
        };
        let (now, change) = by_hand(&pristine, delta, alpha);
        assert!((of.now / now - 1.0).abs() < 1e-6, "{} {now}", of.now);
        assert!(
            (of.change / change - 1.0).abs() < 1e-4,
            "{} {change}",
            of.change
        );
    }
    let full = 0.5 * one.update_norm;
    assert!((layers[1].change / full - 1.0).abs() < 1e-4);
    // Off again, every layer is the one that was loaded.
    restack(&bench, &[(1, 0.5, false), (2, 0.0, true)]);
    let layers = recheck(&bench).layers;
    assert!(layers.iter().all(|of| !of.edited && of.now == of.before));
}

/// ‖W₀ + α r uᵀ‖ and ‖α r uᵀ‖, entry by entry.
fn by_hand(pristine: &Decoder, delta: &Delta, alpha: f64) -> (f64, f64) {
    let w: Vec<Vec<f32>> = pristine
        .down_weight(delta.layer)
        .unwrap()
        .to_vec2()
        .unwrap();
    let (mut now, mut change) = (0.0, 0.0);
    for (row, r) in w.iter().zip(&delta.r) {
        for (w, u) in row.iter().zip(&delta.u) {
            let x = alpha * f64::from(*r) * f64::from(*u);
            now += (f64::from(*w) + x).powi(2);
            change += x * x;
        }
    }
    (now.sqrt(), change.sqrt())
}

#[test]
fn whatever_is_done_to_a_stack_is_undone_bit_for_bit() {
    let bench = Bench::open();
    let prompt = "The Space Needle is located in";
    let untouched = bench.predict(prompt);
    let (_, deltas) = made(&bench, 1, direct("The Space Needle", "Paris", 1));
    made(&bench, 2, direct("The Liberty Bell", "Rome", 1));
    let start = [(1, 1.0, true), (2, 1.0, true)];
    let name = restack(&bench, &start);
    let both = bench.predict(prompt);
    let asked = vec![request("The Space Needle", "Paris")];
    bench
        .run(Spec::Adopt {
            id: 3,
            asked,
            deltas,
        })
        .unwrap();
    let stacks: [&[(u64, f64, bool)]; 6] = [
        // Moved, alone, scaled to either end, copied, dropped.
        &[(2, 1.0, true), (1, 1.0, true)],
        &[(1, 1.0, true), (2, 1.0, false)],
        &[(1, -1.0, true), (2, 1.0, true)],
        &[(1, 2.0, true), (2, 1.0, true)],
        &[(1, 1.0, true), (3, 1.0, true), (2, 1.0, true)],
        &[(2, 1.0, true)],
    ];
    for stack in stacks {
        restack(&bench, stack);
        assert_ne!(bench.predict(prompt).after, untouched.after);
        assert_eq!(restack(&bench, &start), name);
        assert_eq!(bench.predict(prompt), both, "after {stack:?}");
    }
    // A copy says what its original says.
    restack(&bench, &[(1, 1.0, true), (3, 1.0, false)]);
    let original = bench.predict(prompt);
    restack(&bench, &[(1, 1.0, false), (3, 1.0, true)]);
    assert_eq!(bench.predict(prompt), original);
    assert_eq!(held(&recheck(&bench), 1), held(&recheck(&bench), 3));
    restack(&bench, &[]);
    assert_eq!(bench.predict(prompt), untouched);
}

#[test]
fn a_scale_outside_its_range_is_refused_and_changes_nothing() {
    let bench = Bench::open();
    made(&bench, 1, direct("The Space Needle", "Paris", 1));
    let before = bench.predict("The Space Needle is located in");
    for alpha in [-1.01, 2.5, f64::NAN, f64::INFINITY] {
        let edits = vec![Stacked {
            id: 1,
            alpha,
            on: true,
        }];
        let error = bench.run(Spec::Stack { edits }).unwrap_err();
        assert!(error.contains("α goes from −1 to 2"), "{error}");
    }
    assert_eq!(bench.predict("The Space Needle is located in"), before);
}

#[test]
fn neighbours_are_rescored_as_if_they_were_scored_anew() {
    let Ok(Outcome::Proposed(probes)) = Bench::open().run(Spec::Propose {
        prompt: "{} is located in".into(),
        subject: "The Space Needle".into(),
        true_answer: Some("Seattle".into()),
        count: 40,
        near: None,
    }) else {
        panic!("no probes")
    };
    let bench = Bench::open();
    made(&bench, 1, direct("The Space Needle", "Paris", 1));
    made(&bench, 2, direct("The Liberty Bell", "Rome", 5));
    let stacks: [&[(u64, f64, bool)]; 7] = [
        &[(1, 1.0, true), (2, 1.0, true)],
        &[(1, 1.0, true), (2, 0.5, true)],
        &[(1, 1.0, true), (2, 0.6, true)],
        &[(1, 0.4, true), (2, 0.6, true)],
        &[(1, 0.4, false), (2, 0.6, false)],
        &[(1, 0.4, false), (2, 0.6, true)],
        &[(1, 1.0, true), (2, 1.0, true)],
    ];
    let mut first = None;
    for stack in stacks {
        restack(&bench, stack);
        let rows = probe(&bench, &probes);
        // What is kept is of these probes: others make it forget.
        probe(&bench, &probes[..1]);
        let anew = probe(&bench, &probes);
        for (row, anew) in rows.iter().zip(&anew) {
            assert!(
                (row.p_after - anew.p_after).abs() < 1e-5,
                "{row:?} {anew:?}"
            );
            assert_eq!(row.p_before, anew.p_before);
        }
        if stack.iter().all(|(_, _, on)| !on) {
            assert!(rows.iter().all(|r| r.p_before == r.p_after && !r.moved));
        }
        let first = first.get_or_insert(rows.clone());
        if stack == stacks[0] {
            let pairs = first.iter().zip(&rows);
            assert!(
                pairs
                    .into_iter()
                    .all(|(a, b)| (a.p_after - b.p_after).abs() < 1e-5)
            );
        }
    }
}

#[test]
fn scores_go_on_from_the_layer_that_changed() {
    let Loaded {
        decoder, tokens, ..
    } = atlas();
    let ask = |prompt: &str| Ask::new(&tokens, prompt, &["Paris"]).unwrap();
    let asks: Vec<Ask> = (0..40)
        .map(|i| ask(["The Space Needle is located in", "Rome is in"][i % 2]))
        .collect();
    let mut kept = Rescore::new(&decoder, asks.clone()).unwrap();
    let delta = |layer: usize, sign: f32| Delta {
        layer,
        r: (0..decoder.config.d)
            .map(|i| sign * 0.03 * (i % 7) as f32)
            .collect(),
        u: (0..decoder.config.d_mlp)
            .map(|i| 0.02 * (i % 5) as f32 - 0.03)
            .collect(),
        rank: 1,
        bias: vec![],
    };
    let (low, high) = (delta(2, 1.0), delta(6, -1.0));
    let states = [
        (0.0, 0.0),
        (1.0, 1.0),
        (1.0, 0.5),
        (1.0, 0.2),
        (0.3, 0.2),
        (0.0, 0.0),
    ];
    // 16 blocks are two passes from layer 0; 12 go on from layer 2, and 4 from
    // layer 6, once the residual that enters it is kept.
    let blocks = [16, 12, 12, 4, 16, 0];
    // A layer whose α stays keeps its matrix, as the engine does it.
    let mut downs = BTreeMap::new();
    let mut last = (0.0, 0.0);
    for ((a, b), blocks) in states.into_iter().zip(blocks) {
        for (delta, was, alpha) in [(&low, last.0, a), (&high, last.1, b)] {
            if alpha == 0.0 {
                downs.remove(&delta.layer);
            } else if alpha != was {
                let down = stack::at(&decoder, delta.layer, &[(delta, alpha)]).unwrap();
                downs.insert(delta.layer, down);
            }
        }
        last = (a, b);
        let now = decoder.with_edited(downs.clone());
        let mut counter = Count(0);
        let mut said = Vec::new();
        let each = |_: usize, one: &pentimento::measure::score::Scored| said.push(one.log_p[0]);
        kept.run(&now, Some(2), &mut counter, each).unwrap();
        let anew = score(&now, &asks, &mut (), |_, _| ()).unwrap();
        for (said, anew) in said.iter().zip(&anew) {
            assert!((said - anew.log_p[0]).abs() < 1e-4, "{a} {b}");
        }
        assert_eq!(said.len(), asks.len());
        assert_eq!(counter.0, blocks, "at α = {a}, {b}");
    }
}

/// Counts the blocks that are computed.
struct Count(usize);

impl pentimento::model::Probe for Count {
    fn visit(
        &mut self,
        site: pentimento::model::Site,
        x: candle_core::Tensor,
    ) -> Result<candle_core::Tensor, pentimento::model::ModelError> {
        self.0 += usize::from(site.point == pentimento::model::Point::ResidPost);
        Ok(x)
    }
}

#[test]
fn a_recheck_is_cancelled_by_a_newer_wish() {
    let bench = Bench::open();
    bench.run(edit("Paris")).unwrap();
    let job = bench.engine.submit(Spec::Recheck { overlaps: true });
    job.cancel();
    // Cancelled in the queue or under way, or just finished: one answer.
    assert!(bench.finish(&job).is_ok());
    assert!(held(&recheck(&bench), 7) > 0.5);
}

#[test]
fn an_imported_change_has_no_fact_and_hides_no_others() {
    let bench = Bench::open();
    let (_, deltas) = made(&bench, 1, direct("The Space Needle", "Paris", 3));
    let (asked, id) = (Vec::new(), 2);
    let adopted = bench.run(Spec::Adopt { id, asked, deltas });
    assert_eq!(adopted, Ok(Outcome::Adopted(2)));
    made(&bench, 3, direct("The Liberty Bell", "Rome", 3));
    restack(&bench, &[(2, 1.0, true), (1, 1.0, true), (3, 1.0, true)]);
    let check = recheck(&bench);
    let ids: Vec<u64> = check.held.iter().map(|(id, _)| *id).collect();
    assert_eq!(ids, [1, 3], "of the imported change nothing can be held");
    assert_eq!(check.overlaps.unwrap()[0].ids, [1, 3]);
}

/// A trial is the edit in all but its staying, and what one leaves behind for
/// the next (templates, factors of C) changes no figure.
#[test]
fn a_trial_tells_what_the_edit_would_and_leaves_the_weights_alone() {
    let bench = Bench::open();
    let spec = |method| EditSpec {
        method,
        hyper: Some(Hyper {
            steps: 3,
            ..Hyper::default()
        }),
        ..direct("Space Needle", "Rome", 0)
    };
    let watch = || Watch {
        propose: 6,
        ..Watch::default()
    };
    let tried = |method| {
        let spec = Spec::Try {
            edit: Box::new(spec(method)),
            watch: watch(),
        };
        match bench.run(spec).expect("it is tried") {
            Outcome::Tried(report) => *report,
            other => panic!("{other:?}"),
        }
    };
    let prompt = "The Space Needle is in the city of";
    let before = bench.predict(prompt);
    let first: Vec<EditReport> = [Method::RRome, Method::Memit].map(tried).into();
    let again: Vec<EditReport> = [Method::RRome, Method::Memit].map(tried).into();
    let timeless = |report: &EditReport| EditReport {
        elapsed_s: Default::default(),
        ..report.clone()
    };
    for (one, other) in first.iter().zip(&again) {
        assert_eq!(timeless(one), timeless(other));
    }
    let now = bench.predict(prompt);
    assert_eq!((&now.before, &now.after), (&before.before, &before.after));

    // Whatever was written on other weights is written anew on these.
    let asked = Spec::Edit {
        id: 1,
        edit: Box::new(spec(Method::RRome)),
        watch: watch(),
    };
    let Ok(Outcome::Edited { report, .. }) = bench.run(asked) else {
        panic!("it is made");
    };
    assert_eq!(timeless(&report), timeless(&first[0]));
    assert!(report.p_target.after != report.p_target.before);
    let upon = tried(Method::RRome);
    let fresh = Bench::open();
    let asked = Spec::Edit {
        id: 1,
        edit: Box::new(spec(Method::RRome)),
        watch: watch(),
    };
    fresh.run(asked).expect("it is made");
    let asked = Spec::Try {
        edit: Box::new(spec(Method::RRome)),
        watch: watch(),
    };
    let Ok(Outcome::Tried(alone)) = fresh.run(asked) else {
        panic!("it is tried");
    };
    assert_eq!(timeless(&upon), timeless(&alone));
}
