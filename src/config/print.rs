//! `config.toml` as it would be if it said what holds without it.

use crate::measure::validate::Thresholds;
use crate::measure::views::View;
use crate::tui::app::Settings;
use crate::tui::keymap::{BINDINGS, Binding, Place, section};
use crate::tui::pane::Pane;
use std::fmt::Write;

/// The whole file; what has no default is commented out.
pub fn print_default() -> String {
    let Settings {
        propose,
        top,
        tokens,
        seed,
        ..
    } = Settings::default();
    let Thresholds {
        paraphrases,
        kl_strict,
        kl,
        fingerprint,
        layers,
    } = Thresholds::default();
    let mut text = format!(
        "\
# Pentimento's defaults. Whatever is left out stays as it is here.

# The model to open: \"atlas\", a GGUF file, a folder in Hugging Face layout, a model of the
# hub, or any other name that `pentimento model list` shows.
# model = \"atlas\"

# auto, dark, light, contrast (7:1 and more) or colour-blind.
theme = \"auto\"
# The terminal's background, dark or light, where COLORFGBG does not tell.
# ground = \"dark\"
# How many colours: auto, never, 16, 256 or truecolor. NO_COLOR is obeyed before it.
color = \"auto\"
# bench, trace or probes: which panes get the room.
layout = \"bench\"
# Frames a second at most: 60, and 20 where SSH_CONNECTION is set.
# frames = 60
mouse = true
# Whether the tour begins by itself, the first time.
tour = true

# Candidates shown for the next token.
top = {top}
# Tokens of a confabulation, and the seed it begins with.
tokens = {tokens}
seed = {seed}
# Neighbours that are proposed with an edit.
propose = {propose}
# A file of probes that are watched with every edit: JSONL, CSV or CounterFact.
# probes = \"probes.jsonl\"

# Where else `pentimento model list` looks for GGUF files and model folders.
[models]
# folders = [\"~/models\"]

# What an edit has to reach that must prove itself.
[validation]
# Mean p(new) over the paraphrases, at least.
paraphrases = {paraphrases:?}
# Mean KL over the battery, nats: below the first a pass, below the second a warning.
kl_strict = {kl_strict:?}
kl = {kl:?}
# Mean cosine of the fingerprint, at least.
fingerprint = {fingerprint:?}
# Layers that are tried.
layers = {layers}

# From which score on a view of an edit passes.
[views]
"
    );
    for view in View::ALL {
        line(
            &mut text,
            view.name(),
            &format!("{:?}", view.threshold()),
            view.question(),
        );
    }
    text += "\n\
# A key, several, or none: [] unbinds. A key that is given here is taken from the
# command that had it. Write e, E, ctrl-r, alt-x, shift-left, space, enter, f5.
[keys]
";
    keys(&mut text, Place::Anywhere);
    for pane in Pane::ALL {
        let place = Place::In(pane);
        if BINDINGS.iter().any(|binding| binding.place == place) {
            let _ = write!(
                text,
                "\n# While {} has the focus.\n[{}]\n",
                pane.name(),
                section(place)
            );
            keys(&mut text, place);
        }
    }
    text
}

fn keys(text: &mut String, place: Place) {
    for Binding {
        command,
        keys,
        long,
        ..
    } in BINDINGS.iter().filter(|binding| binding.place == place)
    {
        // TOML's basic strings have JSON's escapes.
        let keys: Vec<String> = keys
            .iter()
            .map(|key| format!("{:?}", key.to_string()))
            .collect();
        let keys = match keys.as_slice() {
            [one] => one.clone(),
            several => format!("[{}]", several.join(", ")),
        };
        line(text, &command.name(), &keys, long);
    }
}

fn line(text: &mut String, name: &str, value: &str, about: &str) {
    let set = format!("{name} = {value}");
    let _ = writeln!(text, "{set:<32} # {about}");
}
