//! Pictures for papers and talks: plain SVG, drawn from numbers alone.

pub mod board;
mod chart;
pub mod dots;
pub mod heat;
pub mod radar;
mod svg;

pub use chart::{Chart, Line, side_by_side};
pub use svg::escaped;
