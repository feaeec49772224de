//! Causal tracing: the noise to the last bit, every cell of the three grids.

use super::{Golden, close};
use candle_core::DType;
use pentimento::model::Brake;
use pentimento::trace::{Kind, TraceSpec, Traced, noise, trace};
use std::sync::atomic::AtomicBool;

pub fn grids(g: &Golden, tolerance: f64) {
    let decoder = &g.loaded.decoder;
    // σ is measured on the subjects of both of MEMIT's requests, in every folder.
    let subjects = ["the Space Needle", "Danielle Darrieux"].map(String::from);
    let scale = g.number("/noise_scale");
    let samples = g.number("/samples") as usize;
    let seed = g.number("/noise_seed") as u32;
    let spec = TraceSpec {
        prompt: g.text("/prompt").into(),
        subject: g.text("/subject").into(),
        window: Some(g.number("/window") as usize),
        noise_scale: Some(scale),
        samples,
        seed,
        ..TraceSpec::default()
    };

    let want = g.activations["noise"].to_dtype(DType::F64).unwrap();
    let (_, tokens, d) = want.dims3().unwrap();
    let want: Vec<f64> = want.flatten_all().unwrap().to_vec1().unwrap();
    let got = noise::draw(seed, samples, tokens, d, scale);
    assert_eq!(got.len(), want.len());
    // Equal as f64, but for the last bit that another libm's logarithm rounds.
    let off = got
        .iter()
        .zip(&want)
        .map(|(a, b)| ((a - b) / b).abs())
        .fold(0.0, f64::max);
    assert!(
        off <= 4.0 * f64::EPSILON,
        "{}: noise off by {off:.1e}",
        g.name
    );

    let traced = Traced {
        name: &g.name,
        decoder,
        tokens: &g.loaded.tokens,
        known_subjects: &subjects,
    };
    let own = TraceSpec {
        noise_scale: None,
        kinds: vec![Kind::State],
        ..spec.clone()
    };
    let report = trace(
        traced,
        &own,
        Brake::new(&AtomicBool::new(false)),
        &mut |_| (),
    )
    .unwrap();
    close("noise scale", report.noise_scale, scale, tolerance);

    let report = trace(
        traced,
        &spec,
        Brake::new(&AtomicBool::new(false)),
        &mut |_| (),
    )
    .unwrap();
    assert_eq!(report.answer.id, g.number("/answer_id") as u32);
    close("high", report.high, g.number("/high"), tolerance);
    close("low", report.low, g.number("/low"), tolerance);
    for kind in Kind::ALL {
        let want: Vec<Vec<f64>> =
            serde_json::from_value(g.get(&format!("/trace/{}", kind.name())).clone()).unwrap();
        let got = report.grids.get(kind).unwrap();
        assert_eq!((got.len(), got[0].len()), (want.len(), want[0].len()));
        for (t, (got, want)) in got.iter().zip(&want).enumerate() {
            for (l, (got, want)) in got.iter().zip(want).enumerate() {
                let error = (got - want).abs();
                assert!(
                    error <= tolerance,
                    "{} {} at ({t}, {l}): {got}, not {want}",
                    g.name,
                    kind.name()
                );
            }
        }
    }
}
