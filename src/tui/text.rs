//! Text from models, files and users, made fit to show: nothing here ever lets
//! a control character through, and widths are those of the terminal.

use ratatui::buffer::Buffer;
use ratatui::style::{Color, Modifier, Style};
use std::borrow::Cow;
use unicode_segmentation::UnicodeSegmentation;
use unicode_width::UnicodeWidthStr;

/// `text` with everything that could move the cursor, reorder the line or hide
/// written as an escape (`\n`, `\x1B`, `\u{202E}`). Emoji, their joiners and
/// combining marks stay as they are.
pub fn visible(text: &str) -> Cow<'_, str> {
    let lone_mark = text.graphemes(true).next().is_some_and(|first| {
        first.width() == 0 && first.chars().next().is_some_and(|c| !must_escape(c))
    });
    if !lone_mark && !text.chars().any(must_escape) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 8);
    if lone_mark {
        // A mark that starts a token has nothing to sit on.
        shown.push('◌');
    }
    for c in text.chars() {
        match c {
            '\n' => shown.push_str("\\n"),
            '\t' => shown.push_str("\\t"),
            '\r' => shown.push_str("\\r"),
            c if must_escape(c) && (c as u32) < 0x100 => {
                shown.push_str(&format!("\\x{:02X}", c as u32));
            }
            c if must_escape(c) => shown.push_str(&format!("\\u{{{:X}}}", c as u32)),
            c => shown.push(c),
        }
    }
    Cow::Owned(shown)
}

fn must_escape(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{00AD}' | '\u{061C}' | '\u{180E}' | '\u{200B}' | '\u{200C}' | '\u{200E}' | '\u{200F}'
            | '\u{2028}'..='\u{202E}' | '\u{2060}'..='\u{206F}' | '\u{FEFF}' | '\u{FFF9}'..='\u{FFFB}'
            | '\u{E0000}'..='\u{E0FFF}')
}

/// Columns that `text` takes.
pub fn width(text: &str) -> usize {
    text.width()
}

/// The start of `text`, at most `max` columns, with `…` where something is cut.
pub fn clip(text: &str, max: usize) -> Cow<'_, str> {
    if width(text) <= max {
        return Cow::Borrowed(text);
    }
    let mut kept = take_columns(text.graphemes(true), max.saturating_sub(1)).concat();
    if max > 0 {
        kept.push('…');
    }
    Cow::Owned(kept)
}

/// The end of `text`, at most `max` columns, with `…` where something is cut.
pub fn clip_start(text: &str, max: usize) -> Cow<'_, str> {
    if width(text) <= max {
        return Cow::Borrowed(text);
    }
    let mut tail = take_columns(text.graphemes(true).rev(), max.saturating_sub(1));
    tail.reverse();
    let ellipsis = if max > 0 { "…" } else { "" };
    Cow::Owned(format!("{ellipsis}{}", tail.concat()))
}

fn take_columns<'a>(graphemes: impl Iterator<Item = &'a str>, max: usize) -> Vec<&'a str> {
    let mut used = 0;
    graphemes
        .take_while(|g| {
            used += g.width();
            used <= max
        })
        .collect()
}

/// Writes `text` at (`x`, `y`), made visible and cut at column `end`; returns
/// the column after it. Of what was there only the background stays. Outside
/// the buffer nothing happens.
pub fn put(buf: &mut Buffer, x: u16, y: u16, end: u16, text: &str, style: Style) -> u16 {
    let area = buf.area;
    let end = end.min(area.right());
    if x >= end || x < area.x || y < area.y || y >= area.bottom() {
        return x;
    }
    let style = Style {
        fg: style.fg.or(Some(Color::Reset)),
        sub_modifier: Modifier::all().difference(style.add_modifier),
        ..style
    };
    buf.set_stringn(x, y, visible(text), usize::from(end - x), style)
        .0
}

/// As [`put`], ending at column `end`; what does not fit is cut at its start.
pub fn put_right(buf: &mut Buffer, start: u16, y: u16, end: u16, text: &str, style: Style) {
    let text = visible(text);
    let room = usize::from(end.saturating_sub(start));
    let text = clip_start(&text, room);
    let x = end.saturating_sub(width(&text) as u16);
    put(buf, x, y, end, &text, style);
}

