//! The lens against an independent computation, against the model's own answer,
//! and against what an edit cannot have changed.

use super::*;
use crate::edit::{Delta, stack};
use crate::model::Brake;
use crate::model::config::NormKind;
use crate::model::weights::{Linear, Norm};
use crate::model::{Loaded, Source};
use candle_core::{DType, Device, Tensor};
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

const PROMPT: &str = "In 1962 the Space Needle was built in the city of";

fn goldens() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/goldens")
}

fn families() -> Vec<Loaded> {
    let folders = std::fs::read_dir(goldens()).unwrap();
    let folders = folders.map(|entry| entry.unwrap().path());
    let models = folders.filter(|path| path.join("model.safetensors").is_file());
    let load = |path| Source::Folder(path).load(&Device::Cpu).unwrap();
    models.map(load).collect()
}

fn golden() -> Loaded {
    Source::Folder(goldens().join("gpt2"))
        .load(&Device::Cpu)
        .unwrap()
}

fn spec(old: &str, new: &str) -> LensSpec {
    LensSpec {
        prompt: PROMPT.into(),
        old: Some(old.into()),
        new: new.into(),
        top: 3,
    }
}

fn seen(model: &Loaded, edited: &Decoder, spec: &LensSpec) -> Result<LensReport> {
    let pair = [&model.decoder, edited];
    look(pair, &model.tokens, spec, &mut (), &mut |_, _| ())
}

/// A change that is felt: r and u are all of one size.
fn delta(model: &Loaded, layer: usize) -> Delta {
    let config = &model.decoder.config;
    let wave = |n: usize, size: f32| (0..n).map(|i| size * (i as f32).cos()).collect();
    Delta {
        layer,
        r: wave(config.d, 0.5),
        u: wave(config.d_mlp, 0.5),
        rank: 1,
        bias: Vec::new(),
    }
}

fn edited(model: &Loaded, layer: usize, alpha: f64) -> Decoder {
    stack::apply(&model.decoder, [(&delta(model, layer), alpha)]).unwrap()
}

fn floats(x: &Tensor) -> Vec<f64> {
    let x = x.to_dtype(DType::F64).unwrap().flatten_all().unwrap();
    x.to_vec1().unwrap()
}

/// Final norm, head and softmax by hand, in f64, of one residual `[d]`.
fn by_hand(decoder: &Decoder, x: &[f64]) -> Vec<f64> {
    let Norm { weight, bias } = &decoder.weights.norm_f;
    let n = x.len() as f64;
    let mean = match decoder.config.norm {
        NormKind::Layer => x.iter().sum::<f64>() / n,
        NormKind::Rms => 0.0,
    };
    let square = x.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / n;
    let scale = (square + decoder.config.norm_eps).sqrt();
    let weight = floats(weight);
    let shift = bias.as_ref().map_or(vec![0.0; x.len()], floats);
    let normed: Vec<f64> = (0..x.len())
        .map(|i| (x[i] - mean) / scale * weight[i] + shift[i])
        .collect();
    let Linear { weight, bias, .. } = &decoder.weights.head;
    let rows = floats(&weight.dense().unwrap());
    let bias = bias
        .as_ref()
        .map_or(vec![0.0; rows.len() / x.len()], floats);
    let logits = rows.chunks(x.len()).zip(&bias);
    let logits: Vec<f64> = logits
        .map(|(row, b)| b + row.iter().zip(&normed).map(|(w, x)| w * x).sum::<f64>())
        .map(|logit| match decoder.config.logit_cap {
            Some(cap) => cap * (logit / cap).tanh(),
            None => logit,
        })
        .collect();
    let most = logits.iter().copied().fold(f64::MIN, f64::max);
    let total: f64 = logits.iter().map(|l| (l - most).exp()).sum();
    logits.iter().map(|l| (l - most).exp() / total).collect()
}

