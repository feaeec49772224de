//! Sessions through real files: what is saved comes back.

use crate::script::{Bench, model};
use pentimento::edit::{EditSpec, Method};
use pentimento::engine::{EventKind, Outcome, Spec};
use pentimento::hub::Settings;
use pentimento::tui::app::{Effect, Msg};
use pentimento::tui::store::files::Files;
use pentimento::tui::store::{NotSaved, Opened, Reply, SessionData, Store};
use pentimento::tui::update::update;

/// What the workbench would save.
fn data(bench: &mut Bench) -> Box<SessionData> {
    bench.keys("<c-s>");
    let effects = bench.effects("<enter>");
    match effects.into_iter().next() {
        Some(Effect::Save { data, .. }) => data,
        other => panic!("{other:?}"),
    }
}

fn edited() -> Box<SessionData> {
    let mut bench = Bench::open(120, 40);
    bench.play("tene3k [");
    data(&mut bench)
}

#[test]
fn a_session_comes_back_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let mut files = Files::new(folder.path().into(), None, Settings::default());
    let saved = edited();
    let path = files
        .save(&folder.path().join("two"), false, &saved)
        .unwrap();
    assert_eq!(path.file_name().unwrap(), "two.toml");
    let (at, loaded) = files.load(&path, &model()).unwrap();
    assert_eq!(at, Opened::File(path));
    // What the request left open is filled in, so that the text alone replays.
    let filled = |mut data: SessionData| {
        for (_, record) in &mut data.edits {
            record.spec.layer = pentimento::edit::LayerChoice::At(record.report.layer);
            record.spec.hyper = Some(record.report.hyper.clone());
            record.spec.templates = Some(record.report.templates.clone());
            record.spec.true_answer = Some(record.report.true_answer.clone());
        }
        data
    };
    let saved = filled(*saved);
    for (before, after) in saved.edits.iter().zip(&loaded.edits) {
        assert_eq!(before.0, after.0);
        assert_eq!(before.1.spec, after.1.spec);
        assert_eq!(before.1.deltas, after.1.deltas);
        assert_eq!(before.1.made_on, after.1.made_on);
    }
    assert_eq!(saved.traces.len(), loaded.traces.len());
    assert_eq!(saved.probes.len(), loaded.probes.len());
    assert_eq!(saved.generations, loaded.generations);
}

#[test]
fn the_checks_of_a_validated_edit_come_back_with_it() {
    let folder = tempfile::tempdir().unwrap();
    let mut files = Files::new(folder.path().into(), None, Settings::default());
    let mut bench = Bench::open(120, 40);
    bench.play("V<esc>");
    let saved = data(&mut bench);
    let path = files
        .save(&folder.path().join("one"), false, &saved)
        .unwrap();
    let (_, loaded) = files.load(&path, &model()).unwrap();
    let of = |data: &SessionData| data.edits[0].1.report.validation.clone().unwrap();
    let (before, after) = (of(&saved), of(&loaded));
    assert_eq!(
        (
            before.case,
            before.origin,
            before.verdict(),
            before.thresholds
        ),
        (after.case, after.origin, after.verdict(), after.thresholds)
    );
    assert_eq!(before.rejections(), after.rejections());
    for (before, after) in before.attempts.iter().zip(&after.attempts) {
        assert_eq!(
            (before.layers, &before.rejected),
            (after.layers, &after.rejected)
        );
        assert_eq!(before.checks.len(), after.checks.len());
        for (before, after) in before.checks.iter().zip(&after.checks) {
            assert!(
                (before.value - after.value).abs() < 1e-6,
                "{before:?} {after:?}"
            );
            assert_eq!(before.said(), after.said());
        }
    }
    // Made again without its factors, it is still the edit that was checked.
    let mut again = loaded;
    again.edits[0].1.deltas.clear();
    let mut bench = Bench::open(120, 40);
    let opened = Reply::Loaded(Ok((Opened::File(path), Box::new(again))));
    bench.send(Msg::Store(opened));
    bench.settle();
    let record = bench.state.edits.selected_record().unwrap();
    assert_eq!(record.report.validation.as_ref(), Some(&after));
}

#[test]
fn a_session_from_before_there_were_checks_still_opens() {
    let old = std::path::Path::new("tests/cmd/files.in/needle.toml");
    let text = std::fs::read_to_string(old).unwrap();
    assert!(!text.contains("validation"), "it is an old one");
    let session = pentimento::session::read(old).unwrap();
    assert!(!session.edits.is_empty());
    assert!(session.edits.iter().all(|e| e.result.validation.is_none()));
}

