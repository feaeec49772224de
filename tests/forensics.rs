//! A model that was changed on purpose is found out: which layer, how much, of what
//! rank, what it says; and what was done is taken back.

mod common;

use candle_core::Device;
use common::families;
use half::{bf16, f16};
use pentimento::edit::{Delta, EditSpec, Request, stack};
use pentimento::measure::forensics::{self, Change, Comparison, Files};
use pentimento::measure::{EditReport, Watch};
use pentimento::model::weights::number;
use pentimento::model::{Decoder, Source};
use pentimento::session::export::{Form, export};
use pentimento::session::import::reversal::{ReversalError, reversal};
use pentimento::session::{Factors, MadeOn, Model, SavedEdit, Session};
use proptest::prelude::*;
use safetensors::tensor::{Dtype, SafeTensors, TensorView};
use std::fs;
use std::path::Path;

const TOLERANCE: f32 = 1e-4;

/// Between −1 and 1, each its own: a sine would have rank 2 whatever its shape.
fn noise(n: usize, seed: usize) -> Vec<f32> {
    let mut state = 1 + seed as u64;
    let next = |_| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 40) as f32 / (1 << 23) as f32 - 1.0
    };
    (0..n).map(next).collect()
}

fn low(decoder: &Decoder, layer: usize, rank: usize) -> Delta {
    let (d, d_k) = (decoder.config.d, decoder.config.d_mlp);
    let u = noise(d_k * rank, layer + 2 * rank);
    Delta {
        layer,
        r: noise(d * rank, layer + rank),
        u: u.iter().map(|x| 0.02 * x).collect(),
        rank,
        bias: Vec::new(),
    }
}

/// The model of `source` with these changes merged into it, in `folder`.
fn merged(source: &Source, deltas: Vec<Delta>, folder: &Path) -> Source {
    let config = source.config().unwrap();
    let model = Model {
        id: "tiny".into(),
        sha256: "0".repeat(64),
        layers: config.layers,
        d: config.d,
        d_mlp: config.d_mlp,
        ..Model::default()
    };
    let asked = EditSpec {
        request: Request {
            prompt: "{} is".into(),
            subject: "x".into(),
            target: "y".into(),
        },
        ..EditSpec::default()
    };
    let (watch, report) = (Watch::default(), EditReport::default());
    let mut session = Session::new(model, MadeOn::here("cpu", "f32"));
    session.edits = vec![SavedEdit::new(1, vec![], &asked, &watch, &report)];
    let factors = Factors::from([(1, deltas)]);
    export(&session, &factors, source, Form::Merged, folder).unwrap();
    Source::Folder(folder.to_owned())
}

fn files(source: &Source) -> Files {
    Files::open(source, &source.name()).unwrap()
}

fn compared(base: &Source, other: &Source) -> Comparison {
    forensics::compare(&files(base), &files(other), &mut |_, _| true).unwrap()
}

fn logits(decoder: &Decoder) -> Vec<f32> {
    let ids: Vec<u32> = (0..12).map(|i| 40 + 7 * i).collect();
    let x = decoder.forward(&[&ids], None, &mut ()).unwrap();
    let logits = decoder.logits(&x.squeeze(0).unwrap(), &mut ()).unwrap();
    logits.flatten_all().unwrap().to_vec1().unwrap()
}

fn off(a: &Decoder, b: &Decoder) -> f32 {
    let (a, b) = (logits(a), logits(b));
    let each = a.iter().zip(&b).map(|(x, y)| (x - y).abs());
    each.fold(0.0, f32::max)
}

fn load(source: &Source) -> Decoder {
    source.load(&Device::Cpu).unwrap().decoder
}

/// What the reversal makes of OTHER, against BASE.
fn taken_back(base: &Source, other: &Source) -> (f32, f32, Vec<Delta>) {
    let brought = reversal(&files(base), &files(other), &compared(base, other)).unwrap();
    assert_eq!(brought.origin, format!("back to {}", base.name()));
    let (before, after) = (load(base), load(other));
    let on = brought.deltas.iter().map(|delta| (delta, 1.0));
    let back = stack::apply(&after, on).unwrap();
    (off(&before, &after), off(&before, &back), brought.deltas)
}

