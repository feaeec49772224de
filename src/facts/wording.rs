//! From a fact to the words that ask for it.

/// The wordings of one fact, split into those a model trains on and the one
/// that is kept back to see whether it learned the fact or the sentence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked<'w> {
    pub train: Vec<&'w str>,
    /// None where the relation has a single usable wording.
    pub held_out: Option<&'w str>,
}

impl<'w> Asked<'w> {
    /// Holds out one of `wordings`, chosen by the fact's own words so that
    /// every run, and every program, holds out the same.
    pub(super) fn split(mut wordings: Vec<&'w str>, subject: &str, relation: &str) -> Self {
        if wordings.len() < 2 {
            return Asked {
                train: wordings,
                held_out: None,
            };
        }
        let at = fingerprint(&[subject, relation]) % wordings.len() as u64;
        let held_out = Some(wordings.remove(at as usize));
        Asked {
            train: wordings,
            held_out,
        }
    }
}

/// FNV-1a over the parts: stable across platforms and releases, unlike the
/// standard library's hasher.
fn fingerprint(parts: &[&str]) -> u64 {
    let mut hash: u64 = 0xcbf2_9ce4_8422_2325;
    for byte in parts.iter().flat_map(|p| p.bytes().chain([0xff])) {
        hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    }
    // FNV's low bits depend on little; fold the high ones in.
    hash ^ (hash >> 32)
}

/// What remains of a wording when its subject has just been named: a verb
/// phrase ("was born in"), which "and", "who" or "It" can take up again.
/// None for a wording that does not start with its subject, or whose rest is
/// no verb phrase.
pub fn continuation(wording: &str) -> Option<&str> {
    const NO_VERB: [&str; 4] = ["owner", "label", "that", "from"];
    let rest = wording.strip_prefix("{} ")?;
    let first = rest.split(' ').next()?;
    (!NO_VERB.contains(&first)).then_some(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_single_wording_is_never_held_out() {
        let asked = Asked::split(vec!["{} is in"], "Oslo", "P17");
        assert_eq!(
            asked,
            Asked {
                train: vec!["{} is in"],
                held_out: None
            }
        );
    }

    #[test]
    fn the_held_out_wording_is_not_trained_on_and_depends_on_the_fact() {
        let wordings = || vec!["{} a", "{} b", "{} c", "{} d"];
        let mut held = std::collections::BTreeSet::new();
        for subject in [
            "Oslo", "Rome", "Paris", "Cairo", "Lima", "Bern", "Graz", "Nice",
        ] {
            let asked = Asked::split(wordings(), subject, "P17");
            let out = asked.held_out.unwrap();
            assert_eq!(asked.train.len(), 3);
            assert!(!asked.train.contains(&out));
            held.insert(out);
        }
        assert!(held.len() > 1, "{held:?}");
    }

    #[test]
    fn a_continuation_is_a_verb_phrase() {
        assert_eq!(continuation("{} was born in"), Some("was born in"));
        assert_eq!(continuation("{} owner"), None);
        assert_eq!(continuation("{}'s capital is"), None);
        assert_eq!(continuation("The capital of {} is"), None);
    }
}
