//! OTHER less BASE: one tensor's difference, and what rounding may have to do with it.

use super::numbers::Numbers;
use faer::Mat;
use rayon::prelude::*;
use safetensors::tensor::TensorView;
use std::ops::Range;

/// Bands of rows that are read side by side.
const BANDS: usize = 64;
/// ΔW of a tensor, OTHER less BASE, with what is known on the way.
pub struct Difference {
    /// In the order of the file.
    pub values: Vec<f32>,
    pub rows: usize,
    pub cols: usize,
    /// ‖ΔW‖_F.
    pub norm: f64,
    /// ‖W‖_F, W as BASE has it.
    pub base_norm: f64,
    /// The largest singular value that rounding is likely to make: that of a matrix
    /// of independent errors of half a step each, where a number's step is the
    /// distance to its neighbour in the coarser of the two files' kinds. It is
    /// ½·(the largest ‖step‖ of a row + the largest of a column).
    pub noise: f64,
}

impl Difference {
    /// Rows `range` in f64.
    pub fn block(&self, range: Range<usize>) -> Mat<f64> {
        let cols = self.cols;
        let rows = &self.values[range.start * cols..range.end * cols];
        Mat::from_fn(range.len(), cols, |i, j| f64::from(rows[i * cols + j]))
    }

    /// ‖ΔW‖_F².
    pub fn energy(&self) -> f64 {
        self.norm * self.norm
    }
}

/// OTHER less BASE, or why that has no meaning.
pub fn subtract(a: &TensorView, b: &TensorView) -> Result<Difference, String> {
    let numbers = |view| Numbers::of(view);
    let (Some(old), Some(new)) = (numbers(a), numbers(b)) else {
        return Err("its numbers are whole, flags or quantised".into());
    };
    let count: usize = a.shape().iter().product();
    let (rows, cols) = match a.shape() {
        [rows, cols] => (*rows, *cols),
        _ => (1, count),
    };
    let mut values = vec![0f32; count];
    let band = rows.div_ceil(BANDS).max(1);
    let bands = values.par_chunks_mut((band * cols).max(1)).enumerate();
    let bands = bands.map(|(n, band_values)| {
        let mut sums = Sums::of(cols);
        for (i, row) in band_values.chunks_mut(cols.max(1)).enumerate() {
            let first = (n * band + i) * cols;
            let steps = row.iter_mut().enumerate().zip(&mut sums.columns);
            let mut of_row = 0.0;
            for ((j, slot), of_column) in steps {
                let (x, y) = (old.at(first + j), new.at(first + j));
                // What f32 cannot hold is infinite in it, and told below.
                *slot = (y - x) as f32;
                let step = old.kind.step(x).max(new.kind.step(y));
                sums.difference += f64::from(*slot).powi(2);
                sums.base += x * x;
                of_row += step * step;
                *of_column += step * step;
            }
            sums.row = sums.row.max(of_row);
        }
        sums
    });
    // In order, so that the figures are the same on every machine.
    let bands: Vec<Sums> = bands.collect();
    let sums = bands.into_iter().fold(Sums::of(cols), Sums::and);
    if !(sums.difference.is_finite() && sums.base.is_finite()) {
        return Err("it holds values that are not finite (NaN or infinity)".into());
    }
    let column = sums.columns.iter().copied().fold(0.0, f64::max);
    Ok(Difference {
        values,
        rows,
        cols,
        norm: sums.difference.sqrt(),
        base_norm: sums.base.sqrt(),
        noise: 0.5 * (sums.row.sqrt() + column.sqrt()),
    })
}

/// Sums of squares over a band of rows.
struct Sums {
    difference: f64,
    base: f64,
    /// Of the steps of one row, the largest.
    row: f64,
    /// Of the steps of each column.
    columns: Vec<f64>,
}

impl Sums {
    fn of(cols: usize) -> Sums {
        Sums {
            difference: 0.0,
            base: 0.0,
            row: 0.0,
            columns: vec![0.0; cols],
        }
    }

    fn and(mut self, other: Sums) -> Sums {
        self.difference += other.difference;
        self.base += other.base;
        self.row = self.row.max(other.row);
        let columns = self.columns.iter_mut().zip(other.columns);
        columns.for_each(|(sum, x)| *sum += x);
        self
    }
}