#[test]
fn opening_hands_the_engine_the_factors() {
    let folder = tempfile::tempdir().unwrap();
    let mut files = Files::new(folder.path().into(), None, Settings::default());
    let path = files
        .save(&folder.path().join("two"), false, &edited())
        .unwrap();
    let (at, loaded) = files.load(&path, &model()).unwrap();
    let mut bench = Bench::open(120, 40);
    let opened = Reply::Loaded(Ok((at, Box::new(loaded))));
    let effects = update(&mut bench.state, Msg::Store(opened));
    let specs: Vec<&Spec> = effects
        .iter()
        .filter_map(|e| match e {
            Effect::Submit(_, spec) => Some(&**spec),
            _ => None,
        })
        .collect();
    assert!(matches!(
        specs[..],
        [
            Spec::Adopt { id: 1, .. },
            Spec::Adopt { id: 2, .. },
            Spec::Stack { .. },
            Spec::Predict { .. }
        ]
    ));
    assert!(!bench.state.session.unsaved());
    assert_eq!(bench.state.edits.next_id(), 3);
    insta::assert_snapshot!(
        "reopened",
        bench.text().replace(folder.path().to_str().unwrap(), "~")
    );
}

#[test]
fn opening_without_factors_makes_the_edits_again() {
    let mut saved = edited();
    for (_, record) in &mut saved.edits {
        record.deltas.clear();
    }
    let mut bench = Bench::open(120, 40);
    let opened = Reply::Loaded(Ok((Opened::File("two.toml".into()), saved)));
    bench.send(Msg::Store(opened));
    assert!(bench.state.edits.incomplete());
    bench.settle();
    assert!(!bench.state.edits.incomplete());
    let stack: Vec<_> = bench
        .state
        .edits
        .stack
        .iter()
        .map(|s| (s.id, s.on))
        .collect();
    assert_eq!(stack, [(1, false), (2, true)]);
    assert!(
        bench
            .state
            .edits
            .records
            .values()
            .all(|r| !r.deltas.is_empty())
    );
}

#[test]
fn an_imported_edit_is_listed_scaled_and_saved_by_its_origin() {
    let mut data = edited();
    let (_, record) = data.edits.last_mut().unwrap();
    record.spec = EditSpec {
        method: Method::Imported,
        origin: "adapter my\u{1b}[2J-lora".into(),
        ..EditSpec::default()
    };
    let mut bench = Bench::open(120, 40);
    let opened = Reply::Loaded(Ok((Opened::LeftBehind, data)));
    bench.send(Msg::Store(opened));
    bench.settle();
    assert_eq!(bench.state.edits.stack.len(), 2);
    assert!(
        bench.text().contains("imported · layer 4"),
        "{}",
        bench.text()
    );
    // Above its size and in the stack, harmless.
    let named = bench.text().matches("adapter my\\x1B").count();
    assert!(
        named == 2 && !bench.text().contains('\u{1b}'),
        "{}",
        bench.text()
    );
    bench.play("S");
    let stack = bench.text();
    assert!(
        stack.contains("adapter my\\x1B") && stack.contains("made elsewhere"),
        "{stack}"
    );
    bench.play("<esc>");
    // There is no fact to bring back, and nothing breaks.
    bench.play("3[[ <enter>k<enter>j");
    let stacked = *bench.state.edits.stack.last().unwrap();
    assert_eq!((stacked.on, stacked.alpha), (false, 0.8));
    let again = self::data(&mut bench);
    let folder = tempfile::tempdir().unwrap();
    let mut files = Files::new(folder.path().into(), None, Settings::default());
    let path = files
        .save(&folder.path().join("two"), false, &again)
        .unwrap();
    let (_, loaded) = files.load(&path, &model()).unwrap();
    let (_, record) = loaded.edits.last().unwrap();
    assert_eq!(record.spec.origin, "adapter my\u{1b}[2J-lora");
    assert_eq!(record.spec.hyper, None);
    assert_eq!(record.deltas, again.edits.last().unwrap().1.deltas);
}

#[test]
fn an_edit_that_cannot_be_made_again_is_left_out() {
    let mut saved = edited();
    for (_, record) in &mut saved.edits {
        record.deltas.clear();
    }
    let mut bench = Bench::open(120, 40);
    let opened = Reply::Loaded(Ok((Opened::File("two.toml".into()), saved)));
    let effects = update(&mut bench.state, Msg::Store(opened));
    let mut left = Vec::new();
    for effect in effects {
        let Effect::Submit(ticket, spec) = effect else {
            continue;
        };
        let result = match *spec {
            Spec::Edit { id: 1, .. } => Err("no such layer".to_string()),
            Spec::Edit { id, .. } => Ok(Outcome::Edited {
                id,
                report: Default::default(),
                deltas: vec![],
            }),
            _ => continue,
        };
        let finished = EventKind::Finished(result);
        left = update(&mut bench.state, Msg::Engine(ticket, finished));
    }
    let stack: Vec<_> = bench.state.edits.stack.iter().map(|s| s.id).collect();
    assert_eq!(stack, [2]);
    let restacked = left.iter().any(|e| match e {
        Effect::Submit(_, spec) => matches!(&**spec, Spec::Stack { edits } if edits.len() == 1),
        _ => false,
    });
    assert!(restacked, "{left:?}");
    assert!(bench.text().contains("no such layer"));
}

