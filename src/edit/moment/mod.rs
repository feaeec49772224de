//! The second moment of keys, C = E[k kᵀ] (ALGORITHMS §2).

mod cache;
mod collect;
mod factor;
mod null_space;
pub mod partial;
mod text;

pub use cache::{Cache, CacheKey};
pub use collect::{Collected, Collection, Progress, collect};
pub use factor::Factor;
pub use null_space::NullSpace;
pub use text::Text;

use super::error::{EditError, Result};
use serde::{Deserialize, Serialize};

/// Tokens per dimension that a second moment is collected over by default.
pub const TOKENS_PER_DIM: usize = 30;
/// Below this many an edit is warned: an undercooked C turns a 9 % update into
/// a 117 % one.
pub const THIN: f64 = 10.0;

/// C of one layer, uncentred. In f64, on disk too: MEMIT solves with it without
/// a ridge.
#[derive(Clone, Debug, PartialEq)]
pub struct SecondMoment {
    pub d_k: usize,
    /// `[d_k, d_k]`, row-major, symmetric.
    pub c: Vec<f64>,
    pub about: About,
}

/// What a second moment rests on.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct About {
    pub layer: usize,
    pub tokens: usize,
    /// 1 − cos between C⁻¹k from the two halves of the sample, for some keys;
    /// not known for files made elsewhere.
    pub drift: Option<f64>,
}

impl SecondMoment {
    /// Takes over a matrix made elsewhere; refuses one of another shape, one
    /// that is not finite, and one that cannot be a second moment.
    pub fn new(c: Vec<f64>, d_k: usize, about: About) -> std::result::Result<SecondMoment, String> {
        if c.len() != d_k * d_k {
            return Err(format!(
                "it holds {} numbers; this model needs {d_k} × {d_k}",
                c.len()
            ));
        }
        if !c.iter().all(|v| v.is_finite()) {
            return Err("it holds a value that is not finite".into());
        }
        if (0..d_k).any(|i| c[i * d_k + i] < 0.0) {
            return Err("its diagonal has a negative entry; a mean of squares has none".into());
        }
        Ok(SecondMoment { d_k, c, about })
    }

    pub fn mean_diagonal(&self) -> f64 {
        (0..self.d_k).map(|i| self.c[i * self.d_k + i]).sum::<f64>() / self.d_k as f64
    }

    pub fn tokens_per_dim(&self) -> f64 {
        self.about.tokens as f64 / self.d_k as f64
    }

    /// C + λ_C·mean(diag C)·I, factored.
    pub fn factor(&self, lambda: f64) -> Result<Factor> {
        if !(lambda >= 0.0 && lambda.is_finite()) {
            return Err(EditError::Hyper {
                name: "ridge",
                value: lambda,
                want: "zero or positive",
            });
        }
        Factor::new(self, lambda * self.mean_diagonal())
    }
}
