//! What an edit costs: v* and the second moment, on Atlas and on random weights
//! in gpt2-medium's shape.
//!
//! `cargo bench --bench edit`, or `-- atlas` / `-- medium` for some of them.

mod count;
mod random_model;

use candle_core::Device;
use divan::Bencher;
use faer::linalg::matmul::matmul;
use faer::{Accum, Mat, Par};
use pentimento::edit::moment::{Text, collect};
use pentimento::edit::{Context, Hyper, Request, value};
use pentimento::facts::World;
use pentimento::model::{Loaded, Point, Site, Source};
use std::time::{Duration, Instant};

fn main() {
    divan::main();
}

/// 21 templates: the bare one and twenty prefixes of 5 or 10 tokens.
fn templates(word: &str) -> Vec<String> {
    let prefix = |words: usize| format!("{}. {{}}", vec![word; words].join(" "));
    let mut templates = vec!["{}".to_owned()];
    templates.extend((0..20).map(|i| prefix(if i < 10 { 5 } else { 10 })));
    templates
}

/// Twenty evaluations, none of which stops early.
fn hyper() -> Hyper {
    Hyper {
        lr: 1e-4,
        weight_decay: 1.0,
        ..Hyper::default()
    }
}

#[divan::bench(sample_count = 10, sample_size = 1)]
fn value_atlas(bencher: Bencher) {
    let model = Source::Atlas
        .load(&Device::Cpu)
        .expect("Atlas is in the binary");
    let request = Request {
        prompt: "{} is located in".into(),
        subject: "The Space Needle".into(),
        target: "Paris".into(),
    };
    let context = Context::new(&model.tokens, &request, &templates("once")).expect("a context");
    bencher.bench_local(|| {
        let (facts, site) = (std::slice::from_ref(&context), Site::new(3, Point::MlpOut));
        value::optimise(&model.decoder, facts, site, &hyper(), &mut (), |_, _, _| ()).expect("v*")
    });
}

/// A 9-token prompt with a 4-token subject at its start, layer 8 of 24.
#[divan::bench(sample_count = 1, sample_size = 1)]
fn value_medium(bencher: Bencher) {
    let model = random_model::gpt2_medium();
    let request = Request {
        prompt: "{} 65 35 89 79 32".into(),
        subject: "3 14 15 92".into(),
        target: "11".into(),
    };
    let context = Context::new(&model.tokens, &request, &templates("7")).expect("a context");
    bencher.bench_local(|| {
        let before = peak();
        let mut steps: Vec<Instant> = Vec::new();
        let each = |_, _, _| steps.push(Instant::now());
        let (facts, site) = (std::slice::from_ref(&context), Site::new(8, Point::MlpOut));
        let found = value::optimise(&model.decoder, facts, site, &hyper(), &mut (), each);
        let found = &found.expect("v*")[0];
        let peak = 0.5 * (before + peak());
        let evaluations = found.losses.len();
        let step = (steps[evaluations - 1] - steps[0]).as_secs_f64() / (evaluations - 1) as f64;
        let flop = count::value_step(&model.decoder.config, &context, 8);
        println!(
            "\n  {step:.2} s a step for {:.3} TFLOP: {:.0} GFLOP/s, {:.0} % of the peak of {:.0}",
            flop / 1e12,
            flop / step / 1e9,
            100.0 * flop / step / peak,
            peak / 1e9
        );
    });
}

#[divan::bench(sample_count = 5, sample_size = 1)]
fn second_moment_atlas(bencher: Bencher) {
    let model = Source::Atlas
        .load(&Device::Cpu)
        .expect("Atlas is in the binary");
    let world = World::atlas().expect("the world is whole");
    bencher
        .counter(divan::counter::ItemsCount::new(8192usize))
        .bench_local(|| moment(&model, &Text::of_world(&world)));
}

/// Layer 8 of gpt2-medium's shape, over 2,048 tokens in texts of 128.
#[divan::bench(sample_count = 1, sample_size = 1)]
fn second_moment_medium(bencher: Bencher) {
    let model = random_model::gpt2_medium();
    let text = |n: u32| (0..128).map(move |i| (n * 131 + i * 17) % 1000).collect();
    bencher
        .counter(divan::counter::ItemsCount::new(2048usize))
        .bench_local(|| {
            let texts = (0..16).map(text);
            collect(&model.decoder, texts, &[8], 2048, &mut (), |_| ()).expect("C")
        });
}

/// The deepest layer that an Atlas edit asks for, over 8,192 tokens.
fn moment(model: &Loaded, text: &Text) {
    let sequences = text.sequences(&model.tokens, &model.decoder);
    collect(&model.decoder, sequences, &[3], 8192, &mut (), |_| ()).expect("C");
}

/// The machine's f32 multiplication, in FLOP/s: the best of several.
fn peak() -> f64 {
    let n = 2048;
    let (a, b) = (
        Mat::<f32>::from_fn(n, n, |i, j| (i ^ j) as f32),
        Mat::<f32>::ones(n, n),
    );
    let mut c = Mat::<f32>::zeros(n, n);
    let mut once = || {
        let started = Instant::now();
        matmul(&mut c, Accum::Replace, &a, &b, 1.0, Par::rayon(0));
        started.elapsed()
    };
    let best = (0..8).map(|_| once()).min().unwrap_or(Duration::MAX);
    2.0 * (n as f64).powi(3) / best.as_secs_f64()
}
