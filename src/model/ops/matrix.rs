//! A matrix that lies there in numbers, or one whose rows are made of something
//! smaller each time they are used.

use super::multiply::{COLUMNS, Start, multiply, multiply_made, rows};
use candle_core::{DType, Device, Result, Tensor, TensorId};
use faer::MatRef;
use rayon::prelude::*;
use std::ops::Range;
use std::sync::Arc;

/// Numbers that are made at once where a whole matrix would be too many.
const AT_ONCE: usize = 1 << 22;

/// Rows that lie somewhere in another form: quantised, in a file. They are f32 on
/// the CPU once they are made.
pub trait Rows: Send + Sync {
    /// [out, in].
    fn shape(&self) -> (usize, usize);

    /// Makes `rows` in `to`, one after the other. The same row is the same numbers
    /// whatever is made with it.
    ///
    /// # Errors
    /// Where a number is not finite.
    fn make(&self, rows: Range<usize>, to: &mut [f32]) -> Result<()>;

    /// Called when all rows have been made once: what lies beneath may be put away.
    fn done(&self) {}
}

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

#[cfg(test)]
mod tests {
    use super::super::activation::Activation;
    use super::super::linear::{Affine, Weight, linear, linear_of};
    use super::super::mlp::{Mlp, mlp};
    use super::*;
    use candle_core::{Var, bail};
    use std::sync::atomic::{AtomicUsize, Ordering};

    /// Rows that are copied from a tensor's numbers, and how often all were.
    struct Copied {
        values: Vec<f32>,
        inner: usize,
        done: AtomicUsize,
    }

    impl Rows for Copied {
        fn shape(&self) -> (usize, usize) {
            (self.values.len() / self.inner, self.inner)
        }

        fn make(&self, rows: Range<usize>, to: &mut [f32]) -> Result<()> {
            to.copy_from_slice(&self.values[rows.start * self.inner..rows.end * self.inner]);
            if to.iter().any(|x| !x.is_finite()) {
                bail!("not finite");
            }
            Ok(())
        }

        fn done(&self) {
            self.done.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn noise(shape: (usize, usize), seed: usize) -> Tensor {
        let value = |i: usize| ((i * 7919 + seed * 104_729) as f32).sin();
        let values: Vec<f32> = (0..shape.0 * shape.1).map(value).collect();
        Tensor::from_vec(values, shape, &Device::Cpu).unwrap()
    }

    fn copied(tensor: &Tensor) -> Arc<dyn Rows> {
        Arc::new(Copied {
            values: tensor.flatten_all().unwrap().to_vec1().unwrap(),
            inner: tensor.dims()[1],
            done: AtomicUsize::new(0),
        })
    }

    fn flat(tensor: &Tensor) -> Vec<f32> {
        tensor.flatten_all().unwrap().to_vec1().unwrap()
    }

    fn bare(weight: Weight<'_>) -> Affine<'_> {
        Affine {
            weight,
            bias: None,
            turned: None,
        }
    }

    /// Few rows and many, widths that no block divides, more numbers than are made at once.
    #[test]
    fn an_answer_is_the_same_to_the_bit() {
        let shapes = [
            (1, 3, 5),
            (1, 640, 2048),
            (2, 1000, 777),
            (7, 64, 40_001),
            (130, 96, 2_500),
            (300, 257, 17_000),
        ];
        for (n, inner, out) in shapes {
            let (x, w) = (noise((n, inner), 1), noise((out, inner), 2));
            let b = noise((1, out), 3).squeeze(0).unwrap();
            let made = copied(&w);
            for b in [None, Some(&b)] {
                let of = Affine {
                    bias: b,
                    ..bare(Weight::Made(&made))
                };
                let (a, b) = (linear_of(&x, of).unwrap(), linear(&x, &w, b).unwrap());
                assert!(flat(&a) == flat(&b), "{n} {inner} {out}");
            }
        }
    }

    #[test]
    fn a_gradient_goes_through_what_is_made_again() {
        for (n, inner, out) in [(3, 20, 50), (2, 4_100, 2_100)] {
            let (x, w) = (noise((n, inner), 1), noise((out, inner), 2));
            let made = copied(&w);
            let grad = |weight: Weight<'_>| {
                let x = Var::from_tensor(&x).unwrap();
                let y = linear_of(&x, bare(weight)).unwrap();
                let loss = y.sqr().unwrap().sum_all().unwrap();
                flat(loss.backward().unwrap().get(&x).unwrap())
            };
            let pairs = grad(Weight::Made(&made))
                .into_iter()
                .zip(grad(Weight::Dense(&w)));
            for (a, b) in pairs {
                assert!((a - b).abs() <= 1e-4 * b.abs().max(100.0), "{a} {b}");
            }
        }
    }

    #[test]
    fn an_mlp_is_the_same_with_either() {
        let (up, gate, down) = (noise((96, 40), 1), noise((96, 40), 2), noise((40, 96), 3));
        let made = [&up, &gate, &down].map(copied);
        let answers = |weights: [Weight<'_>; 3]| {
            let x = Var::from_tensor(&noise((5, 40), 4)).unwrap();
            let of = Mlp {
                up: bare(weights[0]),
                gate: Some(bare(weights[1])),
                down: bare(weights[2]),
                activation: Activation::Silu,
            };
            let y = mlp(&x, of).unwrap();
            let grads = y.sqr().unwrap().sum_all().unwrap().backward().unwrap();
            (flat(&y), flat(grads.get(&x).unwrap()))
        };
        let lies = answers([&up, &gate, &down].map(Weight::Dense));
        assert_eq!(answers(made.each_ref().map(Weight::Made)), lies);
    }

    #[test]
    fn rows_parts_and_orders_are_those_of_the_matrix() {
        let w = noise((9, 6), 1);
        let (lies, made) = (Matrix::Dense(w.clone()), Matrix::Made(copied(&w)));
        let all = |m: Matrix| flat(&m.dense().unwrap());
        let same = |f: &dyn Fn(&Matrix) -> Matrix| assert_eq!(all(f(&lies)), all(f(&made)));
        same(&Matrix::clone);
        same(&|m| m.part(2..7).unwrap());
        same(&|m| m.arranged(vec![3, 4, 5, 0, 8, 1]).unwrap());
        let ids = [8, 0, 0, 5];
        assert_eq!(
            flat(&lies.rows(&ids).unwrap()),
            flat(&made.rows(&ids).unwrap())
        );
        assert_eq!(made.id(), made.clone().id());
        assert_ne!(made.id(), Matrix::Made(copied(&w)).id());
    }

    #[test]
    fn damage_is_an_error_of_whoever_multiplies() {
        let w = Tensor::from_vec(vec![1.0, f32::NAN], (2, 1), &Device::Cpu).unwrap();
        let made = copied(&w);
        let x = noise((1, 1), 1);
        assert!(linear_of(&x, bare(Weight::Made(&made))).is_err());
        assert!(Matrix::Made(made).dense().is_err());
    }
}
