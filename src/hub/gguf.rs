//! GGUF files by their names: the quantisation, the shards, and which file of
//! a repository is meant.

use std::collections::BTreeMap;

/// Files beside a model that are none themselves: projectors, importance
/// matrices and the heads of speculative decoding. llama.cpp's list.
const BESIDE: [&str; 6] = ["mmproj", "imatrix", "mtp-", "eagle3-", "dflash-", "dspark-"];
/// What is taken where nobody names a quantisation, as llama.cpp does.
const USUAL: [&str; 2] = ["Q4_K_M", "Q8_0"];
/// Precisions that are not of the form Q4_K_M.
const PLAIN: [&str; 8] = [
    "F16",
    "F32",
    "BF16",
    "FP16",
    "FP32",
    "MXFP4",
    "MXFP4_MOE",
    "NVFP4",
];

/// The path without `.gguf`, if it had that; case does not matter.
pub fn stem(path: &str) -> Option<&str> {
    let cut = path.len().checked_sub(5)?;
    let (stem, ending) = path.split_at_checked(cut)?;
    (ending.eq_ignore_ascii_case(".gguf") && !stem.is_empty()).then_some(stem)
}

/// A part of a model in several files: `STEM-00002-of-00003.gguf`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shard<'a> {
    pub stem: &'a str,
    /// From 1.
    pub number: u32,
    pub of: u32,
}

/// `None` for a file that is whole by itself.
pub fn shard(path: &str) -> Option<Shard<'_>> {
    let (rest, of) = stem(path)?.rsplit_once("-of-")?;
    let (stem, number) = rest.rsplit_once('-')?;
    let digits = |text: &str| {
        let five = text.len() == 5 && text.bytes().all(|b| b.is_ascii_digit());
        five.then(|| text.parse().ok()).flatten()
    };
    let (number, of) = (digits(number)?, digits(of)?);
    (1..=of)
        .contains(&number)
        .then_some(Shard { stem, number, of })
}

/// What a model is called by its path: without `.gguf` and a shard's number.
pub fn title(path: &str) -> &str {
    match shard(path) {
        Some(shard) => shard.stem,
        None => stem(path).unwrap_or(path),
    }
}

/// Why a file is no model, as far as its name says; `None` where it may be one.
pub fn beside(path: &str) -> Option<&'static str> {
    let name = path.rsplit('/').next().unwrap_or(path);
    let word = BESIDE.into_iter().find(|word| name.contains(word))?;
    Some(match word {
        "mmproj" => "an image projector (mmproj), not a language model",
        "imatrix" => "an importance matrix, not a model",
        _ => "a head for speculative decoding, not a model",
    })
}

/// Whether a file begins a model.
fn begins(path: &str) -> bool {
    stem(path).is_some()
        && beside(path).is_none()
        && shard(path).is_none_or(|shard| shard.number == 1)
}

/// The quantisation that a file's name says, in capitals: `Q4_K_M`.
pub fn quantisation(path: &str) -> Option<String> {
    let name = title(path).rsplit('/').next()?.to_ascii_uppercase();
    let found = name.rsplit(['-', '.', ' ']).find_map(|part| {
        let tails = part
            .match_indices('_')
            .map(|(at, _)| part.split_at(at + 1).1);
        std::iter::once(part)
            .chain(tails)
            .find(|tail| is_quantisation(tail))
    });
    found.map(str::to_owned)
}

fn is_quantisation(word: &str) -> bool {
    let digits = ["IQ", "TQ", "Q"].iter().find_map(|q| word.strip_prefix(q));
    let counted = digits.is_some_and(|rest| {
        rest.starts_with(|c: char| c.is_ascii_digit())
            && rest
                .bytes()
                .all(|b| b.is_ascii_digit() || b.is_ascii_uppercase() || b == b'_')
    });
    counted || PLAIN.contains(&word)
}

/// The file of `paths` that `tag` means, its first shard if it has several.
///
/// A tag is a quantisation or any other end of a word before `.` or `-`, as
/// llama.cpp's `-hf` takes it (`UD-Q4_K_XL`), or a file's name. Without one:
/// Q4_K_M, else Q8_0, else the first model.
pub fn choose<'a>(paths: &[&'a str], tag: Option<&str>) -> Option<&'a str> {
    let models = || paths.iter().copied().filter(|path| begins(path));
    let Some(tag) = tag else {
        let usual = USUAL.iter().find_map(|tag| choose(paths, Some(tag)));
        return usual.or_else(|| models().next());
    };
    if stem(tag).is_some() {
        return models().find(|path| path.eq_ignore_ascii_case(tag));
    }
    let exact =
        models().find(|path| quantisation(path).is_some_and(|q| q.eq_ignore_ascii_case(tag)));
    exact.or_else(|| models().find(|path| has_word(path, tag)))
}

/// Whether `word` stands in `path` from a word's beginning up to `.` or `-`.
fn has_word(path: &str, word: &str) -> bool {
    let (path, word) = (path.to_ascii_lowercase(), word.to_ascii_lowercase());
    let open = |at: usize| {
        let before = at.checked_sub(1).map(|at| path.as_bytes()[at]);
        let after = path.as_bytes().get(at + word.len());
        before.is_none_or(|b| b"/-._ ".contains(&b)) && after.is_some_and(|b| b".-".contains(b))
    };
    !word.is_empty() && path.match_indices(word.as_str()).any(|(at, _)| open(at))
}