#[test]
fn an_edit_of_every_family_is_found_and_taken_back() {
    for folder in families() {
        let what = folder.display().to_string();
        let base = Source::Folder(folder);
        let decoder = load(&base);
        let at = tempfile::tempdir().unwrap();
        let deltas = vec![low(&decoder, 0, 1), low(&decoder, 2, 3)];
        let other = merged(&base, deltas.clone(), &at.path().join("m"));
        let found = compared(&base, &other);
        assert_eq!(found.same + 2, found.both, "{what}");
        let layers: Vec<_> = found.changes.iter().map(|c| c.down_of).collect();
        assert_eq!(layers, [Some(0), Some(2)], "{what}");
        for (change, delta) in found.changes.iter().zip(&deltas) {
            let spectrum = change.spectrum.as_ref().unwrap();
            assert_eq!(
                (spectrum.rank, spectrum.or_more),
                (delta.rank, false),
                "{what}"
            );
            assert!(spectrum.energy > 0.999_999, "{what}: {spectrum:?}");
            let shape = [decoder.config.d, decoder.config.d_mlp];
            let norm = stack::norm(shape, delta);
            assert!((change.norm.unwrap() / norm - 1.0).abs() < 1e-5, "{what}");
            let w = stack::weight_norm(&decoder, delta.layer).unwrap();
            assert!(
                (change.relative_norm.unwrap() * w / norm - 1.0).abs() < 1e-5,
                "{what}"
            );
        }
        let (edited, back, deltas) = taken_back(&base, &other);
        let ranks: Vec<usize> = deltas.iter().map(|delta| delta.rank).collect();
        assert_eq!(ranks, [1, 3], "{what}");
        assert!(
            edited > 100.0 * TOLERANCE && back < TOLERANCE,
            "{what}: {edited} {back}"
        );
        assert!(compared(&base, &base).is_same());
    }
}

/// A change whose output direction is one token's: what the logit lens reads.
#[test]
fn the_token_that_a_change_writes_is_the_one_it_promotes() {
    for folder in families() {
        let what = folder.display().to_string();
        let base = Source::Folder(folder);
        let decoder = load(&base);
        let (d, d_k) = (decoder.config.d, decoder.config.d_mlp);
        let token = 77u32;
        let row = decoder.weights.head.weight.rows(&[token]).unwrap();
        let row = row.squeeze(0).unwrap();
        let row = (row * &decoder.weights.norm_f.weight).unwrap();
        let delta = Delta {
            layer: 1,
            r: row.to_vec1().unwrap(),
            // Every key that is not negative is met positively.
            u: vec![1.0; d_k],
            rank: 1,
            bias: vec![],
        };
        assert_eq!(delta.r.len(), d);
        let at = tempfile::tempdir().unwrap();
        let other = merged(&base, vec![delta], &at.path().join("m"));
        let mut found = compared(&base, &other);
        let said = |changes: &[Change]| changes[0].directions.clone().unwrap();
        forensics::speak(&mut found.changes, &other).unwrap();
        let guess = said(&found.changes);
        assert!(!guess.sign_known);
        let either = [guess.promotes[0].id, guess.demotes[0].id];
        assert!(either.contains(&token), "{what}: {guess:?}");

        let tokens = base.load(&Device::Cpu).unwrap().tokens;
        let subjects = ["Rome", "The tower", "a", "some river"];
        let changes = &mut found.changes;
        forensics::keys::fill(changes, &decoder, &tokens, &subjects, &mut ()).unwrap();
        forensics::speak(changes, &other).unwrap();
        let (keys, directions) = (found.changes[0].keys.clone().unwrap(), said(&found.changes));
        assert!(
            keys.strongest[0].response > 0.0 && directions.sign_known,
            "{what}"
        );
        // The sign is that of the key's own sum: what u = 1 meets.
        let [output, key] = found.changes[0].first.clone().unwrap();
        let promoted = key.iter().sum::<f64>() > 0.0;
        let top = if promoted {
            &directions.promotes
        } else {
            &directions.demotes
        };
        assert_eq!(top[0].id, token, "{what}");
        assert!((output.iter().map(|x| x * x).sum::<f64>() - 1.0).abs() < 1e-9);
    }
}

