//! What the engine's thread holds between jobs.

use super::error::{EngineError, Result};
use super::event::ModelInfo;
use super::folders::Folders;
use super::kept::{Kept, Made, Recipe, Recipes};
use super::spec::{EditId, Stacked};
use crate::edit::calibrated::Calibrated;
use crate::edit::{Delta, Metric, Request, stack};
use crate::facts::World;
use crate::measure::MomentHealth;
use crate::measure::known::Known;
use crate::model::decoder::Down;
use crate::model::{Decoder, Loaded, Tokens};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::sync::OnceLock;

pub struct State {
    pub folders: Folders,
    pub model: Option<Model>,
    /// Bytes that the process may hold, as the model was opened.
    pub limit: Option<u64>,
}

impl State {
    pub fn new(folders: Folders) -> State {
        State {
            folders,
            model: None,
            limit: None,
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
    /// What it answered rightly when it was asked.
    pub known: Known,
    /// Defaults that were found for it by measurement.
    pub calibrated: Option<Calibrated>,
    made: BTreeMap<EditId, Edit>,
    /// Edits that were taken over so far.
    count: u64,
    stack: Vec<Stacked>,
    /// What the edited layers of `current` are made of.
    recipes: Recipes,
    pub kept: Kept,
    /// σ of the known subjects' embeddings, once a trace has asked.
    pub sigma: OnceLock<f64>,
    /// What was made of C so far, by what it depends on.
    pub metrics: BTreeMap<String, (Metric, MomentHealth)>,
}

/// A stack that was left for a while.
pub struct Left {
    current: Decoder,
    recipes: BTreeMap<usize, Recipe>,
    stack: Vec<Stacked>,
}

/// A finished edit.
struct Edit {
    /// Which of the edits that were taken over it is.
    number: u64,
    /// What it rewrote.
    asked: Vec<Request>,
    deltas: Vec<Delta>,
}

/// Changes of a layer with their α.
type Changes<'a> = Vec<(&'a Delta, f64)>;

impl Model {
    pub fn new(loaded: Loaded, info: ModelInfo, world: World, is_atlas: bool) -> Model {
        Model {
            info,
            tokens: loaded.tokens,
            pristine: loaded.decoder.clone(),
            current: loaded.decoder,
            world,
            is_atlas,
            known: Known::default(),
            calibrated: None,
            made: BTreeMap::new(),
            count: 0,
            stack: Vec::new(),
            recipes: BTreeMap::new(),
            kept: Kept::default(),
            sigma: OnceLock::new(),
            metrics: BTreeMap::new(),
        }
    }

    /// Takes over an edit's factors; they are not yet in the stack.
    pub fn adopt(&mut self, id: EditId, asked: Vec<Request>, deltas: Vec<Delta>) -> Result<()> {
        deltas
            .iter()
            .try_for_each(|delta| stack::check(&self.pristine, delta))?;
        self.count += 1;
        let edit = Edit {
            number: self.count,
            asked,
            deltas,
        };
        self.made.insert(id, edit);
        Ok(())
    }

    /// Makes the weights what `edits` says, from the pristine ones. A layer whose
    /// edits stay as they are keeps its very matrix, so that what was computed
    /// below the first change is known to hold.
    pub fn set_stack(&mut self, edits: Vec<Stacked>) -> Result<()> {
        (self.current, self.recipes) = self.weights_of(&edits)?;
        self.stack = edits;
        Ok(())
    }

    /// The weights that `set_stack` would make, beside the ones in use.
    pub fn weights(&self, edits: &[Stacked]) -> Result<Decoder> {
        Ok(self.weights_of(edits)?.0)
    }

