//! A case, as the published file has it.

use crate::edit::Request;
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Record {
    pub case_id: u64,
    pub requested_rewrite: Rewrite,
    pub paraphrase_prompts: Vec<String>,
    pub neighborhood_prompts: Vec<String>,
    /// What is to be continued freely; a case may have none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub generation_prompts: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Rewrite {
    pub prompt: String,
    pub subject: String,
    pub target_new: Object,
    pub target_true: Object,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Object {
    #[serde(rename = "str")]
    pub text: String,
}

impl Record {
    pub fn request(&self) -> Request {
        let rewrite = &self.requested_rewrite;
        Request {
            prompt: rewrite.prompt.clone(),
            subject: rewrite.subject.clone(),
            target: rewrite.target_new.text.clone(),
        }
    }
}
