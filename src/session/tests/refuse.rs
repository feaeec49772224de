//! Every refusal that a session can meet, and that none of them writes.

use super::super::error::SaveError;
use super::super::load::from_bytes;
use super::*;

#[test]
fn every_truncation_is_an_error() {
    let (_folder, path, ..) = saved();
    let whole = fs::read(&path).unwrap();
    from_bytes(&whole).unwrap();
    for length in 0..whole.len() {
        let why = from_bytes(&whole[..length]).unwrap_err();
        let expected = matches!(
            why,
            Refusal::Truncated | Refusal::NotASession | Refusal::UnknownVersion { .. }
        );
        assert!(expected, "at {length}: {why}");
        if length > "format = 1\n".len() {
            assert!(matches!(why, Refusal::Truncated), "at {length}: {why}");
        }
    }
}

#[test]
fn every_truncation_of_the_factors_is_an_error() {
    let (_folder, path, ..) = saved();
    let file = path.with_extension("safetensors");
    let whole = fs::read(&file).unwrap();
    for length in 0..whole.len() {
        fs::write(&file, &whole[..length]).unwrap();
        let why = refusal(&path);
        assert!(
            matches!(why, Refusal::DamagedFactors { .. }),
            "at {length}: {why}"
        );
    }
}

#[test]
fn every_flipped_bit_of_a_factor_is_noticed() {
    let (_folder, path, ..) = saved();
    let file = path.with_extension("safetensors");
    let whole = fs::read(&file).unwrap();
    let data = whole.len() - 4 * 4 * (D + D_MLP);
    for at in data..whole.len() {
        let mut bytes = whole.clone();
        bytes[at] ^= 1;
        fs::write(&file, bytes).unwrap();
        assert!(
            matches!(refusal(&path), Refusal::DamagedFactors { .. }),
            "at {at}"
        );
    }
}

#[test]
fn other_weights_are_refused_with_both_hashes() {
    let (_folder, path, ..) = saved();
    let other = Model {
        sha256: "ab".repeat(32),
        ..model()
    };
    let error = load(&path, &other).unwrap_err();
    assert!(matches!(error.why, Refusal::OtherWeights { .. }));
    let message = error.to_string();
    assert!(
        message.contains(&other.sha256) && message.contains(&model().sha256),
        "{message}"
    );
}

#[test]
fn a_session_that_lies_about_its_model_is_refused() {
    let why = after(|text| text.replace("d_mlp = 5", "d_mlp = 6"));
    assert!(
        matches!(
            why,
            Refusal::OtherShape {
                field: "d_mlp",
                session: 6,
                model: 5
            }
        ),
        "{why}"
    );
}

#[test]
fn an_unknown_version_is_refused_before_anything_else() {
    let why = after(|text| text.replace("format = 1", "format = 2\nmore = 1"));
    assert!(
        matches!(why, Refusal::UnknownVersion { found: 2, known: 1 }),
        "{why}"
    );
}

#[test]
fn a_number_that_is_none_is_refused_by_name() {
    let why = after(|text| text.replace("alpha = 1.0", "alpha = nan"));
    assert_eq!(
        why.to_string().split(',').next().unwrap(),
        "`edit[0].alpha` is NaN"
    );
    let why = after(|text| text.replace("0.25]", "-inf]"));
    assert!(matches!(why, Refusal::NotFinite { .. }), "{why}");
}

#[test]
fn a_nan_in_the_factors_is_refused_at_both_ends() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("nan.toml");
    let (session, mut factors) = sitting();
    factors.get_mut(&1).unwrap()[0].u[2] = f32::NAN;
    let error = save(&session, &factors, &path).unwrap_err();
    let SaveError::Unsound {
        why: Refusal::NotFinite { field, .. },
        ..
    } = error
    else {
        panic!("{error}");
    };
    assert!(field.ends_with("u[2]"), "{field}");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn huge_numbers_are_refused() {
    for (from, to) in [
        ("steps = 20", "steps = 9223372036854775807"),
        ("steps = 20", "steps = 99999999999999999999999999"),
        ("steps = 20", "steps = -1"),
        ("layer = { at = 1 }", "layer = { at = 2 }"),
        ("alpha = 1.0", "alpha = 1e300"),
        ("rank = 2", "rank = 1000000000000"),
        ("rank = 1,", "rank = -1,"),
        ("tokens = 20", "tokens = 4000000000000"),
        ("layers = 2", "layers = 9000000000000000000"),
        ("id = 2", "id = 1"),
    ] {
        let why = after(|text| text.replacen(from, to, 1));
        let expected = matches!(why, Refusal::OutOfRange { .. } | Refusal::Syntax { .. });
        assert!(expected, "{to}: {why}");
    }
}

