//! What the engine tells of a concept that is erased, and that nothing stays of it.

use crate::Bench;
use pentimento::engine::{Outcome, Spec};
use pentimento::measure::erase::{EraseReport, EraseSpec, OwnFact};

fn spec() -> Spec {
    Spec::Erase(Box::new(EraseSpec {
        fact: Some(OwnFact {
            prompt: "The Space Needle is located in".into(),
            subject: "The Space Needle".into(),
            old: "Seattle".into(),
            new: "Paris".into(),
        }),
        propose: 3,
        text: 60,
        ..EraseSpec::default()
    }))
}

fn erased(bench: &Bench) -> EraseReport {
    match bench.run(spec()) {
        Ok(Outcome::Erased(report)) => *report,
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_erasure_is_the_same_twice_and_changes_no_weight() {
    let bench = Bench::open();
    let predict = || {
        bench.run(Spec::Predict {
            prompt: "Big Ben is located in".into(),
            top: 3,
        })
    };
    let before = predict();
    let first = erased(&bench);
    assert!(first.guaranteed && first.edited.is_none());
    assert_eq!(first.base.off.probe.len(), first.classes.len());
    let sum: f64 = first.base.off.probe.iter().sum();
    assert!((sum - 1.0).abs() < 1e-9);
    assert_eq!(erased(&bench), first);
    assert_eq!(predict(), before);
}

#[test]
fn an_erasure_that_is_not_wanted_any_more_ends() {
    let bench = Bench::open();
    let job = bench.engine.submit(spec());
    std::thread::sleep(std::time::Duration::from_millis(300));
    let asked = std::time::Instant::now();
    job.cancel();
    let ended = bench.finish(&job).unwrap();
    assert!(matches!(ended, Outcome::Cancelled | Outcome::Erased(_)));
    assert!(asked.elapsed().as_secs_f64() < 5.0, "{:?}", asked.elapsed());
}
