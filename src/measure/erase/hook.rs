//! The erasure as a switch: in the forward pass, on the residual that leaves a layer,
//! at every position.

use super::leace::Eraser;
use crate::model::error::Result;
use crate::model::probe::{Point, Probe, Site};
use candle_core::{DType, Device, Tensor};

/// x ← x − left (right (x − mean)) at one site.
#[derive(Clone)]
pub struct Erasing {
    site: Site,
    /// `[r, d]`.
    left: Tensor,
    /// `[d, r]`.
    right: Tensor,
    /// `[d]`.
    mean: Tensor,
    /// Nothing is to be erased.
    idle: bool,
}

impl Erasing {
    pub fn new(eraser: &Eraser, layer: usize, device: &Device) -> Result<Erasing> {
        let (d, r) = (eraser.mean.len(), eraser.rank());
        let left = (0..r).flat_map(|j| (0..d).map(move |i| (i, j)));
        let left: Vec<f64> = left.map(|(i, j)| eraser.left[(i, j)]).collect();
        let right = (0..d).flat_map(|i| (0..r).map(move |j| (i, j)));
        let right: Vec<f64> = right.map(|(i, j)| eraser.right[(j, i)]).collect();
        let tensor = |values: Vec<f64>, shape: &[usize]| {
            // An empty tensor cannot be made on every device.
            let (values, shape) = match values.is_empty() {
                true => (vec![0.0], vec![1]),
                false => (values, shape.to_vec()),
            };
            Tensor::from_vec(values, shape, &Device::Cpu)?
                .to_dtype(DType::F32)?
                .to_device(device)
        };
        Ok(Erasing {
            site: Site::new(layer, Point::ResidPost),
            left: tensor(left, &[r, d])?,
            right: tensor(right, &[d, r])?,
            mean: tensor(eraser.mean.clone(), &[d])?,
            idle: r == 0,
        })
    }
}

impl Probe for Erasing {
    fn visit(&mut self, site: Site, x: Tensor) -> Result<Tensor> {
        if site != self.site || self.idle {
            return Ok(x);
        }
        let shape = x.shape().clone();
        let d = shape.dims().last().copied().unwrap_or(0);
        let rows = x.reshape(((), d))?;
        let from_mean = rows.broadcast_sub(&self.mean)?;
        let erased = from_mean.matmul(&self.right)?.matmul(&self.left)?;
        Ok((rows - erased)?.reshape(shape)?)
    }
}