#[test]
fn a_grid_must_fit_the_model_and_the_tokens() {
    let why = after(|text| text.replacen("  [0.5, 0.25],\n", "", 1));
    assert!(matches!(why, Refusal::OutOfRange { .. }), "{why}");
    let why = after(|text| text.replacen("[0.5, 0.25]", "[0.5]", 1));
    assert!(matches!(why, Refusal::OutOfRange { .. }), "{why}");
}

#[test]
fn an_error_in_the_text_has_its_line() {
    let why = after(|text| text.replace("on = true", "on = maybe"));
    assert!(
        matches!(why, Refusal::Syntax { line, .. } if line > 10),
        "{why}"
    );
    let why = after(|text| text.replace("on = true", "no = true"));
    assert!(why.to_string().contains("unknown field `no`"), "{why}");
}

#[test]
fn paths_that_leave_the_folder_are_refused() {
    for name in [
        "../needle.safetensors",
        "/etc/passwd",
        "a/b",
        "..",
        ".",
        "",
        "C:\\\\x",
    ] {
        let why = after(|text| {
            text.replace(
                "factors = \"needle.safetensors\"",
                &format!("factors = \"{name}\""),
            )
        });
        assert!(
            matches!(why, Refusal::OutsideFolder { .. }),
            "{name}: {why}"
        );
    }
    let why = after(|text| text.replacen("moments = \"auto\"", "moments = { file = \"../c\" }", 1));
    assert!(matches!(why, Refusal::OutsideFolder { .. }), "{why}");
}

#[cfg(unix)]
#[test]
fn a_link_that_leaves_the_folder_is_refused() {
    let (_folder, path, ..) = saved();
    let elsewhere = tempfile::tempdir().unwrap();
    let (file, moved) = (
        path.with_extension("safetensors"),
        elsewhere.path().join("f"),
    );
    fs::rename(&file, &moved).unwrap_or_else(|_| {
        fs::copy(&file, &moved).unwrap();
        fs::remove_file(&file).unwrap();
    });
    std::os::unix::fs::symlink(&moved, &file).unwrap();
    assert!(matches!(refusal(&path), Refusal::OutsideFolder { .. }));
}

#[test]
fn missing_factors_are_refused_and_the_text_still_reads() {
    let (_folder, path, expected, _) = saved();
    fs::remove_file(path.with_extension("safetensors")).unwrap();
    let why = refusal(&path);
    assert!(matches!(why, Refusal::MissingFactors { .. }), "{why}");
    assert_eq!(read(&path).unwrap(), expected);
}

#[test]
fn factors_of_another_shape_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("s.toml");
    let (session, mut factors) = sitting();
    factors.get_mut(&1).unwrap()[0].r.push(0.0);
    let error = save(&session, &factors, &path).unwrap_err();
    let wrong = matches!(
        error,
        SaveError::Unsound {
            why: Refusal::WrongShape {
                edit: 1,
                tensor: 'r',
                ..
            },
            ..
        }
    );
    assert!(wrong, "{error}");
}

#[test]
fn what_is_no_session_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.toml");
    assert!(matches!(refusal(&path), Refusal::Unreadable(_)));
    assert!(matches!(refusal(folder.path()), Refusal::NotAFile));
    for (content, text) in [
        (&b"[package]\nname = \"x\"\n"[..], true),
        (b"", true),
        (b"\x7fELF\xff\xfe", false),
        (b"nothing like it", true),
    ] {
        fs::write(&path, content).unwrap();
        let why = refusal(&path);
        let expected = if text {
            matches!(why, Refusal::NotASession | Refusal::Truncated)
        } else {
            matches!(why, Refusal::NotText { at: 4 })
        };
        assert!(expected, "{why}");
        let error = save(&sitting().0, &Factors::new(), &path).unwrap_err();
        assert!(matches!(error, SaveError::NotOurs { .. }), "{error}");
        assert_eq!(fs::read(&path).unwrap(), content);
    }
}

#[test]
fn a_run_beneath_an_edit_is_bounded_and_forward() {
    let (session, _) = sitting();
    for (id, to) in [(3, 2), (0, u64::MAX >> 1), (1, 1_000_000)] {
        let mut session = session.clone();
        session.edits[1].made_on = vec![Beneath {
            id,
            to: Some(to),
            alpha: 1.0,
        }];
        let why = super::super::check::session(&session).unwrap_err();
        assert!(why.to_string().contains("made_on"), "{why}");
    }
    let mut session = session;
    session.edits[1].made_on = Beneath::runs((1..=999).map(|id| (id, 1.0)));
    super::super::check::session(&session).unwrap();
}
