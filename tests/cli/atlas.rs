//! `trace` and `edit` on Atlas: the fields that other tools rely on, values
//! that make sense, and sessions that come back.

use super::{run, text};
use serde_json::Value;
use std::fs;
use std::path::Path;

const SUBJECT: &str = "The Statue of Liberty";

fn json(arguments: &[&str]) -> Value {
    let output = run(&[arguments, &["--json", "--quiet"]].concat(), 0);
    let text = text(&output.stdout);
    assert_eq!(text.lines().count(), 1, "one line of JSON: {text}");
    serde_json::from_str(&text).expect("JSON")
}

fn has(value: &Value, fields: &str) {
    for field in fields.split_whitespace() {
        assert!(value.get(field).is_some(), "no `{field}` in {value}");
    }
}

fn number(value: &Value) -> f64 {
    value
        .as_f64()
        .unwrap_or_else(|| panic!("{value} is no number"))
}

fn within(value: &Value, low: f64, high: f64) {
    assert!(
        (low..=high).contains(&number(value)),
        "{value} is not in {low}..={high}"
    );
}

fn edit(rest: &[&str]) -> Vec<String> {
    let fact = [
        "edit",
        "--prompt",
        "{} is located in",
        "--subject",
        SUBJECT,
        "--target",
        "Paris",
    ];
    fact.iter().chain(rest).map(|s| s.to_string()).collect()
}

#[test]
fn a_trace_has_the_fields_that_tools_rely_on() {
    let trace = json(&[
        "trace",
        "--prompt",
        "The Statue of Liberty is located in",
        "--subject",
        SUBJECT,
    ]);
    has(
        &trace,
        "model prompt tokens input_ids subject_range answer high low noise_scale samples seed \
         window grids elapsed_s first_cell_s",
    );
    has(&trace["answer"], "id text");
    let tokens = trace["tokens"].as_array().unwrap().len();
    assert_eq!(trace["input_ids"].as_array().unwrap().len(), tokens);
    assert_eq!(trace["subject_range"][0], 0);
    within(&trace["subject_range"][1], 1.0, tokens as f64 - 1.0);
    assert_eq!((&trace["samples"], &trace["seed"]), (&10.into(), &1.into()));
    let (high, low) = (number(&trace["high"]), number(&trace["low"]));
    assert!(0.0 < low && low < high && high <= 1.0, "{low} {high}");
    assert!(number(&trace["first_cell_s"]) <= number(&trace["elapsed_s"]));

    let info = json(&["model", "info"]);
    for kind in ["state", "mlp", "attn"] {
        let grid = trace["grids"][kind].as_array().unwrap();
        assert_eq!(grid.len(), tokens, "{kind}");
        for row in grid {
            assert_eq!(
                row.as_array().unwrap().len(),
                number(&info["layers"]) as usize
            );
            row.as_array()
                .unwrap()
                .iter()
                .for_each(|p| within(p, 0.0, 1.0));
        }
    }
    let last = trace["grids"]["state"].as_array().unwrap().last().unwrap();
    assert!((number(last.as_array().unwrap().last().unwrap()) - high).abs() < 1e-6);
}

#[test]
fn a_trace_takes_its_options() {
    let trace = json(&[
        "trace",
        "-p",
        "The Statue of Liberty is located in",
        "-s",
        SUBJECT,
        "-k",
        "mlp",
        "-w",
        "3",
        "--samples",
        "2",
        "--seed",
        "7",
        "--noise-scale",
        "0.05",
        "--answer",
        "Paris",
    ]);
    assert!(trace["grids"].get("state").is_none() && trace["grids"].get("mlp").is_some());
    assert_eq!(
        (number(&trace["window"]), number(&trace["samples"])),
        (3.0, 2.0)
    );
    assert_eq!(
        (number(&trace["seed"]), number(&trace["noise_scale"])),
        (7.0, 0.05)
    );
    assert_eq!(trace["answer"]["text"].as_str().unwrap().trim(), "Paris");
}

