//! MEMIT of a hundred facts of Atlas as one edit: seconds a fact, and where they
//! go.
//!
//!     cargo bench --bench many

use pentimento::edit::{EditSpec, Method, Request};
use pentimento::engine::{Engine, Event, EventKind, Folders, JobId, LoadSpec, Outcome, Spec};
use pentimento::facts::World;
use pentimento::measure::{EditReport, Watch, cases};

const FACTS: usize = 100;
const ROUNDS: usize = 3;

type Seconds = fn(&EditReport) -> f64;

fn main() {
    // `cargo bench` passes `--bench`; `cargo test --benches` must not run this.
    if std::env::args().any(|word| word == "--bench") {
        measure();
    }
}

fn measure() {
    let (engine, events) = Engine::start(Folders::default()).expect("a thread can be had");
    let run = |spec: Spec| {
        let job = engine.submit(spec).id;
        finished(job, || events.recv().expect("the engine lives"))
    };
    run(Spec::Load(LoadSpec::default()));
    let world = World::atlas().expect("the facts are in the binary");
    let records = cases::of_world(&world, 1);
    let asked: Vec<Request> = records.iter().take(FACTS).map(|r| r.request()).collect();
    let edit = |seed: u32| EditSpec {
        request: asked[0].clone(),
        more: asked[1..].to_vec(),
        method: Method::Memit,
        // Another seed has other templates: nothing is known from the round before.
        seed,
        ..EditSpec::default()
    };
    let round = |seed: usize| {
        let edit = Box::new(edit(seed as u32 + 1));
        let watch = Watch::default();
        match run(Spec::Try { edit, watch }) {
            Outcome::Tried(report) => *report,
            other => panic!("{other:?}"),
        }
    };
    // The factors of C are there from the second on.
    round(0);
    let reports: Vec<EditReport> = (1..=ROUNDS).map(round).collect();
    let median = |of: Seconds| {
        let mut all: Vec<f64> = reports.iter().map(of).collect();
        all.sort_by(f64::total_cmp);
        all[all.len() / 2]
    };
    println!("MEMIT of {FACTS} facts as one edit, median of {ROUNDS}:");
    let stages: [(&str, Seconds); 5] = [
        ("templates", |r| r.elapsed_s.templates),
        ("values and updates", |r| r.elapsed_s.value),
        ("the new weights", |r| r.elapsed_s.update),
        ("every fact scored", |r| r.elapsed_s.probes),
        ("in all", |r| r.elapsed_s.total),
    ];
    for (name, of) in stages {
        let seconds = median(of);
        let each = 1e3 * seconds / FACTS as f64;
        println!("  {name:<20} {seconds:6.2} s   {each:6.1} ms a fact");
    }
    let took = |r: &EditReport| r.facts.iter().filter(|f| f.p_target.after >= 0.5).count() as f64;
    println!(
        "  {:.0} of {FACTS} say their target likelier than not",
        median(took)
    );
}

/// Waits for a job's end.
fn finished(job: JobId, mut next: impl FnMut() -> Event) -> Outcome {
    loop {
        if let Event {
            job: of,
            kind: EventKind::Finished(result),
        } = next()
            && of == job
        {
            return result.expect("the job succeeds");
        }
    }
}
