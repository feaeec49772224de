//! Is an edit fit to be kept? Three checks (ALGORITHMS §5, the validation loop):
//! the new answer to paraphrases, what else the model says, and what its
//! residual stream looks like, each against a baseline captured once.
//!
//! None of them needs a model that follows instructions. The battery compares
//! the distribution of the next token before and after, and that is defined for
//! a base model of facts as for any other; there it tells that the edit left
//! unrelated text alone, and nothing of instructions.

pub mod baseline;
pub mod battery;
pub mod candidates;
pub mod case;
pub mod check;
pub mod error;
pub mod paraphrases;
pub mod plan;
pub mod report;
pub mod thresholds;

pub use baseline::{Baseline, Shift};
pub use battery::{Battery, Category};
pub use candidates::{Candidates, Origin};
pub use case::Case;
pub use check::{Check, CheckKind, Part, Verdict};
pub use error::ValidateError;
pub use paraphrases::Paraphrases;
pub use plan::Plan;
pub use report::{Attempt, Step, Validation};
pub use thresholds::Thresholds;
