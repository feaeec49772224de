//! The methods by name, and what each of them can do.

use serde::{Deserialize, Serialize};

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Method {
    /// One key everywhere: the fix for edits that wreck the model.
    #[default]
    RRome,
    /// As published.
    Rome,
    /// No gradient, C = I: shows why a bare outer product leaks.
    Direct,
    /// Many facts at once, spread over several layers.
    Memit,
    /// Many facts at once at one layer, each to its value exactly.
    Emmet,
    /// As MEMIT, in directions that other keys do not use.
    AlphaEdit,
    /// Fine-tuning of one matrix: the baseline.
    Ft,
    /// Fine-tuning within a small box around W₀.
    FtL,
    /// A change that was not made here: it has an origin and no request.
    Imported,
}

impl Method {
    /// Those that can be asked for.
    pub const ALL: [Method; 8] = [
        Method::RRome,
        Method::Rome,
        Method::Memit,
        Method::Emmet,
        Method::AlphaEdit,
        Method::Ft,
        Method::FtL,
        Method::Direct,
    ];

    /// The name used on the command line and in files.
    pub fn name(self) -> &'static str {
        match self {
            Method::RRome => "r-rome",
            Method::Rome => "rome",
            Method::Direct => "direct",
            Method::Memit => "memit",
            Method::Emmet => "emmet",
            Method::AlphaEdit => "alpha-edit",
            Method::Ft => "ft",
            Method::FtL => "ft-l",
            Method::Imported => "imported",
        }
    }

    /// Whether it rewrites many facts in one change.
    pub fn takes_many(self) -> bool {
        match self {
            Method::Memit | Method::Emmet | Method::AlphaEdit | Method::Ft | Method::FtL => true,
            Method::RRome | Method::Rome | Method::Direct => false,
            Method::Imported => true,
        }
    }

    /// Whether it spreads its change over several layers.
    pub fn spreads(self) -> bool {
        match self {
            Method::Memit | Method::AlphaEdit => true,
            Method::RRome | Method::Rome | Method::Direct | Method::Emmet => false,
            Method::Ft | Method::FtL | Method::Imported => false,
        }
    }

    /// Whether it looks for a value by gradient, averaged over templates.
    pub fn seeks_value(self) -> bool {
        match self {
            Method::RRome | Method::Rome | Method::Memit => true,
            Method::Emmet | Method::AlphaEdit => true,
            Method::Direct | Method::Ft | Method::FtL | Method::Imported => false,
        }
    }
}
