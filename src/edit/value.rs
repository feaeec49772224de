//! v* and z: the values that make the model say targets (Meng et al. 2022, §3.1,
//! eq. 4; Meng et al. 2023, eq. 16).
//!
//! δ ∈ R^d is added to what layer ℓ writes at the subject's last token of every
//! context, and moves by Adam as the loss says (`problem.rs`). Each fact has a δ
//! of its own, which no other's loss depends on: many are sought in one batch. Where
//! several layers are written to values of their own, a fact has a δ for each.

use super::adam::Adam;
use super::context::{Context, norm};
use super::error::{EditError, Result};
use super::hyper::Hyper;
use super::parts::Parts;
use super::problem::Problem;
use crate::model::Decoder;
use crate::model::probe::{Probe, Site};

/// The losses of one evaluation, multiplied by their factors.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Loss {
    pub nll: f64,
    pub kl: f64,
    pub wd: f64,
    pub total: f64,
}

/// v* and how it was found.
#[derive(Clone, Debug, Default)]
pub struct Value {
    /// v* − t₀, `[d]`, one site after the other.
    pub delta: Vec<f64>,
    /// The unedited values at the bare prompt's subject-last token, likewise.
    pub t0: Vec<f64>,
    /// Components of one value, d: `delta` holds one after the other.
    pub width: usize,
    pub losses: Vec<Loss>,
    /// Whether a step was scaled back to clamp·‖t₀‖ at the end.
    pub clamped: bool,
    /// The optimisation came to its end.
    pub done: bool,
}

impl Value {
    /// v* `[d]`, one site after the other.
    pub fn v_star(&self) -> Vec<f64> {
        self.t0
            .iter()
            .zip(&self.delta)
            .map(|(t, d)| t + d)
            .collect()
    }
}

/// The optimisation stops below this loss.
const ENOUGH: f64 = 0.05;
/// Contexts of one batch: more fill no core better, and take memory.
const CONTEXTS: usize = 128;

/// Minimises NLL + KL + weight decay over each fact's δ, added at `site`
/// (`MlpOut` or `ResidPost`); `each` sees every evaluation: the number of the
/// fact, the step, the loss.
pub fn optimise<P: Probe + Send>(
    decoder: &Decoder,
    facts: &[Context],
    site: Site,
    hyper: &Hyper,
    probe: &mut P,
    each: impl FnMut(usize, usize, Loss),
) -> Result<Vec<Value>> {
    optimise_at(decoder, facts, &[site], hyper, probe, each)
}

/// The same over a δ at each of `sites`, layers ascending, all at once: the clamp and
/// weight decay are each site's own. After the first, sites are `MlpOut`, below the
/// model's last layer.
pub fn optimise_at<P: Probe + Send>(
    decoder: &Decoder,
    facts: &[Context],
    sites: &[Site],
    hyper: &Hyper,
    probe: &mut P,
    mut each: impl FnMut(usize, usize, Loss),
) -> Result<Vec<Value>> {
    let contexts = facts.iter().map(|fact| fact.rows.len() + 1).max();
    let room = (CONTEXTS / contexts.unwrap_or(1)).max(1);
    let parts = Parts::of(decoder, facts.len().min(room) * contexts.unwrap_or(1))?;
    let mut waiting = facts.iter().enumerate();
    let mut open: Vec<Open> = Vec::new();
    let mut values = vec![Value::default(); facts.len()];
    // Some facts are there in ten steps and some never: those that are done make
    // room for others, so that a batch is full until none are waiting.
    loop {
        let new = waiting.by_ref().take(room - open.len());
        open.extend(new.map(|(number, fact)| Open::new(number, fact)));
        if open.is_empty() {
            return Ok(values);
        }
        together(decoder, &parts, &mut open, sites, hyper, probe, &mut each)?;
        for done in open.extract_if(.., |fact| fact.value.done) {
            values[done.number] = done.value;
        }
    }
}

/// A fact whose δ is on its way.
struct Open<'a> {
    number: usize,
    context: &'a Context,
    value: Value,
    adam: Adam,
}

