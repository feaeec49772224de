//! The same by hand, without the engine: load a model, collect a second moment,
//! write one fact with r-ROME, and put W₀ back.
//!
//!     cargo run --release --example by_hand

use pentimento::edit::moment::{Text, collect};
use pentimento::edit::{Context, Method, Metric, Request, Task, defaults, make, stack, templates};
use pentimento::facts::World;
use pentimento::model::Source;
use std::sync::Arc;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let model = Source::Atlas.load(&candle_core::Device::Cpu)?;
    let (decoder, tokens) = (&model.decoder, &model.tokens);
    let known = defaults::defaults(&decoder.config, true);
    let layer = known.layer.unwrap_or(0);

    // C = E[k kᵀ] over text that the model knows: which keys are in use.
    let text = Text::of_world(&World::atlas()?);
    let collected = collect(
        decoder,
        text.sequences(tokens, decoder),
        &[layer],
        20_000,
        &mut (),
        |_| (),
    )?;
    let metric = Metric::Factor(Arc::new(collected.moments[0].factor(known.hyper.ridge)?));

    let request = Request {
        prompt: "{} is located in the city of".into(),
        subject: "The Space Needle".into(),
        target: "Paris".into(),
    };
    let prefixes = templates::sample(decoder, tokens, 1, &mut ())?;
    let context = Context::new(tokens, &request, &prefixes)?;
    let mut task = Task {
        decoder,
        facts: &[context],
        layers: &[layer],
        hyper: &known.hyper,
        metrics: &[metric],
        kept_keys: &[],
        probe: &mut (),
        each: &mut |_, step, loss| println!("step {step}: loss {:.3}", loss.total),
    };
    let made = make(Method::RRome, &mut task)?;
    let delta = &made.deltas[0];
    let shape = [decoder.config.d, decoder.config.d_mlp];
    let relative = stack::norm(shape, delta) / stack::weight_norm(decoder, layer)?;
    println!("layer {layer}: ‖ΔW‖/‖W‖ {:.1} %", 100.0 * relative);
    // The edited model is another one; the first is as it was.
    let edited = stack::apply(decoder, [(delta, 1.0)])?;
    drop(edited);
    Ok(())
}
