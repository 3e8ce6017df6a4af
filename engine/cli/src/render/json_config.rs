//! `configuration` and `relevant_attributes` of a plan's JSON: the blocks that it was made from.
//!
//! # Source
//! Terraform, "JSON Output Format", configuration representation, expression representation (2024).

use super::json_value::{Plain, type_json};
use serde_json::{Map, Value as Json, json};
use std::collections::BTreeSet;
use terrane_core::Text;
use terrane_plan::outline::{
    BodyOutline, CallOutline, ExprOutline, ModuleOutline, Outline, OutputOutline, ProviderOutline, RepetitionOutline,
    ResourceOutline, VariableOutline,
};

/// `configuration`. `others` are provider configurations without a block.
pub fn configuration(outline: &Outline, others: &[(Text, Option<Text>)]) -> Json {
    let mut providers = Map::new();
    let mut used = BTreeSet::new();
    note_providers(&outline.root, &mut used);
    for key in used {
        let (name, alias) = key.split_once('.').map_or((&*key, None), |(name, alias)| (name, Some(alias)));
        let mut entry = json!({ "name": name, "full_name": name });
        put(&mut entry, "alias", alias.map(|alias| json!(alias)));
        providers.insert(key.to_string(), entry);
    }
    for (name, alias) in others {
        let mut entry = json!({ "name": name, "full_name": name });
        put(&mut entry, "alias", alias.as_ref().map(|alias| json!(alias)));
        providers.insert(provider_key("", name, alias.as_deref()), entry);
    }
    for block in &outline.providers {
        providers.insert(provider_key(&block.module, &block.name, block.alias.as_deref()), provider(block));
    }
    json!({ "provider_config": providers, "root_module": module(&outline.root, "", outline) })
}

/// The provider configurations that resources use, in every module.
fn note_providers(module: &ModuleOutline, used: &mut BTreeSet<Text>) {
    used.extend(module.resources.iter().map(|resource| resource.provider.clone()));
    module.calls.iter().for_each(|call| note_providers(&call.module, used));
}

/// `relevant_attributes`: what something refers to.
pub fn relevant_attributes(outline: &Outline) -> Vec<Json> {
    let entry = |(resource, attribute): &(Text, Vec<terrane_core::PathStep>)| {
        let steps: Vec<Json> = attribute.iter().map(|step| json!(step)).collect();
        json!({ "resource": resource, "attribute": steps })
    };
    outline.relevant.iter().map(entry).collect()
}

fn put(object: &mut Json, key: &str, value: Option<Json>) {
    if let (Some(object), Some(value)) = (object.as_object_mut(), value) {
        object.insert(key.to_owned(), value);
    }
}

/// `m:aws.eu`: module, provider and alias.
fn provider_key(module: &str, name: &str, alias: Option<&str>) -> String {
    let own = alias.map_or_else(|| name.to_owned(), |alias| format!("{name}.{alias}"));
    if module.is_empty() { own } else { format!("{module}:{own}") }
}

fn provider(block: &ProviderOutline) -> Json {
    let mut entry = json!({ "name": block.name, "full_name": block.name });
    put(&mut entry, "alias", block.alias.as_ref().map(|alias| json!(alias)));
    let module: Vec<String> = block.module.split('.').map(|name| format!("module.{name}")).collect();
    put(&mut entry, "module_address", (!block.module.is_empty()).then(|| json!(module.join("."))));
    put(&mut entry, "expressions", some(body(&block.body)));
    entry
}

fn module(of: &ModuleOutline, path: &str, outline: &Outline) -> Json {
    let mut entry = json!({});
    let outputs: Map<_, _> = of.outputs.iter().map(|output| (output.name.to_string(), self::output(output))).collect();
    put(&mut entry, "outputs", some(Json::Object(outputs)));
    let resources: Vec<Json> = of.resources.iter().map(|block| resource(block, path, outline)).collect();
    put(&mut entry, "resources", (!resources.is_empty()).then(|| json!(resources)));
    let calls: Map<_, _> = of.calls.iter().map(|block| (block.name.to_string(), call(block, path, outline))).collect();
    put(&mut entry, "module_calls", some(Json::Object(calls)));
    let variables: Map<_, _> = of.variables.iter().map(|block| (block.name.to_string(), variable(block))).collect();
    put(&mut entry, "variables", some(Json::Object(variables)));
    entry
}

