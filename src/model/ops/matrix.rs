//! A matrix that lies there in numbers, or one whose rows are made of something
//! smaller each time they are used.

use super::made::Rows;
use super::multiply::{COLUMNS, Start, multiply, multiply_made, rows};
use candle_core::{DType, Device, Result, Tensor, TensorId};
use faer::MatRef;
use rayon::prelude::*;
use std::ops::Range;
use std::sync::Arc;

/// Numbers that are made at once where a whole matrix would be too many.
const AT_ONCE: usize = 1 << 22;

/// What a linear layer multiplies with, `[out, in]`. Cloning is cheap.
#[derive(Clone)]
pub enum Matrix {
    Dense(Tensor),
    Made(Arc<dyn Rows>),
}

/// Which matrix it is, whatever its numbers are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MatrixId {
    Dense(TensorId),
    Made(usize),
}

impl From<Tensor> for Matrix {
    fn from(tensor: Tensor) -> Matrix {
        Matrix::Dense(tensor)
    }
}

impl Matrix {
    /// (out, in).
    pub fn dims2(&self) -> Result<(usize, usize)> {
        match self {
            Matrix::Dense(tensor) => tensor.dims2(),
            Matrix::Made(rows) => Ok(rows.shape()),
        }
    }

    pub fn elem_count(&self) -> usize {
        match self {
            Matrix::Dense(tensor) => tensor.elem_count(),
            Matrix::Made(rows) => rows.shape().0 * rows.shape().1,
        }
    }

    pub fn id(&self) -> MatrixId {
        match self {
            Matrix::Dense(tensor) => MatrixId::Dense(tensor.id()),
            Matrix::Made(rows) => MatrixId::Made(Arc::as_ptr(rows).cast::<()>() as usize),
        }
    }

    pub fn device(&self) -> &Device {
        match self {
            Matrix::Dense(tensor) => tensor.device(),
            Matrix::Made(_) => &Device::Cpu,
        }
    }

    /// All of it; made anew where it does not lie there.
    pub fn dense(&self) -> Result<Tensor> {
        match self {
            Matrix::Dense(tensor) => Ok(tensor.clone()),
            Matrix::Made(made) => {
                let (out, inner) = made.shape();
                let values = all(made.as_ref(), 0..out)?;
                made.done();
                Tensor::from_vec(values, (out, inner), &Device::Cpu)
            }
        }
    }

    /// The matrix whose row i is this one's row `order[i]`, `[order, in]`.
    pub fn arranged(&self, order: Vec<u32>) -> Result<Matrix> {
        Ok(match self {
            Matrix::Dense(tensor) => {
                let order = Tensor::new(order, tensor.device())?;
                Matrix::Dense(tensor.index_select(&order, 0)?)
            }
            Matrix::Made(made) => Matrix::Made(Arc::new(Arranged {
                of: made.clone(),
                order,
            })),
        })
    }

    /// The rows in `part`, of a matrix that lies there a view.
    pub fn part(&self, part: Range<usize>) -> Result<Matrix> {
        match self {
            Matrix::Dense(tensor) => Ok(tensor.narrow(0, part.start, part.len())?.into()),
            Matrix::Made(_) => self.arranged((part.start as u32..part.end as u32).collect()),
        }
    }

    /// These rows in f32, `[ids, in]`.
    pub fn rows(&self, ids: &[u32]) -> Result<Tensor> {
        match self {
            Matrix::Dense(tensor) => {
                let ids = Tensor::new(ids, tensor.device())?;
                tensor.index_select(&ids, 0)?.to_dtype(DType::F32)
            }
            Matrix::Made(made) => {
                let (_, inner) = made.shape();
                let mut values = vec![0.0; ids.len() * inner];
                for (&id, row) in ids.iter().zip(values.chunks_exact_mut(inner.max(1))) {
                    let id = id as usize;
                    made.make(id..id + 1, row)?;
                }
                made.done();
                Tensor::from_vec(values, (ids.len(), inner), &Device::Cpu)
            }
        }
    }
}

/// Rows of another, in another order.
struct Arranged {
    of: Arc<dyn Rows>,
    /// Row i is this one of `of`.
    order: Vec<u32>,
}

impl Rows for Arranged {
    fn shape(&self) -> (usize, usize) {
        (self.order.len(), self.of.shape().1)
    }

    fn make(&self, rows: Range<usize>, to: &mut [f32]) -> Result<()> {
        let (_, inner) = self.shape();
        let mut to = to;
        // Neighbours are made together.
        for run in self.order[rows].chunk_by(|a, b| a + 1 == *b) {
            let (own, rest) = to.split_at_mut(run.len() * inner);
            let first = run[0] as usize;
            self.of.make(first..first + run.len(), own)?;
            to = rest;
        }
        Ok(())
    }

    fn done(&self) {
        self.of.done();
    }
}

/// x Wᵀ on top of `start`, `x` [n, in]: to the bit what `multiply` gives with W.
pub(super) fn times(x: MatRef<'_, f32>, w: &dyn Rows, start: Start<'_>) -> Result<Vec<f32>> {
    let product = multiply_made(x, w, start)?;
    w.done();
    Ok(product)
}

/// g W, `g` [n, out], a part of W at a time.
pub(super) fn back(g: MatRef<'_, f32>, w: &dyn Rows) -> Result<Vec<f32>> {
    let (out, inner) = w.shape();
    let at_once = (AT_ONCE / inner.max(1)).next_multiple_of(COLUMNS);
    let mut sum = Vec::new();
    for begin in (0..out).step_by(at_once) {
        let part = begin..out.min(begin + at_once);
        let values = all(w, part.clone())?;
        let own = multiply(
            g.subcols(begin, part.len()),
            rows(&values, part.len(), inner),
            Start::Zero,
        );
        if sum.is_empty() {
            sum = own;
        } else {
            sum.iter_mut().zip(own).for_each(|(sum, x)| *sum += x);
        }
    }
    w.done();
    Ok(sum)
}

/// Those rows, made side by side.
fn all(made: &dyn Rows, rows: Range<usize>) -> Result<Vec<f32>> {
    let (_, inner) = made.shape();
    let mut values = vec![0.0; rows.len() * inner];
    let tasks = values.par_chunks_mut((COLUMNS * inner).max(1)).enumerate();
    tasks.try_for_each(|(n, to)| {
        let begin = rows.start + n * COLUMNS;
        made.make(begin..begin + to.len() / inner.max(1), to)
    })?;
    Ok(values)
}
