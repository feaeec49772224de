//! One case: every prompt with both answers, unedited and edited.

use crate::measure::counterfact::{Answer, Answers};
use crate::tui::app::counterfact::{CounterfactView, Row};
use crate::tui::text::{clip_start, p_short, put, put_right, visible};
use crate::tui::theme::Styles;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

/// A line: which kind of prompt, its words, and where its answer is found.
struct Prompt {
    kind: &'static str,
    text: String,
    at: At,
}

#[derive(Clone, Copy)]
enum At {
    Rewrite,
    Paraphrase(usize),
    Neighbour(usize),
    Primed(usize),
}

impl At {
    fn of(self, answers: &Answers) -> Option<Answer> {
        match self {
            At::Rewrite => Some(answers.rewrite),
            At::Paraphrase(at) => answers.paraphrases.get(at).copied(),
            At::Neighbour(at) => answers.neighbours.get(at).copied(),
            At::Primed(at) => answers.primed.get(at).copied(),
        }
    }
}

/// Columns of one side: p(new), p(true).
const SIDE: u16 = 14;

pub fn draw(
    buf: &mut Buffer,
    area: Rect,
    (view, row): (&CounterfactView, &Row),
    from: usize,
    styles: &Styles,
) {
    let answers = |side| {
        let judged = view.verdicts.of(side, row.case_id)?.judged.as_ref()?;
        Some(&judged.answers)
    };
    let sides = [Some(None), view.method.map(Some)].map(|side| side.and_then(answers));
    let (end, y) = (area.right(), area.y);
    let words_end = end.saturating_sub(2 * SIDE + 1);
    let title = match row.record {
        Some(record) => {
            let rewrite = &record.requested_rewrite;
            let [old, new] = [&rewrite.target_true, &rewrite.target_new].map(|o| o.text.trim());
            format!("case {}: {old} → {new}", row.case_id)
        }
        None => format!(
            "case {}, whose prompts this file does not hold",
            row.case_id
        ),
    };
    put(buf, area.x, y, words_end, &visible(&title), styles.strong());
    let names = [
        "unedited",
        view.method.map_or("", crate::edit::Method::name),
    ];
    for (nth, name) in names.into_iter().enumerate() {
        let x = words_end + 1 + nth as u16 * SIDE;
        put_right(buf, x, y, x + SIDE, name, styles.faint());
        put_right(buf, x, y + 1, x + SIDE - 6, "new", styles.new_answer());
        put_right(buf, x, y + 1, x + SIDE, "true", styles.old());
    }
    if let Some(failed) = view
        .verdicts
        .of(view.method, row.case_id)
        .and_then(|v| v.failed.as_ref())
    {
        put(
            buf,
            area.x,
            y + 1,
            words_end,
            &visible(failed),
            styles.bad(),
        );
    }
    let prompts = prompts(row, sides);
    let room = usize::from(area.height.saturating_sub(2));
    let from = from.min(prompts.len().saturating_sub(room));
    for (prompt, y) in prompts.iter().skip(from).zip(y + 2..area.bottom()) {
        let x = put(buf, area.x, y, words_end, prompt.kind, styles.faint());
        let x = x.max(area.x + 11);
        let text = visible(&prompt.text);
        let text = clip_start(&text, usize::from(words_end.saturating_sub(x)));
        put(buf, x, y, words_end, &text, styles.text());
        for (nth, answers) in sides.iter().enumerate() {
            let x = words_end + 1 + nth as u16 * SIDE;
            let Some(answer) = answers.and_then(|answers| prompt.at.of(answers)) else {
                put_right(buf, x, y, x + SIDE, "–", styles.faint());
                continue;
            };
            let wanted = match prompt.at {
                At::Rewrite | At::Paraphrase(_) => answer.new > answer.old,
                At::Neighbour(_) | At::Primed(_) => answer.old > answer.new,
            };
            let style = if wanted { styles.good() } else { styles.bad() };
            let p = |log_p: f64| p_short(log_p.exp());
            put_right(buf, x, y, x + SIDE - 6, &p(answer.new), style);
            put_right(buf, x, y, x + SIDE, &p(answer.old), style);
        }
    }
}

/// All that the case asks; where its record is not at hand, without their words.
fn prompts(row: &Row, sides: [Option<&Answers>; 2]) -> Vec<Prompt> {
    let known = sides.into_iter().flatten();
    let count = |of: fn(&Answers) -> usize| known.clone().map(of).max().unwrap_or(0);
    let of = |texts: Option<&Vec<String>>, at: usize| {
        texts
            .and_then(|texts| texts.get(at))
            .cloned()
            .unwrap_or_default()
    };
    let record = row.record;
    let mut all = vec![Prompt {
        kind: "rewrite",
        text: record.map_or(String::new(), |r| r.request().text()),
        at: At::Rewrite,
    }];
    all.extend((0..count(|a| a.paraphrases.len())).map(|at| Prompt {
        kind: "paraphrase",
        text: of(record.map(|r| &r.paraphrase_prompts), at),
        at: At::Paraphrase(at),
    }));
    let neighbours = record.map(|r| &r.neighborhood_prompts);
    all.extend((0..count(|a| a.neighbours.len())).map(|at| Prompt {
        kind: "neighbour",
        text: of(neighbours, at),
        at: At::Neighbour(at),
    }));
    all.extend((0..count(|a| a.primed.len())).map(|at| Prompt {
        kind: "+ sentence",
        text: of(neighbours, at),
        at: At::Primed(at),
    }));
    all
}
