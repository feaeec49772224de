//! The tour, a session that is shown, and a screen that is kept.

use crate::script::Bench;
use pentimento::tui::app::guide::{Guide, Scene};
use pentimento::tui::app::{Effect, Msg, Pane};
use pentimento::tui::store::{Opened, Reply, SessionData};
use std::path::PathBuf;
use std::time::Duration;

/// A workbench that is opened for the first time.
fn first_time(width: u16, height: u16) -> Bench {
    let mut bench = Bench::closed(width, height);
    bench.state.settings.tour = true;
    bench.settle();
    bench
}

fn step(bench: &Bench) -> Option<usize> {
    match &bench.state.guide {
        Some(Guide::Tour(tour)) => Some(tour.step),
        _ => None,
    }
}

#[test]
fn the_tour_goes_on_as_things_are_done() {
    let mut bench = first_time(120, 40);
    assert!(bench.asked.contains(&Effect::Toured));
    insta::assert_snapshot!("tour", bench.text());
    bench.send(Msg::Resize(80, 24));
    insta::assert_snapshot!("tour_80x24", bench.text());
    bench.send(Msg::Resize(120, 40));
    let mut seen = vec![step(&bench)];
    for keys in ["n", "t", "e"] {
        bench.play(keys);
        seen.push(step(&bench));
    }
    assert!(bench.text().contains("Tour 4 of 5"), "{}", bench.text());
    bench.play("u");
    assert!(bench.text().contains("ctrl-r brings the edit again"));
    bench.play("<c-r>");
    seen.push(step(&bench));
    bench.play("<c-s><enter>");
    seen.push(step(&bench));
    let steps = [Some(0), Some(1), Some(2), Some(3), Some(4), None];
    assert_eq!(seen, steps);
    assert!(bench.text().contains("that was the tour"));
}

#[test]
fn the_tour_follows_who_goes_ahead() {
    let mut bench = first_time(120, 40);
    bench.play("t");
    assert_eq!(step(&bench), Some(2));
    let mut bench = first_time(120, 40);
    bench.play("e");
    assert_eq!(step(&bench), Some(3));
    // Called back, it asks for all of it again.
    bench.play("T:tour<enter>");
    assert_eq!(step(&bench), Some(0));
}

#[test]
fn the_tour_names_the_users_keys_ends_and_comes_back() {
    use pentimento::tui::keymap::{Command, Entry, KeyMap, Place};
    let mut bench = first_time(120, 40);
    let entry = Entry {
        place: Place::Anywhere,
        command: Command::NextExample,
        keys: vec!["f5".parse().unwrap()],
    };
    bench.state.settings.keys = KeyMap::with(&[entry]).unwrap();
    assert!(bench.text().contains("f5 brings another fact"));
    bench.play("T");
    assert_eq!(step(&bench), None);
    bench.play(":tour<enter>");
    assert_eq!(step(&bench), Some(0));
    // It does not begin by itself where nobody asked.
    assert_eq!(step(&Bench::open(120, 40)), None);
}

/// A session of two edits, one scaled, with a trace of the first.
fn saved() -> SessionData {
    let mut bench = Bench::open(120, 40);
    bench.play("tene3k[");
    let effects = bench.effects("<c-s><enter>");
    match effects.into_iter().next() {
        Some(Effect::Save { data, .. }) => *data,
        other => panic!("{other:?}"),
    }
}

/// A workbench that shows it.
fn showing(every: Option<Duration>) -> Bench {
    let mut bench = Bench::closed(120, 40);
    bench.state.settings.show = Some((PathBuf::from("talk.toml"), every));
    bench.settle();
    let asked =
        |effect: &Effect| matches!(effect, Effect::Load(path, _) if path.ends_with("talk.toml"));
    assert!(bench.asked.iter().any(asked));
    let read = Ok((Opened::File("talk.toml".into()), Box::new(saved())));
    bench.send(Msg::Store(Reply::Loaded(read)));
    bench.settle();
    bench
}

