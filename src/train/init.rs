//! Fresh weights, as variables that a decoder runs on while they are trained.

use super::error::Result;
use super::rng::Rng;
use crate::model::weights::{Block, Linear, Norm};
use crate::model::{Config, Decoder, Weights};
use candle_core::{DType, Device, Shape, Tensor, Var};

/// One trained tensor.
pub struct Param {
    pub name: String,
    pub var: Var,
}

/// Every trained tensor by name, and the decoder that runs on them: a write to
/// a variable is seen by the decoder's next pass.
pub struct Params {
    pub list: Vec<Param>,
    pub decoder: Decoder,
}

impl Params {
    /// Normal weights of standard deviation `std`; those that write to the
    /// residual stream are smaller by √(2·layers), as in GPT-2. Biases 0, norms 1.
    pub fn fresh(config: &Config, std: f64, seed: u64, device: &Device) -> Result<Params> {
        let mut maker = Maker {
            list: Vec::new(),
            rng: Rng::at(seed, 0x696e_6974),
            device,
        };
        let (d, k) = (config.d, config.d_mlp);
        let to_stream = std / (2.0 * config.layers as f64).sqrt();
        let embed = maker.normal("embed", (config.vocab, d), std)?;
        let positions = maker.normal("positions", (config.context, d), std)?;
        let mut blocks = Vec::with_capacity(config.layers);
        for layer in 0..config.layers {
            let name = |part: &str| format!("blocks.{layer}.{part}");
            blocks.push(Block {
                norm_1: Some(maker.norm(&name("norm_1"), d)?),
                q: maker.linear(&name("q"), d, d, std)?,
                k: maker.linear(&name("k"), d, d, std)?,
                v: maker.linear(&name("v"), d, d, std)?,
                o: maker.linear(&name("o"), d, d, to_stream)?,
                qk_norms: None,
                post_attn: None,
                norm_2: Some(maker.norm(&name("norm_2"), d)?),
                post_mlp: None,
                up: maker.linear(&name("up"), k, d, std)?,
                gate: None,
                down: maker.linear(&name("down"), d, k, to_stream)?,
            });
        }
        let norm_f = maker.norm("norm_f", d)?;
        let head = Linear::new(embed.clone(), None);
        let weights = Weights {
            embed: embed.into(),
            positions: Some(positions),
            blocks,
            norm_f,
            head,
        };
        Ok(Params {
            list: maker.list,
            decoder: Decoder::new(config.clone(), weights),
        })
    }

    pub fn count(&self) -> usize {
        self.list.iter().map(|p| p.var.elem_count()).sum()
    }
}

struct Maker<'a> {
    list: Vec<Param>,
    rng: Rng,
    device: &'a Device,
}

impl Maker<'_> {
    /// Makes a variable and hands out the tensor that is it.
    fn keep(&mut self, name: &str, value: Tensor) -> Result<Tensor> {
        let var = Var::from_tensor(&value)?;
        let tensor = var.as_tensor().clone();
        self.list.push(Param {
            name: name.to_owned(),
            var,
        });
        Ok(tensor)
    }

    fn normal(&mut self, name: &str, shape: impl Into<Shape>, std: f64) -> Result<Tensor> {
        let shape = shape.into();
        let values: Vec<f32> = (0..shape.elem_count())
            .map(|_| (std * self.rng.normal()) as f32)
            .collect();
        let value = Tensor::from_vec(values, shape, self.device)?;
        self.keep(name, value)
    }

    fn linear(&mut self, name: &str, out: usize, input: usize, std: f64) -> Result<Linear> {
        let weight = self.normal(&format!("{name}.weight"), (out, input), std)?;
        let zeros = Tensor::zeros(out, DType::F32, self.device)?;
        let bias = self.keep(&format!("{name}.bias"), zeros)?;
        Ok(Linear::new(weight, Some(bias)))
    }

    fn norm(&mut self, name: &str, d: usize) -> Result<Norm> {
        let ones = Tensor::ones(d, DType::F32, self.device)?;
        let weight = self.keep(&format!("{name}.weight"), ones)?;
        let zeros = Tensor::zeros(d, DType::F32, self.device)?;
        let bias = Some(self.keep(&format!("{name}.bias"), zeros)?);
        Ok(Norm { weight, bias })
    }
}
