//! The prompts behind a view.

use crate::measure::views::{Evidence, Row, ViewScore, Wish};
use crate::tui::text::{clip, p, put, visible};
use crate::tui::theme::Styles;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

/// A line: pieces with the column that each begins in.
type Line = Vec<(u16, String, Style)>;

pub fn draw(buf: &mut Buffer, area: Rect, scored: &ViewScore, first: usize, styles: &Styles) {
    let heading = format!("{}: {}", scored.view.name(), scored.why);
    put(buf, area.x, area.y, area.right(), &heading, styles.strong());
    if area.height < 3 {
        return;
    }
    let columns = Columns::fit(area);
    let evidence = scored.evidence.iter().skip(first);
    let lines = evidence.flat_map(|one| lines(one, &columns, styles));
    for (line, y) in lines.zip(area.y + 2..area.bottom()) {
        for (n, (x, text, style)) in line.iter().enumerate() {
            // A piece ends before the next one begins.
            let end = line.get(n + 1).map_or(area.right(), |next| next.0 - 1);
            let text = visible(text);
            put(
                buf,
                *x,
                y,
                end,
                &clip(&text, end.saturating_sub(*x).into()),
                *style,
            );
        }
    }
}

struct Columns {
    sign: u16,
    prompt: u16,
    answer: u16,
    p: u16,
    rival: u16,
}

impl Columns {
    fn fit(area: Rect) -> Columns {
        let wide = area.width >= 100;
        let (answer, p, rival) = if wide { (16, 14, 30) } else { (12, 13, 14) };
        let rival = area.right().saturating_sub(rival).max(area.x + 4);
        let p = rival.saturating_sub(p).max(area.x + 3);
        Columns {
            sign: area.x,
            prompt: area.x + 2,
            answer: p.saturating_sub(answer).max(area.x + 2),
            p,
            rival,
        }
    }
}

fn moved(before: f64, after: f64) -> String {
    format!("{} → {}", p(before), p(after))
}

fn lines(evidence: &Evidence, c: &Columns, styles: &Styles) -> Vec<Line> {
    let (sign, style) = match evidence.holds() {
        Some(true) => ("✓", styles.good()),
        Some(false) => ("✗", styles.bad()),
        None => (" ", styles.dim()),
    };
    let mut first: Line = vec![
        (c.sign, sign.into(), style),
        (c.prompt, evidence.prompt().trim().into(), styles.text()),
    ];
    match evidence {
        Evidence::Asked(row) => {
            first.extend(asked(row, c, styles));
            vec![first]
        }
        Evidence::Written {
            before,
            after,
            entropy_before,
            entropy_after,
            ..
        } => {
            let told = |word: &str, text: &str, entropy: f64, style| -> Line {
                let text = format!("{word}  {}  ({entropy:.1} bits)", text.trim());
                vec![(c.prompt + 2, text, style)]
            };
            vec![
                first,
                told("before", before, *entropy_before, styles.old()),
                told("after ", after, *entropy_after, styles.new_answer()),
            ]
        }
        Evidence::Beside {
            expected,
            before,
            edited,
            tuned,
            ..
        } => {
            first.extend([
                (c.answer, expected.trim().into(), styles.dim()),
                (c.p, moved(*before, *edited), styles.text()),
                (c.rival, format!("tuned {}", p(*tuned)), styles.dim()),
            ]);
            vec![first]
        }
        Evidence::Made {
            target,
            p_made,
            p_end,
            ..
        } => {
            first.extend([
                (c.answer, target.trim().into(), styles.new_answer()),
                (c.p, moved(*p_made, *p_end), styles.text()),
                (c.rival, String::new(), styles.dim()),
            ]);
            vec![first]
        }
    }
}

fn asked(row: &Row, c: &Columns, styles: &Styles) -> Line {
    let (before, after) = (&row.before, &row.after);
    let wanted = match row.wish {
        Wish::Keep { .. } => styles.dim(),
        _ => styles.new_answer(),
    };
    let rival = match &row.wish {
        Wish::Say { old, .. } => format!("{} {}", old.trim(), moved(before.rival, after.rival)),
        Wish::Reverse { instead, .. } => {
            format!("{}: {}", instead.trim(), moved(before.rival, after.rival))
        }
        Wish::Keep { .. } if before.top != after.top => format!("says {}", after.top.trim()),
        Wish::Keep { .. } => String::new(),
    };
    vec![
        (c.answer, row.wish.wanted().trim().into(), wanted),
        (c.p, moved(before.p, after.p), styles.text()),
        (c.rival, rival, styles.dim()),
    ]
}
