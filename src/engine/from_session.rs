//! A session as jobs: handed back exactly where its factors are at hand, and
//! made again from its text where they are not.

use super::event::ModelInfo;
use super::spec::{EditId, Spec, Stacked};
use crate::measure::{Probe, ProbeRow};
use crate::session::{Beneath, Factors, Model, SavedEdit, Session};
use std::collections::BTreeSet;

impl From<&ModelInfo> for Model {
    fn from(info: &ModelInfo) -> Model {
        Model {
            id: info.name.clone(),
            revision: info.revision.clone(),
            sha256: info.sha256.clone(),
            layers: info.layers,
            d: info.d,
            d_mlp: info.d_mlp,
        }
    }
}

/// An edit without factors that was made on another one which the session does
/// not hold (it was dropped): it cannot be made again. The edit, and that one.
pub fn groundless(session: &Session, factors: &Factors) -> Option<(EditId, EditId)> {
    let all: BTreeSet<EditId> = session.edits.iter().map(|saved| saved.id).collect();
    let mut again = (session.edits.iter()).filter(|e| !factors.contains_key(&e.id));
    again.find_map(|e| Some((e.id, Beneath::missing(e.id, &e.made_on, &all)?)))
}

/// The jobs that bring the model to where the session was left. An edit with
/// an entry in `factors` is adopted as it is; any other is made again, on the
/// edits that were on when it was first made. Without factors: a replay. In
/// the order they were made, which is that of their ids: in the stack an edit
/// may have been moved before the one that it was made on.
pub fn restore(session: &Session, factors: &Factors) -> Vec<Spec> {
    let mut specs = Vec::new();
    let mut edits: Vec<&SavedEdit> = session.edits.iter().collect();
    edits.sort_by_key(|saved| saved.id);
    for saved in edits {
        let id = saved.id;
        match factors.get(&id) {
            Some(deltas) => specs.push(Spec::Adopt {
                id,
                asked: saved.asked.requests().cloned().collect(),
                deltas: deltas.clone(),
            }),
            None => {
                specs.push(Spec::Stack {
                    edits: beneath(&saved.made_on),
                });
                let (edit, watch) = (Box::new(saved.asked.clone()), saved.watch.clone());
                specs.push(Spec::Edit { id, edit, watch });
            }
        }
    }
    specs.push(Spec::Stack {
        edits: session.edits.iter().map(stacked).collect(),
    });
    specs
}

/// The jobs that see again what was seen beside the edits: the traces, each
/// on the edits it was made on, then the probes on the stack as it was left.
pub fn look_again(session: &Session) -> Vec<Spec> {
    let mut specs = Vec::new();
    for trace in &session.traces {
        specs.push(Spec::Stack {
            edits: beneath(&trace.made_on),
        });
        specs.push(Spec::Trace(trace.asked.clone()));
    }
    specs.push(Spec::Stack {
        edits: session.edits.iter().map(stacked).collect(),
    });
    let probes: Vec<Probe> = session.probes.iter().map(ProbeRow::probe).collect();
    if !probes.is_empty() {
        specs.push(Spec::Probe { probes });
    }
    specs
}

fn beneath(edits: &[Beneath]) -> Vec<Stacked> {
    edits
        .iter()
        .flat_map(Beneath::each)
        .map(|(id, alpha)| Stacked {
            id,
            alpha,
            on: true,
        })
        .collect()
}

/// How an edit stands in the stack.
pub fn stacked(saved: &SavedEdit) -> Stacked {
    Stacked {
        id: saved.id,
        alpha: saved.alpha,
        on: saved.on,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::edit::{Delta, EditSpec};
    use crate::measure::{EditReport, Watch};
    use crate::session::MadeOn;

    fn session() -> Session {
        let mut session = Session::new(Model::default(), MadeOn::here("cpu", "f32"));
        let make = |id, made_on| {
            let report = EditReport {
                layer: 4,
                ..EditReport::default()
            };
            SavedEdit::new(
                id,
                made_on,
                &EditSpec::default(),
                &Watch::default(),
                &report,
            )
        };
        session.edits = vec![make(1, vec![]), make(5, Beneath::runs([(1, 0.5)]))];
        session.edits[0].alpha = 2.0;
        session.edits[1].on = false;
        session
    }

    fn end() -> Spec {
        let first = Stacked {
            id: 1,
            alpha: 2.0,
            on: true,
        };
        Spec::Stack {
            edits: vec![
                first,
                Stacked {
                    id: 5,
                    alpha: 1.0,
                    on: false,
                },
            ],
        }
    }

    #[test]
    fn with_factors_nothing_is_computed() {
        let delta = Delta {
            layer: 4,
            r: vec![1.0],
            u: vec![1.0],
            rank: 1,
            bias: vec![],
        };
        let factors = Factors::from([(1, vec![delta.clone()]), (5, vec![delta.clone()])]);
        let adopt = |id| Spec::Adopt {
            id,
            asked: vec![crate::edit::Request::default()],
            deltas: vec![delta.clone()],
        };
        assert_eq!(restore(&session(), &factors), [adopt(1), adopt(5), end()]);
    }

    #[test]
    fn without_factors_every_edit_is_made_on_what_it_was_made_on() {
        let session = session();
        let specs = restore(&session, &Factors::new());
        let under = Stacked {
            id: 1,
            alpha: 0.5,
            on: true,
        };
        assert_eq!(specs.len(), 5);
        assert_eq!(specs[0], Spec::Stack { edits: vec![] });
        assert_eq!(specs[2], Spec::Stack { edits: vec![under] });
        let again = session.edits[1].asked.clone();
        assert_eq!(
            specs[3],
            Spec::Edit {
                id: 5,
                edit: Box::new(again),
                watch: Watch::default()
            }
        );
        assert_eq!(specs[4], end());
    }
}
