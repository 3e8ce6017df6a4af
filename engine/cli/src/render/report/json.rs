//! Our own form, whole: schemas/drift.json.

use super::model::{Finding, Place, Report};
use serde_json::{Value as Json, json};
use std::io::{self, Write};
use terrane_core::DriftSeverity;

/// Version of the form.
const FORMAT: u32 = 1;

/// Writes it.
///
/// # Errors
/// Those of `out`.
pub fn write(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    let whole = json!({
        "format": FORMAT,
        "terrane_version": report.run.version,
        "at": report.run.at,
        "objects": report.run.objects.len(),
        "counts": counts(report),
        "findings": report.findings.iter().map(finding).collect::<Vec<_>>(),
    });
    serde_json::to_writer_pretty(&mut *out, &whole)?;
    writeln!(out)
}

/// How many there are of which kind and severity.
pub fn counts(report: &Report) -> Json {
    let counts = report.counts();
    let by_severity = DriftSeverity::ALL.iter().zip(counts.by_severity);
    let by_severity: serde_json::Map<_, _> =
        by_severity.map(|(severity, count)| (severity.name().to_owned(), json!(count))).collect();
    json!({
        "changed": counts.changed, "gone": counts.gone, "unreadable": counts.unreadable,
        "ignored": counts.ignored, "not_ours": counts.not_ours, "by_severity": by_severity,
    })
}

/// A finding.
pub fn finding(finding: &Finding) -> Json {
    let is_leaf = !finding.path.is_empty();
    let ignored = finding.ignored.as_ref().map(|ignored| {
        json!({ "reason": ignored.reason, "until": ignored.until, "place": ignored.place.as_ref().map(place) })
    });
    json!({
        "addr": finding.addr,
        "object": finding.object,
        "type": finding.type_name,
        "kind": finding.kind.name(),
        "path": is_leaf.then_some(&finding.path),
        "rule": finding.rule,
        "recorded": finding.recorded.json(),
        "actual": finding.actual.json(),
        "is_secret": finding.recorded == super::model::Shown::Secret || finding.actual == super::model::Shown::Secret,
        "place": finding.place.as_ref().map(place),
        "severity": finding.severity.name(),
        "fingerprint": finding.fingerprint,
        "first_seen": finding.first_seen,
        "owner": finding.owner,
        "message": finding.message,
        "help": finding.help,
        "problem": finding.problem,
        "ignored": ignored,
    })
}

fn place(place: &Place) -> Json {
    json!({ "file": place.file, "line": place.line })
}
