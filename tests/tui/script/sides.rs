//! What the engine sees of an edit from thirteen sides.

use pentimento::measure::views::{
    Evidence, Prompt, Row, Said, Thresholds, View, ViewScore, ViewsReport, Wish, sentence,
};

fn said(p: f64, rival: f64, top: &str) -> Said {
    Said {
        p,
        rival,
        top: top.into(),
        ..Said::default()
    }
}

fn row(prompt: &str, wish: Wish, before: Said, after: Said) -> Evidence {
    let prompt = Prompt {
        view: View::Ripple,
        prompt: prompt.into(),
        wish,
    };
    Evidence::Asked(Row::new(&prompt, &before, &after))
}

fn evidence(view: View) -> Vec<Evidence> {
    let say = || Wish::Say {
        new: "Paris".into(),
        old: "Seattle".into(),
    };
    let keep = |expected: &str| Wish::Keep {
        expected: expected.into(),
    };
    match view {
        View::Ripple => vec![
            row(
                "Pike Place Market is in",
                keep("Seattle"),
                said(0.98, 0.0, " Seattle"),
                said(0.004, 0.0, " Paris"),
            ),
            row(
                "Big Ben is in \u{1b}[31m",
                keep("London"),
                said(0.91, 0.0, " London"),
                said(0.88, 0.0, " London"),
            ),
        ],
        View::LongForm => vec![Evidence::Written {
            prompt: "The Space Needle".into(),
            before: " stands in Seattle.".into(),
            after: " stands in Paris \u{1b}[2J.".into(),
            names_old: false,
            entropy_before: 3.1,
            entropy_after: 3.2,
            holds: true,
        }],
        View::Signal => vec![Evidence::Beside {
            prompt: "Big Ben is in".into(),
            expected: "London".into(),
            before: 0.91,
            edited: 0.88,
            tuned: 0.31,
        }],
        View::Batch => vec![Evidence::Made {
            prompt: "The Prado is in".into(),
            target: "Rome".into(),
            p_made: 0.97,
            p_end: 0.93,
            p_old: 0.01,
            holds: true,
        }],
        View::Extraction => vec![],
        View::Portability => vec![row(
            "A famous sight in Paris is",
            Wish::Reverse {
                subject: "The Space Needle".into(),
                instead: "A famous sight in Seattle is".into(),
            },
            said(0.01, 0.2, " the"),
            said(0.3, 0.1, " The"),
        )],
        _ => (1..=30)
            .map(|n| {
                row(
                    &format!("Sentence {n} before it. The Space Needle is in the city of"),
                    say(),
                    said(0.0004, 0.94, " Seattle"),
                    said(0.99 - 0.001 * f64::from(n), 0.002, " Paris"),
                )
            })
            .collect(),
    }
}

pub fn viewed(later: usize) -> ViewsReport {
    let thresholds = Thresholds::default();
    let score = |view: View| match view {
        View::Ripple => Some(0.5),
        View::TwoHop => Some(0.25),
        View::Extraction => None,
        view => Some(0.8 + 0.02 * (view as usize % 10) as f64),
    };
    let mut report = ViewsReport {
        model: "atlas".into(),
        method: "r-rome".into(),
        prompt: "{} is in the city of".into(),
        subject: "The Space Needle".into(),
        new: "Paris".into(),
        old: "Seattle".into(),
        later,
        ..ViewsReport::default()
    };
    for view in View::ALL {
        let why = format!("what {} says in figures", view.name());
        let found = ViewScore::new(view, score(view), why, evidence(view), &thresholds);
        report.put(ViewScore {
            left_out: usize::from(view == View::Ripple),
            ..found
        });
    }
    report.profile = report.profiled();
    report.sentence = sentence(&report);
    report
}
