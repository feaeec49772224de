//! The panes of the workbench.

/// In the order of their numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Pane {
    Fact,
    Trace,
    Edit,
    Neighbours,
    Confabulations,
    /// The whole stack, with a screen of its own.
    Stack,
    /// One request by every method, likewise.
    Duel,
    /// What is left of the old answer underneath, likewise.
    Lens,
    /// Thirteen views of an edit, likewise.
    Views,
    /// The keys of an edit's neighbours, likewise.
    Geometry,
    /// A concept erased from the residuals, likewise.
    Erasure,
    /// An evaluation on CounterFact's cases, likewise.
    Counterfact,
}

impl Pane {
    pub const ALL: [Pane; 12] = [
        Pane::Fact,
        Pane::Trace,
        Pane::Edit,
        Pane::Neighbours,
        Pane::Confabulations,
        Pane::Stack,
        Pane::Duel,
        Pane::Lens,
        Pane::Views,
        Pane::Geometry,
        Pane::Erasure,
        Pane::Counterfact,
    ];

    /// Those that share the place below the fact.
    pub const BELOW: [Pane; 4] = [
        Pane::Trace,
        Pane::Edit,
        Pane::Neighbours,
        Pane::Confabulations,
    ];

    /// Whether it has the screen to itself, between header and footer.
    pub fn is_alone(self) -> bool {
        match self {
            Pane::Fact | Pane::Trace | Pane::Edit | Pane::Neighbours | Pane::Confabulations => {
                false
            }
            // It gives a part of its screen to the board.
            Pane::Stack => false,
            Pane::Duel | Pane::Lens | Pane::Views | Pane::Geometry | Pane::Erasure => true,
            Pane::Counterfact => true,
        }
    }

    pub fn name(self) -> &'static str {
        match self {
            Pane::Fact => "Fact",
            Pane::Trace => "Trace",
            Pane::Edit => "Edit",
            Pane::Neighbours => "Neighbours",
            Pane::Confabulations => "Confabulations",
            Pane::Stack => "Stack",
            Pane::Duel => "Duel",
            Pane::Lens => "Lens",
            Pane::Views => "Views",
            Pane::Geometry => "Geometry",
            Pane::Erasure => "Erasure",
            Pane::Counterfact => "CounterFact",
        }
    }

    /// So many panes further, around the corner: those of the usual screen,
    /// to which the stack's own leads back.
    pub fn step(self, by: isize) -> Pane {
        let around = &Self::ALL[..Self::BELOW.len() + 1];
        let at = match around.iter().position(|p| *p == self) {
            Some(at) => at as isize,
            None if by > 0 => -1,
            None => 0,
        };
        around[(at + by).rem_euclid(around.len() as isize) as usize]
    }
}
