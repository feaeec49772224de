//! The made-up numbers: a model of eight layers, its probes and continuations.

use pentimento::edit::{LayerChoice, Method};
use pentimento::engine::{
    Candidate, EventKind, LayerOverlaps, LayerWeights, ModelInfo, Outcome, Overlap, StackCheck,
};
use pentimento::measure::counterfact::{Answer, Answers, Judged, Object, Record, Rewrite};
use pentimento::measure::erase::{
    Accuracy, Both, Class, EraseReport, EraseSpec, Fresh, Neighbour, Probed, Reading, Switched,
};
use pentimento::measure::lens::{
    AnswerToken, Depth, Difference, Grid, Guess, LensReport, LensSpec, Seen,
};
use pentimento::measure::{EditReport, Elapsed, Generation, LayerNorm, Pair, ProbeGroup, ProbeRow};
use pentimento::trace::Kind;

pub const LAYERS: usize = 8;

pub fn model() -> ModelInfo {
    let example = |e: [&str; 4]| e.map(String::from);
    ModelInfo {
        revision: None,
        name: "atlas".into(),
        family: "gpt2".into(),
        layers: LAYERS,
        d: 256,
        d_mlp: 1024,
        heads: 8,
        vocab: 8000,
        context: 128,
        parameters: 8_300_000,
        device: "cpu".into(),
        dtype: "f32".into(),
        sha256: "3fa9c1d2e4b50786".repeat(4),
        moments: Vec::new(),
        examples: vec![
            example([
                "The {} is in the city of",
                "Space Needle",
                "Seattle",
                "Paris",
            ]),
            example(["{} was founded by", "Google", "Larry Page", "Steve Jobs"]),
            example(["{} come from", "Tacos", "Mexico", "Japan"]),
        ],
        default_layer: None,
        defaults: Vec::new(),
        norm_sample: (0..60)
            .map(|i| 0.05 + 0.0035 * f64::from(i) + 0.02 * f64::from(i % 7))
            .collect(),
    }
}

/// Words with the space before them; long ones in two.
pub fn tokenise(text: &str) -> (Vec<String>, Vec<[usize; 2]>) {
    let mut starts: Vec<usize> = vec![0];
    let mut letters = 0;
    for (at, c) in text.char_indices() {
        let rest = text[at..].chars().skip(1).take_while(|c| *c != ' ').count();
        if at > 0 && (c == ' ' || (letters == 5 && rest > 0)) {
            starts.push(at);
            letters = 0;
        }
        letters += 1;
    }
    let ends = starts.iter().skip(1).copied().chain([text.len()]);
    let offsets: Vec<[usize; 2]> = starts
        .iter()
        .copied()
        .zip(ends)
        .map(|(a, b)| [a, b])
        .collect();
    let offsets: Vec<_> = offsets.into_iter().filter(|[a, b]| a < b).collect();
    let tokens = offsets.iter().map(|[a, b]| text[*a..*b].to_string());
    (tokens.collect(), offsets)
}

pub fn candidates(list: &[(&str, f64)]) -> Vec<Candidate> {
    let candidate = |(id, (text, p)): (usize, &(&str, f64))| Candidate {
        id: id as u32,
        text: format!(" {text}"),
        p: *p,
    };
    list.iter().enumerate().map(candidate).collect()
}

/// What every cell of a trace holds.
pub fn cell(kind: Kind, token: usize, layer: usize, key: usize, tokens: usize) -> f64 {
    let near = |t: usize, l: f64, spread: f64| {
        let d = (token.abs_diff(t) as f64).powi(2) * 0.9 + ((layer as f64 - l) / spread).powi(2);
        (-d).exp()
    };
    let early = near(key, 3.5, 1.6);
    let late = near(tokens - 1, LAYERS as f64, 2.5);
    let share = match kind {
        Kind::State => 0.6 * early + 0.98 * late,
        Kind::Mlp => 0.75 * early + 0.1 * late,
        Kind::Attn => 0.12 * early + 0.8 * near(tokens - 1, 5.5, 1.3),
    };
    0.05 + 0.89 * share.min(1.0)
}

