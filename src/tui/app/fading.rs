//! Edits that were written over by later ones.

use super::edits::Edits;
use crate::engine::Stacked;
use crate::measure::fell;

impl Edits {
    /// p(target) when the edit was made and now, where it has faded: it is on
    /// in full, and fell by more than 0.1 and by more than a third, as a
    /// neighbour that moves does (ALGORITHMS §5). One that is scaled down is
    /// as weak as it was told to be.
    pub fn faded(&self, stacked: Stacked) -> Option<(f64, f64)> {
        let made = self.records.get(&stacked.id)?.report.p_target.after;
        let now = *self.check.held.get(&stacked.id)?;
        (stacked.on && stacked.alpha >= 1.0 && fell(made, now)).then_some((made, now))
    }

    /// The edits that the newest one made fade: place, p before it and now.
    pub fn newly_faded(&mut self) -> Vec<(usize, f64, f64)> {
        let Some(before) = self.check.before.take() else {
            return Vec::new();
        };
        let faded = self.stack.iter().enumerate().filter_map(|(at, s)| {
            let made = self.records.get(&s.id)?.report.p_target.after;
            let before = before.get(&s.id).copied().unwrap_or(made);
            let now = *self.check.held.get(&s.id)?;
            (s.on && s.alpha >= 1.0 && fell(before, now)).then_some((at + 1, before, now))
        });
        faded.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::edit::EditSpec;
    use crate::measure::{EditReport, Pair, Watch};
    use crate::tui::app::EditRecord;
    use std::collections::BTreeMap;

    #[test]
    fn an_edit_fades_by_a_deep_fall_while_it_is_on_in_full() {
        let mut edits = Edits::default();
        for id in 1..3 {
            let (alpha, on) = (1.0, true);
            let record = EditRecord {
                spec: EditSpec::default(),
                watch: Watch::default(),
                made_on: vec![],
                report: EditReport {
                    p_target: Pair {
                        before: 0.0,
                        after: 0.98,
                    },
                    ..EditReport::default()
                },
                deltas: vec![],
            };
            edits.push(Stacked { id, alpha, on }, record);
        }
        edits.check.held = BTreeMap::from([(1, 0.41), (2, 0.90)]);
        let faded = |edits: &Edits, at: usize| edits.faded(edits.stack[at]);
        assert_eq!(faded(&edits, 0), Some((0.98, 0.41)));
        assert_eq!(faded(&edits, 1), None);
        edits.stack[0].alpha = 0.5;
        assert_eq!(faded(&edits, 0), None);
        edits.stack[0].alpha = 1.0;
        // Told once, and only of what the newest edit did.
        edits.check.before = Some(BTreeMap::from([(1, 0.97)]));
        assert_eq!(edits.newly_faded(), [(1, 0.97, 0.41)]);
        assert_eq!(edits.newly_faded(), []);
        edits.check.before = Some(BTreeMap::from([(1, 0.42)]));
        assert_eq!(edits.newly_faded(), []);
    }
}
