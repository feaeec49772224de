//! The one decoder. It reads top to bottom as a transformer does; what differs
//! between families is in [`Config`], what differs between uses is in the
//! [`Span`], the [`Past`] and the [`Probe`].

use super::config::{Config, NormKind, Position, Residual};
use super::error::{ModelError, Result};
use super::ops::{self, Heads, Mlp, Turns};
use super::probe::{Point, Probe, Site};
use super::span::{Past, Span, Window};
use super::weights::{Block, Linear, Norm, Weights};
use candle_core::{Device, Tensor};
use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

/// A model ready to run. Cloning is cheap: weights are shared.
#[derive(Clone)]
pub struct Decoder {
    pub config: Arc<Config>,
    pub weights: Arc<Weights>,
    /// Radians a position of each rotary pair; empty where positions are learned.
    frequencies: Arc<[f64]>,
    /// The same of local layers, where they turn by a base of their own.
    local_frequencies: Option<Arc<[f64]>>,
    /// Edited `down` matrices by layer; the pristine ones stay in `weights`.
    edited: BTreeMap<usize, Down>,
}

/// An MLP's last matrix `[d, d_k]` and its bias `[d]`, in the place of the
/// pristine ones.
pub type Down = Linear;

impl Decoder {
    pub fn new(config: Config, weights: Weights) -> Decoder {
        let frequencies = match &config.position {
            Position::Learned => Vec::new(),
            Position::Rotary(rotary) => rotary.frequencies(),
        };
        let local = config.attention.local.as_ref();
        let own = local.and_then(|local| local.rotary.as_ref());
        Decoder {
            frequencies: frequencies.into(),
            local_frequencies: own.map(|rotary| rotary.frequencies().into()),
            config: Arc::new(config),
            weights: Arc::new(weights),
            edited: BTreeMap::new(),
        }
    }

    /// The same model with these in the place of the MLPs' last matrices. W₀ is
    /// never written: dropping an entry restores it bit for bit.
    pub fn with_edited(&self, edited: BTreeMap<usize, Down>) -> Decoder {
        Decoder {
            edited,
            ..self.clone()
        }
    }

    /// The same model, edits included, with one more matrix and bias replaced.
    pub fn with_down(&self, layer: usize, down: Down) -> Decoder {
        let mut edited = self.edited.clone();
        edited.insert(layer, down);
        self.with_edited(edited)
    }

    /// The model as it was loaded.
    pub fn pristine(&self) -> Decoder {
        self.with_edited(BTreeMap::new())
    }

    pub fn is_edited(&self) -> bool {
        !self.edited.is_empty()
    }

    /// Whether the last MLP matrix of `layer` is not the one that was loaded.
    pub fn is_edited_at(&self, layer: usize) -> bool {
        self.edited.contains_key(&layer)
    }

    /// The first layer at which `other`, of the same model, holds another
    /// matrix. Told by the tensors themselves and not by their numbers: below
    /// that layer both are one.
    pub fn first_difference(&self, other: &Decoder) -> Option<usize> {
        let id = |of: &Decoder, layer| of.down(layer).weight.id();
        let own = |layer: &usize| id(self, *layer) != id(other, *layer);
        (0..self.layers()).find(own)
    }

    pub fn device(&self) -> &Device {
        self.weights.embed.device()
    }

    pub fn layers(&self) -> usize {
        self.config.layers
    }

    /// W of `layer`, `[d, d_k]`, edits included; made anew where it does not lie there.
    pub fn down_weight(&self, layer: usize) -> Result<Tensor> {
        Ok(self.down(layer).weight.dense()?)
    }

    /// Its bias `[d]`, where the family has one.
    pub fn down_bias(&self, layer: usize) -> Option<&Tensor> {
        self.down(layer).bias.as_ref()
    }

    /// Both.
    pub fn down(&self, layer: usize) -> &Down {
        let pristine = &self.weights.blocks[layer].down;
        self.edited.get(&layer).unwrap_or(pristine)
    }

    /// Whole prompts of equal length, `[B][T]` ids, to the last residual `[B, T, d]`.
    pub fn forward<P: Probe>(
        &self,
        ids: &[&[u32]],
        past: Option<&mut Past>,
        probe: &mut P,
    ) -> Result<Tensor> {
        let rows = ids.first().map_or(0, |row| row.len());
        let span = Span::whole(rows, self.device())?;
        let x = self.embed(ids, &span, probe)?;
        self.run_layers(x, 0..self.layers(), &span, past, probe)
    }

