//! What keys do.

use crate::script::{Bench, answer, tokenise};
use pentimento::edit::{LayerChoice, Method};
use pentimento::engine::{EventKind, Outcome, Spec};
use pentimento::trace::Kind;
use pentimento::tui::app::{Effect, Mode, Msg, Pane, State, Tone};
use pentimento::tui::store::Reply;
use pentimento::tui::view;
use ratatui::crossterm::event::{KeyModifiers, MouseButton, MouseEvent, MouseEventKind};
use ratatui::layout::Position;

/// What was asked of the engine by these keys.
pub fn specs(bench: &mut Bench, keys: &str) -> Vec<Spec> {
    bench
        .effects(keys)
        .into_iter()
        .filter_map(|effect| match effect {
            Effect::Submit(_, spec) => Some(*spec),
            _ => None,
        })
        .collect()
}

pub fn notice(state: &State) -> &str {
    state.notice.as_ref().map_or("", |n| &n.text)
}

#[test]
fn the_first_example_stands_ready() {
    let bench = Bench::open(120, 40);
    let fact = &bench.state.fact;
    assert_eq!(fact.text(), "The Space Needle is in the city of");
    assert_eq!(fact.subject(), Some("Space Needle"));
    assert_eq!(fact.subject_tokens(), Some(1..4));
    assert_eq!(fact.target(), "Paris");
    assert_eq!(fact.old_answer(), Some("Seattle"));
}

#[test]
fn n_walks_through_the_examples_and_around() {
    let mut bench = Bench::open(120, 40);
    bench.play("n");
    assert_eq!(bench.state.fact.text(), "Google was founded by");
    bench.play("nn");
    assert_eq!(bench.state.fact.target(), "Paris");
    bench.play("N");
    assert_eq!(bench.state.fact.subject(), Some("Tacos"));
}

