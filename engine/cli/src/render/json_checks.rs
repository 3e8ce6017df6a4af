//! `checks` of a plan's JSON: conditions, by the block that they stand in and by its instances.
//!
//! # Source
//! Terraform, "JSON Output Format", checks representation (2024).

use serde_json::{Value as Json, json};
use std::collections::BTreeMap;
use terrane_core::{Mode, ModulePath, Text};
use terrane_lang::conditions::message;
use terrane_plan::condition::{Condition, ConditionOf, Status};

/// `checks`, in the order of addresses.
pub fn checks(conditions: &[Condition]) -> Vec<Json> {
    let mut blocks: BTreeMap<String, (Json, BTreeMap<String, Instance<'_>>)> = BTreeMap::new();
    for condition in conditions {
        let address = block(&condition.of);
        let shown = address.get("to_display").and_then(Json::as_str).unwrap_or_default().to_owned();
        let (_, instances) = blocks.entry(shown).or_insert_with(|| (address, BTreeMap::new()));
        let instance = instances.entry(condition.of.to_string()).or_default();
        instance.of.get_or_insert(&condition.of);
        instance.conditions.push(condition);
    }
    let entry = |(address, instances): (Json, BTreeMap<String, Instance<'_>>)| {
        let status = worst(instances.values().flat_map(|instance| instance.conditions.iter().copied()));
        let instances: Vec<Json> = instances.iter().map(|(shown, instance)| instance.json(shown)).collect();
        json!({ "address": address, "status": status, "instances": instances })
    };
    blocks.into_values().map(entry).collect()
}

#[derive(Default)]
struct Instance<'c> {
    of: Option<&'c ConditionOf>,
    conditions: Vec<&'c Condition>,
}

impl Instance<'_> {
    fn json(&self, shown: &str) -> Json {
        let mut address = json!({ "to_display": shown });
        let key = self.of.and_then(ConditionOf::addr).and_then(|addr| addr.key.as_ref());
        let key = key.map(|key| match key {
            terrane_core::InstanceKey::Index(at) => json!(at),
            terrane_core::InstanceKey::Name(name) => json!(name),
        });
        put(&mut address, "instance_key", key);
        let module = self.of.map(module).filter(|module| !module.is_empty());
        put(&mut address, "module", module.map(|module| json!(module)));
        let failed = self.conditions.iter().filter(|condition| condition.status == Status::Fail);
        let problems: Vec<Json> = failed.map(|condition| json!({ "message": message(&condition.message) })).collect();
        let mut entry = json!({ "address": address, "status": worst(self.conditions.iter().copied()) });
        put(&mut entry, "problems", (!problems.is_empty()).then(|| json!(problems)));
        entry
    }
}

fn module(of: &ConditionOf) -> String {
    match of {
        ConditionOf::Precondition { addr } | ConditionOf::Postcondition { addr } => addr.resource.module.to_string(),
        ConditionOf::Variable { module, .. }
        | ConditionOf::Output { module, .. }
        | ConditionOf::Check { module, .. } => module.to_string(),
    }
}

/// The address of the block, without keys.
fn block(of: &ConditionOf) -> Json {
    let module = static_module(&module(of));
    let (mut address, shown) = match of {
        ConditionOf::Precondition { addr } | ConditionOf::Postcondition { addr } => {
            let resource = &addr.resource;
            let (mode, prefix) = match resource.mode {
                Mode::Managed => ("managed", ""),
                Mode::Data => ("data", "data."),
            };
            let shown = format!("{prefix}{}.{}", resource.type_name, resource.name);
            (json!({ "kind": "resource", "mode": mode, "type": resource.type_name, "name": resource.name }), shown)
        }
        ConditionOf::Variable { name, .. } => named("var", "var", name),
        ConditionOf::Output { name, .. } => named("output_value", "output", name),
        ConditionOf::Check { name, .. } => named("check", "check", name),
    };
    let shown = if module.is_empty() { shown } else { format!("{module}.{shown}") };
    put(&mut address, "module", (!module.is_empty()).then(|| json!(module)));
    put(&mut address, "to_display", Some(json!(shown)));
    address
}

fn named(kind: &str, word: &str, name: &Text) -> (Json, String) {
    (json!({ "kind": kind, "name": name }), format!("{word}.{name}"))
}

/// The path of a module instance without the keys.
fn static_module(path: &str) -> String {
    let pattern: Option<terrane_core::AddrPattern> = path.parse().ok();
    let Some(terrane_core::AddrPattern::Module(path)) = pattern else { return String::new() };
    let names = path.steps().iter();
    names.fold(ModulePath::root(), |outer, step| outer.child(step.name.clone(), None)).to_string()
}

/// The status of many: an error before a failure before what is not known.
fn worst<'c>(conditions: impl Iterator<Item = &'c Condition>) -> Status {
    conditions.map(|condition| condition.status).max().unwrap_or(Status::Pass)
}

fn put(object: &mut Json, key: &str, value: Option<Json>) {
    if let (Some(object), Some(value)) = (object.as_object_mut(), value) {
        object.insert(key.to_owned(), value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use terrane_core::{InstanceAddr, Value};

    fn condition(of: ConditionOf, status: Status, message: Value) -> Condition {
        Condition { of, status, condition: Value::NULL, message, folder: ".".into(), origin: None }
    }

    #[test]
    fn conditions_are_gathered_by_block_and_instance() {
        let addr = |text: &str| -> InstanceAddr { text.parse().unwrap() };
        let pre = |text: &str| ConditionOf::Precondition { addr: addr(text) };
        let of = [
            condition(pre("module.m[\"k\"].terrane_data.a[0]"), Status::Pass, Value::NULL),
            condition(pre("module.m[\"k\"].terrane_data.a[1]"), Status::Fail, Value::string("no")),
            condition(ConditionOf::Check { module: "".into(), name: "c".into() }, Status::Unknown, Value::NULL),
        ];
        let found = json!(checks(&of));
        assert_eq!(found[0]["address"]["to_display"], "check.c");
        assert_eq!(found[0]["status"], "unknown");
        assert_eq!(
            found[1]["address"],
            json!({"kind": "resource", "mode": "managed", "type": "terrane_data", "name": "a",
            "module": "module.m", "to_display": "module.m.terrane_data.a"})
        );
        assert_eq!(found[1]["status"], "fail");
        assert_eq!(found[1]["instances"][1]["problems"], json!([{ "message": "no" }]));
        assert_eq!(found[1]["instances"][0]["address"]["instance_key"], 0);
        assert_eq!(found[1]["instances"][0].get("problems"), None);
    }
}
