//! What an edit comes to, in a sentence.

use super::report::{Verdict, ViewsReport};

/// "robust: it holds …; fails: two-hop 0.25; untold: extraction".
pub fn sentence(report: &ViewsReport) -> String {
    let profile = report.profile;
    let mut words = format!("{}: {}", profile.name(), profile.meaning());
    let of = |verdict: Verdict| report.views.iter().filter(move |v| v.verdict == verdict);
    let failed = of(Verdict::Fail).map(|v| {
        let score = v.score.unwrap_or(f64::NAN);
        format!("{} {score:.2}", v.view.name())
    });
    let failed: Vec<String> = failed.collect();
    if !failed.is_empty() {
        words += &format!("; fails: {}", failed.join(", "));
    }
    let untold: Vec<&str> = of(Verdict::Untold).map(|v| v.view.name()).collect();
    if !untold.is_empty() {
        words += &format!("; untold: {}", untold.join(", "));
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::views::{Profile, Thresholds, View, ViewScore};

    #[test]
    fn the_sentence_says_what_fails_and_what_is_untold() {
        let mut report = ViewsReport::default();
        let thresholds = Thresholds::default();
        let scored = |view, score| ViewScore::new(view, score, String::new(), vec![], &thresholds);
        report.put(scored(View::Retention, Some(0.9)));
        report.put(scored(View::TwoHop, Some(0.25)));
        report.put(scored(View::Extraction, None));
        report.profile = report.profiled();
        assert_eq!(report.profile, Profile::Robust);
        assert_eq!(
            sentence(&report),
            "robust: it holds in other words, leaves others alone, and withstands further edits; \
             fails: two-hop 0.25; untold: extraction"
        );
    }
}