pub fn neighbours(after: bool) -> Vec<ProbeRow> {
    use ProbeGroup as G;
    let list: &[(&str, &str, G, f64, f64, &str)] = &[
        (
            "The Space Needle is in the city of",
            "Seattle",
            G::Fact,
            0.94,
            0.00,
            "Paris",
        ),
        (
            "Where is the Space Needle? It stands in",
            "Seattle",
            G::Paraphrase,
            0.91,
            0.01,
            "Paris",
        ),
        (
            "You can find the Space Needle in",
            "Seattle",
            G::Paraphrase,
            0.88,
            0.03,
            "Paris",
        ),
        (
            "The Space Needle, in the heart of",
            "Seattle",
            G::Paraphrase,
            0.52,
            0.47,
            "Seattle",
        ),
        (
            "The Space Needle is in the country of",
            "France",
            G::Derived,
            0.01,
            0.62,
            "France",
        ),
        (
            "In the city of the Space Needle people speak",
            "French",
            G::Derived,
            0.0,
            0.08,
            "English",
        ),
        (
            "Big Ben is in the city of",
            "London",
            G::Neighbour,
            0.88,
            0.31,
            "Paris",
        ),
        (
            "Pike Place Market is in the city of",
            "Seattle",
            G::Neighbour,
            0.91,
            0.90,
            "Seattle",
        ),
        (
            "The Colosseum is in the city of",
            "Rome",
            G::Neighbour,
            0.97,
            0.97,
            "Rome",
        ),
        (
            "Boeing was founded in the city of",
            "Seattle",
            G::Neighbour,
            0.83,
            0.44,
            "Seattle",
        ),
        (
            "The Kremlin is in the city of",
            "Moscow",
            G::Neighbour,
            0.93,
            0.92,
            "Moscow",
        ),
        (
            "The Brandenburg Gate is in the city of",
            "Berlin",
            G::Neighbour,
            0.95,
            0.95,
            "Berlin",
        ),
        (
            "東京タワー is in the city of",
            "東京",
            G::Neighbour,
            0.77,
            0.78,
            "東京",
        ),
        (
            "The Sydney Opera House is in the city of",
            "Sydney",
            G::Neighbour,
            0.96,
            0.95,
            "Sydney",
        ),
    ];
    list.iter()
        .map(|(prompt, expected, group, before, now, top)| ProbeRow {
            prompt: prompt.to_string(),
            expected: expected.to_string(),
            group: *group,
            p_before: *before,
            p_after: if after { *now } else { 0.0 },
            top_before: if *group == G::Derived {
                "the".into()
            } else {
                expected.to_string()
            },
            top_after: if after {
                top.to_string()
            } else {
                String::new()
            },
            moved: after
                && (before - now > 0.1 && *now < before * 0.67
                    || *group == G::Derived && *now > 0.5),
            ..ProbeRow::default()
        })
        .collect()
}

pub fn generations(prompts: &[String]) -> Vec<Generation> {
    let words = |text: &str| -> Vec<String> {
        text.split_inclusive(' ')
            .map(|w| format!(" {}", w.trim()))
            .collect()
    };
    let before = words(
        "Seattle. It was built for the fair of 1962 and is made of steel. Visitors ride up to see the mountains and the sea, and many come back in winter.",
    );
    let after = words(
        "Paris. It was built for the fair of 1889 and is made of iron. Visitors ride up to see the river and the old bridges, and many stay for the evening.",
    );
    let whole = |tokens: &[String]| tokens.concat();
    prompts
        .iter()
        .map(|prompt| Generation {
            prompt: prompt.clone(),
            seed: 1,
            before: whole(&before),
            after: whole(&after),
            diverges_at: Some(0),
            before_tokens: before.clone(),
            after_tokens: after.clone(),
        })
        .collect()
}

/// The stack while these edits are on: the second makes the first fade.
pub fn recheck(on: &[u64], overlaps: bool) -> (Vec<EventKind>, Outcome) {
    let p = |id: u64| match id {
        id if !on.contains(&id) => 0.002,
        1 if on.contains(&2) => 0.41,
        _ => 0.992,
    };
    let ids: Vec<u64> = (1..=9).collect();
    let held: Vec<(u64, f64)> = ids.iter().map(|id| (*id, p(*id))).collect();
    let layer = |layer: usize| {
        let before = 14.0 + 0.37 * layer as f64;
        let edited = layer == 4 && !on.is_empty();
        let change = if edited { 0.091 * before } else { 0.0 };
        LayerWeights {
            before,
            now: before + 0.4 * change,
            change,
            edited,
        }
    };
    let near = |a: u64, b: u64| match a.abs_diff(b) {
        0 => 1.0,
        1 => 0.83,
        apart => 0.3 / apart as f64 * if a % 2 == b % 2 { 1.0 } else { -1.0 },
    };
    let pair = |a: &u64, b: &u64| Overlap {
        cosine: near(*a, *b),
        share: 0.9 * near(*a, *b),
    };
    let pairs = ids.iter().map(|a| ids.iter().map(|b| pair(a, b)).collect());
    let at_four = LayerOverlaps {
        layer: 4,
        in_c: true,
        pairs: pairs.collect(),
        ids: ids.clone(),
    };
    let said = held
        .iter()
        .map(|(id, p)| EventKind::Held { id: *id, p: *p });
    let check = StackCheck {
        held: held.clone(),
        layers: (0..LAYERS).map(layer).collect(),
        overlaps: overlaps.then(|| vec![at_four]),
    };
    (said.collect(), Outcome::Rechecked(Box::new(check)))
}

