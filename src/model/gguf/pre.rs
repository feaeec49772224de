//! How llama.cpp cuts a text before byte-level BPE, by the name in
//! `tokenizer.ggml.pre` (`llama-vocab.cpp`).
//!
//! Where llama.cpp writes around what its regular expressions lack (`\p{Lu}`, `(?i:…)`),
//! these are the ones of the models' own tokenizers.

/// A pre-tokenizer.
pub struct Pre {
    /// One after the other; what a pattern does not match is a piece, too.
    pub patterns: &'static [&'static str],
    /// A piece that is a token as it stands is not merged.
    pub whole: bool,
    /// Whether a text begins with the model's first token where the file does not say.
    pub bos: bool,
}

const GPT2: &str = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)";
const LLAMA3: &str = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";
const QWEN2: &str = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";
const TEKKEN: &str = r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+";
const GPT4O: &str = r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+";

#[rustfmt::skip]
const KNOWN: [(&[&str], Pre); 10] = [
    (&["default"], Pre { patterns: &[r"[\p{P}\$\+<=>\^~\|]+", GPT2, r"\p{N}+", "[0-9][0-9][0-9]"], whole: false, bos: false }),
    (&["gpt-2", "olmo", "phi-2", "mpt", "exaone4", "trillion"], Pre { patterns: &[GPT2], whole: false, bos: false }),
    (&["llama-bpe", "llama3", "llama-v3", "falcon3"], Pre { patterns: &[LLAMA3], whole: true, bos: true }),
    (&["dbrx", "smaug-bpe", "glm4", "chatglm-bpe"], Pre { patterns: &[LLAMA3], whole: false, bos: false }),
    (&["qwen2", "deepseek-r1-qwen", "stablelm2", "megrez"], Pre { patterns: &[QWEN2], whole: false, bos: false }),
    (&["smollm", "starcoder", "refact", "command-r", "codeshell", "exaone", "minerva-7b"], Pre { patterns: &[r"\p{N}", GPT2], whole: false, bos: false }),
    (&["falcon"], Pre { patterns: &[r"[\p{P}\$\+<=>\^~\|`]+", GPT2, "[0-9][0-9][0-9]"], whole: false, bos: false }),
    (&["tekken"], Pre { patterns: &[TEKKEN], whole: true, bos: true }),
    (&["gpt-4o", "llama4"], Pre { patterns: &[GPT4O], whole: false, bos: false }),
    (&["deepseek-coder"], Pre { patterns: &[r"[\r\n]", r"\s?\p{L}+", r"\s?\p{P}+", "[一-龥ࠀ-一가-퟿]+", r"\p{N}"], whole: false, bos: false }),
];

/// By llama.cpp's name.
pub fn named(name: &str) -> Option<&'static Pre> {
    static ALL: &[(&[&str], Pre)] = &KNOWN;
    let found = ALL.iter().find(|(names, _)| names.contains(&name));
    found.map(|(_, pre)| pre)
}

/// Every name that is known.
pub fn names() -> String {
    let names: Vec<&str> = KNOWN
        .iter()
        .flat_map(|(names, _)| *names)
        .copied()
        .collect();
    names.join(", ")
}
