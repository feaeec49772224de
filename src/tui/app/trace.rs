//! A causal trace as it fills in, and how it is looked at.

use super::Ticket;
use crate::engine::TraceHeader;
use crate::session::{Beneath, SavedTrace};
use crate::trace::{Grid, Kind, TraceReport, TraceSpec};

/// Which kinds are drawn.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Show {
    /// Side by side where the width allows, else the MLP.
    #[default]
    Together,
    One(Kind),
}

impl Show {
    pub fn next(self) -> Show {
        match self {
            Show::Together => Show::One(Kind::State),
            Show::One(Kind::State) => Show::One(Kind::Mlp),
            Show::One(Kind::Mlp) => Show::One(Kind::Attn),
            Show::One(Kind::Attn) => Show::Together,
        }
    }
}

/// A cell of the trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct At {
    pub kind: Kind,
    pub token: usize,
    pub layer: usize,
}

#[derive(Clone, Debug, Default)]
pub struct TraceView {
    /// The job that fills the grid.
    pub ticket: Option<Ticket>,
    /// What that job was asked, and the edits that were on.
    pub asked: Option<(TraceSpec, Vec<Beneath>)>,
    pub grid: Option<TraceGrid>,
    /// `None` until the user moves it: then it rests on the best cell.
    pub cursor: Option<At>,
    /// Where the stretching of layers to edit began.
    pub anchor: Option<usize>,
    pub show: Show,
    pub transposed: bool,
    /// Finished traces of this session, newest last, one per prompt.
    pub kept: Vec<SavedTrace>,
}

/// The numbers of one trace, as far as they have come.
#[derive(Clone, Debug)]
pub struct TraceGrid {
    pub prompt: String,
    pub header: TraceHeader,
    /// p(answer) by kind, then `[token][layer]`; NaN: not known yet.
    cells: [Grid; 3],
    pub known: usize,
    pub suggested: Option<usize>,
    pub published: Option<usize>,
    pub warnings: Vec<String>,
    pub finished: bool,
    pub elapsed_s: f64,
}

fn index(kind: Kind) -> usize {
    match kind {
        Kind::State => 0,
        Kind::Mlp => 1,
        Kind::Attn => 2,
    }
}

impl TraceGrid {
    pub fn new(prompt: String, header: TraceHeader) -> Self {
        let empty = vec![vec![f64::NAN; header.layers]; header.tokens.len()];
        TraceGrid {
            prompt,
            cells: [empty.clone(), empty.clone(), empty],
            header,
            known: 0,
            suggested: None,
            published: None,
            warnings: Vec::new(),
            finished: false,
            elapsed_s: 0.0,
        }
    }

    pub fn from_report(report: &TraceReport) -> Self {
        let layers = Kind::ALL
            .iter()
            .filter_map(|k| report.grids.get(*k)?.first())
            .map(Vec::len)
            .max()
            .unwrap_or(0);
        let mut grid = TraceGrid::new(
            report.prompt.clone(),
            TraceHeader {
                tokens: report.tokens.clone(),
                subject_range: report.subject_range,
                answer: report.answer.clone(),
                layers,
                high: report.high,
                low: report.low,
                noise_scale: report.noise_scale,
                window: report.window,
            },
        );
        grid.finish(report);
        grid
    }

    /// Takes a report's numbers over what streamed in.
    pub fn finish(&mut self, report: &TraceReport) {
        for kind in Kind::ALL {
            for (token, row) in report.grids.get(kind).into_iter().flatten().enumerate() {
                for (layer, p) in row.iter().enumerate() {
                    self.set(kind, token, layer, *p);
                }
            }
        }
        self.suggested = report.suggested_layer;
        self.published = report.published_layer;
        self.warnings.clone_from(&report.warnings);
        self.elapsed_s = report.elapsed_s;
        self.finished = true;
    }

    pub fn tokens(&self) -> usize {
        self.header.tokens.len()
    }

    pub fn layers(&self) -> usize {
        self.header.layers
    }

    /// Sets a cell; one outside the grid is ignored.
    pub fn set(&mut self, kind: Kind, token: usize, layer: usize, p: f64) {
        let cell = self.cells[index(kind)]
            .get_mut(token)
            .and_then(|row| row.get_mut(layer));
        if let Some(cell) = cell {
            self.known += usize::from(cell.is_nan());
            *cell = p;
        }
    }

