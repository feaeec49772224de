//! The panes of the workbench.

/// In the order of the tab key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Pane {
    Fact,
    Trace,
    Edit,
    Neighbours,
    Confabulations,
}

impl Pane {
    pub const ALL: [Pane; 5] = [
        Pane::Fact,
        Pane::Trace,
        Pane::Edit,
        Pane::Neighbours,
        Pane::Confabulations,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Pane::Fact => "Fact",
            Pane::Trace => "Trace",
            Pane::Edit => "Edit",
            Pane::Neighbours => "Neighbours",
            Pane::Confabulations => "Confabulations",
        }
    }

    /// So many panes further, around the corner.
    pub fn step(self, by: isize) -> Pane {
        let at = Self::ALL.iter().position(|p| *p == self).unwrap_or(0) as isize;
        Self::ALL[(at + by).rem_euclid(Self::ALL.len() as isize) as usize]
    }
}
