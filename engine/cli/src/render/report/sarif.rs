//! SARIF 2.1.0, for code scanning.
//!
//! # Source
//! OASIS, "Static Analysis Results Interchange Format (SARIF) Version 2.1.0" (2020): 3.27 result, 3.27.17
//! partialFingerprints, 3.35 suppression, 3.48 resultProvenance, 3.49 reportingDescriptor.

use super::model::{Finding, Place, Report};
use serde_json::{Value as Json, json};
use std::collections::BTreeMap;
use std::io::{self, Write};
use terrane_core::DriftSeverity;
use terrane_plan::drift::FindingKind;

const SCHEMA: &str = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json";
/// Name of our fingerprint; the number changes with how it is made.
const FINGERPRINT: &str = "terraneDrift/v1";

/// Writes it.
///
/// # Errors
/// Those of `out`.
pub fn write(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    let told: Vec<&Finding> = report.findings.iter().filter(|finding| finding.kind != FindingKind::NotOurs).collect();
    let mut rules: BTreeMap<&str, &Finding> = BTreeMap::new();
    for finding in &told {
        rules.entry(&finding.rule).or_insert(finding);
    }
    let numbers: BTreeMap<&str, usize> = rules.keys().enumerate().map(|(number, rule)| (*rule, number)).collect();
    let is_whole = !told.iter().any(|finding| finding.kind == FindingKind::Unreadable);
    let log = json!({
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": "Terrane",
                "semanticVersion": report.run.version,
                "rules": rules.values().map(|finding| rule(finding)).collect::<Vec<_>>(),
            }},
            "automationDetails": { "id": "terrane-drift/" },
            "invocations": [{ "executionSuccessful": is_whole, "endTimeUtc": report.run.at }],
            "results": told.iter().map(|finding| result(report, finding, &numbers)).collect::<Vec<_>>(),
        }],
    });
    serde_json::to_writer_pretty(&mut *out, &log)?;
    writeln!(out)
}

fn level(severity: DriftSeverity) -> &'static str {
    match severity {
        DriftSeverity::Critical | DriftSeverity::High => "error",
        DriftSeverity::Medium => "warning",
        DriftSeverity::Low => "note",
    }
}

fn rule(finding: &Finding) -> Json {
    let short = match finding.kind {
        FindingKind::Gone => format!("{} is gone", finding.type_name),
        FindingKind::Unreadable => format!("{} cannot be read", finding.type_name),
        FindingKind::Changed | FindingKind::NotOurs => format!("{} was changed outside of Terrane", finding.rule),
    };
    let full = if finding.doc.is_empty() { &short } else { &finding.doc };
    json!({
        "id": finding.rule,
        "shortDescription": { "text": short },
        "fullDescription": { "text": full },
        "help": { "text": "Revert what is not wanted with `terrane drift revert`, accept what is with `terrane drift accept`" },
        "defaultConfiguration": { "level": level(finding.severity) },
        "properties": { "severity": finding.severity.name() },
    })
}

fn result(report: &Report, finding: &Finding, numbers: &BTreeMap<&str, usize>) -> Json {
    let suppressions: Vec<Json> = finding
        .ignored
        .iter()
        .map(|ignored| {
            let place = report.in_repository(ignored.place.as_ref());
            json!({
                "kind": "inSource",
                "status": "accepted",
                "justification": format!("{} (until {})", ignored.reason, ignored.until),
                "location": { "physicalLocation": physical(&place) },
            })
        })
        .collect();
    let mut result = json!({
        "ruleId": finding.rule,
        "ruleIndex": numbers.get(finding.rule.as_str()),
        "level": level(finding.severity),
        "message": { "text": format!("{}: {}. {}", finding.addr, finding.message, finding.help) },
        "locations": [{
            "physicalLocation": physical(&report.in_repository(finding.place.as_ref())),
            "logicalLocations": [{ "fullyQualifiedName": finding.addr, "kind": "resource" }],
        }],
        "partialFingerprints": { FINGERPRINT: finding.fingerprint },
        "suppressions": suppressions,
        "properties": {
            "severity": finding.severity.name(), "kind": finding.kind.name(), "object": finding.object,
            "path": finding.path, "recorded": finding.recorded.json(), "actual": finding.actual.json(),
        },
    });
    if let (Some(at), Some(result)) = (&finding.first_seen, result.as_object_mut()) {
        result.insert(String::from("provenance"), json!({ "firstDetectionTimeUtc": at }));
    }
    result
}

fn physical(place: &Place) -> Json {
    json!({
        "artifactLocation": { "uri": uri(&place.file), "uriBaseId": "%SRCROOT%" },
        "region": { "startLine": place.line },
    })
}

/// A relative path as a reference of RFC 3986.
fn uri(path: &str) -> String {
    let mut out = String::with_capacity(path.len());
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}
