//! GGUF files of random blocks: a model of any size in any quantisation, without one
//! to quantise.

use half::{bf16, f16};
use pentimento::model::gguf::Kind;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

/// What the model is like.
#[derive(Clone, Copy)]
pub struct Shape {
    pub layers: usize,
    pub d: usize,
    pub heads: usize,
    pub kv_heads: usize,
    pub d_mlp: usize,
    pub vocab: usize,
}

/// A Llama of that shape; `kind` says ggml's number for a matrix by its name.
pub fn llama(path: &Path, shape: Shape, kind: impl Fn(&str) -> u32) {
    let Shape {
        layers,
        d,
        heads,
        kv_heads,
        d_mlp,
        vocab,
    } = shape;
    let head = d / heads;
    let mut tensors: Vec<(String, Vec<usize>)> = vec![("token_embd.weight".into(), vec![d, vocab])];
    for layer in 0..layers {
        let matrices = [
            ("attn_q", [d, heads * head]),
            ("attn_k", [d, kv_heads * head]),
            ("attn_v", [d, kv_heads * head]),
            ("attn_output", [heads * head, d]),
            ("ffn_gate", [d, d_mlp]),
            ("ffn_up", [d, d_mlp]),
            ("ffn_down", [d_mlp, d]),
        ];
        let name = |part: &str| format!("blk.{layer}.{part}.weight");
        tensors.push((name("attn_norm"), vec![d]));
        tensors.extend(matrices.map(|(part, dims)| (name(part), dims.to_vec())));
        tensors.push((name("ffn_norm"), vec![d]));
    }
    tensors.push(("output_norm.weight".into(), vec![d]));
    tensors.push(("output.weight".into(), vec![d, vocab]));

    let number = |n: usize| [&4u32.to_le_bytes()[..], &(n as u32).to_le_bytes()].concat();
    let float = |x: f32| [6u32.to_le_bytes(), x.to_le_bytes()].concat();
    let text = |words: &str| [8u32.to_le_bytes().to_vec(), string(words)].concat();
    let texts = |all: &[String]| {
        let head = [9u32.to_le_bytes(), 8u32.to_le_bytes()].concat();
        let items: Vec<u8> = all.iter().flat_map(|word| string(word)).collect();
        [head, (all.len() as u64).to_le_bytes().to_vec(), items].concat()
    };
    // One token a byte, and words that no merge leads to.
    let words = byte_letters().map(String::from);
    let more = (0..).map(|n| format!("<word {n}>"));
    let words: Vec<String> = words.chain(more).take(vocab).collect();
    let pairs = [
        ("general.architecture", text("llama")),
        ("general.name", text("random")),
        ("general.file_type", number(15)),
        ("llama.block_count", number(layers)),
        ("llama.context_length", number(512)),
        ("llama.embedding_length", number(d)),
        ("llama.feed_forward_length", number(d_mlp)),
        ("llama.attention.head_count", number(heads)),
        ("llama.attention.head_count_kv", number(kv_heads)),
        ("llama.attention.layer_norm_rms_epsilon", float(1e-5)),
        ("llama.rope.freq_base", float(500_000.0)),
        ("llama.rope.dimension_count", number(head)),
        ("tokenizer.ggml.model", text("gpt2")),
        ("tokenizer.ggml.pre", text("gpt-2")),
        ("tokenizer.ggml.tokens", texts(&words)),
        ("tokenizer.ggml.merges", texts(&[])),
        ("tokenizer.ggml.eos_token_id", number(0)),
    ];
    let mut head = b"GGUF".to_vec();
    head.extend(3u32.to_le_bytes());
    head.extend((tensors.len() as u64).to_le_bytes());
    head.extend((pairs.len() as u64).to_le_bytes());
    for (key, value) in pairs {
        head.extend(string(key));
        head.extend(value);
    }
    let kind_of = |name: &str, dims: &[usize]| if dims.len() == 1 { 0 } else { kind(name) };
    let bytes_of = |kind: u32, dims: &[usize]| {
        let (numbers, size) = Kind::of(kind).block();
        dims.iter().product::<usize>() / numbers * size
    };
    let mut offset = 0;
    for (name, dims) in &tensors {
        let kind = kind_of(name, dims);
        head.extend(string(name));
        head.extend((dims.len() as u32).to_le_bytes());
        dims.iter()
            .for_each(|&n| head.extend((n as u64).to_le_bytes()));
        head.extend(kind.to_le_bytes());
        head.extend((offset as u64).to_le_bytes());
        offset += bytes_of(kind, dims).next_multiple_of(32);
    }
    head.resize(head.len().next_multiple_of(32), 0);
    let mut out = BufWriter::new(File::create(path).unwrap());
    out.write_all(&head).unwrap();
    let mut random = Random(7);
    for (name, dims) in &tensors {
        let kind = kind_of(name, dims);
        let bytes = bytes_of(kind, dims);
        let norm = dims.len() == 1;
        // A pattern that no row of blocks repeats in step with.
        let pattern: Vec<u8> = (0..997).flat_map(|_| random.block(kind, norm)).collect();
        let mut left = bytes;
        while left > 0 {
            let part = &pattern[..left.min(pattern.len())];
            out.write_all(part).unwrap();
            left -= part.len();
        }
        let zeros = bytes.next_multiple_of(32) - bytes;
        out.write_all(&[0; 32][..zeros]).unwrap();
    }
    out.flush().unwrap();
}

/// Bits without a pattern (Marsaglia's xorshift).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    /// A block whose numbers are a few hundredths; of a norm's, near 1.
    fn block(&mut self, kind: u32, norm: bool) -> Vec<u8> {
        let (_, size) = Kind::of(kind).block();
        let unit = (self.next() >> 40) as f32 / (1 << 24) as f32 - 0.5;
        let number = if norm { 1.0 + 0.2 * unit } else { 0.1 * unit };
        let mut block: Vec<u8> = (0..size).map(|_| (self.next() >> 32) as u8).collect();
        let mut scale = |at: usize, x: f32| {
            block[at..at + 2].copy_from_slice(&f16::from_f32(x).to_le_bytes());
        };
        match kind {
            0 => return number.to_le_bytes().to_vec(),
            1 => return f16::from_f32(number).to_le_bytes().to_vec(),
            30 => return bf16::from_f32(number).to_le_bytes().to_vec(),
            2 | 6 => scale(0, 4e-3),
            3 | 7 => {
                scale(0, 4e-3);
                scale(2, -0.03);
            }
            8 => scale(0, 4e-4),
            10 => {
                scale(80, 2e-3);
                scale(82, 2e-3);
            }
            11 => scale(108, 4e-4),
            12 | 13 => {
                scale(0, 1e-4);
                scale(2, 8e-4);
            }
            14 => scale(208, 4e-5),
            other => panic!("no blocks of kind {other}"),
        }
        block
    }
}

fn string(text: &str) -> Vec<u8> {
    [&(text.len() as u64).to_le_bytes()[..], text.as_bytes()].concat()
}

/// GPT-2's letters for bytes, in the order of the bytes.
fn byte_letters() -> impl Iterator<Item = char> {
    let shown = |byte: u32| matches!(byte, 33..=126 | 161..=172 | 174..=255);
    (0..256).map(move |byte| {
        let hidden = (0..byte).filter(|&b| !shown(b)).count() as u32;
        let code = if shown(byte) { byte } else { 256 + hidden };
        char::from_u32(code).unwrap()
    })
}
