//! How many floating-point operations a computation needs, counted as
//! ALGORITHMS §1 counts: two for each weight that a row meets.

use pentimento::edit::Context;
use pentimento::model::Config;
use pentimento::trace::{Kind, TraceReport, window};

/// Both passes and every cell's own rows. Runs that the trace shares between
/// cells are counted for each of them: what is needed, not what is spent.
#[allow(dead_code, reason = "each bench uses its own counts")]
pub fn trace(config: &Config, report: &TraceReport) -> f64 {
    let (tokens, first) = (report.tokens.len(), report.subject_range[0]);
    let (layers, samples) = (config.layers, report.samples);
    let attention = 2 * config.d * (config.heads + config.kv_heads) * config.head_dim;
    let mlp = 2 * config.d * config.d_mlp;
    let keys = 2 * config.d * config.kv_heads * config.head_dim;
    let head = config.vocab * config.d;

    let rows = tokens + samples * (tokens - first);
    let mut weights_met = rows * layers * (attention + mlp) + (1 + samples) * head;
    for token in first..tokens {
        for kind in Kind::ALL {
            for layer in 0..layers {
                let from = match kind {
                    Kind::State => layer,
                    _ => window::around(layer, report.window, layers).start,
                };
                if from + 1 == layers {
                    continue;
                }
                let rows = samples * (tokens - token);
                let full = rows * (layers - from - 2) * (attention + mlp);
                // The last layer: keys of every row, the rest of the last one.
                let last = rows * keys + samples * (attention - keys + mlp);
                weights_met += full + last + samples * head;
            }
        }
    }
    2.0 * weights_met as f64
}

/// One evaluation of the v* loss with its gradient: forward, and back to the
/// activations, above `layer` at positions from the subject's last token on.
#[allow(dead_code, reason = "each bench uses its own counts")]
pub fn value_step(config: &Config, context: &Context, layer: usize) -> f64 {
    let forced = context.target.len() - 1;
    let of_contexts: usize = context
        .rows
        .iter()
        .map(|row| row.ids.len() + forced - row.subject_last)
        .sum();
    let rows = of_contexts + context.essence.ids.len() - context.essence.subject_last;
    let attention = 2 * config.d * (config.heads + config.kv_heads) * config.head_dim;
    let mlp = 2 * config.d * config.d_mlp;
    let logits = context.rows.len() * context.target.len() + 1;
    let above = config.layers - layer - 1;
    let weights_met = rows * above * (attention + mlp) + logits * config.vocab * config.d;
    2.0 * 2.0 * weights_met as f64
}
