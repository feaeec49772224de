//! Text to token ids and back, with the place of every token in the text.

use super::config::Config;
use super::error::{ModelError, Result, said};
use serde::Deserialize;
use std::collections::HashMap;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;
use tokenizers::models::bpe::BPE;
use tokenizers::pre_tokenizers::byte_level::ByteLevel;
use tokenizers::{AddedToken, Tokenizer};

/// Bytes of a text that may be a prompt: more than any model here sees at once. A
/// file of ten megabytes without a line's end would be tokenised for half a minute
/// to be told that.
const LONGEST: usize = 1 << 20;

/// The part of a `tokenizer.json` whose form the library takes for granted.
#[derive(Deserialize)]
struct Checked {
    #[serde(rename = "decoder")]
    _decoder: Option<serde_json::Value>,
}

/// A prompt's tokens.
#[derive(Clone, Debug, PartialEq)]
pub struct Encoded {
    pub ids: Vec<u32>,
    /// Byte range of each token in the text; a character split over several
    /// tokens belongs whole to each of them.
    pub offsets: Vec<Range<usize>>,
}

impl Encoded {
    /// The tokens that overlap the bytes `range` of the text.
    pub fn tokens_over(&self, range: Range<usize>) -> Option<Range<usize>> {
        let inside = |o: &Range<usize>| o.start < range.end && range.start < o.end;
        let first = self.offsets.iter().position(inside)?;
        let last = self.offsets.iter().rposition(inside)?;
        Some(first..last + 1)
    }
}

/// A tokenizer; cloning shares it.
#[derive(Clone)]
pub struct Tokens {
    inner: Arc<Tokenizer>,
    /// Whether a text's first word gets a blank before it (SentencePiece's `▁`).
    leads: bool,
    /// Byte-level BPE's printable stand-ins, back to bytes.
    bytes: Arc<HashMap<char, u8>>,
}

/// A panic of the library over a file is an error like any other: its report is for
/// the log.
fn caught(path: &Path, read: impl FnOnce() -> Result<Tokens>) -> Result<Tokens> {
    catch_unwind(AssertUnwindSafe(read)).unwrap_or_else(|panic| {
        Err(ModelError::Tokenizer {
            path: path.to_owned(),
            reason: format!("the tokenizer library fails on it: {}", said(&*panic)),
        })
    })
}

impl Tokens {
    /// Reads a `tokenizer.json`.
    pub fn from_json(json: &[u8], path: &Path) -> Result<Tokens> {
        let bad = |reason: String| ModelError::Tokenizer {
            path: path.to_owned(),
            reason,
        };
        // The library panics where the decoder is no JSON or holds a number too large
        // for any (0.23.2, `decoders/mod.rs`): that is told here with its line. What
        // else makes it panic (a character map that is none, an empty pattern to be
        // replaced) is caught, here for the first text and in every job for others.
        serde_json::from_slice::<Checked>(json).map_err(|e| bad(e.to_string()))?;
        caught(path, || {
            let inner = Tokenizer::from_bytes(json).map_err(|e| bad(e.to_string()))?;
            Tokens::new(inner, path)
        })
    }

    /// GPT-2's older form: `vocab.json` and `merges.txt` of one folder.
    pub fn from_bpe(folder: &Path) -> Result<Tokens> {
        let vocab = folder.join("vocab.json");
        let name = |file: &str| folder.join(file).to_string_lossy().into_owned();
        let bad = |e: tokenizers::Error| ModelError::Tokenizer {
            path: vocab.clone(),
            reason: e.to_string(),
        };
        caught(&vocab, || {
            let bpe = BPE::from_file(&name("vocab.json"), &name("merges.txt"));
            let mut inner = Tokenizer::new(bpe.build().map_err(bad)?);
            inner.with_pre_tokenizer(Some(ByteLevel::new(false, true, true)));
            inner.with_decoder(Some(ByteLevel::default()));
            let end = AddedToken::from("<|endoftext|>", true);
            inner.add_special_tokens([end]).map_err(bad)?;
            Tokens::new(inner, folder)
        })
    }

    /// One that is made in other ways, with the library's panics caught.
    pub(super) fn of(path: &Path, make: impl FnOnce() -> Result<Tokenizer>) -> Result<Tokens> {
        caught(path, || Tokens::new(make()?, path))
    }