/// All files of the model that begins with `first`, which is in `paths`.
///
/// # Errors
/// How many of its shards are there, if not all are.
pub fn parts(paths: &[&str], first: &str) -> Result<Vec<String>, String> {
    let Some(whole) = shard(first) else {
        return Ok(vec![first.to_owned()]);
    };
    let mut found = BTreeMap::new();
    for path in paths {
        if let Some(part) = shard(path)
            && (part.stem, part.of) == (whole.stem, whole.of)
        {
            found.insert(part.number, (*path).to_owned());
        }
    }
    if found.len() < whole.of as usize {
        return Err(format!("{} of its {} shards", found.len(), whole.of));
    }
    Ok(found.into_values().collect())
}

/// Every model among `paths`: the shortest tag that means it, and its first file.
pub fn variants<'a>(paths: &[&'a str]) -> Vec<(String, &'a str)> {
    let models = paths.iter().copied().filter(|path| begins(path));
    models
        .map(|path| {
            let label = quantisation(path).filter(|q| choose(paths, Some(q)) == Some(path));
            (label.unwrap_or_else(|| path.to_owned()), path)
        })
        .collect()
}

/// Whether a path of a repository may become one below a folder, and part of a URL.
pub(super) fn is_plain(path: &str) -> bool {
    let part = |part: &str| {
        let plain = |c: char| c.is_alphanumeric() || "-_.+()[]=, ".contains(c);
        !part.is_empty() && part.len() <= 255 && !part.starts_with('.') && part.chars().all(plain)
    };
    path.len() <= 1024 && path.split('/').all(part)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_says_its_quantisation() {
        for (path, want) in [
            ("gemma-3-270m-q4_k_m.gguf", Some("Q4_K_M")),
            (
                "Meta-Llama-3-8B.IQ2_XXS-00001-of-00002.gguf",
                Some("IQ2_XXS"),
            ),
            ("BF16/m-BF16-00002-of-00003.gguf", Some("BF16")),
            ("m_q8_0.gguf", Some("Q8_0")),
            ("m-UD-Q4_K_XL.GGUF", Some("Q4_K_XL")),
            ("m-Q8_0-it.gguf", Some("Q8_0")),
            ("Qwen3-0.6B.gguf", None),
            ("phi-3-mini-4k-instruct-fp16.gguf", Some("FP16")),
        ] {
            assert_eq!(quantisation(path).as_deref(), want, "{path}");
        }
    }

    #[test]
    fn shards_are_counted() {
        let second = shard("a/m-Q8_0-00002-of-00003.gguf").unwrap();
        assert_eq!((second.stem, second.number, second.of), ("a/m-Q8_0", 2, 3));
        for path in [
            "m.gguf",
            "m-00000-of-00002.gguf",
            "m-00003-of-00002.gguf",
            "m-1-of-2.gguf",
            "m-00001-of-00002",
            "é.gguf",
        ] {
            assert_eq!(shard(path), None, "{path}");
        }
        let paths = [
            "m-00001-of-00002.gguf",
            "m-00001-of-00003.gguf",
            "m-00002-of-00002.gguf",
        ];
        assert_eq!(parts(&paths, paths[0]).unwrap(), [paths[0], paths[2]]);
        assert_eq!(parts(&paths, paths[1]).unwrap_err(), "1 of its 3 shards");
    }

    #[test]
    fn a_tag_means_one_file() {
        let paths = [
            "README.md",
            "mmproj-m-Q4_K_M.gguf",
            "m-IQ4_XS.gguf",
            "m-Q4_XS.gguf",
            "m-UD-Q4_K_XL.gguf",
            "m-q8_0.gguf",
            "big/m-F16-00001-of-00002.gguf",
            "big/m-F16-00002-of-00002.gguf",
        ];
        let by = |tag| choose(&paths, Some(tag));
        assert_eq!(by("Q4_XS"), Some("m-Q4_XS.gguf"));
        assert_eq!(by("q8_0"), by("Q8_0"));
        assert_eq!(by("UD-Q4_K_XL"), by("Q4_K_XL"));
        assert_eq!(by("f16"), Some("big/m-F16-00001-of-00002.gguf"));
        assert_eq!(
            by("big/m-F16-00001-of-00002.gguf"),
            Some("big/m-F16-00001-of-00002.gguf")
        );
        for tag in ["Q4_K_M", "", "4_XS", "big/m-F16-00002-of-00002.gguf"] {
            assert_eq!(by(tag), None, "{tag:?}");
        }
        // Without a tag: no Q4_K_M here, so Q8_0.
        assert_eq!(choose(&paths, None), Some("m-q8_0.gguf"));
        assert_eq!(choose(&paths[..4], None), Some("m-IQ4_XS.gguf"));
        assert_eq!(choose(&paths[..2], None), None);
        let tags: Vec<String> = variants(&paths).into_iter().map(|(tag, _)| tag).collect();
        assert_eq!(tags, ["IQ4_XS", "Q4_XS", "Q4_K_XL", "Q8_0", "F16"]);
    }

    #[test]
    fn two_files_of_one_quantisation_have_two_tags() {
        let paths = ["a-Q4_0.gguf", "b-Q4_0.gguf", "c.gguf"];
        let tags: Vec<String> = variants(&paths).into_iter().map(|(tag, _)| tag).collect();
        assert_eq!(tags, ["Q4_0", "b-Q4_0.gguf", "c.gguf"]);
        for (tag, path) in variants(&paths) {
            assert_eq!(choose(&paths, Some(&tag)), Some(path), "{tag}");
        }
    }

    #[test]
    fn a_path_stays_where_it_belongs() {
        assert!(is_plain("Q4_K_M/m (1)-00001-of-00002.gguf"));
        for path in [
            "../m", "/m", "a//b", "a/../b", ".m", "a\\b", "a\nb", "a?b", "",
        ] {
            assert!(!is_plain(path), "{path:?}");
        }
    }
}
