//! A model in gpt2-medium's shape with seeded random weights: as slow as the
//! real one, and needs no download.

use candle_core::{Device, Tensor};
use pentimento::model::config::{
    Activation, Attention, Family, NormKind, NormPlace, Position, Residual,
};
use pentimento::model::weights::{Block, Linear, Norm};
use pentimento::model::{Config, Decoder, Loaded, Tokens, Weights};
use std::path::Path;

pub fn gpt2_medium() -> Loaded {
    let (d, vocab, context) = (1024, 50_257, 1024);
    let config = Config {
        family: Family::Gpt2,
        vocab,
        d,
        layers: 24,
        heads: 16,
        kv_heads: 16,
        head_dim: 64,
        d_mlp: 4 * d,
        context,
        norm: NormKind::Layer,
        norm_place: NormPlace::Before,
        norm_eps: 1e-5,
        activation: Activation::GeluTanh,
        position: Position::Learned,
        residual: Residual::Sequential,
        attention_bias: true,
        attention: Attention::plain(64),
        embed_scale: 1.0,
        logit_cap: None,
        tied_head: true,
        eos: None,
    };
    let mut random = Random(0x5EED);
    let mut tensor = |shape: &[usize], scale: f32| {
        let n = shape.iter().product();
        let values: Vec<f32> = (0..n).map(|_| random.next() * scale).collect();
        Tensor::from_vec(values, shape, &Device::Cpu).expect("as many values as the shape holds")
    };
    let embed = tensor(&[vocab, d], 0.04);
    let positions = Some(tensor(&[context, d], 0.02));
    let mut linear = |out: usize, inner: usize| {
        let weight = tensor(&[out, inner], 0.03);
        Linear::new(weight, Some(tensor(&[out], 0.02)))
    };
    let blocks = (0..config.layers)
        .map(|_| Block {
            norm_1: Some(norm(d)),
            q: linear(d, d),
            k: linear(d, d),
            v: linear(d, d),
            o: linear(d, d),
            qk_norms: None,
            post_attn: None,
            norm_2: Some(norm(d)),
            post_mlp: None,
            up: linear(4 * d, d),
            gate: None,
            down: linear(d, 4 * d),
        })
        .collect();
    let head = Linear::new(embed.clone(), None);
    let norm_f = norm(d);
    let weights = Weights {
        embed: embed.into(),
        positions,
        blocks,
        norm_f,
        head,
    };
    Loaded {
        name: "random, gpt2-medium's shape".into(),
        decoder: Decoder::new(config, weights),
        tokens: numbers(),
    }
}

fn norm(d: usize) -> Norm {
    let (ones, zeros) = (vec![1f32; d], vec![0f32; d]);
    let vector = |values| Tensor::from_vec(values, d, &Device::Cpu).expect("d values");
    Norm {
        weight: vector(ones),
        bias: Some(vector(zeros)),
    }
}

/// A tokenizer whose words are numbers: "3 14 15" is tokens 3, 14 and 15.
fn numbers() -> Tokens {
    let words: Vec<String> = (0..1000).map(|i| format!("\"{i}\": {i}")).collect();
    let json = format!(
        r#"{{"version": "1.0", "truncation": null, "padding": null, "added_tokens": [],
            "normalizer": null, "pre_tokenizer": {{"type": "Whitespace"}},
            "post_processor": null, "decoder": null,
            "model": {{"type": "WordLevel", "vocab": {{{}}}, "unk_token": "0"}}}}"#,
        words.join(", ")
    );
    Tokens::from_json(json.as_bytes(), Path::new("(bench)")).expect("a word-level tokenizer")
}

/// xorshift64*, uniform in (−1, 1): quick and the same everywhere.
struct Random(u64);

impl Random {
    fn next(&mut self) -> f32 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let bits = self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 40;
        bits as f32 / (1u32 << 23) as f32 - 1.0
    }
}
