//! Code Quality of GitLab.
//!
//! # Source
//! GitLab Docs, "Code Quality", "Code Quality report format" (2025): description, check_name, fingerprint, severity,
//! location.path and location.lines.begin are required; paths are relative and do not begin with `./`.

use super::model::{Finding, Report};
use serde_json::{Value as Json, json};
use std::io::{self, Write};
use terrane_core::DriftSeverity;

/// Writes it.
///
/// # Errors
/// Those of `out`.
pub fn write(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    let issues: Vec<Json> = report.counting().map(|finding| issue(report, finding)).collect();
    serde_json::to_writer_pretty(&mut *out, &issues)?;
    writeln!(out)
}

fn issue(report: &Report, finding: &Finding) -> Json {
    let place = report.in_repository(finding.place.as_ref());
    json!({
        "type": "issue",
        "check_name": finding.rule,
        "description": format!("{}: {}. {}", finding.addr, finding.message, finding.help),
        "fingerprint": finding.fingerprint,
        "severity": severity(finding.severity),
        "location": { "path": place.file, "lines": { "begin": place.line } },
    })
}

fn severity(severity: DriftSeverity) -> &'static str {
    match severity {
        DriftSeverity::Low => "minor",
        DriftSeverity::Medium => "major",
        DriftSeverity::High => "critical",
        DriftSeverity::Critical => "blocker",
    }
}
