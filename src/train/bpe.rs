//! A byte-level BPE trained on the corpus, in the form `transformers` reads.

use super::corpus::Writer;
use super::error::{Result, TrainError};
use tokenizers::models::bpe::{BPE, BpeTrainer};
use tokenizers::pre_tokenizers::byte_level::ByteLevel;
use tokenizers::{AddedToken, Tokenizer, TokenizerImpl};

pub const END_OF_TEXT: &str = "<|endoftext|>";
pub const END_OF_TEXT_ID: u32 = 0;

/// Texts that the merges are counted on.
const SAMPLE: u64 = 60_000;

/// Learns `vocab` tokens from the writer's first texts and returns the
/// `tokenizer.json`.
pub fn train(writer: &Writer, vocab: usize) -> Result<Vec<u8>> {
    let bad = |e: tokenizers::Error| TrainError::Bpe(e.to_string());
    let byte_level = ByteLevel::new(false, true, true);
    let mut trainer = BpeTrainer::builder()
        .show_progress(false)
        .vocab_size(vocab)
        .min_frequency(2)
        .special_tokens(vec![AddedToken::from(END_OF_TEXT, true)])
        .initial_alphabet(ByteLevel::alphabet().into_iter().collect())
        .build();
    let mut tokenizer: TokenizerImpl<BPE, _, ByteLevel, ByteLevel, ByteLevel> =
        TokenizerImpl::<_, tokenizers::NormalizerWrapper, _, _, _>::new(BPE::default());
    tokenizer
        .with_pre_tokenizer(Some(byte_level))
        .with_decoder(Some(byte_level));
    let texts = (0..SAMPLE).map(|n| writer.text(n).text);
    tokenizer.train(&mut trainer, texts).map_err(bad)?;
    let json = tokenizer.to_string(true).map_err(bad)?;
    // Through the general type once: what is written is what a reader will see.
    let general = Tokenizer::from_bytes(json.as_bytes()).map_err(bad)?;
    if general.token_to_id(END_OF_TEXT) != Some(END_OF_TEXT_ID) {
        return Err(TrainError::Bpe(format!(
            "{END_OF_TEXT} is not token {END_OF_TEXT_ID}"
        )));
    }
    Ok(json.into_bytes())
}
