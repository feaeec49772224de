//! Sites and probes: how anything reads or rewrites an activation.
//!
//! The decoder says `x = probe.visit(site, x)?` once per site. What a probe
//! returns is what the rest of the model sees, so captures see what patches
//! before them wrote.
//!
//! ```
//! use candle_core::Device;
//! use pentimento::model::probe::Capture;
//! use pentimento::model::{Point, Site, Source};
//!
//! let model = Source::Atlas.load(&Device::Cpu)?;
//! let ids = model.tokens.encode("The Space Needle is located in")?.ids;
//! // What layer 2's last matrix reads at every token.
//! let site = Site::new(2, Point::MlpKey);
//! let mut capture = Capture::at([site]);
//! model.decoder.forward(&[&ids], None, &mut capture)?;
//! let keys = capture.take(site).expect("every site is visited");
//! assert_eq!(keys.dims(), [1, ids.len(), model.decoder.config.d_mlp]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use super::error::Result;
use candle_core::Tensor;
use std::collections::BTreeMap;

/// The points of a block at which an activation can be read or rewritten.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Point {
    /// Token embedding before positions, `[B, T, d]` (layer 0 only).
    Embed,
    /// The residual that enters the block, `[B, R, d]`.
    ResidPre,
    /// Softmax of the attention scores, `[B, H, R, K]`; only where a probe wants it.
    AttnPattern,
    /// What attention adds to the residual, `[B, R, d]`.
    AttnOut,
    /// The residual between attention and MLP; parallel families have none.
    ResidMid,
    /// The key: input of the MLP's last matrix, `[B, R, d_k]`.
    MlpKey,
    /// The value: what the MLP adds to the residual, bias included, `[B, R, d]`.
    MlpOut,
    /// The block's output, `[B, R, d]`.
    ResidPost,
    /// After the final norm, before the head, `[N, d]` (layer L − 1 only).
    FinalNorm,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Site {
    pub layer: usize,
    pub point: Point,
}

impl Site {
    pub fn new(layer: usize, point: Point) -> Site {
        Site { layer, point }
    }
}

pub trait Probe {
    /// Sees the activation at `site`; what it returns takes its place.
    fn visit(&mut self, site: Site, x: Tensor) -> Result<Tensor>;

    /// Whether [`Point::AttnPattern`] of this layer should be computed at all.
    fn wants_pattern(&self, _layer: usize) -> bool {
        false
    }

    /// Whether [`Point::MlpKey`] of this layer is visited: the MLP is one op
    /// where it is not.
    fn wants_key(&self, _layer: usize) -> bool {
        true
    }
}

/// The probe that does nothing and costs nothing.
impl Probe for () {
    #[inline]
    fn visit(&mut self, _site: Site, x: Tensor) -> Result<Tensor> {
        Ok(x)
    }

    fn wants_key(&self, _layer: usize) -> bool {
        false
    }
}

impl<P: Probe + ?Sized> Probe for &mut P {
    fn visit(&mut self, site: Site, x: Tensor) -> Result<Tensor> {
        (**self).visit(site, x)
    }

    fn wants_pattern(&self, layer: usize) -> bool {
        (**self).wants_pattern(layer)
    }

    fn wants_key(&self, layer: usize) -> bool {
        (**self).wants_key(layer)
    }
}

/// First `A`, then `B` on what `A` returned.
impl<A: Probe, B: Probe> Probe for (A, B) {
    fn visit(&mut self, site: Site, x: Tensor) -> Result<Tensor> {
        let x = self.0.visit(site, x)?;
        self.1.visit(site, x)
    }

    fn wants_pattern(&self, layer: usize) -> bool {
        self.0.wants_pattern(layer) || self.1.wants_pattern(layer)
    }

    fn wants_key(&self, layer: usize) -> bool {
        self.0.wants_key(layer) || self.1.wants_key(layer)
    }
}

/// Keeps the activations of chosen sites.
#[derive(Default)]
pub struct Capture {
    sites: Vec<Site>,
    pub seen: BTreeMap<Site, Tensor>,
}

impl Capture {
    pub fn at(sites: impl IntoIterator<Item = Site>) -> Capture {
        Capture {
            sites: sites.into_iter().collect(),
            seen: BTreeMap::new(),
        }
    }

    /// One point of every layer.
    pub fn every(layers: usize, point: Point) -> Capture {
        Capture::at((0..layers).map(|layer| Site { layer, point }))
    }

    /// Takes what was seen at `site` out of the capture.
    pub fn take(&mut self, site: Site) -> Option<Tensor> {
        self.seen.remove(&site)
    }
}

impl Probe for Capture {
    fn visit(&mut self, site: Site, x: Tensor) -> Result<Tensor> {
        if self.sites.contains(&site) {
            self.seen.insert(site, x.clone());
        }
        Ok(x)
    }

    fn wants_pattern(&self, layer: usize) -> bool {
        self.sites.contains(&Site::new(layer, Point::AttnPattern))
    }

    fn wants_key(&self, layer: usize) -> bool {
        self.sites.contains(&Site::new(layer, Point::MlpKey))
    }
}

/// Puts `rows` `[B, n, d]` (or `[1, n, d]`, for every row of the batch) in the
/// place of positions `at..at + n`.
pub struct Patch {
    pub site: Site,
    pub at: usize,
    pub rows: Tensor,
}

impl Probe for Patch {
    fn visit(&mut self, site: Site, x: Tensor) -> Result<Tensor> {
        if site != self.site {
            return Ok(x);
        }
        let (batch, _, d) = x.dims3()?;
        let n = self.rows.dim(1)?;
        let rows = self.rows.broadcast_as((batch, n, d))?.contiguous()?;
        Ok(splice(&x, self.at, &rows)?)
    }

    fn wants_key(&self, layer: usize) -> bool {
        self.site == Site::new(layer, Point::MlpKey)
    }
}

/// Adds `vector` `[B, n, d]` (or `[1, n, d]`, `[1, 1, d]`) to positions
/// `at..at + n`: noise on embeddings, δ on an MLP's output.
pub struct AddVector {
    pub site: Site,
    pub at: usize,
    pub vector: Tensor,
}

impl Probe for AddVector {
    fn visit(&mut self, site: Site, x: Tensor) -> Result<Tensor> {
        if site != self.site {
            return Ok(x);
        }
        let n = self.vector.dim(1)?;
        let rows = x.narrow(1, self.at, n)?.broadcast_add(&self.vector)?;
        Ok(splice(&x, self.at, &rows)?)
    }

    fn wants_key(&self, layer: usize) -> bool {
        self.site == Site::new(layer, Point::MlpKey)
    }
}

/// `x` with `rows` in the place of positions `at..at + n` (differentiable).
fn splice(x: &Tensor, at: usize, rows: &Tensor) -> candle_core::Result<Tensor> {
    let (total, n) = (x.dim(1)?, rows.dim(1)?);
    let mut parts = Vec::with_capacity(3);
    if at > 0 {
        parts.push(x.narrow(1, 0, at)?);
    }
    parts.push(rows.clone());
    if at + n < total {
        parts.push(x.narrow(1, at + n, total - at - n)?);
    }
    Tensor::cat(&parts, 1)?.contiguous()
}
