//! The keys, listed from the key map itself.

use super::centred;
use crate::tui::keymap::{Binding, Command, Group, KeyMap, Place, Press, TOGETHER};
use crate::tui::text::{put, width};
use crate::tui::theme::Styles;
use crate::tui::widgets::panel::{Panel, clear};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

/// A line of the help: a heading, or keys with what they do.
enum Line {
    Heading(&'static str),
    Keys(String, String),
    Blank,
}

fn lines(group: Group, map: &KeyMap) -> Vec<Line> {
    let mut lines = vec![Line::Heading(group.name())];
    for (binding, keys) in map.lines() {
        if binding.group != group || keys.is_empty() {
            continue;
        }
        // What one key does in several panes is told once.
        let first = alike(binding.command, keys, map).next();
        if first.is_some_and(|first| !std::ptr::eq(first, binding)) {
            continue;
        }
        let together = TOGETHER
            .iter()
            .find(|(all, _)| all.contains(&binding.command));
        lines.push(match together {
            Some((all, words)) if all[0] == binding.command => {
                let keys: Vec<String> = all.iter().map(|c| map.key_name(*c)).collect();
                Line::Keys(keys.join(" "), words.to_string())
            }
            Some(_) => continue,
            None => Line::Keys(names(keys), words(binding, keys, map)),
        });
    }
    lines.push(Line::Blank);
    lines
}

fn names(keys: &[Press]) -> String {
    let keys: Vec<String> = keys.iter().map(ToString::to_string).collect();
    keys.join(" ")
}

fn words(binding: &Binding, keys: &[Press], map: &KeyMap) -> String {
    match binding.place {
        Place::Anywhere => binding.long.to_string(),
        Place::In(_) => {
            let panes = alike(binding.command, keys, map).filter_map(|b| match b.place {
                Place::In(pane) => Some(pane.name()),
                Place::Anywhere => None,
            });
            let panes: Vec<&str> = panes.collect();
            format!("{}: {}", panes.join(", "), binding.long)
        }
    }
}

/// The lines of the key map that bind one command to the same keys.
fn alike<'a>(
    command: Command,
    keys: &'a [Press],
    map: &'a KeyMap,
) -> impl Iterator<Item = &'static Binding> + 'a {
    let same = move |(line, own): &(&Binding, &[Press])| (line.command, *own) == (command, keys);
    map.lines().filter(same).map(|(line, _)| line)
}

pub fn draw(buf: &mut Buffer, scroll: usize, map: &KeyMap, styles: &Styles) {
    let lines = |group| lines(group, map);
    let columns: Vec<Vec<Line>> = if buf.area.width >= 118 {
        let mut left = lines(Group::Act);
        left.extend(lines(Group::Stack));
        let mut right = lines(Group::Fact);
        right.extend(lines(Group::Look));
        right.extend(lines(Group::Session));
        vec![left, right]
    } else {
        vec![Group::ALL.into_iter().flat_map(lines).collect()]
    };
    let wide = if columns.len() == 2 { 116 } else { 64 };
    let high = columns.iter().map(Vec::len).max().unwrap_or(0) + 1;
    let room = Rect {
        height: buf.area.height.saturating_sub(2),
        ..buf.area
    };
    let area = centred(room, wide, high as u16);
    clear(buf, area);
    let panel = Panel {
        border: styles.border(true),
        title: vec![("Keys".into(), styles.title(true))],
        right: vec![(
            map.tell("‹down› ‹up› scroll · any other key closes").into(),
            styles.dim(),
        )],
    };
    let inner = panel.draw(buf, area);
    let each = inner.width / columns.len() as u16;
    for (nth, lines) in columns.iter().enumerate() {
        let most = lines.len().saturating_sub(inner.height.into());
        let x = inner.x + nth as u16 * each;
        let end = (x + each).saturating_sub(1).min(inner.right());
        let shown = lines.iter().skip(scroll.min(most));
        for (line, y) in shown.zip(inner.y..inner.bottom()) {
            match line {
                Line::Blank => {}
                Line::Heading(name) => {
                    put(buf, x, y, end, name, styles.strong());
                }
                Line::Keys(keys, words) => {
                    put(buf, x + 1, y, end, keys, styles.key());
                    let at = x + 12.max(width(keys) as u16 + 3);
                    put(buf, at, y, end, words, styles.text());
                }
            }
        }
    }
}
