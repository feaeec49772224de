//! Is the edit any good? Probes, confabulations, scores.

pub mod confab;
pub mod counterfact;
pub mod forensics;
pub mod neighbours;
pub mod probes;
pub mod sample;
pub mod score;
pub mod spec;

pub use spec::{
    EditReport, Elapsed, FactRow, Generation, LayerNorm, MomentHealth, Pair, Probe, ProbeGroup,
    ProbeRow, Watch,
};
