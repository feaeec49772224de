//! Which rows of a prompt a pass computes, and what it remembers of the rest.
//!
//! The one ability behind tracing, v* and generation: a pass can start at
//! position p, when the keys and values of the positions before are known.

use super::error::Result;
use super::ops;
use candle_core::{Device, Tensor};
use std::sync::OnceLock;

/// The rows of one pass: each batch row has `rows` tokens starting at its own
/// position, after `past` columns of cached keys and values.
#[derive(Clone, Debug)]
pub struct Span {
    /// Position of each batch row's first token; one entry serves all rows.
    pub starts: Vec<usize>,
    /// Tokens per batch row, R.
    pub rows: usize,
    /// Additive attention bias `[1 or B, R, K]`: 0 where a row may look, −∞ where not.
    pub bias: Tensor,
    /// The position of each key column, K for each entry of `starts`.
    keys: Vec<usize>,
    /// The bias of local layers, once one has asked for it, and their window.
    local: OnceLock<(usize, Tensor)>,
}

impl Span {
    /// Rows that begin at `starts`, see by `bias` `[starts, R, K]`, and whose key
    /// columns are at positions `keys`, row-major `[starts, K]`.
    pub fn new(starts: Vec<usize>, rows: usize, bias: Tensor, keys: Vec<usize>) -> Span {
        Span {
            starts,
            rows,
            bias,
            keys,
            local: OnceLock::new(),
        }
    }

    /// A whole prompt of `rows` tokens.
    pub fn whole(rows: usize, device: &Device) -> Result<Span> {
        Span::after(0, rows, device)
    }

    /// `rows` tokens after `past` cached ones, the same for every batch row.
    pub fn after(past: usize, rows: usize, device: &Device) -> Result<Span> {
        Span::ragged(&[past], past, rows, device)
    }

    /// Batch rows that start at their own positions: row b sees the first
    /// `starts[b]` of the `past` cached columns (the others are padding), and
    /// its own tokens causally. Pads to the right of a row need no mask:
    /// nothing real looks to its right.
    pub fn ragged(starts: &[usize], past: usize, rows: usize, device: &Device) -> Result<Span> {
        let columns = past + rows;
        let mut bias = vec![0f32; starts.len() * rows * columns];
        for (b, &start) in starts.iter().enumerate() {
            for r in 0..rows {
                let row = &mut bias[(b * rows + r) * columns..][..columns];
                row[start.min(past)..past].fill(f32::NEG_INFINITY);
                row[past + r + 1..].fill(f32::NEG_INFINITY);
            }
        }
        let bias = Tensor::from_vec(bias, (starts.len(), rows, columns), device)?;
        let keys = (starts.iter()).flat_map(|&start| (0..past).chain(start..start + rows));
        let keys = keys.collect();
        Ok(Span::new(starts.to_vec(), rows, bias, keys))
    }

    /// The same rows with `extra` `[1 or B, R, K]` added to the attention bias.
    pub fn with_bias(self, extra: &Tensor) -> Result<Span> {
        let bias = self.bias.broadcast_add(extra)?.contiguous()?;
        Ok(Span::new(self.starts, self.rows, bias, self.keys))
    }

    /// The bias of a layer whose rows see only the `window` last positions, their own
    /// included. Made once a pass: all local layers of a model have one window.
    pub(super) fn within(&self, window: usize) -> Result<Tensor> {
        let columns = self.keys.len() / self.starts.len().max(1);
        let hidden = |b: usize, row: usize, column: usize| {
            self.starts[b] + row >= self.keys[b * columns + column] + window
        };
        let far = |b| self.rows > 0 && (0..columns).any(|k| hidden(b, self.rows - 1, k));
        if !(0..self.starts.len()).any(far) {
            return Ok(self.bias.clone());
        }
        if let Some((_, bias)) = self.local.get().filter(|(of, _)| *of == window) {
            return Ok(bias.clone());
        }
        let mut mask = Vec::with_capacity(self.starts.len() * self.rows * columns);
        for b in 0..self.starts.len() {
            for row in 0..self.rows {
                let of = |column| match hidden(b, row, column) {
                    true => f32::NEG_INFINITY,
                    false => 0.0,
                };
                mask.extend((0..columns).map(of));
            }
        }
        let shape = (self.starts.len(), self.rows, columns);
        let mask = Tensor::from_vec(mask, shape, self.bias.device())?;
        let bias = self.bias.broadcast_add(&mask)?;
        // Another window of the same pass is made anew; no family has two.
        let _ = self.local.set((window, bias.clone()));
        Ok(bias)
    }
}

