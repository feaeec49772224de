//! The first line: which model, which weights, what is running.

use crate::engine::Stage;
use crate::tui::app::{Health, Job, JobKind, State};
use crate::tui::text::{put, seconds, width};
use crate::tui::theme::Styles;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

pub fn draw(buf: &mut Buffer, area: Rect, state: &State, styles: &Styles) {
    let end = area.right();
    let x = put(buf, area.x + 1, area.y, end, "pentimento", styles.brand());
    let job = job(state, styles);
    let job_wide: usize = job.iter().map(|(t, _)| width(t)).sum();
    let job_x = end.saturating_sub(job_wide as u16 + 1);

    // What is left is given away in the order of what one needs to know.
    let room = usize::from(job_x.saturating_sub(x)).saturating_sub(4);
    let mut parts: Vec<(String, Style)> = Vec::new();
    let wanted = [
        model_name(state).map(|t| (t, styles.text())),
        Some((weights(state), weights_style(state, styles))),
        shape(state).map(|t| (t, styles.dim())),
        hash(state).map(|t| (t, styles.dim())),
        session(state).map(|t| (t, styles.dim())),
        device(state).map(|t| (t, styles.dim())),
    ];
    // The order on the line is another one.
    const PLACE: [usize; 6] = [0, 3, 1, 4, 5, 2];
    let mut used = 0;
    let mut chosen: Vec<usize> = Vec::new();
    for (i, part) in wanted.iter().enumerate() {
        if let Some((text, _)) = part
            && used + width(text) + 3 <= room
        {
            used += width(text) + 3;
            chosen.push(i);
        }
    }
    chosen.sort_by_key(|i| PLACE[*i]);
    for i in chosen {
        parts.extend(wanted[i].clone());
    }
    let mut x = x + 3;
    for (nth, (text, style)) in parts.iter().enumerate() {
        if nth > 0 {
            x = put(buf, x, area.y, job_x, " · ", styles.faint());
        }
        x = put(buf, x, area.y, job_x, text, *style);
    }
    let mut x = job_x;
    for (text, style) in job {
        x = put(buf, x, area.y, end, &text, style);
    }
}

fn model_name(state: &State) -> Option<String> {
    let model = state.model.as_ref()?;
    let name = model.name.trim_end_matches('/');
    Some(name.rsplit('/').next().unwrap_or(name).to_string())
}

fn shape(state: &State) -> Option<String> {
    let m = state.model.as_ref()?;
    Some(format!("{} {}L·{}d", m.family, m.layers, m.d))
}

fn device(state: &State) -> Option<String> {
    let m = state.model.as_ref()?;
    Some(format!("{} {}", m.device, m.dtype))
}

fn weights(state: &State) -> String {
    if state.model.is_none() {
        return String::new();
    }
    match (state.edits.on().len(), state.edits.stack.len()) {
        (0, 0) => "base".into(),
        (0, off) => format!("base · {off} off"),
        (1, 1) => "base + 1 edit".into(),
        (on, all) if on == all => format!("base + {on} edits"),
        (on, all) => format!("base + {on} of {all} edits"),
    }
}

fn weights_style(state: &State, styles: &Styles) -> Style {
    if state.edits.on().is_empty() {
        styles.text()
    } else {
        styles.new_answer()
    }
}

fn hash(state: &State) -> Option<String> {
    let model = state.model.as_ref()?;
    let hash = state.edits.hash.as_ref().unwrap_or(&model.sha256);
    Some(hash.chars().take(6).collect()).filter(|h: &String| !h.is_empty())
}

fn session(state: &State) -> Option<String> {
    let dot = if state.session.unsaved() { " ●" } else { "" };
    match state.session.name() {
        Some(name) => Some(format!("{name}{dot}")),
        None if state.session.unsaved() => Some("not saved ●".into()),
        None => None,
    }
}

/// What runs, how far it is and how long it will take.
fn job(state: &State, styles: &Styles) -> Vec<(String, Style)> {
    match &state.health {
        Health::Dead(_) => return vec![("● the engine has stopped".into(), styles.bad_strong())],
        Health::Failed(_) => return vec![("● no model".into(), styles.bad_strong())],
        _ => {}
    }
    let Some(job) = state.jobs.busy() else {
        return vec![("ready".into(), styles.faint())];
    };
    let mut words = vec![
        (format!("{} ", spinner(state)), styles.accent()),
        (doing(job), styles.text()),
    ];
    if job.cancelled {
        words.push((" stopping".into(), styles.doubt()));
        return words;
    }
    if job.kind == JobKind::Judge {
        // A case is a moment; what one waits for is all of them.
        let (done, all) = state.counterfact.progress();
        words.push((format!(" {done} of {all}"), styles.text()));
        if let Some(eta) = state.counterfact.eta_s(state.now) {
            words.push((format!(" · {} left", seconds(eta)), styles.dim()));
        }
        return words;
    }
    // A stage that tells nothing on its way is not at 0 %.
    if job.done > 0 && job.total > 0 && job.stage.is_some() {
        let share = 100.0 * job.done as f64 / job.total as f64;
        words.push((format!(" {:.0} %", share.min(100.0)), styles.text()));
    }
    if job.stage == Some(Stage::Fetch) && job.total > 0 {
        let bytes = format!(" of {}", size(job.total));
        words.push((bytes, styles.dim()));
    }
    if let (Some(Stage::SecondMoment), Some(drift)) = (job.stage, job.drift) {
        words.push((format!(" · drift {:.1} %", 100.0 * drift), styles.dim()));
    }
    if let Some(eta) = job.eta_s.filter(|eta| eta.is_finite() && *eta >= 0.05) {
        words.push((format!(" · {} left", seconds(eta)), styles.dim()));
    } else if let Some(since) = job.since {
        let elapsed = state.now.saturating_sub(since).as_secs_f64();
        if elapsed >= 1.0 {
            words.push((format!(" · {}", seconds(elapsed)), styles.dim()));
        }
    }
    if state.jobs.waiting() > 0 {
        words.push((format!(" +{}", state.jobs.waiting()), styles.dim()));
    }
    words
}

fn size(bytes: u64) -> String {
    match bytes as f64 {
        b if b >= 1e9 => format!("{:.1} GB", b / 1e9),
        b => format!("{:.0} MB", b / 1e6),
    }
}

fn spinner(state: &State) -> char {
    const TURNS: [char; 10] = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏'];
    TURNS[(state.now.as_millis() / 120) as usize % TURNS.len()]
}

/// What a job does just now.
pub fn doing(job: &Job) -> String {
    match job.stage {
        _ if job.kind == JobKind::Judge => "CounterFact".into(),
        Some(stage) => stage_name(stage).into(),
        None => match job.kind {
            JobKind::Load => "opening the model".into(),
            JobKind::Propose => "looking for neighbours".into(),
            _ => "waiting".into(),
        },
    }
}

pub fn stage_name(stage: Stage) -> &'static str {
    match stage {
        Stage::Fetch => "fetching the model",
        Stage::Load => "opening the model",
        Stage::Trace => "trace",
        Stage::Lens => "lens",
        Stage::Keys => "keys",
        Stage::Known => "what it knows",
        Stage::Erase => "erasing",
        Stage::Templates => "contexts",
        Stage::SecondMoment => "second moment",
        Stage::Value => "value v*",
        Stage::Update => "update",
        Stage::Baseline => "baseline",
        Stage::Checks => "checks",
        Stage::Probes => "probes",
        Stage::Generations => "continuations",
        Stage::Rival => "fine-tuning instead",
        Stage::Further => "further edits",
    }
}