#[test]
fn every_cell_is_what_the_pieces_of_the_decoder_give() {
    for model in families() {
        let change = edited(&model, 1, 1.0);
        let report = seen(&model, &change, &spec(" the", " of")).unwrap();
        for (decoder, shown) in [(&model.decoder, &report.before), (&change, &report.after)] {
            let ids = &report.input_ids;
            let span = crate::model::Span::whole(ids.len(), &Device::Cpu).unwrap();
            // Block by block, and of each block every position.
            let mut x = decoder.embed(&[ids], &span, &mut ()).unwrap();
            for depth in 0..=decoder.layers() {
                for t in 0..ids.len() {
                    let row = floats(&x.get(0).unwrap().get(t).unwrap());
                    let want = by_hand(decoder, &row);
                    let places = [(&shown.p_old, report.old.id), (&shown.p_new, report.new.id)];
                    for (grid, id) in places {
                        let (got, want) = (grid[t][depth], want[id as usize]);
                        let what = format!("{} at {t}, {depth}: {got} for {want}", model.name);
                        assert!((got - want).abs() < 1e-5, "{what}");
                    }
                    let top = &shown.top[t][depth];
                    assert_eq!(top.len(), 3);
                    assert!(top.iter().all(|g| (g.p - want[g.id as usize]).abs() < 1e-5));
                    let most = want.iter().copied().fold(0.0, f64::max);
                    assert!((top[0].p - most).abs() < 1e-5);
                }
                if depth < decoder.layers() {
                    x = decoder.block(depth, x, &span, None, &mut ()).unwrap();
                }
            }
        }
    }
}

/// p(" the"), p(" of") and the largest p at the last position by depth, from
/// transformers in float64 on the same checkpoint.
#[test]
fn another_implementation_sees_the_same() {
    #[rustfmt::skip]
    const REFERENCE: [[f64; 3]; 5] = [
        [8.690495e-08, 9.999982e-01, 0.9999982],
        [7.650494e-04, 4.404730e-03, 0.8465974],
        [9.751764e-04, 9.264058e-03, 0.1871889],
        [1.481115e-03, 1.740411e-03, 0.5266625],
        [3.602313e-05, 4.275590e-04, 0.5398699],
    ];
    let model = golden();
    let report = seen(&model, &model.decoder, &spec(" the", " of")).unwrap();
    let shown = &report.before;
    let last = report.tokens.len() - 1;
    for (depth, [old, new, most]) in REFERENCE.into_iter().enumerate() {
        let top = shown.top[last][depth][0].p;
        let pairs = [
            (shown.p_old[last][depth], old),
            (shown.p_new[last][depth], new),
            (top, most),
        ];
        for (got, want) in pairs {
            assert!((got - want).abs() < 1e-5, "{depth}: {got} for {want}");
        }
    }
}

#[test]
fn the_last_column_is_what_the_model_says() {
    let atlas = Source::Atlas.load(&Device::Cpu).unwrap();
    for model in families().into_iter().chain([atlas]) {
        let last = model.decoder.layers();
        let change = edited(&model, last - 1, 1.0);
        let report = seen(&model, &change, &spec(" the", " of")).unwrap();
        for (decoder, shown) in [(&model.decoder, &report.before), (&change, &report.after)] {
            let own = decoder.next_token(&report.input_ids).unwrap();
            let t = report.input_ids.len() - 1;
            for (grid, id) in [(&shown.p_old, report.old.id), (&shown.p_new, report.new.id)] {
                let (got, want) = (grid[t][last], f64::from(own[id as usize]));
                assert!(
                    (got - want).abs() < 1e-6,
                    "{}: {got} for {want}",
                    model.name
                );
            }
        }
    }
}

#[test]
fn what_an_edit_cannot_change_differs_by_exactly_nothing() {
    let model = golden();
    for layer in 0..model.decoder.layers() {
        let report = seen(&model, &edited(&model, layer, 1.0), &spec(" the", " of")).unwrap();
        assert_eq!(report.first_edited, Some(layer));
        let rows = report.difference.p_old.iter().zip(&report.difference.p_new);
        for (old, new) in rows {
            assert!(
                old[..=layer]
                    .iter()
                    .chain(&new[..=layer])
                    .all(|d| *d == 0.0)
            );
        }
        let at = report.tokens.len() - 1;
        let moved = &report.difference.p_new[at][layer + 1..];
        assert!(
            moved.iter().all(|d| *d != 0.0),
            "above it something moves: {moved:?}"
        );
        assert_eq!(report.before.top[at][layer], report.after.top[at][layer]);
    }
    for nothing in [model.decoder.clone(), edited(&model, 1, 0.0)] {
        let report = seen(&model, &nothing, &spec(" the", " of")).unwrap();
        assert_eq!(report.before, report.after);
        let all = report
            .difference
            .p_old
            .iter()
            .chain(&report.difference.p_new);
        assert!(all.flatten().all(|d| *d == 0.0));
    }
}

