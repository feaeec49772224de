//! An edit while it is being computed: its stages, and the loss as it falls.

use super::{AIR, FIRST, Row, about, blank, labelled, loss_row, words};
use crate::engine::Stage;
use crate::tui::app::Making;
use crate::tui::theme::Styles;
use crate::tui::view::header::stage_name;

/// What an edit goes through, in this order.
const STAGES: [Stage; 7] = [
    Stage::Templates,
    Stage::SecondMoment,
    Stage::Value,
    Stage::Update,
    Stage::Checks,
    Stage::Probes,
    Stage::Generations,
];

pub fn stage(making: &Making) -> &'static str {
    making.stage.map_or("waiting", stage_name)
}

pub fn lines<'a>(making: &'a Making, styles: &'a Styles) -> Vec<Row<'a>> {
    let mut rows = vec![words(5, about(&making.spec, styles)), blank()];
    let now = making
        .stage
        .and_then(|s| STAGES.iter().position(|at| *at == s));
    for (nth, stage) in STAGES.into_iter().enumerate() {
        if stage == Stage::Checks && !making.validated {
            continue;
        }
        let (mark, mark_style, style, rank) = match now {
            Some(now) if nth < now => ("✓ ", styles.good(), styles.dim(), 8),
            Some(now) if nth == now => ("▸ ", styles.accent(), styles.text(), FIRST),
            _ => ("· ", styles.faint(), styles.dim(), 9),
        };
        let mut line = vec![
            (mark.to_string(), mark_style),
            (stage_name(stage).to_string(), style),
        ];
        if stage == Stage::Value
            && let Some(last) = making.losses.last()
        {
            let step = format!("   step {}/{}", last.step, last.steps);
            line.push((step, styles.dim()));
        }
        rows.push(words(rank, line));
    }
    if let Some(last) = making.losses.last() {
        let totals = making.losses.iter().map(|l| l.total).collect();
        let parts = format!(
            "nll {:.3}   kl {:.3}   decay {:.3}",
            last.nll, last.kl, last.wd
        );
        rows.push(blank());
        rows.push(loss_row(2, totals, format!("{:.3}", last.total), styles));
        rows.push(labelled(AIR - 1, "", vec![(parts, styles.dim())], styles));
    }
    let warnings = making.warnings.iter();
    rows.extend(warnings.flat_map(|w| super::report::warning(w, styles)));
    rows
}
