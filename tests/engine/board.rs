//! A board of probes in the engine: what it said over the edits, and what is
//! proposed for it.

use crate::Bench;
use pentimento::edit::context::{Row, read_at_subject};
use pentimento::edit::{Delta, EditSpec, LayerChoice, Method, Request, stack};
use pentimento::engine::{EventKind, Outcome, Spec, Stacked};
use pentimento::facts::World;
use pentimento::measure::board::{History, State};
use pentimento::measure::rescore::Rescore;
use pentimento::measure::score::Ask;
use pentimento::measure::{Probe, ProbeGroup, Watch};
use pentimento::model::Source;
use pentimento::model::probe::Point;
use std::collections::HashSet;

fn direct(bench: &Bench, id: u64, subject: &str, target: &str, layer: usize) -> Vec<Delta> {
    let edit = EditSpec {
        request: Request {
            prompt: "{} is located in".into(),
            subject: subject.into(),
            target: target.into(),
        },
        method: Method::Direct,
        layer: LayerChoice::At(layer),
        ..EditSpec::default()
    };
    let edit = Box::new(edit);
    let watch = Watch::default();
    match bench.run(Spec::Edit { id, edit, watch }) {
        Ok(Outcome::Edited { deltas, .. }) => deltas,
        other => panic!("{other:?}"),
    }
}

fn propose(bench: &Bench, count: usize, near: Option<usize>) -> Vec<Probe> {
    let spec = Spec::Propose {
        prompt: "{} is located in".into(),
        subject: "The Space Needle".into(),
        true_answer: Some("Seattle".into()),
        count,
        near,
    };
    match bench.run(spec) {
        Ok(Outcome::Proposed(probes)) => probes,
        other => panic!("{other:?}"),
    }
}

