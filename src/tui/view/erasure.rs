//! A concept erased with a guarantee: what a probe finds before and after, and what
//! the model says with the switch off and on.

use super::{Words, empty, frame};
use crate::measure::erase::{Accuracy, EraseReport, Reading};
use crate::tui::app::{Health, JobKind, Pane, State};
use crate::tui::text::{clip, p, p_short, put, put_right, visible, wrap_plain};
use crate::tui::theme::Styles;
use crate::tui::widgets::first_row;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

/// Columns of a table's names, and of each of its figures.
const NAME: u16 = 34;
const FIGURE: u16 = 12;

pub fn draw(buf: &mut Buffer, area: Rect, state: &State, styles: &Styles) {
    let (about, right) = (about(state, styles), right(state, styles));
    let inner = frame(Pane::Erasure, state, styles, about, right).draw(buf, area);
    let Some(report) = &state.erase.report else {
        return nothing_yet(buf, inner, state, styles);
    };
    let mut y = guarantee(buf, inner, report, styles);
    y = accuracies(
        buf,
        Rect { y: y + 1, ..inner },
        inner.bottom(),
        report,
        styles,
    );
    y = readings(
        buf,
        Rect { y: y + 1, ..inner },
        inner.bottom(),
        state,
        styles,
    );
    let rest = Rect {
        y: y + 1,
        height: inner.bottom().saturating_sub(y + 1),
        ..inner
    };
    neighbours(buf, rest, state, styles);
}

fn about<'a>(state: &State, styles: &Styles) -> Words<'a> {
    let Some(fact) = state.erase.report.as_ref().and_then(|r| r.fact.as_ref()) else {
        return vec![];
    };
    let short = |text: &str| clip(&visible(text.trim()), 24).into_owned();
    let mut words: Words = vec![
        (short(&fact.subject).into(), styles.text()),
        ("  ".into(), styles.text()),
        (short(&fact.old).into(), styles.old()),
        (" → ".into(), styles.faint()),
        (short(&fact.new).into(), styles.new_answer()),
    ];
    if state.erase.made_on != state.edits.ground() {
        words.push((
            state.tell("  other weights: ‹erase›").into(),
            styles.doubt(),
        ));
    }
    words
}

fn right<'a>(state: &State, styles: &Styles) -> Words<'a> {
    if state.erase.report.is_none() {
        return vec![];
    }
    match state.erase.on {
        true => vec![("erased".into(), styles.badge())],
        false => vec![("not erased".into(), styles.dim())],
    }
}

fn nothing_yet(buf: &mut Buffer, inner: Rect, state: &State, styles: &Styles) {
    let running = state.jobs.of_kind(JobKind::Erase).next().is_some();
    if let Some(problem) = &state.erase.problem {
        let words: &[(&str, bool)] = &[
            (problem, true),
            (
                "`‹palette›` erase begins again; `pentimento eval erase` takes labelled prompts of your own.",
                false,
            ),
        ];
        return empty(buf, inner, words, state, styles);
    }
    let next = match (&state.health, running) {
        (Health::Dead(_) | Health::Failed(_), _) => "No model is open: `‹models›` opens one.",
        (_, true) => "Reading the residuals of the labelled prompts …",
        _ => {
            "Write a prompt with its subject (`‹type-prompt›`) and a new answer (`‹type-target›`); `:erase` begins."
        }
    };
    let words: &[(&str, bool)] = &[
        ("What if it were really gone?", true),
        (
            "LEACE changes the residual after one layer by as little as makes every linear probe blind to a concept: the guarantee that an edit does not have. It is fitted on the built-in facts of the fact's own relation; no weight changes.",
            false,
        ),
        (next, true),
    ];
    empty(buf, inner, words, state, styles);
}

/// What was erased; gives the line after it.
fn guarantee(buf: &mut Buffer, inner: Rect, report: &EraseReport, styles: &Styles) -> u16 {
    let left = match report.guaranteed {
        true => "nothing linear is left on what was fitted",
        false => "something linear is left",
    };
    let words = format!(
        "{} of {} directions erased after layer {}, read at {}: {left}",
        report.rank,
        report.d,
        report.layer,
        report.position.words()
    );
    let mut y = inner.y;
    for line in wrap_plain(&words, inner.width.into()) {
        put(buf, inner.x, y, inner.right(), &line, styles.strong());
        y += 1;
    }
    for warning in &report.warnings {
        if y >= inner.y + 3 {
            break;
        }
        let words = visible(warning);
        let words = clip(&words, inner.width.into());
        put(buf, inner.x, y, inner.right(), &words, styles.doubt());
        y += 1;
    }
    y
}

