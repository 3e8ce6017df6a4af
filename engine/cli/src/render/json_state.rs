//! The state as JSON in Terraform's form 1.0, without secrets: `show -json`.
//!
//! # Source
//! Terraform, "JSON Output Format", state representation (2024).

use super::json_plan::{ModuleTree, index, mode};
use super::json_value::{Plain, SensitiveShadow, type_json};
use serde::Serialize;
use serde::ser::{SerializeMap as _, Serializer};
use serde_json::json;
use terrane_core::Value;
use terrane_plan::state::{Recorded, RecordedOutput, State};
use terrane_provider::Registry;

/// Version of the form.
pub const FORMAT_VERSION: &str = "1.0";

/// A state to be written.
pub struct JsonState<'a> {
    /// The state.
    pub state: &'a State,
    /// The providers of its types.
    pub registry: &'a Registry,
}

impl Serialize for JsonState<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("format_version", FORMAT_VERSION)?;
        if self.state.is_new() {
            return map.end();
        }
        let version = env!("CARGO_PKG_VERSION");
        map.serialize_entry("terraform_version", version)?;
        map.serialize_entry("terrane_version", version)?;
        map.serialize_entry("lineage", &self.state.lineage)?;
        map.serialize_entry("serial", &self.state.serial)?;
        map.serialize_entry("values", &Values(self))?;
        map.end()
    }
}

/// Outputs, and objects by module.
struct Values<'a, 's>(&'s JsonState<'a>);

impl Serialize for Values<'_, '_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let records: Vec<&Recorded> = self.0.state.objects.values().map(|record| &**record).collect();
        let tree = ModuleTree::new(records.iter().enumerate().map(|(at, record)| (at, &record.addr.resource.module)));
        let entry = |at: usize| records.get(at).map(|record| record_json(record, self.0.registry));
        let mut map = serializer.serialize_map(Some(2))?;
        map.serialize_entry("outputs", &outputs_json(self.0.state))?;
        map.serialize_entry("root_module", &tree.with(&entry))?;
        map.end()
    }
}

/// Outputs by name, with type and sensitivity; sensitive ones without a value.
pub fn outputs_json(state: &State) -> serde_json::Value {
    state
        .outputs
        .iter()
        .map(|(name, output)| (name.to_string(), output_json(output)))
        .collect::<serde_json::Map<_, _>>()
        .into()
}

/// One output.
pub fn output_json(output: &RecordedOutput) -> serde_json::Value {
    let ty = type_json(&output.value.type_of());
    if output.is_sensitive {
        return json!({ "sensitive": true, "type": ty, "value": null });
    }
    json!({ "sensitive": false, "type": ty, "value": Plain(&output.value) })
}

/// What was seen of an object, without its secret leaves.
pub fn hide_secrets(record: &Recorded) -> Value {
    record
        .secrets
        .iter()
        .fold(record.seen.clone(), |seen, secret| seen.with_at(&secret.path.0, Value::NULL.sensitive()))
}

fn record_json(record: &Recorded, registry: &Registry) -> serde_json::Value {
    let addr = &record.addr;
    let hidden = hide_secrets(record);
    let mut entry = json!({
        "address": addr,
        "mode": mode(addr),
        "type": addr.resource.type_name,
        "name": addr.resource.name,
        "provider_name": registry.provider_of(&addr.resource.type_name),
        "schema_version": record.schema_version,
        "id": record.id.to_string(),
        "values": Plain(&hidden),
        "sensitive_values": SensitiveShadow(&hidden),
        "depends_on": record.dependencies,
    });
    if let Some(entry) = entry.as_object_mut() {
        if let Some(key) = &addr.key {
            entry.insert("index".into(), index(key));
        }
        if let Some(deposed) = &record.deposed {
            entry.insert("deposed_key".into(), json!(deposed));
        }
        if record.tainted {
            entry.insert("tainted".into(), json!(true));
        }
        if let Some(partial) = &record.partial {
            entry.insert("partial".into(), json!(partial));
        }
    }
    entry
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_state_is_a_version_alone() {
        let json =
            serde_json::to_string(&JsonState { state: &State::default(), registry: &Registry::default() }).unwrap();
        assert_eq!(json, r#"{"format_version":"1.0"}"#);
    }
}
