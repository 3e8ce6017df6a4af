//! The report for people at a terminal.

use super::model::{Finding, Report, Shown};
use crate::console::{Hue, Paint};
use crate::render::plan::value::{Lines, Mark, Silent};
use std::io::{self, Write};
use terrane_core::{DriftSeverity, Path};
use terrane_plan::drift::FindingKind;

/// Writes it.
///
/// # Errors
/// Those of `out`.
pub fn write(report: &Report, paint: Paint, out: &mut dyn Write) -> io::Result<()> {
    let mut by_object = objects(report.counting());
    // By address, as plans are: the severity stands at each line.
    by_object.sort_by(|a, b| a.first().map(|f| &f.addr).cmp(&b.first().map(|f| &f.addr)));
    if !by_object.is_empty() {
        writeln!(out, "{}\n", paint.text(Hue::Bold, "Note: Objects have changed outside of Terrane"))?;
    }
    by_object.iter().try_for_each(|findings| object(findings, paint, out))?;
    rest(report, paint, out)?;
    writeln!(out, "{}", report.summary())
}

/// Findings by object, each in the order of the report.
fn objects<'r>(findings: impl Iterator<Item = &'r Finding>) -> Vec<Vec<&'r Finding>> {
    let mut places = std::collections::BTreeMap::new();
    let mut objects: Vec<Vec<&Finding>> = Vec::new();
    for finding in findings {
        let at = *places.entry(&finding.addr).or_insert_with(|| {
            objects.push(Vec::new());
            objects.len() - 1
        });
        if let Some(of_object) = objects.get_mut(at) {
            of_object.push(finding);
        }
    }
    objects
}

fn object(findings: &[&Finding], paint: Paint, out: &mut dyn Write) -> io::Result<()> {
    let Some(first) = findings.first() else { return Ok(()) };
    let fate = match first.kind {
        FindingKind::Gone => "has been deleted",
        FindingKind::Unreadable => "cannot be read",
        FindingKind::Changed | FindingKind::NotOurs => "has changed",
    };
    writeln!(out, "  {}", paint.text(Hue::Bold, &format!("# {} {fate}", first.addr)))?;
    if first.path.is_empty() {
        writeln!(out, "  # ({})", first.object)?;
        return writeln!(out, "  {}\n", paint.text(Hue::Dim, &format!("# {}", remark(first))));
    }
    let mut lines = Lines::new(paint, &Silent);
    lines.begin(2, Mark::Change);
    lines.text.push_str(&format!("{} {{\n", first.type_name));
    let width = findings.iter().map(|finding| finding.path.chars().count()).max().unwrap_or(0);
    for finding in findings {
        lines.text.push_str(&paint.text(Hue::Dim, &format!("      # {}\n", remark(finding))));
        lines.begin(6, Mark::Change);
        lines.text.push_str(&finding.path);
        lines.blank(width - finding.path.chars().count());
        lines.text.push_str(" = ");
        match (&finding.recorded, &finding.actual) {
            (Shown::Open(before), Shown::Open(after)) => lines.change(before, after, 6, &Path::default()),
            _ => lines.text.push_str("(sensitive value)"),
        }
        lines.text.push('\n');
    }
    lines.text.push_str("    }\n");
    writeln!(out, "{}", lines.text)
}

/// Severity, place, first seen.
fn remark(finding: &Finding) -> String {
    let mut parts = vec![finding.severity.name().to_owned()];
    if let Some(place) = &finding.place {
        parts.push(format!("{}:{}", place.file, place.line));
    }
    if let Some(at) = &finding.first_seen {
        parts.push(format!("first seen {at}"));
    }
    if finding.severity >= DriftSeverity::High && finding.kind == FindingKind::Gone {
        parts.push(finding.help.clone());
    }
    parts.join(", ")
}

/// What does not count, in a line each.
fn rest(report: &Report, paint: Paint, out: &mut dyn Write) -> io::Result<()> {
    let rest: Vec<&Finding> = report.findings.iter().filter(|finding| !finding.counts()).collect();
    for finding in &rest {
        let why = match (&finding.ignored, &finding.owner) {
            (Some(ignored), _) => format!("ignored until {}: {}", ignored.until, ignored.reason),
            (None, owner) => format!("decided over by {}", owner.as_deref().unwrap_or("others")),
        };
        let line = format!("  # {} {}: {why}", finding.addr, finding.what());
        writeln!(out, "{}", paint.text(Hue::Dim, &line))?;
    }
    if rest.is_empty() { Ok(()) } else { writeln!(out) }
}
