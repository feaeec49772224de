//! A GGUF's vocabulary as a tokenizer: byte-level BPE (`gpt2`) or SentencePiece
//! (`llama`).

use super::container::Gguf;
use super::pre::{self, Pre};
use super::sentence;
use super::value::Array;
use crate::model::error::{ModelError, Result};
use crate::model::tokenizer::Tokens;
use std::collections::HashSet;
use tokenizers::decoders::byte_fallback::ByteFallback;
use tokenizers::decoders::fuse::Fuse;
use tokenizers::decoders::sequence::Sequence as Decoders;
use tokenizers::decoders::strip::Strip;
use tokenizers::models::bpe::BPE;
use tokenizers::normalizers::{NormalizerWrapper, Prepend, Replace, Sequence as Normalizers};
use tokenizers::pre_tokenizers::PreTokenizerWrapper;
use tokenizers::pre_tokenizers::byte_level::ByteLevel;
use tokenizers::pre_tokenizers::sequence::Sequence;
use tokenizers::pre_tokenizers::split::{Split, SplitPattern};
use tokenizers::processors::template::{SpecialToken, TemplateProcessing};
use tokenizers::tokenizer::SplitDelimiterBehavior;
use tokenizers::{AddedToken, Tokenizer};

const TOKENS: &str = "tokenizer.ggml.tokens";
/// llama.cpp's numbers for kinds of tokens.
const NORMAL: i64 = 1;
const CONTROL: i64 = 3;
const USER: i64 = 4;

/// SentencePiece's blank.
const BLANK: &str = "▁";

/// The tokenizer.
///
/// # Errors
/// Where it is of a kind that is not known, or its parts contradict each other.
pub fn read(gguf: &Gguf) -> Result<Tokens> {
    Tokens::of(gguf.path(), || {
        let words = Vocabulary::read(gguf)?;
        match gguf.text("tokenizer.ggml.model")? {
            Some("gpt2") => words.byte_level(),
            Some("llama") => words.sentence_piece(),
            Some(other) => Err(ModelError::Unsupported {
                what: format!("the tokenizer {other:?} (`tokenizer.ggml.model`)"),
                hint: "\"gpt2\" and \"llama\" are known".into(),
            }),
            None => Err(gguf.bad("it has no `tokenizer.ggml.model`".into())),
        }
    })
}

struct Vocabulary<'a> {
    gguf: &'a Gguf,
    tokens: &'a [String],
    /// A kind for each; without any, all are normal.
    kinds: Option<Vec<i64>>,
}