/// The model with every number of these files through `round`, in `folder`.
fn rounded(source: &Source, dtype: Dtype, folder: &Path) -> Source {
    fs::create_dir(folder).unwrap();
    for (name, data) in source.companions().unwrap() {
        fs::write(folder.join(name), data).unwrap();
    }
    let checkpoint = source.checkpoint().unwrap();
    let views = checkpoint.views().unwrap();
    let round = |x: &f32| match dtype {
        Dtype::BF16 => bf16::from_f32(*x).to_le_bytes(),
        _ => f16::from_f32(*x).to_le_bytes(),
    };
    let tensors: Vec<(String, Vec<usize>, Vec<u8>)> = views
        .names()
        .into_iter()
        .map(|name| {
            let view = views.view(name).unwrap();
            let values: Vec<f32> = number::read(&view).unwrap();
            let bytes = values.iter().flat_map(round).collect();
            (name.to_owned(), view.shape().to_vec(), bytes)
        })
        .collect();
    let views = tensors
        .iter()
        .map(|(name, shape, bytes)| (name, TensorView::new(dtype, shape.clone(), bytes).unwrap()));
    let path = folder.join("model.safetensors");
    safetensors::serialize_to_file(views, None, &path).unwrap();
    Source::Folder(folder.to_owned())
}

#[test]
fn rounding_to_half_precision_hides_no_rank_and_makes_none() {
    let base = Source::Atlas;
    let decoder = load(&base);
    let at = tempfile::tempdir().unwrap();
    let path = |name: &str| at.path().join(name);
    // As large as an edit of Atlas is.
    let mut delta = low(&decoder, 3, 1);
    let w = stack::weight_norm(&decoder, 3).unwrap();
    let norm = stack::norm([decoder.config.d, decoder.config.d_mlp], &delta);
    let scale = (0.1 * w / norm) as f32;
    delta.r.iter_mut().for_each(|x| *x *= scale);
    let edited = merged(&base, vec![delta], &path("edited"));
    for (dtype, name) in [(Dtype::BF16, "bf16"), (Dtype::F16, "f16")] {
        let old = rounded(&base, dtype, &path(&format!("{name}-base")));
        let new = rounded(&edited, dtype, &path(&format!("{name}-edited")));
        let found = compared(&old, &new);
        assert_eq!(found.changes.len(), 1, "{name}");
        let spectrum = found.changes[0].spectrum.as_ref().unwrap();
        println!("{name}: {spectrum:?}");
        assert_eq!(spectrum.rank, 1, "{name}: {spectrum:?}");
        assert!(spectrum.energy > 0.99, "{name}: {spectrum:?}");
        let (_, back, deltas) = taken_back(&old, &new);
        // The rounding is part of what is taken back, and it has no small factors.
        assert!(deltas[0].is_dense() && back < TOLERANCE, "{name}: {back}");

        // Against the edited model in f32 the other matrices differ by rounding alone.
        let found = compared(&edited, &new);
        let ranks = found.changes.iter().filter_map(|c| c.spectrum.as_ref());
        let ranks: Vec<usize> = ranks.map(|spectrum| spectrum.rank).collect();
        assert!(ranks.iter().all(|rank| *rank == 0), "{name}: {ranks:?}");
    }
    // Atlas is f16: the same numbers in f16 again are the same bytes, in f32 recast.
    let again = rounded(&base, Dtype::F16, &path("again"));
    assert_eq!(compared(&base, &again).changes, []);
}