fn some(object: Json) -> Option<Json> {
    object.as_object().is_some_and(|object| !object.is_empty()).then_some(object)
}

fn output(block: &OutputOutline) -> Json {
    let mut entry = json!({ "expression": expression(&block.value) });
    put(&mut entry, "sensitive", block.is_sensitive.then_some(json!(true)));
    put(&mut entry, "depends_on", names(&block.depends_on));
    entry
}

fn names(names: &[Text]) -> Option<Json> {
    (!names.is_empty()).then(|| json!(names))
}

fn variable(block: &VariableOutline) -> Json {
    let mut entry = json!({});
    put(&mut entry, "type", block.ty.as_ref().map(type_json));
    put(&mut entry, "default", block.default.as_ref().map(|default| json!(Plain(default))));
    put(&mut entry, "sensitive", block.is_sensitive.then_some(json!(true)));
    entry
}

fn resource(block: &ResourceOutline, module: &str, outline: &Outline) -> Json {
    let data = if block.is_data { "data." } else { "" };
    let is_own =
        |provider: &&ProviderOutline| provider_key("", &provider.name, provider.alias.as_deref()) == *block.provider;
    let calls = module.strip_suffix('.').unwrap_or_default();
    // A module without a block of its own uses that of the nearest module around it that has one.
    let owners = outline.providers.iter().filter(is_own).map(|provider| &*provider.module);
    let is_around = |owner: &&str| owner.is_empty() || calls == *owner || calls.starts_with(&format!("{owner}."));
    let owner = owners.filter(is_around).max_by_key(|owner| owner.len()).unwrap_or_default();
    let mut entry = json!({
        "address": format!("{data}{}.{}", block.type_name, block.name),
        "mode": if block.is_data { "data" } else { "managed" },
        "type": block.type_name,
        "name": block.name,
        "provider_config_key": provider_key(owner, &block.provider, None),
        "schema_version": block.schema_version,
    });
    put(&mut entry, "expressions", some(body(&block.body)));
    repeat(&mut entry, &block.repetition);
    put(&mut entry, "depends_on", names(&block.depends_on));
    entry
}

fn repeat(entry: &mut Json, repetition: &RepetitionOutline) {
    match repetition {
        RepetitionOutline::Single => {}
        RepetitionOutline::Count(value) => put(entry, "count_expression", Some(expression(value))),
        RepetitionOutline::ForEach(value) => put(entry, "for_each_expression", Some(expression(value))),
    }
}

fn call(block: &CallOutline, path: &str, outline: &Outline) -> Json {
    let inner = format!("{path}{}.", block.name);
    let mut entry =
        json!({ "source": format!("./{}", block.source), "module": module(&block.module, &inner, outline) });
    let arguments: Map<_, _> =
        block.arguments.iter().map(|(name, value)| (name.to_string(), expression(value))).collect();
    put(&mut entry, "expressions", some(Json::Object(arguments)));
    repeat(&mut entry, &block.repetition);
    put(&mut entry, "depends_on", names(&block.depends_on));
    entry
}

fn body(body: &BodyOutline) -> Json {
    let mut entries: Map<String, Json> =
        body.arguments.iter().map(|(name, value)| (name.to_string(), expression(value))).collect();
    for block in &body.blocks {
        let inner = self::body(&block.body);
        if block.is_single {
            entries.insert(block.name.to_string(), inner);
        } else if let Json::Array(list) = entries.entry(block.name.to_string()).or_insert_with(|| json!([])) {
            list.push(inner);
        }
    }
    Json::Object(entries)
}

fn expression(of: &ExprOutline) -> Json {
    let mut entry = json!({});
    put(&mut entry, "constant_value", of.constant.as_ref().map(|constant| json!(Plain(constant))));
    put(&mut entry, "references", names(&of.references));
    entry
}
