//! Pieces of a checkpoint under one prefix, their shapes checked.

use super::checkpoint::Views;
use super::number::Number;
use super::{Linear, Norm};
use crate::model::config::{Config, Family, NormKind};
use crate::model::device::Place;
use crate::model::error::Result;
use crate::model::ops::Matrix;
use candle_core::{DType, Tensor};
use half::{bf16, f16};

pub(super) struct Reader<'a> {
    pub views: &'a Views<'a>,
    /// Stands before every name.
    pub prefix: String,
    pub place: &'a Place,
}

impl<'a> Reader<'a> {
    pub fn new(views: &'a Views<'a>, prefix: &str, place: &'a Place) -> Reader<'a> {
        Reader {
            views,
            prefix: prefix.to_owned(),
            place,
        }
    }

    /// The pieces further in.
    pub fn at(&self, inner: &str) -> Reader<'a> {
        Reader {
            prefix: format!("{}{inner}.", self.prefix),
            ..*self
        }
    }

    /// What is added or multiplied elementwise, in f32: it is small, and its
    /// rounding would go everywhere.
    pub fn tensor(&self, name: &str, shape: &[usize]) -> Result<Tensor> {
        let values: Vec<f32> = self.views.read(&self.full(name), shape)?;
        Ok(Tensor::from_vec(values, shape, &self.place.device)?)
    }

    /// What is multiplied with: `[output, input]`, or the embedding `[V, d]`.
    pub fn matrix(&self, name: &str, output: usize, input: usize) -> Result<Matrix> {
        self.any(name, [output, input], false)
    }

    /// A matrix `[output, input]` in this place's precision; `turned`: of a
    /// `Conv1D`, which the file has as `[input, output]`.
    fn any(&self, name: &str, shape: [usize; 2], turned: bool) -> Result<Matrix> {
        if self.place.packed
            && let Some(made) = self.views.made(&self.full(name), shape)?
        {
            return Ok(made);
        }
        Ok(Matrix::Dense(match self.place.dtype {
            DType::BF16 => self.of::<bf16>(name, shape, turned)?,
            DType::F16 => self.of::<f16>(name, shape, turned)?,
            _ => self.of::<f32>(name, shape, turned)?,
        }))
    }

    fn of<T: Number>(&self, name: &str, shape: [usize; 2], turned: bool) -> Result<Tensor> {
        let name = self.full(name);
        let [output, input] = shape;
        let values: Vec<T> = match turned {
            false => self.views.read(&name, &shape)?,
            true => self.views.read_turned(&name, [input, output])?,
        };
        Ok(Tensor::from_vec(values, &shape, &self.place.device)?)
    }

    fn full(&self, name: &str) -> String {
        format!("{}{name}", self.prefix)
    }

    /// A norm of that kind: a layer norm has a bias, an RMS norm has none.
    pub fn norm(&self, name: &str, kind: NormKind, d: usize) -> Result<Norm> {
        let bias = || self.tensor(&format!("{name}.bias"), &[d]);
        Ok(Norm {
            weight: self.tensor(&format!("{name}.weight"), &[d])?,
            bias: match kind {
                NormKind::Layer => Some(bias()?),
                NormKind::Rms => None,
            },
        })
    }

    /// `[output, input]`, with a bias if the checkpoint has one for it.
    pub fn linear(&self, name: &str, input: usize, output: usize) -> Result<Linear> {
        self.linear_as(false, name, input, output)
    }

    /// The same where the family always has a bias: without it another model would
    /// open, and say nothing.
    pub fn biased(&self, name: &str, input: usize, output: usize) -> Result<Linear> {
        self.linear_as(true, name, input, output)
    }

    /// The one or the other.
    pub fn linear_as(
        &self,
        biased: bool,
        name: &str,
        input: usize,
        output: usize,
    ) -> Result<Linear> {
        Ok(Linear::new(
            self.matrix(&format!("{name}.weight"), output, input)?,
            self.bias(biased, name, output)?,
        ))
    }

    fn bias(&self, needed: bool, name: &str, output: usize) -> Result<Option<Tensor>> {
        let name = format!("{name}.bias");
        match needed || self.views.has(&self.full(&name)) {
            true => self.tensor(&name, &[output]).map(Some),
            false => Ok(None),
        }
    }

    /// A `Conv1D` `[input, output]`, turned to `[output, input]`.
    pub fn conv1d(&self, name: &str, input: usize, output: usize) -> Result<Linear> {
        Ok(Linear::new(
            self.any(&format!("{name}.weight"), [output, input], true)?,
            Some(self.tensor(&format!("{name}.bias"), &[output])?),
        ))
    }

    /// The output head: the embedding itself where they are tied.
    pub fn head(&self, name: &str, config: &Config, embed: &Matrix) -> Result<Linear> {
        let (vocab, d) = embed.dims2()?;
        let weight = match config.tied_head {
            true => embed.clone(),
            false => self.matrix(&format!("{name}.weight"), vocab, d)?,
        };
        // GPT-J's has a bias, and keeps it where the matrix is the embedding's.
        let bias = self.bias(config.family == Family::GptJ, name, vocab)?;
        Ok(Linear::new(weight, bias))
    }
}