/// Pieces of styled text broken into lines of at most `max` columns: at a space
/// where the line has one, else where it is full. Pieces are made visible; a
/// newline breaks the line.
pub fn wrap<'a, S: Copy + PartialEq>(
    pieces: impl IntoIterator<Item = (&'a str, S)>,
    max: usize,
) -> Vec<Vec<(String, S)>> {
    let max = max.max(1);
    let mut lines = Vec::new();
    let mut line: Vec<(String, S)> = Vec::new();
    for (text, style) in pieces {
        for (nth, part) in text.split('\n').enumerate() {
            if nth > 0 {
                lines.push(join(std::mem::take(&mut line)));
            }
            for g in visible(part).graphemes(true) {
                line.push((g.to_string(), style));
                if line.iter().map(|(g, _)| g.width()).sum::<usize>() <= max {
                    continue;
                }
                let space = line.iter().rposition(|(g, _)| g == " ");
                let rest = match space {
                    Some(at) => line.split_off(at + 1),
                    None => line.split_off((line.len() - 1).max(1)),
                };
                lines.push(join(std::mem::replace(&mut line, rest)));
            }
        }
    }
    lines.push(join(line));
    lines
}

/// Neighbouring pieces of one style put together, without the last space.
fn join<S: Copy + PartialEq>(graphemes: Vec<(String, S)>) -> Vec<(String, S)> {
    let mut line: Vec<(String, S)> = Vec::new();
    for (g, style) in graphemes {
        match line.last_mut() {
            Some((text, same)) if *same == style => text.push_str(&g),
            _ => line.push((g, style)),
        }
    }
    if let Some((text, _)) = line.last_mut() {
        text.truncate(text.trim_end_matches(' ').len());
    }
    line
}

/// Plain text wrapped to `max` columns.
pub fn wrap_plain(text: &str, max: usize) -> Vec<String> {
    wrap([(text, ())], max)
        .into_iter()
        .map(|line| line.into_iter().map(|(piece, ())| piece).collect())
        .collect()
}

/// A probability as people read it beside others: `0.94`, `1.00`, `<.01`.
pub fn p(value: f64) -> String {
    if value > 0.0 && value < 0.005 {
        "<.01".into()
    } else {
        format!("{value:.2}")
    }
}

/// A probability in three columns: `.94`, `1.0`, `.00`.
pub fn p_short(value: f64) -> String {
    if !value.is_finite() {
        "  –".into()
    } else if value >= 0.995 {
        "1.0".into()
    } else {
        format!("{value:.2}").trim_start_matches('0').to_string()
    }
}

/// Seconds as people say them: `0.4 s`, `12 s`, `3 min`.
pub fn seconds(s: f64) -> String {
    match s {
        s if !s.is_finite() => "–".into(),
        s if s < 9.95 => format!("{s:.1} s"),
        s if s < 100.0 => format!("{s:.0} s"),
        s if s < 5400.0 => format!("{:.0} min", s / 60.0),
        s => format!("{:.1} h", s / 3600.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ratatui::layout::Rect;

    #[test]
    fn escapes_are_shown_and_emoji_kept() {
        assert_eq!(visible("a\x1b[31mb\n"), "a\\x1B[31mb\\n");
        assert_eq!(visible("\u{202E}evil"), "\\u{202E}evil");
        assert_eq!(visible("👩‍🚀 café e\u{301}"), "👩‍🚀 café e\u{301}");
        assert_eq!(visible("\u{301}x"), "◌\u{301}x");
    }

    #[test]
    fn clipping_counts_columns_not_characters() {
        assert_eq!(clip("日本語", 5), "日本…");
        assert_eq!(clip("日本語", 4), "日…");
        assert_eq!(clip_start("Space Needle", 7), "…Needle");
        assert_eq!(clip("ab", 0), "");
    }

    #[test]
    fn wrapping_never_exceeds_the_width() {
        for max in 1..20 {
            for line in wrap_plain(
                "The Space Needle is 日本語 in averyverylongwordindeed\nnext",
                max,
            ) {
                assert!(width(&line) <= max.max(2), "{line:?} is wider than {max}");
            }
        }
        assert_eq!(wrap_plain("one two three", 8), ["one two", "three"]);
    }

    #[test]
    fn writing_outside_the_buffer_does_nothing() {
        let mut buf = Buffer::empty(Rect::new(2, 2, 4, 1));
        put(&mut buf, 0, 0, 9, "abc", Style::new());
        put(&mut buf, 5, 2, 99, "日", Style::new());
        put(&mut buf, 4, 2, 99, "xyz", Style::new());
        assert_eq!(buf, Buffer::with_lines(["  xy"]).moved_to(2, 2));
    }

    trait Moved {
        fn moved_to(self, x: u16, y: u16) -> Self;
    }

    impl Moved for Buffer {
        fn moved_to(mut self, x: u16, y: u16) -> Self {
            self.area.x = x;
            self.area.y = y;
            self
        }
    }
}
