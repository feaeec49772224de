//! Probes: the same prompts before and after, and what moved.

use super::rescore::Rescore;
use super::score::{Ask, Scored};
use super::spec::{Probe, ProbeRow};
use crate::edit::error::Result;
use crate::model::probe::Probe as Hook;
use crate::model::{Decoder, Tokens};

/// Probes made ready for one model, with what it was seen to say.
pub struct Probes {
    probes: Vec<Probe>,
    asks: Rescore,
    /// The left half, once the unedited model was asked.
    before: Option<Vec<ProbeRow>>,
}

impl Probes {
    pub fn new(tokens: &Tokens, decoder: &Decoder, probes: &[Probe]) -> Result<Probes> {
        let ask = |p: &Probe| Ask::new(tokens, &p.prompt, &[p.expected.as_str()]);
        let asks = probes.iter().map(ask).collect::<Result<_>>()?;
        Ok(Probes {
            probes: probes.to_vec(),
            asks: Rescore::new(decoder, asks)?,
            before: None,
        })
    }

    /// Whether these are the probes, in this order.
    pub fn are(&self, probes: &[Probe]) -> bool {
        self.probes == probes
    }

    /// Rows with the left half filled in. The unedited model is asked once;
    /// `each` sees the rows only then. `next` is the layer that an edit is
    /// about to change, where it is known.
    pub fn before<P: Hook>(
        &mut self,
        tokens: &Tokens,
        pristine: &Decoder,
        next: Option<usize>,
        hook: &mut P,
        mut each: impl FnMut(usize, &ProbeRow),
    ) -> Result<Vec<ProbeRow>> {
        if let Some(rows) = &self.before {
            return Ok(rows.clone());
        }
        let mut rows = Vec::with_capacity(self.probes.len());
        let probes = &self.probes;
        self.asks.run(pristine, next, hook, |i, scored| {
            let probe = &probes[i];
            let row = ProbeRow {
                p_before: p(scored),
                top_before: tokens.show(scored.top.0),
                ..ProbeRow::of(probe)
            };
            each(i, &row);
            rows.push(row);
        })?;
        self.before = Some(rows.clone());
        Ok(rows)
    }

    /// p(expected) of every probe as `decoder` has it.
    pub fn p<P: Hook>(&mut self, decoder: &Decoder, hook: &mut P) -> Result<Vec<f64>> {
        let mut all = Vec::with_capacity(self.probes.len());
        self.asks
            .run(decoder, None, hook, |_, scored| all.push(p(scored)))?;
        Ok(all)
    }

    /// Fills in the right half.
    pub fn after<P: Hook>(
        &mut self,
        tokens: &Tokens,
        decoder: &Decoder,
        rows: &mut [ProbeRow],
        hook: &mut P,
        mut each: impl FnMut(usize, &ProbeRow),
    ) -> Result<()> {
        self.asks.run(decoder, None, hook, |i, scored| {
            if let Some(row) = rows.get_mut(i) {
                row.p_after = p(scored);
                row.top_after = tokens.show(scored.top.0);
                row.moved = moved(row);
                each(i, row);
            }
        })
    }
}

fn p(scored: &Scored) -> f64 {
    scored.log_p.first().map_or(0.0, |log_p| log_p.exp())
}

/// A neighbour has moved when its top token changed, or p(expected) fell
/// (ALGORITHMS §5).
fn moved(row: &ProbeRow) -> bool {
    shifted(
        (row.p_before, &row.top_before),
        (row.p_after, &row.top_after),
    )
}

/// As a neighbour moves: p(expected) and the top token, before and after.
pub fn shifted(before: (f64, &str), after: (f64, &str)) -> bool {
    before.1 != after.1 || fell(before.0, after.0)
}

/// Whether a probability fell by more than 0.1 and by more than a third.
pub fn fell(before: f64, after: f64) -> bool {
    let fall = before - after;
    fall > 0.1 && fall > before / 3.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moved_needs_a_new_top_or_a_deep_fall() {
        let row = |before: f64, after: f64, top: &str| ProbeRow {
            p_before: before,
            p_after: after,
            top_before: "a".into(),
            top_after: top.into(),
            ..ProbeRow::default()
        };
        assert!(moved(&row(0.9, 0.9, "b")));
        assert!(moved(&row(0.9, 0.5, "a")));
        assert!(!moved(&row(0.9, 0.7, "a")), "a fall of less than a third");
        assert!(!moved(&row(0.12, 0.05, "a")), "a fall of less than 0.1");
        assert!(!moved(&row(0.1, 0.9, "a")), "a rise");
    }
}
