//! What is saved comes back, whatever happens in between.

use super::super::atomic::{replace, write_atomically};
use super::super::error::SaveError;
use super::super::save::named;
use super::*;
use crate::edit::MomentSource;
use crate::trace::Kind;

#[test]
fn what_is_saved_comes_back() {
    let (_folder, path, expected, factors) = saved();
    let (session, read_factors) = load(&path, &model()).unwrap();
    assert_eq!(session, expected);
    assert_eq!(read_factors, factors);
}

/// Fine-tuning's change has no small rank: it is saved as rank 0, with its bias.
#[test]
fn a_dense_change_comes_back() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("dense.toml");
    let (session, mut factors) = sitting();
    let values = |n: usize| (0..n).map(|i| (i as f32).cos() * 0.1).collect();
    let dense = Delta {
        layer: 1,
        rank: 0,
        r: Vec::new(),
        u: values(D * D_MLP),
        bias: values(D),
    };
    assert!(dense.is_dense());
    factors.insert(1, vec![dense]);
    save(&session, &factors, &path).unwrap();
    assert_eq!(load(&path, &model()).unwrap().1, factors);
    // A rank that is not what was saved is told by the hash.
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, text.replace("rank = 0,", "rank = 1,")).unwrap();
    let why = load(&path, &model()).unwrap_err().to_string();
    assert!(
        why.contains("hash differs") || why.contains("it has no"),
        "{why}"
    );
}

#[test]
fn the_text_is_as_expected() {
    let (_folder, path, ..) = saved();
    let text = fs::read_to_string(path).unwrap();
    let when = text
        .lines()
        .find(|line| line.starts_with("saved = "))
        .unwrap();
    insta::assert_snapshot!(text.replace(when, "saved = 2026-11-21T02:00:00Z"));
}

#[test]
fn saving_what_was_loaded_changes_nothing() {
    let (_folder, path, ..) = saved();
    let text = fs::read_to_string(&path).unwrap();
    let factors_file = path.with_extension("safetensors");
    let bytes = fs::read(&factors_file).unwrap();
    let (session, factors) = load(&path, &model()).unwrap();
    save(&session, &factors, &path).unwrap();
    assert_eq!(fs::read_to_string(&path).unwrap(), text);
    assert_eq!(fs::read(&factors_file).unwrap(), bytes);
}

#[test]
fn kinds_that_were_not_traced_stay_absent() {
    let (_folder, path, ..) = saved();
    let session = read(&path).unwrap();
    assert!(session.traces[0].result.grids.get(Kind::State).is_none());
}

#[test]
fn a_save_that_stops_between_the_two_files_loses_nothing() {
    let (_folder, path, old, old_factors) = saved();
    let (text, file) = (fs::read(&path).unwrap(), path.with_extension("safetensors"));

    // The next state has another first edit; only its factor file gets written.
    let (session, mut factors) = sitting();
    factors.insert(1, vec![delta(1, 1, 5.0)]);
    save(&session, &factors, &path).unwrap();
    let new = fs::read(&path).unwrap();
    fs::write(&path, text).unwrap();
    let (session, read_factors) = load(&path, &model()).unwrap();
    assert_eq!((session, read_factors), (old, old_factors));

    // And the whole of it reads as the new state.
    fs::write(&path, new).unwrap();
    assert_eq!(load(&path, &model()).unwrap().1, factors);

    // What nobody needs any more goes with the next save.
    let before = fs::metadata(&file).unwrap().len();
    let (session, mut newest) = load(&path, &model()).unwrap();
    newest.insert(2, vec![delta(1, 1, 6.0)]);
    save(&session, &newest, &path).unwrap();
    save(&session, &factors, &path).unwrap();
    assert!(fs::metadata(&file).unwrap().len() <= before);
}

#[test]
fn a_session_renamed_by_hand_keeps_its_factors_when_saved() {
    let (folder, path, _, factors) = saved();
    let renamed = folder.path().join("renamed.toml");
    fs::rename(&path, &renamed).unwrap();
    let (session, read_factors) = load(&renamed, &model()).unwrap();
    save(&session, &read_factors, &renamed).unwrap();
    fs::remove_file(folder.path().join("needle.safetensors")).unwrap();
    assert_eq!(load(&renamed, &model()).unwrap().1, factors);
}

#[test]
fn a_failed_write_leaves_the_old_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("old");
    write_atomically(&path, b"old").unwrap();
    let error = replace(&path, |file| {
        std::io::Write::write_all(file, b"half of the n")?;
        Err(std::io::ErrorKind::StorageFull.into())
    });
    assert_eq!(error.unwrap_err().kind(), std::io::ErrorKind::StorageFull);
    assert_eq!(fs::read(&path).unwrap(), b"old");
    assert_eq!(
        fs::read_dir(folder.path()).unwrap().count(),
        1,
        "a temporary file was left"
    );
}

