//! Workflow commands of GitHub Actions: annotations at the lines of the configuration.
//!
//! # Source
//! GitHub Docs, "Workflow commands for GitHub Actions" (2025): parameters of error, warning and notice, escaping as in
//! actions/toolkit, packages/core/src/command.ts. GitHub shows at most 10 annotations of each type of a step.

use super::model::{Finding, Report};
use std::io::{self, Write};
use terrane_core::DriftSeverity;

/// Annotations of one type that are shown for a step.
const SHOWN: usize = 10;

/// Writes it.
///
/// # Errors
/// Those of `out`.
pub fn write(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    for (command, is_of) in [
        ("error", (|severity| severity >= DriftSeverity::High) as fn(DriftSeverity) -> bool),
        ("warning", |severity| severity == DriftSeverity::Medium),
        ("notice", |severity| severity == DriftSeverity::Low),
    ] {
        let findings: Vec<&Finding> = report.counting().filter(|finding| is_of(finding.severity)).collect();
        // The tenth place is for how many there are beside those that are shown.
        let most = if findings.len() > SHOWN { SHOWN - 1 } else { SHOWN };
        for finding in findings.iter().take(most) {
            annotate(report, command, finding, out)?;
        }
        if findings.len() > most {
            let text = format!("{} more findings of this kind are left out here", findings.len() - most);
            writeln!(out, "::{command} title=Terrane drift::{}", data(&text))?;
        }
    }
    writeln!(out, "{}", data(&report.summary()))
}

fn annotate(report: &Report, command: &str, finding: &Finding, out: &mut dyn Write) -> io::Result<()> {
    let place = report.in_repository(finding.place.as_ref());
    let title = format!("Terrane drift: {} {} ({})", finding.addr, finding.what(), finding.severity.name());
    let text = format!("{}. {}", finding.message, finding.help);
    writeln!(
        out,
        "::{command} file={},line={},title={}::{}",
        property(&place.file),
        place.line,
        property(&title),
        data(&text)
    )
}

/// The text of a command.
fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// A parameter of a command.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}
