//! Pieces of a checkpoint under one prefix, their shapes checked.

use super::checkpoint::{Views, transpose};
use super::{Linear, Norm};
use crate::model::error::Result;
use candle_core::{Device, Tensor};

pub(super) struct Reader<'a> {
    pub views: &'a Views<'a>,
    /// Stands before every name.
    pub prefix: String,
    pub device: &'a Device,
}

impl<'a> Reader<'a> {
    pub fn new(views: &'a Views<'a>, prefix: &str, device: &'a Device) -> Reader<'a> {
        Reader {
            views,
            prefix: prefix.to_owned(),
            device,
        }
    }

    /// The pieces further in.
    pub fn at(&self, inner: &str) -> Reader<'a> {
        Reader {
            prefix: format!("{}{inner}.", self.prefix),
            ..*self
        }
    }

    pub fn tensor(&self, name: &str, shape: &[usize]) -> Result<Tensor> {
        self.views
            .tensor(&format!("{}{name}", self.prefix), shape, self.device)
    }

    /// A tensor that a checkpoint may lack.
    pub fn optional(&self, name: &str, shape: &[usize]) -> Result<Option<Tensor>> {
        match self.views.has(&format!("{}{name}", self.prefix)) {
            true => self.tensor(name, shape).map(Some),
            false => Ok(None),
        }
    }

    /// A norm with a bias, if the checkpoint has one for it.
    pub fn norm(&self, name: &str, d: usize) -> Result<Norm> {
        Ok(Norm {
            weight: self.tensor(&format!("{name}.weight"), &[d])?,
            bias: self.optional(&format!("{name}.bias"), &[d])?,
        })
    }

    /// `[output, input]`, with a bias if the checkpoint has one for it.
    pub fn linear(&self, name: &str, input: usize, output: usize) -> Result<Linear> {
        Ok(Linear {
            weight: self.tensor(&format!("{name}.weight"), &[output, input])?,
            bias: self.optional(&format!("{name}.bias"), &[output])?,
        })
    }

    /// A `Conv1D` `[input, output]`, turned to `[output, input]`.
    pub fn conv1d(&self, name: &str, input: usize, output: usize) -> Result<Linear> {
        let stored = self
            .views
            .read(&format!("{}{name}.weight", self.prefix), &[input, output])?;
        let turned = transpose(&stored, input, output);
        Ok(Linear {
            weight: Tensor::from_vec(turned, (output, input), self.device)?,
            bias: Some(self.tensor(&format!("{name}.bias"), &[output])?),
        })
    }

    /// The output head: the embedding itself where they are tied.
    pub fn head(&self, name: &str, tied: bool, embed: &Tensor) -> Result<Linear> {
        let (vocab, d) = embed.dims2()?;
        let weight = match tied {
            true => embed.clone(),
            false => self.tensor(&format!("{name}.weight"), &[vocab, d])?,
        };
        // GPT-J's has a bias, and keeps it where the matrix is the embedding's.
        let bias = self.optional(&format!("{name}.bias"), &[vocab])?;
        Ok(Linear { weight, bias })
    }
}
