//! What moved beside the fact: probes before and after, worst movers first.

use super::{empty, frame};
use crate::measure::ProbeGroup;
use crate::measure::board::Sort;
use crate::tui::app::watch::{Filter, Line, WatchRow, group_name};
use crate::tui::app::{JobKind, Pane, State};
use crate::tui::text::{clip, p_short, put, visible, width};
use crate::tui::theme::Styles;
use crate::tui::widgets::first_row;
use crate::tui::widgets::sparkline::spark_of_shares;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

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
    let words = shown(state);
    let right = match words.is_empty() {
        true => vec![],
        false => vec![(words.into(), styles.dim())],
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
                    "Prompts that should not change, before and after the edit. `‹watch›` probes them \
                     now.",
                    false,
                ),
            ]
        };
        return empty(buf, inner, words, state, styles);
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
    let course = match state.courses_hold() {
        true => styles.accent(),
        false => styles.faint(),
    };
    if lines.is_empty() {
        put(
            buf,
            inner.x,
            inner.y,
            inner.right(),
            "no probe is like that: f, s and / choose others",
            styles.dim(),
        );
    }
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
                columns.draw(buf, place, row, course, styles);
                if focused && nth == cursor {
                    buf.set_style(place, styles.selected(true));
                }
            }
        }
    }
}

/// Which rows are listed, and in which order, where that is not as usual.
fn shown(state: &State) -> String {
    let watch = &state.watch;
    let mut words = Vec::new();
    match watch.filter {
        Filter::All => {}
        Filter::Moved => words.push("only what moved".to_owned()),
        Filter::Group(group) => words.push(format!("only {}", group_name(group))),
    }
    if !watch.find.trim().is_empty() {
        words.push(format!("“{}”", clip(&visible(watch.find.trim()), 20)));
    }
    if watch.sort != Sort::Group {
        words.push(watch.sort.words().to_owned());
    }
    words.join(" · ")
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
    let words = if group.follows() {
        format!("  {moved} of {of} follow")
    } else {
        format!("  {moved} of {of} moved")
    };
    let x = put(buf, x, place.y, end, &words, styles.faint());
    for x in x + 1..end {
        put(buf, x, place.y, end, "╌", styles.faint());
    }
}

/// The columns of the list: prompt, answer, p before → after, and where there is
/// room for them the course over the edits, the new answer and why it is watched.
struct Columns {
    prompt: u16,
    answer: u16,
    course: u16,
    now: u16,
    why: u16,
}

/// Columns of the mark on the left and of `.94→.31` with its air.
const MARK: u16 = 2;
const NUMBERS: u16 = 9;
/// Columns of the list from which courses, and reasons, have room.
const COURSES_FROM: u16 = 72;
const WHY_FROM: u16 = 100;

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
        let course = match widest(&|w| w.course.len(), 16) {
            states if wide >= COURSES_FROM && states > 1 => states + 2,
            _ => 0,
        };
        let why = match wide >= WHY_FROM {
            true => widest(&|w| w.row.why.as_deref().map_or(0, width), 44),
            false => 0,
        };
        // On a wide screen the answer stays near its prompt.
        let prompt = widest(&|w| width(&visible(&w.row.prompt)) + 3, usize::MAX);
        let others = MARK + answer + 1 + NUMBERS + course + now + why;
        Columns {
            prompt: prompt.min(wide.saturating_sub(others)),
            answer,
            course,
            now,
            why,
        }
    }

    /// `course`: how a course is drawn.
    fn draw(
        &self,
        buf: &mut Buffer,
        place: Rect,
        watched: &WatchRow,
        course: Style,
        styles: &Styles,
    ) {
        let row = &watched.row;
        let y = place.y;
        let moved = watched.after && row.moved;
        let (mark, mark_style) = match (watched.after, row.moved, row.group.follows()) {
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
        let x = end;
        if self.course > 0 {
            let drawn = spark_of_shares(&watched.course, usize::from(self.course) - 2);
            put(buf, x, y, x + self.course, &drawn, course);
        }
        let x = x + self.course;
        if self.now > 0 && changed {
            let shown =
                clip(&visible(row.top_after.trim()), usize::from(self.now) - 1).into_owned();
            put(buf, x, y, place.right(), &shown, styles.new_answer());
        }
        if let Some(why) = row.why.as_deref().filter(|_| self.why > 0) {
            let shown = clip(&visible(why), self.why.into()).into_owned();
            put(buf, x + self.now, y, place.right(), &shown, styles.faint());
        }
    }
}
