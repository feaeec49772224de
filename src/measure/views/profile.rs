//! What kind of edit it is, in words.

use super::report::{Verdict, ViewScore, ViewsReport};
use super::view::View;
use serde::{Deserialize, Serialize};

/// The first of these that is true of an edit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Profile {
    /// Retention was not scored (yet).
    #[default]
    Untold,
    /// Retention fails.
    DidNotHold,
    /// It holds where it was made: generalisation or memorisation fails.
    SurfaceMemorisation,
    /// It takes others along: ripple or cross-domain fails.
    Ripple,
    /// Further edits undo it, or undo the model: later or collapse fails.
    Fades,
    /// None of these fails.
    Robust,
}

impl Profile {
    pub const ALL: [Profile; 6] = [
        Profile::Untold,
        Profile::DidNotHold,
        Profile::SurfaceMemorisation,
        Profile::Ripple,
        Profile::Fades,
        Profile::Robust,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Profile::Untold => "not known yet",
            Profile::DidNotHold => "did not hold",
            Profile::SurfaceMemorisation => "surface memorisation",
            Profile::Ripple => "ripple",
            Profile::Fades => "fades",
            Profile::Robust => "robust",
        }
    }

    fn meaning(self) -> &'static str {
        match self {
            Profile::Untold => "the edited prompt was not asked",
            Profile::DidNotHold => "the new answer is not given even to the edited prompt",
            Profile::SurfaceMemorisation => "the sentence was learned, not the fact",
            Profile::Ripple => "it holds, and moves what it should leave alone",
            Profile::Fades => "it holds and leaves others alone, until further edits come",
            Profile::Robust => {
                "it holds in other words, leaves others alone, and withstands further edits"
            }
        }
    }

    /// The views that it is told by.
    fn tellers() -> [(Profile, &'static [View]); 4] {
        [
            (Profile::DidNotHold, &[View::Retention]),
            (
                Profile::SurfaceMemorisation,
                &[View::Generalisation, View::Memorisation],
            ),
            (Profile::Ripple, &[View::Ripple, View::CrossDomain]),
            (Profile::Fades, &[View::Collapse, View::Later]),
        ]
    }

    pub fn of(views: &[ViewScore]) -> Profile {
        let verdict = |view: &View| {
            let scored = views.iter().find(|scored| scored.view == *view);
            scored.map_or(Verdict::Untold, |scored| scored.verdict)
        };
        if verdict(&View::Retention) == Verdict::Untold {
            return Profile::Untold;
        }
        let fails = |views: &[View]| views.iter().any(|view| verdict(view) == Verdict::Fail);
        let found = Profile::tellers().into_iter();
        let mut found = found.filter(|(_, views)| fails(views));
        found.next().map_or(Profile::Robust, |(profile, _)| profile)
    }
}

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
    use crate::measure::views::Thresholds;

    fn profile(failing: &[View]) -> Profile {
        let score = |view: View| match failing.contains(&view) {
            true => 0.0,
            false => 1.0,
        };
        let views = View::ALL.map(|view| {
            ViewScore::new(
                view,
                Some(score(view)),
                String::new(),
                vec![],
                &Thresholds::default(),
            )
        });
        Profile::of(&views)
    }

    #[test]
    fn the_first_that_fails_names_the_edit() {
        assert_eq!(profile(&[]), Profile::Robust);
        // Few edits are followed by what follows from them; that alone names none.
        assert_eq!(profile(&[View::TwoHop, View::Extraction]), Profile::Robust);
        assert_eq!(profile(&[View::Later]), Profile::Fades);
        assert_eq!(profile(&[View::Ripple, View::Later]), Profile::Ripple);
        let surface = profile(&[View::Memorisation, View::Ripple]);
        assert_eq!(surface, Profile::SurfaceMemorisation);
        assert_eq!(profile(&View::ALL), Profile::DidNotHold);
        assert_eq!(Profile::of(&[]), Profile::Untold);
    }

    #[test]
    fn the_sentence_says_what_fails_and_what_is_untold() {
        let mut report = ViewsReport::default();
        let thresholds = Thresholds::default();
        let scored = |view, score| ViewScore::new(view, score, String::new(), vec![], &thresholds);
        report.put(scored(View::Retention, Some(0.9)));
        report.put(scored(View::TwoHop, Some(0.25)));
        report.put(scored(View::Extraction, None));
        report.profile = Profile::of(&report.views);
        assert_eq!(
            sentence(&report),
            "robust: it holds in other words, leaves others alone, and withstands further edits; \
             fails: two-hop 0.25; untold: extraction"
        );
    }
}
