//! CounterFact on Atlas: does editing work here, and what does it cost the
//! neighbours? Prints a table, and writes the norms of its r-ROME edits where
//! `--norms FILE` says (Atlas ships them; see `src/measure/sample.rs`).
//!
//!     cargo bench --bench counterfact -- [--cases 100] [--layer N|trace]
//!         [--weight-decay X] [--clamp X] [--kl X] [--model FOLDER] [--norms FILE]

use candle_core::Device;
use pentimento::edit::moment::{TOKENS_PER_DIM, Text, collect};
use pentimento::edit::{Context, Hyper, Method, Metric, Task, defaults, make, stack, templates};
use pentimento::facts::World;
use pentimento::measure::counterfact::{Case, Record, Scores, interval};
use pentimento::model::sample::Rng;
use pentimento::model::{Brake, Decoder, Loaded, Source};
use pentimento::trace::{TraceSpec, Traced, suggest};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

const RECORDS: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/assets/counterfact/counterfact_400.json"
);

fn option(name: &str) -> Option<String> {
    let mut words = std::env::args();
    words.find(|word| word == name)?;
    words.next()
}

fn number(name: &str, default: f64) -> f64 {
    option(name).map_or(default, |text| {
        text.parse()
            .unwrap_or_else(|_| panic!("{name} {text}: no number"))
    })
}

fn main() {
    // `cargo bench` passes `--bench`; `cargo test --benches` must not run this.
    if !std::env::args().any(|word| word == "--bench") {
        return;
    }
    let source = option("--model").map_or(Source::Atlas, |m| Source::parse(&m));
    let model = source.load(&Device::Cpu).expect("the model opens");
    let world = World::atlas().expect("the world is whole");
    let known = defaults::defaults(&model.decoder.config, true);
    let hyper = Hyper {
        weight_decay: number("--weight-decay", known.hyper.weight_decay),
        clamp: number("--clamp", known.hyper.clamp),
        kl_factor: number("--kl", known.hyper.kl_factor),
        lr: number("--lr", known.hyper.lr),
        steps: number("--steps", known.hyper.steps as f64) as usize,
        ridge: number("--ridge", known.hyper.ridge),
        ..known.hyper.clone()
    };
    let cases = cases(&model, number("--cases", 100.0) as usize);
    let bench = Bench::new(&model, &world, hyper);
    println!("{} cases, {:?}", cases.len(), bench.hyper);
    println!(
        "            ES          PS          NS          NS+       EM     PM     NM   ‖ΔW‖/‖W‖ median [p10 p90]"
    );

    let base: Vec<Scores> = cases
        .iter()
        .map(|(_, case)| case.scores(&model.decoder, &mut ()).expect("scores"))
        .collect();
    row("unedited", &base, &[]);
    for method in [Method::Rome, Method::RRome] {
        let started = Instant::now();
        let mut scores = Vec::new();
        let mut norms = Vec::new();
        for (record, case) in &cases {
            let (edited, norm) = bench.edit(method, record);
            scores.push(case.scores(&edited, &mut ()).expect("scores"));
            norms.push(norm);
        }
        norms.sort_by(f64::total_cmp);
        row(method.name(), &scores, &norms);
        println!(
            "            {:.1} edits a minute, scores included",
            60.0 * cases.len() as f64 / started.elapsed().as_secs_f64()
        );
        if let (Method::RRome, Some(path)) = (method, option("--norms")) {
            let text: String = norms.iter().map(|norm| format!("{norm:.4}\n")).collect();
            std::fs::write(&path, text).expect("the norms are written");
        }
    }
    println!("layers: {:?}", bench.layers.borrow());
}

/// The first `count` records, in a seeded order, whose true object the model
/// gives more than 0.3.
fn cases(model: &Loaded, count: usize) -> Vec<(Record, Case)> {
    let text = std::fs::read(RECORDS).expect("the records are there");
    let mut records: Vec<Record> = serde_json::from_slice(&text).expect("the records are whole");
    Rng::new(1).shuffle(&mut records);
    let mut known = 0;
    let mut chosen = Vec::new();
    for record in records {
        let case = Case::new(&model.tokens, &record, true).expect("a case");
        if case.p_true(&model.decoder, &mut ()).expect("p") > 0.3 {
            known += 1;
            if chosen.len() < count {
                chosen.push((record, case));
            }
        }
    }
    println!("{known} of 400 records have p(true) > 0.3");
    chosen
}