#[test]
fn nothing_is_written_over_by_surprise() {
    let folder = tempfile::tempdir().unwrap();
    let mut files = Files::new(folder.path().into(), None, Settings::default());
    let path = folder.path().join("two.toml");
    files.save(&path, false, &edited()).unwrap();
    assert_eq!(
        files.save(&path, false, &edited()),
        Err(NotSaved::Exists(path.clone()))
    );
    assert!(files.save(&path, true, &edited()).is_ok());
    std::fs::write(&path, "dear diary").unwrap();
    assert!(matches!(
        files.save(&path, true, &edited()),
        Err(NotSaved::Failed(_))
    ));
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "dear diary");
}

#[test]
fn other_weights_are_refused_in_words() {
    let folder = tempfile::tempdir().unwrap();
    let mut files = Files::new(folder.path().into(), None, Settings::default());
    let path = files
        .save(&folder.path().join("two"), false, &edited())
        .unwrap();
    let mut other = model();
    other.sha256 = "00".repeat(32);
    let refused = files.load(&path, &other).unwrap_err();
    assert!(refused.contains("other weights") && refused.contains(&model().sha256));
    let listed = files.list(&other).unwrap();
    assert!(listed[0].refused.is_some());
    assert!(files.list(&model()).unwrap()[0].refused.is_none());
}

#[test]
fn a_sitting_left_behind_is_offered_and_taken_back() {
    let folder = tempfile::tempdir().unwrap();
    let autosaves = folder.path().join("autosave");
    let here = folder.path().join("work");
    std::fs::create_dir(&here).unwrap();
    let mut lost = Files::new(here.clone(), Some(autosaves.clone()), Settings::default());
    lost.autosave(&edited()).unwrap();
    // While its sitting runs, it is nobody else's.
    let mut files = Files::new(here.clone(), Some(autosaves.clone()), Settings::default());
    assert!(files.list(&model()).unwrap().is_empty());
    drop(lost);
    let listed = files.list(&model()).unwrap();
    assert!(listed[0].left_behind, "{listed:?}");
    let (at, data) = files.load(&listed[0].path, &model()).unwrap();
    assert_eq!((at, data.edits.len()), (Opened::LeftBehind, 2));
    assert!(files.list(&model()).unwrap().is_empty());
    files.save(&here.join("kept"), false, &data).unwrap();
    let left = std::fs::read_dir(&autosaves).unwrap();
    let left: Vec<_> = left.flatten().map(|e| e.file_name()).collect();
    assert!(left.is_empty(), "{left:?}");
}

/// Its factors lost, an edit is made again on what it was made on; where that
/// is gone too, nothing is opened rather than another edit under its name.
#[test]
fn an_edit_whose_ground_is_gone_is_not_made_on_another() {
    let folder = tempfile::tempdir().unwrap();
    let mut files = Files::new(folder.path().into(), None, Settings::default());
    let path = folder.path().join("two");
    let path = files.save(&path, false, &edited()).unwrap();
    let (at, mut loaded) = files.load(&path, &model()).unwrap();
    let mut last = loaded.edits.pop().unwrap();
    last.1.deltas.clear();
    assert!(!last.1.made_on.is_empty());
    loaded.edits = vec![last];
    let mut bench = Bench::open(120, 40);
    let opened = Reply::Loaded(Ok((at, Box::new(loaded))));
    let effects = update(&mut bench.state, Msg::Store(opened));
    assert!(effects.is_empty(), "{effects:?}");
    assert!(bench.state.edits.stack.is_empty());
    let said = &bench.state.notice.as_ref().expect("it says why").text;
    assert!(said.contains("was made on edit 1"), "{said}");
}

#[test]
fn of_two_workbenches_on_one_session_the_second_has_a_copy() {
    let folder = tempfile::tempdir().unwrap();
    let files = || {
        let files = Files::new(folder.path().into(), None, Settings::default());
        files.locking(Some(folder.path().join("locks")))
    };
    let (mut first, mut second) = (files(), files());
    let saved = edited();
    let path = first
        .save(&folder.path().join("two"), false, &saved)
        .unwrap();
    let before = std::fs::read(&path).unwrap();
    let (from, data) = second.load(&path, &model()).unwrap();
    assert_eq!(from, Opened::Copy(path.clone()));
    // It says so, and asks for another name.
    let mut bench = Bench::open(120, 40);
    let opened = Reply::Loaded(Ok((from, Box::new(data.clone()))));
    bench.send(Msg::Store(opened));
    bench.settle();
    assert!(
        bench.text().contains("two is open in another workbench"),
        "{}",
        bench.text()
    );
    assert!(bench.state.session.path.is_none() && !bench.state.session.unsaved());
    bench.play("u<c-s>");
    assert!(bench.text().contains("Save this session as"));
    // Even by its very name it is not written over.
    let refused = second.save(&path, true, &data).unwrap_err();
    assert!(matches!(refused, NotSaved::Failed(words) if words.contains("another workbench")));
    assert_eq!(std::fs::read(&path).unwrap(), before);
    second
        .save(&folder.path().join("mine"), false, &data)
        .unwrap();
    // Once the first has left it, it is anybody's.
    drop(first);
    let (from, _) = second.load(&path, &model()).unwrap();
    assert_eq!(from, Opened::File(path));
}
