//! The pretrained model, where `PENTIMENTO_REAL` names its file (gemma-3-270m, Q4_K_M).
//! Without it each test says that it was skipped. `tests/real/` holds what transformers
//! computes with the same weights, dequantised to f32: no weights are there.
//!
//! The trace is compared at the subject's last token. `PENTIMENTO_REAL_WHOLE=1` computes
//! all of it, which takes minutes. ROME needs the second moment that the reference was
//! made with: a safetensors file, named by `PENTIMENTO_REAL_C`.

use candle_core::Device;
use pentimento::edit::context::{Context, norm};
use pentimento::edit::rome::{Recalled, Rome};
use pentimento::edit::{Hyper, Request, SecondMoment, stack, value};
use pentimento::model::gguf::Gguf;
use pentimento::model::{Brake, Decoder, Loaded, Point, Site, Source, Tokens};
use pentimento::trace::{Cell, Kind, Step, TraceSpec, Traced, trace};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

fn file() -> Option<PathBuf> {
    named("PENTIMENTO_REAL")
}

fn named(variable: &str) -> Option<PathBuf> {
    let path = std::env::var_os(variable).map(PathBuf::from);
    if path.is_none() {
        println!("skipped: {variable} names no file");
    }
    path
}

fn model(path: &Path) -> &'static Loaded {
    static MODEL: OnceLock<Loaded> = OnceLock::new();
    MODEL.get_or_init(|| {
        let start = std::time::Instant::now();
        let source = Source::parse(&path.to_string_lossy());
        let loaded = source.load(&Device::Cpu).unwrap();
        println!("opened in {:.2?}", start.elapsed());
        loaded
    })
}

