//! What must hold of the methods, whatever the weights: each reaches what its
//! equation says it reaches, and leaves alone what it says it leaves alone.

use candle_core::{DType, Device, Tensor};
use faer::Mat;
use pentimento::edit::moment::{NullSpace, SecondMoment, collect};
use pentimento::edit::recall::{keys, residuals, written};
use pentimento::edit::{Context, Hyper, Made, Method, Metric, Request, Task, make, stack};
use pentimento::model::{Decoder, Loaded, Source};
use std::path::Path;
use std::sync::Arc;

const LAYER: usize = 1;

fn model() -> Loaded {
    model_of("gpt2")
}

fn model_of(family: &str) -> Loaded {
    let goldens = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/goldens");
    Source::Folder(goldens.join(family))
        .load(&Device::Cpu)
        .unwrap()
}

fn facts(model: &Loaded, count: usize, templates: &[&str]) -> Vec<Context> {
    let templates: Vec<String> = templates.iter().map(|&t| t.into()).collect();
    let subjects = [
        "The Space Needle",
        "Danielle Darrieux",
        "A tower",
        "Big Ben",
    ];
    let context = |subject: &&str| {
        let request = Request {
            prompt: "{} is in the city of".into(),
            subject: (*subject).into(),
            target: "th de".into(),
        };
        Context::new(&model.tokens, &request, &templates).unwrap()
    };
    subjects[..count].iter().map(context).collect()
}

fn moment(model: &Loaded) -> SecondMoment {
    let text = "In 1962 the Space Needle was built in the city of Seattle. Danielle Darrieux \
        spoke French and worked in Paris; the tower of Big Ben stands in London since 1859.";
    let ids = model.tokens.encode(text).unwrap().ids;
    // Every rotation of a text is another text.
    let sequences = (0..ids.len()).map(|i| [&ids[i..], &ids[..i]].concat());
    let sequences = sequences.map(|ids| ids[..ids.len().min(60)].to_vec());
    let wanted = usize::MAX / 8;
    let found = collect(&model.decoder, sequences, &[LAYER], wanted, &mut (), |_| ());
    found.unwrap().moments.remove(0)
}

fn hyper() -> Hyper {
    Hyper {
        steps: 6,
        clamp: 0.75,
        ..Hyper::default()
    }
}

fn edit(
    method: Method,
    model: &Loaded,
    facts: &[Context],
    hyper: &Hyper,
    metric: Metric,
    kept: &[Mat<f64>],
) -> Made {
    let mut task = Task {
        decoder: &model.decoder,
        facts,
        layers: &[LAYER],
        hyper,
        metrics: &[metric],
        kept_keys: kept,
        probe: &mut (),
        each: &mut |_, _, _| (),
    };
    make(method, &mut task).unwrap()
}

fn factor(moment: &SecondMoment, ridge: f64) -> Metric {
    Metric::Factor(Arc::new(moment.factor(ridge).unwrap()))
}

/// With C's factor, and no edit beneath.
fn by_factor(
    method: Method,
    model: &Loaded,
    facts: &[Context],
    hyper: &Hyper,
    moment: &SecondMoment,
) -> Made {
    edit(method, model, facts, hyper, factor(moment, 1e-2), &[])
}

/// ΔW `[d, d_k]` in f64.
fn change(decoder: &Decoder, made: &Made) -> Mat<f64> {
    let (d, d_k) = (decoder.config.d, decoder.config.d_mlp);
    let delta = &made.deltas[0];
    let at = |v: &[f32], i: usize| f64::from(v[i]);
    if delta.is_dense() {
        return Mat::from_fn(d, d_k, |i, k| at(&delta.u, k * d + i));
    }
    let m = delta.rank;
    let r = Mat::from_fn(d, m, |i, j| at(&delta.r, i * m + j));
    let u = Mat::from_fn(d_k, m, |k, j| at(&delta.u, k * m + j));
    &r * u.transpose()
}

fn after(decoder: &Decoder, made: &Made) -> Decoder {
    stack::apply(decoder, made.deltas.iter().map(|delta| (delta, 1.0))).unwrap()
}

fn largest(m: &Mat<f64>) -> f64 {
    m.norm_max()
}

#[test]
fn many_values_are_the_values_of_each() {
    let model = model();
    let all = facts(&model, 4, &["{}", "I think so. {}"]);
    let one = factor(&moment(&model), 1e-2);
    let together = edit(Method::Memit, &model, &all, &hyper(), one.clone(), &[]);
    for (fact, value) in all.iter().zip(&together.values) {
        let fact = std::slice::from_ref(fact);
        let alone = &edit(Method::Memit, &model, fact, &hyper(), one.clone(), &[]).values[0];
        assert_eq!(alone.losses.len(), value.losses.len());
        let worst = alone
            .delta
            .iter()
            .zip(&value.delta)
            .map(|(a, b)| (a - b).abs());
        assert!(worst.fold(0.0, f64::max) < 1e-4);
    }
}