fn accuracies(
    buf: &mut Buffer,
    at: Rect,
    bottom: u16,
    report: &EraseReport,
    styles: &Styles,
) -> u16 {
    let mut y = at.y;
    let column = |nth: u16| at.x + NAME + nth * FIGURE;
    let mut row = |name: &str, cells: [String; 2], head: bool| {
        if y >= bottom {
            return;
        }
        let style = if head { styles.faint() } else { styles.text() };
        put(buf, at.x, y, at.right(), name, style);
        for (nth, cell) in (0..).zip(cells) {
            put_right(buf, column(nth), y, column(nth + 1), &cell, style);
        }
        y += 1;
    };
    let percent = |share: f64| format!("{:.1} %", 100.0 * share);
    let of = |a: &Accuracy| [percent(a.fitted), percent(a.held_out)];
    row(
        "a linear probe is right in",
        ["fitted on".into(), "held out".into()],
        true,
    );
    row("before", of(&report.probe.before.accuracy), false);
    row("after", of(&report.probe.after.accuracy), false);
    row("always the commonest label", of(&report.majority), false);
    if let Some(fresh) = &report.fresh {
        let words = format!("{} → {}", percent(fresh.before), percent(fresh.after));
        put(
            buf,
            at.x,
            y,
            at.right(),
            "fresh probes on what was held out",
            styles.text(),
        );
        put_right(buf, column(0), y, column(2), &words, styles.text());
        y += 1;
    }
    y
}

/// What the model says, through the switch.
fn readings(buf: &mut Buffer, at: Rect, bottom: u16, state: &State, styles: &Styles) -> u16 {
    let (view, mut y) = (&state.erase, at.y);
    let Some(report) = &view.report else {
        return y;
    };
    let shown = |side: &&crate::measure::erase::Switched| match view.on {
        true => side.on.clone(),
        false => side.off.clone(),
    };
    let sides: Vec<Reading> = view.sides().iter().map(shown).collect();
    let wide = 2 * FIGURE;
    let mut row = |name: &str, of: &dyn Fn(&Reading) -> String, style| {
        if y >= bottom {
            return;
        }
        put(buf, at.x, y, at.x + NAME, name, styles.text());
        for (nth, reading) in (0u16..).zip(&sides) {
            let x = at.x + NAME + nth * wide;
            let words = of(reading);
            let words = clip(&words, usize::from(wide) - 2);
            put(buf, x + 2, y, (x + wide).min(at.right()), &words, style);
        }
        y += 1;
    };
    let names = ["unedited", "edited"];
    let erased = if view.on { ", erased" } else { "" };
    let heading: Vec<String> = names.iter().map(|name| format!("{name}{erased}")).collect();
    let place = std::cell::Cell::new(0);
    row(
        &state.tell("‹shown› switches"),
        &|_| {
            let nth = place.replace(place.get() + 1);
            heading.get(nth).cloned().unwrap_or_default()
        },
        styles.faint(),
    );
    let told = |value: Option<f64>| value.map_or("–".into(), p);
    if let Some(fact) = &report.fact {
        let name = |answer: &str| format!("p({})", clip(&visible(answer.trim()), 20));
        row(&name(&fact.old), &|r| told(r.p_old), styles.old());
        row(&name(&fact.new), &|r| told(r.p_new), styles.new_answer());
        if let Some(class) = report.class_of(&fact.old) {
            let name = format!("the probe's {}", name(&fact.old));
            row(&name, &|r| told(r.probe.get(class).copied()), styles.text());
        }
        let says = |r: &Reading| {
            let top = r.top.iter().take(2);
            let told = top.map(|g| format!("{} {}", visible(g.text.trim()), p_short(g.p)));
            told.collect::<Vec<_>>().join("  ")
        };
        row("says", &says, styles.strong());
    }
    let text = |r: &Reading| r.perplexity.map_or("–".into(), |p| format!("{p:.1}"));
    row("perplexity of plain text", &text, styles.text());
    y
}

/// Neighbours on the unedited weights, through the switch.
fn neighbours(buf: &mut Buffer, area: Rect, state: &State, styles: &Styles) {
    let view = &state.erase;
    let Some(side) = view.sides().first().copied() else {
        return;
    };
    if side.neighbours.is_empty() || area.height < 2 {
        return;
    }
    let moved = side.neighbours.iter().filter(|n| n.moved).count();
    let words = format!(
        "neighbours, unedited: {moved} of {} move",
        side.neighbours.len()
    );
    put(buf, area.x, area.y, area.right(), &words, styles.faint());
    let room = usize::from(area.height - 1);
    let first = first_row(view.cursor, side.neighbours.len(), room);
    let rows = side.neighbours.iter().skip(first);
    for (row, y) in rows.zip(area.y + 1..area.bottom()) {
        let (p, top) = match view.on {
            true => (row.p_on, &row.top_on),
            false => (row.p_off, &row.top_off),
        };
        let told = format!("{} {}", visible(row.expected.trim()), p_short(p));
        let end = area.right().saturating_sub(36);
        let prompt = visible(&row.prompt);
        let prompt = clip(&prompt, usize::from(end.saturating_sub(area.x)));
        put(buf, area.x, y, end, &prompt, styles.text());
        let style = if view.on && row.moved {
            styles.bad()
        } else {
            styles.good()
        };
        put(buf, end + 1, y, end + 20, &told, style);
        let says = format!("says {}", visible(top.trim()));
        put(buf, end + 21, y, area.right(), &says, styles.dim());
    }
}
