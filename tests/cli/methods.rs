//! An edit by every method is saved, opened again and made again.

use crate::{run, text};
use pentimento::edit::Method;
use serde_json::Value;

#[test]
fn every_methods_edit_is_saved_opened_and_replayed() {
    let folder = tempfile::tempdir().unwrap();
    for method in Method::ALL.map(Method::name) {
        let path = folder.path().join(format!("{method}.toml"));
        let name = path.to_str().unwrap();
        let fact = ["-p", "{} is located in", "-s", "The Statue of Liberty"];
        let how = ["-t", "Paris", "--method", method, "--steps", "3"];
        let saved = ["--save", name, "-q", "--json"];
        let made = run(&[&["edit"], &fact[..], &how, &saved].concat(), 0);
        let made: Value = serde_json::from_str(text(&made.stdout).trim()).unwrap();
        let after = made["p_target"]["after"].as_f64().unwrap();

        // The lens of the opened session has the edit's own p(target).
        let lens = ["eval", "lens", "--on", name, "-q", "--json"];
        let seen: Value = serde_json::from_str(text(&run(&lens, 0).stdout).trim()).unwrap();
        let p_new = seen["after"]["p_new"].as_array().unwrap().last().unwrap();
        let p_new = p_new.as_array().unwrap().last().unwrap().as_f64().unwrap();
        assert!((p_new - after).abs() < 1e-6, "{method}: {p_new} {after}");

        let again = run(&["session", "replay", "--check", "-q", "--json", name], 0);
        assert_eq!(text(&again.stdout).trim(), "[]", "{method}");
    }
}
