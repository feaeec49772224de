//! The engine's contract, on Atlas: one `Finished` a job, quick cancellation,
//! nothing changed by a job that did not finish.

mod board;
mod erase;
mod geometry;
mod judge;
mod known;
mod lens;
mod stack;
mod validate;
mod views;

use crossbeam_channel::Receiver;
use pentimento::edit::{EditSpec, Method, Request};
use pentimento::engine::{
    Engine, Event, EventKind, Folders, JobHandle, LoadSpec, Outcome, Spec, Stacked,
};
use pentimento::measure::Watch;
use std::time::{Duration, Instant};

struct Bench {
    engine: Engine,
    events: Receiver<Event>,
}

impl Bench {
    fn open() -> Bench {
        Bench::open_with(Folders::default())
    }

    fn open_with(folders: Folders) -> Bench {
        let (engine, events) = Engine::start(folders).unwrap();
        let bench = Bench { engine, events };
        assert!(matches!(
            bench.finish(&bench.load()),
            Ok(Outcome::Loaded(_))
        ));
        bench
    }

    fn load(&self) -> JobHandle {
        self.engine.submit(Spec::Load(LoadSpec::default()))
    }

    fn run(&self, spec: Spec) -> Result<Outcome, String> {
        self.finish(&self.engine.submit(spec))
    }

    fn finish(&self, job: &JobHandle) -> Result<Outcome, String> {
        loop {
            let event = self
                .events
                .recv_timeout(Duration::from_secs(120))
                .expect("the engine answers");
            if let (true, EventKind::Finished(result)) = (event.job == job.id, event.kind) {
                return result;
            }
        }
    }

    fn predict(&self, prompt: &str) -> pentimento::engine::Prediction {
        match self.run(Spec::Predict {
            prompt: prompt.into(),
            top: 5,
        }) {
            Ok(Outcome::Predicted(prediction)) => prediction,
            other => panic!("{other:?}"),
        }
    }
}

fn edit(target: &str) -> Spec {
    let request = Request {
        prompt: "{} is located in".into(),
        subject: "The Statue of Liberty".into(),
        target: target.into(),
    };
    let edit = EditSpec {
        request,
        ..EditSpec::default()
    };
    let watch = Watch {
        propose: 12,
        tokens: 8,
        ..Watch::default()
    };
    let edit = Box::new(edit);
    Spec::Edit { id: 7, edit, watch }
}

#[test]
fn an_edit_is_made_switched_off_and_restored_bit_for_bit() {
    let bench = Bench::open();
    let prompt = "The Statue of Liberty is located in";
    let untouched = bench.predict(prompt);
    let Ok(Outcome::Edited { report, deltas, .. }) = bench.run(edit("Paris")) else {
        panic!("no edit")
    };
    assert!(
        report.p_target.after > 0.5,
        "p(Paris) = {}",
        report.p_target.after
    );
    assert!(report.p_target.before < 0.1);
    assert!(!report.probes.is_empty() && !report.generations.is_empty());
    assert_eq!(deltas.len(), 1);
    let edited = bench.predict(prompt);
    assert_eq!(
        edited.before, untouched.before,
        "before is always the unedited model"
    );
    assert_ne!(edited.after, untouched.after);

    for (alpha, on) in [(1.0, false), (0.0, true)] {
        bench
            .run(Spec::Stack {
                edits: vec![Stacked { id: 7, alpha, on }],
            })
            .unwrap();
        assert_eq!(bench.predict(prompt), untouched, "α = {alpha}, on = {on}");
    }
    bench
        .run(Spec::Stack {
            edits: vec![Stacked {
                id: 7,
                alpha: 1.0,
                on: true,
            }],
        })
        .unwrap();
    assert_eq!(bench.predict(prompt), edited);
    bench.run(Spec::Stack { edits: vec![] }).unwrap();
    assert_eq!(bench.predict(prompt), untouched);
}