#[test]
fn a_session_is_shown_scene_by_scene() {
    let mut bench = showing(None);
    let mut captions = Vec::new();
    loop {
        let Some(Guide::Show(show)) = &bench.state.guide else {
            panic!("it ended before its time");
        };
        captions.push(show.scene().unwrap().caption());
        if show.is_over() {
            break;
        }
        if show.played == 3 {
            insta::assert_snapshot!("show", bench.text());
        }
        bench.play(".");
    }
    assert_eq!(captions.len(), 10, "{captions:#?}");
    assert!(captions[0].starts_with("What the model says now."));
    assert_eq!(captions[1], "Where the fact is recalled.");
    assert_eq!(captions[9], "The stack as it was left.");
    // It is there as it was saved, made here.
    let alphas: Vec<f64> = bench.state.edits.stack.iter().map(|s| s.alpha).collect();
    let wanted: Vec<f64> = saved().edits.iter().map(|(s, _)| s.alpha).collect();
    assert_eq!(alphas, wanted);
    assert_eq!(bench.state.focus, Pane::Stack);
    for (stacked, (_, record)) in bench.state.edits.stack.iter().zip(saved().edits) {
        let made = &bench.state.edits.records[&stacked.id];
        assert_eq!(made.spec.request, record.spec.request);
    }
    bench.play(".");
    assert!(bench.text().contains("the end"));
}

#[test]
fn a_show_goes_on_by_itself_waits_and_ends() {
    let mut bench = showing(Some(Duration::from_secs(2)));
    assert!(bench.state.animates());
    let played = |bench: &Bench| match &bench.state.guide {
        Some(Guide::Show(show)) => show.played,
        _ => panic!("nothing is shown"),
    };
    let mut now = Duration::from_secs(1);
    bench.send(Msg::Tick(now));
    assert_eq!(played(&bench), 1);
    now += Duration::from_secs(1);
    bench.send(Msg::Tick(now));
    bench.settle();
    assert_eq!(played(&bench), 2);
    bench.play(",");
    now += Duration::from_secs(60);
    bench.send(Msg::Tick(now));
    assert_eq!(played(&bench), 2, "it is paused");
    bench.play(",");
    let mut asked = Vec::new();
    for _ in 0..200 {
        now += Duration::from_millis(300);
        asked = pentimento::tui::update::update(&mut bench.state, Msg::Tick(now));
        if asked.contains(&Effect::Quit) {
            break;
        }
        for effect in std::mem::take(&mut asked) {
            bench.put(effect);
        }
        bench.settle();
    }
    assert!(asked.contains(&Effect::Quit), "it does not end");
}

#[test]
fn a_session_that_cannot_be_shown_says_why() {
    let mut bench = Bench::closed(120, 40);
    bench.state.settings.show = Some((PathBuf::from("talk.toml"), None));
    bench.settle();
    let words = "talk.toml was made on other weights".to_owned();
    bench.send(Msg::Store(Reply::Loaded(Err(words))));
    assert!(bench.state.guide.is_none());
    assert!(bench.text().contains("made on other weights"));
    let mut bench = Bench::closed(120, 40);
    bench.state.settings.show = Some((PathBuf::from("talk.toml"), None));
    bench.settle();
    let mut empty = saved();
    empty.edits.clear();
    bench.send(Msg::Store(Reply::Loaded(Ok((
        Opened::LeftBehind,
        Box::new(empty),
    )))));
    assert!(bench.text().contains("no edit that could be shown"));
    let scene = Scene::Neighbours;
    assert!(!scene.caption().is_empty());
}

#[test]
fn a_screen_is_kept_as_text_and_as_a_picture() {
    let mut bench = Bench::open(120, 40);
    bench.play("te");
    bench.send(Msg::Tick(Duration::from_secs(60)));
    let screen = bench.text();
    for (name, svg) in [("a.txt", false), ("a.svg", true)] {
        let effects = bench.effects(&format!(":snapshot {name}<enter>"));
        let Some(Effect::WriteFile { path, text, .. }) = effects.first() else {
            panic!("{effects:?}");
        };
        assert_eq!(path, &PathBuf::from(name));
        match svg {
            true => {
                assert!(text.starts_with("<svg") && text.trim_end().ends_with("</svg>"));
                assert!(text.contains(">Trace<") && text.contains("#d9a441"));
            }
            false => {
                let lines = |text: &str| -> Vec<String> {
                    text.lines()
                        .map(|line| line.trim_end().to_owned())
                        .collect()
                };
                // Heat is colour in one and shading in the other.
                let (kept, shown) = (lines(text), lines(&screen));
                assert_eq!(kept.len(), shown.len());
                assert_eq!((&kept[0], &kept[39]), (&shown[0], &shown[39]));
            }
        }
    }
}
