//! Hours of work in a minute: edits, αs and undos, over and over. In a process of
//! its own, since it looks at the process's memory.

use crossbeam_channel::Receiver;
use pentimento::edit::{EditSpec, LayerChoice, Method, Request};
use pentimento::engine::{
    Engine, Event, EventKind, Folders, LoadSpec, Outcome, Prediction, Spec, Stacked,
};
use pentimento::measure::Watch;
use std::time::{Duration, Instant};

/// Operations; OPERATIONS=10000 is what the README tells of.
fn operations() -> usize {
    let asked = std::env::var("OPERATIONS").ok();
    asked.and_then(|n| n.parse().ok()).unwrap_or(600)
}

/// Memory of this process that is in use, in MB; `None` where the system does
/// not tell.
fn resident() -> Option<f64> {
    Some(pentimento::model::brake::resident()? as f64 / f64::from(1 << 20))
}

const CITIES: [&str; 5] = ["Rome", "Cairo", "Tokyo", "Madrid", "Oslo"];
/// Edits that are known at a time; an older one's place is taken.
const PLACES: u64 = 8;

fn edit(n: usize) -> Spec {
    let request = Request {
        prompt: "{} is located in".into(),
        subject: "The Statue of Liberty".into(),
        target: CITIES[n % CITIES.len()].into(),
    };
    let edit = EditSpec {
        request,
        method: Method::Direct,
        layer: LayerChoice::At(n % 4),
        ..EditSpec::default()
    };
    Spec::Edit {
        id: n as u64 % PLACES,
        edit: Box::new(edit),
        watch: Watch::default(),
    }
}

struct Bench {
    engine: Engine,
    events: Receiver<Event>,
}

impl Bench {
    fn open() -> Bench {
        let (engine, events) = Engine::start(Folders::default()).unwrap();
        let bench = Bench { engine, events };
        let loaded = bench.run(Spec::Load(LoadSpec::default()));
        assert!(matches!(loaded, Ok(Outcome::Loaded(_))), "{loaded:?}");
        bench
    }

    fn run(&self, spec: Spec) -> Result<Outcome, String> {
        let job = self.engine.submit(spec);
        loop {
            let event = self.events.recv_timeout(Duration::from_secs(120)).unwrap();
            if let (true, EventKind::Finished(result)) = (event.job == job.id, event.kind) {
                return result;
            }
        }
    }

    fn predict(&self, prompt: &str) -> Prediction {
        let (prompt, top) = (prompt.into(), 5);
        match self.run(Spec::Predict { prompt, top }) {
            Ok(Outcome::Predicted(prediction)) => prediction,
            other => panic!("{other:?}"),
        }
    }
}

fn stack(bench: &Bench, edits: Vec<Stacked>) -> String {
    match bench.run(Spec::Stack { edits }) {
        Ok(Outcome::Stacked { hash, .. }) => hash,
        other => panic!("{other:?}"),
    }
}

#[test]
fn ten_thousand_edits_undos_and_scalings_leave_nothing_behind() {
    let bench = Bench::open();
    let base = stack(&bench, Vec::new());
    let before = bench.predict("The Statue of Liberty is located in");
    let all = operations();
    let mut times = Vec::with_capacity(all);
    let mut memory = Vec::new();
    for n in 0..all {
        let start = Instant::now();
        let id = (n / 6) as u64 % PLACES;
        match n % 6 {
            0 => {
                let made = bench.run(edit(n / 6));
                assert!(matches!(made, Ok(Outcome::Edited { .. })), "{made:?}");
            }
            // Scaled, off, on, and taken back.
            step @ 1..=4 => {
                let (alpha, on) = [(0.5, true), (-1.0, true), (1.0, false), (2.0, true)][step - 1];
                let hash = stack(&bench, vec![Stacked { id, alpha, on }]);
                assert_eq!(hash == base, !on);
            }
            _ => assert_eq!(stack(&bench, Vec::new()), base),
        }
        times.push(start.elapsed());
        // Once everything has been done a few times, memory has its size.
        if n == all / 5 || n == all - 1 {
            memory.extend(resident());
        }
    }
    assert_eq!(stack(&bench, Vec::new()), base);
    assert_eq!(bench.predict("The Statue of Liberty is located in"), before);
    if let [early, late] = memory[..] {
        println!("{all} operations: {early:.1} MB after a fifth, {late:.1} MB at the end");
        assert!(
            late < 1.02 * early,
            "it grew from {early:.1} to {late:.1} MB"
        );
    }
    let median = |times: &[Duration]| {
        let mut times = times.to_vec();
        times.sort();
        times[times.len() / 2]
    };
    let (first, last) = (
        median(&times[all / 5..2 * all / 5]),
        median(&times[4 * all / 5..]),
    );
    println!("median {first:?} in the second fifth, {last:?} in the last");
    // Not a measurement: other things run here. Slowing would be manifold.
    assert!(
        last < 3 * first + Duration::from_millis(5),
        "{first:?} {last:?}"
    );
}
