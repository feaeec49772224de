//! Probes: the same prompts before and after, and what moved.

use super::score::{Ask, Scored, score};
use super::spec::{Probe, ProbeRow};
use crate::edit::error::Result;
use crate::model::probe::Probe as Hook;
use crate::model::{Decoder, Tokens};

/// Probes made ready for one tokenizer.
pub struct Probes<'a> {
    tokens: &'a Tokens,
    probes: &'a [Probe],
    asks: Vec<Ask>,
}

impl<'a> Probes<'a> {
    pub fn new(tokens: &'a Tokens, probes: &'a [Probe]) -> Result<Probes<'a>> {
        let ask = |p: &Probe| Ask::new(tokens, &p.prompt, &[p.expected.as_str()]);
        Ok(Probes {
            tokens,
            probes,
            asks: probes.iter().map(ask).collect::<Result<_>>()?,
        })
    }

    /// Rows with the left half filled in.
    pub fn before<P: Hook>(
        &self,
        decoder: &Decoder,
        hook: &mut P,
        mut each: impl FnMut(usize, &ProbeRow),
    ) -> Result<Vec<ProbeRow>> {
        let mut rows = Vec::with_capacity(self.probes.len());
        score(decoder, &self.asks, hook, |i, scored| {
            let probe = &self.probes[i];
            let row = ProbeRow {
                prompt: probe.prompt.clone(),
                expected: probe.expected.clone(),
                group: probe.group,
                p_before: p(scored),
                top_before: self.tokens.show(scored.top.0),
                ..ProbeRow::default()
            };
            each(i, &row);
            rows.push(row);
        })?;
        Ok(rows)
    }

    /// Fills in the right half.
    pub fn after<P: Hook>(
        &self,
        decoder: &Decoder,
        rows: &mut [ProbeRow],
        hook: &mut P,
        mut each: impl FnMut(usize, &ProbeRow),
    ) -> Result<()> {
        score(decoder, &self.asks, hook, |i, scored| {
            let row = &mut rows[i];
            row.p_after = p(scored);
            row.top_after = self.tokens.show(scored.top.0);
            row.moved = moved(row);
            each(i, row);
        })?;
        Ok(())
    }
}

fn p(scored: &Scored) -> f64 {
    scored.log_p.first().map_or(0.0, |log_p| log_p.exp())
}

/// A neighbour has moved when its top token changed, or p(expected) fell by
/// more than 0.1 and by more than a third (ALGORITHMS §5).
fn moved(row: &ProbeRow) -> bool {
    let fall = row.p_before - row.p_after;
    row.top_before != row.top_after || (fall > 0.1 && fall > row.p_before / 3.0)
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
