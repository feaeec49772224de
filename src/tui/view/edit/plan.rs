//! What `e` would do next.

use super::{FIRST, Row, blank, fact_words, labelled, layers, method_name, rows, words};
use crate::edit::{LayerChoice, Method};
use crate::tui::app::{EditRecord, State};
use crate::tui::keymap::{Command, key_name};
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
            return empty(buf, area, &[about, (missing.words(), false)], styles);
        }
    };
    let remark = match fact.method {
        Method::RRome => "  one key everywhere",
        Method::Rome => "  as published",
        Method::Memit => "  spread over layers",
        Method::Emmet => "  each value exactly",
        Method::AlphaEdit => "  where no other key goes",
        Method::Ft => "  fine-tuning, the baseline",
        Method::FtL => "  fine-tuning in a small box",
        Method::Direct => "  no gradient, C = I",
        Method::Imported => "",
    };
    let chosen = match fact.layer {
        LayerChoice::At(_) | LayerChoice::Span(..) => "  your choice",
        LayerChoice::Auto => "  by the workbench",
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
    ] {
        let names: Vec<String> = commands.iter().map(|c| key_name(*c)).collect();
        keys.push((names.join(" "), styles.key()));
        keys.push((format!(" {word}   "), styles.dim()));
    }
    let lines = vec![
        words(FIRST, fact_words(&request, styles)),
        blank(),
        labelled(
            2,
            "method",
            vec![
                (method_name(fact.method).into(), styles.text()),
                (remark.into(), styles.faint()),
            ],
            styles,
        ),
        labelled(
            3,
            "layer",
            vec![
                (layer.unwrap_or_else(|| "auto".into()), styles.text()),
                (chosen.into(), styles.faint()),
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
        blank(),
        words(5, keys),
    ];
    rows(buf, area, lines);
}

/// Beside a finished edit, where `e` would make another one.
pub fn next<'a>(record: &EditRecord, state: &State, styles: &Styles) -> Vec<Row<'a>> {
    let fact = &state.fact;
    let Ok(request) = fact.request() else {
        return vec![];
    };
    let asked = (&record.spec.request, record.spec.method, record.spec.layer);
    if asked == (&request, fact.method, fact.layer) {
        return vec![];
    }
    let mut line = vec![
        (key_name(Command::Edit), styles.key()),
        (" writes ".into(), styles.dim()),
    ];
    line.extend(fact_words(&request, styles));
    let layer = match state.edit_layers() {
        Some(span) => format!("layer {}", layers(span)),
        None => "layer auto".into(),
    };
    let how = format!("  {} · {layer}", method_name(fact.method));
    line.push((how, styles.dim()));
    vec![blank(), words(3, line)]
}
