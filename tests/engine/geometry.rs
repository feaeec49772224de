//! Keys beside one another, against the weights themselves.

use crate::Bench;
use pentimento::edit::context::{Row, dot, norm, read_sites};
use pentimento::edit::{Delta, EditSpec, LayerChoice, Method, Request, stack};
use pentimento::engine::{Outcome, Spec, Stacked};
use pentimento::measure::geometry::{GeometryReport, GeometrySpec, KeyAt};
use pentimento::measure::{Probe, Watch};
use pentimento::model::Source;
use pentimento::model::probe::{Point, Site};

const LAYER: usize = 3;
const PROMPT: &str = "{} is located in";
const SUBJECT: &str = "The Space Needle";

fn edited(bench: &Bench) -> Vec<Delta> {
    let edit = EditSpec {
        request: Request {
            prompt: PROMPT.into(),
            subject: SUBJECT.into(),
            target: "Paris".into(),
        },
        method: Method::Direct,
        layer: LayerChoice::At(LAYER),
        ..EditSpec::default()
    };
    let (id, edit, watch) = (1, Box::new(edit), Watch::default());
    match bench.run(Spec::Edit { id, edit, watch }) {
        Ok(Outcome::Edited { deltas, .. }) => deltas,
        other => panic!("{other:?}"),
    }
}

fn probes(bench: &Bench) -> Vec<Probe> {
    let spec = Spec::Propose {
        prompt: PROMPT.into(),
        subject: SUBJECT.into(),
        true_answer: Some("Seattle".into()),
        count: 40,
        near: None,
    };
    match bench.run(spec) {
        Ok(Outcome::Proposed(probes)) => probes,
        other => panic!("{other:?}"),
    }
}

fn look(bench: &Bench, probes: &[Probe]) -> GeometryReport {
    let spec = GeometrySpec {
        probes: probes.to_vec(),
        old: Some("Seattle".into()),
        ..GeometrySpec::default()
    };
    match bench.run(Spec::Geometry(spec)) {
        Ok(Outcome::Compared(report)) => *report,
        other => panic!("{other:?}"),
    }
}

