//! What the program is made of: every crate comes from crates.io and has a licence that
//! `deny.toml` allows. What is known against a version needs a network:
//! `cargo deny check advisories`.

use serde_json::Value;
use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

fn here(file: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(file)).expect(file)
}

fn output(program: &str, arguments: &[&str]) -> Vec<u8> {
    let output = Command::new(program)
        .args(arguments)
        .output()
        .expect(program);
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    output.stdout
}

/// Whether these allow what is licensed by this SPDX expression. AND binds tighter.
fn allows(allowed: &BTreeSet<String>, licence: &str) -> bool {
    let mut licence = licence.replace('/', " OR ");
    // What brackets come to takes their place, the innermost first.
    while let Some(close) = licence.find(')') {
        let open = licence[..close].rfind('(').expect("a bracket that opens");
        let inner = allows(allowed, &licence[open + 1..close]);
        licence.replace_range(open..=close, if inner { "yes" } else { "no" });
    }
    let one = |name: &str| name == "yes" || allowed.contains(name);
    let all = |part: &str| part.split(" AND ").all(|name| one(name.trim()));
    licence.split(" OR ").any(all)
}

#[test]
fn every_crate_has_a_licence_that_is_allowed() {
    let deny: toml::Table = here("deny.toml").parse().expect("it is TOML");
    let allowed = deny["licenses"]["allow"].as_array().expect("a list");
    let allowed = allowed.iter().filter_map(|name| name.as_str());
    let allowed: BTreeSet<String> = allowed.map(str::to_owned).collect();
    for (licence, wanted) in [
        ("MIT", true),
        ("GPL-3.0-only", false),
        ("GPL-3.0-only OR MIT", true),
        ("GPL-3.0-only AND MIT", false),
        ("(GPL-3.0-only OR MIT) AND Zlib", true),
        ("(GPL-3.0-only AND MIT) OR Unlicense", false),
        ("Unlicense/MIT", true),
    ] {
        assert_eq!(allows(&allowed, licence), wanted, "{licence}");
    }

    let rustc = output("rustc", &["-vV"]);
    let rustc = String::from_utf8(rustc).expect("it is text");
    let host = rustc.lines().find_map(|line| line.strip_prefix("host: "));
    let manifest = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");
    let metadata = output(
        env!("CARGO"),
        &[
            "metadata",
            "--format-version=1",
            // They are here: this was built from them.
            "--offline",
            "--locked",
            "--filter-platform",
            host.expect("a platform"),
            "--manifest-path",
            manifest,
        ],
    );
    let metadata: Value = serde_json::from_slice(&metadata).expect("it is JSON");
    let packages = metadata["packages"].as_array().expect("a list");
    assert!(packages.len() > 200, "{}", packages.len());
    for package in packages {
        let licence = package["license"].as_str().unwrap_or("none");
        assert!(allows(&allowed, licence), "{}: {licence}", package["name"]);
    }
}

#[test]
fn every_crate_comes_from_crates_io_with_its_hash() {
    let lock: toml::Table = here("Cargo.lock").parse().expect("it is TOML");
    let packages = lock["package"].as_array().expect("a list");
    let (mut own, mut theirs) = (0, 0);
    for package in packages {
        let name = package["name"].as_str().expect("a name");
        match package.get("source").and_then(|source| source.as_str()) {
            None => own += usize::from(name == "pentimento"),
            Some(source) => {
                let registry = "registry+https://github.com/rust-lang/crates.io-index";
                assert_eq!(source, registry, "{name}");
                let hash = package.get("checksum").and_then(|sum| sum.as_str());
                assert_eq!(hash.map(str::len), Some(64), "{name}");
                theirs += 1;
            }
        }
    }
    assert_eq!(own, 1);
    assert_eq!(own + theirs, packages.len());
}
