//! How surprised a model is by plain text: what an edit does to everything else.

use crate::edit::error::Result;
use crate::edit::moment::Text;
use crate::model::probe::Probe;
use crate::model::{Decoder, Past, Span, Tokens};
use candle_core::{D, DType, Tensor};

/// e to the mean of −log p over the first `count` tokens of `text` that have
/// something before them in their sequence.
pub fn perplexity<P: Probe>(
    decoder: &Decoder,
    tokens: &Tokens,
    text: &Text,
    count: usize,
    probe: &mut P,
) -> Result<f64> {
    let (mut sum, mut seen) = (0.0, 0);
    for ids in text.sequences(tokens, decoder) {
        let ids = &ids[..ids.len().min(count - seen + 1)];
        if ids.len() < 2 {
            continue;
        }
        let (input, next) = (&ids[..ids.len() - 1], &ids[1..]);
        let span = Span::whole(input.len(), decoder.device())?;
        let x = decoder.embed(&[input], &span, probe)?;
        let x = decoder.run_layers(x, 0..decoder.layers(), &span, None::<&mut Past>, probe)?;
        let next = Tensor::new(next, decoder.device())?.unsqueeze(1)?;
        let log_p = decoder
            .log_probs(&x.squeeze(0)?)?
            .gather(&next, D::Minus1)?;
        sum -= log_p.to_dtype(DType::F64)?.sum_all()?.to_scalar::<f64>()?;
        seen += input.len();
        if seen >= count {
            break;
        }
    }
    Ok((sum / seen.max(1) as f64).exp())
}
