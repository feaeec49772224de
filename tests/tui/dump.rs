//! Screens to look at:
//! `SIZE=120x40 KEYS=te cargo test --test tui dump -- --ignored --nocapture`.

use crate::script::Bench;
use pentimento::tui::theme::{Depth, Ground};
use ratatui::buffer::Buffer;
use ratatui::style::{Color, Modifier};

#[test]
#[ignore = "prints screens for a person to read"]
fn dump() {
    let var = |name: &str| std::env::var(name).unwrap_or_default();
    let size = var("SIZE");
    let (w, h) = size.split_once('x').unwrap_or(("120", "40"));
    let mut bench = Bench::open(w.parse().unwrap(), h.parse().unwrap());
    bench.play(&var("KEYS"));
    // What follows is typed, but the engine only says so much of its answer.
    bench.keys(&var("THEN"));
    bench.run(var("EVENTS").parse().unwrap_or(0));
    match var("COLORS").as_str() {
        "true" => println!("{}", ansi(&bench.draw(Depth::True))),
        "256" => println!("{}", ansi(&bench.draw(Depth::Indexed))),
        "light" => println!("{}", ansi(&bench.draw_on(Ground::Light))),
        "16" => println!("{}", ansi(&bench.draw(Depth::Sixteen))),
        _ => println!("{}", bench.text()),
    }
}

/// A screen with its colours, for a terminal.
fn ansi(buf: &Buffer) -> String {
    let color = |c: Color, base: u8| match c {
        Color::Rgb(r, g, b) => format!(";{};2;{r};{g};{b}", base + 8),
        Color::Indexed(i) => format!(";{};5;{i}", base + 8),
        Color::Red => format!(";{}", base + 1),
        Color::Green => format!(";{}", base + 2),
        Color::Yellow => format!(";{}", base + 3),
        Color::Blue => format!(";{}", base + 4),
        Color::Magenta => format!(";{}", base + 5),
        _ => String::new(),
    };
    let codes = [
        (Modifier::BOLD, ";1"),
        (Modifier::DIM, ";2"),
        (Modifier::ITALIC, ";3"),
        (Modifier::UNDERLINED, ";4"),
        (Modifier::REVERSED, ";7"),
    ];
    let mut text = String::new();
    for y in 0..buf.area.height {
        for x in 0..buf.area.width {
            let cell = &buf[(x, y)];
            let set = codes.iter().filter(|(m, _)| cell.modifier.contains(*m));
            let set: String = set.map(|(_, code)| *code).collect();
            let (fg, bg) = (color(cell.fg, 30), color(cell.bg, 40));
            text.push_str(&format!("\x1b[0{set}{fg}{bg}m{}", cell.symbol()));
        }
        text.push_str("\x1b[0m\n");
    }
    text
}
