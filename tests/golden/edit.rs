//! Second moment, ROME and r-ROME.

use super::{Golden, close, worst};
use candle_core::{Device, Tensor};
use pentimento::edit::context::{Context, norm, target_ids};
use pentimento::edit::moment::collect;
use pentimento::edit::rome::{Recalled, update};
use pentimento::edit::{Delta, Hyper, Method, Request, SecondMoment, stack, value};
use pentimento::model::Decoder;

fn collected(g: &Golden) -> SecondMoment {
    let layer = g.number("/covariance/layer") as usize;
    let sequences: Vec<Vec<u32>> =
        serde_json::from_value(g.get("/covariance/sequences").clone()).unwrap();
    let wanted = usize::MAX / 8;
    let collected = collect(
        &g.loaded.decoder,
        sequences.into_iter(),
        &[layer],
        wanted,
        &mut (),
        |_| (),
    )
    .unwrap();
    collected.moments.into_iter().next().unwrap()
}

pub fn second_moment(g: &Golden, tolerance: f64) {
    let moment = collected(g);
    let d = moment.d_k;
    assert_eq!(moment.about.tokens, g.number("/covariance/tokens") as usize);
    let got = Tensor::from_vec(moment.c.clone(), (d, d), &Device::Cpu).unwrap();
    let error = worst(&got, &g.edits["covariance"]);
    assert!(error <= tolerance, "{}: C off by {error:.2e}", g.name);
    let trace: f64 = (0..d).map(|i| f64::from(moment.c[i * d + i])).sum();
    close("trace", trace, g.number("/covariance/trace"), tolerance);
    let squares: Vec<f64> = moment.c.iter().map(|&v| f64::from(v)).collect();
    close(
        "Frobenius norm",
        norm(&squares),
        g.number("/covariance/frobenius"),
        tolerance,
    );
}

pub fn rome(g: &Golden, tolerance: f64) {
    let (decoder, tokens) = (&g.loaded.decoder, &g.loaded.tokens);
    let layer = g.number("/rome/layer") as usize;
    let number = |name: &str| g.number(&format!("/rome/hparams/{name}"));
    let hyper = Hyper {
        steps: number("steps") as usize,
        lr: number("lr"),
        kl_factor: number("kl_f"),
        weight_decay: number("wd"),
        clamp: number("clamp"),
        ridge: 1e-2,
    };
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
    let value = value::optimise(decoder, &context, layer, &hyper, &mut (), |_, _| ()).unwrap();
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
    for method in [Method::Rome, Method::RRome] {
        let name = method.name();
        let at = |field: &str| g.number(&format!("/rome/{name}/{field}"));
        let update = update(method, layer, &recalled, &value, &factor).unwrap();
        close(
            "division factor",
            update.division_factor,
            at("division_factor"),
            tolerance,
        );
        close("update norm", update.norm, at("update_norm"), tolerance);
        let off = (update.norm / at("update_norm") - 1.0).abs();
        println!("{} {name}: update norm off by {off:.1e}", g.name);
        let relative = update.norm / stack::weight_norm(decoder, layer).unwrap();
        close(
            "relative update norm",
            relative,
            at("relative_update_norm"),
            tolerance,
        );
        check_factors(g, name, &update.delta, tolerance);

        let edited = stack::apply(decoder, [(&update.delta, 1.0)]).unwrap();
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
