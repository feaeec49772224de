//! What the model's arithmetic reaches of this machine: the peak of a large
//! multiplication, and the trace (and whatever else is heavy) against it.
//!
//! `cargo bench --bench compute`, or `-- trace` for one of them.

mod count;
mod random_model;

use candle_core::{DType, Device, Tensor};
use divan::Bencher;
use faer::linalg::matmul::matmul;
use faer::{Accum, Mat, Par};
use pentimento::model::{Brake, Loaded, Source, ops};
use pentimento::trace::{Kind, Step, TraceReport, TraceSpec, Traced, trace};
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

fn main() {
    divan::main();
}

/// The machine's f32 multiplication, in FLOP/s: the best of several, by faer's
/// own parallel path or by ours.
fn peak() -> f64 {
    let n = 2048;
    let mut values = Mat::<f32>::from_fn(n, n, |i, j| (i ^ j) as f32);
    let ones = Mat::<f32>::ones(n, n);
    let best = |mut multiply: Box<dyn FnMut() + '_>| {
        let mut once = || {
            let started = Instant::now();
            multiply();
            started.elapsed()
        };
        (0..6).map(|_| once()).min().unwrap_or(Duration::MAX)
    };
    let tensor = Tensor::ones((n, n), DType::F32, &Device::Cpu).expect("a matrix of ones");
    let ours = best(Box::new(|| {
        ops::linear(&tensor, &tensor, None).expect("square matrices fit");
    }));
    let faers = best(Box::new(|| {
        matmul(
            &mut values,
            Accum::Replace,
            &ones,
            &ones,
            1.0,
            Par::rayon(0),
        );
    }));
    2.0 * (n as f64).powi(3) / ours.min(faers).as_secs_f64()
}

/// One linear layer of many rows, of a trace's early layers, and of a prompt.
#[divan::bench(args = [1024, 90, 10, 1])]
fn linear_1024_to_4096(bencher: Bencher, rows: usize) {
    let tensor = |shape| Tensor::ones(shape, DType::F32, &Device::Cpu).expect("ones");
    let (x, w) = (tensor((rows, 1024)), tensor((4096, 1024)));
    bencher.bench_local(|| ops::linear(&x, &w, None).expect("the shapes fit"));
}

/// All three kinds, 10 tokens, on the model in the binary.
#[divan::bench(sample_count = 10, sample_size = 1)]
fn trace_atlas(bencher: Bencher) {
    let model = Source::Atlas
        .load(&Device::Cpu)
        .expect("Atlas is in the binary");
    let spec = TraceSpec {
        prompt: "The Space Needle is in the city of".into(),
        subject: "The Space Needle".into(),
        ..TraceSpec::default()
    };
    bencher.bench_local(|| timed(&model, &spec));
}

/// All three kinds, 9 tokens of which the first 4 are the subject, 10 samples.
#[divan::bench(sample_count = 1, sample_size = 1)]
fn trace_gpt2_medium(bencher: Bencher) {
    let model = random_model::gpt2_medium();
    let spec = TraceSpec {
        prompt: "3 14 15 92 65 35 89 79 32".into(),
        subject: "3 14 15 92".into(),
        noise_scale: Some(0.1),
        ..TraceSpec::default()
    };
    bencher.bench_local(|| {
        let before = peak();
        let timed = timed(&model, &spec);
        // Other work on the machine shows as a difference between the two.
        let peak = 0.5 * (before + peak());
        let needed = count::trace(&model.decoder.config, &timed.report);
        let total = timed.report.elapsed_s;
        println!(
            "\n  {total:.1} s for {:.1} TFLOP: {:.0} GFLOP/s, {:.0} % of the peak of {:.0}\n  \
             first cell after {:.2} s (first computed one {:.2} s), \
             last subject token's rows after {:.1} s: 1/{:.1} of the whole",
            needed / 1e12,
            needed / total / 1e9,
            100.0 * needed / total / peak,
            peak / 1e9,
            timed.report.first_cell_s,
            timed.first_computed_s,
            timed.last_subject_s,
            total / timed.last_subject_s,
        );
    });
}

struct Timed {
    report: TraceReport,
    first_computed_s: f64,
    /// When the last of the last subject token's cells was known.
    last_subject_s: f64,
}

fn timed(model: &Loaded, spec: &TraceSpec) -> Timed {
    let started = Instant::now();
    let (mut subject_end, mut bounds) = (0, (0.0, 0.0));
    let (mut first_computed_s, mut last_subject_s) = (None, 0.0);
    let traced = Traced {
        name: &model.name,
        decoder: &model.decoder,
        tokens: &model.tokens,
        known_subjects: &[],
    };
    let report = trace(
        traced,
        spec,
        Brake::new(&AtomicBool::new(false)),
        &mut |step| match step {
            Step::Warning(_) => {}
            Step::Ready(header) => {
                subject_end = header.subject_range[1];
                bounds = (header.low, header.high);
            }
            Step::Cell(cell) => {
                let now = started.elapsed().as_secs_f64();
                if cell.p != bounds.0 && cell.p != bounds.1 {
                    first_computed_s.get_or_insert(now);
                }
                if cell.token + 1 == subject_end {
                    last_subject_s = now;
                }
            }
        },
    );
    let report = report.expect("the bench's prompt can be traced");
    assert!(
        Kind::ALL
            .iter()
            .all(|&kind| report.grids.get(kind).is_some())
    );
    Timed {
        report,
        first_computed_s: first_computed_s.unwrap_or_default(),
        last_subject_s,
    }
}
