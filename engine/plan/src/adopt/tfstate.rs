//! Reading the state of Terraform or OpenTofu: which objects it holds, and how they are called there.
//!
//! Of the file only types, addresses and short texts of the objects that are ours are looked at; nothing of it is copied
//! into what is written, and what it calls sensitive is not even read.
//!
//! # Source
//! OpenTofu documentation, "State" and "JSON Output Format"; the shape of version 4 as OpenTofu 1.12 writes it.

use crate::diag;
use serde::Deserialize;
use serde::de::IgnoredAny;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use terrane_core::{Diagnostic, InstanceAddr, InstanceKey, ObjectId, Place, Text};
use terrane_provider::{Discovery, LeftAlone};

/// The version of the format that is read.
const VERSION: u64 = 4;

/// An object of the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Foreign {
    /// Its address there.
    pub address: String,
    /// The object.
    pub id: ObjectId,
    /// A text for its name here: see [`name_of`].
    pub name: String,
}

/// What a file holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ForeignState {
    /// Objects with a resource type of ours, in the order of the file, each once.
    pub objects: Vec<Foreign>,
    /// Everything else that is managed there.
    pub left_alone: Vec<LeftAlone>,
}

#[derive(Deserialize)]
struct Head {
    version: Option<u64>,
    encrypted_data: Option<IgnoredAny>,
}

#[derive(Deserialize)]
struct File {
    #[serde(default)]
    resources: Vec<Resource>,
}

#[derive(Deserialize)]
struct Resource {
    #[serde(default)]
    module: String,
    mode: String,
    #[serde(rename = "type")]
    type_name: Text,
    name: String,
    #[serde(default)]
    instances: Vec<Instance>,
}