impl<'a> Vocabulary<'a> {
    fn read(gguf: &'a Gguf) -> Result<Vocabulary<'a>> {
        let Some(Array::Text(tokens)) = gguf.array(TOKENS)? else {
            return Err(gguf.bad(format!("it has no list `{TOKENS}`")));
        };
        let mut seen = HashSet::with_capacity(tokens.len());
        if let Some(twice) = tokens.iter().find(|token| !seen.insert(token.as_str())) {
            return Err(gguf.bad(format!("its vocabulary has {twice:?} twice")));
        }
        let kinds = match gguf.array("tokenizer.ggml.token_type")? {
            None => None,
            Some(Array::Signed(kinds)) => Some(kinds.clone()),
            Some(Array::Unsigned(kinds)) => {
                Some(kinds.iter().map(|&n| n.try_into().unwrap_or(0)).collect())
            }
            Some(_) => return Err(gguf.bad("its kinds of tokens are no whole numbers".into())),
        };
        if let Some(kinds) = &kinds
            && kinds.len() != tokens.len()
        {
            let (n, of) = (kinds.len(), tokens.len());
            return Err(gguf.bad(format!("it has {n} kinds of tokens for {of} tokens")));
        }
        Ok(Vocabulary {
            gguf,
            tokens,
            kinds,
        })
    }

    fn kind(&self, id: usize) -> i64 {
        self.kinds.as_ref().map_or(NORMAL, |kinds| kinds[id])
    }

    /// What the library says against it.
    fn bad(&self, error: tokenizers::Error) -> ModelError {
        ModelError::Tokenizer {
            path: self.gguf.path().to_owned(),
            reason: error.to_string(),
        }
    }

    /// A BPE of all tokens, and of merges that it ranks in their order.
    fn bpe(&self, merges: Vec<(String, String)>) -> tokenizers::models::bpe::BpeBuilder {
        let ids = self.tokens.iter().cloned().zip(0..);
        let vocab: tokenizers::models::bpe::Vocab = ids.collect();
        BPE::builder().vocab_and_merges(vocab, merges)
    }

    fn byte_level(&self) -> Result<Tokenizer> {
        let gguf = self.gguf;
        // A file of before 2024 names none; llama.cpp takes its default.
        let name = gguf.text("tokenizer.ggml.pre")?.unwrap_or("default");
        let pre = pre::named(name).ok_or_else(|| ModelError::Unsupported {
            what: format!("the pre-tokenizer {name:?} (`tokenizer.ggml.pre`)"),
            hint: format!("known are {}", pre::names()),
        })?;
        let Some(Array::Text(lines)) = gguf.array("tokenizer.ggml.merges")? else {
            return Err(gguf.bad("it has no list `tokenizer.ggml.merges`".into()));
        };
        let merges = lines.iter().map(|line| {
            // The first part may begin with a blank, and is no empty one.
            let first = line.chars().next().map_or(0, char::len_utf8);
            let at = line[first..].find(' ').map(|at| at + first);
            let parts = at.map(|at| (line[..at].to_owned(), line[at + 1..].to_owned()));
            parts.ok_or_else(|| gguf.bad(format!("its merge {line:?} has no two parts")))
        });
        let merges = merges.collect::<Result<Vec<_>>>()?;
        let bpe = self.bpe(merges).ignore_merges(pre.whole).build();
        let mut inner = Tokenizer::new(bpe.map_err(|e| self.bad(e))?);
        inner.with_pre_tokenizer(Some(self.cuts(pre)?));
        inner.with_decoder(Some(ByteLevel::default()));
        self.finish(inner, pre.bos, None)
    }

    fn cuts(&self, pre: &Pre) -> Result<Sequence> {
        let splits = pre.patterns.iter().map(|pattern| {
            let pattern = SplitPattern::Regex((*pattern).into());
            let split = Split::new(pattern, SplitDelimiterBehavior::Isolated, false);
            split.map(PreTokenizerWrapper::from)
        });
        let splits = splits.collect::<Result<Vec<_>, _>>();
        let mut all = splits.map_err(|e| self.bad(e))?;
        all.push(ByteLevel::new(false, true, false).into());
        Ok(Sequence::new(all))
    }

    fn sentence_piece(&self) -> Result<Tokenizer> {
        let gguf = self.gguf;
        let Some(Array::Float(scores)) = gguf.array("tokenizer.ggml.scores")? else {
            return Err(gguf.bad(
                "its vocabulary has no `tokenizer.ggml.scores`, by which its pieces are joined"
                    .into(),
            ));
        };
        if scores.len() != self.tokens.len() {
            let (n, of) = (scores.len(), self.tokens.len());
            return Err(gguf.bad(format!("it has {n} scores for {of} tokens")));
        }
        let all = self.tokens.iter().zip(scores).enumerate();
        let pieces: Vec<(&str, f32)> = all
            .filter(|(id, _)| self.kind(*id) == NORMAL)
            .map(|(_, (text, score))| (text.as_str(), *score))
            .collect();
        let mut builder = self.bpe(sentence::merges(&pieces)).byte_fallback(true);
        let unknown = self.id("unknown", Some(0))?;
        if let Some((_, unknown)) = unknown {
            builder = builder.fuse_unk(true).unk_token(unknown);
        }
        let bpe = builder.build().map_err(|e| self.bad(e))?;
        let mut inner = Tokenizer::new(bpe);
        let leads = gguf
            .flag("tokenizer.ggml.add_space_prefix")?
            .unwrap_or(true);
        let blank = Replace::new(" ", BLANK).map_err(|e| self.bad(e))?;
        let mut normal: Vec<NormalizerWrapper> = vec![blank.into()];
        let back = Replace::new(BLANK, " ").map_err(|e| self.bad(e))?;
        let mut decode = vec![
            back.into(),
            ByteFallback::default().into(),
            Fuse::default().into(),
        ];
        if leads {
            normal.insert(0, Prepend::new(BLANK.into()).into());
            decode.push(Strip::new(' ', 1, 0).into());
        }
        (inner.with_normalizer(Some(Normalizers::new(normal)))).map_err(|e| self.bad(e))?;
        inner.with_decoder(Some(Decoders::new(decode)));
        self.finish(inner, true, Some(1))
    }

    /// Tokens that are found in a text before it is cut, and what stands around every
    /// text. `bos`: whether a first token does where the file does not say.
    fn finish(&self, mut inner: Tokenizer, bos: bool, first: Option<u64>) -> Result<Tokenizer> {
        let of = |kind: i64, special: bool| {
            let ids = (0..self.tokens.len()).filter(move |&id| self.kind(id) == kind);
            let all = ids
                .map(|id| self.tokens[id].as_str())
                .filter(|t| !t.is_empty());
            let all = all.map(move |t| AddedToken::from(t, special).normalized(false));
            all.collect::<Vec<_>>()
        };
        // All at once: the library builds its search anew at every call.
        let added = [of(CONTROL, true), of(USER, false)].concat();
        inner.add_tokens(added).map_err(|e| self.bad(e))?;
        let (mut before, mut after) = (None, None);
        let flag = |name: &str| self.gguf.flag(&format!("tokenizer.ggml.{name}"));
        if flag("add_bos_token")?.unwrap_or(bos) {
            before = Some(self.needed("bos", first)?);
        }
        if flag("add_eos_token")?.unwrap_or(false) {
            after = Some(self.needed("eos", None)?);
        }
        let special = |name: &str, of: &Option<(u32, String)>| {
            let (id, text) = of.clone()?;
            Some(SpecialToken::new(name.into(), vec![id], vec![text]))
        };
        let named = [special("bos", &before), special("eos", &after)];
        let named = named.into_iter().flatten().collect::<Result<Vec<_>, _>>();
        let named = named.map_err(|e| self.bad(e))?;
        if named.is_empty() {
            return Ok(inner);
        }
        let mut single = vec!["$A"];
        if before.is_some() {
            single.insert(0, "bos");
        }
        if after.is_some() {
            single.push("eos");
        }
        let template = TemplateProcessing::builder()
            .try_single(single)
            .map(|builder| builder.special_tokens(named).build())
            .map_err(|e| self.gguf.bad(e.to_string()))?;
        let template = template.map_err(|e| self.gguf.bad(e.to_string()))?;
        inner.with_post_processor(Some(template));
        Ok(inner)
    }

    /// The id and text of the token that the file calls by that name.
    fn id(&self, name: &str, default: Option<u64>) -> Result<Option<(u32, String)>> {
        let key = format!("tokenizer.ggml.{name}_token_id");
        let Some(id) = self.gguf.whole(&key)?.or(default) else {
            return Ok(None);
        };
        let text = usize::try_from(id).ok().and_then(|id| self.tokens.get(id));
        let text = text.ok_or_else(|| {
            let most = self.tokens.len();
            self.gguf.bad(format!(
                "`{key}` is {id}, and the vocabulary has {most} tokens"
            ))
        })?;
        Ok(Some((id as u32, text.clone())))
    }

    fn needed(&self, name: &str, default: Option<u64>) -> Result<(u32, String)> {
        self.id(name, default)?.ok_or_else(|| {
            let (add, id) = (format!("add_{name}_token"), format!("{name}_token_id"));
            self.gguf.bad(format!(
                "`tokenizer.ggml.{add}` is true, and there is no `{id}`"
            ))
        })
    }
}
