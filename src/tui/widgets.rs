//! Drawing that knows nothing of the workbench: styles and numbers in, cells out.

pub mod gauge;
pub mod heatmap;
pub mod note;
pub mod panel;
pub mod radar;
pub mod sparkline;
pub mod token_strip;

/// The first of `len` rows to show in `height` rows so that `cursor` is among
/// them, in the middle where possible.
pub fn first_row(cursor: usize, len: usize, height: usize) -> usize {
    cursor
        .saturating_sub(height / 2)
        .min(len.saturating_sub(height))
}
