//! `terrane version`.

use crate::args::JsonArguments;
use crate::console;
use crate::exit::{Ended, Outcome};
use serde_json::json;
use std::io::Write as _;

/// Runs it.
///
/// # Errors
/// Those of standard output.
pub fn run(arguments: &JsonArguments) -> Outcome {
    let version = env!("CARGO_PKG_VERSION");
    let platform = format!("{}_{}", std::env::consts::OS, std::env::consts::ARCH);
    let registry = crate::linked::registry();
    let providers: serde_json::Map<_, _> =
        registry.providers().map(|provider| (provider.name().to_owned(), json!(version))).collect();
    let mut out = console::stdout();
    if arguments.json {
        let document = json!({
            "terraform_version": version, "terrane_version": version, "platform": platform,
            "provider_selections": providers, "terraform_outdated": false,
        });
        serde_json::to_writer_pretty(&mut out, &document).map_err(std::io::Error::from)?;
        writeln!(out)?;
    } else {
        writeln!(out, "Terrane v{version}\non {platform}")?;
        for name in providers.keys() {
            writeln!(out, "+ provider {name} v{version}")?;
        }
    }
    out.flush()?;
    Ok(Ended::OK)
}
