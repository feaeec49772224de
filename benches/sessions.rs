//! A session of 1,000 rank-one edits of Atlas, one made on top of the other: how
//! long it takes to save, to save again, and to open up to the point where the
//! model computes with it.
//!
//!     cargo bench --bench sessions

use pentimento::edit::{Delta, EditSpec, Request};
use pentimento::engine::{
    Engine, EventKind, Folders, LoadSpec, ModelInfo, Outcome, Spec, from_session,
};
use pentimento::measure::{EditReport, LayerNorm, Watch};
use pentimento::model::sample::Rng;
use pentimento::session::{self, Beneath, Factors, MadeOn, Model, SavedEdit, Session};
use std::time::Instant;

const EDITS: u64 = 1000;
const ROUNDS: usize = 5;

fn main() {
    // `cargo bench` passes `--bench`; `cargo test --benches` must not run this.
    if !std::env::args().any(|word| word == "--bench") {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("thousand.toml");
    let (engine, events) = Engine::start(Folders::default()).expect("an engine");
    let run = |spec: Spec| {
        let job = engine.submit(spec).id;
        loop {
            let event = events.recv().expect("the engine lives");
            match event.kind {
                EventKind::Finished(result) if event.job == job => break result.expect("it works"),
                _ => {}
            }
        }
    };
    let Outcome::Loaded(info) = run(Spec::Load(LoadSpec::default())) else {
        panic!("Atlas did not open");
    };
    let (session, factors) = thousand(&info);
    let saving = || session::save(&session, &factors, &path).expect("it is saved");
    saving();
    let size = |name: &str| std::fs::metadata(folder.path().join(name)).map_or(0, |m| m.len());
    println!(
        "{EDITS} edits: text {:.1} MB, factors {:.1} MB",
        size("thousand.toml") as f64 / 1e6,
        size("thousand.safetensors") as f64 / 1e6
    );
    println!("save again  {:.2} s", median(saving));
    let reading = || assert!(session::read(&path).is_ok());
    println!("read text   {:.2} s", median(reading));
    let load = || {
        let loaded = session::load(&path, &session.model).expect("it is read");
        assert_eq!(loaded.0.edits.len(), EDITS as usize);
        for spec in from_session::restore(&loaded.0, &loaded.1) {
            run(spec);
        }
    };
    println!("load        {:.2} s", median(load));
}

fn median(mut once: impl FnMut()) -> f64 {
    let mut seconds: Vec<f64> = (0..ROUNDS)
        .map(|_| {
            let start = Instant::now();
            once();
            start.elapsed().as_secs_f64()
        })
        .collect();
    seconds.sort_by(f64::total_cmp);
    seconds[ROUNDS / 2]
}

fn thousand(info: &ModelInfo) -> (Session, Factors) {
    let mut session = Session::new(Model::from(info), MadeOn::here("cpu", "f32"));
    let mut factors = Factors::new();
    let mut rng = Rng::new(7);
    let mut draw = |n: usize| -> Vec<f32> {
        let number = |_| rng.below(1 << 20) as f32 / (1 << 20) as f32 - 0.5;
        (0..n).map(number).collect()
    };
    for id in 1..=EDITS {
        let asked = EditSpec {
            request: Request {
                prompt: "{} is in the city of".into(),
                subject: format!("Tower number {id}"),
                target: "Rome".into(),
            },
            ..EditSpec::default()
        };
        let report = EditReport {
            model: info.name.clone(),
            method: "r-rome".into(),
            templates: (0..21)
                .map(|n| format!("The official language of {n}. {{}}"))
                .collect(),
            losses: vec![[1.5, 0.25, 0.125, 1.875]; 80],
            layers: vec![LayerNorm {
                layer: 0,
                relative_update_norm: 0.5,
            }],
            true_answer: "Paris".into(),
            ..EditReport::default()
        };
        let beneath = Beneath::runs((1..id).map(|id| (id, 1.0)));
        let watch = Watch::default();
        let edit = SavedEdit::new(id, beneath, &asked, &watch, &report);
        session.edits.push(edit);
        let delta = Delta {
            layer: 0,
            r: draw(info.d),
            u: draw(info.d_mlp),
            rank: 1,
            bias: Vec::new(),
        };
        factors.insert(id, vec![delta]);
    }
    (session, factors)
}
