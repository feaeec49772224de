//! From what the user asks to what is computed, with every refusal and warning.

use super::baseline::Scene;
use super::error::{Result, TraceError};
use super::spec::TraceSpec;
use super::{noise, window};
use crate::model::tokenizer::escape;
use crate::model::{Decoder, Tokens};
use std::ops::Range;

/// A trace's input in the model's own terms.
pub struct Prepared {
    pub ids: Vec<u32>,
    pub subject: Range<usize>,
    pub answer: Option<u32>,
    pub noise_scale: f64,
    pub noise: Vec<f64>,
    pub samples: usize,
    pub window: usize,
    pub warnings: Vec<String>,
}

impl Prepared {
    /// `known_subjects` sets the noise scale: σ is that of their embeddings.
    pub fn new(
        decoder: &Decoder,
        tokens: &Tokens,
        spec: &TraceSpec,
        known_subjects: &[String],
    ) -> Result<Prepared> {
        if spec.kinds.is_empty() {
            return Err(TraceError::NoKind);
        }
        if spec.samples == 0 {
            return Err(TraceError::NoSamples);
        }
        if spec.window == Some(0) {
            return Err(TraceError::NoWindow);
        }
        let mut warnings = Vec::new();
        let (encoded, subject) = tokens.encode_with_subject(&spec.prompt, &spec.subject)?;
        decoder.check_length(encoded.ids.len())?;
        if spec.prompt.matches(&spec.subject).count() > 1 {
            warnings.push(format!(
                "the subject \"{}\" stands in the prompt more than once: the first is taken",
                escape(&spec.subject)
            ));
        }
        let answer = match &spec.answer {
            Some(answer) => Some(first_token(tokens, answer, &mut warnings)?),
            None => None,
        };
        let noise_scale = noise_scale(decoder, tokens, spec, known_subjects)?;
        let d = decoder.config.d;
        let noise = noise::draw(spec.seed, spec.samples, subject.len(), d, noise_scale);
        Ok(Prepared {
            ids: encoded.ids,
            subject,
            answer,
            noise_scale,
            noise,
            samples: spec.samples,
            window: spec
                .window
                .unwrap_or_else(|| window::default_width(decoder.layers())),
            warnings,
        })
    }

    pub fn scene(&self) -> Scene<'_> {
        Scene {
            ids: &self.ids,
            subject: self.subject.clone(),
            samples: self.samples,
            noise: &self.noise,
            answer: self.answer,
        }
    }
}

/// The answer's first token, with the leading space that follows a prompt.
fn first_token(tokens: &Tokens, answer: &str, warnings: &mut Vec<String>) -> Result<u32> {
    let spaced = match answer.starts_with(char::is_whitespace) {
        true => answer.to_owned(),
        false => format!(" {answer}"),
    };
    let ids = match answer.trim().is_empty() {
        true => Vec::new(),
        false => tokens.encode_bare(&spaced)?,
    };
    let Some(&first) = ids.first() else {
        return Err(TraceError::NoAnswer(answer.to_owned()));
    };
    if ids.len() > 1 {
        warnings.push(format!(
            "the answer \"{}\" has {} tokens: the first, \"{}\", is followed",
            escape(answer),
            ids.len(),
            tokens.show(first)
        ));
    }
    Ok(first)
}

fn noise_scale(
    decoder: &Decoder,
    tokens: &Tokens,
    spec: &TraceSpec,
    known_subjects: &[String],
) -> Result<f64> {
    let scale = match spec.noise_scale {
        Some(scale) => scale,
        None => {
            let own = [spec.subject.clone()];
            let subjects = if known_subjects.is_empty() {
                &own
            } else {
                known_subjects
            };
            let sigma = noise::embedding_deviation(decoder, tokens, subjects)?;
            spec.noise * sigma.unwrap_or(f64::NAN)
        }
    };
    if scale.is_finite() && scale > 0.0 {
        Ok(scale)
    } else {
        Err(TraceError::NoiseScale(scale))
    }
}
