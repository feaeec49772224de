//! What `e` would do next.

use super::{
    FIRST, Row, blank, fact_words, labelled, layers, method_about, method_name, rows, words,
};
use crate::edit::LayerChoice;
use crate::tui::app::recipe::shown;
use crate::tui::app::{EditRecord, State};
use crate::tui::keymap::Command;
use crate::tui::theme::Styles;
use crate::tui::view::empty;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

/// Before any edit.
pub fn draw(buf: &mut Buffer, area: Rect, state: &State, styles: &Styles) {
    let fact = &state.fact;
    let request = match fact.request() {
        Ok(request) => request,
        Err(missing) => {
            let about = ("An edit writes one fact into the weights.", true);
            return empty(buf, area, &[about, (missing.words(), false)], state, styles);
        }
    };
    let remark = format!("  {}", method_about(fact.method));
    let chosen = match (fact.layer, state.calibrated()) {
        (LayerChoice::At(_) | LayerChoice::Span(..), _) => "  your choice".into(),
        (LayerChoice::Auto, Some(facts)) => format!("  calibrated on {facts} facts"),
        (LayerChoice::Auto, None) => "  by the workbench".to_owned(),
    };
    let layer = state.edit_layers().map(layers);
    let key = match fact.subject_tokens() {
        Some(range) => format!("token {}", range.end - 1),
        None => "token –".into(),
    };
    let mut keys = Vec::new();
    for (commands, word) in [
        (&[Command::Edit][..], "write it"),
        (&[Command::Method], "method"),
        (&[Command::LayerDown, Command::LayerUp], "layer"),
        (&[Command::Recipe], "parameters"),
    ] {
        let names: Vec<String> = commands
            .iter()
            .map(|c| state.settings.keys.key_name(*c))
            .collect();
        keys.push((names.join(" "), styles.key()));
        keys.push((format!(" {word}   "), styles.dim()));
    }
    let mut lines = vec![
        words(FIRST, fact_words(&request, styles)),
        blank(),
        labelled(
            2,
            "method",
            vec![
                (method_name(fact.method).into(), styles.text()),
                (remark, styles.faint()),
            ],
            styles,
        ),
        labelled(
            3,
            "layer",
            vec![
                (layer.unwrap_or_else(|| "auto".into()), styles.text()),
                (chosen, styles.faint()),
            ],
            styles,
        ),
        labelled(
            4,
            "key",
            vec![
                (key, styles.text()),
                ("  the subject's last".into(), styles.faint()),
            ],
            styles,
        ),
    ];
    lines.extend(tuned(state, styles));
    lines.extend([blank(), words(5, keys)]);
    rows(buf, area, lines);
}

/// The hyper-parameters that the user set, where there are any.
fn tuned<'a>(state: &State, styles: &'a Styles) -> Option<Row<'a>> {
    let tuned = state.tuned(state.fact.method);
    let each = tuned.iter().map(|(knob, value)| {
        let name = knob.name().replace('-', " ");
        format!("{name} {}", shown(*knob, *value))
    });
    let said = each.collect::<Vec<_>>().join(", ");
    (!said.is_empty()).then(|| labelled(3, "set", vec![(said, styles.new_answer())], styles))
}

/// Beside a finished edit, where `e` would make another one.
pub fn next<'a>(record: &EditRecord, state: &State, styles: &Styles) -> Vec<Row<'a>> {
    let fact = &state.fact;
    let Ok(request) = fact.request() else {
        return vec![];
    };
    let (spec, report) = (&record.spec, &record.report);
    let asked = (&spec.request, spec.method, spec.layer);
    let same = report.hyper == state.hyper(fact.method);
    if asked == (&request, fact.method, fact.layer) && same {
        return vec![];
    }
    let mut line = vec![
        (state.settings.keys.key_name(Command::Edit), styles.key()),
        (" writes ".into(), styles.dim()),
    ];
    line.extend(fact_words(&request, styles));
    let layer = match state.edit_layers() {
        Some(span) => format!("layer {}", layers(span)),
        None => "layer auto".into(),
    };
    let set = match state.tuned(fact.method).len() {
        0 => String::new(),
        1 => " · 1 parameter set".into(),
        n => format!(" · {n} parameters set"),
    };
    let how = format!("  {} · {layer}{set}", method_name(fact.method));
    line.push((how, styles.dim()));
    vec![blank(), words(3, line)]
}