    pub fn p(&self, at: At) -> Option<f64> {
        let row = self.cells[index(at.kind)].get(at.token)?;
        row.get(at.layer).copied().filter(|p| p.is_finite())
    }

    /// 0 at *low*, 1 at *high*: the scale is fixed for the whole trace.
    pub fn share(&self, at: At) -> Option<f64> {
        let span = self.header.high - self.header.low;
        let p = self.p(at)?;
        Some(if span > 1e-9 {
            ((p - self.header.low) / span).clamp(0.0, 1.0)
        } else {
            0.0
        })
    }

    pub fn is_subject(&self, token: usize) -> bool {
        (self.header.subject_range[0]..self.header.subject_range[1]).contains(&token)
    }

    /// The token whose key an edit would change.
    pub fn key_token(&self) -> usize {
        let last = self.header.subject_range[1].saturating_sub(1);
        last.min(self.tokens().saturating_sub(1))
    }

    /// The report's, or the best known so far in the MLP's row.
    pub fn suggested_layer(&self) -> Option<usize> {
        if self.finished {
            return self.suggested;
        }
        let token = self.key_token();
        let row = self.cells[index(Kind::Mlp)].get(token)?;
        let known = row.iter().enumerate().filter(|(_, p)| p.is_finite());
        let best = known.max_by(|a, b| a.1.total_cmp(b.1))?;
        Some(best.0)
    }

    /// Layers restored together with `layer`: `[first, last]`.
    pub fn window(&self, kind: Kind, layer: usize) -> [usize; 2] {
        let w = match kind {
            Kind::State => 1,
            _ => self.header.window.max(1),
        };
        let first = layer.saturating_sub(w / 2);
        let last = layer + w.div_ceil(2) - 1;
        [first, last.min(self.layers().saturating_sub(1))]
    }
}

impl TraceView {
    /// Where the cursor is, inside the grid.
    pub fn at(&self) -> Option<At> {
        let grid = self.grid.as_ref()?;
        let (last_token, last_layer) =
            (grid.tokens().checked_sub(1)?, grid.layers().checked_sub(1)?);
        let at = self.cursor.unwrap_or(At {
            kind: self.kind(),
            token: grid.key_token(),
            layer: grid.suggested_layer().unwrap_or(last_layer / 2),
        });
        Some(At {
            kind: at.kind,
            token: at.token.min(last_token),
            layer: at.layer.min(last_layer),
        })
    }

    /// The kind that is drawn where only one is, and that commands mean.
    pub fn kind(&self) -> Kind {
        match (self.show, self.cursor) {
            (Show::One(kind), _) => kind,
            (Show::Together, Some(at)) => at.kind,
            (Show::Together, None) => Kind::Mlp,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trace::Answer;

    fn grid(window: usize) -> TraceGrid {
        TraceGrid::new(
            "a b c".into(),
            TraceHeader {
                tokens: ["a", " b", " c"].map(String::from).into(),
                subject_range: [0, 2],
                answer: Answer {
                    id: 1,
                    text: " x".into(),
                },
                layers: 8,
                high: 0.9,
                low: 0.1,
                noise_scale: 0.1,
                window,
            },
        )
    }

    #[test]
    fn cells_stream_in_and_the_scale_stays() {
        let mut grid = grid(2);
        let at = At {
            kind: Kind::Mlp,
            token: 1,
            layer: 3,
        };
        assert_eq!(grid.share(at), None);
        grid.set(Kind::Mlp, 1, 3, 0.5);
        grid.set(Kind::Mlp, 99, 3, 0.5);
        assert_eq!(grid.share(at), Some(0.5));
        assert_eq!(grid.known, 1);
        assert_eq!(grid.suggested_layer(), Some(3));
    }

    #[test]
    fn windows_are_those_of_the_released_code() {
        assert_eq!(grid(2).window(Kind::Mlp, 4), [3, 4]);
        assert_eq!(grid(10).window(Kind::Attn, 6), [1, 7]);
        assert_eq!(grid(10).window(Kind::State, 6), [6, 6]);
        assert_eq!(grid(1).window(Kind::Mlp, 0), [0, 0]);
    }
}
