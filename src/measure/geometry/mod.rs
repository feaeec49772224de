//! Keys beside one another: which neighbours an edit must move, which it did move,
//! and where its subject went.
//!
//! ROME writes ΔW = r uᵀ with u ∝ C⁻¹k* (Meng et al. 2022, eq. 2), so that it moves
//! the MLP's output at every position by r (u·k). To first order a neighbour is
//! touched in proportion to u·k / u·k*, its *gate*; the cosine of the two keys in the
//! metric of C⁻¹ is the same without their lengths, and the plain cosine is what one
//! would guess without C.

mod centroids;
mod data;
mod picture;
mod rank;
mod read;
mod response;
mod scene;
mod subject;
mod words;

pub use data::{
    Centroids, GeometryReport, GeometrySpec, Group, KeyAt, KeyRow, Member, Place, Prediction,
    Predictor, Role, RowKey,
};
pub use picture::svg;
pub use rank::{Area, RankCorrelation, area, rank_correlation};
pub use read::look;
pub use scene::Scene;
pub use words::jsonl;