#[cfg(unix)]
#[test]
fn what_a_link_leads_to_is_written_and_a_device_stays_one() {
    use std::os::unix::fs::{FileTypeExt, symlink};
    let folder = tempfile::tempdir().unwrap();
    let (file, link) = (folder.path().join("file"), folder.path().join("link"));
    fs::write(&file, "old").unwrap();
    symlink(&file, &link).unwrap();
    write_atomically(&link, b"new").unwrap();
    assert_eq!(fs::read(&file).unwrap(), b"new");
    assert!(link.symlink_metadata().unwrap().is_symlink());

    let device = folder.path().join("device");
    symlink("/dev/null", &device).unwrap();
    write_atomically(&device, b"gone").unwrap();
    assert!(
        fs::metadata("/dev/null")
            .unwrap()
            .file_type()
            .is_char_device()
    );
}

#[test]
fn saving_where_nobody_can_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let (session, factors) = sitting();
    let error = save(
        &session,
        &factors,
        &folder.path().join("no/such/folder/s.toml"),
    );
    assert!(matches!(error, Err(SaveError::Write { .. })));
    let error = save(&session, &factors, &folder.path().join("s.safetensors"));
    assert!(matches!(error, Err(SaveError::Name { .. })));
    assert_eq!(named(Path::new("a.b/s")), Path::new("a.b/s.toml"));
    assert_eq!(named(Path::new("v1.2")), Path::new("v1.2.toml"));
    assert_eq!(named(Path::new("s.toml")), Path::new("s.toml"));
}

#[test]
fn a_model_of_the_same_name_is_not_overwritten() {
    let folder = tempfile::tempdir().unwrap();
    let weights = folder.path().join("model.safetensors");
    let tensor = [0u8; 4];
    let view = safetensors::tensor::TensorView::new(safetensors::Dtype::F32, vec![1], &tensor);
    let bytes = safetensors::serialize([("w", view.unwrap())], None).unwrap();
    for content in [&bytes[..], b"short", b""] {
        fs::write(&weights, content).unwrap();
        let (session, factors) = sitting();
        let error = save(&session, &factors, &folder.path().join("model.toml")).unwrap_err();
        assert!(matches!(error, SaveError::NotOurs { .. }), "{error}");
        assert_eq!(fs::read(&weights).unwrap(), content);
        assert!(!folder.path().join("model.toml").exists());
    }
}

#[test]
fn files_of_an_edit_are_named_from_the_folder() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("s.toml");
    let beside = folder.path().canonicalize().unwrap().join("c.safetensors");
    let (mut session, factors) = sitting();
    session.edits[0].asked.moments = MomentSource::File(beside.clone());
    save(&session, &factors, &path).unwrap();
    assert!(
        fs::read_to_string(&path)
            .unwrap()
            .contains("file = \"c.safetensors\"")
    );
    let back = read(&path.canonicalize().unwrap()).unwrap();
    assert_eq!(back.edits[0].asked.moments, MomentSource::File(beside));
}

#[test]
fn a_folder_lists_its_sessions_and_nothing_else() {
    let (folder, path, ..) = saved();
    let inside = |name: &str| folder.path().join(name);
    fs::write(inside("Cargo.toml"), "[package]\n").unwrap();
    let text = fs::read_to_string(&path).unwrap();
    fs::write(
        inside("future.toml"),
        text.replace("format = 1", "format = 9"),
    )
    .unwrap();
    fs::write(inside("cut.toml"), &text[..text.len() / 2]).unwrap();
    let listed = list(folder.path()).unwrap();
    let names: Vec<&str> = listed.iter().map(|l| l.name.as_str()).collect();
    assert_eq!(names, ["cut", "future", "needle"]);
    assert!(matches!(listed[0].session, Err(Refusal::Truncated)));
    assert!(matches!(
        listed[1].session,
        Err(Refusal::UnknownVersion { .. })
    ));
    assert_eq!(listed[2].session.as_ref().unwrap().edits.len(), 2);
}

#[test]
fn an_autosave_outlives_a_sitting_that_did_not_end_well() {
    let folder = tempfile::tempdir().unwrap();
    let (session, factors) = sitting();
    let first = Autosave::begin(folder.path()).unwrap();
    let second = Autosave::begin(folder.path()).unwrap();
    assert_ne!(first.path(), second.path());
    first.write(&session, &factors).unwrap();
    second.write(&session, &factors).unwrap();
    assert_eq!(autosave::left_behind(folder.path()), Vec::<PathBuf>::new());

    let path = first.path().to_owned();
    drop(first);
    assert_eq!(
        autosave::left_behind(folder.path()),
        std::slice::from_ref(&path)
    );
    assert_eq!(load(&path, &model()).unwrap().1, factors);

    second.discard();
    assert_eq!(
        autosave::left_behind(folder.path()),
        std::slice::from_ref(&path)
    );
    let third = Autosave::begin(folder.path()).unwrap();
    assert_ne!(third.path(), path);
    drop(third);
    autosave::remove(&path);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}
