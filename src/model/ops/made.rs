//! Rows of a matrix that are made each time they are used.

use candle_core::Result;
use std::ops::Range;

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
