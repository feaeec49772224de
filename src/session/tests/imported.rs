//! An edit with an origin instead of a request: kept by its factors, and by them
//! alone.

use super::super::diff::diff;
use super::*;
use crate::edit::LayerChoice;

/// The sitting with an adapter on top, saved.
fn saved_import() -> (tempfile::TempDir, PathBuf, Session, Factors) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("needle.toml");
    let (mut session, mut factors) = sitting();
    let asked = EditSpec {
        method: Method::Imported,
        origin: "adapter my\u{1b}[2J-lora".into(),
        ..EditSpec::default()
    };
    let norm = |layer| LayerNorm {
        layer,
        relative_update_norm: 0.25,
    };
    let report = EditReport {
        method: "imported".into(),
        layer: 1,
        layers: vec![norm(0), norm(1)],
        ..EditReport::default()
    };
    session.edits.push(SavedEdit::new(
        3,
        vec![],
        &asked,
        &Watch::default(),
        &report,
    ));
    factors.insert(3, vec![delta(0, 2, 0.1), delta(1, 2, 0.2)]);
    save(&session, &factors, &path).unwrap();
    (folder, path, session, factors)
}

#[test]
fn it_comes_back_with_its_origin_and_no_request() {
    let (_folder, path, session, factors) = saved_import();
    let text = fs::read_to_string(&path).unwrap();
    let from = text.find("id = 3").unwrap();
    let asked = &text[from..];
    assert!(
        asked.contains("origin = \"adapter my\\u001B[2J-lora\""),
        "{asked}"
    );
    assert!(
        !asked.contains("request") && !asked.contains("hyper"),
        "{asked}"
    );
    let (again, kept) = load(&path, &model()).unwrap();
    assert_eq!(kept, factors);
    let (edit, first) = (&again.edits[2], &session.edits[2]);
    assert_eq!(
        (&edit.asked, edit.asked.layer),
        (&first.asked, LayerChoice::Span(0, 1))
    );
    assert_eq!(edit.asked.requests().count(), 0);
    assert_eq!(edit.asked.title(), "adapter my\u{1b}[2J-lora");
    // It alone needs the file, and is read alone.
    let only = super::super::load::imported(&path, &again).unwrap();
    assert_eq!(only.into_keys().collect::<Vec<_>>(), [3]);
}

#[test]
fn it_is_told_apart_by_its_origin() {
    let (_folder, _, session, _) = saved_import();
    let mut other = session.clone();
    other.edits[2].asked.origin = "adapter two".into();
    let words: Vec<String> = (diff(&session, &other, 0.0).unwrap().into_iter())
        .map(|finding| finding.words)
        .collect();
    let of = |which, origin| format!("only {which} has this edit: adapter {origin}");
    assert_eq!(words, [of("A", "my\u{1b}[2J-lora"), of("B", "two")]);
}

#[test]
fn without_its_factors_it_is_refused_and_not_sent_to_replay() {
    let (_folder, path, ..) = saved_import();
    fs::remove_file(path.with_extension("safetensors")).unwrap();
    let why = refusal(&path).to_string();
    assert!(
        why.contains("import again") && !why.contains("replay"),
        "{why}"
    );
    let session = read(&path).unwrap();
    let why = super::super::load::imported(&path, &session).unwrap_err();
    assert!(why.to_string().contains("missing"), "{why}");
    // A sitting without imports can be made again from its text.
    let (_folder, path, session, _) = saved();
    fs::remove_file(path.with_extension("safetensors")).unwrap();
    assert!(
        super::super::load::imported(&path, &session)
            .unwrap()
            .is_empty()
    );
}

#[test]
fn it_is_not_saved_without_factors_nor_read_with_a_request() {
    let (_folder, path, session, mut factors) = saved_import();
    factors.remove(&3);
    let error = save(&session, &factors, &path).unwrap_err().to_string();
    assert!(error.contains("edit[2].factors"), "{error}");
    let whole = fs::read_to_string(&path).unwrap();
    for (from, to, field) in [
        (
            "origin = \"adapter my\\u001B[2J-lora\"",
            "origin = \"\"",
            "edit[2].asked.origin",
        ),
        (
            "method = \"r-rome\"",
            "method = \"imported\"",
            "edit[0].asked.origin",
        ),
        (
            "method = \"imported\"\nmoments",
            "request = { prompt = \"\", subject = \"x\", target = \"\" }\nmethod = \"imported\"\nmoments",
            "edit[2].asked.request",
        ),
    ] {
        let changed = whole.replacen(from, to, 1);
        assert_ne!(changed, whole, "{from}");
        fs::write(&path, changed).unwrap();
        let why = refusal(&path).to_string();
        assert!(why.contains(field), "{why}");
    }
}
