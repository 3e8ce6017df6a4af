//! Reports of drift: one model, one file for each form.
//!
//! Every form shows the findings in the order of the model, so that the same findings give the same bytes.

mod escape;
mod github;
mod gitlab;
mod html;
mod json;
mod junit;
mod markdown;
pub mod model;
mod sarif;
#[cfg(test)]
mod tests;
mod text;

pub use json::{counts, finding};
pub use model::Report;

use crate::console::Paint;
use std::io::{self, Write};

/// A form of a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// For people at a terminal.
    Text,
    /// Ours, with a schema.
    Json,
    /// For a comment or a job's summary.
    Markdown,
    /// For code scanning.
    Sarif,
    /// For test results.
    Junit,
    /// Annotations of GitHub Actions.
    Github,
    /// Code Quality of GitLab.
    Gitlab,
    /// One page that opens offline.
    Html,
}

impl Format {
    /// Every form.
    pub const ALL: [Self; 8] =
        [Self::Text, Self::Json, Self::Markdown, Self::Sarif, Self::Junit, Self::Github, Self::Gitlab, Self::Html];

    /// Its name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Json => "json",
            Self::Markdown => "markdown",
            Self::Sarif => "sarif",
            Self::Junit => "junit",
            Self::Github => "github",
            Self::Gitlab => "gitlab",
            Self::Html => "html",
        }
    }

    /// The form of that name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|format| format.name() == name)
    }
}

/// Writes a report.
///
/// # Errors
/// Those of `out`.
pub fn write(format: Format, report: &Report, paint: Paint, out: &mut dyn Write) -> io::Result<()> {
    match format {
        Format::Text => text::write(report, paint, out),
        Format::Json => json::write(report, out),
        Format::Markdown => markdown::write(report, out),
        Format::Sarif => sarif::write(report, out),
        Format::Junit => junit::write(report, out),
        Format::Github => github::write(report, out),
        Format::Gitlab => gitlab::write(report, out),
        Format::Html => html::write(report, out),
    }
}
