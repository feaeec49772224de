//! A GGUF's matrix where it lies: its rows are dequantised each time they are used,
//! by whatever reads them into memory otherwise.

use crate::model::gguf::{Gguf, TensorInfo};
use crate::model::ops::Rows;
use candle_core::{Result, bail};
use std::ops::Range;
use std::sync::Arc;

pub struct Packed {
    gguf: Arc<Gguf>,
    tensor: TensorInfo,
}

impl Packed {
    /// Rows of a matrix `[out, in]` of this file.
    pub fn new(gguf: Arc<Gguf>, tensor: TensorInfo) -> Packed {
        Packed { gguf, tensor }
    }
}

impl Rows for Packed {
    fn shape(&self) -> (usize, usize) {
        let shape = &self.tensor.shape;
        (shape[0], shape[1])
    }

    fn make(&self, rows: Range<usize>, to: &mut [f32]) -> Result<()> {
        let (numbers, size) = self.tensor.kind.block();
        let row = self.tensor.shape[1] / numbers * size;
        let bytes = self.gguf.bytes(&self.tensor);
        self.tensor
            .kind
            .dequantise(&bytes[rows.start * row..rows.end * row], to);
        if !to.iter().all(|x| x.is_finite()) {
            let name = &self.tensor.name;
            bail!(
                "tensor `{name}` holds a value that is not finite (NaN or infinity); the file is damaged"
            );
        }
        Ok(())
    }

    fn done(&self) {
        self.gguf.put_away(&self.tensor);
    }
}