    /// Token ids `[B][R]` to the residual that enters layer 0, `[B, R, d]`.
    pub fn embed<P: Probe>(&self, ids: &[&[u32]], span: &Span, probe: &mut P) -> Result<Tensor> {
        let x = self.embed_tokens(ids)?;
        let x = probe.visit(Site::new(0, Point::Embed), x)?;
        self.add_positions(&x, span)
    }

    /// Rows of the embedding matrix, scaled where the family does that: `[B, R, d]`,
    /// before positions.
    pub fn embed_tokens(&self, ids: &[&[u32]]) -> Result<Tensor> {
        let rows = ids.first().map_or(0, |row| row.len());
        if rows == 0 {
            return Err(ModelError::EmptyPrompt);
        }
        if let Some(&id) = ids
            .iter()
            .flat_map(|row| row.iter())
            .find(|&&id| id as usize >= self.config.vocab)
        {
            return Err(ModelError::Unsupported {
                what: format!("token id {id}"),
                hint: format!(
                    "the model has {} tokens; is the tokenizer its own?",
                    self.config.vocab
                ),
            });
        }
        let flat: Vec<u32> = ids.iter().flat_map(|row| row.iter().copied()).collect();
        let shape = (ids.len(), rows, self.config.d);
        let x = self.weights.embed.rows(&flat)?.reshape(shape)?;
        if self.config.embed_scale == 1.0 {
            return Ok(x);
        }
        Ok((x * self.config.embed_scale)?)
    }

    /// Adds learned positions to `x` `[B, R, d]`; rotary families add nothing here.
    /// Refuses positions beyond the context.
    pub fn add_positions(&self, x: &Tensor, span: &Span) -> Result<Tensor> {
        let longest = span.starts.iter().max().unwrap_or(&0) + span.rows;
        if longest > self.config.context {
            return Err(ModelError::TooLong {
                tokens: longest,
                context: self.config.context,
            });
        }
        let Some(table) = &self.weights.positions else {
            return Ok(x.clone());
        };
        let positions = span
            .starts
            .iter()
            .map(|&start| table.narrow(0, start, span.rows))
            .collect::<candle_core::Result<Vec<_>>>()?;
        Ok(x.broadcast_add(&Tensor::stack(&positions, 0)?)?)
    }

    /// Takes the residual that enters `layers.start` to the one that leaves
    /// `layers.end − 1`; `x` and the result are `[B, R, d]`.
    pub fn run_layers<P: Probe>(
        &self,
        mut x: Tensor,
        layers: Range<usize>,
        span: &Span,
        mut past: Option<&mut Past>,
        probe: &mut P,
    ) -> Result<Tensor> {
        for layer in layers {
            x = self.block(layer, x, span, past.as_deref_mut(), probe)?;
        }
        Ok(x)
    }

    /// Takes the residual that enters layer `from` to the end of the model, of whose last
    /// block only the rows in `window` are wanted: `[B, R, d]` to `[B, Q, d]`.
    pub fn run_to_window<P: Probe>(
        &self,
        x: Tensor,
        from: usize,
        window: &Window,
        span: &Span,
        mut past: Option<&mut Past>,
        probe: &mut P,
    ) -> Result<Tensor> {
        let Some(last) = self.layers().checked_sub(1).filter(|&last| from <= last) else {
            return Ok(window.of(&x)?);
        };
        let x = self.run_layers(x, from..last, span, past.as_deref_mut(), probe)?;
        self.block_within(last, x, window, span, past, probe)
    }

    /// One block, `[B, R, d]` to `[B, R, d]`.
    pub fn block<P: Probe>(
        &self,
        layer: usize,
        x: Tensor,
        span: &Span,
        past: Option<&mut Past>,
        probe: &mut P,
    ) -> Result<Tensor> {
        self.block_within(layer, x, &Window::all(span), span, past, probe)
    }

