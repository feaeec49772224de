//! How the next edit is made: the form, and layers taken on the heat map.

use crate::script::Bench;
use pentimento::edit::{EditSpec, Hyper, LayerChoice, Method};
use pentimento::engine::Spec;
use pentimento::tui::app::{Effect, Msg, Overlay};

fn edit(bench: &mut Bench, keys: &str) -> EditSpec {
    let asked = bench.effects(keys).into_iter().find_map(|e| match e {
        Effect::Submit(_, spec) => match *spec {
            Spec::Edit { edit, .. } => Some(*edit),
            _ => None,
        },
        _ => None,
    });
    asked.expect("an edit is asked for")
}

fn notice(bench: &Bench) -> &str {
    bench.state.notice.as_ref().map_or("", |n| &n.text)
}

#[test]
fn every_parameter_goes_with_the_edit_of_its_method() {
    let mut bench = Bench::open(120, 40);
    assert_eq!(edit(&mut bench, "e").hyper, None, "the model's own");
    // steps up, then the rate typed.
    bench.play("pjj<right>j0.25<enter><esc>");
    let hyper = edit(&mut bench, "e").hyper.expect("it was set");
    assert_eq!((hyper.steps, hyper.lr), (50, 0.25));
    bench.play("m");
    assert_eq!(edit(&mut bench, "e").hyper, None, "another method's own");
    // Back to the first one, and back to its own values.
    bench.play("p<left>jjdjd<esc>");
    assert_eq!(bench.state.fact.method, Method::RRome);
    assert_eq!(edit(&mut bench, "e").hyper, None);
}

#[test]
fn e_in_the_form_edits() {
    let mut bench = Bench::open(120, 40);
    bench.play("pjj<right>");
    assert!(edit(&mut bench, "e").hyper.is_some());
    assert!(bench.state.overlays.is_empty());
}

#[test]
fn what_cannot_be_is_refused_in_words() {
    let mut bench = Bench::open(120, 40);
    for (keys, words) in [
        ("pjj0<enter>", "steps is 0; it should be a whole number"),
        ("<esc>pjj2.5<enter>", "steps is 2.5"),
        ("<esc>pjjj0<enter>", "lr is 0; it should be positive"),
        ("<esc>pjjj1e<enter>", "is no number"),
        ("<esc>pj9<enter>", "layers go from 0 to 7"),
    ] {
        bench.play(keys);
        assert!(notice(&bench).contains(words), "{keys}: {}", notice(&bench));
    }
    assert!(bench.state.fact.tuned.is_empty());
    assert_eq!(bench.state.fact.layer, LayerChoice::Auto);
}

#[test]
fn esc_leaves_what_was_typed_and_then_the_form() {
    let mut bench = Bench::open(120, 40);
    bench.play("pjj99<esc>");
    assert!(matches!(
        bench.state.overlays.last(),
        Some(Overlay::Recipe(_))
    ));
    bench.play("<esc>");
    assert!(bench.state.overlays.is_empty() && bench.state.fact.tuned.is_empty());
}

#[test]
fn a_recalled_edit_brings_its_parameters_back() {
    let mut bench = Bench::open(120, 40);
    bench.play("pjjj0.25<enter><esc>e");
    bench.play("pjjjd<esc>");
    assert!(bench.state.fact.tuned.is_empty());
    bench.play("3<enter>");
    let hyper = &bench.state.fact.tuned[&Method::RRome];
    assert_eq!(
        *hyper,
        Hyper {
            lr: 0.25,
            ..bench.state.known_hyper(Method::RRome)
        }
    );
    assert!(
        bench
            .effects("1y")
            .iter()
            .any(|e| matches!(e, Effect::Copy(line) if line.trim_end().ends_with("--lr 0.25")))
    );
}

#[test]
fn layers_are_stretched_on_the_heat_map() {
    let mut bench = Bench::open(120, 40);
    bench.play("mmt");
    assert_eq!(bench.state.fact.method, Method::Memit);
    // It rests on the suggested layer, 4.
    bench.play("HH");
    assert_eq!(bench.state.fact.layer, LayerChoice::Span(2, 4));
    bench.play("LLLLLLLL");
    assert_eq!(bench.state.fact.layer, LayerChoice::Span(4, 7));
    bench.play("HHH");
    assert_eq!(bench.state.fact.layer, LayerChoice::At(4));
    assert_eq!(edit(&mut bench, "e").layer, LayerChoice::At(4));
    bench.play("2hhL");
    assert_eq!(bench.state.fact.layer, LayerChoice::Span(2, 3));
    // A method of one layer says so.
    bench.play("mLL");
    assert!(notice(&bench).contains("MEMIT"), "{}", notice(&bench));
}

#[test]
fn the_form_on_its_screens() {
    let mut bench = Bench::open(120, 40);
    bench.play("mmmmpjjj0.25<enter>j");
    insta::assert_snapshot!("recipe", bench.text());
    bench.send(Msg::Resize(80, 24));
    bench.keys("12");
    insta::assert_snapshot!("recipe_80x24", bench.text());
    bench.send(Msg::Resize(60, 20));
    insta::assert_snapshot!("recipe_60x20", bench.text());
    bench.play("<esc><esc>");
    bench.send(Msg::Resize(120, 40));
    bench.play("3");
    insta::assert_snapshot!("plan_with_parameters", bench.text());
}

#[test]
fn chosen_layers_are_marked_under_the_map() {
    let mut bench = Bench::open(120, 40);
    bench.play("mmtHH");
    insta::assert_snapshot!("layers_by_hand", bench.text());
    bench.play("x");
    insta::assert_snapshot!("layers_by_hand_transposed", bench.text());
}
