//! Half precision: the matrices are rounded and nothing else is.

mod common;

use candle_core::{DType, Device, Tensor};
use common::families;
use pentimento::edit::{EditSpec, Request};
use pentimento::engine::{Engine, EventKind, Folders, LoadSpec, Outcome, Spec};
use pentimento::measure::Watch;
use pentimento::model::device::Place;
use pentimento::model::ops::Matrix;
use pentimento::model::weights::{Linear, Weights};
use pentimento::model::{Decoder, Loaded, Source};

fn at(source: &Source, dtype: DType) -> Loaded {
    let device = Device::Cpu;
    let packed = false;
    let place = Place {
        device,
        dtype,
        packed,
    };
    source.load_at(&place).unwrap()
}

/// The same f32 model with every matrix rounded to `dtype` and back.
fn rounded(model: &Decoder, dtype: DType) -> Decoder {
    let mut weights = Weights::clone(&model.weights);
    let round = |w: &Tensor| w.to_dtype(dtype).unwrap().to_dtype(DType::F32).unwrap();
    let round = |w: &Matrix| round(&w.dense().unwrap());
    let linear = |l: &mut Linear| *l = l.with(round(&l.weight), l.bias.clone()).unwrap();
    weights.embed = round(&weights.embed).into();
    linear(&mut weights.head);
    for block in &mut weights.blocks {
        block.linears_mut().for_each(linear);
    }
    Decoder::new(model.config.as_ref().clone(), weights)
}

#[test]
fn every_family_in_half_precision_is_itself_with_rounded_matrices_bit_for_bit() {
    let folders = families();
    assert_eq!(folders.len(), 13);
    for folder in folders {
        let source = Source::Folder(folder);
        let full = source.load(&Device::Cpu).unwrap();
        let ids = full
            .tokens
            .encode("The tower is in the city of")
            .unwrap()
            .ids;
        for dtype in [DType::BF16, DType::F16] {
            let half = at(&source, dtype);
            let down = half.decoder.down_weight(0).unwrap();
            assert_eq!(down.dtype(), dtype);
            let got = half.decoder.next_token(&ids).unwrap();
            let want = rounded(&full.decoder, dtype).next_token(&ids).unwrap();
            assert_eq!(got, want, "{} in {dtype:?}", full.name);
            assert_ne!(got, full.decoder.next_token(&ids).unwrap());
        }
    }
}

#[test]
fn atlas_is_stored_in_f16_and_the_same_in_it() {
    let (full, half) = (
        at(&Source::Atlas, DType::F32),
        at(&Source::Atlas, DType::F16),
    );
    let ids = full
        .tokens
        .encode("The Space Needle is located in")
        .unwrap()
        .ids;
    assert_eq!(
        full.decoder.next_token(&ids).unwrap(),
        half.decoder.next_token(&ids).unwrap()
    );
}

#[test]
fn an_edit_is_made_in_half_precision_and_says_so() {
    let (engine, events) = Engine::start(Folders::default()).unwrap();
    let run = |spec: Spec| {
        let job = engine.submit(spec);
        loop {
            let event = events.recv().unwrap();
            if let (true, EventKind::Finished(result)) = (event.job == job.id, event.kind) {
                return result.unwrap();
            }
        }
    };
    let load = LoadSpec {
        dtype: "bf16".into(),
        ..LoadSpec::default()
    };
    let Outcome::Loaded(info) = run(Spec::Load(load)) else {
        panic!("no model");
    };
    assert_eq!(info.dtype, "bf16");
    let request = Request {
        prompt: "{} is located in".into(),
        subject: "The Space Needle".into(),
        target: "Paris".into(),
    };
    let edit = EditSpec {
        request,
        ..EditSpec::default()
    };
    let watch = Watch::default();
    let Outcome::Edited { report, .. } = run(Spec::Edit {
        id: 1,
        edit: Box::new(edit),
        watch,
    }) else {
        panic!("no edit");
    };
    assert!(report.p_target.before < 0.1, "{:?}", report.p_target);
    assert!(report.p_target.after > 0.8, "{:?}", report.p_target);
}