struct Bench<'a> {
    model: &'a Loaded,
    hyper: Hyper,
    templates: Vec<String>,
    metrics: Vec<Metric>,
    subjects: Vec<String>,
    weight_norms: Vec<f64>,
    fixed_layer: Option<usize>,
    layers: std::cell::RefCell<BTreeMap<usize, usize>>,
}

impl<'a> Bench<'a> {
    fn new(model: &'a Loaded, world: &World, hyper: Hyper) -> Bench<'a> {
        let decoder = &model.decoder;
        let layers: Vec<usize> = (0..decoder.layers()).collect();
        let text = Text::of_world(world);
        let sequences = text.sequences(&model.tokens, decoder);
        let wanted = TOKENS_PER_DIM * decoder.config.d_mlp;
        let collected = collect(decoder, sequences, &layers, wanted, &mut (), |_| ()).expect("C");
        let known = defaults::defaults(&decoder.config, true).layer;
        Bench {
            model,
            templates: templates::sample(decoder, &model.tokens, 1, &mut ()).expect("templates"),
            metrics: collected
                .moments
                .iter()
                .map(|m| Metric::Factor(Arc::new(m.factor(hyper.ridge).expect("factor"))))
                .collect(),
            subjects: world.subjects().map(str::to_owned).collect(),
            weight_norms: layers
                .iter()
                .map(|&l| stack::weight_norm(decoder, l).expect("norm"))
                .collect(),
            fixed_layer: match option("--layer").as_deref() {
                Some("trace") => None,
                Some(layer) => Some(layer.parse().expect("--layer is a number or `trace`")),
                None => known,
            },
            hyper,
            layers: std::cell::RefCell::default(),
        }
    }

    fn edit(&self, method: Method, record: &Record) -> (Decoder, f64) {
        let request = record.request();
        let layer = self.fixed_layer.unwrap_or_else(|| self.suggested(record));
        *self.layers.borrow_mut().entry(layer).or_default() += 1;
        let (decoder, tokens) = (&self.model.decoder, &self.model.tokens);
        let context = Context::new(tokens, &request, &self.templates).expect("a context");
        let mut task = Task {
            decoder,
            facts: &[context],
            layers: &[layer],
            hyper: &self.hyper,
            metrics: &self.metrics[layer..=layer],
            kept_keys: &[],
            probe: &mut (),
            each: &mut |_, _, _| (),
        };
        let made = make(method, &mut task).expect("an edit");
        let delta = &made.deltas[0];
        let edited = stack::apply(decoder, [(delta, 1.0)]).expect("applied");
        let norm = stack::norm([decoder.config.d, decoder.config.d_mlp], delta);
        (edited, norm / self.weight_norms[layer])
    }

    fn suggested(&self, record: &Record) -> usize {
        let request = record.request();
        let spec = TraceSpec {
            prompt: request.text(),
            subject: request.subject,
            ..TraceSpec::default()
        };
        let (decoder, tokens) = (&self.model.decoder, &self.model.tokens);
        let traced = Traced {
            name: "atlas",
            decoder,
            tokens,
            known_subjects: &self.subjects,
        };
        suggest(traced, &spec, Brake::new(&AtomicBool::new(false))).expect("a trace")
    }
}

fn row(name: &str, scores: &[Scores], norms: &[f64]) {
    let of = |field: fn(&Scores) -> f64| {
        let values: Vec<f64> = scores.iter().map(field).collect();
        let found = interval(&values);
        (100.0 * found.mean, 100.0 * found.half)
    };
    let shares = [of(|s| s.es), of(|s| s.ps), of(|s| s.ns), of(|s| s.ns_plus)];
    let margins = [of(|s| s.em), of(|s| s.pm), of(|s| s.nm)];
    print!("{name:9}");
    shares
        .iter()
        .for_each(|(mean, half)| print!(" {mean:5.1} ±{half:4.1}"));
    margins.iter().for_each(|(mean, _)| print!(" {mean:6.1}"));
    if !norms.is_empty() {
        let at = |share: f64| 100.0 * norms[((norms.len() - 1) as f64 * share) as usize];
        print!("   {:.1} % [{:.1} {:.1}]", at(0.5), at(0.1), at(0.9));
    }
    println!();
}