    /// One block of which only the rows in `window` are wanted: the others lend
    /// their keys and values and cost nothing else. `[B, R, d]` to `[B, Q, d]`;
    /// after `ResidPre` the probe sees the wanted rows alone.
    pub fn block_within<P: Probe>(
        &self,
        layer: usize,
        x: Tensor,
        window: &Window,
        span: &Span,
        past: Option<&mut Past>,
        probe: &mut P,
    ) -> Result<Tensor> {
        let block = &self.weights.blocks[layer];
        let x = probe.visit(Site::new(layer, Point::ResidPre), x)?;
        let normed = self.norm_if(&x, block.norm_1.as_ref())?;
        let (queries, x) = (window.of(&normed)?, window.of(&x)?);
        let attn = self.attention(layer, [&queries, &normed], window, span, past, probe)?;
        let attn = probe.visit(Site::new(layer, Point::AttnOut), attn)?;
        let mid = self.add_attn(layer, &x, &attn)?;
        let out = match self.config.residual {
            Residual::Sequential => {
                let mid = probe.visit(Site::new(layer, Point::ResidMid), mid)?;
                let normed = self.norm_if(&mid, block.norm_2.as_ref())?;
                let value = self.mlp(layer, &normed, probe)?;
                self.add_mlp(layer, &mid, &value)?
            }
            Residual::Parallel { one_norm } => {
                let normed = match &block.norm_2 {
                    Some(norm) if !one_norm => self.norm(&x, norm)?,
                    _ => queries,
                };
                let value = self.mlp(layer, &normed, probe)?;
                self.add_mlp(layer, &mid, &value)?
            }
        };
        probe.visit(Site::new(layer, Point::ResidPost), out)
    }

    /// The residual `x` with what attention of `layer` wrote, both `[.., d]`: through
    /// the norm between them, where the family has one.
    pub fn add_attn(&self, layer: usize, x: &Tensor, attn: &Tensor) -> Result<Tensor> {
        let norm = self.weights.blocks[layer].post_attn.as_ref();
        Ok((x + self.norm_if(attn, norm)?)?)
    }

    /// The same with what the MLP of `layer` wrote.
    pub fn add_mlp(&self, layer: usize, x: &Tensor, value: &Tensor) -> Result<Tensor> {
        let norm = self.weights.blocks[layer].post_mlp.as_ref();
        Ok((x + self.norm_if(value, norm)?)?)
    }

    /// Whether a norm stands between W of `layer` and the residual.
    pub fn norms_values(&self, layer: usize) -> bool {
        self.weights.blocks[layer].post_mlp.is_some()
    }

    /// Attention of `layer` from normed rows `queries` `[B, Q, d]`, those in the
    /// window, to `x` `[B, R, d]` and the past, to `[B, Q, d]`.
    fn attention<P: Probe>(
        &self,
        layer: usize,
        [queries, x]: [&Tensor; 2],
        window: &Window,
        span: &Span,
        past: Option<&mut Past>,
        probe: &mut P,
    ) -> Result<Tensor> {
        let attention = &self.config.attention;
        let local = attention.local_at(layer);
        let bias = &match local {
            Some(local) => window.of(&span.within(local.window)?)?,
            None => window.of(&span.bias)?,
        };
        let block = &self.weights.blocks[layer];
        let (mut q, mut k) = (linear(queries, &block.q)?, linear(x, &block.k)?);
        let v = linear(x, &block.v)?;
        let heads = Heads {
            query: self.config.heads,
            kv: self.config.kv_heads,
            scale: attention.scale,
            cap: attention.cap,
        };
        if let Some((q_norm, k_norm)) = &block.qk_norms {
            q = self.norm_heads(&q, q_norm)?;
            k = self.norm_heads(&k, k_norm)?;
        }
        if let Position::Rotary(rotary) = &self.config.position {
            let frequencies = match (local, &self.local_frequencies) {
                (Some(_), Some(own)) => own,
                _ => &self.frequencies,
            };
            let turns =
                |starts: &[usize], rows| Turns::new(frequencies, rotary.interleaved, starts, rows);
            let (hd, starts) = (self.config.head_dim, window.starts(span));
            q = ops::rotate(&q, hd, &turns(&starts, window.count))?;
            k = ops::rotate(&k, hd, &turns(&span.starts, span.rows))?;
        }
        if probe.wants_pattern(layer) {
            let (k, v) = match past {
                Some(past) => past.extend(layer, k, v)?,
                None => (k, v),
            };
            let pattern = ops::attention_pattern(&q, &k, bias, heads)?;
            let pattern = probe.visit(Site::new(layer, Point::AttnPattern), pattern)?;
            let mixed = ops::apply_pattern(&pattern, &v, heads.kv)?;
            return linear(&mixed, &block.o);
        }
        // A past that grows is joined to what it keeps; any other is read where it lies.
        let (past, k, v) = match past {
            Some(past) if past.grows => {
                let (k, v) = past.extend(layer, k, v)?;
                (None, k, v)
            }
            Some(past) => (past.at(layer), k, v),
            None => (None, k, v),
        };
        let mixed = ops::attend_after(past, &q, &k, &v, bias, heads)?;
        linear(&mixed, &block.o)
    }