#[derive(Deserialize)]
struct Instance {
    #[serde(default)]
    index_key: Option<Key>,
    #[serde(default)]
    deposed: Option<String>,
    #[serde(default)]
    attributes: Option<BTreeMap<Text, Leaf>>,
    #[serde(default)]
    sensitive_attributes: Vec<Vec<Step>>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Key {
    Index(u64),
    Name(Text),
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Leaf {
    Text(Text),
    Other(IgnoredAny),
}

/// A step of the path of a sensitive attribute.
#[derive(Deserialize)]
struct Step {
    #[serde(default)]
    value: Option<Leaf>,
}

/// Reads a file. `place` is its name, for problems.
///
/// # Errors
/// `tfstate-unreadable`, `tfstate-version`.
pub fn read(text: &str, place: &str, discoveries: &[Arc<dyn Discovery>]) -> Result<ForeignState, Box<Diagnostic>> {
    let place = || Place::File(place.to_owned());
    let unreadable = |error: serde_json::Error| {
        // The words of the parser name a place and never a value.
        let at = format!("line {}, column {}", error.line(), error.column());
        Box::new(diag::TFSTATE_UNREADABLE.at(place()).detail(format!("it is no such state: {}, {at}", what(&error))))
    };
    let head: Head = serde_json::from_str(text).map_err(unreadable)?;
    match head {
        Head { encrypted_data: Some(_), .. } => {
            let problem = diag::TFSTATE_UNREADABLE.at(place()).detail("it is encrypted");
            return Err(Box::new(
                problem.help("`tofu state pull` gives it in the clear; read that file, then remove it"),
            ));
        }
        Head { version: Some(VERSION), .. } => {}
        Head { version: Some(version), .. } => {
            return Err(Box::new(diag::TFSTATE_VERSION.at(place()).with("version", version)));
        }
        Head { version: None, .. } => {
            return Err(Box::new(diag::TFSTATE_UNREADABLE.at(place()).detail("it has no `version`")));
        }
    }
    let file: File = serde_json::from_str(text).map_err(unreadable)?;
    Ok(sorted(file, discoveries))
}

fn what(error: &serde_json::Error) -> &'static str {
    if error.is_data() { "it has another shape" } else { "it is no JSON" }
}

fn sorted(file: File, discoveries: &[Arc<dyn Discovery>]) -> ForeignState {
    let mut state = ForeignState::default();
    let mut ids = BTreeSet::new();
    for resource in file.resources.into_iter().filter(|resource| resource.mode == "managed") {
        for instance in &resource.instances {
            let address = address(&resource, instance);
            let leave = |reason: String| LeftAlone { what: address.as_str().into(), reason: reason.into() };
            let known = texts(instance);
            let found = discoveries.iter().find_map(|discovery| discovery.foreign(&resource.type_name, &known));
            match (found, &instance.deposed) {
                (None, _) => state.left_alone.push(leave(format!("{} is not in this version", resource.type_name))),
                (Some(_), Some(_)) => state.left_alone.push(leave("it is to be destroyed there".to_owned())),
                (Some(Err(why)), None) => state.left_alone.push(leave(why)),
                (Some(Ok(id)), None) if !ids.insert(id.clone()) => {
                    state.left_alone.push(leave(format!("{id} is there twice")));
                }
                (Some(Ok(id)), None) => {
                    let name = name_of(&address).unwrap_or_else(|| resource.name.clone());
                    state.objects.push(Foreign { address, id, name });
                }
            }
        }
    }
    state
}

/// `module.m["k"].aws_eks_cluster.this[0]`
fn address(resource: &Resource, instance: &Instance) -> String {
    let key = match &instance.index_key {
        None => String::new(),
        Some(Key::Index(index)) => InstanceKey::Index(*index).to_string(),
        Some(Key::Name(name)) => InstanceKey::Name(name.clone()).to_string(),
    };
    let module = if resource.module.is_empty() { String::new() } else { format!("{}.", resource.module) };
    format!("{module}{}.{}{key}", resource.type_name, resource.name)
}

/// The attributes that are texts, without the sensitive ones.
fn texts(instance: &Instance) -> BTreeMap<Text, Text> {
    let first = |path: &Vec<Step>| match path.first() {
        Some(Step { value: Some(Leaf::Text(name)) }) => Some(name.clone()),
        _ => None,
    };
    let sensitive: BTreeSet<Text> = instance.sensitive_attributes.iter().filter_map(first).collect();
    let attributes = instance.attributes.iter().flatten();
    let is_shown = |name: &Text| !sensitive.contains(name);
    attributes
        .filter_map(|(name, leaf)| match leaf {
            Leaf::Text(text) if is_shown(name) => Some((name.clone(), text.clone())),
            Leaf::Text(_) | Leaf::Other(_) => None,
        })
        .collect()
}

/// The name of a block for an address of theirs: the names and keys of its modules, its own name, and its key, joined by
/// `_`. What stands in the root module without a key keeps its name as it is.
#[must_use]
pub fn name_of(address: &str) -> Option<String> {
    let addr: InstanceAddr = address.parse().ok()?;
    let key = |key: &InstanceKey| match key {
        InstanceKey::Index(index) => index.to_string(),
        InstanceKey::Name(name) => name.to_string(),
    };
    let mut parts = Vec::new();
    for step in addr.resource.module.steps() {
        parts.push(step.name.to_string());
        parts.extend(step.key.as_ref().map(key));
    }
    parts.push(addr.resource.name.to_string());
    parts.extend(addr.key.as_ref().map(key));
    Some(parts.join("_"))
}

#[cfg(test)]
mod tests {
    use super::*;

    // E1
    proptest::proptest! {
        #![proptest_config(proptest::prelude::ProptestConfig { failure_persistence: None, ..Default::default() })]

        #[test]
        fn any_text_is_read_or_refused(text in "\\PC{0,80}") {
            let _ = read(&text, "here", &[]);
        }

        #[test]
        fn any_json_is_read_or_refused(text in "[{}\\[\\]:,\"a-c0-9 ]{0,80}", name in "[a-z_]{0,12}") {
            let _ = read(&format!("{{\"version\": 4, \"resources\": [{{\"{name}\": {text}}}]}}"), "here", &[]);
        }
    }
    use terrane_core::Scope;
    use terrane_provider::{Async, CallContext, Discovered, Fault, Search};

    /// Knows objects of the type `aws_a`.
    struct Known;

