//! Every method by its name.

use super::alpha_edit::AlphaEdit;
use super::direct::Direct;
use super::error::{EditError, Result};
use super::fine_tune::FineTune;
use super::memit::Memit;
use super::method::Method;
use super::rome::Rome;
use super::task::{Made, Rewrite, Task};

/// Rewrites the task's facts by `method`.
pub fn make(method: Method, task: &mut Task) -> Result<Made> {
    let last = task.decoder.layers() - 1;
    if let Some(&layer) = task.layers.iter().find(|&&layer| layer > last) {
        return Err(EditError::NoSuchLayer { layer, last });
    }
    if task.layers.is_empty() || task.facts.is_empty() {
        return Err(EditError::NoTemplates);
    }
    if task.facts.len() > 1 && !method.takes_many() {
        let method = method.name();
        return Err(EditError::OneAtATime { method });
    }
    task.hyper.check()?;
    match method {
        Method::Rome => Rome { one_key: false }.rewrite(task),
        Method::RRome => Rome { one_key: true }.rewrite(task),
        Method::Direct => Direct.rewrite(task),
        Method::Memit | Method::Emmet => {
            let one_is_exact = method == Method::Emmet;
            Memit { one_is_exact }.rewrite(task)
        }
        Method::AlphaEdit => AlphaEdit.rewrite(task),
        Method::Ft => FineTune { limited: false }.rewrite(task),
        Method::FtL => FineTune { limited: true }.rewrite(task),
        Method::Imported => Err(EditError::Imported),
    }
}