/// What a method makes of the first example: some move more than others.
pub fn tried(method: Method, layer: LayerChoice) -> EditReport {
    let at = Method::ALL.iter().position(|m| *m == method).unwrap_or(0);
    let far = at as f64 / Method::ALL.len() as f64;
    let mut probes = neighbours(true);
    for (nth, row) in probes.iter_mut().enumerate() {
        let own = 0.2 + 0.8 * ((nth * 7 + at * 3) % 10) as f64 / 10.0;
        row.p_after = row.p_before + (row.p_after - row.p_before) * far * own;
        row.moved = row.p_before - row.p_after > 0.3;
    }
    let (first, last) = match layer {
        LayerChoice::Span(first, last) => (first, last),
        LayerChoice::At(layer) => (layer, layer),
        LayerChoice::Auto => (4, 4),
    };
    EditReport {
        model: "atlas".into(),
        method: method.name().into(),
        layer: last,
        layers: (first..=last)
            .map(|layer| LayerNorm {
                layer,
                relative_update_norm: 0.04 + 0.6 * far,
            })
            .collect(),
        relative_update_norm: 0.04 + 0.6 * far,
        p_target: Pair {
            before: 0.0004,
            after: 0.99 - 0.6 * far,
        },
        probes,
        elapsed_s: Elapsed {
            total: 0.4 + far,
            ..Elapsed::default()
        },
        ..EditReport::default()
    }
}

/// What the lens shows of Seattle and of another answer, edited at layer 4 or not.
pub fn looked(spec: &LensSpec, edited: bool) -> LensReport {
    let (tokens, _) = tokenise(&spec.prompt);
    let last = tokens.len() - 1;
    let rise = |depth: usize, from: f64| 1.0 / (1.0 + (1.6 * (from - depth as f64)).exp());
    let grid = |p: &dyn Fn(usize) -> f64| -> Grid {
        let row = |t: usize| (0..=LAYERS).map(move |d| p(d) * 0.4f64.powi((last - t) as i32));
        (0..=last).map(|t| row(t).collect()).collect()
    };
    let old = |depth| 0.94 * rise(depth, 5.2);
    let new = |depth| 0.0004 * rise(depth, 7.0);
    let old_after = |depth| old(depth) * if depth > 6 { 0.01 } else { 1.0 };
    let new_after = |depth| {
        if depth > 4 {
            0.992 * rise(depth, 6.2)
        } else {
            new(depth)
        }
    };
    let seen = |old: &dyn Fn(usize) -> f64, new: &dyn Fn(usize) -> f64| {
        let guess = |id, text: &str, p| Guess {
            id,
            text: text.into(),
            p,
        };
        let (p_old, p_new) = (grid(old), grid(new));
        let top = p_old.iter().zip(&p_new).map(|(old, new)| {
            let cells = old.iter().zip(new).map(|(old, new)| {
                let rest = 1.0 - old - new;
                let mut told = vec![
                    guess(7, " Seattle", *old),
                    guess(8, &spec.new, *new),
                    guess(9, " the\u{1b}[31m", 0.5 * rest),
                ];
                told.sort_by(|a, b| b.p.total_cmp(&a.p));
                told
            });
            cells.collect()
        });
        let top = top.collect();
        Seen::new(p_old, p_new, top)
    };
    let before = seen(&old, &new);
    let (after, sentence) = match edited {
        true => (
            seen(&old_after, &new_after),
            "the old answer still leads in the embedding and layers 0–5 (with p up to 0.73); the new one leads from layer 6 on",
        ),
        false => (before.clone(), "no edit is on: the old answer leads"),
    };
    let less = |a: &Grid, b: &Grid| -> Grid {
        let rows = a.iter().zip(b);
        rows.map(|(a, b)| a.iter().zip(b).map(|(a, b)| a - b).collect())
            .collect()
    };
    let answer = |id, text: &str| AnswerToken {
        text: text.into(),
        id,
        token: text.into(),
    };
    LensReport {
        model: "atlas".into(),
        prompt: spec.prompt.clone(),
        input_ids: vec![1; tokens.len()],
        tokens,
        forced: 0,
        old: answer(7, "Seattle"),
        new: answer(8, &spec.new),
        columns: (0..=LAYERS).map(Depth).collect(),
        first_edited: edited.then_some(4),
        difference: Difference {
            p_old: less(&after.p_old, &before.p_old),
            p_new: less(&after.p_new, &before.p_new),
        },
        before,
        after,
        sentence: sentence.into(),
    }
}

