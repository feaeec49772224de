//! What kind of edit it is, in words.

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

    pub fn meaning(self) -> &'static str {
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

    /// From each view's verdict: whether it passes, `None` where it is untold.
    pub fn told(passes: impl Fn(View) -> Option<bool>) -> Profile {
        if passes(View::Retention).is_none() {
            return Profile::Untold;
        }
        let fails = |views: &[View]| views.iter().any(|view| passes(*view) == Some(false));
        let found = Profile::tellers().into_iter();
        let mut found = found.filter(|(_, views)| fails(views));
        found.next().map_or(Profile::Robust, |(profile, _)| profile)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_that_fails_names_the_edit() {
        let profile = |failing: &[View]| Profile::told(|view| Some(!failing.contains(&view)));
        assert_eq!(profile(&[]), Profile::Robust);
        // Few edits are followed by what follows from them; that alone names none.
        assert_eq!(profile(&[View::TwoHop, View::Extraction]), Profile::Robust);
        assert_eq!(profile(&[View::Later]), Profile::Fades);
        assert_eq!(profile(&[View::Ripple, View::Later]), Profile::Ripple);
        let surface = profile(&[View::Memorisation, View::Ripple]);
        assert_eq!(surface, Profile::SurfaceMemorisation);
        assert_eq!(profile(&View::ALL), Profile::DidNotHold);
        assert_eq!(Profile::told(|_| None), Profile::Untold);
    }
}
