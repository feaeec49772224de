//! Asking the model for something: predictions, traces, edits, probes,
//! continuations; and bringing facts into the entry.

use crate::edit::EditSpec;
use crate::engine::{EditId, Spec};
use crate::measure::Watch;
use crate::measure::validate::Plan;
use crate::session::Beneath;
use crate::trace::TraceSpec;
use crate::tui::app::fact::Missing;
use crate::tui::app::{Effect, Field, Health, JobKind, Making, Pane, State};
use std::ops::Range;

/// Whether the model can be asked; says why where it cannot.
pub fn ready(state: &mut State) -> bool {
    match &state.health {
        Health::Ready => return true,
        Health::Loading => state.say("the model is still opening"),
        Health::Failed(_) => state.complain("no model is open"),
        Health::Dead(_) => {
            state.complain(state.tell("the engine has stopped: save with ‹save› and start again"));
        }
    }
    false
}

/// Asks for the next token of what the entry says now.
pub fn predict(state: &mut State) -> Vec<Effect> {
    if state.health != Health::Ready {
        return vec![];
    }
    if state.fact.text().trim().is_empty() {
        state.fact.prediction = None;
        return vec![];
    }
    let spec = Spec::Predict {
        prompt: state.fact.text().to_string(),
        top: state.settings.top,
    };
    vec![state.jobs.submit(spec).1]
}

pub fn trace(state: &mut State) -> Vec<Effect> {
    if !ready(state) {
        return vec![];
    }
    let asked = match state.fact.traceable() {
        Ok(asked) => asked,
        Err(missing) => return ask_for(state, missing),
    };
    state.focus_on(Pane::Trace);
    let asked = TraceSpec {
        prompt: asked.0,
        subject: asked.1,
        seed: state.settings.seed,
        ..TraceSpec::default()
    };
    let asked = (asked, state.edits.ground());
    let running = state.jobs.of_kind(JobKind::Trace).map(|j| j.ticket).next();
    if running.is_some() && state.trace.asked.as_ref() == Some(&asked) {
        state.say("this trace is running already");
        return vec![];
    }
    let mut effects: Vec<Effect> = running
        .and_then(|old| state.jobs.cancel(old))
        .into_iter()
        .collect();
    let (ticket, effect) = state.jobs.submit(Spec::Trace(asked.0.clone()));
    state.trace.ticket = Some(ticket);
    state.trace.asked = Some(asked);
    state.trace.cursor = None;
    effects.push(effect);
    effects
}

pub fn edit(state: &mut State) -> Vec<Effect> {
    make(state, None)
}

/// Asks for an edit of the fact; with a plan it has to pass checks to be kept.
pub fn make(state: &mut State, plan: Option<Plan>) -> Vec<Effect> {
    if !ready(state) {
        return vec![];
    }
    let request = match state.fact.request() {
        Ok(request) => request,
        Err(missing) => return ask_for(state, missing),
    };
    state.focus_on(Pane::Edit);
    let generate = vec![request.text(), request.subject.clone()];
    let spec = EditSpec {
        request,
        method: state.fact.method,
        layer: state.fact.layer,
        hyper: state.fact.tuned.get(&state.fact.method).cloned(),
        true_answer: state.fact.named_answer(),
        seed: state.settings.seed,
        ..EditSpec::default()
    };
    let watch = Watch {
        probes: state.settings.probes.clone(),
        propose: state.settings.propose,
        generate,
        tokens: state.settings.tokens,
        seed: state.confabs.seed,
    };
    submit(state, spec, watch, plan).1
}

/// Submits an edit as it is asked; gives the id that it will have.
pub fn submit(
    state: &mut State,
    spec: EditSpec,
    watch: Watch,
    plan: Option<Plan>,
) -> (EditId, Vec<Effect>) {
    // Those that wait before it will be on when its turn comes.
    let mut made_on = state.edits.ground();
    made_on.extend(Beneath::runs(
        state.edits.making.iter().map(|m| (m.id, 1.0)),
    ));
    let id = state.edits.next_id();
    let (edit, watched) = (Box::new(spec.clone()), watch.clone());
    let validated = plan.is_some();
    let (ticket, effect) = state.jobs.submit(match plan {
        Some(plan) => Spec::Validate {
            id,
            edit,
            watch: watched,
            plan,
        },
        None => Spec::Edit {
            id,
            edit,
            watch: watched,
        },
    });
    state.confabs.asked.insert(ticket, watch.generate.clone());
    let mut making = Making::new(ticket, id, spec, watch, made_on);
    making.validated = validated;
    state.edits.making.push(making);
    (id, vec![effect])
}

/// Goes where the missing part is written, and says what it is.
pub fn ask_for(state: &mut State, missing: Missing) -> Vec<Effect> {
    match missing {
        Missing::Prompt => state.type_in(Field::Prompt),
        Missing::Target => state.type_in(Field::Target),
        Missing::Subject => state.focus_on(Pane::Fact),
    }
    state.say(state.tell(missing.words()));
    vec![]
}

/// Proposes neighbours of the fact; they are probed once they have come.
pub fn watch(state: &mut State) -> Vec<Effect> {
    if !ready(state) {
        return vec![];
    }
    if let Err(missing) = state.fact.traceable() {
        return ask_for(state, missing);
    }
    let (Some(prompt), Some(subject)) = (state.fact.template(), state.fact.subject()) else {
        return vec![];
    };
    let spec = Spec::Propose {
        prompt,
        subject: subject.to_string(),
        true_answer: state.fact.named_answer(),
        count: state.settings.propose,
        near: None,
    };
    state.focus_on(Pane::Neighbours);
    vec![state.jobs.submit(spec).1]
}

