//! The model: one hookable decoder.

pub mod ops;
