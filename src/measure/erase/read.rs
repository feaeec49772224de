//! The passes: residuals of the labelled prompts, and what the weights say with the
//! switch off and on.

use super::Around;
use super::data::{EraseSpec, Neighbour, Reading, Switched};
use super::error::{EraseError, Result};
use super::examples::Set;
use super::hook::Erasing;
use super::leace::Eraser;
use super::logistic::LinearProbe;
use crate::edit::context::{Row, read_at_subject};
use crate::edit::moment::Text;
use crate::measure::fell;
use crate::measure::lens::Guess;
use crate::measure::perplexity::perplexity;
use crate::measure::score::{Ask, Scored, score};
use crate::model::probe::{Point, Probe};
use crate::model::sample::top_k;
use crate::model::{Decoder, Past, Span, Tokens};
use faer::Mat;

/// Prompts of one pass: few enough to stop soon, enough to fill the cores.
const BATCH: usize = 32;
/// Steps of the work that is not reading: the eraser, the probes, and each switch
/// position of each set of weights.
const FITS: usize = 2;

pub struct Reader<'a, 'b, P> {
    spec: &'a EraseSpec,
    layer: usize,
    around: &'a mut Around<'b, P>,
    text: Text,
    done: usize,
    all: usize,
    /// What one step counts: as much as a batch of prompts.
    weight: usize,
}

impl<'a, 'b, P: Probe> Reader<'a, 'b, P> {
    pub fn new(
        spec: &'a EraseSpec,
        layer: usize,
        set: &Set,
        is_edited: bool,
        around: &'a mut Around<'b, P>,
    ) -> Self {
        let prompts = set.fitted.len() + set.held_out.len();
        let steps = FITS + if is_edited { 4 } else { 2 };
        let mut reader = Reader {
            spec,
            layer,
            around,
            text: Text::plain(),
            done: 0,
            all: prompts + steps * BATCH,
            weight: BATCH,
        };
        reader.told(0);
        reader
    }

