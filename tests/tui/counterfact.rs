//! An evaluation in the workbench: read, judged case by case, stopped, gone on with,
//! looked at and written.

use crate::script::Bench;
use crate::script::cases::{judged, records};
use pentimento::engine::{EventKind, Outcome, Spec};
use pentimento::measure::counterfact::{CasesFile, Line, References, Verdicts};
use pentimento::tui::app::{Effect, Msg, Pane, Ticket};
use pentimento::tui::store::{CasesRead, Reply};
use pentimento::tui::theme::Depth;

fn read(bench: &mut Bench, file: CasesFile, limit: Option<usize>) {
    bench.send(Msg::Store(Reply::Cases(Ok(Box::new(CasesRead {
        path: "/cases/counterfact.json".into(),
        limit,
        file,
        references: References::default(),
    })))));
}

/// The cases that these effects ask about: their job, number, and whether edited.
fn cases(effects: &[Effect]) -> Vec<(Ticket, u64, bool)> {
    let of = |effect: &Effect| match effect {
        Effect::Submit(ticket, spec) => match &**spec {
            Spec::Judge { records, edit, .. } => {
                Some((*ticket, records[0].case_id, edit.is_some()))
            }
            _ => None,
        },
        _ => None,
    };
    effects.iter().filter_map(of).collect()
}

fn finished(bench: &mut Bench, ticket: Ticket, result: Result<Outcome, String>) {
    bench.send(Msg::Engine(ticket, EventKind::Finished(result)));
}

#[test]
fn a_file_is_asked_for_by_name_and_by_how_many() {
    let mut bench = Bench::open(120, 40);
    let path = |effects: Vec<Effect>| match effects.as_slice() {
        [Effect::ReadCases(path, limit)] => (path.to_string_lossy().into_owned(), *limit),
        other => panic!("{other:?}"),
    };
    let typed = bench.effects(":counterfact my cases.json 20<enter>");
    assert_eq!(path(typed), ("my cases.json".into(), Some(20)));
    let typed = bench.effects(":counterfact a.jsonl<enter>");
    assert_eq!(path(typed), ("a.jsonl".into(), None));
    // Without a file it is asked for.
    bench.keys(":counterfact<enter>");
    assert_eq!(
        path(bench.effects("b.json<enter>")),
        ("b.json".into(), None)
    );
    bench.send(Msg::Store(Reply::Cases(Err("b.json: \u{1b}[2J no".into()))));
    assert!(bench.text().contains("b.json") && !bench.text().contains('\u{1b}'));
}

#[test]
fn cases_are_judged_one_by_one_and_stopped_and_gone_on_with() {
    let mut bench = Bench::open(120, 40);
    read(&mut bench, CasesFile::Records(records(9)), Some(3));
    assert_eq!(bench.state.focus, Pane::Counterfact);
    let all = bench.settle_and_record();
    let order: Vec<_> = cases(&all)
        .into_iter()
        .map(|(_, case, edited)| (case, edited))
        .collect();
    let want: Vec<_> = (0..3)
        .flat_map(|case| [(case, false), (case, true)])
        .collect();
    assert_eq!(order, want);
    assert!(bench.text().contains("3 of 3 cases"));
    // More of the file: what is known is not asked again.
    read(&mut bench, CasesFile::Records(records(4)), None);
    let more = bench.settle_and_record();
    assert_eq!(
        cases(&more).iter().map(|c| (c.1, c.2)).collect::<Vec<_>>(),
        [(3, false), (3, true)]
    );

    let mut bench = Bench::open(120, 40);
    read(&mut bench, CasesFile::Records(records(2)), None);
    let ticket = bench.state.counterfact.running.unwrap().0;
    assert!(bench.effects("<c-c>").contains(&Effect::Cancel(ticket)));
    finished(&mut bench, ticket, Ok(Outcome::Cancelled));
    assert!(
        bench.state.counterfact.running.is_none() && bench.text().contains("goes on from here")
    );
    let again = cases(&bench.effects(":counterfact<enter>"));
    assert_eq!((again.len(), again[0].1), (1, 0));
    // Only an edit that cannot be made is a result.
    finished(
        &mut bench,
        again[0].0,
        Ok(Outcome::Judged(judged(&records(1), false))),
    );
    let (ticket, ..) = bench.state.counterfact.running.unwrap();
    finished(&mut bench, ticket, Err("no such layer".into()));
    assert_eq!(bench.state.counterfact.lines[1].failed, 1);
    let (ticket, method, case) = bench.state.counterfact.running.unwrap();
    assert_eq!((method, case), (None, 1));
    finished(&mut bench, ticket, Err("too long".into()));
    assert!(bench.state.counterfact.running.is_none() && bench.text().contains("too long"));
}