#[test]
fn memit_at_one_layer_without_lambda_reaches_every_value() {
    let model = model();
    let facts = facts(&model, 4, &["{}"]);
    let hyper = Hyper {
        lambda: 0.0,
        ..hyper()
    };
    let made = by_factor(Method::Memit, &model, &facts, &hyper, &moment(&model));
    let reached = residuals(&after(&model.decoder, &made), &facts, LAYER, &mut ()).unwrap();
    for (j, value) in made.values.iter().enumerate() {
        for (i, z) in value.v_star().iter().enumerate() {
            assert!(
                (reached[(i, j)] - z).abs() < 1e-3 * z.abs().max(1.0),
                "fact {j}, {i}"
            );
        }
    }
    // With λ it falls short.
    let hyper = Hyper {
        lambda: 1e6,
        ..hyper
    };
    let short = by_factor(Method::Memit, &model, &facts, &hyper, &moment(&model));
    let (full, short) = (
        change(&model.decoder, &made),
        change(&model.decoder, &short),
    );
    assert!(short.norm_l2() < 0.1 * full.norm_l2());
}

/// Where a norm stands between W and the residual: what W writes for each fact's key is
/// that fact's value, at one layer and, given the layers below, at each of several.
#[test]
fn behind_a_norm_each_layer_is_written_to_its_own_value() {
    for family in ["gemma2", "gemma3", "olmo2"] {
        let model = model_of(family);
        let facts = facts(&model, 3, &["{}"]);
        let hyper = Hyper {
            lambda: 0.0,
            ..hyper()
        };
        let d = model.decoder.config.d;
        for layers in [&[LAYER][..], &[0, LAYER]] {
            let metrics = vec![factor(&moment(&model), 1e-2); layers.len()];
            let mut task = Task {
                decoder: &model.decoder,
                facts: &facts,
                layers,
                hyper: &hyper,
                metrics: &metrics,
                kept_keys: &[],
                probe: &mut (),
                each: &mut |_, _, _| (),
            };
            let made = make(Method::Memit, &mut task).unwrap();
            let edited = after(&model.decoder, &made);
            for (n, &layer) in layers.iter().enumerate() {
                let k = keys(&edited, &facts, layer, &mut ()).unwrap();
                let written = written(&edited, layer, &k).unwrap();
                for (j, value) in made.values.iter().enumerate() {
                    let v_star = value.v_star();
                    assert_eq!(v_star.len(), d * layers.len());
                    for (i, v) in v_star[n * d..(n + 1) * d].iter().enumerate() {
                        let off = (written[(i, j)] - v).abs();
                        assert!(
                            off < 1e-3 * v.abs().max(1.0),
                            "{family} {layer} {j} {i}: {off}"
                        );
                    }
                }
            }
            // The losses fell, so the values are worth reaching.
            let losses = &made.values[0].losses;
            assert!(losses.last().unwrap().total < losses[0].total);
        }
    }
}

#[test]
fn emmet_of_one_fact_is_r_romes_update_for_the_same_key_and_value() {
    let model = model();
    let facts = facts(&model, 1, &["{}"]);
    let hyper = Hyper {
        lambda: 0.0,
        ..hyper()
    };
    let moment = moment(&model);
    let emmet = by_factor(Method::Emmet, &model, &facts, &hyper, &moment);
    // r-ROME adds δ to the MLP's output, EMMET to the block's: the same δ but for
    // the clamp, which is relative to t₀, and for weight decay. Neither acts here.
    let free = Hyper {
        clamp: 1e6,
        weight_decay: 0.0,
        ..hyper
    };
    let emmet_free = by_factor(Method::Emmet, &model, &facts, &free, &moment);
    let rome = by_factor(Method::RRome, &model, &facts, &free, &moment);
    let decoder = &model.decoder;
    let (a, b) = (change(decoder, &emmet_free), change(decoder, &rome));
    let off = largest(&(&a - &b)) / largest(&b);
    assert!(off < 1e-4, "off by {off:.1e}");
    assert!(change(decoder, &emmet).norm_l2() > 0.0);
    // λ softens the constraints of several facts; one alone is met whatever it is.
    let soft = Hyper {
        lambda: 50.0,
        ..free.clone()
    };
    let emmet_soft = by_factor(Method::Emmet, &model, &facts, &soft, &moment);
    assert_eq!(change(decoder, &emmet_soft), a);
    let memit_soft = by_factor(Method::Memit, &model, &facts, &soft, &moment);
    assert!(change(decoder, &memit_soft).norm_l2() < 0.9 * a.norm_l2());
}