    pub fn tokens(&self) -> &'b Tokens {
        self.around.tokens
    }

    fn told(&mut self, more: usize) {
        self.done += more;
        (self.around.each)(self.done, self.all);
    }

    /// One of the steps that are not reading is done.
    pub fn step(&mut self) {
        self.told(self.weight);
    }

    pub fn stopped(&self) -> Result<()> {
        match (self.around.stop)() {
            true => Err(EraseError::Cancelled),
            false => Ok(()),
        }
    }

    /// Residuals `[n, d]` after the layer of the prompts that are fitted on, and of
    /// those held out.
    pub fn residuals(&mut self, decoder: &Decoder, set: &Set) -> Result<[Mat<f64>; 2]> {
        Ok([
            self.residuals_of(decoder, set, &set.fitted)?,
            self.residuals_of(decoder, set, &set.held_out)?,
        ])
    }

    fn residuals_of(&mut self, decoder: &Decoder, set: &Set, at: &[usize]) -> Result<Mat<f64>> {
        let mut all: Vec<Vec<f64>> = Vec::with_capacity(at.len());
        for some in at.chunks(BATCH) {
            let rows: Vec<Row> = some.iter().map(|&i| set.rows[i].clone()).collect();
            all.extend(self.residual_rows(decoder, &rows)?);
            self.told(some.len());
        }
        Ok(matrix(&all, decoder.config.d))
    }

    fn residual_rows(&mut self, decoder: &Decoder, rows: &[Row]) -> Result<Vec<Vec<f64>>> {
        let (brake, points) = (&mut self.around.brake, [Point::ResidPost]);
        let mut read = read_at_subject(decoder, rows, self.layer, &points, brake)?;
        Ok(read.pop().unwrap_or_default())
    }

    /// Everything about one set of weights, with the switch off and on.
    pub fn switched(
        &mut self,
        decoder: &Decoder,
        own: Option<&Row>,
        (eraser, hook): (&Eraser, &Erasing),
        probe: &LinearProbe,
    ) -> Result<Switched> {
        let residual = match own {
            Some(row) => {
                let rows = self.residual_rows(decoder, std::slice::from_ref(row))?;
                Some(matrix(&rows, decoder.config.d))
            }
            None => None,
        };
        let (mut off, before) = self.reading(decoder, None)?;
        let (mut on, after) = self.reading(decoder, Some(hook))?;
        let says = |x: &Mat<f64>| probe.probabilities(x).pop().unwrap_or_default();
        if let Some(x) = &residual {
            off.probe = says(x);
            on.probe = says(&eraser.apply(x));
        }
        let tokens = self.around.tokens;
        let pairs = self.spec.neighbours.iter().zip(before.iter().zip(&after));
        let neighbours = pairs.map(|(probe, (off, on))| {
            let p = |scored: &Scored| scored.log_p.first().map_or(0.0, |p| p.exp());
            Neighbour {
                prompt: probe.prompt.clone(),
                expected: probe.expected.clone(),
                p_off: p(off),
                p_on: p(on),
                top_off: tokens.show(off.top.0),
                top_on: tokens.show(on.top.0),
                moved: off.top.0 != on.top.0 || fell(p(off), p(on)),
            }
        });
        Ok(Switched {
            neighbours: neighbours.collect(),
            off,
            on,
        })
    }

    /// With the switch off (`None`) or on; the neighbours beside it.
    fn reading(
        &mut self,
        decoder: &Decoder,
        hook: Option<&Erasing>,
    ) -> Result<(Reading, Vec<Scored>)> {
        let tokens = self.around.tokens;
        let mut hook = (&mut self.around.brake, Switch(hook.cloned()));
        let mut reading = Reading::default();
        if let Some(fact) = &self.spec.fact {
            let ask = Ask::new(
                tokens,
                &fact.prompt,
                &[fact.old.as_str(), fact.new.as_str()],
            )?;
            let top = likeliest(decoder, &ask.prompt, self.spec.top, tokens, &mut hook)?;
            let scored = score(decoder, &[ask], &mut hook, |_, _| ())?;
            let p = |i: usize| scored.first().and_then(|s| s.log_p.get(i)).map(|p| p.exp());
            (reading.p_old, reading.p_new, reading.top) = (p(0), p(1), top);
        }
        let asks = (self.spec.neighbours.iter())
            .map(|probe| Ask::new(tokens, &probe.prompt, &[probe.expected.as_str()]))
            .collect::<std::result::Result<Vec<_>, _>>()?;
        let scored = score(decoder, &asks, &mut hook, |_, _| ())?;
        if self.spec.text > 0 {
            let text = perplexity(decoder, tokens, &self.text, self.spec.text, &mut hook)?;
            reading.perplexity = Some(text);
        }
        self.step();
        Ok((reading, scored))
    }
}

/// Erases where there is something to erase with.
struct Switch(Option<Erasing>);

impl Probe for Switch {
    fn visit(
        &mut self,
        site: crate::model::probe::Site,
        x: candle_core::Tensor,
    ) -> crate::model::error::Result<candle_core::Tensor> {
        match &mut self.0 {
            Some(erasing) => erasing.visit(site, x),
            None => Ok(x),
        }
    }
}

fn likeliest<P: Probe>(
    decoder: &Decoder,
    ids: &[u32],
    count: usize,
    tokens: &Tokens,
    hook: &mut P,
) -> Result<Vec<Guess>> {
    decoder.check_length(ids.len())?;
    let span = Span::whole(ids.len(), decoder.device())?;
    let x = decoder.embed(&[ids], &span, hook)?;
    let x = decoder.run_layers(x, 0..decoder.layers(), &span, None::<&mut Past>, hook)?;
    let log_p = x
        .narrow(1, ids.len() - 1, 1)
        .and_then(|x| x.squeeze(1))
        .map_err(crate::model::ModelError::from)
        .and_then(|last| decoder.log_probs(&last))?;
    let log_p = log_p.flatten_all().and_then(|p| p.to_vec1::<f32>());
    let log_p = log_p.map_err(crate::model::ModelError::from)?;
    let guess = |(id, log_p): (u32, f32)| Guess {
        id,
        text: tokens.show(id),
        p: f64::from(log_p).exp(),
    };
    Ok(top_k(&log_p, count).into_iter().map(guess).collect())
}

fn matrix(rows: &[Vec<f64>], d: usize) -> Mat<f64> {
    Mat::from_fn(rows.len(), d, |i, j| rows[i][j])
}
