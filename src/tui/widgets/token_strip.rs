//! Tokens in a row: words as they read, with a dot where a word is split, and
//! brackets around a range of them.

use crate::tui::text::{clip, put, visible, width};
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::style::Style;
use std::ops::Range;

/// A piece of the strip: a token, or what stands between tokens.
#[derive(Clone, Debug, PartialEq)]
struct Piece {
    token: Option<usize>,
    text: String,
    /// From the strip's start.
    x: usize,
    width: usize,
}

/// Tokens laid out on one line, perhaps longer than the place to show it.
#[derive(Clone, Debug, PartialEq)]
pub struct Strip {
    pieces: Vec<Piece>,
    /// Columns hidden on the left.
    scroll: usize,
    area: Rect,
    total: usize,
}

/// No single token takes more columns than this.
const WIDEST: usize = 40;

impl Strip {
    /// Lays `tokens` out in `area`, scrolled so that token `focus` is seen.
    pub fn lay(tokens: &[String], range: Option<&Range<usize>>, focus: usize, area: Rect) -> Strip {
        let mut pieces = Vec::with_capacity(tokens.len() * 2);
        let mut x = 0;
        let mut push = |token, text: String| {
            let width = width(&text);
            pieces.push(Piece {
                token,
                text,
                x,
                width,
            });
            x += width;
        };
        for (i, token) in tokens.iter().enumerate() {
            let opens = range.is_some_and(|r| r.start == i);
            let closes = range.is_some_and(|r| r.end == i);
            let spaced = token.starts_with(' ');
            if closes {
                push(None, "]".into());
            }
            match (i, spaced) {
                (0, _) => {}
                (_, true) => push(None, " ".into()),
                (_, false) if opens || closes => {}
                (_, false) => push(None, "·".into()),
            }
            if opens {
                push(None, "[".into());
            }
            let word = token.strip_prefix(' ').unwrap_or(token);
            let shown = match word {
                // A token that is one space, or nothing at all.
                "" => "␣".into(),
                word => clip(&visible(word), WIDEST).into_owned(),
            };
            push(Some(i), shown);
        }
        if range.is_some_and(|r| r.end == tokens.len() && r.start < r.end) {
            push(None, "]".into());
        }
        let total = x;
        let room = usize::from(area.width);
        let focused = pieces.iter().find(|p| p.token == Some(focus));
        let middle = focused.map_or(0, |p| p.x + p.width / 2);
        let scroll = middle
            .saturating_sub(room / 2)
            .min(total.saturating_sub(room));
        Strip {
            pieces,
            scroll,
            area,
            total,
        }
    }

    /// Columns that are drawn.
    pub fn width(&self) -> u16 {
        self.total.min(self.area.width.into()) as u16
    }

    /// Draws the strip; `style` is asked for each token, `between` is the rest.
    pub fn draw(&self, buf: &mut Buffer, style: impl Fn(usize) -> Style, between: Style) {
        let end = self.area.right();
        for piece in &self.pieces {
            // A piece that is cut on the left is left out.
            let Some(x) = piece.x.checked_sub(self.scroll) else {
                continue;
            };
            if x >= usize::from(self.area.width) {
                break;
            }
            let style = piece.token.map_or(between, &style);
            put(
                buf,
                self.area.x + x as u16,
                self.area.y,
                end,
                &piece.text,
                style,
            );
        }
        if self.scroll > 0 {
            put(buf, self.area.x, self.area.y, end, "‹", between);
        }
        if self.total > self.scroll + usize::from(self.area.width) {
            put(buf, end.saturating_sub(1), self.area.y, end, "›", between);
        }
    }

    /// The token at a place of the terminal.
    pub fn at(&self, position: Position) -> Option<usize> {
        if !self.area.contains(position) {
            return None;
        }
        let x = usize::from(position.x - self.area.x) + self.scroll;
        let hit = |p: &&Piece| (p.x..p.x + p.width).contains(&x);
        self.pieces.iter().find(hit)?.token
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(tokens: &[&str], range: Option<Range<usize>>, width: u16) -> String {
        let tokens: Vec<String> = tokens.iter().map(|t| t.to_string()).collect();
        let area = Rect::new(0, 0, width, 1);
        let mut buf = Buffer::empty(area);
        Strip::lay(&tokens, range.as_ref(), 0, area).draw(&mut buf, |_| Style::new(), Style::new());
        let cells = buf.content().iter().map(|c| c.symbol());
        cells.collect::<String>().trim_end().to_string()
    }

    #[test]
    fn words_read_as_words() {
        let tokens = ["The", " Space", " Need", "le", " is", "\n"];
        assert_eq!(shown(&tokens, Some(1..4), 40), "The [Space Need·le] is·\\n");
        assert_eq!(shown(&tokens, Some(3..6), 40), "The Space Need[le is·\\n]");
        assert_eq!(shown(&tokens, None, 9), "The Spac›");
        assert_eq!(shown(&[], None, 9), "");
        assert_eq!(shown(&[" ", ""], Some(0..1), 9), "[␣]␣");
    }

    #[test]
    fn a_click_finds_its_token_when_scrolled_too() {
        let tokens: Vec<String> = (0..500).map(|i| format!(" t{i}")).collect();
        let area = Rect::new(5, 3, 30, 1);
        let strip = Strip::lay(&tokens, None, 250, area);
        let hits: Vec<_> = area.positions().filter_map(|p| strip.at(p)).collect();
        assert!(hits.contains(&250));
        assert!(hits.is_sorted());
    }
}
