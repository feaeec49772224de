//! Is the edit any good? Probes, confabulations, scores.

pub mod board;
pub mod calibrate;
pub mod cases;
pub mod confab;
pub mod correlation;
pub mod counterfact;
pub mod duel;
pub mod erase;
pub mod forensics;
pub mod geometry;
pub mod known;
pub mod lens;
pub mod localisation;
pub mod neighbours;
pub mod perplexity;
pub mod probes;
pub mod rescore;
pub mod sample;
pub mod score;
pub mod spec;
pub mod table;
pub mod validate;
pub mod views;
pub mod zsre;

pub use probes::{fell, shifted};
pub use spec::{
    BROKEN, EditReport, Elapsed, FactRow, Generation, HEALTHY, LayerNorm, MomentHealth, Pair,
    Probe, ProbeGroup, ProbeRow, Watch,
};
