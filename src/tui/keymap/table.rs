//! The table of the key map: every command, its keys, and the words for it.

use super::press::{ch, ctrl, key, shift};
use super::{Binding, Command, Group, Place, Press};
use crate::tui::pane::Pane;
use ratatui::crossterm::event::KeyCode;

const fn bind(
    command: Command,
    keys: &'static [Press],
    place: Place,
    group: Group,
    short: &'static str,
    long: &'static str,
) -> Binding {
    Binding {
        command,
        keys,
        place,
        group,
        short,
        long,
    }
}

use Group as G;
use KeyCode as K;
use Place::{Anywhere, In};

/// The key map. Where two lines share a key, the one of the focused pane counts.
#[rustfmt::skip]
pub static BINDINGS: &[Binding] = &[
    bind(Command::Trace, &[ch('t')], Anywhere, G::Act, "trace", "trace where the fact is stored"),
    bind(Command::Edit, &[ch('e')], Anywhere, G::Act, "edit", "edit: write the new answer"),
    bind(Command::Validate, &[ch('V')], Anywhere, G::Act, "validate", "validate: an edit that must pass checks"),
    bind(Command::Method, &[ch('m')], Anywhere, G::Act, "method", "change the method: r-ROME, ROME, MEMIT, …"),
    bind(Command::Recipe, &[ch('p')], Anywhere, G::Act, "parameters", "parameters: layers, steps, rate, λ …"),
    bind(Command::Duel, &[ch('D')], Anywhere, G::Act, "duel", "duel: try this edit by every method"),
    bind(Command::Views, &[ch('R')], Anywhere, G::Act, "radar", "radar: thirteen views of the selected edit"),
    bind(Command::Behind, &[key(K::Enter)], In(Pane::Views), G::Act, "prompts", "the prompts behind a view, and back"),
    bind(Command::TakeMethod, &[key(K::Enter)], In(Pane::Duel), G::Act, "take", "edit by the selected method"),
    bind(Command::Erase, &[], Anywhere, G::Act, "erase", "erase the concept, and see what a probe finds"),
    bind(Command::Counterfact, &[], Anywhere, G::Act, "counterfact", "counterfact FILE [N]: evaluate the method"),
    bind(Command::Prompts, &[key(K::Enter)], In(Pane::Counterfact), G::Act, "prompts", "the case's prompts"),
    bind(Command::LayerDown, &[ch('<')], Anywhere, G::Act, "layer", "edit one layer lower; below 0 is auto"),
    bind(Command::LayerUp, &[ch('>')], Anywhere, G::Act, "layer", "edit one layer higher"),
    bind(Command::AskLayer, &[], Anywhere, G::Act, "layer", "choose the layers to edit by number"),
    bind(Command::TakeLayer, &[key(K::Enter)], In(Pane::Trace), G::Act, "edit here", "edit at this layer, or auto"),
    bind(Command::LayersLeft, &[ch('H'), shift(K::Left)], In(Pane::Trace), G::Act, "layers", "stretch the layers to edit, down"),
    bind(Command::LayersRight, &[ch('L'), shift(K::Right)], In(Pane::Trace), G::Act, "layers", "stretch the layers to edit, up"),
    bind(Command::Watch, &[ch('w')], Anywhere, G::Act, "watch", "probe neighbours of this fact now"),
    bind(Command::Roll, &[ch('r')], Anywhere, G::Act, "roll", "confabulate again with the next seed"),

    bind(Command::TypePrompt, &[ch('i')], Anywhere, G::Fact, "prompt", "type the prompt; {braces}: the subject"),
    bind(Command::TypePrompt, &[key(K::Enter)], In(Pane::Fact), G::Fact, "type", "type the prompt"),
    bind(Command::TypeTarget, &[ch('a')], Anywhere, G::Fact, "answer", "type the new answer"),
    bind(Command::NextExample, &[ch('n')], Anywhere, G::Fact, "example", "next example"),
    bind(Command::PreviousExample, &[ch('N')], Anywhere, G::Fact, "example", "previous example"),
    bind(Command::ExtendLeft, &[ch('H'), shift(K::Left)], In(Pane::Fact), G::Fact, "subject", "stretch the subject to the left"),
    bind(Command::ExtendRight, &[ch('L'), shift(K::Right)], In(Pane::Fact), G::Fact, "subject", "stretch the subject to the right"),
    bind(Command::SubjectHere, &[ch('s')], In(Pane::Fact), G::Fact, "subject here", "this token is the subject"),

    bind(Command::Undo, &[ch('u')], Anywhere, G::Stack, "undo", "undo the last change of the stack"),
    bind(Command::Redo, &[ctrl('r')], Anywhere, G::Stack, "redo", "redo it"),
    bind(Command::Toggle, &[ch(' ')], Anywhere, G::Stack, "on/off", "switch the selected edit off or on"),
    bind(Command::ToggleAll, &[ch('b')], Anywhere, G::Stack, "base", "switch all edits off, and on again"),
    bind(Command::Weaker, &[ch('[')], Anywhere, G::Stack, "α", "scale the selected edit down by 0.1"),
    bind(Command::Stronger, &[ch(']')], Anywhere, G::Stack, "α", "scale the selected edit up by 0.1"),
    bind(Command::AskAlpha, &[ch('=')], Anywhere, G::Stack, "α", "alpha: scale the selected edit to a number"),
    bind(Command::Go(Pane::Stack), &[ch('S'), ch('6')], Anywhere, G::Stack, "stack", "stack: every edit, layer and overlap"),
    bind(Command::Solo, &[ch('s')], In(Pane::Stack), G::Stack, "solo", "solo: this edit alone, and back"),
    bind(Command::MoveUp, &[ch('K')], In(Pane::Stack), G::Stack, "move", "move the edit up"),
    bind(Command::MoveDown, &[ch('J')], In(Pane::Stack), G::Stack, "move", "move the edit down"),
    bind(Command::Duplicate, &[ch('D')], In(Pane::Stack), G::Stack, "copy", "duplicate the edit, off"),
    bind(Command::Drop, &[ch('d')], In(Pane::Edit), G::Stack, "drop", "drop the selected edit"),
    bind(Command::Drop, &[ch('d')], In(Pane::Stack), G::Stack, "drop", "drop the selected edit"),
    bind(Command::Recall, &[key(K::Enter)], In(Pane::Edit), G::Stack, "recall", "bring this edit's fact back"),
    bind(Command::Recall, &[key(K::Enter)], In(Pane::Stack), G::Stack, "recall", "bring this edit's fact back"),

    bind(Command::NextPane, &[key(K::Tab)], Anywhere, G::Look, "pane", "next pane"),
    bind(Command::PreviousPane, &[key(K::BackTab)], Anywhere, G::Look, "pane", "previous pane"),
    bind(Command::Go(Pane::Fact), &[ch('1')], Anywhere, G::Look, "fact", "go to the fact"),
    bind(Command::Go(Pane::Trace), &[ch('2')], Anywhere, G::Look, "trace", "go to the trace"),
    bind(Command::Go(Pane::Edit), &[ch('3')], Anywhere, G::Look, "edit", "go to the edit"),
    bind(Command::Go(Pane::Neighbours), &[ch('4')], Anywhere, G::Look, "neighbours", "go to the neighbours"),
    bind(Command::Go(Pane::Confabulations), &[ch('5')], Anywhere, G::Look, "confabulations", "go to the confabulations"),
    bind(Command::Go(Pane::Duel), &[ch('7')], Anywhere, G::Look, "duel", "go to the duel of methods"),
    bind(Command::Go(Pane::Lens), &[ch('U'), ch('8')], Anywhere, G::Look, "underneath", "underneath: the old answer, layer by layer"),
    bind(Command::Go(Pane::Views), &[ch('9')], Anywhere, G::Look, "views", "go to the views of an edit"),
    bind(Command::Go(Pane::Geometry), &[], Anywhere, G::Look, "geometry", "geometry: neighbours' keys, and which moved"),
    bind(Command::Zoom, &[ch('z')], Anywhere, G::Look, "zoom", "zoom the pane to the whole screen"),
    bind(Command::Layout, &[ch('Z')], Anywhere, G::Look, "layout", "layout: bench, trace wide, probes wide"),
    bind(Command::Theme, &[], Anywhere, G::Look, "theme", "theme: dark, light, contrast, colour-blind"),
    bind(Command::Left, &[ch('h'), key(K::Left)], Anywhere, G::Look, "left", "left"),
    bind(Command::Down, &[ch('j'), key(K::Down)], Anywhere, G::Look, "down", "down"),
    bind(Command::Up, &[ch('k'), key(K::Up)], Anywhere, G::Look, "up", "up"),
    bind(Command::Right, &[ch('l'), key(K::Right)], Anywhere, G::Look, "right", "right"),
    bind(Command::First, &[ch('g'), key(K::Home)], Anywhere, G::Look, "first", "to the start"),
    bind(Command::Last, &[ch('G'), key(K::End)], Anywhere, G::Look, "last", "to the end"),
    bind(Command::PageUp, &[key(K::PageUp), ctrl('b')], Anywhere, G::Look, "page", "a page up"),
    bind(Command::PageDown, &[key(K::PageDown), ctrl('f')], Anywhere, G::Look, "page", "a page down"),
    bind(Command::Kinds, &[ch('v')], Anywhere, G::Look, "kinds", "state, MLP, attention: together or alone"),
    bind(Command::Shown, &[ch('v')], In(Pane::Lens), G::Look, "view", "old, new, change; off, on"),
    bind(Command::Shown, &[ch('v')], In(Pane::Erasure), G::Look, "view", "old, new, change; off, on"),
    bind(Command::Transpose, &[ch('x')], Anywhere, G::Look, "transpose", "transpose the trace: swap its axes"),
    bind(Command::Filter, &[ch('f')], In(Pane::Neighbours), G::Look, "filter", "all, moved, or one group"),
    bind(Command::Sort, &[ch('s')], In(Pane::Neighbours), G::Look, "sort", "sort probes: worst, before, after, group, file"),
    bind(Command::Find, &[ch('/')], In(Pane::Neighbours), G::Look, "find", "find: only probes that say a text"),
    bind(Command::ImportProbes, &[], Anywhere, G::Act, "import", "probes: import JSONL, CSV or CounterFact"),
    bind(Command::ProposeProbes, &[], Anywhere, G::Act, "propose", "propose probes: by relation, object, nearness of keys"),
    bind(Command::ForgetProbes, &[], Anywhere, G::Act, "forget", "forget the probes that were imported or proposed"),
    bind(Command::Look, &[key(K::Enter)], In(Pane::Neighbours), G::Look, "look", "take this as the prompt"),

    bind(Command::Save, &[ctrl('s')], Anywhere, G::Session, "save", "save the session"),
    bind(Command::SaveAs, &[], Anywhere, G::Session, "save as", "save the session under another name"),
    bind(Command::Sessions, &[ch('o')], Anywhere, G::Session, "open", "open a session"),
    bind(Command::Models, &[ch('M')], Anywhere, G::Session, "model", "open another model"),
    bind(Command::Export, &[ch('E')], Anywhere, G::Session, "export", "export the edits, or the edited model"),
    bind(Command::Copy, &[ch('y')], Anywhere, G::Session, "copy", "copy what the pane shows (OSC 52)"),
    bind(Command::WriteFile, &[ch('Y')], Anywhere, G::Session, "write", "write what the pane shows to a file"),
    bind(Command::Snapshot, &[], Anywhere, G::Session, "snapshot", "snapshot FILE: this screen as .svg or .txt"),
    bind(Command::Palette, &[ch(':')], Anywhere, G::Session, "command", "find any command by name"),
    bind(Command::Tour, &[ch('T')], Anywhere, G::Session, "tour", "tour: five steps through the workbench"),
    bind(Command::ShowNext, &[ch('.')], Anywhere, G::Session, "next", "next scene of the session that is shown"),
    bind(Command::ShowPause, &[ch(',')], Anywhere, G::Session, "pause", "stop the show, and go on"),
    bind(Command::Help, &[ch('?')], Anywhere, G::Session, "keys", "list the keys"),
    bind(Command::Back, &[key(K::Esc)], Anywhere, G::Session, "back", "back out one layer"),
    bind(Command::Cancel, &[ctrl('c')], Anywhere, G::Session, "stop", "stop the running job; twice: leave"),
    bind(Command::Suspend, &[ctrl('z')], Anywhere, G::Session, "suspend", "suspend to the shell"),
    bind(Command::Repaint, &[ctrl('l')], Anywhere, G::Session, "repaint", "paint the screen anew"),
    bind(Command::Quit, &[ch('q')], Anywhere, G::Session, "quit", "quit"),
];

