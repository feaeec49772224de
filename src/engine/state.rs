//! What the engine's thread holds between jobs.

use super::error::{EngineError, Result};
use super::event::ModelInfo;
use super::folders::Folders;
use super::spec::{EditId, Stacked};
use crate::edit::{Delta, Metric, Request, stack};
use crate::facts::World;
use crate::measure::MomentHealth;
use crate::model::{Decoder, Loaded, Tokens};
use sha2::{Digest, Sha256};
use std::cell::OnceCell;
use std::collections::BTreeMap;

pub struct State {
    pub folders: Folders,
    pub model: Option<Model>,
}

impl State {
    pub fn new(folders: Folders) -> State {
        State {
            folders,
            model: None,
        }
    }

    pub fn model(&mut self) -> Result<&mut Model> {
        self.model.as_mut().ok_or(EngineError::NoModel)
    }
}

/// The open model, its edits, and what was computed for it.
pub struct Model {
    pub info: ModelInfo,
    pub tokens: Tokens,
    /// W₀: what edits are measured against.
    pub pristine: Decoder,
    /// With the edits that are on.
    pub current: Decoder,
    /// Facts about the world. Atlas was trained on all of them; other models
    /// know some.
    pub world: World,
    /// Atlas itself, whose defaults are known.
    pub is_atlas: bool,
    deltas: BTreeMap<EditId, Vec<Delta>>,
    /// What each edit rewrote.
    requests: BTreeMap<EditId, Vec<Request>>,
    stack: Vec<Stacked>,
    /// σ of the known subjects' embeddings, once a trace has asked.
    pub sigma: OnceCell<f64>,
    /// What was made of C so far, by what it depends on.
    pub metrics: BTreeMap<String, (Metric, MomentHealth)>,
}

impl Model {
    pub fn new(loaded: Loaded, info: ModelInfo, world: World, is_atlas: bool) -> Model {
        Model {
            info,
            tokens: loaded.tokens,
            pristine: loaded.decoder.clone(),
            current: loaded.decoder,
            world,
            is_atlas,
            deltas: BTreeMap::new(),
            requests: BTreeMap::new(),
            stack: Vec::new(),
            sigma: OnceCell::new(),
            metrics: BTreeMap::new(),
        }
    }

    /// Takes over an edit's factors; they are not yet in the stack.
    pub fn adopt(&mut self, id: EditId, asked: Vec<Request>, deltas: Vec<Delta>) -> Result<()> {
        deltas
            .iter()
            .try_for_each(|delta| stack::check(&self.pristine, delta))?;
        self.deltas.insert(id, deltas);
        self.requests.insert(id, asked);
        Ok(())
    }

    /// Makes the weights what `edits` says, from the pristine ones.
    pub fn set_stack(&mut self, edits: Vec<Stacked>) -> Result<()> {
        let mut on = Vec::new();
        for edit in &edits {
            if !edit.alpha.is_finite() {
                return Err(EngineError::Alpha {
                    id: edit.id,
                    alpha: edit.alpha,
                });
            }
            let deltas = self
                .deltas
                .get(&edit.id)
                .ok_or(EngineError::UnknownEdit(edit.id))?;
            if edit.on {
                on.extend(deltas.iter().map(|delta| (delta, edit.alpha)));
            }
        }
        self.current = stack::apply(&self.pristine, on)?;
        self.stack = edits;
        Ok(())
    }

    /// The facts of the edits that are on.
    pub fn requests_on(&self) -> impl Iterator<Item = &Request> {
        let on = self.stack.iter().filter(|e| e.on && e.alpha != 0.0);
        on.flat_map(|edit| self.requests.get(&edit.id).into_iter().flatten())
    }

    /// The current weights with one more edit, beside the ones in use.
    pub fn with(&self, new: &[Delta]) -> Result<Decoder> {
        let on = self.stack.iter().filter(|edit| edit.on);
        let deltas = on.flat_map(|edit| {
            let of = self.deltas.get(&edit.id).into_iter().flatten();
            of.map(|delta| (delta, edit.alpha))
        });
        Ok(stack::apply(
            &self.pristine,
            deltas.chain(new.iter().map(|delta| (delta, 1.0))),
        )?)
    }

    /// Puts a new edit on top of the stack, on and at α = 1.
    pub fn push(&mut self, id: EditId, asked: Vec<Request>, deltas: Vec<Delta>) -> Result<()> {
        self.adopt(id, asked, deltas)?;
        let mut edits = self.stack.clone();
        edits.retain(|edit| edit.id != id);
        edits.push(Stacked {
            id,
            alpha: 1.0,
            on: true,
        });
        self.set_stack(edits)
    }

    /// Names the current weights: the same edits in the same order at the same
    /// scales, the same name. Six hex digits; "base" without edits.
    pub fn weights_name(&self) -> String {
        let mut hash = Sha256::new();
        let mut any = false;
        for edit in self
            .stack
            .iter()
            .filter(|edit| edit.on && edit.alpha != 0.0)
        {
            any = true;
            hash.update(edit.alpha.to_le_bytes());
            for delta in self.deltas.get(&edit.id).into_iter().flatten() {
                hash.update(delta.layer.to_le_bytes());
                delta
                    .r
                    .iter()
                    .chain(&delta.u)
                    .chain(&delta.bias)
                    .for_each(|v| hash.update(v.to_le_bytes()));
            }
        }
        match any {
            true => hash
                .finalize()
                .iter()
                .take(3)
                .map(|b| format!("{b:02x}"))
                .collect(),
            false => "base".into(),
        }
    }
}
