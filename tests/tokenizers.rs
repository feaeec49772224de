//! The tokenizers of real models: published ids, round trips, subjects.

use pentimento::model::Tokens;
use proptest::prelude::*;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/tokenizers")
        .join(name)
}

static GPT2: LazyLock<Tokens> = LazyLock::new(|| Tokens::from_bpe(&folder("gpt2")).unwrap());
static NEOX: LazyLock<Tokens> = LazyLock::new(|| {
    let path = folder("gpt_neox").join("tokenizer.json");
    Tokens::from_json(&std::fs::read(&path).unwrap(), &path).unwrap()
});

#[test]
fn published_ids() {
    assert_eq!(GPT2.vocab(), 50257);
    assert_eq!(GPT2.encode("Hello world").unwrap().ids, [15496, 995]);
    assert_eq!(GPT2.id("<|endoftext|>"), Some(50256));
    assert_eq!(GPT2.encode("<|endoftext|>").unwrap().ids, [50256]);
    assert_eq!(NEOX.encode("Hello world").unwrap().ids, [12092, 1533]);
    assert_eq!(NEOX.id("<|endoftext|>"), Some(0));
}

#[test]
fn a_subject_is_found_through_split_characters() {
    for tokens in [&*GPT2, &*NEOX] {
        let prompt = "Is 東京タワー 🗼 in Tōkyō?";
        for subject in ["東京タワー", "🗼", "Tōkyō", "京"] {
            let (encoded, range) = tokens.encode_with_subject(prompt, subject).unwrap();
            let text = tokens.decode(&encoded.ids[range.clone()]);
            // A token at either end may hold more than the subject, never less of it.
            let (first, last) = (
                &encoded.offsets[range.start],
                &encoded.offsets[range.end - 1],
            );
            assert!(
                prompt[first.start..last.end].contains(subject),
                "{subject}: {text:?}"
            );
        }
    }
}

proptest! {
    #[test]
    fn any_text_comes_back(text in "\\PC{0,40}|[a-zA-Z ,.\n]{0,60}|.{0,20}") {
        // What stands for a special token is one.
        prop_assume!(!text.contains("<|"));
        for tokens in [&*GPT2, &*NEOX] {
            let encoded = tokens.encode(&text).unwrap();
            let back = tokens.decode(&encoded.ids);
            // NeoX composes what can be composed (NFC); GPT-2 keeps every byte.
            if std::ptr::eq(tokens, &*GPT2) {
                prop_assert_eq!(&back, &text);
            } else {
                use unicode_normalization::UnicodeNormalization;
                prop_assert_eq!(back, text.nfc().collect::<String>());
            }
            for range in &encoded.offsets {
                prop_assert!(text.get(range.clone()).is_some(), "{:?}", range);
            }
        }
    }
}
