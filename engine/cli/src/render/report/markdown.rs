//! The report for a comment or the summary of a job: below the limit of a comment however many findings there are, the
//! worst first, the counts always exact.
//!
//! # Source
//! GitHub's API refuses a comment of more than 65,536 characters ("body is too long", REST API, "Issue comments", 2025).

use super::escape::{markdown, shortened};
use super::model::{Finding, Report};
use std::io::{self, Write};
use terrane_core::DriftSeverity;

/// Bytes at most; what the limit counts are characters, of which there are never more.
const MOST: usize = 65_000;
/// Characters of one cell.
const CELL: usize = 300;
/// Kept for the last line.
const ENDING: usize = 200;

/// Writes it.
///
/// # Errors
/// Those of `out`.
pub fn write(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    let mut text = heading(report);
    table(&mut text, report.counting(), "Findings", &row);
    table(&mut text, report.findings.iter().filter(|finding| !finding.counts()), "Left alone", &left_alone);
    out.write_all(text.as_bytes())
}

fn heading(report: &Report) -> String {
    let counts = report.counts();
    let mut text = format!("## Terrane drift\n\n{}\n", markdown(&report.summary()));
    if counts.total() > 0 {
        text.push_str("\n| critical | high | medium | low |\n|---|---|---|---|\n|");
        for count in counts.by_severity.iter().rev() {
            text.push_str(&format!(" {count} |"));
        }
        text.push('\n');
    }
    text.push_str(&format!("\n{} objects, {}\n", report.run.objects.len(), markdown(&report.run.at)));
    text
}

/// As many rows as there is room for, and how many there is none for.
fn table<'r>(
    text: &mut String,
    findings: impl Iterator<Item = &'r Finding>,
    name: &str,
    row: &dyn Fn(&Finding) -> String,
) {
    let rows: Vec<&Finding> = findings.collect();
    if rows.is_empty() {
        return;
    }
    let last = if name == "Findings" { "to do" } else { "why" };
    text.push_str(&format!("\n### {name}\n\n| severity | object | what | place | {last} |\n|---|---|---|---|---|\n"));
    for (at, finding) in rows.iter().enumerate() {
        let line = row(finding);
        if text.len() + line.len() + ENDING > MOST {
            text.push_str(&format!("\n{} more are left out here; the JSON report has all of them.\n", rows.len() - at));
            return;
        }
        text.push_str(&line);
    }
}

fn row(finding: &Finding) -> String {
    let mark = if finding.severity >= DriftSeverity::High { "**" } else { "" };
    cells(finding, mark, &finding.message, &finding.help)
}

fn left_alone(finding: &Finding) -> String {
    let why = match (&finding.ignored, &finding.owner) {
        (Some(ignored), _) => format!("until {}: {}", ignored.until, ignored.reason),
        (None, owner) => format!("decided over by {}", owner.as_deref().unwrap_or("others")),
    };
    cells(finding, "", &finding.message, &why)
}

fn cells(finding: &Finding, mark: &str, what: &str, last: &str) -> String {
    let cell = |text: &str| markdown(&shortened(text, CELL));
    let place = finding.place.as_ref().map(|place| format!("{}:{}", place.file, place.line)).unwrap_or_default();
    format!(
        "| {mark}{}{mark} | {} | {} | {} | {} |\n",
        finding.severity.name(),
        cell(&finding.addr),
        cell(what),
        cell(&place),
        cell(last)
    )
}
