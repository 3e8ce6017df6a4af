//! One page that opens offline: nothing of it is elsewhere. Filters by severity and type need a few lines of script;
//! without scripts they are not shown, and everything else is.

use super::escape::markup;
use super::model::{Finding, Report};
use std::collections::BTreeSet;
use std::io::{self, Write};
use terrane_core::DriftSeverity;

const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");
/// Nothing may be loaded, whatever stands in the page.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'";

/// Writes it.
///
/// # Errors
/// Those of `out`.
pub fn write(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    let counts = report.counts();
    write!(
        out,
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"{POLICY}\">\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n<meta name=\"color-scheme\" content=\"light dark\">\n\
         <title>Terrane drift</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n<h1>Terrane drift</h1>\n<p>{}</p>\n",
        markup(&report.summary())
    )?;
    write!(out, "<p class=\"counts\">")?;
    for (severity, count) in DriftSeverity::ALL.iter().zip(counts.by_severity).rev() {
        write!(out, "<span class=\"{0}\">{count} {0}</span>", severity.name())?;
    }
    let (objects, at, version) = (report.run.objects.len(), markup(&report.run.at), markup(&report.run.version));
    writeln!(out, "</p>\n<p><small>{objects} objects, {at}, Terrane {version}</small></p>")?;
    filters(report, out)?;
    table("Findings", report.counting(), out)?;
    table("Left alone", report.findings.iter().filter(|finding| !finding.counts()), out)?;
    writeln!(out, "<script>\n{SCRIPT}</script>\n</body>\n</html>")
}

fn filters(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    let types: BTreeSet<&str> = report.findings.iter().map(|finding| finding.type_name.as_str()).collect();
    writeln!(out, "<fieldset id=\"filters\" hidden><legend>Show</legend>")?;
    let severities = DriftSeverity::ALL.iter().rev().map(|severity| ("severity", severity.name()));
    for (group, name) in severities.chain(types.into_iter().map(|name| ("type", name))) {
        let name = markup(name);
        writeln!(out, "<label><input type=\"checkbox\" checked value=\"{group} {name}\"> {name}</label>")?;
    }
    writeln!(out, "</fieldset>")
}

fn table<'r>(name: &str, findings: impl Iterator<Item = &'r Finding>, out: &mut dyn Write) -> io::Result<()> {
    let mut findings = findings.peekable();
    if findings.peek().is_none() {
        return Ok(());
    }
    writeln!(
        out,
        "<h2>{name}</h2>\n<table>\n<thead><tr><th>Severity</th><th>Object</th><th>What</th><th>Recorded</th>\
         <th>Actual</th><th>Place</th><th>First seen</th></tr></thead>\n<tbody>"
    )?;
    findings.try_for_each(|finding| row(finding, out))?;
    writeln!(out, "</tbody>\n</table>")
}

fn row(finding: &Finding, out: &mut dyn Write) -> io::Result<()> {
    let severity = finding.severity.name();
    let place = finding.place.as_ref().map(|place| format!("{}:{}", place.file, place.line)).unwrap_or_default();
    let aside = match (&finding.ignored, &finding.owner) {
        (Some(ignored), _) => format!("Ignored until {}: {}", ignored.until, ignored.reason),
        (None, Some(owner)) => format!("Decided over by {owner}"),
        (None, None) => finding.help.clone(),
    };
    writeln!(
        out,
        "<tr data-severity=\"{severity}\" data-type=\"{}\"><td class=\"{severity}\">{severity}</td>\
         <td><code>{}</code><br><small>{}</small></td><td><code>{}</code><br><small>{}<br>{}</small></td>\
         <td><code>{}</code></td><td><code>{}</code></td><td>{}</td><td>{}</td></tr>",
        markup(&finding.type_name),
        markup(&finding.addr),
        markup(&finding.object),
        markup(finding.what()),
        markup(&finding.message),
        markup(&aside),
        markup(&finding.recorded.text()),
        markup(&finding.actual.text()),
        markup(&place),
        markup(finding.first_seen.as_deref().unwrap_or_default()),
    )
}
