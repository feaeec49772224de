//! What the model's arithmetic reaches of this machine: the peak of a large
//! multiplication, and the trace (and whatever else is heavy) against it.
//!
//! `cargo bench --bench compute`, or `-- trace` for one of them.

mod count;
mod random_model;

use divan::Bencher;
use faer::linalg::matmul::matmul;
use faer::{Accum, Mat, Par};
use pentimento::model::{Loaded, Source};
use pentimento::trace::{Kind, Step, TraceReport, TraceSpec, Traced, trace};
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

fn main() {
    divan::main();
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

#[divan::bench]
fn matmul_1024_1024_4096(bencher: Bencher) {
    let (a, b) = (Mat::<f32>::ones(1024, 1024), Mat::<f32>::ones(1024, 4096));
    let mut c = Mat::<f32>::zeros(1024, 4096);
    bencher.bench_local(|| matmul(&mut c, Accum::Replace, &a, &b, 1.0, Par::rayon(0)));
}

/// All three kinds, 10 tokens, on the model in the binary.
#[divan::bench(sample_count = 10, sample_size = 1)]
fn trace_atlas(bencher: Bencher) {
    let model = Source::Atlas
        .load(&candle_core::Device::Cpu)
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
        &AtomicBool::new(false),
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
