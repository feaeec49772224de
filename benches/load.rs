//! Opening a model of gpt2-medium's shape (1.42 GB of random f32 weights) from a
//! warm disk cache, in f32 and in half precision, each in a process of its own:
//! how long, and how much memory at most beside the weights.
//!
//!     cargo bench --bench load        (writes 1.42 GB into the temporary folder)

use candle_core::{DType, Device};
use pentimento::model::Source;
use pentimento::model::device::Place;
use serde_json::{Map, Value, json};
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

const ROUNDS: usize = 5;
const CHILD: &str = "PENTIMENTO_BENCH_LOAD";

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() {
    if let Ok(asked) = std::env::var(CHILD) {
        return child(&asked);
    }
    // `cargo bench` passes `--bench`; `cargo test --benches` must not run this.
    if !std::env::args().any(|word| word == "--bench") {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let parameters = write(folder.path()).expect("there is room for 1.42 GB");
    for dtype in ["f32", "bf16", "f16"] {
        let mut rounds: Vec<(f64, f64)> =
            (0..ROUNDS).map(|_| round(folder.path(), dtype)).collect();
        rounds.sort_by(|a, b| a.0.total_cmp(&b.0));
        let (seconds, most) = rounds[ROUNDS / 2];
        let weights = parameters as f64 * if dtype == "f32" { 4.0 } else { 2.0 };
        println!(
            "{dtype:>4}  {seconds:.2} s  {:.2} GB at most: {:.2} × the weights",
            most / 1e9,
            most / weights
        );
    }
}

/// One opening elsewhere: seconds, and the most memory in bytes.
fn round(folder: &Path, dtype: &str) -> (f64, f64) {
    let myself = std::env::current_exe().expect("this program has a path");
    let asked = format!("{dtype} {}", folder.display());
    let said = Command::new(myself).env(CHILD, asked).output();
    let said = String::from_utf8(said.expect("it runs").stdout).expect("numbers");
    let mut numbers = said
        .split_whitespace()
        .map(|n| n.parse().expect("a number"));
    let mut next = || numbers.next().expect("two numbers");
    (next(), next())
}

fn child(asked: &str) {
    let (dtype, folder) = asked.split_once(' ').expect("a dtype and a folder");
    let dtype = match dtype {
        "bf16" => DType::BF16,
        "f16" => DType::F16,
        _ => DType::F32,
    };
    let device = Device::Cpu;
    let started = Instant::now();
    let loaded = Source::Folder(PathBuf::from(folder)).load_at(&Place {
        device,
        dtype,
        packed: false,
    });
    let seconds = started.elapsed().as_secs_f64();
    assert_eq!(loaded.expect("it opens").decoder.layers(), 24);
    println!("{seconds} {}", most_memory().unwrap_or(f64::NAN));
}

/// The most anonymous memory so far is not told by the system; the most
/// resident memory is, the map's pages with it.
fn most_memory() -> Option<f64> {
    let text = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = text.lines().find(|l| l.starts_with("VmHWM:"))?;
    let kilobytes: f64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kilobytes * 1024.0)
}

/// A folder in Hugging Face layout; the number of its weights.
fn write(folder: &Path) -> io::Result<usize> {
    let (d, vocab, context, layers) = (1024, 50_257, 1024, 24);
    let mut shapes = vec![
        ("wte.weight".to_owned(), vec![vocab, d]),
        ("wpe.weight".to_owned(), vec![context, d]),
        ("ln_f.weight".to_owned(), vec![d]),
        ("ln_f.bias".to_owned(), vec![d]),
    ];
    for layer in 0..layers {
        let block: [(&str, Vec<usize>); 12] = [
            ("ln_1.weight", vec![d]),
            ("ln_1.bias", vec![d]),
            ("attn.c_attn.weight", vec![d, 3 * d]),
            ("attn.c_attn.bias", vec![3 * d]),
            ("attn.c_proj.weight", vec![d, d]),
            ("attn.c_proj.bias", vec![d]),
            ("ln_2.weight", vec![d]),
            ("ln_2.bias", vec![d]),
            ("mlp.c_fc.weight", vec![d, 4 * d]),
            ("mlp.c_fc.bias", vec![4 * d]),
            ("mlp.c_proj.weight", vec![4 * d, d]),
            ("mlp.c_proj.bias", vec![d]),
        ];
        let named = block.map(|(name, shape)| (format!("h.{layer}.{name}"), shape));
        shapes.extend(named);
    }
    let mut header = Map::new();
    let mut end = 0;
    for (name, shape) in &shapes {
        let begin = end;
        end += 4 * shape.iter().product::<usize>();
        let entry = json!({"dtype": "F32", "shape": shape, "data_offsets": [begin, end]});
        header.insert(name.clone(), entry);
    }
    let header = serde_json::to_vec(&Value::Object(header))?;
    let mut file =
        BufWriter::with_capacity(1 << 20, File::create(folder.join("model.safetensors"))?);
    file.write_all(&(header.len() as u64).to_le_bytes())?;
    file.write_all(&header)?;
    let mut state = 0x5EEDu64;
    for _ in 0..end / 4 {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        let uniform = (state >> 40) as f32 / (1u32 << 24) as f32 - 0.5;
        file.write_all(&(0.06 * uniform).to_le_bytes())?;
    }
    file.flush()?;
    let config = json!({
        "model_type": "gpt2", "vocab_size": vocab, "n_embd": d, "n_layer": layers,
        "n_head": 16, "n_positions": context, "layer_norm_epsilon": 1e-5,
        "activation_function": "gelu_new", "tie_word_embeddings": true
    });
    std::fs::write(folder.join("config.json"), serde_json::to_vec(&config)?)?;
    let tokenizer = json!({
        "version": "1.0", "truncation": null, "padding": null, "added_tokens": [],
        "normalizer": null, "pre_tokenizer": {"type": "Whitespace"}, "post_processor": null,
        "decoder": null, "model": {"type": "WordLevel", "vocab": {"0": 0}, "unk_token": "0"}
    });
    std::fs::write(
        folder.join("tokenizer.json"),
        serde_json::to_vec(&tokenizer)?,
    )?;
    Ok(end / 4)
}