/// Commands that the help tells in one line: their first keys, then the words.
#[rustfmt::skip]
pub static TOGETHER: &[(&[Command], &str)] = &[
    (&[Command::LayerDown, Command::LayerUp], "edit a layer lower, higher; below 0: auto"),
    (&[Command::LayersLeft, Command::LayersRight], "Trace: stretch the layers to edit"),
    (&[Command::NextExample, Command::PreviousExample], "next example, previous one"),
    (&[Command::ExtendLeft, Command::ExtendRight], "Fact: stretch the subject"),
    (&[Command::Undo, Command::Redo], "undo and redo changes of the stack"),
    (&[Command::Weaker, Command::Stronger], "scale the selected edit by 0.1"),
    (&[Command::MoveUp, Command::MoveDown], "Stack: move the edit up, down"),
    (&[Command::NextPane, Command::PreviousPane], "next pane, previous one"),
    (&[Command::Left, Command::Down, Command::Up, Command::Right], "move in the pane; arrows too"),
    (&[Command::First, Command::Last], "to the start, to the end"),
    (&[Command::PageUp, Command::PageDown], "a page up, a page down"),
    (&[Command::Filter, Command::Sort, Command::Find], "Neighbours: filter, sort, find"),
    (&[Command::ShowNext, Command::ShowPause], "a session that is shown: next scene, pause"),
    (&[Command::Copy, Command::WriteFile], "copy the pane (OSC 52), write it to a file"),
    (
        &[
            Command::Go(Pane::Fact), Command::Go(Pane::Trace), Command::Go(Pane::Edit),
            Command::Go(Pane::Neighbours), Command::Go(Pane::Confabulations),
        ],
        "go to a pane",
    ),
    (&[Command::Go(Pane::Duel), Command::Go(Pane::Lens), Command::Go(Pane::Views)], "duel, what is underneath, views"),
];
