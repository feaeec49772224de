//! Whole screens, characters and styles.

use crate::script::{Bench, text};
use pentimento::tui::app::Msg;
use pentimento::tui::store::SessionEntry;
use pentimento::tui::theme::Depth;
use ratatui::buffer::{Buffer, Cell};
use std::fmt::Write;

/// A screen's characters, then its styles: a letter for each, and what they are.
pub fn styled(buf: &Buffer) -> String {
    let mut known: Vec<String> = Vec::new();
    let mut map = String::new();
    let letters: Vec<char> = ('A'..='Z').chain('a'..='z').chain('0'..='9').collect();
    for row in buf.content().chunks(buf.area.width.into()) {
        let line: String = row
            .iter()
            .map(|cell| letter(cell, &mut known, &letters))
            .collect();
        let _ = writeln!(map, "{}", line.trim_end());
    }
    for (letter, style) in letters.iter().zip(known) {
        let _ = writeln!(map, "{letter} {style}");
    }
    format!("{}\n{map}", text(buf))
}

fn letter(cell: &Cell, known: &mut Vec<String>, letters: &[char]) -> char {
    let style = format!("{:?} on {:?} {:?}", cell.fg, cell.bg, cell.modifier);
    if style == "Reset on Reset NONE" {
        return ' ';
    }
    let at = known.iter().position(|k| *k == style).unwrap_or_else(|| {
        known.push(style);
        known.len() - 1
    });
    letters.get(at).copied().unwrap_or('?')
}

#[test]
fn first_screen() {
    let bench = Bench::open(120, 40);
    insta::assert_snapshot!("first", styled(&bench.draw(Depth::True)));
}

#[test]
fn first_screen_at_other_sizes() {
    insta::assert_snapshot!("first_80x24", Bench::open(80, 24).text());
    insta::assert_snapshot!("first_60x20", Bench::open(60, 20).text());
    insta::assert_snapshot!("first_200x60", Bench::open(200, 60).text());
}

#[test]
fn while_the_model_opens() {
    let mut bench = Bench::closed(120, 40);
    bench.run(1);
    insta::assert_snapshot!("opening", bench.text());
}

#[test]
fn a_trace_half_way() {
    let mut bench = Bench::open(120, 40);
    bench.keys("t");
    bench.run(130);
    insta::assert_snapshot!("tracing", styled(&bench.draw(Depth::True)));
    insta::assert_snapshot!("tracing_without_colour", bench.text());
}

#[test]
fn a_trace_transposed_and_alone() {
    let mut bench = Bench::open(120, 40);
    bench.play("tvvxlk");
    insta::assert_snapshot!("transposed", bench.text());
}

#[test]
fn an_edit_half_way() {
    let mut bench = Bench::open(120, 40);
    bench.keys("e");
    bench.run(13);
    insta::assert_snapshot!("editing", bench.text());
}

#[test]
fn after_an_edit() {
    let mut bench = Bench::open(120, 40);
    bench.play("te");
    bench.send(Msg::Tick(std::time::Duration::from_secs(60)));
    for (name, depth) in [
        ("edited", Depth::True),
        ("edited_256", Depth::Indexed),
        ("edited_16", Depth::Sixteen),
        ("edited_without_colour", Depth::None),
    ] {
        insta::assert_snapshot!(name, styled(&bench.draw(depth)));
    }
    for (width, height) in [(60, 20), (80, 24), (200, 60)] {
        bench.send(Msg::Resize(width, height));
        insta::assert_snapshot!(format!("edited_{width}x{height}"), bench.text());
    }
}

#[test]
fn two_edits_and_the_first_off() {
    let mut bench = Bench::open(120, 40);
    bench.play("ene3k [[");
    insta::assert_snapshot!("stack", bench.text());
}

