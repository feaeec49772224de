//! A screen as a picture or as text: what a talk, a paper or a report needs.

use ratatui::buffer::{Buffer, Cell};
use ratatui::style::{Color, Modifier};
use std::fmt::Write;
use unicode_width::UnicodeWidthStr;

/// Pixels of a cell, and where letters stand in it.
const CELL: (f64, f64) = (8.0, 16.0);
const BASELINE: f64 = 12.5;
const MARGIN: f64 = 12.0;

/// What the terminal's own colours are taken for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Paper {
    pub ink: &'static str,
    pub ground: &'static str,
}

pub const DARK: Paper = Paper {
    ink: "#dcdae2",
    ground: "#18161e",
};
pub const LIGHT: Paper = Paper {
    ink: "#26242c",
    ground: "#fffdf8",
};

/// The screen's letters, a line each.
pub fn text(buf: &Buffer) -> String {
    let mut text = String::new();
    for row in rows(buf) {
        let line: String = row.iter().map(|(_, cell)| cell.symbol()).collect();
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

/// The screen as SVG: one group of letters for each run of one style, each as
/// wide as its cells whatever the font.
pub fn svg(buf: &Buffer, paper: Paper) -> String {
    let area = buf.area;
    let (width, height) = (
        f64::from(area.width) * CELL.0 + 2.0 * MARGIN,
        f64::from(area.height) * CELL.1 + 2.0 * MARGIN,
    );
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" \
         viewBox=\"0 0 {width} {height}\" font-size=\"13.3\" \
         font-family=\"ui-monospace, 'DejaVu Sans Mono', Menlo, Consolas, monospace\">\n\
         <rect width=\"100%\" height=\"100%\" rx=\"8\" fill=\"{}\"/>\n",
        paper.ground
    );
    for (y, row) in rows(buf).enumerate() {
        let top = MARGIN + y as f64 * CELL.1;
        for run in row.chunk_by(|(_, a), (_, b)| look(a) == look(b)) {
            draw_run(&mut svg, run, top, paper);
        }
    }
    svg.push_str("</svg>\n");
    svg
}

/// The cells of each row with their columns, without those that a wide letter
/// before them covers.
fn rows(buf: &Buffer) -> impl Iterator<Item = Vec<(usize, &Cell)>> {
    let width = usize::from(buf.area.width.max(1));
    buf.content().chunks(width).map(|row| {
        let mut covered = 0;
        let cells = row.iter().enumerate().filter(|(x, cell)| {
            if *x < covered {
                return false;
            }
            covered = x + cell.symbol().width().max(1);
            true
        });
        cells.collect()
    })
}

/// Ink, ground and modifiers; with the first two changed about where reversed.
fn look(cell: &Cell) -> (Color, Color, Modifier) {
    (cell.fg, cell.bg, cell.modifier)
}

fn draw_run(svg: &mut String, run: &[(usize, &Cell)], top: f64, paper: Paper) {
    let (Some((first, cell)), Some((last, end))) = (run.first(), run.last()) else {
        return;
    };
    let columns = last + end.symbol().width().max(1) - first;
    let (x, wide) = (MARGIN + *first as f64 * CELL.0, columns as f64 * CELL.0);
    let reversed = cell.modifier.contains(Modifier::REVERSED);
    let (ink, ground) = (hex(cell.fg), hex(cell.bg));
    let (ink, ground) = match reversed {
        false => (ink.unwrap_or_else(|| paper.ink.into()), ground),
        true => (
            ground.unwrap_or_else(|| paper.ground.into()),
            Some(ink.unwrap_or_else(|| paper.ink.into())),
        ),
    };
    // Writing to a string does not fail.
    if let Some(ground) = ground {
        let _ = writeln!(
            svg,
            "<rect x=\"{x:.1}\" y=\"{top:.1}\" width=\"{wide:.1}\" height=\"{:.1}\" fill=\"{ground}\"/>",
            CELL.1
        );
    }
    let letters: String = run.iter().map(|(_, cell)| cell.symbol()).collect();
    if letters.trim().is_empty() {
        return;
    }
    let mut style = String::new();
    for (modifier, words) in [
        (Modifier::BOLD, " font-weight=\"bold\""),
        (Modifier::ITALIC, " font-style=\"italic\""),
        (Modifier::DIM, " opacity=\"0.6\""),
        (Modifier::UNDERLINED, " text-decoration=\"underline\""),
        (Modifier::CROSSED_OUT, " text-decoration=\"line-through\""),
    ] {
        if cell.modifier.contains(modifier) {
            style.push_str(words);
        }
    }
    let _ = writeln!(
        svg,
        "<text x=\"{x:.1}\" y=\"{:.1}\" textLength=\"{wide:.1}\" lengthAdjust=\"spacingAndGlyphs\" \
         xml:space=\"preserve\" fill=\"{ink}\"{style}>{}</text>",
        top + BASELINE,
        crate::picture::escaped(&letters)
    );
}

/// A colour as SVG has it; `None` is the terminal's own.
fn hex(color: Color) -> Option<String> {
    const SIXTEEN: [&str; 16] = [
        "#1c1a22", "#c4463d", "#5f9e68", "#b98a2f", "#4f7fc0", "#8f6fd8", "#3f9aa0", "#c9c6d0",
        "#6c6a74", "#e66860", "#70be80", "#d9a441", "#7aa2db", "#a78bfa", "#6cc5ca", "#f2f0f6",
    ];
    let named = |at: usize| Some(SIXTEEN[at].to_owned());
    match color {
        Color::Reset => None,
        Color::Rgb(r, g, b) => Some(format!("#{r:02x}{g:02x}{b:02x}")),
        Color::Indexed(at @ 0..=15) => named(at.into()),
        Color::Indexed(at @ 16..=231) => {
            let step = |n: u8| if n == 0 { 0 } else { 55 + 40 * n };
            let n = at - 16;
            let (r, g, b) = (step(n / 36), step(n / 6 % 6), step(n % 6));
            Some(format!("#{r:02x}{g:02x}{b:02x}"))
        }
        Color::Indexed(at) => {
            let grey = 8 + 10 * (at - 232);
            Some(format!("#{grey:02x}{grey:02x}{grey:02x}"))
        }
        Color::Black => named(0),
        Color::Red => named(1),
        Color::Green => named(2),
        Color::Yellow => named(3),
        Color::Blue => named(4),
        Color::Magenta => named(5),
        Color::Cyan => named(6),
        Color::Gray => named(7),
        Color::DarkGray => named(8),
        Color::LightRed => named(9),
        Color::LightGreen => named(10),
        Color::LightYellow => named(11),
        Color::LightBlue => named(12),
        Color::LightMagenta => named(13),
        Color::LightCyan => named(14),
        Color::White => named(15),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ratatui::layout::Rect;
    use ratatui::style::Style;

    #[test]
    fn a_screen_is_drawn_cell_by_cell() {
        let mut buf = Buffer::empty(Rect::new(0, 0, 12, 2));
        buf.set_string(0, 0, "a <b> & 東京", Style::new());
        let strong = Style::new().fg(Color::Rgb(1, 2, 3)).bg(Color::Indexed(16));
        buf.set_string(2, 1, "x", strong.add_modifier(Modifier::BOLD));
        buf.set_string(4, 1, "y", Style::new().add_modifier(Modifier::REVERSED));
        assert_eq!(text(&buf), "a <b> & 東京\n  x y\n");
        let svg = svg(&buf, DARK);
        assert!(svg.contains(">a &lt;b&gt; &amp; 東京</text>"), "{svg}");
        // Two wide letters and eight narrow ones fill twelve cells.
        assert!(
            svg.contains("x=\"12.0\" y=\"24.5\" textLength=\"96.0\""),
            "{svg}"
        );
        assert!(
            svg.contains("fill=\"#010203\" font-weight=\"bold\">x</text>"),
            "{svg}"
        );
        assert!(
            svg.contains("x=\"28.0\" y=\"28.0\" width=\"8.0\" height=\"16.0\" fill=\"#000000\"")
        );
        let (ink, ground) = (DARK.ground, DARK.ink);
        assert!(svg.contains(&format!("height=\"16.0\" fill=\"{ground}\"/>")));
        assert!(svg.contains(&format!("fill=\"{ink}\">y</text>")), "{svg}");
    }
}