    impl Discovery for Known {
        fn roots<'a>(&'a self, _: &'a Search, _: &'a CallContext<'a>) -> Async<'a, Result<Vec<Text>, Fault>> {
            Box::pin(async { Ok(Vec::new()) })
        }
        fn look<'a>(&'a self, _: &'a Text, _: &'a CallContext<'a>) -> Async<'a, Result<Discovered, Fault>> {
            Box::pin(async { Ok(Discovered::default()) })
        }
        fn foreign(&self, type_name: &str, attributes: &BTreeMap<Text, Text>) -> Option<Result<ObjectId, String>> {
            let id = |arn: &Text| ObjectId { type_name: "t_a".into(), scope: Scope::default(), key: arn.clone() };
            let arn = attributes.get("arn").map(id).ok_or_else(|| String::from("it has no `arn`"));
            (type_name == "aws_a").then_some(arn)
        }
    }

    fn state(text: &str) -> Result<ForeignState, Box<Diagnostic>> {
        read(text, "x.tfstate", &[Arc::new(Known)])
    }

    fn with(resources: &str) -> ForeignState {
        state(&format!(r#"{{"version": 4, "serial": 1, "lineage": "l", "outputs": {{}}, "resources": [{resources}]}}"#))
            .unwrap()
    }

    #[test]
    fn modules_and_keys_are_in_the_names() {
        let found = with(
            r#"{"mode": "managed", "type": "aws_a", "name": "main", "instances": [{"attributes": {"arn": "1", "n": 1}}]},
               {"module": "module.m[\"eu.1\"].module.inner", "mode": "managed", "type": "aws_a", "name": "this",
                "instances": [{"index_key": 0, "attributes": {"arn": "2"}}, {"index_key": "k", "attributes": {"arn": "3"}}]},
               {"mode": "data", "type": "aws_a", "name": "d", "instances": [{"attributes": {"arn": "4"}}]}"#,
        );
        let names: Vec<(&str, &str)> = found.objects.iter().map(|o| (o.address.as_str(), o.name.as_str())).collect();
        let expected = [
            ("aws_a.main", "main"),
            ("module.m[\"eu.1\"].module.inner.aws_a.this[0]", "m_eu.1_inner_this_0"),
            ("module.m[\"eu.1\"].module.inner.aws_a.this[\"k\"]", "m_eu.1_inner_this_k"),
        ];
        assert_eq!(names, expected);
        assert_eq!(found.left_alone, []);
    }

    #[test]
    fn what_is_not_taken_is_named_with_the_reason() {
        let found = with(
            r#"{"mode": "managed", "type": "aws_a", "name": "a", "instances": [
                 {"attributes": {"arn": "1"}}, {"deposed": "0a", "attributes": {"arn": "2"}},
                 {"index_key": "s", "attributes": {"arn": "3"},
                  "sensitive_attributes": [[{"type": "get_attr", "value": "arn"}]]},
                 {"index_key": "t", "attributes": {"arn": "1"}}]},
               {"mode": "managed", "type": "aws_vpc", "name": "v", "instances": [{"attributes": {"id": "x"}}]}"#,
        );
        assert_eq!(found.objects.len(), 1);
        let reasons: Vec<&str> = found.left_alone.iter().map(|left| &*left.reason).collect();
        let expected =
            ["it is to be destroyed there", "it has no `arn`", "1 is there twice", "aws_vpc is not in this version"];
        assert_eq!(reasons, expected);
    }

    #[test]
    fn other_files_are_refused_without_showing_what_is_in_them() {
        for (text, id) in [
            ("hunter2", "tfstate-unreadable"),
            ("{\"resources\": \"hunter2\", \"version\": 4}", "tfstate-unreadable"),
            ("{\"version\": 3, \"modules\": []}", "tfstate-version"),
            ("{\"version\": 5}", "tfstate-version"),
            ("{}", "tfstate-unreadable"),
            ("[1]", "tfstate-unreadable"),
            ("{\"version\": \"4\"}", "tfstate-unreadable"),
            ("{\"meta\": {}, \"encrypted_data\": \"hunter2\", \"encryption_version\": \"v0\"}", "tfstate-unreadable"),
        ] {
            let problem = state(text).unwrap_err();
            assert_eq!(problem.kind.id, id, "{text}");
            assert!(!format!("{problem:?}").contains("hunter2"));
        }
    }
}
