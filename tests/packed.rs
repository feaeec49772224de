//! A GGUF whose matrices stay in the file is the model that they make in memory.

#[path = "common/random_gguf.rs"]
mod random_gguf;

use candle_core::{DType, Device};
use pentimento::edit::{Delta, stack};
use pentimento::model::device::Place;
use pentimento::model::weights::Weights;
use pentimento::model::{Decoder, Source};
use random_gguf::{Shape, llama};
use std::path::{Path, PathBuf};

const TINY: Shape = Shape {
    layers: 3,
    d: 256,
    heads: 4,
    kv_heads: 2,
    d_mlp: 512,
    vocab: 1300,
};

/// What `q4_k_m` takes: more bits for values, some of the MLPs' last matrices, the head.
fn q4_k_m(name: &str, layers: usize) -> u32 {
    let layer = name.split('.').nth(1).and_then(|n| n.parse().ok());
    let more = |layer: usize| layer < layers / 8 || layer >= 7 * layers / 8 || layer % 3 == 2;
    let better = name.contains("attn_v") || name.contains("ffn_down");
    if name == "output.weight" || better && layer.is_some_and(more) {
        14
    } else {
        12
    }
}

fn source(path: &Path) -> Source {
    Source::parse(&path.to_string_lossy())
}

/// As it is loaded, but never turned: a turned matrix answers with other last bits.
fn decoder(path: &Path, packed: bool) -> Decoder {
    let source = source(path);
    let config = source.config().unwrap();
    let place = Place {
        device: Device::Cpu,
        dtype: DType::F32,
        packed,
    };
    let checkpoint = source.checkpoint().unwrap();
    let weights = Weights::from_checkpoint(&checkpoint, &config, &place).unwrap();
    Decoder::new(config, weights)
}

fn both(kind: impl Fn(&str) -> u32) -> [Decoder; 2] {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.gguf");
    llama(&path, TINY, kind);
    // The file's name may go: it stays mapped.
    [true, false].map(|packed| decoder(&path, packed))
}

fn logits(decoder: &Decoder, tokens: u32) -> Vec<f32> {
    let ids: Vec<u32> = (0..tokens).map(|i| i * 37 % 1300).collect();
    let x = decoder.forward(&[&ids], None, &mut ()).unwrap();
    let logits = decoder.logits(&x.squeeze(0).unwrap(), &mut ()).unwrap();
    logits.flatten_all().unwrap().to_vec1().unwrap()
}

#[test]
fn both_ways_answer_the_same_to_the_bit_in_every_kind() {
    for kind in [0, 1, 30, 2, 3, 6, 7, 8, 10, 11, 12, 13, 14] {
        let [packed, dense] = both(|_| kind);
        for tokens in [1, 9, 150] {
            let (a, b) = (logits(&packed, tokens), logits(&dense, tokens));
            assert!(a.iter().all(|x| x.is_finite()));
            assert!(a == b, "kind {kind}, {tokens} tokens");
        }
    }
}

#[test]
fn edits_are_the_same_to_the_bit_and_leave_the_rest_in_the_file() {
    let models = both(|name| q4_k_m(name, TINY.layers));
    let delta = Delta {
        layer: 1,
        rank: 1,
        r: vec![0.3; TINY.d],
        u: vec![0.2; TINY.d_mlp],
        ..Delta::default()
    };
    let edited = models
        .each_ref()
        .map(|model| stack::apply(model, [(&delta, 0.7)]).unwrap());
    let [packed, dense] = edited.each_ref().map(|model| logits(model, 9));
    assert!(packed == dense);
    assert_ne!(packed, logits(&models[0], 9));
    let off = stack::apply(&edited[0], [(&delta, 0.0)]).unwrap();
    assert_eq!(off.first_difference(&models[0]), None);
    assert_eq!(off.first_difference(&edited[0]), Some(1));
    assert_eq!(
        stack::norms_now(&edited[0], 1).unwrap(),
        stack::norms_now(&edited[1], 1).unwrap()
    );
}

#[test]
fn both_open_as_they_are_asked_to() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.gguf");
    llama(&path, TINY, |name| q4_k_m(name, TINY.layers));
    let loaded = source(&path).load(&Device::Cpu).unwrap();
    assert_eq!(
        loaded.decoder.weights.count(),
        decoder(&path, true).weights.count()
    );
    let ids = loaded.tokens.encode("A tower").unwrap().ids;
    assert_eq!(ids.len(), 7);
}

/// Writes a model of Llama 3 8B's true shape, 4.9 GB, where `PENTIMENTO_8B` says.
/// By hand: then see what `pentimento --model FILE --dtype packed` takes of memory.
#[test]
#[ignore]
fn eight_billion() {
    let path = PathBuf::from(std::env::var_os("PENTIMENTO_8B").expect("it names a file"));
    let shape = Shape {
        layers: 32,
        d: 4096,
        heads: 32,
        kv_heads: 8,
        d_mlp: 14_336,
        vocab: 128_256,
    };
    llama(&path, shape, |name| q4_k_m(name, shape.layers));
}
