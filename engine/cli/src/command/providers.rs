//! `terrane providers` and `terrane providers schema -json`.

use crate::args::{ProvidersArguments, ProvidersCommand};
use crate::console;
use crate::diag;
use crate::exit::{Ended, Outcome};
use crate::render::schema;
use serde_json::{Map, json};
use std::io::Write as _;
use terrane_core::{Place, Schema};
use terrane_provider::Registry;

/// Runs it.
///
/// # Errors
/// Those of standard output.
pub fn run(arguments: &ProvidersArguments) -> Outcome {
    let registry = crate::linked::registry();
    let mut out = console::stdout();
    match &arguments.command {
        Some(ProvidersCommand::Schema(schema)) if !schema.json => {
            return Err(diag::JSON_WANTED.at(Place::Argument(String::from("providers schema"))).into());
        }
        Some(ProvidersCommand::Schema(_)) => {
            serde_json::to_writer(&mut out, &schemas(&registry)).map_err(std::io::Error::from)?;
            writeln!(out)?;
        }
        None => {
            writeln!(out, "Providers of this binary:\n")?;
            for provider in registry.providers() {
                writeln!(out, "{}", provider.name())?;
                let name = provider.name();
                for schema in of_provider(&registry, name) {
                    writeln!(out, "  {} - {}", schema.type_name, schema.doc)?;
                }
            }
        }
    }
    out.flush()?;
    Ok(Ended::OK)
}

fn of_provider<'a>(registry: &'a Registry, provider: &'a str) -> impl Iterator<Item = &'a Schema> {
    let is_its =
        move |schema: &&Schema| registry.provider_of(&schema.type_name).is_some_and(|name| &**name == provider);
    registry.resource_schemas().chain(registry.data_schemas()).map(|schema| &**schema).filter(is_its)
}

fn schemas(registry: &Registry) -> serde_json::Value {
    let mut providers = Map::new();
    for provider in registry.providers() {
        let is_its = |schema: &&std::sync::Arc<Schema>| {
            registry.provider_of(&schema.type_name).is_some_and(|name| &**name == provider.name())
        };
        let entry = |schema: &std::sync::Arc<Schema>| (schema.type_name.to_string(), schema::terraform(schema));
        let resources: Map<_, _> = registry.resource_schemas().filter(is_its).map(entry).collect();
        let data: Map<_, _> = registry.data_schemas().filter(is_its).map(entry).collect();
        providers.insert(provider.name().to_owned(), json!({
            "provider": schema::terraform(&provider.schema()), "resource_schemas": resources, "data_source_schemas": data,
        }));
    }
    json!({ "format_version": "1.0", "provider_schemas": providers })
}
