//! Schemas as JSON: ours, whole, and the form of `providers schema -json`.

use super::json_value::{Plain, type_json};
use serde_json::{Map, Value as Json, json};
use terrane_core::schema::{OnChange, Rule, SchemaKind};
use terrane_core::{Attribute, Block, Nesting, Role, Schema, Shape};

/// A schema with everything it says.
pub fn whole(schema: &Schema) -> Json {
    json!({
        "type": schema.type_name,
        "version": schema.version,
        "doc": schema.doc,
        "attributes": attributes(&schema.body),
        "gone": (schema.kind == SchemaKind::Resource).then(|| schema.gone.name()),
        "rules": schema.rules.iter().map(rule).collect::<Vec<_>>(),
    })
}

fn attributes(block: &Block) -> Json {
    block.attributes.iter().map(attribute).collect()
}

fn attribute(attribute: &Attribute) -> Json {
    let mut out = Map::new();
    out.insert("name".into(), json!(attribute.name));
    match &attribute.shape {
        Shape::Value(ty) => {
            out.insert("type".into(), json!(ty.to_string()));
        }
        Shape::Block { block, nesting } => {
            out.insert("block".into(), json!({ "nesting": nesting_name(*nesting), "attributes": attributes(block) }));
        }
    }
    out.insert("role".into(), json!(role_name(attribute.role)));
    out.insert("doc".into(), json!(attribute.doc));
    let (change, why) = match &attribute.change {
        OnChange::InPlace => ("in_place", None),
        OnChange::Replaces => ("replaces", None),
        OnChange::Refused(why) => ("refused", Some(why)),
    };
    out.insert("change".into(), json!(change));
    out.insert("secret".into(), json!(attribute.is_secret));
    let optional = [
        ("refused_because", why.map(|why| json!(why))),
        ("default", attribute.default.as_ref().map(|value| json!(Plain(value)))),
        ("unit", attribute.unit.as_ref().map(|unit| json!(unit))),
        ("range", attribute.range.map(|(low, high)| json!([low, high]))),
        ("one_of", (!attribute.one_of.is_empty()).then(|| json!(attribute.one_of))),
        ("disrupts", attribute.disrupts.as_ref().map(|what| json!(what))),
        ("example", attribute.example.as_ref().map(|example| json!(example))),
        ("severity", attribute.severity.map(|severity| json!(severity.name()))),
        ("source", attribute.source.as_ref().map(|source| json!(source))),
    ];
    out.extend(optional.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))));
    out.into()
}

fn role_name(role: Role) -> &'static str {
    match role {
        Role::Required => "required",
        Role::Optional => "optional",
        Role::OptionalComputed => "optional_computed",
        Role::Computed => "computed",
        Role::WriteOnly => "write_only",
    }
}

fn nesting_name(nesting: Nesting) -> &'static str {
    match nesting {
        Nesting::Single => "single",
        Nesting::List => "list",
        Nesting::Set => "set",
    }
}

fn rule(rule: &Rule) -> Json {
    let names = |paths: &[terrane_core::Path]| paths.iter().map(ToString::to_string).collect::<Vec<_>>();
    match rule {
        Rule::Conflicts(paths) => json!({ "rule": "conflicts", "paths": names(paths) }),
        Rule::ExactlyOne(paths) => json!({ "rule": "exactly_one", "paths": names(paths) }),
        Rule::Requires(first, second) => {
            json!({ "rule": "requires", "paths": [first.to_string(), second.to_string()] })
        }
        Rule::AnyTrue(paths) => json!({ "rule": "any_true", "paths": names(paths) }),
        Rule::AtMost(low, high) => json!({ "rule": "at_most", "paths": [low.to_string(), high.to_string()] }),
    }
}

/// A schema as `providers schema -json` has it.
///
/// # Source
/// Terraform, "terraform providers schema", format version 1.0 (2024).
pub fn terraform(schema: &Schema) -> Json {
    json!({ "version": schema.version, "block": terraform_block(&schema.body) })
}

fn terraform_block(block: &Block) -> Json {
    let mut attributes = Map::new();
    let mut blocks = Map::new();
    for attribute in &block.attributes {
        match &attribute.shape {
            Shape::Value(ty) => {
                let mut entry = json!({ "type": type_json(ty), "description": attribute.doc });
                if let Some(entry) = entry.as_object_mut() {
                    let flags = match attribute.role {
                        Role::Required => &["required"][..],
                        Role::Optional => &["optional"],
                        Role::OptionalComputed => &["optional", "computed"],
                        Role::Computed => &["computed"],
                        Role::WriteOnly => &["optional", "write_only"],
                    };
                    entry.extend(flags.iter().map(|flag| ((*flag).to_owned(), json!(true))));
                    if attribute.is_secret {
                        entry.insert("sensitive".into(), json!(true));
                    }
                }
                attributes.insert(attribute.name.to_string(), entry);
            }
            Shape::Block { block, nesting } => {
                let nesting = json!({ "nesting_mode": nesting_name(*nesting), "block": terraform_block(block) });
                blocks.insert(attribute.name.to_string(), nesting);
            }
        }
    }
    json!({ "attributes": attributes, "block_types": blocks })
}

#[cfg(test)]
mod tests {
    use super::*;
    use terrane_core::Type;

    #[test]
    fn blocks_and_values_are_told_apart() {
        let inner = Block { attributes: vec![Attribute::new("min", Shape::Value(Type::Number), Role::Required)] };
        let mut size = Attribute::new("size", Shape::Block { block: inner, nesting: Nesting::Single }, Role::Optional);
        size.change = OnChange::Replaces;
        let json = attribute(&size);
        assert_eq!(json["block"]["attributes"][0]["type"], "number");
        assert_eq!((&json["change"], &json["role"]), (&json!("replaces"), &json!("optional")));
    }
}