#[test]
fn alpha_edit_does_nothing_along_eigenvectors_above_its_threshold() {
    let model = model();
    let facts = facts(&model, 3, &["{}"]);
    let moment = moment(&model);
    let hyper = Hyper {
        lambda: 1e-3,
        threshold: 0.1,
        relative_threshold: true,
        ..hyper()
    };
    let space = Arc::new(NullSpace::of(&moment, &hyper).unwrap());
    let q = space.basis.ncols();
    let d_k = moment.d_k;
    assert!(q > 0 && q < d_k, "{q} of {d_k}");
    let metric = Metric::NullSpace(Arc::clone(&space));
    let made = edit(
        Method::AlphaEdit,
        &model,
        &facts,
        &hyper,
        metric.clone(),
        &[],
    );
    let change_ = change(&model.decoder, &made);
    assert!(change_.norm_l2() > 0.0);
    // ΔW(I − P) = 0.
    let kept = &change_ - (&change_ * &space.basis) * space.basis.transpose();
    assert!(kept.norm_l2() < 1e-5 * change_.norm_l2());

    // Keys of earlier edits are protected.
    let earlier = keys(&model.decoder, &facts[..1], LAYER, &mut ()).unwrap();
    let others = &facts[1..];
    let moved = |kept: &[Mat<f64>]| {
        let made = edit(
            Method::AlphaEdit,
            &model,
            others,
            &hyper,
            metric.clone(),
            kept,
        );
        (change(&model.decoder, &made) * &earlier).norm_l2()
    };
    assert!(moved(&[earlier.clone() * 1e3]) < 1e-2 * moved(&[]));
}

#[test]
fn fine_tuning_learns_and_within_its_box_never_leaves_it() {
    let model = model();
    let facts = facts(&model, 3, &["{}"]);
    let hyper = Hyper {
        steps: 25,
        lr: 5e-3,
        epsilon: 2e-3,
        ..hyper()
    };
    let none = || factor(&moment(&model), 1e-2);
    let free = edit(Method::Ft, &model, &facts, &hyper, none(), &[]);
    let boxed = edit(Method::FtL, &model, &facts, &hyper, none(), &[]);
    for (made, enough) in [(&free, 0.8), (&boxed, 0.95)] {
        let losses = &made.values[0].losses;
        let (first, last) = (losses[0].total, losses[losses.len() - 1].total);
        assert!(last < enough * first, "{first} → {last}");
        assert!(made.deltas[0].is_dense() && !made.deltas[0].bias.is_empty());
    }
    let limit = hyper.epsilon as f32 * 1.0001;
    let moved = |made: &Made| {
        let delta = &made.deltas[0];
        let entries = delta.u.iter().chain(&delta.bias);
        entries.fold(0f32, |most, x| most.max(x.abs()))
    };
    assert!(moved(&boxed) <= limit && moved(&free) > limit);

    // What it says it changed is what the model then has, and off is off.
    let delta = &free.deltas[0];
    let edited = after(&model.decoder, &free);
    let (was, now) = (
        model.decoder.down_weight(LAYER).unwrap(),
        edited.down_weight(LAYER).unwrap(),
    );
    let moved: Vec<f32> = flat(&(now - &was).unwrap());
    let (d, d_k) = (model.decoder.config.d, model.decoder.config.d_mlp);
    for (at, got) in moved.iter().enumerate() {
        assert!((got - delta.u[at % d_k * d + at / d_k]).abs() < 1e-6);
    }
    let bias = |decoder: &Decoder| flat(decoder.down_bias(LAYER).unwrap());
    for ((was, now), by) in bias(&model.decoder)
        .iter()
        .zip(bias(&edited))
        .zip(&delta.bias)
    {
        assert!((now - was - by).abs() < 1e-6);
    }
    let off = stack::apply(&edited, [(delta, 0.0)]).unwrap();
    assert_eq!(flat(&off.down_weight(LAYER).unwrap()), flat(&was));
}

fn flat(t: &Tensor) -> Vec<f32> {
    t.flatten_all()
        .unwrap()
        .to_dtype(DType::F32)
        .unwrap()
        .to_vec1()
        .unwrap()
}

#[test]
fn one_fact_methods_refuse_many() {
    let model = model();
    let facts = facts(&model, 2, &["{}"]);
    let mut task = Task {
        decoder: &model.decoder,
        facts: &facts,
        layers: &[LAYER],
        hyper: &hyper(),
        metrics: &[],
        kept_keys: &[],
        probe: &mut (),
        each: &mut |_, _, _| (),
    };
    for method in Method::ALL
        .into_iter()
        .filter(|method| !method.takes_many())
    {
        let error = make(method, &mut task).unwrap_err().to_string();
        assert!(error.contains("one fact at a time"), "{error}");
    }
}
