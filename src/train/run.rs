//! The training loop.

use super::adam::{Adam, Share};
use super::batch::{Batch, Batcher};
use super::checkpoint;
use super::error::{Result, TrainError};
use super::init::Params;
use super::silence::Silence;
use super::spec::TrainSpec;
use crate::model::{Span, ops};
use candle_core::backprop::GradStore;
use candle_core::{Device, Tensor};
use rayon::{ThreadPool, ThreadPoolBuilder};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// How a run is getting on.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Progress {
    /// Steps done, of `steps`.
    pub step: usize,
    pub steps: usize,
    /// Mean loss of the tokens that count, in nats, over the last steps (a
    /// running mean over about twenty).
    pub loss: f64,
    pub rate: f64,
    /// Norm of the gradient before clipping.
    pub gradient: f64,
    /// Tokens read per second since this process started.
    pub tokens_per_s: f64,
    pub left: Duration,
}

/// A run: its weights, its optimiser, and how far it is.
pub struct Run {
    pub params: Params,
    spec: TrainSpec,
    adam: Adam,
    step: usize,
    loss: Option<f64>,
    checkpoint: PathBuf,
    description: String,
    /// One thread each. A step's rows are dealt to them, so that the threads
    /// meet once a step and not at every operation.
    workers: Vec<ThreadPool>,
}

/// candle walks the graph recursively; its depth wants room.
const STACK: usize = 64 << 20;

impl Run {
    /// Starts a run, or goes on with the one whose checkpoint lies in `folder`.
    /// `vocab` is the tokenizer's real size; `world` stands for facts, wordings
    /// and text in the description that a checkpoint must match.
    pub fn open(
        folder: &Path,
        spec: &TrainSpec,
        vocab: usize,
        world: &str,
        device: &Device,
    ) -> Result<Run> {
        spec.check()?;
        let config = spec.config(vocab);
        let params = Params::fresh(&config, spec.init, spec.seed, device)?;
        let mut adam = Adam::new(&params.list, spec.weight_decay, spec.clip);
        // A run may go on with another number of steps: the schedule is then the new one's.
        let described = serde_json::to_string_pretty(&TrainSpec {
            steps: 0,
            ..spec.clone()
        });
        let described = described.unwrap_or_default();
        let description = format!("{described}\nvocabulary {vocab}\nworld {world}");
        let checkpoint = folder.join("checkpoint.safetensors");
        let step = checkpoint::load(&checkpoint, &params.list, &mut adam, &description)?;
        let step = step.unwrap_or(0);
        let worker = |_| {
            ThreadPoolBuilder::new()
                .num_threads(1)
                .stack_size(STACK)
                .build()
        };
        let workers = (0..spec.shards)
            .map(worker)
            .collect::<Result<_, _>>()
            .map_err(|e| TrainError::Spec(format!("cannot start the training threads: {e}")))?;
        let spec = spec.clone();
        Ok(Run {
            params,
            spec,
            adam,
            step,
            loss: None,
            checkpoint,
            description,
            workers,
        })
    }

    pub fn step(&self) -> usize {
        self.step
    }

    pub fn is_done(&self) -> bool {
        self.step >= self.spec.steps
    }

    pub fn save(&self) -> Result<()> {
        checkpoint::save(
            &self.checkpoint,
            &self.params.list,
            &self.adam,
            self.step,
            &self.description,
        )
    }

    /// Trains to the end. `saved_every` is the time between checkpoints;
    /// `report` sees every step and may end the run early by returning false
    /// (what is done is then saved).
    pub fn train(
        &mut self,
        batcher: &Batcher,
        saved_every: Duration,
        mut report: impl FnMut(Progress) -> bool,
    ) -> Result<()> {
        let started = Instant::now();
        let mut saved = Instant::now();
        let first = self.step;
        while !self.is_done() {
            let progress = self.one(batcher)?;
            let done = (self.step - first) as f64;
            let elapsed = started.elapsed();
            let go_on = report(Progress {
                tokens_per_s: done * (self.spec.rows * self.spec.row) as f64
                    / elapsed.as_secs_f64(),
                left: elapsed.mul_f64((self.spec.steps - self.step) as f64 / done),
                ..progress
            });
            if !go_on || self.is_done() || saved.elapsed() >= saved_every {
                self.save()?;
                saved = Instant::now();
            }
            if !go_on {
                break;
            }
        }
        Ok(())
    }

