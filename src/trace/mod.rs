//! Causal tracing: where does the model recall a fact? (Meng et al. 2022, §2)

pub mod spec;

pub use spec::{Answer, Grid, Grids, Kind, TraceReport, TraceSpec};