#[test]
fn a_cancelled_edit_answers_at_once_and_changes_nothing() {
    let bench = Bench::open();
    let prompt = "The Statue of Liberty is located in";
    let untouched = bench.predict(prompt);
    let job = bench.engine.submit(edit("Paris"));
    // Somewhere in the middle of v*.
    loop {
        match bench
            .events
            .recv_timeout(Duration::from_secs(120))
            .unwrap()
            .kind
        {
            EventKind::Loss(step) if step.step == 2 => break,
            EventKind::Finished(result) => {
                panic!("finished before it could be cancelled: {result:?}")
            }
            _ => {}
        }
    }
    let asked = Instant::now();
    job.cancel();
    assert_eq!(bench.finish(&job), Ok(Outcome::Cancelled));
    // The contract is 0.1 s; CI machines stall.
    assert!(
        asked.elapsed() < Duration::from_secs(2),
        "took {:?}",
        asked.elapsed()
    );
    assert_eq!(bench.predict(prompt), untouched);
}

#[test]
fn errors_say_what_to_do() {
    let bench = Bench::open();
    let long = "word ".repeat(1000);
    let cases: [(Spec, &str); 5] = [
        (
            Spec::Predict {
                prompt: String::new(),
                top: 5,
            },
            "empty",
        ),
        (
            Spec::Predict {
                prompt: long,
                top: 5,
            },
            "shorten",
        ),
        (edit(" "), "target is empty"),
        (
            Spec::Stack {
                edits: vec![Stacked {
                    id: 99,
                    alpha: 1.0,
                    on: true,
                }],
            },
            "99",
        ),
        (
            Spec::Load(LoadSpec {
                device: "abacus".into(),
                ..LoadSpec::default()
            }),
            "auto, cpu, cuda",
        ),
    ];
    for (spec, word) in cases {
        let error = bench.run(spec.clone()).expect_err(&format!("{spec:?}"));
        assert!(error.contains(word), "{error:?} does not say {word:?}");
    }
}

#[test]
fn newer_predictions_overtake_older_ones() {
    let bench = Bench::open();
    let jobs: Vec<JobHandle> = (0..50)
        .map(|i| {
            bench.engine.submit(Spec::Predict {
                prompt: format!("Paris is in {i}"),
                top: 3,
            })
        })
        .collect();
    let mut results = Vec::new();
    for job in &jobs {
        results.push(bench.finish(job));
    }
    let dropped = results
        .iter()
        .filter(|r| **r == Ok(Outcome::Cancelled))
        .count();
    assert!(dropped > 10, "only {dropped} of 50 were dropped");
    assert!(
        matches!(results.last(), Some(Ok(Outcome::Predicted(_)))),
        "the newest is answered"
    );
}

#[test]
fn a_job_before_any_model_is_refused() {
    let (engine, events) = Engine::start(Folders::default()).unwrap();
    let bench = Bench { engine, events };
    let error = bench
        .run(Spec::Predict {
            prompt: "a".into(),
            top: 1,
        })
        .unwrap_err();
    assert!(error.contains("no model"), "{error}");
}

#[test]
fn many_facts_are_one_edit_and_undone_as_one() {
    let bench = Bench::open();
    let request = |subject: &str, target: &str| Request {
        prompt: "{} is located in".into(),
        subject: subject.into(),
        target: target.into(),
    };
    let before = bench.predict("The Space Needle is located in");
    let spec = |method, more: Vec<Request>| Spec::Edit {
        id: 3,
        edit: Box::new(EditSpec {
            request: request("The Space Needle", "Paris"),
            more,
            method,
            ..EditSpec::default()
        }),
        watch: Watch::default(),
    };
    let more = vec![request("The Liberty Bell", "Rome")];
    for method in [Method::Memit, Method::Emmet, Method::AlphaEdit] {
        let Ok(Outcome::Edited { report, deltas, .. }) = bench.run(spec(method, more.clone()))
        else {
            panic!("{method:?} made no edit");
        };
        assert_eq!(report.facts.len(), 2);
        assert_eq!(report.layers.len(), deltas.len());
        let took = report.facts.iter().filter(|fact| fact.p_target.after > 0.5);
        assert_eq!(took.count(), 2, "{method:?}: {:?}", report.facts);
        bench.run(Spec::Stack { edits: vec![] }).unwrap();
        let restored = bench.predict("The Space Needle is located in");
        assert_eq!(restored.before, before.before);
        assert_eq!(restored.after, before.after);
    }
    // What contradicts itself is refused before anything is computed.
    let twice = vec![request("The Space Needle", "Rome")];
    let error = bench.run(spec(Method::Memit, twice)).unwrap_err();
    assert!(error.contains("asked for twice"), "{error}");
    let error = bench.run(spec(Method::Rome, more)).unwrap_err();
    assert!(error.contains("one fact at a time"), "{error}");
}
