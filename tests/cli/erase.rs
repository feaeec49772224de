//! `eval erase` on Atlas: the guarantee on real residuals, beside an edit, and what is
//! refused.

use super::{run, text};
use serde_json::Value;

const PROMPT: &str = "The Space Needle is located in";
const FACT: [&str; 6] = ["-p", PROMPT, "-s", "The Space Needle", "-n", "Paris"];

fn json(arguments: &[&str]) -> Value {
    let command = [&["eval", "erase"], arguments, &["--json", "--quiet"]].concat();
    let line = text(&run(&command, 0).stdout);
    assert_eq!(line.lines().count(), 1);
    serde_json::from_str(&line).expect("JSON")
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or_else(|| panic!("{value}"))
}

#[test]
fn an_erased_concept_is_found_by_no_probe_and_the_fact_goes_with_it() {
    let seen = json(&[&FACT[..], &["--text", "200"]].concat());
    assert_eq!(
        (&seen["model"], &seen["relation"]),
        (&"atlas".into(), &"LOC".into())
    );
    assert_eq!(seen["fact"]["old"], "Seattle", "the model's own answer");
    let covariance = &seen["cross_covariance"];
    assert!(number(&covariance["after"]) < 1e-9 * number(&covariance["before"]));
    assert_eq!(seen["guaranteed"], true);
    let classes = seen["classes"].as_array().unwrap();
    assert_eq!(seen["rank"].as_u64().unwrap() as usize, classes.len() - 1);
    // On what was fitted the best probe is the constant one, exactly.
    let (probe, majority) = (&seen["probe"], &seen["majority"]);
    for part in ["fitted", "held_out"] {
        assert_eq!(probe["after"]["accuracy"][part], majority[part]);
        let before = number(&probe["before"]["accuracy"][part]);
        assert!(before > number(&majority[part]) + 0.2, "{part}: {before}");
    }
    assert!(number(&probe["after"]["weights"]) < 1e-6);
    let (off, on) = (&seen["base"]["off"], &seen["base"]["on"]);
    assert!(number(&off["p_old"]) > 0.5 && number(&on["p_old"]) < number(&off["p_old"]));
    assert!(number(&on["perplexity"]) > number(&off["perplexity"]));
    assert!(seen["edited"].is_null());
    let neighbours = seen["base"]["neighbours"].as_array().unwrap();
    assert!(!neighbours.is_empty() && neighbours.iter().all(|n| n["prompt"] != PROMPT));
}

#[test]
fn a_sessions_edit_stands_beside_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("needle.toml");
    let session = path.to_str().unwrap();
    let edit = [
        "-p",
        "{} is located in",
        "-s",
        "The Space Needle",
        "-t",
        "Paris",
    ];
    let rest = [
        "--layer",
        "1",
        "--steps",
        "15",
        "--propose",
        "0",
        "-q",
        "--save",
        session,
    ];
    run(&[&["edit"], &edit[..], &rest[..]].concat(), 0);
    let kept = folder.path().join("erase.json");
    let out = kept.to_str().unwrap();
    let asked = [
        "--on",
        session,
        "--propose",
        "2",
        "--text",
        "100",
        "--out",
        out,
    ];
    let seen = json(&asked);
    assert_eq!(
        (&seen["layer"], &seen["fact"]["old"]),
        (&1.into(), &"Seattle".into())
    );
    let (base, edited) = (&seen["base"], &seen["edited"]);
    assert!(number(&edited["off"]["p_new"]) > number(&base["off"]["p_new"]));
    assert_eq!(edited["neighbours"].as_array().unwrap().len(), 2);
    assert_eq!(
        serde_json::from_slice::<Value>(&std::fs::read(&kept).unwrap()).unwrap(),
        seen
    );
    // The same without the edit: nothing of it comes into the fit.
    let command = [
        &FACT[..],
        &["--layer", "1", "--propose", "2", "--text", "100"],
    ]
    .concat();
    let alone = json(&command);
    for part in ["base", "probe", "cross_covariance", "classes"] {
        assert_eq!(alone[part], seen[part], "{part}");
    }
    let said = text(&run(&[&["eval", "erase", "-q"], &asked[..]].concat(), 0).stdout);
    assert!(
        said.contains("edited, erased") && said.contains("nothing linear is left"),
        "{said}"
    );
}

#[test]
fn a_file_of_ones_own_and_what_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("labelled.csv");
    let file = path.to_str().unwrap();
    let lines: String = (0..12)
        .map(|i| match i % 2 {
            0 => format!("In the year 19{i:02} it was,old\n"),
            _ => format!("In the year 20{i:02} it was,new\n"),
        })
        .collect();
    std::fs::write(&path, format!("prompt,label\n{lines}")).unwrap();
    let seen = json(&["--examples", file, "--text", "0"]);
    assert_eq!((&seen["prompts"], &seen["rank"]), (&12.into(), &1.into()));
    assert!(seen["fact"].is_null() && seen["base"]["off"]["perplexity"].is_null());
    let warned = seen["warnings"].as_array().unwrap();
    assert!(
        warned
            .iter()
            .any(|w| w.as_str().unwrap().contains("fewer than twice"))
    );
    let refused = |arguments: &[&str]| {
        let command = [&["eval", "erase", "-q"], arguments].concat();
        text(&run(&command, 1).stderr)
    };
    assert!(refused(&["--examples", file, "--layer", "99"]).contains("the last is 7"));
    assert!(
        refused(&["--examples", file, "--at", "subject-last"])
            .contains("does not name its subject")
    );
    assert!(refused(&["--relation", "NONE"]).contains("they have BIRTH_COUNTRY"));
    assert!(refused(&[]).contains("give labelled prompts of your own"));
    assert!(refused(&["--examples", file, "--l2", "0"]).contains("the penalty is 0"));
    std::fs::write(&path, "prompt,label\n a,\n").unwrap();
    assert!(refused(&["--examples", file]).contains("line 2: its label is empty"));
}