/// Continues the prompts again, with the next seed.
pub fn roll(state: &mut State) -> Vec<Effect> {
    if !ready(state) {
        return vec![];
    }
    let mut prompts = state.confabs.prompts();
    if prompts.is_empty() {
        if state.fact.text().trim().is_empty() {
            return ask_for(state, Missing::Prompt);
        }
        prompts.push(state.fact.text().to_string());
    } else {
        state.confabs.seed = state.confabs.seed.wrapping_add(1);
    }
    state.focus_on(Pane::Confabulations);
    let running: Vec<_> = state
        .jobs
        .of_kind(JobKind::Generate)
        .map(|j| j.ticket)
        .collect();
    let mut effects: Vec<Effect> = running
        .into_iter()
        .filter_map(|t| state.jobs.cancel(t))
        .collect();
    effects.push(generate(state, prompts));
    effects
}

pub fn generate(state: &mut State, prompts: Vec<String>) -> Effect {
    let (ticket, effect) = state.jobs.submit(Spec::Generate {
        prompts: prompts.clone(),
        tokens: state.settings.tokens,
        seed: state.confabs.seed,
    });
    state.confabs.asked.insert(ticket, prompts);
    effect
}

/// Fills in one of the model's examples.
pub fn example(state: &mut State, by: isize) -> Vec<Effect> {
    let examples = state.model.as_ref().map_or(&[][..], |m| &m.examples);
    let Some(count) = Some(examples.len()).filter(|n| *n > 0) else {
        let words = if state.model.as_ref().is_some_and(|m| m.asks) {
            "no fact is found yet that this model knows: press ‹type-prompt› and type a prompt"
        } else {
            "this model brings no examples: press ‹type-prompt› and type a prompt"
        };
        state.say(state.tell(words));
        return vec![];
    };
    let at = match state.fact.example {
        Some(at) => (at as isize + by).rem_euclid(count as isize) as usize,
        None => 0,
    };
    let [prompt, subject, old, target] = examples[at].clone();
    state.fact.example = Some(at);
    let raw = prompt.replacen("{}", &format!("{{{subject}}}"), 1);
    state.fact.set_prompt(&raw);
    state.fact.target.set(target.trim());
    let old = old.trim().to_string();
    state.fact.named_old = (!old.is_empty()).then(|| (state.fact.text().to_string(), old));
    state.focus_on(Pane::Fact);
    predict(state)
}

/// Brings the selected edit's request back into the entries; an imported edit
/// has none.
pub fn recall(state: &mut State) -> Vec<Effect> {
    let Some(spec) = state.edits.selected_record().map(|r| r.spec.clone()) else {
        return vec![];
    };
    if spec.is_imported() {
        return vec![];
    }
    bring_back(state, &spec);
    state.focus_on(Pane::Fact);
    predict(state)
}

/// Fills in what an edit was asked, and how it was made.
pub fn bring_back(state: &mut State, spec: &EditSpec) {
    let request = &spec.request;
    let raw = request
        .prompt
        .replacen("{}", &format!("{{{}}}", request.subject), 1);
    state.fact.set_prompt(&raw);
    state.fact.target.set(request.target.trim());
    state.fact.method = spec.method;
    state.fact.layer = spec.layer;
    let hyper = spec.hyper.clone();
    let hyper = hyper.unwrap_or_else(|| state.known_hyper(spec.method));
    state.tune(spec.method, hyper);
    let text = state.fact.text().to_string();
    state.fact.named_old = spec.true_answer.clone().map(|old| (text, old));
}

/// Makes the selected neighbour the prompt.
pub fn look(state: &mut State) -> Vec<Effect> {
    let Some(row) = state.watch.selected().map(|w| w.row.clone()) else {
        return vec![];
    };
    state.fact.set_prompt(&row.prompt);
    let text = state.fact.text().to_string();
    state.fact.named_old = Some((text, row.expected.trim().to_string()));
    state.focus_on(Pane::Fact);
    predict(state)
}

pub fn subject_here(state: &mut State) -> Vec<Effect> {
    let token = state.fact.token;
    state.fact.anchor = Some(token);
    choose(state, token..token + 1)
}

/// Stretches the subject from the anchor with the cursor.
pub fn extend(state: &mut State, by: isize) -> Vec<Effect> {
    let tokens = state.fact.current().map_or(0, |p| p.tokens.len());
    if tokens == 0 {
        return vec![];
    }
    let at = state.fact.token.min(tokens - 1);
    let anchor = state.fact.anchor.unwrap_or(at);
    let to = at.saturating_add_signed(by).min(tokens - 1);
    state.fact.anchor = Some(anchor);
    state.fact.token = to;
    choose(state, anchor.min(to)..anchor.max(to) + 1)
}

/// Makes these tokens the subject; blank ones are ignored.
pub fn choose(state: &mut State, tokens: Range<usize>) -> Vec<Effect> {
    if let Some(bytes) = state.fact.token_bytes(tokens) {
        state.fact.choose_subject(bytes);
    }
    vec![]
}