/// Which rows of a pass are wanted: `count` of each batch row, from its own first
/// on; one entry serves all.
#[derive(Clone, Debug)]
pub struct Window {
    pub firsts: Vec<usize>,
    pub count: usize,
}

impl Window {
    /// Every row.
    pub fn all(span: &Span) -> Window {
        Window::from(0, span)
    }

    /// Rows `first..`.
    pub fn from(first: usize, span: &Span) -> Window {
        Window {
            firsts: vec![first],
            count: span.rows.saturating_sub(first),
        }
    }

    /// The wanted rows of `x` `[B, R, ·]`, or of what all batch rows share
    /// `[1, R, ·]`: `[B, Q, ·]`.
    pub(super) fn of(&self, x: &Tensor) -> candle_core::Result<Tensor> {
        let (batch, rows, width) = x.dims3()?;
        let first = self.firsts.first().copied().unwrap_or(0);
        if self.firsts.iter().all(|&other| other == first) {
            return match (first, self.count) {
                (0, count) if count == rows => Ok(x.clone()),
                (first, count) => x.narrow(1, first, count)?.contiguous(),
            };
        }
        let own = |b: usize| if batch == 1 { 0 } else { b * rows };
        let firsts = self.firsts.iter().enumerate();
        let flat = firsts
            .flat_map(|(b, first)| (0..self.count).map(move |row| (own(b) + first + row) as u32));
        let flat = Tensor::from_iter(flat, x.device())?;
        x.reshape((batch * rows, width))?
            .index_select(&flat, 0)?
            .reshape((self.firsts.len(), self.count, width))
    }

    /// Position of each batch row's first wanted token; one entry serves all.
    pub(super) fn starts(&self, span: &Span) -> Vec<usize> {
        let of = |all: &[usize], b: usize| all.get(b).or(all.first()).copied().unwrap_or(0);
        let batch = span.starts.len().max(self.firsts.len());
        (0..batch)
            .map(|b| of(&span.starts, b) + of(&self.firsts, b))
            .collect()
    }
}

/// Keys and values of earlier positions, a pair a layer: `[P, N, kv_heads·head_dim]`.
/// Batch row b reads entry b mod P: one past serves every run that shares it.
#[derive(Clone, Debug, Default)]
pub struct Past {
    pub layers: Vec<Option<(Tensor, Tensor)>>,
    /// Whether a pass appends its own keys and values (generation) or leaves
    /// the past as it is (tracing, v*).
    pub grows: bool,
}

impl Past {
    /// Nothing yet, for a model of `layers` layers; passes append to it.
    pub fn growing(layers: usize) -> Past {
        Past {
            layers: vec![None; layers],
            grows: true,
        }
    }

    /// Cached columns at `layer`.
    pub fn len(&self, layer: usize) -> usize {
        match self.layers.get(layer) {
            Some(Some((keys, _))) => keys.dim(1).unwrap_or(0),
            _ => 0,
        }
    }

    pub fn is_empty(&self) -> bool {
        self.layers.iter().all(Option::is_none)
    }

    /// A frozen copy that keeps only the first `columns` positions.
    pub fn truncated(&self, columns: usize) -> Result<Past> {
        let cut = |t: &Tensor| t.narrow(1, 0, columns.min(t.dim(1)?))?.contiguous();
        let layers = self
            .layers
            .iter()
            .map(|pair| match pair {
                Some((k, v)) if columns > 0 => Ok(Some((cut(k)?, cut(v)?))),
                _ => Ok(None),
            })
            .collect::<Result<_>>()?;
        Ok(Past {
            layers,
            grows: false,
        })
    }

    /// What is cached at `layer`.
    pub fn at(&self, layer: usize) -> Option<(&Tensor, &Tensor)> {
        let (keys, values) = self.layers.get(layer)?.as_ref()?;
        Some((keys, values))
    }

    /// Puts the cached columns of `layer` before a pass's own `k` and `v` `[B, R, ·]`,
    /// and keeps what comes out if it grows.
    pub(super) fn extend(
        &mut self,
        layer: usize,
        k: Tensor,
        v: Tensor,
    ) -> Result<(Tensor, Tensor)> {
        let (k, v) = match self.at(layer) {
            Some((past_k, past_v)) => (ops::join(past_k, &k)?, ops::join(past_v, &v)?),
            None => (k, v),
        };
        if let (true, Some(slot)) = (self.grows, self.layers.get_mut(layer)) {
            *slot = Some((k.clone(), v.clone()));
        }
        Ok((k, v))
    }
}