#[test]
fn an_edit_has_the_fields_that_tools_rely_on() {
    let folder = tempfile::tempdir().unwrap();
    let probes = folder.path().join("probes.jsonl");
    fs::write(
        &probes,
        "{\"prompt\": \"Big Ben is located in\", \"expected\": \"London\"}\n",
    )
    .unwrap();
    let templates = folder.path().join("templates.json");
    fs::write(&templates, "[\"{}\", \"Then. {}\"]").unwrap();
    let arguments = edit(&[
        "--probes",
        probes.to_str().unwrap(),
        "--templates",
        templates.to_str().unwrap(),
        "--generate",
        "12",
        "--propose",
        "5",
        "--steps",
        "15",
        "--seed",
        "3",
    ]);
    let report = json(&arguments.iter().map(String::as_str).collect::<Vec<_>>());
    has(
        &report,
        "model method layer templates target_ids losses delta_norm t0_norm division_factor \
         update_norm relative_update_norm p_target p_true layers second_moment seed probes \
         generations warnings elapsed_s",
    );
    has(
        &report["second_moment"],
        "tokens tokens_per_dim condition ridge",
    );
    has(
        &report["elapsed_s"],
        "templates second_moment value update probes total",
    );
    has(&report["layers"][0], "layer relative_update_norm");
    assert_eq!(report["layers"][0]["layer"], report["layer"]);
    assert_eq!(report["templates"], serde_json::json!(["{}", "Then. {}"]));
    assert_eq!(report["hyper"]["steps"], 15);

    for answer in ["p_target", "p_true"] {
        within(&report[answer]["before"], 0.0, 1.0);
        within(&report[answer]["after"], 0.0, 1.0);
    }
    assert!(number(&report["p_target"]["after"]) > number(&report["p_target"]["before"]));
    let losses = report["losses"].as_array().unwrap();
    assert!((1..=15).contains(&losses.len()));
    let [nll, kl, wd, total] = [0, 1, 2, 3].map(|i| number(&losses[0][i]));
    assert!((nll + kl + wd - total).abs() < 1e-4);
    within(&report["relative_update_norm"], 1e-4, 2.0);

    let rows = report["probes"].as_array().unwrap();
    has(
        &rows[0],
        "prompt expected p_before p_after top_before top_after moved",
    );
    assert!(
        rows.iter()
            .any(|row| row["prompt"] == "Big Ben is located in")
    );
    let generation = &report["generations"][0];
    has(generation, "prompt before after diverges_at");
    assert_eq!(generation["prompt"], "The Statue of Liberty is located in");
}

#[test]
fn an_edit_is_saved_gone_on_with_and_replayed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("liberty.toml");
    let name = path.to_str().unwrap();
    let go = |rest: &[&str]| edit(&[&["--steps", "8", "--quiet"], rest].concat());
    let arguments = go(&["--save", name, "--generate", "6"]);
    let said = run(&arguments.iter().map(String::as_str).collect::<Vec<_>>(), 0);
    assert!(
        text(&said.stdout).contains("saved to "),
        "{}",
        text(&said.stdout)
    );
    assert!(Path::new(name).with_extension("safetensors").exists());

    // A session is not overwritten by accident, and can be gone on with.
    run(&arguments.iter().map(String::as_str).collect::<Vec<_>>(), 1);
    let second = [
        "edit",
        "--prompt",
        "{} is a dish from",
        "--subject",
        "Sushi",
        "--target",
        "Italy",
        "--steps",
        "8",
        "--quiet",
        "--on",
        name,
        "--save",
        name,
    ];
    run(&second, 0);
    let trace = [
        "trace",
        "-p",
        "Sushi is a dish from",
        "-s",
        "Sushi",
        "-k",
        "mlp",
        "-q",
    ];
    run(&[&trace[..], &["--on", name, "--save", name]].concat(), 0);

    let shown = text(&run(&["session", "show", name], 0).stdout);
    assert!(
        shown.contains("edit 2 (on, α 1, made on 1)") && shown.contains("Sushi"),
        "{shown}"
    );
    let session = json(&["session", "show", name]);
    assert_eq!(session["format"], 1);
    assert_eq!(session["edit"][1]["made_on"][0]["id"], 1);
    assert_eq!(session["trace"][0]["made_on"][0]["to"], 2);
    let listed = json(&["session", "list", folder.path().to_str().unwrap()]);
    assert_eq!(
        (&listed[0]["name"], &listed[0]["edits"]),
        (&"liberty".into(), &2.into())
    );

    // The text alone makes the same figures again.
    fs::remove_file(path.with_extension("safetensors")).unwrap();
    assert_eq!(
        json(&["session", "replay", "--check", name]),
        serde_json::json!([])
    );
    let text_of_it = fs::read_to_string(&path).unwrap();
    fs::write(&path, text_of_it.replacen("seed = 1\n", "seed = 2\n", 2)).unwrap();
    let again = run(&["session", "replay", "--check", "--quiet", name], 1);
    assert!(
        text(&again.stdout).contains("figures differ"),
        "{}",
        text(&again.stdout)
    );

    // Without its factors it is refused where it would have to be exact.
    let trace = run(&[&trace[..], &["--on", name]].concat(), 1);
    assert!(
        text(&trace.stderr).contains("is missing"),
        "{}",
        text(&trace.stderr)
    );
}

