//! The bare factors, with what they are of.

use super::{ExportError, On, about};
use crate::model::config::Config;
use crate::session::factors::{bytes, pack};
use crate::session::schema::Session;
use std::collections::HashMap;

/// Per edit and layer `edits.N.layers.L.r` [d, m] and `.u` [d_k, m], of a dense
/// change `.change` [d, d_k], and `.bias` [d] where it moves; α is not in them.
pub fn file(on: &[On], config: &Config, session: &Session) -> Result<Vec<u8>, ExportError> {
    let (d, d_k) = (config.d, config.d_mlp);
    let mut tensors = Vec::new();
    let mut metadata = HashMap::from([
        ("base".to_owned(), session.model.id.clone()),
        ("base_sha256".to_owned(), session.model.sha256.clone()),
    ]);
    for (n, on) in on.iter().enumerate() {
        metadata.insert(format!("edits.{n}"), about(on).to_string());
        for delta in on.deltas {
            let name = |part: &str| format!("edits.{n}.layers.{}.{part}", delta.layer);
            if delta.is_dense() {
                let rows = (0..d).flat_map(|i| delta.u.iter().skip(i).step_by(d));
                let change: Vec<f32> = rows.copied().collect();
                tensors.push((name("change"), vec![d, d_k], bytes(&change)));
            } else {
                let m = delta.rank;
                tensors.push((name("r"), vec![d, m], bytes(&delta.r)));
                tensors.push((name("u"), vec![d_k, m], bytes(&delta.u)));
            }
            if !delta.bias.is_empty() {
                tensors.push((name("bias"), vec![d], bytes(&delta.bias)));
            }
        }
    }
    pack(&tensors, metadata).map_err(ExportError::Encode)
}