    fn new(mut inner: Tokenizer, path: &Path) -> Result<Tokens> {
        let bad = |reason: String| ModelError::Tokenizer {
            path: path.to_owned(),
            reason,
        };
        // A prompt is never cut or padded behind the user's back.
        inner
            .with_truncation(None)
            .map_err(|e| bad(e.to_string()))?;
        inner.with_padding(None);
        let first = inner.encode("a", false).map_err(|e| bad(e.to_string()))?;
        let leads = first
            .get_tokens()
            .first()
            .is_some_and(|t| t.starts_with('▁'));
        Ok(Tokens {
            leads,
            inner: Arc::new(inner),
            bytes: Arc::new(byte_level_alphabet()),
        })
    }

    /// Refuses a tokenizer that writes tokens which the model does not have.
    pub fn check(&self, config: &Config, path: &Path) -> Result<()> {
        // Real checkpoints pad their embedding; none of them has fewer rows than tokens
        // that a text can hold, but added tokens beyond it do exist and are never met.
        let largest = self.inner.get_vocab(false).into_values().max().unwrap_or(0);
        if (largest as usize) < config.vocab {
            return Ok(());
        }
        Err(ModelError::Tokenizer {
            path: path.to_owned(),
            reason: format!(
                "it has a token {largest}, and the model's embedding {} rows. Are they of one model?",
                config.vocab
            ),
        })
    }

    pub fn vocab(&self) -> usize {
        self.inner.get_vocab_size(true)
    }

    pub fn id(&self, token: &str) -> Option<u32> {
        self.inner.token_to_id(token)
    }

    /// A whole prompt, with whatever the tokenizer puts at a text's front.
    pub fn encode(&self, text: &str) -> Result<Encoded> {
        self.encode_as(text, true)
    }

    /// Text that continues a prompt: nothing is added at its front. A tokenizer
    /// that puts a blank before every text gets it without its own.
    pub fn encode_bare(&self, text: &str) -> Result<Vec<u32>> {
        let text = match text.strip_prefix(' ') {
            Some(rest) if self.leads && !rest.is_empty() => rest,
            _ => text,
        };
        Ok(self.encode_as(text, false)?.ids)
    }

    fn encode_as(&self, text: &str, whole: bool) -> Result<Encoded> {
        match text.len() {
            bytes if bytes > LONGEST => Err(ModelError::TextTooLong { bytes }),
            _ => self.encode_any(text, whole),
        }
    }

    /// A text of any length, to be cut into prompts.
    pub fn encode_document(&self, text: &str) -> Result<Vec<u32>> {
        Ok(self.encode_any(text, true)?.ids)
    }

    fn encode_any(&self, text: &str, whole: bool) -> Result<Encoded> {
        let encoding = self
            .inner
            .encode(text, whole)
            .map_err(|e| ModelError::Tokenizer {
                path: "(tokenizer)".into(),
                reason: e.to_string(),
            })?;
        let offsets = encoding.get_offsets().iter().map(|&(b, e)| b..e).collect();
        Ok(Encoded {
            ids: encoding.get_ids().to_vec(),
            offsets,
        })
    }

    /// The prompt's tokens and, among them, the subject's: the first place at
    /// which `subject` stands in `prompt`. From character offsets, never from
    /// re-joined tokens (ALGORITHMS §1.7).
    pub fn encode_with_subject(
        &self,
        prompt: &str,
        subject: &str,
    ) -> Result<(Encoded, Range<usize>)> {
        if prompt.is_empty() {
            return Err(ModelError::EmptyPrompt);
        }
        if subject.trim().is_empty() {
            return Err(ModelError::EmptySubject);
        }
        let missing = || ModelError::SubjectNotInPrompt {
            subject: subject.to_owned(),
            prompt: prompt.to_owned(),
        };
        let at = prompt.find(subject).ok_or_else(missing)?;
        let encoded = self.encode(prompt)?;
        // Without the blanks around it: the token of a blank is not the subject's.
        let begin = at + (subject.len() - subject.trim_start().len());
        let range = begin..begin + subject.trim().len();
        let tokens = encoded.tokens_over(range).ok_or_else(missing)?;
        Ok((encoded, tokens))
    }

    /// The text of some tokens.
    pub fn decode(&self, ids: &[u32]) -> String {
        self.inner.decode(ids, false).unwrap_or_default()
    }

