//! Second moment, ROME, r-ROME and MEMIT.

use super::{Golden, close, worst};
use candle_core::{Device, Tensor};
use pentimento::edit::context::{Context, norm, target_ids};
use pentimento::edit::moment::collect;
use pentimento::edit::rome::{Recalled, Rome};
use pentimento::edit::{
    Delta, Hyper, Method, Metric, Request, SecondMoment, Task, make, stack, value,
};
use pentimento::model::{Decoder, Point, Site};
use std::sync::Arc;

/// C at each of `layers` over the golden's own sequences.
fn moments(g: &Golden, layers: &[usize]) -> Vec<SecondMoment> {
    let sequences: Vec<Vec<u32>> =
        serde_json::from_value(g.get("/covariance/sequences").clone()).unwrap();
    let (decoder, wanted) = (&g.loaded.decoder, usize::MAX / 8);
    let sequences = sequences.into_iter();
    let collected = collect(decoder, sequences, layers, wanted, &mut (), |_| ());
    collected.unwrap().moments
}

fn collected(g: &Golden) -> SecondMoment {
    let layer = g.number("/covariance/layer") as usize;
    moments(g, &[layer]).remove(0)
}

fn hyper(g: &Golden, method: &str) -> Hyper {
    let number = |name: &str| g.number(&format!("/{method}/hparams/{name}"));
    Hyper {
        steps: number("steps") as usize,
        lr: number("lr"),
        kl_factor: number("kl_f"),
        weight_decay: number("wd"),
        clamp: number("clamp"),
        ..Hyper::default()
    }
}

pub fn second_moment(g: &Golden, tolerance: f64) {
    let moment = collected(g);
    let d = moment.d_k;
    assert_eq!(moment.about.tokens, g.number("/covariance/tokens") as usize);
    let got = Tensor::from_vec(moment.c.clone(), (d, d), &Device::Cpu).unwrap();
    let error = worst(&got, &g.edits["covariance"]);
    assert!(error <= tolerance, "{}: C off by {error:.2e}", g.name);
    let trace: f64 = (0..d).map(|i| moment.c[i * d + i]).sum();
    close("trace", trace, g.number("/covariance/trace"), tolerance);
    close(
        "Frobenius norm",
        norm(&moment.c),
        g.number("/covariance/frobenius"),
        tolerance,
    );
}

pub fn rome(g: &Golden, tolerance: f64) {
    let (decoder, tokens) = (&g.loaded.decoder, &g.loaded.tokens);
    let layer = g.number("/rome/layer") as usize;
    let hyper = hyper(g, "rome");
    let (prompt, subject) = (g.text("/prompt"), g.text("/subject"));
    let request = Request {
        prompt: prompt.replacen(subject, "{}", 1),
        subject: subject.into(),
        target: g.text("/target_new").into(),
    };
    let templates: Vec<String> = serde_json::from_value(g.get("/rome/templates").clone()).unwrap();
    let context = Context::new(tokens, &request, &templates).unwrap();
    assert_eq!(context.target, g.ids("/rome/target_ids"));
    assert_eq!(context.target, target_ids(tokens, &request.target).unwrap());

    // v*: every evaluation's losses, the norms, and δ itself.
    let site = Site::new(layer, Point::MlpOut);
    let facts = std::slice::from_ref(&context);
    let value = value::optimise(decoder, facts, site, &hyper, &mut (), |_, _, _| ());
    let value = value.unwrap().remove(0);
    let losses: Vec<[f64; 4]> =
        serde_json::from_value(g.get("/rome/losses_nll_kl_wd_total").clone()).unwrap();
    assert_eq!(value.losses.len(), losses.len());
    for (step, (got, want)) in value.losses.iter().zip(&losses).enumerate() {
        for (got, want) in [got.nll, got.kl, got.wd, got.total].iter().zip(want) {
            close(
                &format!("{} loss at step {step}", g.name),
                *got,
                *want,
                tolerance,
            );
        }
    }
    close(
        "‖δ‖",
        norm(&value.delta),
        g.number("/rome/delta_norm"),
        tolerance,
    );
    close(
        "‖t₀‖",
        norm(&value.t0),
        g.number("/rome/t0_norm"),
        tolerance,
    );
    let vector = |v: &[f64]| Tensor::from_vec(v.to_vec(), v.len(), &Device::Cpu).unwrap();
    let error = worst(&vector(&value.delta), &g.edits["delta"]);
    assert!(error <= tolerance, "{}: δ off by {error:.2e}", g.name);

    let factor = collected(g).factor(hyper.ridge).unwrap();
    close("ridge", factor.ridge, g.number("/rome/ridge"), tolerance);
    let recalled = Recalled::read(decoder, &context, layer, &mut ()).unwrap();
    let before = log_p(decoder, &context);
    close(
        "p(target) before",
        before.exp(),
        g.number("/rome/p_target_before"),
        tolerance,
    );
    for (name, one_key) in [("rome", false), ("r-rome", true)] {
        let at = |field: &str| g.number(&format!("/rome/{name}/{field}"));
        let updated = Rome { one_key }.update(layer, &recalled, &value, &factor);
        let (delta, division_factor) = updated.unwrap();
        let update_norm = stack::norm([decoder.config.d, decoder.config.d_mlp], &delta);
        close(
            "division factor",
            division_factor,
            at("division_factor"),
            tolerance,
        );
        close("update norm", update_norm, at("update_norm"), tolerance);
        let off = (update_norm / at("update_norm") - 1.0).abs();
        println!("{} {name}: update norm off by {off:.1e}", g.name);
        let relative = update_norm / stack::weight_norm(decoder, layer).unwrap();
        close(
            "relative update norm",
            relative,
            at("relative_update_norm"),
            tolerance,
        );
        check_factors(g, name, &delta, tolerance);

        let edited = stack::apply(decoder, [(&delta, 1.0)]).unwrap();
        let after = log_p(&edited, &context);
        close(
            "p(target) after",
            after.exp(),
            at("p_target_after"),
            tolerance,
        );
        close(
            "log p(target) after",
            after,
            at("log_p_target_after"),
            tolerance,
        );
    }
}

