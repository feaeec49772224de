//! The made-up numbers: a model of eight layers, its probes and continuations.

use pentimento::edit::{LayerChoice, Method};
use pentimento::engine::{
    Candidate, EventKind, LayerOverlaps, LayerWeights, ModelInfo, Outcome, Overlap, StackCheck,
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
        asks: false,
        calibrated: None,
        published: Vec::new(),
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