#[test]
fn the_stack_on_a_screen_of_its_own() {
    let mut bench = Bench::open(120, 40);
    bench.play("S");
    insta::assert_snapshot!("stack_empty", bench.text());
    bench.play("e");
    bench.play("ne");
    insta::assert_snapshot!("faded", bench.text());
    bench.play("<esc>neS");
    bench.send(Msg::Tick(std::time::Duration::from_secs(60)));
    insta::assert_snapshot!("stack_screen", styled(&bench.draw(Depth::True)));
    insta::assert_snapshot!("stack_screen_without_colour", bench.text());
    for (width, height) in [(60, 20), (80, 24), (200, 60)] {
        bench.send(Msg::Resize(width, height));
        insta::assert_snapshot!(format!("stack_screen_{width}x{height}"), bench.text());
    }
    bench.send(Msg::Resize(80, 24));
    bench.play("k sl");
    insta::assert_snapshot!("stack_solo_80x24", bench.text());
}

#[test]
fn hundreds_of_edits_scroll() {
    let mut bench = Bench::open(80, 24);
    bench.play("eS");
    for _ in 0..200 {
        bench.play("D");
    }
    bench.send(Msg::Tick(std::time::Duration::from_secs(60)));
    insta::assert_snapshot!("stack_of_hundreds", bench.text());
    bench.play("g");
    assert!(bench.text().contains("●   1 "), "{}", bench.text());
}

#[test]
fn zoomed_panes() {
    let mut bench = Bench::open(120, 40);
    bench.play("te4z");
    insta::assert_snapshot!("zoomed_neighbours", bench.text());
    bench.play("1");
    insta::assert_snapshot!("zoomed_fact", bench.text());
}

#[test]
fn typing() {
    let mut bench = Bench::open(120, 40);
    bench.play("i<c-u>Ba{n");
    insta::assert_snapshot!("typing", bench.text());
}

#[test]
fn what_lies_over_the_panes() {
    let mut bench = Bench::open(120, 40);
    bench.play("te?");
    insta::assert_snapshot!("help", bench.text());
    bench.play("<esc>:trans");
    insta::assert_snapshot!("palette", bench.text());
    bench.play("<esc>q");
    insta::assert_snapshot!("quit", bench.text());
    bench.sessions = vec![
        SessionEntry {
            path: "/s/autosave/unsaved-1.toml".into(),
            name: "left behind · unsaved-1".into(),
            about: "Tacos → Japan".into(),
            when: "2026-11-20 18:02".into(),
            refused: None,
            left_behind: true,
        },
        SessionEntry {
            path: "/s/harvard.toml".into(),
            name: "harvard".into(),
            about: String::new(),
            when: "2026-11-19 09:30".into(),
            refused: Some("for other weights: gpt2-medium".into()),
            left_behind: false,
        },
    ];
    bench.play("<esc>o");
    insta::assert_snapshot!("sessions", bench.text());
}

#[test]
fn help_fits_a_small_screen() {
    let mut bench = Bench::open(80, 24);
    bench.play("?");
    insta::assert_snapshot!("help_80x24", bench.text());
}

#[test]
fn a_dead_engine_is_shown() {
    let mut bench = Bench::open(80, 24);
    bench.play("e");
    bench.send(Msg::EngineGone("Its thread has ended.".into()));
    insta::assert_snapshot!("dead", bench.text());
}

#[test]
fn too_small() {
    for (width, height) in [(59, 24), (40, 10), (20, 5), (5, 2), (1, 1)] {
        insta::assert_snapshot!(
            format!("small_{width}x{height}"),
            Bench::open(width, height).text()
        );
    }
}

#[test]
fn text_from_outside_never_moves_the_cursor() {
    let mut bench = Bench::open(120, 40);
    bench.send(Msg::Paste("\x1b[2J\u{202E}{🗼 é👩‍🚀} \u{301}is".into()));
    bench.settle();
    bench.play("<esc>a<backspace><backspace><backspace><backspace><backspace>日本<esc>te");
    let screen = bench.text();
    assert!(!screen.chars().any(|c| c.is_control() && c != '\n'));
    assert!(!screen.contains('\u{202E}'));
    insta::assert_snapshot!("hostile", screen);
}