    /// One step.
    fn one(&mut self, batcher: &Batcher) -> Result<Progress> {
        let shards = self.shards(batcher)?;
        let counted: usize = shards.iter().map(|s| s.counted).sum();
        let part = |s: &Shard| s.counted as f64 / counted.max(1) as f64;
        let value: f64 = shards.iter().map(|s| s.loss * part(s)).sum();
        if !value.is_finite() {
            return Err(TrainError::Diverged { step: self.step });
        }
        let shares: Vec<Share> = shards
            .iter()
            .map(|s| Share {
                weight: part(s) as f32,
                grads: &s.grads,
            })
            .collect();
        let rate = self.spec.rate_at(self.step);
        let gradient = self
            .adam
            .step(&self.params.list, &shares, self.step, rate)?;
        self.step += 1;
        let mean = self.loss.map_or(value, |mean| mean + 0.05 * (value - mean));
        self.loss = Some(mean);
        Ok(Progress {
            step: self.step,
            steps: self.spec.steps,
            loss: mean,
            rate,
            gradient,
            tokens_per_s: 0.0,
            left: Duration::ZERO,
        })
    }

    /// Every worker reads its rows of the step and finds their gradient.
    fn shards(&self, batcher: &Batcher) -> Result<Vec<Shard>> {
        let (step, of) = (self.step, self.workers.len());
        let work = &|n: usize| -> Result<Shard> {
            let rows = self.spec.rows;
            let batch = batcher.rows(step, rows * n / of..rows * (n + 1) / of)?;
            let loss = self.loss_of(&batch)?;
            let grads = loss.backward()?;
            let loss = f64::from(loss.to_scalar::<f32>()?);
            Ok(Shard {
                loss,
                counted: batch.targets.len(),
                grads,
            })
        };
        std::thread::scope(|scope| {
            let started: Vec<_> = (self.workers.iter().enumerate())
                .map(|(n, pool)| scope.spawn(move || pool.install(|| work(n))))
                .collect();
            let join = |t: std::thread::ScopedJoinHandle<'_, Result<Shard>>| match t.join() {
                Ok(shard) => shard,
                Err(panic) => std::panic::resume_unwind(panic),
            };
            started.into_iter().map(join).collect()
        })
    }

    /// Mean −log p of the tokens that count.
    fn loss_of(&self, batch: &Batch) -> Result<Tensor> {
        let decoder = &self.params.decoder;
        let device = decoder.device();
        let (rows, tokens, d) = (batch.rows, batch.tokens, decoder.config.d);
        let ids: Vec<&[u32]> = batch.ids.chunks(tokens).collect();
        let mut x = decoder.embed_tokens(&ids)?;
        if let Some(table) = &decoder.weights.positions {
            // Every text of a row starts at its own position.
            let at = Tensor::new(batch.positions.as_slice(), device)?;
            x = (x + table.index_select(&at, 0)?.reshape((rows, tokens, d))?)?;
        }
        let mut silence = Silence {
            before: self.spec.looks_up_from,
            speaks: Tensor::from_slice(&batch.speaks, (rows, tokens, 1), device)?,
        };
        let reads_from = self.spec.reads_from;
        let parts = [
            (0..reads_from, &batch.gathering),
            (reads_from..decoder.layers(), &batch.reading),
        ];
        for (layers, bias) in parts {
            let bias = Tensor::from_slice(bias, (rows, tokens, tokens), device)?;
            let keys = (0..rows).flat_map(|_| 0..tokens).collect();
            let span = Span::new(vec![0; rows], tokens, bias, keys);
            x = decoder.run_layers(x, layers, &span, None, &mut silence)?;
        }
        let at = Tensor::new(batch.at.as_slice(), device)?;
        let counted = x.reshape((rows * tokens, d))?.index_select(&at, 0)?;
        let logits = decoder.logits(&counted, &mut ())?;
        Ok(ops::cross_entropy(&logits, &batch.targets, None)?)
    }
}

/// What one worker found in its rows.
struct Shard {
    /// Mean over its tokens that count, and how many these are.
    loss: f64,
    counted: usize,
    grads: GradStore,
}
