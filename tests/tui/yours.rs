//! What a user has otherwise: keys, theme, layout.

use crate::screens::styled;
use crate::script::{Bench, text};
use pentimento::tui::app::{Msg, Pane};
use pentimento::tui::keymap::{BINDINGS, Command, Entry, KeyMap, Place};
use pentimento::tui::layout::Preset;
use pentimento::tui::theme::{Depth, Ground, Theme};
use ratatui::style::Color;
use std::collections::HashSet;
use std::time::Duration;

fn given(command: Command, keys: &[&str]) -> Entry {
    Entry {
        place: Place::Anywhere,
        command,
        keys: keys.iter().map(|key| key.parse().unwrap()).collect(),
    }
}

#[test]
fn other_keys_act_and_are_told_everywhere() {
    let keys = KeyMap::with(&[
        given(Command::Trace, &["f5"]),
        given(Command::Edit, &["ctrl-e"]),
        given(Command::Watch, &[]),
    ])
    .unwrap();
    let mut bench = Bench::open(120, 40);
    bench.state.settings.keys = keys;
    let screen = bench.text();
    assert!(screen.contains("f5 traces it"), "{screen}");
    assert!(screen.contains("ctrl-e edit"), "{screen}");
    assert!(screen.contains(":watch probes them"), "{screen}");
    bench.play("te");
    assert!(bench.state.trace.grid.is_none() && bench.state.edits.stack.is_empty());
    bench.play("<f5>");
    assert!(bench.state.trace.grid.is_some());
    bench.play("<c-e>");
    assert_eq!(bench.state.edits.stack.len(), 1);
    bench.play("?");
    let help = bench.text();
    assert!(help.contains("f5") && help.contains("ctrl-e"), "{help}");
    assert!(
        !help.contains("probe neighbours of this fact now"),
        "{help}"
    );
    // What has no key is found by the name that is shown for it.
    bench.play("<esc>:watch<enter>");
    assert!(!bench.state.watch.rows.is_empty());
}

#[test]
fn every_command_that_a_text_names_is_one() {
    let sources = concat!(env!("CARGO_MANIFEST_DIR"), "/src/tui");
    let mut folders = vec![std::path::PathBuf::from(sources)];
    let mut found = 0;
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let source = std::fs::read_to_string(&path).unwrap();
            let code = source.lines().filter(|l| !l.trim_start().starts_with("//"));
            for line in code.filter(|_| !path.ends_with("keymap.rs")) {
                for name in line.split('‹').skip(1).filter_map(|s| s.split_once('›')) {
                    found += 1;
                    let named = Command::named(name.0);
                    assert!(named.is_some(), "{}: ‹{}›", path.display(), name.0);
                }
            }
        }
    }
    assert!(found > 40, "only {found} were found");
}

#[test]
fn no_theme_says_less_than_another() {
    let mut bench = Bench::open(120, 40);
    bench.play("te");
    bench.send(Msg::Tick(Duration::from_secs(60)));
    let house = text(&bench.draw(Depth::True));
    let mut painted = HashSet::new();
    for theme in Theme::ALL {
        bench.state.theme = theme;
        for ground in [Ground::Dark, Ground::Light] {
            let buf = bench.draw_on(ground);
            assert_eq!(text(&buf), house);
            let colours: HashSet<Color> = buf.content().iter().map(|cell| cell.fg).collect();
            let mut colours: Vec<String> = colours.iter().map(|c| format!("{c:?}")).collect();
            colours.sort();
            painted.insert(colours);
        }
    }
    // auto on two grounds are dark and light themselves; two each of the others.
    assert_eq!(painted.len(), 6);
    for (name, theme) in [
        ("theme_contrast", Theme::Contrast),
        ("theme_colour_blind", Theme::ColourBlind),
    ] {
        bench.state.theme = theme;
        insta::assert_snapshot!(name, styled(&bench.draw(Depth::True)));
    }
    bench.state.theme = Theme::ColourBlind;
    insta::assert_snapshot!("theme_colour_blind_16", styled(&bench.draw(Depth::Sixteen)));
}

#[test]
fn a_theme_is_chosen_by_name_or_by_turns() {
    let mut bench = Bench::open(120, 40);
    bench.play(":theme contrast<enter>");
    assert_eq!(bench.state.theme, Theme::Contrast);
    bench.play(":theme<enter>");
    assert_eq!(bench.state.theme, Theme::ColourBlind);
    bench.play(":theme<enter>");
    assert_eq!(bench.state.theme, Theme::Auto);
}

#[test]
fn layouts_give_the_room_to_others() {
    let mut bench = Bench::open(120, 40);
    bench.play("te");
    bench.send(Msg::Tick(Duration::from_secs(60)));
    for (name, preset) in [("trace", Preset::Trace), ("probes", Preset::Probes)] {
        bench.play("Z");
        assert_eq!(bench.state.preset, preset);
        bench.send(Msg::Tick(Duration::from_secs(120)));
        for (width, height) in [(120, 40), (80, 24)] {
            bench.send(Msg::Resize(width, height));
            insta::assert_snapshot!(format!("layout_{name}_{width}x{height}"), bench.text());
        }
        bench.send(Msg::Resize(120, 40));
        // The pane that is gone to is shown, whatever the layout.
        for key in 1..=5 {
            bench.play(&key.to_string());
            let place = pentimento::tui::view::screen(&bench.state).unwrap();
            assert!(place.pane(bench.state.focus).is_some(), "{key}");
        }
        bench.play("1");
    }
    bench.play("Z");
    assert_eq!(bench.state.preset, Preset::Bench);
    assert_eq!(bench.state.focus, Pane::Fact);
}

#[test]
fn every_line_of_the_key_map_can_be_given_other_keys() {
    for line in BINDINGS {
        let entry = Entry {
            place: line.place,
            command: line.command,
            keys: vec!["f11".parse().unwrap()],
        };
        let map = KeyMap::with(&[entry]).unwrap();
        let pane = match line.place {
            Place::In(pane) => pane,
            Place::Anywhere => Pane::Confabulations,
        };
        let press = "f11".parse().unwrap();
        assert_eq!(map.lookup(pane, press), Some(line.command));
    }
}