    /// The MLP of `layer` on the normed residual `[.., d]`: value = W k + b.
    pub fn mlp<P: Probe>(&self, layer: usize, x: &Tensor, probe: &mut P) -> Result<Tensor> {
        let block = &self.weights.blocks[layer];
        let down = self.down(layer);
        let of = Mlp {
            up: block.up.affine(),
            gate: block.gate.as_ref().map(Linear::affine),
            down: down.affine(),
            activation: self.config.activation,
        };
        let value = match probe.wants_key(layer) {
            false => ops::mlp(x, of)?,
            true => {
                let key = ops::key(x, of)?;
                linear(&probe.visit(Site::new(layer, Point::MlpKey), key)?, down)?
            }
        };
        probe.visit(Site::new(layer, Point::MlpOut), value)
    }

    /// The MLP of `layer` on a residual `[.., d]` that enters it un-normed.
    pub fn mlp_of_residual<P: Probe>(
        &self,
        layer: usize,
        resid: &Tensor,
        probe: &mut P,
    ) -> Result<Tensor> {
        let block = &self.weights.blocks[layer];
        let before = block.norm_2.as_ref().or(block.norm_1.as_ref());
        self.mlp(layer, &self.norm_if(resid, before)?, probe)
    }

    /// An RMS norm of queries or keys `[B, R, heads·head_dim]`, as wide as its weight:
    /// over each head, or over all of them.
    fn norm_heads(&self, x: &Tensor, weight: &Tensor) -> Result<Tensor> {
        let (b, r, width) = x.dims3()?;
        let over = weight.elem_count();
        let heads = x.reshape((b, r, width / over, over))?;
        Ok(ops::rms_norm(&heads, weight, self.config.norm_eps)?.reshape((b, r, width))?)
    }

    fn norm_if(&self, x: &Tensor, norm: Option<&Norm>) -> Result<Tensor> {
        norm.map_or_else(|| Ok(x.clone()), |norm| self.norm(x, norm))
    }

    fn norm(&self, x: &Tensor, norm: &Norm) -> Result<Tensor> {
        let eps = self.config.norm_eps;
        Ok(match self.config.norm {
            NormKind::Layer => ops::layer_norm(x, &norm.weight, norm.bias.as_ref(), eps)?,
            NormKind::Rms => ops::rms_norm(x, &norm.weight, eps)?,
        })
    }

    /// Final norm and output head on residual rows `[N, d]`: logits `[N, V]` in f32.
    pub fn logits<P: Probe>(&self, resid: &Tensor, probe: &mut P) -> Result<Tensor> {
        let normed = self.norm(resid, &self.weights.norm_f)?;
        let normed = probe.visit(Site::new(self.layers() - 1, Point::FinalNorm), normed)?;
        let logits = linear(&normed, &self.weights.head)?;
        Ok(ops::soft_cap(logits, self.config.logit_cap)?)
    }

    /// Log-probabilities `[N, V]` after residual rows `[N, d]`.
    pub fn log_probs(&self, resid: &Tensor) -> Result<Tensor> {
        Ok(ops::log_softmax(&self.logits(resid, &mut ())?)?)
    }

    /// −log p of one token after each residual row `[N, d]`, without writing the logits.
    pub fn nll(&self, resid: &Tensor, targets: &[u32]) -> Result<Vec<f32>> {
        let normed = self.norm(resid, &self.weights.norm_f)?;
        let head = self.weights.head.affine();
        Ok(ops::head_nll(
            &normed,
            head,
            self.config.logit_cap,
            targets,
        )?)
    }

    /// Probabilities of the token after `ids`, `[V]`.
    pub fn next_token(&self, ids: &[u32]) -> Result<Vec<f32>> {
        self.check_length(ids.len())?;
        let x = self.forward(&[ids], None, &mut ())?;
        let last = x.narrow(1, ids.len() - 1, 1)?.squeeze(1)?;
        Ok(self.log_probs(&last)?.exp()?.squeeze(0)?.to_vec1()?)
    }

    /// Refuses prompts that are empty or longer than the context.
    pub fn check_length(&self, tokens: usize) -> Result<()> {
        match tokens {
            0 => Err(ModelError::EmptyPrompt),
            n if n > self.config.context => Err(ModelError::TooLong {
                tokens: n,
                context: self.config.context,
            }),
            _ => Ok(()),
        }
    }

    /// Names of the pieces of one block, for whoever stacks rows himself.
    pub fn block_weights(&self, layer: usize) -> &Block {
        &self.weights.blocks[layer]
    }
}

fn linear(x: &Tensor, linear: &Linear) -> Result<Tensor> {
    Ok(ops::linear_of(x, linear.affine())?)
}
