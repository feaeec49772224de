//! Edits that have to prove themselves.

use crate::script::Bench;
use pentimento::edit::LayerChoice;
use pentimento::engine::{EventKind, Spec};
use pentimento::measure::validate::{Case, Plan, Step, Verdict};
use pentimento::tui::app::validation::Ended;
use pentimento::tui::app::{Effect, Msg, Overlay, Pane, Ticket};
use pentimento::tui::theme::Depth;

/// The validation that these effects ask for.
fn asked(effects: &[Effect]) -> Option<(Ticket, &Plan, LayerChoice)> {
    effects.iter().find_map(|effect| match effect {
        Effect::Submit(ticket, spec) => match &**spec {
            Spec::Validate { plan, edit, .. } => Some((*ticket, plan, edit.layer)),
            _ => None,
        },
        _ => None,
    })
}

fn is_shown(bench: &Bench) -> bool {
    matches!(
        bench.state.overlays.last(),
        Some(Overlay::Validation { .. })
    )
}

#[test]
fn an_edit_that_passes_is_kept_with_its_checks() {
    let mut bench = Bench::open(120, 40);
    bench.play("V");
    assert!(is_shown(&bench), "it stays until it is closed");
    assert_eq!(bench.state.edits.stack.len(), 1);
    let record = bench.state.edits.selected_record().unwrap();
    let found = record.report.validation.as_ref().unwrap();
    let tried: Vec<[usize; 2]> = found.attempts.iter().map(|a| a.layers).collect();
    assert_eq!(tried, [[4, 4], [3, 3]]);
    assert_eq!(found.verdict(), Verdict::Warn);
    let own = bench.state.validation.as_ref().unwrap();
    assert_eq!(own.ended, Some(Ended::Kept(Verdict::Warn)));
    assert_eq!(
        own.attempts, found.attempts,
        "what was shown is what is saved"
    );
    // It is an edit like any other.
    bench.play("<esc>u");
    assert!(bench.state.overlays.is_empty() && bench.state.edits.stack.is_empty());
}

#[test]
fn where_no_layer_passes_nothing_is_kept_and_it_says_why() {
    let mut bench = Bench::open(120, 40);
    bench.state.fact.layer = LayerChoice::At(4);
    bench.play("V");
    assert!(bench.state.edits.stack.is_empty() && bench.state.edits.making.is_empty());
    let own = bench.state.validation.as_ref().unwrap();
    assert_eq!(own.ended, Some(Ended::Rejected));
    let notice = &bench.state.notice.as_ref().unwrap().text;
    assert!(
        notice.contains("p(new) 0.031, at least 0.10 wanted"),
        "{notice}"
    );
    assert!(!bench.state.session.unsaved());
}

#[test]
fn the_thresholds_and_the_case_are_the_users() {
    let mut bench = Bench::open(120, 40);
    bench.state.settings.thresholds.paraphrases = 0.03;
    // The last line of the form is the kind of case.
    let lines = pentimento::tui::app::recipe::lines(bench.state.fact.method);
    bench.play("p");
    bench.play(&"j".repeat(lines.len()));
    bench.play("<right><right>");
    assert_eq!(bench.state.fact.case, Case::OverRefusal);
    bench.play("<left>");
    let effects = bench.effects("V");
    let (_, plan, _) = asked(&effects).expect("V in the form validates");
    assert_eq!(plan.case, Case::Stereotype);
    assert_eq!(plan.thresholds.paraphrases, 0.03);
    assert!(is_shown(&bench), "in the place of the form");
}

#[test]
fn it_runs_on_behind_and_v_shows_it_again() {
    let mut bench = Bench::open(120, 40);
    let effects = bench.effects("V");
    let (ticket, ..) = asked(&effects).unwrap();
    bench.play("<esc>");
    assert!(bench.state.overlays.is_empty() && !bench.state.edits.making.is_empty());
    assert_eq!(bench.state.focus, Pane::Edit);
    assert!(asked(&bench.effects("V")).is_none(), "it is under way");
    assert!(is_shown(&bench));
    let effects = bench.effects("<c-c>");
    assert!(effects.contains(&Effect::Cancel(ticket)));
    let cancelled = EventKind::Finished(Ok(pentimento::engine::Outcome::Cancelled));
    bench.send(Msg::Engine(ticket, cancelled));
    let own = bench.state.validation.as_ref().unwrap();
    assert_eq!(own.ended, Some(Ended::Stopped));
    assert!(bench.state.edits.making.is_empty());
}

#[test]
fn what_it_says_cannot_drive_the_terminal() {
    let mut bench = Bench::open(120, 40);
    bench.state.fact.set_prompt("The {\u{202e}Tower} is in");
    let effects = bench.effects("V");
    let Some((ticket, ..)) = asked(&effects) else {
        panic!("{effects:?}");
    };
    for step in [
        Step::Trying([0, 0]),
        Step::Rejected("\u{1b}[2Jthe loss is not finite".into()),
    ] {
        bench.send(Msg::Engine(ticket, EventKind::Validating(Box::new(step))));
    }
    let text = bench.text();
    assert!(text.contains("the loss is not finite"), "{text}");
    assert!(!text.contains('\u{1b}') && !text.contains('\u{202e}'));
}

#[test]
fn the_screen() {
    let mut bench = Bench::open(120, 40);
    bench.keys("V");
    // Until the first layer's second check is known.
    bench.run(25);
    insta::assert_snapshot!("validation_half_way", bench.text());
    let mut bench = Bench::open(120, 40);
    bench.play("V");
    bench.send(Msg::Tick(std::time::Duration::from_secs(60)));
    insta::assert_snapshot!(
        "validation",
        crate::screens::styled(&bench.draw(Depth::True))
    );
    for (width, height) in [(60, 20), (80, 24)] {
        bench.send(Msg::Resize(width, height));
        insta::assert_snapshot!(format!("validation_{width}x{height}"), bench.text());
    }
    bench.send(Msg::Resize(120, 40));
    bench.play("<esc>3");
    insta::assert_snapshot!("validated", bench.text());
}
