//! How much of an answer comes back when one state is restored at the last
//! token of a corrupted subject, or at the prompt's last token: the causal
//! trace (ALGORITHMS §1) at the two places that matter, averaged over facts.

use super::{Question, embedding_deviation};
use crate::facts::World;
use crate::model::{Decoder, ModelError, Point, Probe, Site, Span, Tokens};
use crate::train::error::Result;
use crate::train::rng::Rng;
use candle_core::Tensor;
use std::collections::BTreeMap;

const SAMPLES: usize = 10;
const NOISE: f64 = 3.0;

/// Means over facts. Each row is what one kind of restoration recovers above
/// `low`, by layer.
#[derive(Clone, Debug, Default)]
pub struct Gathering {
    pub facts: usize,
    pub high: f64,
    pub low: f64,
    pub rows: BTreeMap<(Place, Kind), Vec<f64>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    LastSubjectToken,
    LastToken,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    State,
    Mlp,
    Attn,
}

impl Kind {
    fn point(self) -> Point {
        match self {
            Kind::State => Point::ResidPost,
            Kind::Mlp => Point::MlpOut,
            Kind::Attn => Point::AttnOut,
        }
    }

    /// The layers restored together around `layer`, for a model of `layers`.
    fn window(self, layer: usize, layers: usize) -> std::ops::Range<usize> {
        if self == Kind::State {
            return layer..layer + 1;
        }
        let w = match layers {
            24.. => 10,
            _ => (10 * layers + 24) / 48,
        };
        let w = w.max(1);
        layer.saturating_sub(w / 2)..(layer + w.div_ceil(2)).min(layers)
    }
}

/// Traces the first `count` facts, in an order drawn from `seed`, that the
/// model answers rightly.
pub fn gathering(
    decoder: &Decoder,
    tokens: &Tokens,
    world: &World,
    count: usize,
    seed: u64,
) -> Result<Gathering> {
    let noise = NOISE * embedding_deviation(decoder, tokens, world)?;
    let mut rng = Rng::at(seed, 0x7472_6163);
    let mut order: Vec<usize> = (0..world.facts().len()).collect();
    rng.shuffle(&mut order);
    let mut sum = Gathering::default();
    for fact in order.into_iter().map(|i| &world.facts()[i]) {
        if sum.facts == count {
            break;
        }
        let asked = world.asked(fact);
        let Some(wording) = rng.pick(&asked.train) else {
            continue;
        };
        let Some(question) = Question::new(tokens, fact, wording)? else {
            continue;
        };
        if question.subject.end == question.encoded.ids.len() {
            continue;
        }
        trace(decoder, &question, noise, &mut rng, &mut sum)?;
    }
    let n = sum.facts.max(1) as f64;
    sum.high /= n;
    sum.low /= n;
    for row in sum.rows.values_mut() {
        row.iter_mut().for_each(|x| *x /= n);
    }
    Ok(sum)
}

/// Adds one fact's trace to `sum`, if the model answers it rightly.
fn trace(
    decoder: &Decoder,
    question: &Question,
    noise: f64,
    rng: &mut Rng,
    sum: &mut Gathering,
) -> Result<()> {
    let ids = question.encoded.ids.as_slice();
    let span = Span::whole(ids.len(), decoder.device())?;
    let mut clean = Keep(BTreeMap::new());
    let embedded = decoder.embed_tokens(&[ids])?;
    let x = decoder.add_positions(&embedded, &span)?;
    let out = decoder.run_layers(x, 0..decoder.layers(), &span, None, &mut clean)?;
    let probabilities: Vec<f32> = decoder
        .log_probs(&out.narrow(1, ids.len() - 1, 1)?.squeeze(1)?)?
        .exp()?
        .squeeze(0)?
        .to_vec1()?;
    let high = probabilities[question.answer as usize];
    if probabilities.iter().any(|&p| p > high) {
        return Ok(());
    }
    let (n, d) = (question.subject.len(), decoder.config.d);
    let noise: Vec<f32> = (0..SAMPLES * n * d)
        .map(|_| (noise * rng.normal()) as f32)
        .collect();
    let noise = Tensor::from_vec(noise, (SAMPLES, n, d), decoder.device())?;
    let noise =
        noise.pad_with_zeros(1, question.subject.start, ids.len() - question.subject.end)?;
    let corrupted = decoder.add_positions(&embedded.broadcast_add(&noise)?, &span)?;
    let mean = |restore: &mut Restore| -> Result<f64> {
        let out =
            decoder.run_layers(corrupted.clone(), 0..decoder.layers(), &span, None, restore)?;
        let last = out.narrow(1, ids.len() - 1, 1)?.squeeze(1)?;
        let p = decoder
            .log_probs(&last)?
            .exp()?
            .narrow(1, question.answer as usize, 1)?;
        Ok(f64::from(p.mean_all()?.to_scalar::<f32>()?))
    };
    let low = mean(&mut Restore {
        rows: BTreeMap::new(),
        at: 0,
    })?;
    let places = [
        (Place::LastSubjectToken, question.subject.end - 1),
        (Place::LastToken, ids.len() - 1),
    ];
    let layers = decoder.layers();
    for (place, at) in places {
        for kind in [Kind::State, Kind::Mlp, Kind::Attn] {
            let row = sum
                .rows
                .entry((place, kind))
                .or_insert_with(|| vec![0.0; layers]);
            for (layer, cell) in row.iter_mut().enumerate() {
                let sites = kind
                    .window(layer, layers)
                    .map(|l| Site::new(l, kind.point()));
                let rows = sites
                    .filter_map(|s| clean.0.get(&s).map(|x| (s, x.clone())))
                    .collect();
                *cell += mean(&mut Restore { rows, at })? - low;
            }
        }
    }
    sum.facts += 1;
    sum.high += f64::from(high);
    sum.low += low;
    Ok(())
}

/// Keeps what the clean pass computed.
struct Keep(BTreeMap<Site, Tensor>);

impl Probe for Keep {
    fn visit(&mut self, site: Site, x: Tensor) -> Result<Tensor, ModelError> {
        if matches!(
            site.point,
            Point::ResidPost | Point::MlpOut | Point::AttnOut
        ) {
            self.0.insert(site, x.clone());
        }
        Ok(x)
    }
}

/// Copies clean activations to position `at` of every corrupted row.
struct Restore {
    rows: BTreeMap<Site, Tensor>,
    at: usize,
}

impl Probe for Restore {
    fn visit(&mut self, site: Site, x: Tensor) -> Result<Tensor, ModelError> {
        let Some(clean) = self.rows.get(&site) else {
            return Ok(x);
        };
        let (samples, length, d) = x.dims3()?;
        let row = clean
            .narrow(1, self.at, 1)?
            .broadcast_as((samples, 1, d))?
            .contiguous()?;
        let before = x.narrow(1, 0, self.at)?;
        let after = x.narrow(1, self.at + 1, length - self.at - 1)?;
        Ok(Tensor::cat(&[&before, &row, &after], 1)?.contiguous()?)
    }
}
