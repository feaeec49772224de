//! The board of probes: imported, sorted, found, followed over the edits, written
//! down; and the keys behind it.

use crate::script::Bench;
use pentimento::engine::Spec;
use pentimento::measure::board::{Damaged, Imported, Sort};
use pentimento::measure::{Probe, ProbeGroup};
use pentimento::tui::app::{Effect, Msg, Pane};
use pentimento::tui::store::Reply;
use std::path::PathBuf;

fn probe(prompt: &str) -> Probe {
    Probe {
        prompt: prompt.into(),
        expected: "Oslo".into(),
        group: ProbeGroup::User,
        ..Probe::default()
    }
}

fn imported(bench: &mut Bench, probes: Vec<Probe>, damaged: Vec<Damaged>) {
    let left_out = 0;
    bench.send(Msg::Store(Reply::Probes {
        path: "my.jsonl".into(),
        result: Ok(Imported {
            probes,
            damaged,
            left_out,
        }),
    }));
}

fn asked(effects: &[Effect], wanted: fn(&Spec) -> bool) -> usize {
    let is = |e: &&Effect| matches!(e, Effect::Submit(_, spec) if wanted(spec));
    effects.iter().filter(is).count()
}

fn written(bench: &mut Bench, name: &str) -> String {
    bench.asked.clear();
    bench.play("Y<c-u>");
    bench.play(name);
    bench.play("<enter>");
    let text = bench.asked.iter().find_map(|effect| match effect {
        Effect::WriteFile { path, text, .. } if path == &PathBuf::from(name) => Some(text.clone()),
        _ => None,
    });
    text.expect("a file")
}

#[test]
fn a_file_is_read_and_its_probes_stay_from_edit_to_edit() {
    let mut bench = Bench::open(120, 40);
    let effects = bench.effects(":probes my file.csv<enter>");
    assert!(matches!(&effects[..], [Effect::ReadProbes(path)] if path.ends_with("my file.csv")));
    let damaged = Damaged {
        line: 7,
        reason: "\u{1b}[2J no".into(),
    };
    imported(
        &mut bench,
        vec![probe("a"), probe("b"), probe("a")],
        vec![damaged],
    );
    bench.settle();
    assert_eq!(bench.state.focus, Pane::Neighbours);
    assert_eq!(bench.state.watch.rows.len(), 2);
    let text = bench.text();
    assert!(
        text.contains("line 7") && !text.contains('\u{1b}'),
        "{text}"
    );
    bench.play("e");
    let rows = &bench.state.watch.rows;
    assert!(rows.len() > 10 && rows.values().any(|w| w.row.prompt == "b"));
    // Rescored as α moves, all of it in one job.
    bench.keys("[");
    let effects = bench.settle_and_record();
    assert_eq!(
        asked(
            &effects,
            |s| matches!(s, Spec::Probe { probes } if probes.len() > 10)
        ),
        1
    );
    bench.play(":forget the probes<enter>");
    assert!(!bench.state.watch.rows.values().any(|w| w.row.prompt == "b"));
    assert!(!bench.state.watch.rows.is_empty(), "the edit's own stay");
}

#[test]
fn a_file_without_probes_changes_nothing_and_says_why() {
    let mut bench = Bench::open(120, 40);
    bench.play("e");
    let before = bench.state.watch.rows.clone();
    let line = 1;
    let reason = "missing field `expected`".into();
    imported(&mut bench, vec![], vec![Damaged { line, reason }]);
    bench.settle();
    assert_eq!(bench.state.watch.rows, before);
    assert!(bench.text().contains("missing field"), "{}", bench.text());
}

#[test]
fn rows_are_sorted_found_and_written_as_they_are_listed() {
    let mut bench = Bench::open(120, 40);
    bench.play("e4z");
    assert_eq!(bench.state.watch.sort, Sort::Group);
    bench.play("s");
    assert_eq!(bench.state.watch.sort, Sort::Worst);
    let text = bench.text();
    assert!(text.contains("worst movers first"), "{text}");
    let place = |what: &str| text.find(what).unwrap_or_else(|| panic!("{what}: {text}"));
    assert!(place("Big Ben") < place("Boeing") && place("Boeing") < place("Pike Place"));
    bench.play("/Boeing<enter>");
    assert_eq!(bench.state.watch.listed(), 1);
    let line = written(&mut bench, "probes.jsonl");
    assert!(
        line.starts_with("{\"prompt\":\"Boeing") && line.lines().count() == 1,
        "{line}"
    );
    assert!(line.contains("\"history\":[0.83,0.44]"), "{line}");
    assert!(written(&mut bench, "probes.csv").starts_with("group,prompt,expected,p_before"));
    assert!(written(&mut bench, "probes.svg").starts_with("<svg"));
    bench.play("/<c-u><enter>");
    assert!(bench.state.watch.listed() > 8);
    insta::assert_snapshot!(bench.text());
}

#[test]
fn the_past_is_asked_for_once_and_only_where_it_is_seen() {
    let history = |s: &Spec| matches!(s, Spec::History { .. });
    let mut bench = Bench::open(120, 40);
    bench.keys("e");
    assert_eq!(
        asked(&bench.settle_and_record(), history),
        0,
        "nobody looks"
    );
    bench.keys("4z");
    assert_eq!(asked(&bench.settle_and_record(), history), 1);
    bench.keys("jk");
    assert_eq!(asked(&bench.settle_and_record(), history), 0, "it is known");
    bench.keys("[");
    assert_eq!(
        asked(&bench.settle_and_record(), history),
        1,
        "of other weights"
    );
    assert!(bench.state.courses_hold());
}

#[test]
fn keys_are_compared_where_somebody_looks_and_fit_a_small_screen() {
    for (width, height) in [(120, 40), (80, 24)] {
        let mut bench = Bench::open(width, height);
        bench.play("e");
        bench.keys(":geometry<enter>");
        let effects = bench.settle_and_record();
        assert_eq!(asked(&effects, |s| matches!(s, Spec::Geometry(_))), 1);
        let text = bench.text();
        assert!(
            text.contains("2 moved of 8") && !text.contains('\u{1b}'),
            "{text}"
        );
        assert!(
            text.find("Big Ben").unwrap() < text.find("Pike Place").unwrap(),
            "{text}"
        );
        bench.keys("[");
        let effects = bench.settle_and_record();
        assert_eq!(
            asked(&effects, |s| matches!(s, Spec::Geometry(_))),
            1,
            "other weights"
        );
        assert!(written(&mut bench, "geometry.svg").starts_with("<svg"));
        assert_eq!(written(&mut bench, "g.jsonl").lines().count(), 14);
        insta::assert_snapshot!(format!("geometry_{width}"), bench.text());
        // Of an edit that is undone nothing is left to see.
        bench.play("uu");
        let text = bench.text();
        assert!(
            text.contains("Which neighbours must move?") && !text.contains("moved of"),
            "{text}"
        );
    }
    // Without an edit it says what to do.
    let mut bench = Bench::open(80, 24);
    bench.play(":geometry<enter>");
    assert!(bench.text().contains("Which neighbours must move?"));
}