#[test]
fn a_session_for_other_weights_is_refused_with_both_hashes() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("s.toml");
    let name = path.to_str().unwrap();
    run(
        &[
            "trace",
            "-p",
            "Sushi is a dish from",
            "-s",
            "Sushi",
            "-q",
            "--save",
            name,
        ],
        0,
    );
    let atlas = json(&["model", "info"])["sha256"]
        .as_str()
        .unwrap()
        .to_string();
    let other = "tests/goldens/gpt2";
    let golden = json(&["model", "info", "--model", other])["sha256"]
        .as_str()
        .unwrap()
        .to_string();
    let said = run(
        &[
            "trace", "-p", "a b", "-s", "a", "--model", other, "--on", name, "-q",
        ],
        1,
    );
    let words = text(&said.stderr);
    assert!(
        words.contains(&atlas) && words.contains(&golden) && atlas != golden,
        "{words}"
    );
}

#[test]
fn a_curve_goes_on_where_it_stopped() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("curve");
    let curve = |seed: &str| {
        let out = out.to_str().unwrap();
        let fixed = "eval curve -q --methods ft --counts 20 --steps 2 --text 300 --seed";
        let words: Vec<&str> = fixed.split(' ').chain([seed, "--out", out]).collect();
        words.into_iter().map(str::to_owned).collect::<Vec<_>>()
    };
    let go = |seed: &str, status: i32| {
        let words = curve(seed);
        run(
            &words.iter().map(String::as_str).collect::<Vec<_>>(),
            status,
        )
    };
    let first = text(&go("1", 0).stdout);
    assert!(
        first.contains("unedited") && first.contains("at once"),
        "{first}"
    );
    let rows = std::fs::read_to_string(out.join("curve.jsonl")).unwrap();
    assert_eq!(
        rows.lines().count(),
        3,
        "a head, the unedited model, a row: {rows}"
    );
    let row: serde_json::Value = serde_json::from_str(rows.lines().last().unwrap()).unwrap();
    assert_eq!((&row["edits"], &row["method"]), (&20.into(), &"ft".into()));
    assert!(row["change"].as_f64().unwrap() > 0.0);
    for file in ["curve.svg", "curve.md"] {
        assert!(out.join(file).is_file(), "{file}");
    }
    // Nothing is made twice, and other facts do not mix with these.
    assert_eq!(text(&go("1", 0).stdout), first);
    assert_eq!(
        std::fs::read_to_string(out.join("curve.jsonl")).unwrap(),
        rows
    );
    go("2", 1);
}

#[test]
fn a_duel_sets_methods_side_by_side() {
    let words = [
        "eval",
        "duel",
        "-p",
        "{} is in the city of",
        "-s",
        "The Eiffel Tower",
        "-t",
        "Rome",
        "--methods",
        "direct,ft",
        "--propose",
        "6",
    ];
    let said = text(&run(&words, 0).stdout);
    assert!(
        said.contains("direct") && said.contains("what moved"),
        "{said}"
    );
    let json = json(&words);
    let duel = json["duel"].as_array().unwrap();
    assert_eq!(duel.len(), 2);
    assert_eq!(duel[0]["probes"].as_array().unwrap().len(), 6);
    // Each from the unedited model: what was before is the same.
    assert_eq!(duel[0]["p_target"]["before"], duel[1]["p_target"]["before"]);
}