fn history(bench: &Bench, probes: &[Probe]) -> History {
    let probes = probes.to_vec();
    match bench.run(Spec::History { probes }) {
        Ok(Outcome::History(history)) => history,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_history_is_what_each_stack_would_say_by_itself() {
    let bench = Bench::open();
    let probes = propose(&bench, 20, None);
    let first = direct(&bench, 1, "The Space Needle", "Paris", 1);
    let second = direct(&bench, 2, "The Liberty Bell", "Rome", 5);
    let third = direct(&bench, 3, "The Colosseum", "Paris", 1);
    let stacked = |id, alpha, on| Stacked { id, alpha, on };
    let edits = vec![
        stacked(1, 0.5, true),
        stacked(3, 1.0, false),
        stacked(2, 1.0, true),
    ];
    let asked = bench.run(Spec::Stack { edits });
    assert!(asked.is_ok(), "{asked:?}");
    // What was probed before is not asked again, and must be the same.
    let Ok(Outcome::Probed(rows)) = bench.run(Spec::Probe {
        probes: probes.clone(),
    }) else {
        panic!("no rows")
    };
    let seen = history(&bench, &probes);
    let state = |edit, alpha| State { edit, alpha };
    let want = [
        state(None, None),
        state(Some(1), Some(0.5)),
        state(Some(2), Some(1.0)),
    ];
    assert_eq!(seen.states, want, "what is off is no state");

    let loaded = Source::Atlas.load(&candle_core::Device::Cpu).unwrap();
    let asks = || {
        let ask = |p: &Probe| Ask::new(&loaded.tokens, &p.prompt, &[p.expected.as_str()]);
        probes
            .iter()
            .map(ask)
            .collect::<Result<Vec<_>, _>>()
            .unwrap()
    };
    let on: [Vec<(&Delta, f64)>; 3] = [
        vec![],
        first.iter().map(|d| (d, 0.5)).collect(),
        (first.iter().map(|d| (d, 0.5)))
            .chain(second.iter().map(|d| (d, 1.0)))
            .collect(),
    ];
    for (at, deltas) in on.into_iter().enumerate() {
        let decoder = stack::apply(&loaded.decoder, deltas).unwrap();
        let mut rescore = Rescore::new(&decoder, asks()).unwrap();
        let mut p = Vec::new();
        rescore
            .run(&decoder, None, &mut (), |_, s| p.push(s.log_p[0].exp()))
            .unwrap();
        for (i, want) in p.iter().enumerate() {
            let got = seen.p[i][at];
            assert!(
                (got - want).abs() < 1e-5,
                "probe {i}, state {at}: {got} {want}"
            );
        }
    }
    for (row, course) in rows.iter().zip(&seen.p) {
        assert_eq!(
            (row.p_before, row.p_after),
            (course[0], course[2]),
            "the very figures"
        );
    }
    // A scale that moved changes the states from there on, and those alone.
    let edits = vec![stacked(1, 1.0, true), stacked(2, 0.0, true)];
    bench.run(Spec::Stack { edits }).unwrap();
    let later = history(&bench, &probes);
    assert_eq!(later.states.len(), 2, "an edit at α = 0 is no state");
    for (old, new) in seen.p.iter().zip(&later.p) {
        assert_eq!(old[0], new[0]);
    }
    assert_ne!(seen.p, later.p);
    bench.run(Spec::Stack { edits: vec![] }).unwrap();
    assert_eq!(history(&bench, &probes).states, [state(None, None)]);
    drop(third);
}

#[test]
fn what_is_proposed_says_why_and_the_nearest_keys_are_among_it() {
    const LAYER: usize = 2;
    let bench = Bench::open();
    let probes = propose(&bench, 150, Some(LAYER));
    assert_eq!(probes.len(), 150);
    let distinct: HashSet<&str> = probes.iter().map(|p| p.prompt.as_str()).collect();
    assert_eq!(distinct.len(), 150, "each once");
    assert!(
        probes
            .iter()
            .all(|p| p.why.is_some() && p.subject.is_some())
    );
    let whys: HashSet<&str> = probes.iter().filter_map(|p| p.why.as_deref()).collect();
    for why in [
        "same relation, same old object",
        "the old object in another relation",
    ] {
        assert!(whys.contains(why), "{whys:?}");
    }
    let near: Vec<&Probe> = (probes.iter())
        .filter(|p| {
            p.why
                .as_deref()
                .is_some_and(|why| why.contains("key space"))
        })
        .collect();
    assert_eq!(near.len(), 50);
    assert!(near.iter().all(|p| p.group == ProbeGroup::Neighbour));

    // By hand, without C: the keys of all that is near, and of some that is not.
    let loaded = Source::Atlas.load(&candle_core::Device::Cpu).unwrap();
    let key = |prompt: &str, subject: &str| -> Vec<f64> {
        let wording = prompt.replacen(subject, "{}", 1);
        let row = Row::new(&loaded.tokens, "{}", &wording, subject).unwrap();
        let (decoder, point) = (&loaded.decoder, [Point::MlpKey]);
        let read = read_at_subject(decoder, &[row], LAYER, &point, &mut ()).unwrap();
        read[0][0].clone()
    };
    let own = key("The Space Needle is located in", "The Space Needle");
    let cosine = |prompt: &str, subject: &str| -> f64 {
        let other = key(prompt, subject);
        let dot = |a: &[f64], b: &[f64]| -> f64 { a.iter().zip(b).map(|(a, b)| a * b).sum() };
        dot(&own, &other) / (dot(&own, &own) * dot(&other, &other)).sqrt()
    };
    let mut least = f64::INFINITY;
    for probe in &near {
        let cosine = cosine(&probe.prompt, probe.subject.as_deref().unwrap());
        let why = probe.why.as_deref().unwrap();
        assert!(
            why.contains(&format!("cosine {cosine:.2} without C⁻¹")),
            "{why}: {cosine}"
        );
        least = least.min(cosine.abs());
    }
    let world = World::atlas().unwrap();
    for subject in world.subjects().step_by(97) {
        let there = probes.iter().any(|p| p.subject.as_deref() == Some(subject));
        let Some(fact) = world.about(subject).next().filter(|_| !there) else {
            continue;
        };
        let wordings = world.wordings(&fact.relation);
        let wording = match wordings.iter().any(|w| w == "{} is located in") {
            true => "{} is located in",
            false => world.asked(fact).train[0],
        };
        let far = cosine(&wording.replacen("{}", subject, 1), subject).abs();
        assert!(far <= least + 1e-4, "{subject}: {far} over {least}");
    }
}

#[test]
fn a_large_proposal_and_a_long_history_can_be_stopped() {
    let bench = Bench::open();
    let probes = propose(&bench, 300, None);
    direct(&bench, 1, "The Space Needle", "Paris", 1);
    for spec in [
        Spec::History {
            probes: probes.clone(),
        },
        Spec::Propose {
            prompt: "{} is located in".into(),
            subject: "The Space Needle".into(),
            true_answer: Some("Seattle".into()),
            count: 600,
            near: Some(7),
        },
    ] {
        let job = bench.engine.submit(spec);
        // Once it has begun.
        while let Ok(event) = bench.events.recv() {
            if event.job == job.id && matches!(event.kind, EventKind::Started { .. }) {
                break;
            }
        }
        let since = std::time::Instant::now();
        job.cancel();
        let ended = bench.finish(&job);
        let waited = since.elapsed();
        assert_eq!(ended, Ok(Outcome::Cancelled));
        // A tenth of a second is wanted; a busy machine is given more.
        assert!(waited.as_secs_f64() < 1.0, "{waited:?}");
    }
    // Nothing half done is remembered.
    let whole = history(&bench, &probes);
    assert!(whole.p.iter().all(|course| course.len() == 2));
}