#[test]
fn gates_are_what_the_mlp_output_moves_by_and_cosines_are_of_its_keys() {
    let bench = Bench::open();
    let deltas = edited(&bench);
    let probes = probes(&bench);
    let report = look(&bench, &probes);
    assert_eq!(
        (report.layer, report.rank, report.rows.len()),
        (LAYER, 1, probes.len())
    );
    assert!(report.ridge.is_none() && report.rows.iter().all(|r| r.key.cosine_c.is_none()));
    let loaded = Source::Atlas.load(&candle_core::Device::Cpu).unwrap();
    let changed = stack::apply(&loaded.decoder, deltas.iter().map(|d| (d, 1.0))).unwrap();
    let sites = [
        Site::new(LAYER, Point::MlpKey),
        Site::new(LAYER, Point::MlpOut),
    ];
    // (key, how the output moves) at a position of a prompt.
    let at = |ids: &[u32], position: usize| {
        let row = [Row {
            ids: ids.to_vec(),
            subject_last: position,
        }];
        let read = |decoder| read_sites(decoder, &row, &sites, &mut ()).unwrap();
        let (before, after) = (read(&loaded.decoder), read(&changed));
        assert_eq!(
            before[0], after[0],
            "an edit leaves its own layer's keys alone"
        );
        let moved: Vec<f64> = (after[1][0].iter().zip(&before[1][0]))
            .map(|(a, b)| a - b)
            .collect();
        (before[0][0].clone(), moved)
    };
    let own = Row::new(&loaded.tokens, "{}", PROMPT, SUBJECT).unwrap();
    let (own_key, own_moved) = at(&own.ids, own.subject_last);
    for row in &report.rows {
        let ids = loaded.tokens.encode(&row.prompt).unwrap().ids;
        let (key, moved) = at(&ids, row.key.position);
        let cosine = dot(&key, &own_key) / (norm(&key) * norm(&own_key));
        assert!(
            (cosine - row.key.cosine).abs() < 1e-5,
            "{}: {cosine}",
            row.prompt
        );
        // Δout = r (u·k): along the edit's own change, by the gate.
        let gate = dot(&moved, &own_moved) / dot(&own_moved, &own_moved);
        assert!(
            (gate - row.key.gate).abs() < 1e-4,
            "{}: {gate} {}",
            row.prompt,
            row.key.gate
        );
        let gates: Vec<f64> = (0..ids.len())
            .map(|t| norm(&at(&ids, t).1) / norm(&own_moved))
            .collect();
        let most = gates.iter().copied().fold(0.0, f64::max);
        assert!(
            (most - row.key.gate_most.abs()).abs() < 1e-4,
            "{}: {most}",
            row.prompt
        );
        assert_eq!(
            row.counted,
            !row.group.follows() && !row.prompt.contains(SUBJECT)
        );
        assert_eq!(row.key.key_at, KeyAt::Given);
    }
    let fact = report
        .rows
        .iter()
        .find(|r| r.prompt == "The Space Needle is located in");
    let fact = fact.expect("the fact itself is proposed");
    assert!((fact.key.cosine - 1.0).abs() < 1e-9 && (fact.key.gate - 1.0).abs() < 1e-9);

    // Behind the layer a centroid moves by the mean gate of its subjects.
    let centroids = report.centroids.expect("Seattle and Paris have subjects");
    assert_eq!(centroids.layer, LAYER);
    let length = norm(&own_moved);
    for group in centroids.groups.iter().take(2) {
        let members = centroids.members.iter().filter(|m| m.role == group.role);
        let gates = members.map(|member| {
            let row = Row::new(&loaded.tokens, "{}", PROMPT, &member.subject).unwrap();
            let (_, moved) = at(&row.ids, row.subject_last);
            dot(&moved, &own_moved) / dot(&own_moved, &own_moved)
        });
        let gates: Vec<f64> = gates.collect();
        assert_eq!(gates.len(), group.subjects);
        let mean = gates.iter().sum::<f64>() / gates.len() as f64;
        let want = mean.abs() * length;
        assert!(
            (group.moved - want).abs() < 1e-3 * length,
            "{}: {} {want}",
            group.object,
            group.moved
        );
    }
    assert!(centroids.after.along != centroids.before.along);
}

#[test]
fn an_edit_is_compared_with_the_stack_without_it() {
    let bench = Bench::open();
    edited(&bench);
    let probes = probes(&bench);
    let on = look(&bench, &probes);
    // Switched off it is looked at as if it were on, and changes nothing of the stack.
    let edits = vec![Stacked {
        id: 1,
        alpha: 1.0,
        on: false,
    }];
    bench.run(Spec::Stack { edits }).unwrap();
    let named = GeometrySpec {
        edit: Some(1),
        probes: probes.clone(),
        old: Some("Seattle".into()),
        ..GeometrySpec::default()
    };
    let Ok(Outcome::Compared(off)) = bench.run(Spec::Geometry(named.clone())) else {
        panic!("no report")
    };
    assert_eq!(*off, on);
    let Ok(Outcome::Probed(rows)) = bench.run(Spec::Probe { probes }) else {
        panic!("no rows")
    };
    assert!(
        rows.iter()
            .all(|row| row.p_before == row.p_after && !row.moved)
    );
    let refused = |spec: GeometrySpec| bench.run(Spec::Geometry(spec)).unwrap_err();
    let last = GeometrySpec {
        edit: None,
        ..named.clone()
    };
    assert!(refused(last).contains("no edit"), "none is on");
    let elsewhere = GeometrySpec {
        layer: Some(0),
        ..named.clone()
    };
    assert!(refused(elsewhere).contains("one of [3]"));
    let none = GeometrySpec {
        probes: vec![],
        ..named
    };
    assert!(refused(none).contains("no probes"));
}
