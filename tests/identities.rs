//! What must hold of any decoder, whatever its weights: the cheap way of
//! computing something equals the plain way.

use candle_core::{Device, Tensor, Var};
use pentimento::model::generate::{Choice, generate};
use pentimento::model::probe::{AddVector, Capture, Patch, Point, Site};
use pentimento::model::{Decoder, Loaded, Past, Source, Span};
use std::ops::ControlFlow;
use std::path::Path;

fn models() -> [Loaded; 2] {
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/goldens/gpt2");
    [Source::Folder(golden), Source::Atlas].map(|source| source.load(&Device::Cpu).unwrap())
}

fn prompt(model: &Loaded) -> Vec<u32> {
    model
        .tokens
        .encode("The Statue of Liberty is located in the city of")
        .unwrap()
        .ids
}

fn logits(decoder: &Decoder, x: &Tensor) -> Vec<f32> {
    let (b, t, d) = x.dims3().unwrap();
    decoder
        .logits(&x.reshape((b * t, d)).unwrap(), &mut ())
        .unwrap()
        .flatten_all()
        .unwrap()
        .to_vec1()
        .unwrap()
}

fn close(what: &str, a: &[f32], b: &[f32], tolerance: f32) {
    assert_eq!(a.len(), b.len(), "{what}");
    let worst = a
        .iter()
        .zip(b)
        .map(|(a, b)| (a - b).abs())
        .fold(0.0, f32::max);
    assert!(worst <= tolerance, "{what}: off by {worst:e}");
}

#[test]
fn resumed_equals_full() {
    for model in models() {
        let decoder = &model.decoder;
        let ids = prompt(&model);
        let layers = decoder.layers();
        let mut capture = Capture::every(layers, Point::ResidPost);
        let mut past = Past::growing(layers);
        let full = decoder
            .forward(&[&ids], Some(&mut past), &mut capture)
            .unwrap();
        let full = logits(decoder, &full);
        let vocab = decoder.config.vocab;
        for position in [0, 1, ids.len() / 2, ids.len() - 1] {
            for layer in 0..layers - 1 {
                let rows = ids.len() - position;
                let x = capture.seen[&Site::new(layer, Point::ResidPost)]
                    .narrow(1, position, rows)
                    .unwrap();
                let span = Span::after(position, rows, &Device::Cpu).unwrap();
                let mut cached = past.truncated(position).unwrap();
                let x = x.contiguous().unwrap();
                let x = decoder
                    .run_layers(x, layer + 1..layers, &span, Some(&mut cached), &mut ())
                    .unwrap();
                let what = format!("{} from layer {layer}, position {position}", model.name);
                close(&what, &logits(decoder, &x), &full[position * vocab..], 1e-4);
            }
        }
    }
}

#[test]
fn cached_generation_equals_uncached() {
    for model in models() {
        let decoder = &model.decoder;
        let ids = prompt(&model);
        let go = |_| ControlFlow::Continue(());
        let cached = generate(decoder, &ids, 12, Choice::Greedy, None, &mut (), go).unwrap();
        let mut whole = ids.clone();
        for _ in 0..12 {
            let probs = decoder.next_token(&whole).unwrap();
            whole.push(pentimento::model::sample::argmax(&probs));
        }
        assert_eq!(cached, whole[ids.len()..], "{}", model.name);
    }
}

#[test]
fn patching_every_state_makes_the_clean_run() {
    for model in models() {
        let decoder = &model.decoder;
        let clean = prompt(&model);
        let mut other = clean.clone();
        other[1] = (other[1] + 17) % decoder.config.vocab as u32;
        other[2] = (other[2] + 5) % decoder.config.vocab as u32;
        let mut capture = Capture::every(decoder.layers(), Point::ResidPost);
        let x = decoder.forward(&[&clean], None, &mut capture).unwrap();
        let want = logits(decoder, &x);
        let unpatched = logits(decoder, &decoder.forward(&[&other], None, &mut ()).unwrap());
        assert_ne!(want, unpatched);
        let site = Site::new(1, Point::ResidPost);
        let mut patch = Patch {
            site,
            at: 0,
            rows: capture.seen[&site].clone(),
        };
        let x = decoder.forward(&[&other], None, &mut patch).unwrap();
        assert_eq!(logits(decoder, &x), want, "{}: bit for bit", model.name);
    }
}

