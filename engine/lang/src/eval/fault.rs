//! Why a computation on values has no result: a catalogue entry and words, without a place.

use terrane_core::{Diagnostic, DiagnosticKind, Place, Span};

/// Why a computation on values has no result.
#[derive(Clone, Debug)]
pub(crate) struct Fault {
    /// The catalogue entry.
    pub kind: &'static DiagnosticKind,
    /// What happened here.
    pub detail: String,
    /// What to do, where it is more than the catalogue says.
    pub help: Option<String>,
    /// Which operand it is about, from 0.
    pub operand: Option<usize>,
}

impl Fault {
    pub fn new(kind: &'static DiagnosticKind, detail: impl Into<String>) -> Self {
        Self { kind, detail: detail.into(), help: None, operand: None }
    }

    pub fn operand(mut self, operand: usize) -> Self {
        self.operand = Some(operand);
        self
    }

    pub fn help(mut self, help: Option<String>) -> Self {
        self.help = help;
        self
    }

    pub fn at(self, span: Span) -> Diagnostic {
        self.place(Place::Span(span))
    }

    pub fn place(self, place: Place) -> Diagnostic {
        let diagnostic = self.kind.at(place).detail(self.detail);
        match self.help {
            Some(help) => diagnostic.help(help),
            None => diagnostic,
        }
    }
}