#[test]
fn every_change_of_the_prompt_is_predicted_and_braces_are_not() {
    let mut bench = Bench::open(120, 40);
    let asked = specs(&mut bench, "i<c-u>ab{c");
    let prompts: Vec<String> = asked
        .iter()
        .map(|spec| match spec {
            Spec::Predict { prompt, .. } => prompt.clone(),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(prompts, ["a", "ab", "abc"]);
    // Letters are letters while typing.
    assert_eq!(
        bench.state.mode,
        Mode::Typing(pentimento::tui::app::Field::Prompt)
    );
    assert!(specs(&mut bench, "}qt<esc>").len() == 2);
    assert_eq!(bench.state.fact.subject(), Some("c"));
    assert_eq!(bench.state.mode, Mode::Command);
}

#[test]
fn an_old_prediction_is_not_taken_for_the_new_prompt() {
    let mut bench = Bench::open(120, 40);
    bench.keys("ix");
    assert!(bench.state.fact.current().is_none());
    bench.settle();
    assert!(bench.state.fact.current().is_some());
}

#[test]
fn the_subject_is_stretched_on_the_tokens() {
    let mut bench = Bench::open(120, 40);
    bench.play("gllLL");
    assert_eq!(bench.state.fact.subject(), Some("Needle is"));
    bench.play("h");
    assert_eq!(bench.state.fact.subject(), Some("Needle is"));
    bench.play("s");
    assert_eq!(bench.state.fact.subject(), Some("le"));
    assert_eq!(
        bench.state.fact.template().unwrap(),
        "The Space Need{} is in the city of"
    );
}

#[test]
fn a_missing_part_is_asked_for_where_it_is_written() {
    let mut bench = Bench::open(120, 40);
    bench.play("a<c-u><esc>e");
    assert_eq!(
        bench.state.mode,
        Mode::Typing(pentimento::tui::app::Field::Target)
    );
    bench.play("Rome<enter>");
    assert_eq!(bench.state.fact.target(), "Rome");
    bench.play("i<c-u>no subject<esc>t");
    assert_eq!(bench.state.focus, Pane::Fact);
    assert!(
        notice(&bench.state).contains("subject"),
        "{}",
        notice(&bench.state)
    );
    assert!(bench.state.trace.grid.is_none());
    bench.play("i<c-u><esc>t");
    assert_eq!(
        bench.state.mode,
        Mode::Typing(pentimento::tui::app::Field::Prompt)
    );
}

#[test]
fn a_trace_streams_and_suggests_a_layer() {
    let mut bench = Bench::open(120, 40);
    bench.keys("t");
    bench.run(3 + 24);
    let grid = bench.state.trace.grid.as_ref().unwrap();
    assert!(grid.known > 0 && !grid.finished);
    let mut bench = Bench::open(120, 40);
    bench.play("t");
    assert_eq!(bench.state.suggested_layer(), Some(4));
    // Enter takes the suggested layer, and gives it back.
    bench.play("<enter>");
    assert_eq!(bench.state.fact.layer, LayerChoice::At(4));
    bench.play("<enter>");
    assert_eq!(bench.state.fact.layer, LayerChoice::Auto);
}

#[test]
fn the_same_trace_is_not_started_twice_and_another_one_replaces_it() {
    let mut bench = Bench::open(120, 40);
    bench.keys("t");
    assert!(specs(&mut bench, "t").is_empty());
    bench.keys("n");
    let effects = bench.effects("t");
    assert!(
        matches!(effects[..], [Effect::Cancel(_), Effect::Submit(..)]),
        "{effects:?}"
    );
}

#[test]
fn the_cursor_walks_from_kind_to_kind() {
    let mut bench = Bench::open(120, 40);
    bench.play("t");
    assert_eq!(bench.state.trace.at().unwrap().kind, Kind::Mlp);
    bench.play("lllll");
    let at = bench.state.trace.at().unwrap();
    assert_eq!((at.kind, at.layer), (Kind::Attn, 1));
    bench.play("kkkkkkkkkk");
    assert_eq!(bench.state.trace.at().unwrap().token, 0);
    bench.play("<esc>");
    assert_eq!(bench.state.trace.cursor, None);
}

#[test]
fn an_edit_is_made_watched_and_undone() {
    let mut bench = Bench::open(120, 40);
    bench.play("e");
    assert_eq!(bench.state.edits.on(), [1]);
    assert_eq!(bench.state.watch.moved(), (2, 8));
    assert_eq!(bench.state.confabs.list.len(), 2);
    assert_eq!(
        bench.state.fact.prediction.as_ref().unwrap().after[0].text,
        " Paris"
    );
    assert_eq!(bench.state.focus, Pane::Edit);
    bench.play("u");
    assert!(bench.state.edits.stack.is_empty());
    let prediction = bench.state.fact.prediction.as_ref().unwrap();
    assert_eq!(prediction.after, prediction.before);
    bench.play("<c-r>");
    assert_eq!(bench.state.edits.on(), [1]);
    bench.play("<c-r>");
    assert_eq!(notice(&bench.state), "nothing to redo");
}

#[test]
fn looks_follow_the_stack_and_stale_ones_are_dropped() {
    let mut bench = Bench::open(120, 40);
    bench.play("e");
    bench.keys(" ");
    let asked = bench.settle_and_record();
    let count = |kind: fn(&Spec) -> bool| {
        let submitted = asked
            .iter()
            .filter(|e| matches!(e, Effect::Submit(_, s) if kind(s)));
        submitted.count()
    };
    assert_eq!(count(|s| matches!(s, Spec::Probe { .. })), 1);
    assert_eq!(count(|s| matches!(s, Spec::Generate { .. })), 1);
    assert_eq!(count(|s| matches!(s, Spec::Predict { .. })), 1);
    assert_eq!(bench.state.watch.moved(), (0, 8));
}

#[test]
fn a_cancelled_edit_changes_nothing() {
    let mut bench = Bench::open(120, 40);
    let effects = bench.effects("e");
    let ticket = effects
        .iter()
        .find_map(|e| match e {
            Effect::Submit(ticket, _) => Some(*ticket),
            _ => None,
        })
        .unwrap();
    bench.effects("<c-c>");
    bench.send(Msg::Engine(
        ticket,
        EventKind::Finished(Ok(Outcome::Cancelled)),
    ));
    assert!(bench.state.edits.stack.is_empty() && bench.state.edits.making.is_empty());
    assert_eq!(notice(&bench.state), "stopped; nothing was changed");
}

#[test]
fn a_failed_job_is_told_and_acknowledged() {
    let mut bench = Bench::open(120, 40);
    let effects = bench.effects("t");
    let Effect::Submit(ticket, _) = effects[0] else {
        panic!()
    };
    let failed = EventKind::Finished(Err("the subject is not in the prompt".into()));
    bench.send(Msg::Engine(ticket, failed));
    assert!(bench.text().contains("the subject is not in the prompt"));
    bench.keys("<esc>");
    assert!(bench.state.notice.is_none());
    assert_eq!(
        bench.state.focus,
        Pane::Trace,
        "only the message was backed out of"
    );
}

#[test]
fn events_of_forgotten_jobs_change_nothing() {
    let mut bench = Bench::open(120, 40);
    let before = bench.text();
    for event in answer(&Spec::Stack { edits: vec![] }, true) {
        bench.send(Msg::Engine(pentimento::tui::app::Ticket(999), event));
    }
    assert_eq!(bench.text(), before);
}

#[test]
fn esc_backs_out_one_layer_at_a_time() {
    let mut bench = Bench::open(120, 40);
    bench.play("tljz:?");
    assert_eq!(bench.state.overlays.len(), 1);
    bench.keys("<esc>");
    assert!(bench.state.overlays.is_empty() && bench.state.zoomed);
    bench.keys("<esc>");
    assert!(!bench.state.zoomed && bench.state.trace.cursor.is_some());
    bench.keys("<esc>");
    assert!(bench.state.trace.cursor.is_none() && bench.state.focus == Pane::Trace);
    bench.keys("<esc>");
    assert_eq!(bench.state.focus, Pane::Fact);
    assert!(bench.effects("<esc><esc>").is_empty());
}

#[test]
fn the_palette_runs_what_it_finds() {
    let mut bench = Bench::open(120, 40);
    bench.play("t:transpose<enter>");
    assert!(bench.state.trace.transposed);
    bench.play(":by number<enter>7<enter>");
    assert_eq!(bench.state.fact.layer, LayerChoice::At(7));
    bench.play(":by number<enter>99<enter>");
    assert_eq!(bench.state.notice.as_ref().unwrap().tone, Tone::Error);
    assert_eq!(bench.state.fact.layer, LayerChoice::At(7));
}

#[test]
fn method_and_layer_go_with_the_next_edit() {
    let mut bench = Bench::open(120, 40);
    let asked = specs(&mut bench, "m>>>e");
    let Some(Spec::Edit { edit, .. }) = asked.last() else {
        panic!("{asked:?}")
    };
    assert_eq!(
        (edit.method, edit.layer),
        (Method::Rome, LayerChoice::At(2))
    );
    assert_eq!(edit.true_answer.as_deref(), Some("Seattle"));
    bench.settle();
    bench.play("<<<");
    assert_eq!(bench.state.fact.layer, LayerChoice::Auto);
}

#[test]
fn a_named_answer_is_not_kept_for_another_prompt() {
    let mut bench = Bench::open(120, 40);
    bench.play("i<c-u>The {Louvre} is in<esc>");
    let asked = specs(&mut bench, "e");
    let Some(Spec::Edit { edit, .. }) = asked.last() else {
        panic!("{asked:?}")
    };
    assert_eq!(edit.true_answer, None);
}

#[test]
fn watching_proposes_first_and_probes_then() {
    let mut bench = Bench::open(120, 40);
    bench.play("w");
    assert_eq!(bench.state.watch.rows.len(), 14);
    assert_eq!(bench.state.focus, Pane::Neighbours);
    bench.play("jj<enter>");
    assert_eq!(bench.state.focus, Pane::Fact);
    assert!(bench.state.fact.text().contains("Space Needle"));
}

#[test]
fn the_mouse_picks_panes_cells_and_tokens() {
    let mut bench = Bench::open(120, 40);
    bench.play("t");
    let screen = view::screen(&bench.state).unwrap();
    let find = |bench: &Bench, what: &str| {
        let text = bench.text();
        let (y, line) = text
            .lines()
            .enumerate()
            .find(|(_, l)| l.contains(what))
            .unwrap();
        let x = line.split(what).next().unwrap().chars().count();
        Position::new(x as u16, y as u16)
    };
    let mouse = |bench: &mut Bench, kind, at: Position| {
        bench.send(Msg::Mouse(MouseEvent {
            kind,
            column: at.x,
            row: at.y,
            modifiers: KeyModifiers::NONE,
        }));
    };
    let down = MouseEventKind::Down(MouseButton::Left);
    let edit = screen.pane(Pane::Edit).unwrap();
    mouse(&mut bench, down, Position::new(edit.x + 3, edit.y + 3));
    assert_eq!(bench.state.focus, Pane::Edit);
    let place = find(&bench, "◆");
    mouse(&mut bench, down, place);
    let at = bench.state.trace.at().unwrap();
    assert_eq!((at.kind, at.token, at.layer), (Kind::Mlp, 3, 4));
    let (from, to) = (
        find(&bench, "Need·le]"),
        find(&bench, "is in the city of  "),
    );
    mouse(&mut bench, down, from);
    mouse(&mut bench, MouseEventKind::Drag(MouseButton::Left), to);
    assert_eq!(bench.state.fact.subject(), Some("Needle is"));
    mouse(&mut bench, MouseEventKind::ScrollDown, Position::new(0, 39));
}

#[test]
fn y_copies_what_the_shell_takes() {
    let mut bench = Bench::open(120, 40);
    let effects = bench.effects("y");
    let line = "pentimento edit --prompt 'The {} is in the city of' --subject 'Space Needle' \
                --target 'Paris' --method r-rome\n";
    assert_eq!(effects, [Effect::Copy(line.into())]);
    bench.play("t2Y<enter>");
    let Some(Effect::WriteFile { path, text, .. }) = bench.asked.last() else {
        panic!()
    };
    assert_eq!(path.to_str(), Some("trace.json"));
    assert!(text.contains("\"suggested_layer\": 4"));
}

#[test]
fn a_file_that_is_there_is_written_over_only_when_that_is_answered() {
    let mut bench = Bench::open(120, 40);
    bench.play("t2");
    bench.keys("Y");
    let effects = bench.effects("<enter>");
    let [
        Effect::WriteFile {
            path,
            text,
            over: false,
        },
    ] = &effects[..]
    else {
        panic!("{effects:?}")
    };
    let (path, text) = (path.clone(), text.clone());
    for (key, wanted) in [("y", true), ("<esc>", false), ("n", false)] {
        bench.send(Msg::Store(Reply::InTheWay {
            path: path.clone(),
            text: text.clone(),
        }));
        assert!(bench.text().contains("trace.json is there already."));
        let effects = bench.effects(key);
        let (path, text, over) = (path.clone(), text.clone(), true);
        let written = [Effect::WriteFile { path, text, over }];
        assert_eq!(effects == written, wanted, "{key}: {effects:?}");
        assert!(wanted || effects.is_empty());
        assert!(bench.state.overlays.is_empty());
    }
}

#[test]
fn a_long_prompt_is_shown_around_its_cursor() {
    let long = "word ".repeat(1000);
    let (tokens, _) = tokenise(&long);
    assert!(tokens.len() >= 1000);
    let mut bench = Bench::open(120, 40);
    bench.send(Msg::Paste(format!("{{{long}}} end")));
    bench.settle();
    bench.play("<esc>tG");
    assert!(bench.text().contains("end"));
}
