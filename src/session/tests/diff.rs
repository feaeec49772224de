//! Two sittings side by side: nothing where they are the same, and a sentence
//! for whatever is not.

use super::super::diff::{Finding, Part, diff};
use super::*;
use crate::edit::LayerChoice;

const TOLERANCE: f64 = 1e-3;

/// What differs between the sitting and the sitting as `change` leaves it.
fn after(change: impl Fn(&mut Session)) -> Vec<Finding> {
    let (a, _) = sitting();
    let mut b = a.clone();
    change(&mut b);
    diff(&a, &b, TOLERANCE).unwrap()
}

/// The one thing that differs.
fn only(change: impl Fn(&mut Session)) -> String {
    let found = after(change);
    assert_eq!(found.len(), 1, "{found:?}");
    found[0].words.clone()
}

#[test]
fn a_sitting_is_the_same_as_itself_saved_later() {
    let (_folder, _, saved, _) = saved();
    assert_eq!(diff(&saved, &saved, 0.0).unwrap(), []);
    let (sitting, _) = sitting();
    let words: Vec<_> = diff(&sitting, &saved, TOLERANCE)
        .unwrap()
        .into_iter()
        .map(|finding| finding.words)
        .collect();
    let factors = "only B has the change itself; in A it is made again from the text";
    assert_eq!(words, [factors, factors]);
    assert_eq!(
        after(|b| {
            b.saved = "2031-01-01T00:00:00Z".parse().unwrap();
            b.made_on.pentimento = "9.9".into();
            b.edits[0].result.elapsed_s.total = 99.0;
            b.edits[0].result.p_target.after += 1e-5;
        }),
        []
    );
}

#[test]
fn each_choice_of_an_edit_is_told_in_words() {
    type Change = fn(&mut SavedEdit);
    let told: [(Change, &str); 9] = [
        (
            |e| e.asked.request.target = "Rome".into(),
            "the target is Paris in A and Rome in B",
        ),
        (
            |e| e.asked.method = Method::Rome,
            "the method is r-rome in A and rome in B",
        ),
        (
            |e| e.asked.layer = LayerChoice::Span(0, 1),
            "the layer is 1 in A and 0–1 in B",
        ),
        (|e| e.alpha = 0.5, "α is 1 in A and 0.5 in B"),
        (|e| e.on = false, "it is on in A and off in B"),
        (
            |e| e.asked.hyper.as_mut().unwrap().clamp = 3.0,
            "clamp is 4 in A and 3 in B",
        ),
        (
            |e| e.asked.templates = Some(vec!["{}".into()]),
            "the context templates are not the same: 2 in A and 1 in B",
        ),
        (
            |e| e.result.p_target.after = 0.25,
            "p(target) after is 0.9875 in A and 0.25 in B",
        ),
        (
            |e| e.result.probes[0].p_after = 0.75,
            "“Big Ben is in” (London): p after is 0.312 in A and 0.750 in B",
        ),
    ];
    for (change, words) in told {
        assert_eq!(only(|b| change(&mut b.edits[0])), words);
    }
}

#[test]
fn many_losses_are_one_sentence() {
    let words = only(|b| {
        let losses = &mut b.edits[0].result.losses;
        losses.iter_mut().flatten().for_each(|loss| *loss += 1.0);
    });
    assert_eq!(
        words,
        "8 figures of losses differ; losses[0][0] is 9.25 in A and 10.25 in B"
    );
}

#[test]
fn edits_of_one_alone_and_another_order() {
    let words = only(|b| drop(b.edits.pop()));
    assert_eq!(
        words,
        "only A has this edit: The Space Needle is in the city of → Paris"
    );
    let (mut a, _) = sitting();
    a.edits[1].asked.request.subject = "Big Ben".into();
    let mut b = a.clone();
    b.edits.reverse();
    let found = diff(&a, &b, TOLERANCE).unwrap();
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(
        (found[0].part, found[0].words.as_str()),
        (
            Part::Order,
            "the order is “The Space Needle is in the city of”, then “Big Ben is in the city of” in A \
             and “Big Ben is in the city of”, then “The Space Needle is in the city of” in B"
        )
    );
}

#[test]
fn models_notes_probes_and_traces() {
    let found = after(|b| b.model.sha256 = "ab".repeat(32));
    assert!(found[0].words.starts_with("the weights are not the same"));
    assert_eq!(
        only(|b| b.model.revision = Some("main".into())),
        "the model's revision is none in A and main in B"
    );
    assert_eq!(
        only(|b| b.notes = "What was found:\n  nothing\n".into()),
        "the notes differ from line 2 on: “  \"a\" lot.” in A and “  nothing” in B"
    );
    assert_eq!(only(|b| b.notes.clear()), "only A has notes");
    assert_eq!(
        only(|b| b.probes.push(ProbeRow {
            prompt: "x".into(),
            ..ProbeRow::default()
        })),
        "only B watches “x” ()"
    );
    assert_eq!(only(|b| b.traces.clear()), "only A traces “a b c”");
    let words = only(|b| b.traces[0].result.high = 0.5);
    assert_eq!(
        words,
        "the trace of “a b c” differs in 1 figure; high is 0.9 in A and 0.5 in B"
    );
}
