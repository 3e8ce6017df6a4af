//! The hidden `terrane internal-schemas`: everything that documentation and schema files are made from, as one document.

use crate::console;
use crate::exit::{Ended, Outcome};
use crate::render::schema;
use serde_json::{Map, Value as Json, json};
use std::io::Write as _;
use terrane_core::{DiagnosticKind, Schema};

/// JSON Schemas of plan files, state entries and the event stream.
const FORMATS: &str = include_str!("../data/formats.json");

/// Runs it.
///
/// # Errors
/// Those of standard output.
pub fn run() -> Outcome {
    let mut out = console::stdout();
    serde_json::to_writer_pretty(&mut out, &document()).map_err(std::io::Error::from)?;
    writeln!(out)?;
    out.flush()?;
    Ok(Ended::OK)
}

fn document() -> Json {
    let registry = crate::linked::registry();
    let entry = |schema: &std::sync::Arc<Schema>| (schema.type_name.to_string(), schema::whole(schema));
    let types: Map<_, _> = registry.resource_schemas().map(entry).collect();
    let data: Map<_, _> = registry.data_schemas().map(entry).collect();
    let providers: Map<_, _> = registry.providers().map(|provider| entry(&provider.schema())).collect();
    let formats: Json = serde_json::from_str(FORMATS).unwrap_or_default();
    let diagnostics: Vec<Json> = catalogue().into_iter().map(diagnostic).collect();
    json!({ "types": types, "data": data, "providers": providers, "formats": formats, "diagnostics": diagnostics })
}

/// What the other crates of the engine declare.
fn others() -> [&'static [&'static DiagnosticKind]; 4] {
    [terrane_lang::diag::ALL, terrane_lang::syntax::diag::ALL, terrane_plan::diag::ALL, terrane_runtime::diag::ALL]
}

fn diagnostic(kind: &DiagnosticKind) -> Json {
    json!({ "id": kind.id, "severity": kind.severity, "summary": kind.summary, "help": kind.help })
}

/// Every problem of the engine, by id. Where two parts share an id, the first stays.
fn catalogue() -> Vec<&'static DiagnosticKind> {
    let mut all: Vec<_> = others().into_iter().chain([crate::diag::ALL]).flatten().copied().collect();
    all.sort_by_key(|kind| kind.id);
    all.dedup_by_key(|kind| kind.id);
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_document_is_whole() {
        let document = document();
        for name in ["plan", "state", "events"] {
            assert!(document["formats"][name]["$schema"].is_string(), "{name}");
        }
        assert!(document["diagnostics"].as_array().is_some_and(|all| all.len() > 50));
    }

    #[test]
    fn ids_of_this_crate_are_its_own() {
        let taken: Vec<&str> = others().into_iter().flatten().map(|kind| kind.id).collect();
        let doubled: Vec<&str> = crate::diag::ALL.iter().map(|kind| kind.id).filter(|id| taken.contains(id)).collect();
        assert_eq!(doubled, [""; 0]);
    }
}