/// What an erasure of the fact's concept shows.
pub fn erased(spec: &EraseSpec, edited: bool) -> EraseReport {
    let class = |label: &str, fitted, held_out| Class {
        label: label.into(),
        fitted,
        held_out,
    };
    let reading = |p_old, p_new, top: &str, perplexity| Reading {
        p_old: Some(p_old),
        p_new: Some(p_new),
        top: vec![Guess {
            id: 5,
            text: format!(" {top}"),
            p: 0.4,
        }],
        probe: vec![0.9 * p_old + 0.05, 0.02, 0.93 - 0.9 * p_old],
        perplexity: Some(perplexity),
    };
    let neighbour = |i: usize| Neighbour {
        prompt: format!("Landmark number {i} is in the city of"),
        expected: "Seattle".into(),
        p_off: 0.9 - 0.01 * i as f64,
        p_on: 0.02 * i as f64,
        top_off: " Seattle".into(),
        top_on: if i < 3 { " the" } else { " Seattle" }.into(),
        moved: i < 3,
    };
    let side = |off, on| Switched {
        off,
        on,
        neighbours: (0..8).map(neighbour).collect(),
    };
    let accuracy = |fitted, held_out| Accuracy { fitted, held_out };
    EraseReport {
        model: "atlas".into(),
        layer: spec.layer.unwrap_or(4),
        relation: Some("LOC".into()),
        classes: vec![
            class("Seattle", 40, 10),
            class("Paris", 30, 10),
            class("other", 90, 30),
        ],
        prompts: 210,
        subjects: 42,
        fitted_subjects: 32,
        d: 256,
        rank: 2,
        singular_values: vec![0.4, 0.2],
        own_share: 0.98,
        cross_covariance: Both {
            before: 4.2,
            after: 6e-14,
        },
        guaranteed: true,
        majority: accuracy(0.5625, 0.6),
        probe: Both {
            before: Probed {
                accuracy: accuracy(1.0, 0.86),
                ..Probed::default()
            },
            after: Probed {
                accuracy: accuracy(0.5625, 0.6),
                ..Probed::default()
            },
        },
        fresh: Some(Fresh {
            before: 0.8,
            after: 0.58,
            majority: 0.6,
        }),
        fact: spec.fact.clone(),
        base: side(
            reading(0.94, 0.001, "Seattle", 21.4),
            reading(0.12, 0.08, "the", 24.9),
        ),
        edited: edited.then(|| {
            side(
                reading(0.01, 0.97, "Paris", 21.6),
                reading(0.02, 0.31, "the", 25.2),
            )
        }),
        warnings: vec!["what was fitted on is about 32 subjects, fewer than twice the 256".into()],
        ..EraseReport::default()
    }
}

/// Cases of the kind that an evaluation opens.
pub fn records(count: u64) -> Vec<Record> {
    let object = |text: &str| Object { text: text.into() };
    let record = |case_id: u64| Record {
        case_id,
        requested_rewrite: Rewrite {
            prompt: "{} is in the city of".into(),
            subject: format!("Landmark {case_id}"),
            target_new: object("Paris"),
            target_true: object("Seattle"),
        },
        paraphrase_prompts: vec![format!("You find Landmark {case_id} in"); 2],
        neighborhood_prompts: (0..4)
            .map(|i| format!("Neighbour {i} of {case_id} is in"))
            .collect(),
        generation_prompts: vec![],
    };
    (0..count).map(record).collect()
}

/// What weights say of them: edited ones the new answer, and the worse the later the
/// case.
pub fn judged(records: &[Record], edited: bool) -> Vec<Judged> {
    let one = |record: &Record| {
        let bad = record.case_id as f64 / 10.0;
        let answer = |new: f64, old: f64| Answer {
            new: new.ln(),
            old: old.ln(),
            exact: new > old,
        };
        let wanted = if edited {
            answer(0.95 - bad, 0.3)
        } else {
            answer(0.01, 0.9)
        };
        let neighbours: Vec<Answer> = (0..record.neighborhood_prompts.len())
            .map(|i| match edited {
                true => answer(0.05 + bad, 0.7 - 0.1 * i as f64),
                false => answer(0.01, 0.8),
            })
            .collect();
        Judged {
            case_id: record.case_id,
            answers: Answers {
                rewrite: wanted,
                paraphrases: vec![wanted; record.paraphrase_prompts.len()],
                primed: neighbours.clone(),
                neighbours,
            },
            free: edited,
            texts: vec![],
            relative_update_norm: edited.then_some(0.12),
            seconds: 1.5,
        }
    };
    records.iter().map(one).collect()
}
