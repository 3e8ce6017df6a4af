//! Small steps over values that refining and reading share.

use crate::config::Credentials;
use crate::tags::{self, TagRules, Tags};
use terrane_core::change::Owner;
use terrane_core::{Path, Residual, Type, Value};
use terrane_provider::typed::Typed;
use terrane_provider::{FactKey, RefineInput, Refusal};

/// What stands at a dotted path, where it is known and not null.
pub fn known<'a>(value: &'a Value, path: &str) -> Option<&'a Value> {
    value.at(&Path::dotted(path)).filter(|value| value.is_known() && !value.is_null())
}

/// The known text at a dotted path.
pub fn text<'a>(value: &'a Value, path: &str) -> Option<&'a str> {
    known(value, path).and_then(Value::as_str)
}

/// Whether something is written at a dotted path, known or not.
pub fn is_written(value: &Value, path: &str) -> bool {
    value.at(&Path::dotted(path)).is_some_and(|value| !value.is_null())
}

/// `value` with something put at a dotted path.
pub fn put(value: &Value, path: &str, new: Value) -> Value {
    value.with_at(&Path::dotted(path).0, new)
}

/// `value` with the attribute at a dotted path not known yet.
pub fn forget(value: &Value, input: &RefineInput<'_>, path: &str, ty: Type) -> Value {
    let residual = Residual::Attribute { instance: input.instance.clone(), path: Path::dotted(path) };
    put(value, path, Value::unknown(ty, residual))
}

/// A refusal about a dotted path.
pub fn refusal(rule: &str, path: &str, detail: String, help: &str) -> Refusal {
    Refusal { rule: rule.into(), path: Path::dotted(path), detail, help: help.to_owned() }
}

/// The answer to a fact, or the question. A question that failed is asked again: the engine then tells why.
pub fn fact<'a>(input: &'a RefineInput<'_>, type_name: &str, name: &str) -> Result<&'a str, Box<FactKey>> {
    let key =
        FactKey { access: input.access.clone(), type_name: type_name.into(), name: name.into(), arguments: Vec::new() };
    match input.facts.get(&key) {
        Some(Ok(answer)) => Ok(answer.as_str().unwrap_or_default()),
        Some(Err(_)) | None => Err(Box::new(key)),
    }
}

/// Tags that an object shall have, and the leaves that come from the provider block.
pub struct PlannedTags {
    /// The value of `tags`.
    pub value: Value,
    /// Owners of what is not written at the object.
    pub owners: Vec<(Path, Owner)>,
    /// What is wrong with them.
    pub refusals: Vec<Refusal>,
}

/// Merges default tags into what is written.
pub fn planned_tags(written: &Value, rules: &TagRules) -> PlannedTags {
    let value = written.get("tags").cloned().unwrap_or(Value::NULL);
    if !value.is_wholly_known() {
        return PlannedTags { value, owners: Vec::new(), refusals: Vec::new() };
    }
    let own: Tags = Option::<Tags>::from_value(&value).ok().flatten().unwrap_or_default();
    let merged = rules.merged(&own);
    let inherited = merged.keys().filter(|key| !own.contains_key(*key));
    let owners = inherited.map(|key| (Path::attr("tags").child(key.as_str()), Owner::Ours)).collect();
    let mut refusals: Vec<Refusal> = merged.keys().filter_map(|key| tag_refusal(key, rules)).collect();
    if merged.len() > tags::MOST {
        let detail = format!("{} tags, and an object can have {} beside our own mark", merged.len(), tags::MOST);
        refusals.push(refusal("tags-many", "tags", detail, "remove tags here or in the provider block"));
    }
    PlannedTags { value: merged.to_value(), owners, refusals }
}

fn tag_refusal(key: &str, rules: &TagRules) -> Option<Refusal> {
    if tags::is_reserved(key) {
        let detail = format!("the tag key `{key}` belongs to AWS or to Terrane");
        return Some(refusal("tags-reserved", "tags", detail, "use another key"));
    }
    rules.is_ignored(key).then(|| {
        let detail =
            format!("the tag `{key}` is written, and `ignore_tags` of the provider says that it is never looked at");
        refusal("tags-ignored", "tags", detail, "remove it here or from `ignore_tags`")
    })
}

/// The `credentials` argument as an object shows it.
pub fn shown_credentials(value: &Value) -> Value {
    if value.is_null() {
        return Value::NULL;
    }
    Credentials::from_value(value).map_or_else(|_| value.clone(), |credentials| credentials.to_value())
}

/// Whether any changed leaf lies at or below one of these dotted paths.
pub fn touches(changed: &[Path], paths: &[&str]) -> bool {
    let paths: Vec<Path> = paths.iter().map(|path| Path::dotted(path)).collect();
    let meets = |change: &Path| paths.iter().any(|path| change.starts_with(path) || path.starts_with(change));
    changed.iter().any(meets)
}

/// A text as a value; null where there is none.
pub fn text_or_null(text: Option<&str>) -> Value {
    text.map_or(Value::NULL, Value::string)
}
