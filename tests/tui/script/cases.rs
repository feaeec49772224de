//! Cases of an evaluation, and how the made-up model does on them.

use pentimento::measure::counterfact::{Answer, Answers, Judged, Object, Record, Rewrite};

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
