//! Problems as values: id, severity, fixed summary, place, details, help. Rendering is somebody else's job.

use crate::{InstanceAddr, Path, Span};
use std::fmt;

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Work goes on.
    Warning,
    /// The stage fails.
    Error,
}

/// The fixed part of a diagnostic: one entry of the catalogue.
#[derive(Debug, PartialEq, Eq)]
pub struct DiagnosticKind {
    /// Stable name in kebab-case, never reused.
    pub id: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// Fixed text without names of the user's.
    pub summary: &'static str,
    /// What to do.
    pub help: &'static str,
}

impl DiagnosticKind {
    /// A problem of this kind at `place`.
    #[must_use]
    pub fn at(&'static self, place: impl Into<Place>) -> Diagnostic {
        Diagnostic {
            kind: self,
            place: place.into(),
            origin: None,
            detail: String::new(),
            facts: Vec::new(),
            labels: Vec::new(),
            help: None,
        }
    }
}

/// Where a problem is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// In the text of the configuration.
    Span(Span),
    /// At an instance, and a leaf of it.
    Instance(InstanceAddr, Path),
    /// In an argument of the command line.
    Argument(String),
    /// In a file as a whole.
    File(String),
    /// In the state.
    State,
    /// In the run as a whole.
    Run,
}

impl From<Span> for Place {
    fn from(span: Span) -> Self {
        Self::Span(span)
    }
}

impl From<InstanceAddr> for Place {
    fn from(addr: InstanceAddr) -> Self {
        Self::Instance(addr, Path::default())
    }
}

/// A problem to tell people about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// The catalogue entry.
    pub kind: &'static DiagnosticKind,
    /// Where it is.
    pub place: Place,
    /// The text that `place` comes from, where `place` is an instance.
    pub origin: Option<Span>,
    /// What happened here, with names and values; empty where the summary says it all.
    pub detail: String,
    /// Named values, in order.
    pub facts: Vec<(&'static str, String)>,
    /// Other places that belong to it, with a word each.
    pub labels: Vec<(Span, String)>,
    /// What to do, where it is more than the catalogue says.
    pub help: Option<String>,
}

impl Diagnostic {
    /// Adds a named value.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl fmt::Display) -> Self {
        self.facts.push((name, value.to_string()));
        self
    }

    /// Sets what happened here.
    #[must_use]
    pub fn detail(mut self, text: impl Into<String>) -> Self {
        self.detail = text.into();
        self
    }

    /// Adds another place with a word about it.
    #[must_use]
    pub fn label(mut self, span: Span, text: impl Into<String>) -> Self {
        self.labels.push((span, text.into()));
        self
    }

    /// Replaces the help of the catalogue.
    #[must_use]
    pub fn help(mut self, text: impl Into<String>) -> Self {
        self.help = Some(text.into());
        self
    }

    /// Says where in the configuration the place comes from.
    #[must_use]
    pub fn from_span(mut self, span: Option<Span>) -> Self {
        self.origin = span;
        self
    }

    /// Whether it fails the stage.
    #[must_use]
    pub fn is_error(&self) -> bool {
        self.kind.severity == Severity::Error
    }

    /// What to do.
    #[must_use]
    pub fn help_text(&self) -> &str {
        self.help.as_deref().unwrap_or(self.kind.help)
    }

    /// The span to show, from the place or from where it comes from.
    #[must_use]
    pub fn span(&self) -> Option<Span> {
        match self.place {
            Place::Span(span) => Some(span),
            _ => self.origin,
        }
    }

    /// Detail and facts in one text, for one-line renderers.
    #[must_use]
    pub fn message(&self) -> String {
        let mut text = self.detail.clone();
        for (name, value) in &self.facts {
            if !text.is_empty() {
                text.push_str("; ");
            }
            text.push_str(name);
            text.push_str(": ");
            text.push_str(value);
        }
        text
    }
}

/// Sorts by place in the text, drops exact repetitions.
pub fn tidy(diagnostics: &mut Vec<Diagnostic>) {
    diagnostics.sort_by_key(|d| (d.span(), std::cmp::Reverse(d.kind.severity)));
    diagnostics.dedup();
}

/// The names closest to `wrong`, at most three, within an edit distance of 2.
#[must_use]
pub fn did_you_mean<'a>(wrong: &str, names: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
    let mut close: Vec<(usize, &str)> =
        names.into_iter().filter_map(|name| distance(wrong, name, 2).map(|d| (d, name))).collect();
    close.sort();
    close.dedup();
    close.into_iter().take(3).map(|(_, name)| name).collect()
}

/// Help text for a wrong name: the close ones, or the catalogue's own words.
#[must_use]
pub fn suggestion<'a>(wrong: &str, names: impl IntoIterator<Item = &'a str>) -> Option<String> {
    let close = did_you_mean(wrong, names);
    if close.is_empty() { None } else { Some(format!("Did you mean `{}`?", close.join("`, `"))) }
}

fn distance(a: &str, b: &str, limit: usize) -> Option<usize> {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    if a.len().abs_diff(b.len()) > limit || a == b {
        return None;
    }
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut next = vec![i + 1];
        for (j, y) in b.iter().enumerate() {
            let change = row.get(j).copied().unwrap_or(limit) + usize::from(x != y);
            let insert = next.last().copied().unwrap_or(limit) + 1;
            let delete = row.get(j + 1).copied().unwrap_or(limit) + 1;
            next.push(change.min(insert).min(delete));
        }
        row = next;
    }
    row.last().copied().filter(|d| *d <= limit && *d < a.len().max(b.len()))
}

/// Declares catalogue entries, and `ALL`, the list of them.
///
/// ```
/// terrane_core::diagnostics! {
///     CIDR_OVERLAP: error "cidr-overlap" => "Address ranges overlap";
///         help: "Choose ranges that share no address";
/// }
/// assert_eq!(ALL.len(), 1);
/// ```
#[macro_export]
macro_rules! diagnostics {
    ($($name:ident : $severity:ident $id:literal => $summary:literal; help: $help:literal;)*) => {
        $(
            #[doc = concat!("`", $id, "`: ", $summary, ".")]
            pub static $name: $crate::DiagnosticKind = $crate::DiagnosticKind {
                id: $id,
                severity: $crate::diagnostics!(@severity $severity),
                summary: $summary,
                help: $help,
            };
        )*
        /// Every entry declared here.
        pub static ALL: &[&$crate::DiagnosticKind] = &[$(&$name),*];
    };
    (@severity error) => { $crate::Severity::Error };
    (@severity warning) => { $crate::Severity::Warning };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn close_names_are_offered_best_first() {
        assert_eq!(did_you_mean("regoin", ["region", "name", "regions"]), vec!["region"]);
        assert_eq!(did_you_mean("nam", ["name", "names", "game"]), vec!["name", "game", "names"]);
        assert!(did_you_mean("x", ["y"]).is_empty());
    }
}
