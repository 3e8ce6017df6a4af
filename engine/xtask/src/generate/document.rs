//! What `terrane internal-schemas` prints.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::error::Failure;

/// The whole document.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Document {
    /// Resource types by name.
    pub types: BTreeMap<String, TypeSchema>,
    /// Data sources by name.
    pub data: BTreeMap<String, TypeSchema>,
    /// Configurations of providers by name.
    pub providers: BTreeMap<String, TypeSchema>,
    /// JSON Schemas of file formats by name.
    pub formats: BTreeMap<String, Value>,
    /// Every diagnostic.
    pub diagnostics: Vec<DiagnosticEntry>,
}

/// What a schema describes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A resource type.
    Resource,
    /// A data source.
    Data,
    /// The configuration of a provider.
    Provider,
}

impl Kind {
    /// Folder below docs/reference.
    #[must_use]
    pub fn folder(self) -> &'static str {
        match self {
            Self::Resource => "",
            Self::Data => "data",
            Self::Provider => "providers",
        }
    }

    /// The word of the language.
    #[must_use]
    pub fn keyword(self) -> &'static str {
        match self {
            Self::Resource => "resource",
            Self::Data => "data",
            Self::Provider => "provider",
        }
    }
}

/// One type.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TypeSchema {
    /// Its name.
    #[serde(rename = "type")]
    pub type_name: String,
    /// Version of the recorded form.
    pub version: u32,
    /// One sentence.
    pub doc: String,
    /// In the order of documentation.
    pub attributes: Vec<AttributeSchema>,
    /// What has to hold between arguments.
    #[serde(default)]
    pub rules: Vec<RuleSchema>,
    /// How bad it is when somebody else takes such an object away; of resource types.
    #[serde(default)]
    pub gone: Option<String>,
}

/// A rule over several arguments.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct RuleSchema {
    /// Which rule.
    pub rule: RuleKind,
    /// The arguments in the order that the rule speaks of them.
    pub paths: Vec<String>,
}

/// What a rule asks for.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RuleKind {
    /// At most one of them is written.
    Conflicts,
    /// Exactly one of them is written.
    ExactlyOne,
    /// With the first the second has to be written.
    Requires,
    /// Not all of them may be false.
    AnyTrue,
    /// The first number is not above the second.
    AtMost,
}

/// One argument or attribute: either a value with a type or a nested block.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AttributeSchema {
    pub name: String,
    #[serde(rename = "type", default)]
    pub ty: Option<String>,
    pub role: Role,
    #[serde(default)]
    pub doc: String,
    /// Any JSON; null and missing mean none.
    #[serde(default)]
    pub default: Option<Value>,
    #[serde(default)]
    pub unit: Option<String>,
    /// Smallest and largest number, or length of a text.
    #[serde(default)]
    pub range: Option<(i64, i64)>,
    #[serde(default)]
    pub one_of: Option<Vec<String>>,
    #[serde(default)]
    pub change: Option<Change>,
    /// Why a change is refused.
    #[serde(default)]
    pub refused_because: Option<String>,
    /// What a change in place disturbs.
    #[serde(default)]
    pub disrupts: Option<String>,
    #[serde(default)]
    pub secret: bool,
    #[serde(default)]
    pub example: Option<String>,
    /// Document that the facts come from.
    #[serde(default)]
    pub source: Option<String>,
    /// How bad it is when somebody else changes it; missing for what the block around it says, else medium.
    #[serde(default)]
    pub severity: Option<String>,
    #[serde(default)]
    pub block: Option<BlockSchema>,
}

/// A nested block.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BlockSchema {
    pub attributes: Vec<AttributeSchema>,
    pub nesting: Nesting,
}

/// Who writes an attribute.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    Required,
    Optional,
    OptionalComputed,
    Computed,
    WriteOnly,
}

/// What a change means.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    InPlace,
    Replaces,
    Refused,
}

/// How often a block may stand.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub enum Nesting {
    Single,
    List,
    Set,
}

/// One diagnostic.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DiagnosticEntry {
    pub id: String,
    pub severity: String,
    pub summary: String,
    pub help: String,
}

impl Document {
    /// Reads the printed document.
    ///
    /// # Errors
    /// When it has another shape, or a type stands under another name.
    pub fn parse(text: &str) -> Result<Self, Failure> {
        let malformed = |detail: String| Failure::Malformed { what: "terrane internal-schemas".to_owned(), detail };
        let document: Self = serde_json::from_str(text).map_err(|error| malformed(error.to_string()))?;
        for (_, types) in document.kinds() {
            if let Some((name, schema)) = types.iter().find(|(name, schema)| **name != schema.type_name) {
                return Err(malformed(format!("`{name}` calls itself `{}`", schema.type_name)));
            }
        }
        Ok(document)
    }

    /// The three tables of types.
    pub fn kinds(&self) -> impl Iterator<Item = (Kind, &BTreeMap<String, TypeSchema>)> {
        [(Kind::Resource, &self.types), (Kind::Data, &self.data), (Kind::Provider, &self.providers)].into_iter()
    }
}

impl AttributeSchema {
    /// Whether users may write it.
    #[must_use]
    pub fn is_writable(&self) -> bool {
        self.role != Role::Computed
    }
}

/// A document that has one of each thing.
#[cfg(test)]
pub const EXAMPLE: &str = r#"{
  "types": { "demo_cluster": { "type": "demo_cluster", "version": 2, "gone": "critical", "doc": "A cluster.", "attributes": [
    { "name": "name", "type": "string", "role": "required", "doc": "Its name.", "change": "replaces", "range": [1, 100],
      "example": "\"eu-1\"", "source": "Vendor API, CreateCluster, 2026-01" },
    { "name": "tier", "type": "string", "role": "optional", "doc": "Class | of control plane.", "default": "small",
      "one_of": ["small", "large"], "disrupts": "restarts the API server" },
    { "name": "size", "type": "number", "role": "optional_computed", "doc": "Disk.", "unit": "GiB", "range": [1, 64] },
    { "name": "logs", "type": "set(string)", "role": "optional", "doc": "Logs.", "one_of": ["api", "audit"],
      "severity": "high" },
    { "name": "token", "type": "string", "role": "write_only", "doc": "Token.", "secret": true, "change": "refused",
      "refused_because": "the vendor keeps the first" },
    { "name": "taints", "role": "optional", "doc": "Taints.", "block": { "nesting": "list", "attributes": [
      { "name": "key", "type": "string", "role": "required", "doc": "Key." } ] } },
    { "name": "arn", "type": "string", "role": "computed", "doc": "Its ARN." } ],
    "rules": [ { "rule": "requires", "paths": ["token", "logs"] } ] } },
  "data": { "demo_network": { "type": "demo_network", "version": 1, "doc": "A network.", "attributes": [] } },
  "providers": { "demo": { "type": "demo", "version": 1, "doc": "The demo.", "attributes": [] } },
  "formats": { "plan": { "title": "plan" } },
  "diagnostics": [
    { "id": "b-two", "severity": "warning", "summary": "Second", "help": "Do b" },
    { "id": "a-one", "severity": "error", "summary": "First", "help": "Do a | c" } ]
}"#;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn document_is_read_strictly() {
        assert!(Document::parse(EXAMPLE).is_ok());
        assert!(Document::parse(&EXAMPLE.replace("\"unit\"", "\"units\"")).is_err());
        assert!(Document::parse(&EXAMPLE.replace("\"type\": \"demo\"", "\"type\": \"other\"")).is_err());
    }
}