    /// The weights that a stack of `edits` makes, and what its edited layers are
    /// made of. Layers made of the same as now are the very same matrices.
    pub fn weights_of(&self, edits: &[Stacked]) -> Result<(Decoder, Recipes)> {
        let mut wanted: BTreeMap<usize, (Recipe, Changes)> = BTreeMap::new();
        for &Stacked { id, alpha, on } in edits {
            if !stack::ALPHA.contains(&alpha) {
                return Err(EngineError::Alpha { id, alpha });
            }
            let edit = self.made.get(&id).ok_or(EngineError::UnknownEdit(id))?;
            if !on || alpha == 0.0 {
                continue;
            }
            for delta in &edit.deltas {
                let (recipe, changes) = wanted.entry(delta.layer).or_default();
                recipe.push((edit.number, alpha.to_bits()));
                changes.push((delta, alpha));
            }
        }
        let mut downs = BTreeMap::new();
        let mut recipes = BTreeMap::new();
        for (layer, (recipe, changes)) in wanted {
            let down = match self.recipes.get(&layer) == Some(&recipe) {
                true => self.current.down(layer).clone(),
                false => stack::at(&self.pristine, layer, &changes)?,
            };
            downs.insert(layer, down);
            recipes.insert(layer, recipe);
        }
        Ok((self.pristine.with_edited(downs), recipes))
    }

    /// The stack with its very matrices, to come back to ([`Model::come_back`]).
    pub fn leave(&self) -> Left {
        Left {
            current: self.current.clone(),
            recipes: self.recipes.clone(),
            stack: self.stack.clone(),
        }
    }

    /// Puts back what was left; `made` meanwhile is forgotten.
    pub fn come_back(&mut self, left: Left, made: &[EditId]) {
        let Left {
            current,
            recipes,
            stack,
        } = left;
        (self.current, self.recipes, self.stack) = (current, recipes, stack);
        made.iter().for_each(|id| drop(self.made.remove(id)));
    }

    /// What the edited layers of the current weights are made of: the same
    /// recipes, the same weights.
    pub fn recipes(&self) -> &Recipes {
        &self.recipes
    }

    pub fn stack(&self) -> &[Stacked] {
        &self.stack
    }

    /// The edits in the stack of which it is known what they rewrote: each as it
    /// was made, its facts, its layers. An imported change has no facts.
    pub fn edits(&self) -> impl Iterator<Item = (Made, &[Request], Vec<usize>)> {
        let made = |s: &Stacked| self.made.get(&s.id).map(|edit| (s.id, edit));
        let known = self.stack.iter().filter_map(made);
        let known = known.filter(|(_, edit)| !edit.asked.is_empty());
        known.map(|(id, edit)| {
            let layers = edit.deltas.iter().map(|delta| delta.layer).collect();
            ((id, edit.number), edit.asked.as_slice(), layers)
        })
    }

    /// The changes of an edit that was taken over; none of an unknown one.
    pub fn deltas(&self, id: EditId) -> &[Delta] {
        self.made.get(&id).map_or(&[], |edit| &edit.deltas)
    }

    /// The facts of the edits that are on.
    pub fn requests_on(&self) -> impl Iterator<Item = &Request> {
        let on = self.stack.iter().filter(|e| e.on && e.alpha != 0.0);
        on.flat_map(|edit| self.made.get(&edit.id).into_iter().flat_map(|e| &e.asked))
    }

    /// The current weights with one more edit, beside the ones in use: those that
    /// `push` would make. Layers that it does not touch keep their very matrices.
    pub fn with(&self, new: &[Delta]) -> Result<Decoder> {
        self.with_scaled(new, 1.0)
    }

    /// As `with`, of an edit at another α.
    pub fn with_scaled(&self, new: &[Delta], alpha: f64) -> Result<Decoder> {
        let kept = self.recipes.keys();
        let kept = kept.map(|&layer| (layer, self.current.down(layer).clone()));
        let mut downs: BTreeMap<usize, Down> = kept.collect();
        for layer in new.iter().map(|delta| delta.layer) {
            let on = self
                .stack
                .iter()
                .filter(|edit| edit.on && edit.alpha != 0.0);
            let mut changes: Changes = on
                .flat_map(|edit| {
                    let made = self.made.get(&edit.id).into_iter();
                    let deltas = made.flat_map(|made| &made.deltas);
                    deltas.map(|delta| (delta, edit.alpha))
                })
                .collect();
            changes.extend(new.iter().map(|delta| (delta, alpha)));
            changes.retain(|(delta, _)| delta.layer == layer);
            downs.insert(layer, stack::at(&self.pristine, layer, &changes)?);
        }
        Ok(self.pristine.with_edited(downs))
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
            for delta in self.made.get(&edit.id).into_iter().flat_map(|e| &e.deltas) {
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
