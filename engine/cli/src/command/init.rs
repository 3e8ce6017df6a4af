//! `terrane init`: the configuration can be read, its providers are there. Nothing is downloaded: providers are part of
//! the binary.

use crate::args::InitArguments;
use crate::console::{self, Console};
use crate::exit::{Ended, Failure, Outcome};
use crate::voice::write_problems;
use serde_json::json;
use std::io::Write as _;
use terrane_core::Diagnostic;

/// Runs it.
///
/// # Errors
/// Errors of the configuration.
pub fn run(arguments: &InitArguments, console: Console) -> Outcome {
    let workspace = super::workspace()?;
    let configuration = workspace.load(&[]);
    // Values of variables are no matter yet.
    let problems = super::validate::of_text(&configuration);
    if problems.iter().any(Diagnostic::is_error) {
        return Err(Failure::new(problems).with_sources(configuration.sources));
    }
    write_problems(console, &problems, &configuration.sources)?;
    let mut out = console::stdout();
    let version = env!("CARGO_PKG_VERSION");
    let names: Vec<&str> = workspace.registry().providers().map(|provider| provider.name()).collect();
    if arguments.json {
        let line = json!({ "type": "init_output", "@level": "info", "@message": "Terrane is initialized",
            "@module": "terrane.ui", "@timestamp": crate::render::events::now(), "providers": names, "terrane": version });
        writeln!(out, "{line}")?;
    } else {
        writeln!(out, "Providers of this binary: {} (version {version})\n", names.join(", "))?;
        writeln!(out, "Terrane has been successfully initialized!")?;
    }
    out.flush()?;
    Ok(Ended::OK)
}