/// A folder with a llama's config and these tensors.
fn of(tensors: &[(&str, Vec<usize>, Vec<f32>)], folder: &Path) -> Source {
    fs::create_dir_all(folder).unwrap();
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/goldens/llama");
    fs::copy(golden.join("config.json"), folder.join("config.json")).unwrap();
    let bytes: Vec<Vec<u8>> = (tensors.iter())
        .map(|(_, _, values)| values.iter().flat_map(|v| v.to_le_bytes()).collect())
        .collect();
    let views = tensors.iter().zip(&bytes).map(|((name, shape, _), bytes)| {
        (
            *name,
            TensorView::new(Dtype::F32, shape.clone(), bytes).unwrap(),
        )
    });
    let path = folder.join("model.safetensors");
    safetensors::serialize_to_file(views, None, &path).unwrap();
    Source::Folder(folder.to_owned())
}

/// Rank 5 with known singular values, larger than what is decomposed whole.
#[test]
fn a_large_matrix_is_sketched_and_its_rank_still_exact() {
    let (rows, cols) = (700, 900);
    let wave = |i: usize, n: usize, f: usize| {
        // Rows of the cosine transform: of length 1, and orthogonal to each other.
        let angle = std::f64::consts::PI * (i as f64 + 0.5) * f as f64 / n as f64;
        (2.0 / n as f64).sqrt() * angle.cos()
    };
    let sigma = [9.0, 4.0, 1.0, 0.1, 0.02];
    let w = noise(rows * cols, 3);
    let changed: Vec<f32> = (0..rows * cols)
        .map(|at| {
            let (i, j) = (at / cols, at % cols);
            let terms = sigma.iter().enumerate();
            let terms = terms.map(|(k, s)| s * wave(i, rows, k + 1) * wave(j, cols, 2 * k + 1));
            (f64::from(w[at]) + terms.sum::<f64>()) as f32
        })
        .collect();
    let at = tempfile::tempdir().unwrap();
    let one = |values: Vec<f32>, name: &str| {
        of(
            &[("model.big.weight", vec![rows, cols], values)],
            &at.path().join(name),
        )
    };
    let (base, other) = (one(w, "a"), one(changed, "b"));
    let found = compared(&base, &other);
    let spectrum = found.changes[0].spectrum.as_ref().unwrap();
    assert_eq!(
        (spectrum.rank, spectrum.or_more),
        (5, false),
        "{spectrum:?}"
    );
    for (got, want) in spectrum.singular_values.iter().zip(sigma) {
        assert!((got / want - 1.0).abs() < 1e-4, "{spectrum:?}");
    }
    // A change of full rank says that there is more than was looked at.
    let wild = one(noise(rows * cols, 4), "c");
    let found = compared(&base, &wild);
    let spectrum = found.changes[0].spectrum.as_ref().unwrap();
    assert!(
        spectrum.or_more && spectrum.rank == 64 && spectrum.energy < 0.9,
        "{spectrum:?}"
    );
}

#[test]
fn what_cannot_be_measured_or_is_in_one_alone_is_said() {
    let at = tempfile::tempdir().unwrap();
    let (two, four) = (vec![1.0f32, 2.0], vec![1.0f32, 2.0, 3.0, 4.0]);
    let mut nan = four.clone();
    nan[2] = f32::NAN;
    let base = of(
        &[
            ("a.weight", vec![2, 2], four.clone()),
            ("b.weight", vec![4], four.clone()),
            ("layers.10.x", vec![2], two.clone()),
            ("layers.2.x", vec![2], two.clone()),
            ("same", vec![2], two.clone()),
        ],
        &at.path().join("a"),
    );
    let other = of(
        &[
            ("a.weight", vec![2, 2], nan),
            ("b.weight", vec![2, 2], four),
            ("same", vec![2], two.clone()),
            ("z", vec![2], two),
        ],
        &at.path().join("b"),
    );
    let found = compared(&base, &other);
    assert_eq!((found.both, found.same), (2, 1));
    assert_eq!(found.only_base, ["layers.2.x", "layers.10.x"]);
    assert_eq!(found.only_other, ["z"]);
    assert_eq!(found.reshaped[0].name, "b.weight");
    let why = found.changes[0].unmeasured.as_ref().unwrap();
    assert!(why.contains("not finite") && found.changes[0].norm.is_none());
    let nothing = reversal(&files(&base), &files(&other), &found);
    assert!(matches!(nothing, Err(ReversalError::Nothing)));
}

