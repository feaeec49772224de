//! Two sessions side by side: what differs, in sentences about A and B.
//!
//! When they were saved, by which version, and how long things took is no
//! difference. The words hold text from the files as it is: whoever prints them
//! passes them through [`super::text::shown`].

mod edits;
mod seen;

use super::schema::{Model, Session};
use serde::Serialize;

/// What a difference is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Part {
    Model,
    Device,
    Notes,
    /// An edit that only one of them has.
    Edits,
    /// One edit that both have, asked or standing otherwise.
    Edit,
    Order,
    Figures,
    Probes,
    Generations,
    Traces,
}

/// One difference.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    pub part: Part,
    /// The edit or trace that both have; empty where it is of the whole session.
    pub about: String,
    /// A sentence without its full stop: "the target is Paris in A and Rome in B".
    pub words: String,
}

impl Finding {
    fn new(part: Part, about: &str, words: impl Into<String>) -> Finding {
        Finding {
            part,
            about: about.into(),
            words: words.into(),
        }
    }
}

/// Everything in which `a` and `b` differ; nothing where they say the same.
/// Figures may differ by `tolerance`, absolute below 1 and relative above.
pub fn diff(a: &Session, b: &Session, tolerance: f64) -> Result<Vec<Finding>, toml::ser::Error> {
    let mut found = models(&a.model, &b.model);
    let place = |s: &Session| format!("{} {}", s.made_on.device, s.made_on.dtype);
    found.extend(two(
        Part::Device,
        "",
        "what computed it",
        &place(a),
        &place(b),
    ));
    found.extend(match (a.notes.as_str(), b.notes.as_str()) {
        (a, b) if a == b => None,
        (_, "") => Some(Finding::new(Part::Notes, "", "only A has notes")),
        ("", _) => Some(Finding::new(Part::Notes, "", "only B has notes")),
        (a, b) => Some(Finding::new(Part::Notes, "", first_line(a, b))),
    });
    found.extend(edits::diff(&a.edits, &b.edits, tolerance)?);
    let (probes, generations) = (
        seen::probes("", &a.probes, &b.probes, tolerance),
        seen::generations("", &a.generations, &b.generations),
    );
    found.extend(probes.into_iter().chain(generations));
    found.extend(seen::traces(&a.traces, &b.traces, tolerance)?);
    Ok(found)
}

/// The weights are what counts; names and revisions are told beside them.
fn models(a: &Model, b: &Model) -> Vec<Finding> {
    let same_weights = a.sha256.eq_ignore_ascii_case(&b.sha256);
    let mut found = Vec::new();
    found.extend(two(Part::Model, "", "the model's name", &a.id, &b.id));
    let revision = |m: &Model| m.revision.clone().unwrap_or_else(|| "none".into());
    found.extend(two(
        Part::Model,
        "",
        "the model's revision",
        &revision(a),
        &revision(b),
    ));
    if same_weights {
        return found;
    }
    let words = format!(
        "the weights are not the same: sha256 {} in A and {} in B",
        a.sha256, b.sha256
    );
    found.push(Finding::new(Part::Model, "", words));
    let shape = |m: &Model| format!("{} layers, {} wide, MLP {}", m.layers, m.d, m.d_mlp);
    found.extend(two(Part::Model, "", "the shape", &shape(a), &shape(b)));
    found
}

/// "WHAT is X in A and Y in B", where they are not the same.
fn two(part: Part, about: &str, what: &str, a: &str, b: &str) -> Option<Finding> {
    let words = || format!("{what} is {a} in A and {b} in B");
    (a != b).then(|| Finding::new(part, about, words()))
}

/// Where two texts part: "the notes differ from line 3 on: “a” in A and “b” in B".
fn first_line(a: &str, b: &str) -> String {
    let (mut a, mut b, mut line) = (a.lines(), b.lines(), 0);
    loop {
        line += 1;
        match (a.next(), b.next()) {
            (Some(a), Some(b)) if a == b => {}
            (None, None) => return "the notes differ in how their lines end".into(),
            (a, b) => {
                let said = |text: Option<&str>| match text {
                    Some(text) => format!("“{text}”"),
                    None => "nothing".into(),
                };
                let (a, b) = (said(a), said(b));
                return format!("the notes differ from line {line} on: {a} in A and {b} in B");
            }
        }
    }
}
