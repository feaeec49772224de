//! What moved beside the fact: probes before and after, worst movers first.

use super::{empty, frame};
use crate::measure::ProbeGroup;
use crate::tui::app::watch::{Filter, Line, WatchRow, follows, group_name};
use crate::tui::app::{JobKind, Pane, State};
use crate::tui::text::{clip, p_short, put, visible, width};
use crate::tui::theme::Styles;
use crate::tui::widgets::first_row;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

pub fn draw(buf: &mut Buffer, area: Rect, state: &State, styles: &Styles) {
    let watch = &state.watch;
    let (moved, of) = watch.moved();
    let mut about = vec![];
    if of > 0 {
        let style = if moved == 0 {
            styles.good()
        } else {
            styles.bad()
        };
        about.push((format!("{moved} moved of {of}").into(), style));
    }
    let right = match watch.filter {
        Filter::All => vec![],
        Filter::Moved => vec![("only what moved".into(), styles.dim())],
        Filter::Group(group) => vec![(format!("only {}", group_name(group)).into(), styles.dim())],
    };
    let inner = frame(Pane::Neighbours, state, styles, about, right).draw(buf, area);
    if watch.rows.is_empty() {
        let running = state.jobs.of_kind(JobKind::Edit).next().is_some();
        let words: &[(&str, bool)] = if running {
            &[("probed before and after, once the edit is there …", false)]
        } else {
            &[
                ("What else moves?", true),
                (
                    "Prompts that should not change, before and after the edit. `w` probes them \
                     now.",
                    false,
                ),
            ]
        };
        return empty(buf, inner, words, styles);
    }
    let lines = watch.lines();
    let cursor = cursor_line(&lines, watch.cursor);
    let focused = state.focus == Pane::Neighbours;
    let first = if focused {
        first_row(cursor, lines.len(), inner.height.into())
    } else {
        0
    };
    let columns = Columns::fit(inner.width, &watch.rows.values().collect::<Vec<_>>());
    let shown = lines.iter().enumerate().skip(first);
    for ((nth, line), y) in shown.zip(inner.y..inner.bottom()) {
        let place = Rect {
            y,
            height: 1,
            ..inner
        };
        match line {
            Line::Heading { group, moved, of } => heading(buf, place, *group, *moved, *of, styles),
            Line::Row(row) => {
                columns.draw(buf, place, row, styles);
                if focused && nth == cursor {
                    buf.set_style(place, styles.selected(true));
                }
            }
        }
    }
}

/// The line of the `cursor`-th row.
fn cursor_line(lines: &[Line], cursor: usize) -> usize {
    let rows = lines.iter().enumerate();
    let mut rows = rows.filter(|(_, line)| matches!(line, Line::Row(_)));
    rows.nth(cursor).map_or(0, |(at, _)| at)
}

fn heading(
    buf: &mut Buffer,
    place: Rect,
    group: ProbeGroup,
    moved: usize,
    of: usize,
    styles: &Styles,
) {
    let end = place.right();
    let x = put(buf, place.x, place.y, end, group_name(group), styles.dim());
    let words = if follows(group) {
        format!("  {moved} of {of} follow")
    } else {
        format!("  {moved} of {of} moved")
    };
    let x = put(buf, x, place.y, end, &words, styles.faint());
    for x in x + 1..end {
        put(buf, x, place.y, end, "╌", styles.faint());
    }
}

/// The columns of the list: prompt, answer, p before → after, new answer.
struct Columns {
    prompt: u16,
    answer: u16,
    now: u16,
}

/// Columns of the mark on the left and of `.94→.31` with its air.
const MARK: u16 = 2;
const NUMBERS: u16 = 9;

impl Columns {
    fn fit(wide: u16, rows: &[&WatchRow]) -> Columns {
        let widest = |text: &dyn Fn(&WatchRow) -> usize, most: usize| {
            let widths = rows.iter().map(|w| text(w));
            widths.max().unwrap_or(0).min(most).min(1000) as u16
        };
        let answer = widest(&|w| width(&visible(w.row.expected.trim())), 14);
        // A narrow list shows the new answer in the old one's place.
        let now = if wide >= 56 {
            widest(&|w| width(&visible(w.row.top_after.trim())), 12) + 1
        } else {
            0
        };
        let answer = answer.min(wide / 4);
        // On a wide screen the answer stays near its prompt.
        let prompt = widest(&|w| width(&visible(&w.row.prompt)) + 3, usize::MAX);
        Columns {
            prompt: prompt.min(wide.saturating_sub(MARK + answer + 1 + NUMBERS + now)),
            answer,
            now,
        }
    }

    fn draw(&self, buf: &mut Buffer, place: Rect, watched: &WatchRow, styles: &Styles) {
        let row = &watched.row;
        let y = place.y;
        let moved = watched.after && row.moved;
        let (mark, mark_style) = match (watched.after, row.moved, follows(row.group)) {
            (false, _, _) => ("·", styles.faint()),
            (_, true, true) => ("✓", styles.good()),
            (_, false, true) => ("–", styles.doubt()),
            (_, true, false) => ("✗", styles.bad_strong()),
            (_, false, false) => ("✓", styles.good()),
        };
        put(buf, place.x, y, place.right(), mark, mark_style);
        let x = place.x + MARK;
        let end = x + self.prompt;
        let shown = clip(
            &visible(&row.prompt),
            usize::from(self.prompt).saturating_sub(1),
        )
        .into_owned();
        let text = if moved { styles.text() } else { styles.dim() };
        put(buf, x, y, end, &shown, text);
        let changed = watched.after && row.top_after.trim() != row.top_before.trim();
        let (answer, style) = if self.now == 0 && changed {
            (row.top_after.trim(), styles.new_answer())
        } else {
            (row.expected.trim(), styles.old())
        };
        let shown = clip(&visible(answer), self.answer.into()).into_owned();
        put(buf, end, y, end + self.answer, &shown, style);
        let x = end + self.answer + 1;
        let end = x + NUMBERS;
        let x = put(buf, x, y, end, &p_short(row.p_before), styles.dim());
        if watched.after {
            let x = put(buf, x, y, end, "→", styles.faint());
            let style = if moved { styles.strong() } else { styles.dim() };
            put(buf, x, y, end, &p_short(row.p_after), style);
        }
        if self.now > 0 && changed {
            let shown =
                clip(&visible(row.top_after.trim()), usize::from(self.now) - 1).into_owned();
            put(buf, end, y, place.right(), &shown, styles.new_answer());
        }
    }
}