#[test]
fn a_change_without_small_factors_and_a_bias_are_taken_back_whole() {
    let folder = families()
        .into_iter()
        .find(|f| f.ends_with("gpt2"))
        .unwrap();
    let base = Source::Folder(folder);
    let decoder = load(&base);
    let (d, d_k) = (decoder.config.d, decoder.config.d_mlp);
    let change = noise(d * d_k, 5).iter().map(|x| 0.01 * x).collect();
    let bias: Vec<f32> = noise(d, 6).iter().map(|x| 0.1 * x).collect();
    let nothing = Delta {
        bias: bias.clone(),
        r: vec![0.0; d],
        u: vec![0.0; d_k],
        ..low(&decoder, 3, 1)
    };
    let at = tempfile::tempdir().unwrap();
    let deltas = vec![Delta::dense(1, change, bias), nothing];
    let other = merged(&base, deltas, &at.path().join("m"));
    let found = compared(&base, &other);
    let places: Vec<_> = found
        .changes
        .iter()
        .map(|c| (c.down_of, c.bias_of))
        .collect();
    assert_eq!(places, [(None, Some(1)), (Some(1), None), (None, Some(3))]);
    let (edited, back, deltas) = taken_back(&base, &other);
    assert!(
        edited > 100.0 * TOLERANCE && back < TOLERANCE,
        "{edited} {back}"
    );
    assert_eq!(deltas.iter().map(|d| d.layer).collect::<Vec<_>>(), [1, 3]);

    // What an edit cannot reach stays, and is told.
    let path = at.path().join("m/model.safetensors");
    let data = fs::read(&path).unwrap();
    let tensors = SafeTensors::deserialize(&data).unwrap();
    let name = "transformer.ln_f.bias";
    let moved: Vec<u8> = tensors
        .tensor(name)
        .unwrap()
        .data()
        .iter()
        .map(|b| b ^ 1)
        .collect();
    let views = tensors.iter().map(|(own, view)| match own == name {
        true => (
            own,
            TensorView::new(view.dtype(), view.shape().to_vec(), &moved).unwrap(),
        ),
        false => (own, view),
    });
    let again = at.path().join("again");
    fs::create_dir(&again).unwrap();
    fs::copy(at.path().join("m/config.json"), again.join("config.json")).unwrap();
    safetensors::serialize_to_file(
        views.collect::<Vec<_>>(),
        None,
        &again.join("model.safetensors"),
    )
    .unwrap();
    let other = Source::Folder(again);
    let brought = reversal(&files(&base), &files(&other), &compared(&base, &other)).unwrap();
    assert!(
        brought.warnings[0].starts_with("1 tensor"),
        "{:?}",
        brought.warnings
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    /// Any byte of the weights changed, any length cut: an answer or an error.
    #[test]
    fn no_weights_panic(at in 0usize..6000, to in any::<u8>(), cut in prop::option::of(0usize..6000)) {
        let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/goldens/llama");
        let folder = tempfile::tempdir().unwrap();
        let mut bytes = fs::read(golden.join("model.safetensors")).unwrap();
        bytes[at] = to;
        bytes.truncate(cut.unwrap_or(bytes.len()));
        fs::write(folder.path().join("model.safetensors"), bytes).unwrap();
        fs::copy(golden.join("config.json"), folder.path().join("config.json")).unwrap();
        let (base, other) = (files(&Source::Folder(golden)), Source::Folder(folder.path().into()));
        if let Ok(other) = Files::open(&other, "other") {
            let found = forensics::compare(&base, &other, &mut |_, _| true);
            if let Ok(found) = found {
                let _ = reversal(&base, &other, &found);
            }
        }
    }
}
