//! Adam (Kingma and Ba 2015) of a few vectors, in f64: of v* and of fine-tuning.
//! (Training has its own, over chunks of millions of f32.)

const BETA: (f64, f64) = (0.9, 0.999);
const EPSILON: f64 = 1e-8;

/// First and second moments of a gradient.
pub(super) struct Adam {
    first: Vec<f64>,
    second: Vec<f64>,
    steps: i32,
}

impl Adam {
    pub fn new(size: usize) -> Adam {
        Adam {
            first: vec![0.0; size],
            second: vec![0.0; size],
            steps: 0,
        }
    }

    /// One step of `values` against `gradient`.
    pub fn step(&mut self, values: &mut [f64], gradient: impl Iterator<Item = f64>, lr: f64) {
        self.steps += 1;
        let (unbias_1, unbias_2) = (1.0 - BETA.0.powi(self.steps), 1.0 - BETA.1.powi(self.steps));
        let moments = self.first.iter_mut().zip(&mut self.second);
        for ((value, g), (first, second)) in values.iter_mut().zip(gradient).zip(moments) {
            *first = BETA.0 * *first + (1.0 - BETA.0) * g;
            *second = BETA.1 * *second + (1.0 - BETA.1) * g * g;
            let root = (*second / unbias_2).sqrt() + EPSILON;
            *value -= lr * (*first / unbias_1) / root;
        }
    }
}
