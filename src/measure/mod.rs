//! Is the edit any good? Probes, confabulations, scores.

pub mod spec;

pub use spec::{
    EditReport, Elapsed, Generation, LayerNorm, MomentHealth, Pair, Probe, ProbeGroup, ProbeRow,
    Watch,
};
