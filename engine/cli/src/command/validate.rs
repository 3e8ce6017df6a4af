//! `terrane validate`: is the configuration right, as far as its text can tell? Reads nothing remote, needs no variables.

use crate::args::JsonArguments;
use crate::console::{self, Console};
use crate::exit::{Ended, Failure, Outcome};
use crate::render::diagnostic;
use crate::voice::write_problems;
use serde_json::json;
use std::io::Write as _;
use terrane_core::{Diagnostic, Severity};
use terrane_runtime::Configuration;

/// Runs it.
///
/// # Errors
/// Errors of the configuration, where they are not told as JSON.
pub fn run(arguments: &JsonArguments, console: Console) -> Outcome {
    let configuration = super::folder()?.load(&[]);
    let problems = of_text(&configuration);
    let errors = problems.iter().filter(|problem| problem.is_error()).count();
    let warnings = problems.iter().filter(|problem| problem.kind.severity == Severity::Warning).count();
    let mut out = console::stdout();
    if arguments.json {
        let diagnostics: Vec<_> =
            problems.iter().map(|problem| diagnostic::json(problem, &configuration.sources)).collect();
        let document = json!({
            "format_version": "1.0", "valid": errors == 0, "error_count": errors, "warning_count": warnings,
            "diagnostics": diagnostics,
        });
        serde_json::to_writer_pretty(&mut out, &document).map_err(std::io::Error::from)?;
        writeln!(out)?;
        out.flush()?;
        return Ok(if errors == 0 { Ended::OK } else { Ended { code: 1, reason: "invalid" } });
    }
    if errors > 0 {
        return Err(Failure::new(problems).with_sources(configuration.sources));
    }
    write_problems(console, &problems, &configuration.sources)?;
    let validity = if warnings == 0 { "." } else { ", but there were some warnings, as shown above." };
    writeln!(out, "Success! The configuration is valid{validity}")?;
    out.flush()?;
    Ok(Ended::OK)
}

/// The problems of the configuration itself, without those of values given for variables.
pub fn of_text(configuration: &Configuration) -> Vec<Diagnostic> {
    const OF_VALUES: &[&str] =
        &["no-value-for-variable", "undeclared-variable", "undeclared-in-file", "wrong-variables-file"];
    let is_of_text = |problem: &&Diagnostic| !OF_VALUES.contains(&problem.kind.id);
    configuration.problems.iter().filter(is_of_text).cloned().collect()
}