impl Open<'_> {
    fn new(number: usize, context: &Context) -> Open<'_> {
        Open {
            number,
            context,
            value: Value::default(),
            adam: Adam::new(0),
        }
    }

    /// Whether every step of it is still to be made.
    fn is_new(&self) -> bool {
        self.value.losses.is_empty()
    }
}

/// Steps with one batch, until so many of its facts are done that others should
/// take their place.
fn together<P: Probe + Send>(
    decoder: &Decoder,
    parts: &Parts,
    open: &mut [Open],
    sites: &[Site],
    hyper: &Hyper,
    probe: &mut P,
    each: &mut impl FnMut(usize, usize, Loss),
) -> Result<()> {
    let facts: Vec<&Context> = open.iter().map(|fact| fact.context).collect();
    let problem = Problem::new(decoder, parts, &facts, sites, probe)?;
    for (fact, t0) in problem.t0() {
        if open[fact].is_new() {
            open[fact].value = Value::at(t0.to_vec(), decoder.config.d);
            open[fact].adam = Adam::new(t0.len());
        }
    }
    // A new batch costs about two steps.
    let enough = open.len().div_ceil(4);
    loop {
        let deltas = open.iter().flat_map(|f| &f.value.delta).map(|&x| x as f32);
        let losses = problem.losses(deltas.collect(), probe)?;
        for (fact, (nll, kl)) in open.iter_mut().zip(losses.each()?) {
            if !fact.value.done {
                let step = fact.value.losses.len();
                let loss = fact.value.look(nll, kl, hyper)?;
                each(fact.number, step, loss);
            }
        }
        if open.iter().filter(|fact| fact.value.done).count() >= enough {
            return Ok(());
        }
        let gradient = losses.gradient(hyper.kl_factor)?;
        let moving = open.iter_mut().zip(&gradient);
        for (fact, gradient) in moving.filter(|(fact, _)| !fact.value.done) {
            fact.value.step(&mut fact.adam, gradient, hyper);
        }
    }
}

impl Value {
    fn at(t0: Vec<f64>, width: usize) -> Value {
        Value {
            delta: vec![0.0; t0.len()],
            t0,
            width,
            ..Value::default()
        }
    }

    /// ‖δ‖ and ‖t₀‖ at each site.
    fn lengths(&self) -> Vec<(f64, f64)> {
        let parts = self
            .delta
            .chunks(self.width)
            .zip(self.t0.chunks(self.width));
        parts.map(|(delta, t0)| (norm(delta), norm(t0))).collect()
    }

    /// Takes note of one evaluation: is it enough?
    fn look(&mut self, nll: f64, kl: f64, hyper: &Hyper) -> Result<Loss> {
        let step = self.losses.len();
        let kl = kl * hyper.kl_factor;
        let decay = |(delta, t0): (f64, f64)| hyper.weight_decay * delta / t0.powi(2);
        let wd: f64 = self.lengths().into_iter().map(decay).sum();
        let total = nll + kl + wd;
        if !total.is_finite() {
            return Err(EditError::NotFinite { step });
        }
        let loss = Loss { nll, kl, wd, total };
        self.losses.push(loss);
        self.done = total < ENOUGH || step + 1 == hyper.steps;
        Ok(loss)
    }

    /// One step of Adam, then back to within the clamp.
    fn step(&mut self, adam: &mut Adam, gradient: &[f64], hyper: &Hyper) {
        // d‖δ‖/dδ = δ/‖δ‖, taken as 0 at δ = 0.
        let decay = |&(delta, t0): &(f64, f64)| match delta > 0.0 {
            true => hyper.weight_decay / (t0 * t0) / delta,
            false => 0.0,
        };
        let (start, decay): (_, Vec<f64>) = (
            self.delta.clone(),
            self.lengths().iter().map(decay).collect(),
        );
        let moved = gradient.iter().zip(&start).enumerate();
        let gradient = moved.map(|(i, (g, x))| g + decay[i / self.width] * x);
        adam.step(&mut self.delta, gradient, hyper.lr);
        self.clamped = false;
        let lengths = self.lengths();
        for (part, (length, t0)) in self.delta.chunks_mut(self.width).zip(lengths) {
            let limit = hyper.clamp * t0;
            if length > limit {
                self.clamped = true;
                part.iter_mut().for_each(|v| *v *= limit / length);
            }
        }
    }
}
