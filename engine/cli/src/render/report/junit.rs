//! JUnit XML, as Jenkins and its like read it: one suite a module, one case an object.
//!
//! # Source
//! Jenkins, xunit-plugin, "junit-10.xsd" (2023).

use super::escape::markup;
use super::model::{Finding, Object, Report};
use std::collections::BTreeMap;
use std::io::{self, Write};
use terrane_plan::drift::FindingKind;

/// What an object came to.
struct Case<'r> {
    object: &'r Object,
    findings: Vec<&'r Finding>,
}

impl Case<'_> {
    fn has(&self, kind: FindingKind) -> bool {
        self.findings.iter().any(|finding| finding.counts() && finding.kind == kind)
    }

    fn is_error(&self) -> bool {
        self.has(FindingKind::Unreadable)
    }

    fn is_failure(&self) -> bool {
        self.has(FindingKind::Gone) || self.has(FindingKind::Changed)
    }

    fn is_skipped(&self) -> bool {
        let is_ignored = self.findings.iter().any(|finding| finding.ignored.is_some());
        is_ignored && !self.is_error() && !self.is_failure()
    }
}

/// Writes it.
///
/// # Errors
/// Those of `out`.
pub fn write(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    let mut by_object: BTreeMap<&str, Vec<&Finding>> = BTreeMap::new();
    for finding in &report.findings {
        by_object.entry(&finding.addr).or_default().push(finding);
    }
    let mut suites: BTreeMap<&str, Vec<Case<'_>>> = BTreeMap::new();
    for object in &report.run.objects {
        let findings = by_object.remove(object.addr.as_str()).unwrap_or_default();
        suites.entry(&object.module).or_default().push(Case { object, findings });
    }
    let all = || suites.values().flatten();
    writeln!(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>")?;
    let (tests, failures) = (all().count(), all().filter(|case| case.is_failure()).count());
    let errors = all().filter(|case| case.is_error()).count();
    writeln!(
        out,
        "<testsuites name=\"terrane drift\" tests=\"{tests}\" failures=\"{failures}\" errors=\"{errors}\" time=\"0\">"
    )?;
    for (module, cases) in &suites {
        suite(module, cases, &report.run.at, out)?;
    }
    writeln!(out, "</testsuites>")
}

fn suite(module: &str, cases: &[Case<'_>], at: &str, out: &mut dyn Write) -> io::Result<()> {
    let count = |is: &dyn Fn(&Case<'_>) -> bool| cases.iter().filter(|case| is(case)).count();
    writeln!(
        out,
        "  <testsuite name=\"{}\" tests=\"{}\" failures=\"{}\" errors=\"{}\" skipped=\"{}\" time=\"0\" timestamp=\"{}\">",
        markup(module),
        cases.len(),
        count(&|case| case.is_failure()),
        count(&|case| case.is_error()),
        count(&|case| case.is_skipped()),
        markup(at.trim_end_matches('Z')),
    )?;
    cases.iter().try_for_each(|of_object| case(of_object, out))?;
    writeln!(out, "  </testsuite>")
}

fn case(case: &Case<'_>, out: &mut dyn Write) -> io::Result<()> {
    let Object { addr, type_name, .. } = case.object;
    write!(out, "    <testcase name=\"{}\" classname=\"{}\" time=\"0\"", markup(addr), markup(type_name))?;
    let of = |is: &dyn Fn(&Finding) -> bool| -> Vec<&Finding> {
        case.findings.iter().copied().filter(|finding| is(finding)).collect()
    };
    let parts = [
        ("error", of(&|finding| finding.counts() && finding.kind == FindingKind::Unreadable)),
        ("failure", of(&|finding| finding.counts() && finding.kind != FindingKind::Unreadable)),
        ("skipped", if case.is_skipped() { of(&|finding| finding.ignored.is_some()) } else { Vec::new() }),
    ];
    if parts.iter().all(|(_, findings)| findings.is_empty()) {
        return writeln!(out, "/>");
    }
    writeln!(out, ">")?;
    for (name, findings) in &parts {
        let Some(first) = findings.first() else { continue };
        let message = match (&first.ignored, findings.len()) {
            (Some(ignored), _) => format!("ignored until {}: {}", ignored.until, ignored.reason),
            (None, 1) => first.message.clone(),
            (None, count) => format!("{count} findings, the worst is {}: {}", first.severity.name(), first.message),
        };
        write!(out, "      <{name} type=\"{}\" message=\"{}\">", markup(first.severity.name()), markup(&message))?;
        let lines: Vec<String> = findings.iter().map(|finding| line(finding)).collect();
        writeln!(out, "{}</{name}>", lines.join("\n"))?;
    }
    writeln!(out, "    </testcase>")
}

fn line(finding: &Finding) -> String {
    let place = finding.place.as_ref().map(|place| format!("{}:{}: ", place.file, place.line)).unwrap_or_default();
    let text =
        format!("{place}{} {}. {} [{}]", finding.severity.name(), finding.message, finding.help, finding.fingerprint);
    markup(&text)
}
