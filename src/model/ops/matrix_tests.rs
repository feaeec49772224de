//! A matrix that is made as it is used against the same one in memory: answers,
//! gradients, rows.

use super::activation::Activation;
use super::linear::{Affine, Weight, linear, linear_of};
use super::made::Rows;
use super::matrix::Matrix;
use super::mlp::{Mlp, mlp};
use candle_core::{Device, Result, Tensor, Var, bail};
use std::ops::Range;
use std::sync::Arc;
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
