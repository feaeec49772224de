//! Thirteen views of one edit. An edit that says the new word on its own prompt
//! proves nothing: did it generalise, what did it break, does it last? Each view
//! is a score in 0–1 with a threshold ([`View::definition`]), and rests on prompts
//! that can be read. What the model did not answer before the edit tells nothing
//! of it and is left out; a view of which nothing remains is untold, which is
//! neither a pass nor a failure.

mod ask;
mod error;
mod follows;
pub mod later;
mod picture;
mod plan;
mod profile;
mod prompt;
mod propose;
mod report;
mod row;
pub mod score;
mod view;
mod wordings;
mod words;

pub use ask::{After, Asked};
pub use error::ViewsError;
pub use picture::{radar, svg};
pub use plan::Plan;
pub use profile::Profile;
pub use prompt::{Prompt, Wish, read};
pub use propose::propose;
pub use report::{Evidence, Verdict, ViewScore, ViewsReport};
pub use row::{Row, Said};
pub use view::{Thresholds, View};
pub use wordings::Wordings;
pub use words::sentence;
