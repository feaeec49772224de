//! Stopping, saving, exporting and leaving.

use crate::habits::{notice, specs};
use crate::script::Bench;
use pentimento::tui::app::{Confirm, Effect, Health, Msg, Overlay, Tone};
use pentimento::tui::store::{NotSaved, Reply};
use pentimento::tui::update::update;

#[test]
fn ctrl_c_stops_the_job_and_then_leaves() {
    let mut bench = Bench::open(120, 40);
    bench.keys("t");
    assert!(matches!(bench.effects("<c-c>")[..], [Effect::Cancel(_)]));
    assert!(bench.effects("<c-c>").contains(&Effect::Quit));
    // Another key in between disarms it.
    let mut bench = Bench::open(120, 40);
    assert!(bench.effects("<c-c>").is_empty());
    bench.keys("j");
    assert!(bench.effects("<c-c>").is_empty());
    assert_eq!(bench.effects("<c-c>"), [Effect::Discard, Effect::Quit]);
}

#[test]
fn q_asks_only_where_something_is_unsaved() {
    let mut bench = Bench::open(120, 40);
    assert_eq!(bench.effects("q"), [Effect::Discard, Effect::Quit]);
    bench.play("e");
    assert!(bench.effects("q").is_empty());
    assert!(matches!(
        bench.state.overlays.last(),
        Some(Overlay::Confirm(Confirm::Quit))
    ));
    bench.keys("x");
    assert!(!bench.state.overlays.is_empty(), "another key is no answer");
    assert_eq!(bench.effects("d"), [Effect::Discard, Effect::Quit]);
}

#[test]
fn saving_asks_for_a_name_once() {
    let mut bench = Bench::open(120, 40);
    bench.play("e<c-s>");
    let Some(Overlay::Ask(_, entry)) = bench.state.overlays.last() else {
        panic!("no question");
    };
    assert_eq!(entry.text(), "space-needle-paris.toml");
    bench.play("<enter>");
    assert!(!bench.state.session.unsaved());
    assert_eq!(
        bench.state.session.name().as_deref(),
        Some("space-needle-paris")
    );
    bench.play(" ");
    assert!(bench.state.session.unsaved());
    bench.play("<c-s>");
    assert!(!bench.state.session.unsaved());
}

#[test]
fn saving_and_quitting_waits_for_the_file() {
    let mut bench = Bench::open(120, 40);
    bench.play("eq");
    bench.keys("s");
    let effects = bench.effects("<enter>");
    assert!(
        matches!(effects[..], [Effect::Save { over: false, .. }]),
        "{effects:?}"
    );
    let exists = Err(NotSaved::Exists("space-needle-paris.toml".into()));
    bench.send(Msg::Store(Reply::Saved {
        change: 0,
        result: exists,
    }));
    let effects = bench.effects("y");
    let [
        Effect::Save {
            change, over: true, ..
        },
    ] = effects[..]
    else {
        panic!("{effects:?}");
    };
    let saved = Ok("space-needle-paris.toml".into());
    let effects = update(
        &mut bench.state,
        Msg::Store(Reply::Saved {
            change,
            result: saved,
        }),
    );
    assert_eq!(effects, [Effect::Discard, Effect::Quit]);
}

#[test]
fn a_failed_save_stays_and_says_why() {
    let mut bench = Bench::open(120, 40);
    bench.play("e");
    bench.keys("q");
    bench.keys("s");
    bench.effects("<enter>");
    let failed = Err(NotSaved::Failed("the disk is full".into()));
    bench.send(Msg::Store(Reply::Saved {
        change: 1,
        result: failed,
    }));
    assert_eq!(bench.state.notice.as_ref().unwrap().tone, Tone::Error);
    assert!(bench.state.session.unsaved());
    assert!(bench.text().contains("the disk is full"));
}

#[test]
fn a_signal_leaves_at_once_and_keeps_what_is_unsaved() {
    let mut bench = Bench::open(120, 40);
    let effects = update(&mut bench.state, Msg::Leave);
    assert_eq!(effects, [Effect::Discard, Effect::Quit]);
    bench.play("e");
    let effects = update(&mut bench.state, Msg::Leave);
    assert!(matches!(effects[..], [Effect::Autosave(_), Effect::Quit]));
}

#[test]
fn a_dead_engine_leaves_the_rest_alive() {
    let mut bench = Bench::open(120, 40);
    bench.play("e");
    bench.keys("t");
    bench.send(Msg::EngineGone("why".into()));
    assert_eq!(bench.state.health, Health::Dead("why".into()));
    assert!(bench.state.jobs.busy().is_none());
    assert!(specs(&mut bench, "tewru ").is_empty());
    assert!(matches!(bench.effects("<c-s>")[..], []));
    assert!(matches!(
        bench.effects("<enter>")[..],
        [Effect::Save { .. }]
    ));
}

#[test]
fn an_export_is_asked_for_and_told() {
    let mut bench = Bench::open(120, 40);
    bench.play("E");
    assert!(notice(&bench.state).contains("no edit is on"));
    bench.play("e:export peft my adapter<enter>");
    let Some(Effect::Export { form, to, data, .. }) = bench.asked.pop() else {
        panic!("{:?}", bench.asked)
    };
    assert_eq!((form.name(), to.to_str()), ("peft", Some("my adapter")));
    assert_eq!(data.edits.len(), 1);
    // A half-written export is lost when the program ends: said once.
    bench.play("<c-s>x<enter>");
    bench.play("q");
    assert!(notice(&bench.state).contains("still being written"));
    assert!(bench.effects("q").contains(&Effect::Quit));
    let reply = |result| {
        Msg::Store(Reply::Exported {
            to: to.clone(),
            result,
        })
    };
    bench.send(reply(Ok(1)));
    assert_eq!(notice(&bench.state), "1 edit is in my adapter");
    bench.send(reply(Err("my adapter exists: name a new one".into())));
    assert_eq!(bench.state.notice.as_ref().unwrap().tone, Tone::Error);
    bench.play("E<c-u>pdf x<enter>");
    assert!(notice(&bench.state).contains("peft, gguf, merged, gguf-model or delta"));
}