    /// The text of some tokens that follow others, without the special ones
    /// among them.
    pub fn decode_after(&self, ids: &[u32]) -> String {
        let text = self.inner.decode(ids, true).unwrap_or_default();
        // SentencePiece's decoders take the blank off whatever comes first.
        let first = ids.first().and_then(|&id| self.inner.id_to_token(id));
        match first {
            Some(token) if self.leads && token.starts_with('▁') && !text.starts_with(' ') => {
                format!(" {text}")
            }
            _ => text,
        }
    }

    /// One token as it is shown: control characters escaped, the bytes of a
    /// split character as `\xE2`.
    pub fn show(&self, id: u32) -> String {
        let Some(token) = self.inner.id_to_token(id) else {
            return format!("<{id}>");
        };
        let bytes: Option<Vec<u8>> = token.chars().map(|c| self.bytes.get(&c).copied()).collect();
        match bytes {
            Some(bytes) => show_bytes(&bytes),
            None => escape(&token.replace('▁', " ")),
        }
    }

    pub fn show_all(&self, ids: &[u32]) -> Vec<String> {
        ids.iter().map(|&id| self.show(id)).collect()
    }
}

/// Text with everything that a terminal could take for a command made visible.
pub fn escape(text: &str) -> String {
    text.chars()
        .fold(String::with_capacity(text.len()), |mut out, c| {
            match c {
                '\n' => out.push_str("\\n"),
                '\t' => out.push_str("\\t"),
                '\r' => out.push_str("\\r"),
                c if c.is_control() => out.push_str(&format!("\\u{{{:x}}}", c as u32)),
                c => out.push(c),
            }
            out
        })
}

fn show_bytes(bytes: &[u8]) -> String {
    let mut out = String::new();
    for chunk in bytes.utf8_chunks() {
        out.push_str(&escape(chunk.valid()));
        for byte in chunk.invalid() {
            out.push_str(&format!("\\x{byte:02X}"));
        }
    }
    out
}

/// GPT-2's map of bytes to printable characters, inverted: printable Latin-1
/// stands for itself, the rest follow from U+0100 on.
fn byte_level_alphabet() -> HashMap<char, u8> {
    let printable = |b: u8| matches!(b, b'!'..=b'~' | 0xA1..=0xAC | 0xAE..=0xFF);
    let mut next = 0x100;
    (0..=255u8)
        .filter_map(|b| {
            let c = if printable(b) {
                char::from(b)
            } else {
                next += 1;
                char::from_u32(next - 1)?
            };
            Some((c, b))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_alphabet_is_gpt2s() {
        let map = byte_level_alphabet();
        assert_eq!(map.len(), 256);
        assert_eq!((map[&'Ġ'], map[&'Ċ'], map[&'A']), (b' ', b'\n', b'A'));
    }

    #[test]
    fn nothing_shown_can_command_a_terminal() {
        assert_eq!(escape("a\x1b[2Jb\u{9b}\n"), "a\\u{1b}[2Jb\\u{9b}\\n");
        assert_eq!(show_bytes(b"\xE2\x82"), "\\xE2\\x82");
        assert_eq!(show_bytes("é\x07".as_bytes()), "é\\u{7}");
    }

    #[test]
    fn a_decoder_that_is_no_json_is_told_with_its_line() {
        for decoder in [r#"{"type": "ByteLevel", "at": 1e999}"#, r#""\ud800""#, "{"] {
            let json = format!("{{\"version\": \"1.0\",\n \"decoder\": {decoder}}}");
            let error = Tokens::from_json(json.as_bytes(), Path::new("t.json")).err();
            let words = error.unwrap().to_string();
            assert!(
                words.contains("t.json") && words.contains("line 2"),
                "{words}"
            );
        }
    }

    #[test]
    fn what_the_library_panics_on_is_an_error() {
        let json = br#"{"normalizer": {"type": "Precompiled", "precompiled_charsmap": "AAAA"},
            "model": {"type": "BPE", "vocab": {"a": 0}, "merges": []}}"#;
        let error = Tokens::from_json(json, Path::new("t.json")).err();
        let words = error.unwrap().to_string();
        assert!(
            words.contains("t.json: the tokenizer library fails"),
            "{words}"
        );
    }

    #[test]
    fn subject_tokens_are_those_that_overlap_it() {
        let encoded = Encoded {
            ids: vec![1, 2, 3, 4],
            offsets: vec![0..3, 3..9, 9..11, 11..14],
        };
        assert_eq!(encoded.tokens_over(4..10), Some(1..3));
        assert_eq!(encoded.tokens_over(20..22), None);
    }
}
