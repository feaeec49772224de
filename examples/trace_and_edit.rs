//! Where is a fact recalled, and what moves when it is rewritten? The library
//! without the terminal.
//!
//!     cargo run --release --example trace_and_edit

use pentimento::edit::{EditSpec, Request};
use pentimento::engine::{Engine, EventKind, Folders, LoadSpec, Outcome, Spec};
use pentimento::measure::Watch;
use pentimento::trace::TraceSpec;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (engine, events) = Engine::start(Folders::default())?;
    // A job says much on its way (cells, losses, probes); here its end is enough.
    let run = |spec: Spec| {
        let job = engine.submit(spec).id;
        let ended = events.iter().find_map(|event| match event.kind {
            EventKind::Finished(result) if event.job == job => Some(result),
            _ => None,
        });
        ended.unwrap_or_else(|| Err("the engine has stopped".into()))
    };
    run(Spec::Load(LoadSpec::default()))?;

    let request = Request {
        prompt: "{} is located in the city of".into(),
        subject: "The Space Needle".into(),
        target: "Paris".into(),
    };
    let trace = TraceSpec {
        prompt: request.text(),
        subject: request.subject.clone(),
        ..TraceSpec::default()
    };
    if let Outcome::Traced(trace) = run(Spec::Trace(trace))? {
        println!("{} → {:?}", trace.prompt, trace.answer.text);
        println!("recalled at layer {:?}", trace.suggested_layer);
    }
    let edit = Box::new(EditSpec {
        request,
        ..EditSpec::default()
    });
    let watch = Watch {
        propose: 20,
        ..Watch::default()
    };
    if let Outcome::Edited { report, .. } = run(Spec::Edit { id: 1, edit, watch })? {
        println!(
            "p(Paris) {:.3} → {:.3}",
            report.p_target.before, report.p_target.after
        );
        println!("‖ΔW‖/‖W‖ {:.1} %", 100.0 * report.relative_update_norm);
        for probe in report.probes.iter().filter(|probe| probe.moved) {
            println!(
                "moved: {} {:.2} → {:.2}",
                probe.prompt, probe.p_before, probe.p_after
            );
        }
    }
    Ok(())
}
