//! zsRE as ROME and MEMIT score it (Meng et al. 2022, §3.2 and Table 1; Meng et al.
//! 2023, §5): questions of the zero-shot relation extraction set (Levy et al. 2017)
//! that Mitchell et al. (2022) chose, each with a rephrasing and an unrelated question.
//! A prompt's score is the share of its answer's tokens that are the model's first
//! choice, those before them given.

pub mod answers;
pub mod lines;
pub mod record;

pub use answers::{Marked, Marks, mark};
pub use lines::Line;
pub use record::{Question, Written, parse};
