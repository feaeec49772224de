//! The forward pass: activations, logits, continuation.

use super::{Golden, worst};
use pentimento::model::generate::{Choice, generate};
use pentimento::model::probe::{Capture, Point, Site};
use std::ops::ControlFlow;

pub fn activations(g: &Golden, tolerance: f64) {
    let decoder = &g.loaded.decoder;
    let (encoded, subject) = g
        .loaded
        .tokens
        .encode_with_subject(g.text("/prompt"), g.text("/subject"))
        .unwrap();
    let ids = g.ids("/input_ids");
    assert_eq!(encoded.ids, ids, "token ids");
    let range: Vec<usize> = serde_json::from_value(g.get("/subject_range").clone()).unwrap();
    assert_eq!(vec![subject.start, subject.end], range, "subject range");

    let points = [
        ("attn_out", Point::AttnOut),
        ("mlp_key", Point::MlpKey),
        ("mlp_out", Point::MlpOut),
        ("resid_post", Point::ResidPost),
    ];
    let sites =
        (0..decoder.layers()).flat_map(|layer| points.map(|(_, point)| Site::new(layer, point)));
    let mut capture = Capture::at(sites.chain([Site::new(0, Point::Embed)]));
    let x = decoder.forward(&[&ids], None, &mut capture).unwrap();
    let logits = decoder.logits(&x.squeeze(0).unwrap(), &mut ()).unwrap();

    let mut largest = 0f64;
    let mut check = |name: &str, got: &candle_core::Tensor| {
        let want = &g.activations[name];
        let error = worst(got, want);
        largest = largest.max(error);
        assert!(error <= tolerance, "{} {name}: off by {error:.2e}", g.name);
    };
    check("embed", &capture.seen[&Site::new(0, Point::Embed)]);
    for layer in 0..decoder.layers() {
        for (name, point) in points {
            check(
                &format!("{name}.{layer}"),
                &capture.seen[&Site::new(layer, point)],
            );
        }
    }
    check("logits", &logits);
    let logits = worst(&logits, &g.activations["logits"]);
    println!(
        "{}: activations off by {largest:.1e}, logits by {logits:.1e}",
        g.name
    );
}

pub fn greedy(g: &Golden) {
    let ids = g.ids("/input_ids");
    let cached = generate(
        &g.loaded.decoder,
        &ids,
        16,
        Choice::Greedy,
        None,
        &mut (),
        |_| ControlFlow::Continue(()),
    )
    .unwrap();
    let mut whole = ids;
    whole.extend(cached);
    assert_eq!(whole, g.ids("/greedy_16"), "{}", g.name);
}