/// Two facts over three layers, C without a ridge. Families with a norm between W and
/// the residual have no such reference: shares of a residual do not add up there.
pub fn memit(g: &Golden, tolerance: f64) {
    if g.loaded.decoder.norms_values(0) {
        return;
    }
    let (decoder, tokens) = (&g.loaded.decoder, &g.loaded.tokens);
    let list = |at: &str| g.get(at).as_array().unwrap().clone();
    let layers: Vec<usize> = serde_json::from_value(g.get("/memit/layers").clone()).unwrap();
    let templates: Vec<String> = serde_json::from_value(g.get("/memit/templates").clone()).unwrap();
    let facts: Vec<Context> = list("/memit/requests")
        .iter()
        .map(|request| {
            let text = |name: &str| request[name].as_str().unwrap().to_owned();
            let request = Request {
                prompt: text("prompt").replacen(&text("subject"), "{}", 1),
                subject: text("subject"),
                target: text("target_new"),
            };
            Context::new(tokens, &request, &templates).unwrap()
        })
        .collect();
    let hyper = Hyper {
        lambda: g.number("/memit/mom2_update_weight"),
        ..hyper(g, "memit")
    };
    let metrics: Vec<Metric> = moments(g, &layers)
        .iter()
        .map(|moment| Metric::Factor(Arc::new(moment.factor(0.0).unwrap())))
        .collect();
    let mut task = Task {
        decoder,
        facts: &facts,
        layers: &layers,
        hyper: &hyper,
        metrics: &metrics,
        kept_keys: &[],
        probe: &mut (),
        each: &mut |_, _, _| (),
    };
    let made = make(Method::Memit, &mut task).unwrap();
    assert_eq!(made.deltas.len(), layers.len());
    for (layer, delta) in layers.iter().zip(&made.deltas) {
        let at = |field: &str| g.number(&format!("/memit/per_layer/{layer}/{field}"));
        let norm = stack::norm([decoder.config.d, decoder.config.d_mlp], delta);
        close("update norm", norm, at("update_norm"), tolerance);
        let relative = norm / stack::weight_norm(decoder, *layer).unwrap();
        close(
            "relative norm",
            relative,
            at("relative_update_norm"),
            tolerance,
        );
        let m = delta.rank;
        let matrix = |v: &Vec<f32>| Tensor::from_vec(v.clone(), (v.len() / m, m), &Device::Cpu);
        let (r, u) = (matrix(&delta.r).unwrap(), matrix(&delta.u).unwrap());
        let change = r.matmul(&u.t().unwrap()).unwrap();
        let error = worst(&change, &g.edits[&format!("memit.dW.{layer}")]);
        println!("{} layer {layer}: ΔW off by {error:.1e}", g.name);
        assert!(error <= tolerance, "{} layer {layer}: {error:.2e}", g.name);
    }
    let edited = stack::apply(decoder, made.deltas.iter().map(|d| (d, 1.0))).unwrap();
    for (fact, want) in facts.iter().zip(list("/memit/p_target_after")) {
        let after = log_p(&edited, fact).exp();
        close("p(target) after", after, want.as_f64().unwrap(), tolerance);
    }
}

/// ΔW = r uᵀ: the golden's `u` is the key direction, its `v` our r.
fn check_factors(g: &Golden, name: &str, delta: &Delta, tolerance: f64) {
    for (factor, got) in [("u", &delta.u), ("v", &delta.r)] {
        let got = Tensor::from_vec(got.clone(), got.len(), &Device::Cpu).unwrap();
        let error = worst(&got, &g.edits[&format!("{name}.{factor}")]);
        assert!(
            error <= tolerance,
            "{} {name}.{factor}: off by {error:.2e}",
            g.name
        );
    }
}

/// log of the geometric mean over the target's tokens, after the bare prompt.
fn log_p(decoder: &Decoder, context: &Context) -> f64 {
    let prompt = &context.rows[0].ids;
    let n = context.target.len();
    let ids = [&prompt[..], &context.target[..n - 1]].concat();
    let x = decoder.forward(&[&ids], None, &mut ()).unwrap();
    let log_probs = decoder
        .log_probs(&x.squeeze(0).unwrap())
        .unwrap()
        .to_vec2::<f32>()
        .unwrap();
    let sum: f64 = (0..n)
        .map(|j| f64::from(log_probs[prompt.len() - 1 + j][context.target[j] as usize]))
        .sum();
    sum / n as f64
}