#[test]
fn captures_see_what_patches_wrote() {
    let [model, _] = models();
    let site = Site::new(0, Point::MlpOut);
    let rows = Tensor::ones(
        (1, 1, model.decoder.config.d),
        candle_core::DType::F32,
        &Device::Cpu,
    )
    .unwrap();
    let mut probe = (
        Patch {
            site,
            at: 2,
            rows: rows.clone(),
        },
        Capture::at([site]),
    );
    model
        .decoder
        .forward(&[&prompt(&model)], None, &mut probe)
        .unwrap();
    let seen = probe.1.seen[&site].narrow(1, 2, 1).unwrap();
    assert_eq!(
        seen.flatten_all().unwrap().to_vec1::<f32>().unwrap(),
        rows.flatten_all().unwrap().to_vec1::<f32>().unwrap()
    );
}

#[test]
fn the_attention_pattern_is_a_distribution_over_the_past() {
    let [model, _] = models();
    let ids = prompt(&model);
    let site = Site::new(1, Point::AttnPattern);
    let mut capture = Capture::at([site]);
    let with = model.decoder.forward(&[&ids], None, &mut capture).unwrap();
    let without = model.decoder.forward(&[&ids], None, &mut ()).unwrap();
    close(
        "reading the pattern changes nothing",
        &logits(&model.decoder, &with),
        &logits(&model.decoder, &without),
        1e-4,
    );
    let pattern = capture.seen[&site]
        .squeeze(0)
        .unwrap()
        .to_vec3::<f32>()
        .unwrap();
    for head in &pattern {
        for (row, weights) in head.iter().enumerate() {
            assert!((weights.iter().sum::<f32>() - 1.0).abs() < 1e-5);
            assert!(
                weights[row + 1..].iter().all(|w| *w == 0.0),
                "row {row} looks ahead"
            );
        }
    }
}

/// The gradient of a loss after the last block with respect to a vector added
/// in the first one, against central differences: nothing on the way cuts it.
#[test]
fn gradients_flow_through_every_block() {
    for model in models() {
        let decoder = &model.decoder;
        let ids = prompt(&model);
        let d = decoder.config.d;
        let loss = |vector: &Tensor| -> Tensor {
            let site = Site::new(0, Point::MlpOut);
            let mut probe = AddVector {
                site,
                at: 1,
                vector: vector.reshape((1, 1, d)).unwrap(),
            };
            let x = decoder.forward(&[&ids], None, &mut probe).unwrap();
            let last = x.narrow(1, ids.len() - 1, 1).unwrap().squeeze(1).unwrap();
            decoder
                .log_probs(&last)
                .unwrap()
                .narrow(1, 5, 1)
                .unwrap()
                .sum_all()
                .unwrap()
        };
        let at: Vec<f32> = (0..d).map(|i| 0.1 * (i as f32).sin()).collect();
        let variable = Var::from_vec(at.clone(), d, &Device::Cpu).unwrap();
        let gradients = loss(&variable).backward().unwrap();
        let gradient: Vec<f32> = gradients
            .get(&variable)
            .expect("a gradient")
            .to_vec1()
            .unwrap();
        let value = |at: Vec<f32>| {
            loss(&Tensor::from_vec(at, d, &Device::Cpu).unwrap())
                .to_scalar::<f32>()
                .unwrap()
        };
        // Along a few random-looking directions: a sum over many entries each.
        for k in 1..4 {
            let direction: Vec<f32> = (0..d).map(|i| ((i * k * 7 + 3) as f32).cos()).collect();
            let step = 2e-3;
            let moved = |sign: f32| {
                at.iter()
                    .zip(&direction)
                    .map(|(a, v)| a + sign * step * v)
                    .collect()
            };
            let numeric = (value(moved(1.0)) - value(moved(-1.0))) / (2.0 * step);
            let analytic: f32 = gradient.iter().zip(&direction).map(|(g, v)| g * v).sum();
            let error = (numeric - analytic).abs() / analytic.abs().max(0.05);
            assert!(
                error < 0.03,
                "{}: {analytic} by the gradient, {numeric} by differences",
                model.name
            );
        }
    }
}
