//! CounterFact (Meng et al. 2022, §3.4): does an edit hold in other words, does
//! it leave its neighbours alone, is what the model writes still language?

pub mod answers;
pub mod file;
pub mod lines;
pub mod record;
pub mod report;
pub mod texts;
pub mod totals;
pub mod verdicts;

pub use answers::{Answer, Answers, Case, Judged, Scores};
pub use file::CasesFile;
pub use lines::{Figure, Line};
pub use record::{Object, Record, Rewrite};
pub use texts::{References, entropy};
pub use totals::{Interval, Totals, harmonic, harmonic_mean, interval, mean};
pub use verdicts::{Head, Verdict, Verdicts};
