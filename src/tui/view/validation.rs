//! A validation as it runs: the baseline, then layer after layer each check with
//! its figure, its threshold and its verdict.

use super::centred;
use super::edit::{layers, mark, method_name};
use crate::measure::validate::{Attempt, Check, Verdict};
use crate::tui::app::State;
use crate::tui::app::validation::{Ended, Validating};
use crate::tui::text::{clip, put, visible, wrap_plain};
use crate::tui::theme::Styles;
use crate::tui::view::header::stage_name;
use crate::tui::widgets::panel::{Panel, clear};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

/// Words with the column they begin in.
type Line = Vec<(u16, String, Style)>;

/// Where the columns of a check begin; the verdict's sign stands first, so that it
/// is there on a narrow screen too.
const MARK: u16 = 12;
const NAME: u16 = 14;
const FIGURE: u16 = 27;
const VALUE: u16 = 34;
const WANTS: u16 = 41;
const SAID: u16 = 56;
const WIDE: u16 = 92;

/// `back`: lines that are scrolled back from the last one.
pub fn draw(buf: &mut Buffer, back: usize, state: &State, styles: &Styles) {
    let Some(found) = &state.validation else {
        return;
    };
    let wide = WIDE.min(buf.area.width);
    let all = lines(found, state, styles, wide.saturating_sub(4));
    let high = all.len() as u16 + 4;
    let room = Rect {
        height: buf.area.height.saturating_sub(2),
        ..buf.area
    };
    let area = centred(room, wide, high);
    clear(buf, area);
    let subject = clip(&visible(&found.request.subject), 20).into_owned();
    let target = clip(&visible(found.request.target.trim()), 14).into_owned();
    let how = format!("  {} · {}", method_name(found.method), found.case.name());
    let panel = Panel {
        border: styles.border(true),
        title: vec![
            ("Validate  ".into(), styles.title(true)),
            (subject.into(), styles.strong()),
            (" → ".into(), styles.faint()),
            (target.into(), styles.new_answer()),
            (how.into(), styles.dim()),
        ],
        right: vec![("esc".into(), styles.dim())],
    };
    let inner = panel.draw(buf, area);
    // The last lines are the news.
    let listed = usize::from(inner.height.saturating_sub(2));
    let above = all.len().saturating_sub(listed);
    let shown = all.iter().skip(above.saturating_sub(back)).take(listed);
    for (line, y) in shown.zip(inner.y..inner.bottom()) {
        for (column, text, style) in line {
            put(buf, inner.x + column, y, inner.right(), text, *style);
        }
    }
    let mut x = inner.x;
    let y = inner.bottom().saturating_sub(1);
    let keys: &[(&str, &str)] = match found.ticket {
        Some(_) => &[("esc", "closes this, it goes on"), ("‹cancel›", "stops it")],
        None => &[("esc", "closes this"), ("‹validate›", "again")],
    };
    for (key, word) in keys.iter().chain(&[("j k", "scroll")]) {
        x = put(buf, x, y, inner.right(), &state.tell(key), styles.key());
        x = put(buf, x, y, inner.right(), &format!(" {word}"), styles.dim()) + 3;
    }
}

fn lines(found: &Validating, state: &State, styles: &Styles, wide: u16) -> Vec<Line> {
    let said = |label: &str, text: String, style| {
        vec![(0, label.to_owned(), styles.dim()), (NAME, text, style)]
    };
    let mut all = Vec::new();
    match &found.candidates {
        Some(candidates) => {
            let sets = candidates.layers.iter().map(|[a, b]| layers((*a, *b)));
            let sets = sets.collect::<Vec<_>>().join(", ");
            let mut line = said("layers", sets.clone(), styles.text());
            let about = format!("  {}", candidates.origin.about());
            line.push((NAME + sets.chars().count() as u16, about, styles.faint()));
            all.push(line);
        }
        None => all.push(said("layers", "…".into(), styles.faint())),
    }
    all.push(match found.baseline {
        Some((probes, p)) => {
            let text = format!("p(new) {p:.3} over the paraphrases, {probes} probes");
            said("baseline", text, styles.text())
        }
        None => said("baseline", "…".into(), styles.faint()),
    });
    for attempt in &found.attempts {
        all.push(vec![]);
        all.extend(tried(attempt, found, state, styles));
    }
    if let Some(ended) = &found.ended {
        let room = usize::from(wide).max(20);
        let (text, style) = outcome(ended, found, styles);
        all.push(vec![]);
        all.extend(
            wrap_plain(&text, room)
                .into_iter()
                .map(|l| vec![(0, l, style)]),
        );
    }
    all
}

/// A layer with its checks; while it is at work, what is being done.
fn tried(attempt: &Attempt, found: &Validating, state: &State, styles: &Styles) -> Vec<Line> {
    let mut lines: Vec<Line> = attempt.checks.iter().map(|c| check(c, styles)).collect();
    if !attempt.rejected.is_empty() {
        let why = format!("given up: {}", visible(&attempt.rejected));
        lines.push(vec![(NAME, why, styles.dim())]);
    } else if found.ended.is_none() && attempt.checks.len() < 3 {
        let made = state.edits.making.iter();
        let mut stage = made.filter(|m| Some(m.ticket) == found.ticket);
        let stage = stage.find_map(|m| m.stage).map_or("", stage_name);
        lines.push(vec![(NAME, format!("{stage} …"), styles.accent())]);
    }
    if let Some(first) = lines.first_mut() {
        let [a, b] = attempt.layers;
        let style = match attempt.rejected.is_empty() {
            true => styles.strong(),
            false => styles.dim(),
        };
        first.insert(0, (0, format!("layer {}", layers((a, b))), style));
    }
    lines
}

fn check(check: &Check, styles: &Styles) -> Line {
    let (sign, style) = mark(check.verdict, styles);
    let said = match check.remark.is_empty() {
        true => check.verdict.name(),
        false => &check.remark,
    };
    vec![
        (MARK, sign.into(), style),
        (NAME, check.kind.name().into(), styles.text()),
        (FIGURE, check.kind.figure().into(), styles.dim()),
        (VALUE, format!("{:.3}", check.value), style),
        (WANTS, check.wants(), styles.dim()),
        (SAID, said.into(), style),
    ]
}

fn outcome(ended: &Ended, found: &Validating, styles: &Styles) -> (String, Style) {
    let at = found.attempts.last().map(Attempt::place);
    let at = at.unwrap_or_default();
    match ended {
        Ended::Kept(Verdict::Warn) => (format!("Kept at {at}, with a warning."), styles.doubt()),
        Ended::Kept(_) => (format!("Kept at {at}: all checks passed."), styles.good()),
        Ended::Rejected => ("No layer passed: nothing was kept.".into(), styles.bad()),
        Ended::Stopped => ("Stopped: nothing was kept.".into(), styles.doubt()),
        Ended::Failed(why) => (visible(why).into_owned(), styles.bad()),
    }
}