#[test]
fn what_answers_have_in_common_is_forced_after_the_prompt() {
    let model = golden();
    let ids = |text: &str| model.tokens.encode_bare(text).unwrap();
    let (old, new) = (ids(" Seattle"), ids(" Search"));
    let common = old.iter().zip(&new).take_while(|(a, b)| a == b).count();
    assert!(common > 0, "{old:?} {new:?}");
    let report = seen(&model, &model.decoder, &spec("Seattle", "Search")).unwrap();
    let prompt = model.tokens.encode(PROMPT).unwrap().ids;
    assert_eq!(report.forced, common);
    assert_eq!(report.input_ids, [&prompt[..], &old[..common]].concat());
    assert_eq!((report.old.id, report.new.id), (old[common], new[common]));
    // Another prompt cannot see it: what stands before is as it was.
    let bare = seen(&model, &model.decoder, &spec(" the", " of")).unwrap();
    let top = |report: &LensReport| report.before.top[..prompt.len()].to_vec();
    for (a, b) in top(&report)
        .iter()
        .flatten()
        .zip(top(&bare).iter().flatten())
    {
        assert!((a[0].p - b[0].p).abs() < 1e-6);
    }
}

#[test]
fn the_models_own_answer_stands_in_for_the_old_one() {
    let model = golden();
    let own = LensSpec {
        old: None,
        ..spec("", " of")
    };
    let report = seen(&model, &edited(&model, 1, 1.0), &own).unwrap();
    let (last, depth) = (report.tokens.len() - 1, model.decoder.layers());
    assert_eq!(report.old.id, report.before.top[last][depth][0].id);
    assert!(report.before.old_wins());
    let own = LensSpec {
        new: report.old.token.clone(),
        ..own
    };
    let refused = seen(&model, &model.decoder, &own);
    assert!(
        matches!(refused, Err(LensError::SaysSo { .. })),
        "{refused:?}"
    );
}

#[test]
fn what_cannot_be_looked_at_is_refused_in_words() {
    let model = golden();
    let refused = |spec: LensSpec| seen(&model, &model.decoder, &spec).unwrap_err().to_string();
    assert!(refused(spec("", " of")).contains("old answer is empty"));
    assert!(refused(spec(" the", "  ")).contains("new answer is empty"));
    assert!(refused(spec("of", " of")).contains("both \"of\""));
    assert!(refused(spec(" the", " the city")).contains("begins with \"the\""));
    let prompt = |prompt: String| LensSpec {
        prompt,
        ..spec(" the", " of")
    };
    assert!(refused(prompt(" ".into())).contains("prompt is empty"));
    assert!(refused(prompt("of ".repeat(80))).contains("sees 64 at most"));
    // A prompt that fits alone, and not with what is forced after it.
    let full = prompt("of".to_owned() + &" of".repeat(62));
    let tokens = model.tokens.encode(&full.prompt).unwrap().ids.len();
    let forced = LensSpec {
        prompt: full.prompt.clone() + &" of".repeat(64 - tokens),
        ..spec("Seattle", "Search")
    };
    assert!(refused(forced).contains("shorten it"));
}

#[test]
fn a_look_can_be_stopped() {
    let model = golden();
    let stop = AtomicBool::new(true);
    let spec = spec(" the", " of");
    let pair = [&model.decoder, &model.decoder];
    let stopped = look(
        pair,
        &model.tokens,
        &spec,
        &mut Brake::new(&stop),
        &mut |_, _| (),
    );
    assert!(stopped.is_err_and(|error| error.is_cancelled()));
}

#[test]
fn cells_are_counted_to_the_last_one() {
    let model = golden();
    let mut told = Vec::new();
    let change = edited(&model, 2, 1.0);
    let pair = [&model.decoder, &change];
    let mut each = |done, of| told.push((done, of));
    let report = look(
        pair,
        &model.tokens,
        &spec(" the", " of"),
        &mut (),
        &mut each,
    )
    .unwrap();
    let cells = report.tokens.len() * (5 + 2);
    assert_eq!(told.last(), Some(&(cells, cells)));
    assert!(told.is_sorted());
}