fn reference(name: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/real")
        .join(name);
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

fn ids(value: &Value) -> Vec<u32> {
    let all = value.as_array().unwrap().iter();
    all.map(|id| id.as_u64().unwrap() as u32).collect()
}

#[test]
fn the_file_is_read_whole() {
    let Some(path) = file() else { return };
    let gguf = Gguf::open(&path).unwrap();
    assert_eq!(gguf.tensors().len(), 236);
    assert_eq!(gguf.text("general.architecture").unwrap(), Some("gemma3"));
    let embed = gguf.tensor("token_embd.weight").unwrap();
    assert_eq!(embed.shape, [262_144, 640]);
    assert_eq!(embed.kind.name(), "Q8_0");
}

#[test]
fn prompts_have_the_references_ids() {
    let Some(path) = file() else { return };
    let tokens = &model(&path).tokens;
    for next in reference("next.json").as_array().unwrap() {
        let prompt = next["prompt"].as_str().unwrap();
        assert_eq!(
            tokens.encode(prompt).unwrap().ids,
            ids(&next["ids"]),
            "{prompt}"
        );
    }
}

/// Ids by SentencePiece's algorithm as llama.cpp has it, written once more in Python.
/// `PENTIMENTO_REAL_TEXTS` names a file of more of them.
#[test]
fn odd_texts_are_cut_as_sentence_piece_cuts_them() {
    let Some(path) = file() else { return };
    let tokens = &model(&path).tokens;
    let more = std::env::var_os("PENTIMENTO_REAL_TEXTS").map(|path| std::fs::read(path).unwrap());
    let texts = match more {
        Some(bytes) => serde_json::from_slice(&bytes).unwrap(),
        None => reference("texts.json"),
    };
    let texts = texts.as_array().unwrap();
    for one in texts {
        let text = one["text"].as_str().unwrap();
        assert_eq!(
            tokens.encode(text).unwrap().ids,
            ids(&one["ids"]),
            "{text:?}"
        );
    }
    println!("{} texts", texts.len());
}

/// The reference's row is scaled by √d. Sums over it say whether it is the same: a row
/// itself would be weights.
#[test]
fn a_row_of_the_embedding_is_the_references() {
    let Some(path) = file() else { return };
    let embed = &model(&path).decoder.weights.embed;
    let row = reference("embed.json");
    let id = row["id"].as_u64().unwrap() as usize;
    let ours: Vec<f32> = embed.dense().unwrap().get(id).unwrap().to_vec1().unwrap();
    let ours: Vec<f64> = ours.iter().map(|&x| f64::from(x) * 640f64.sqrt()).collect();
    let weighted = ours.iter().enumerate().map(|(i, x)| i as f64 * x);
    let norm = ours.iter().map(|x| x * x).sum::<f64>().sqrt();
    let sums = [
        ("sum", ours.iter().sum()),
        ("norm", norm),
        ("weighted", weighted.sum()),
    ];
    for (name, ours) in sums {
        let theirs = row[name].as_f64().unwrap();
        assert!(
            (ours - theirs).abs() < 1e-5 * theirs.abs(),
            "{name}: {ours} {theirs}"
        );
    }
}

#[test]
fn the_likeliest_next_tokens_are_the_references() {
    let Some(path) = file() else { return };
    let Loaded {
        decoder, tokens, ..
    } = model(&path);
    let mut furthest = 0.0f64;
    for next in reference("next.json").as_array().unwrap() {
        let prompt = next["prompt"].as_str().unwrap();
        let ids = tokens.encode(prompt).unwrap().ids;
        let p = decoder.next_token(&ids).unwrap();
        let top = next["top"].as_array().unwrap();
        let likeliest = (0..p.len()).max_by(|&a, &b| p[a].total_cmp(&p[b]));
        assert_eq!(
            likeliest,
            top[0][0].as_u64().map(|id| id as usize),
            "{prompt}"
        );
        for one in top {
            let ours = f64::from(p[one[0].as_u64().unwrap() as usize]).ln();
            let off = (ours - one[1].as_f64().unwrap()).abs();
            furthest = furthest.max(off);
            assert!(off < 1e-3, "{prompt}: {one} is {ours} here");
        }
    }
    println!("log p off by {furthest:.1e} at most");
}

fn number(value: &Value, at: &str) -> f64 {
    value.pointer(at).and_then(Value::as_f64).unwrap()
}

#[test]
fn a_trace_has_the_references_cells() {
    let Some(path) = file() else { return };
    let loaded = model(&path);
    let fact = reference("trace.json");
    let text = |name: &str| fact[name].as_str().unwrap().to_owned();
    let subject = text("subject");
    let spec = TraceSpec {
        prompt: text("prompt").replacen("{}", &subject, 1),
        subject,
        window: Some(number(&fact, "/window") as usize),
        noise_scale: Some(number(&fact, "/noise_scale")),
        samples: number(&fact, "/samples") as usize,
        seed: number(&fact, "/seed") as u32,
        ..TraceSpec::default()
    };
    let last = number(&fact, "/subject_range/1") as usize - 1;
    // Of the row that comes first, every cell; or of all rows.
    let whole = std::env::var_os("PENTIMENTO_REAL_WHOLE").is_some();
    let layers = loaded.decoder.config.layers;
    let enough = Kind::ALL.len() * layers;
    let (stop, mut row, mut cells) = (AtomicBool::new(false), 0, 0);
    let mut furthest = 0.0f64;
    let traced = Traced {
        name: "real",
        decoder: &loaded.decoder,
        tokens: &loaded.tokens,
        known_subjects: &[],
    };
    let result = trace(traced, &spec, Brake::new(&stop), &mut |step| match step {
        Step::Warning(_) => {}
        Step::Ready(header) => {
            assert_eq!(f64::from(header.answer.id), number(&fact, "/answer_id"));
            assert!((header.high - number(&fact, "/high")).abs() < 1e-4);
            assert!((header.low - number(&fact, "/low")).abs() < 1e-4);
        }
        Step::Cell(Cell {
            kind,
            token,
            layer,
            p,
        }) => {
            let want = number(&fact, &format!("/trace/{}/{token}/{layer}", kind.name()));
            furthest = furthest.max((p - want).abs());
            cells += 1;
            row += usize::from(token == last);
            stop.store(row == enough && !whole, Ordering::Relaxed);
        }
    });
    println!("{cells} cells, off by {furthest:.1e} at most");
    assert!(furthest < 1e-4, "off by {furthest}");
    assert_eq!(row, enough);
    assert_eq!(result.is_ok(), whole);
}

/// log of the geometric mean over a target's tokens after a prompt.
fn log_p(decoder: &Decoder, tokens: &Tokens, prompt: &str, target: &str) -> f64 {
    let prompt = tokens.encode(prompt).unwrap().ids;
    let target = pentimento::edit::context::target_ids(tokens, target).unwrap();
    let mut ids = prompt.clone();
    let mut sum = 0.0;
    for &id in &target {
        let p = decoder.next_token(&ids).unwrap();
        sum += f64::from(p[id as usize]).ln();
        ids.push(id);
    }
    sum / target.len() as f64
}

fn near(what: &str, ours: f64, theirs: f64, tolerance: f64) {
    let off = (ours - theirs).abs();
    println!("{what}: off by {off:.1e}");
    assert!(off < tolerance, "{what}: {ours}, not {theirs}");
}

#[test]
fn rome_and_r_rome_have_the_references_norms() {
    let (Some(path), Some(c)) = (file(), named("PENTIMENTO_REAL_C")) else {
        return;
    };
    let Loaded {
        decoder, tokens, ..
    } = model(&path);
    let (fact, rome) = (reference("trace.json"), reference("rome.json"));
    let text = |name: &str| fact[name].as_str().unwrap().to_owned();
    let request = Request {
        prompt: text("prompt"),
        subject: text("subject"),
        target: text("new"),
    };
    let hyper = Hyper {
        steps: number(&rome, "/hyper/steps") as usize,
        lr: number(&rome, "/hyper/lr"),
        kl_factor: number(&rome, "/hyper/kl_factor"),
        weight_decay: number(&rome, "/hyper/weight_decay"),
        clamp: number(&rome, "/hyper/clamp"),
        ridge: number(&rome, "/ridge_relative"),
        ..Hyper::default()
    };
    let layer = number(&rome, "/layer") as usize;
    let templates: Vec<String> = serde_json::from_value(rome["templates"].clone()).unwrap();
    let context = Context::new(tokens, &request, &templates).unwrap();

    // What the facts beside it say, and it itself, before and after.
    let prompt = request.prompt.replacen("{}", &request.subject, 1);
    let said = |decoder: &Decoder, at: &str| {
        let want = rome.pointer(at).unwrap();
        let own = [("new", &request.target), ("old", &text("old"))];
        for (name, target) in own {
            let ours = log_p(decoder, tokens, &prompt, target);
            near(name, ours, number(want, &format!("/{name}")), 1e-3);
        }
        for one in want["neighbours"].as_array().unwrap() {
            let (prompt, target) = (one[0].as_str().unwrap(), one[1].as_str().unwrap());
            let ours = log_p(decoder, tokens, prompt, target);
            near(prompt, ours, number(one, "/2"), 1e-3);
        }
    };
    said(decoder, "/log_p_before");

    let site = Site::new(layer, Point::MlpOut);
    let facts = std::slice::from_ref(&context);
    let value = value::optimise(decoder, facts, site, &hyper, &mut (), |_, _, _| ());
    let value = value.unwrap().remove(0);
    let losses: Vec<[f64; 4]> =
        serde_json::from_value(rome["losses_nll_kl_wd_total"].clone()).unwrap();
    assert_eq!(value.losses.len(), losses.len());
    for (got, want) in value.losses.iter().zip(&losses) {
        near("loss", got.total, want[3], 1e-3);
    }
    let relative = |what: &str, ours: f64, at: &str| {
        near(what, ours / number(&rome, at), 1.0, 1e-3);
    };
    relative("‖δ‖", norm(&value.delta), "/delta_norm");
    relative("‖t₀‖", norm(&value.t0), "/t0_norm");

    let moment = SecondMoment::read(&c, decoder.config.d_mlp, layer).unwrap();
    let factor = moment.factor(hyper.ridge).unwrap();
    relative("ridge", factor.ridge, "/ridge");
    let recalled = Recalled::read(decoder, &context, layer, &mut ()).unwrap();
    for (name, one_key) in [("rome", false), ("r-rome", true)] {
        let (delta, division) = Rome { one_key }
            .update(layer, &recalled, &value, &factor)
            .unwrap();
        relative(name, division, &format!("/{name}/division_factor"));
        let norm = stack::norm([decoder.config.d, decoder.config.d_mlp], &delta)
            / stack::weight_norm(decoder, layer).unwrap();
        relative(name, norm, &format!("/{name}/relative_update_norm"));
        let edited = stack::apply(decoder, [(&delta, 1.0)]).unwrap();
        said(&edited, &format!("/{name}/log_p_after"));
    }
}
