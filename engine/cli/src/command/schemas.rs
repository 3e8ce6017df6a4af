//! The hidden `terrane internal-schemas`: everything that documentation and schema files are made from, as one document.

use crate::console;
use crate::exit::{Ended, Outcome};
use crate::render::schema;
use serde_json::{Map, Value as Json, json};
use std::io::Write as _;
use terrane_core::{DiagnosticKind, Schema};

/// JSON Schemas of plan files and their seals, state entries and the event stream.
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
    let mut formats: Json = serde_json::from_str(FORMATS).unwrap_or_default();
    let of_document = state_document(formats.get("state").and_then(|state| state.get("$defs")));
    if let Some(formats) = formats.as_object_mut() {
        formats.insert("state_document".into(), of_document);
    }
    let diagnostics: Vec<Json> = catalogue().into_iter().map(diagnostic).collect();
    json!({ "types": types, "data": data, "providers": providers, "formats": formats, "diagnostics": diagnostics })
}

/// The document of `state pull`: made of the same parts as the entries of a state.
fn state_document(parts: Option<&Json>) -> Json {
    let number = json!({ "type": "integer", "minimum": 0 });
    let list = |of: Json| json!({ "type": "array", "items": of });
    let part = |name: &str| json!({ "$ref": format!("#/$defs/{name}") });
    let object = |properties: Json| {
        let names: Vec<String> = properties.as_object().map(|all| all.keys().cloned().collect()).unwrap_or_default();
        json!({ "type": "object", "properties": properties, "required": names, "additionalProperties": false })
    };
    let text = json!({ "type": "string" });
    let mut applying = object(json!({ "plan": text, "base_serial": number, "done": list(number.clone()),
        "is_finished": { "type": "boolean" } }));
    applying["properties"]["base_notes"] = number.clone();
    let mut remembered = object(json!({ "addr": part("addr"), "fingerprint": text, "first_seen": text }));
    remembered["properties"]["deposed"] = text.clone();
    let provider = object(json!({ "name": part("provider_name"), "configuration": part("value") }));
    let intent = object(json!({ "plan": text, "step": number, "record": part("recorded"), "intent": part("intent") }));
    let mut document = object(json!({
        "format": { "const": terrane_plan::state::FORMAT }, "lineage": text, "serial": number, "applying": applying,
        "outputs": { "type": "object", "additionalProperties": part("recorded_output") },
        "providers": list(provider), "objects": list(part("recorded")), "intents": list(intent),
    }));
    document["properties"]["drift"] = list(remembered);
    let head = [
        ("$schema", json!("https://json-schema.org/draft/2020-12/schema")),
        ("title", json!("A Terrane state as one document")),
        ("description", json!("Format 1. What `terrane state pull` writes and `terrane state push` reads.")),
        ("$defs", parts.cloned().unwrap_or_default()),
    ];
    if let Some(document) = document.as_object_mut() {
        document.extend(head.into_iter().map(|(name, value)| (name.to_owned(), value)));
    }
    document
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
        for name in ["plan", "seal", "state", "state_document", "events", "drift", "sealed"] {
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