#[test]
fn no_case_is_judged_on_an_edit_of_the_users() {
    let mut bench = Bench::open(120, 40);
    bench.play("e");
    read(&mut bench, CasesFile::Records(records(2)), None);
    assert!(cases(&bench.settle_and_record()).is_empty());
    assert!(bench.text().contains("edits are on"));
    bench.play("b");
    let effects = bench.effects(":counterfact<enter>");
    assert_eq!(cases(&effects).len(), 1);
    // Switched on again while a case is judged: what comes is not taken.
    let ticket = bench.state.counterfact.running.unwrap().0;
    bench.keys("b");
    finished(
        &mut bench,
        ticket,
        Ok(Outcome::Judged(judged(&records(1), false))),
    );
    assert!(bench.state.counterfact.verdicts.is_empty());
}

#[test]
fn the_verdicts_can_be_written_and_opened_again() {
    let mut bench = Bench::open(120, 40);
    read(&mut bench, CasesFile::Records(records(6)), None);
    bench.settle();
    let mut written = |end: &str| {
        let effects = bench.written_as("jsonl", end);
        match effects.first() {
            Some(Effect::WriteFile { text, .. }) => text.clone(),
            other => panic!("{other:?}"),
        }
    };
    assert!(written("svg").starts_with("<svg"));
    assert!(written("md").starts_with("| method | cases | S |"));
    let jsonl = written("jsonl");
    let lines = bench.state.counterfact.lines.clone();
    let file = CasesFile::read(&jsonl).unwrap();
    let mut other = Bench::open(120, 40);
    read(&mut other, file, None);
    assert!(
        cases(&other.settle_and_record()).is_empty(),
        "there is nothing left to ask"
    );
    // A number's last bit may be read otherwise than it was written.
    let cells = |lines: &[Line]| lines.iter().map(Line::cells).collect::<Vec<_>>();
    assert_eq!(cells(&other.state.counterfact.lines), cells(&lines));
    let (_, verdicts) = Verdicts::read(&jsonl).unwrap();
    assert_eq!(verdicts.iter().count(), 12);
    assert_eq!(
        verdicts.methods(),
        bench.state.counterfact.verdicts.methods()
    );
}

#[test]
fn the_screen() {
    let mut bench = Bench::open(120, 40);
    bench.state.focus = Pane::Counterfact;
    insta::assert_snapshot!("counterfact_empty", bench.text());
    read(&mut bench, CasesFile::Records(records(9)), None);
    bench.settle();
    insta::assert_snapshot!(
        "counterfact",
        crate::screens::styled(&bench.draw(Depth::True))
    );
    bench.send(Msg::Resize(80, 24));
    insta::assert_snapshot!("counterfact_80x24", bench.text());
    bench.play("<enter>");
    insta::assert_snapshot!("counterfact_case_80x24", bench.text());
    bench.play("<esc>j");
    assert_eq!(
        (
            bench.state.counterfact.cursor,
            bench.state.counterfact.opened
        ),
        (1, None)
    );
    assert_eq!(bench.state.focus, Pane::Counterfact);
}
