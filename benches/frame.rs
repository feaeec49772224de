//! What a frame costs: drawn into memory, and all the way to the bytes that the
//! terminal gets. The aim is under 4 ms for a full screen of 200×60.

#[path = "../tests/tui/script.rs"]
#[allow(dead_code, reason = "the tests use all of it")]
mod script;

use divan::{Bencher, black_box};
use pentimento::tui::app::{Msg, State};
use pentimento::tui::theme::{Depth, Ground, Styles};
use pentimento::tui::update::update;
use pentimento::tui::view;
use ratatui::backend::CrosstermBackend;
use ratatui::buffer::Buffer;
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::layout::Rect;
use ratatui::{Terminal, TerminalOptions, Viewport};
use script::Bench;

fn main() {
    divan::main();
}

/// Two edits, a trace, a full list of neighbours.
fn full(width: u16, height: u16) -> State {
    let mut bench = Bench::open(width, height);
    bench.play("tene");
    bench.state
}

#[divan::bench(args = [(80, 24), (120, 40), (200, 60)])]
fn frame(bencher: Bencher, (width, height): (u16, u16)) {
    let (state, styles) = (full(width, height), Styles::new(Depth::True, Ground::Dark));
    let area = Rect::new(0, 0, width, height);
    let mut buf = Buffer::empty(area);
    bencher.bench_local(|| {
        buf.reset();
        view::draw(black_box(&mut buf), &state, &styles)
    });
}

/// The first frame after a resize: every cell is written.
#[divan::bench]
fn whole_screen_to_bytes(bencher: Bencher) {
    let (state, styles) = (full(200, 60), Styles::new(Depth::True, Ground::Dark));
    bencher.bench_local(|| {
        let mut terminal = terminal();
        draw(&mut terminal, &state, &styles);
        terminal
    });
}

/// What a key press costs: one cell of the cursor moves.
#[divan::bench]
fn key_to_bytes(bencher: Bencher) {
    let (mut state, styles) = (full(200, 60), Styles::new(Depth::True, Ground::Dark));
    let mut terminal = terminal();
    draw(&mut terminal, &state, &styles);
    let tab = KeyEvent::new(KeyCode::Tab, KeyModifiers::NONE);
    bencher.bench_local(|| {
        update(&mut state, Msg::Key(black_box(tab)));
        draw(&mut terminal, &state, &styles);
    });
}

fn terminal() -> Terminal<CrosstermBackend<Vec<u8>>> {
    let viewport = Viewport::Fixed(Rect::new(0, 0, 200, 60));
    let backend = CrosstermBackend::new(Vec::with_capacity(1 << 16));
    Terminal::with_options(backend, TerminalOptions { viewport }).expect("memory can be drawn on")
}

fn draw(terminal: &mut Terminal<CrosstermBackend<Vec<u8>>>, state: &State, styles: &Styles) {
    terminal
        .draw(|frame| {
            view::draw(frame.buffer_mut(), state, styles);
        })
        .expect("memory can be drawn on");
}
