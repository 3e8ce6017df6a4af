//! The declaration of a resource type, from which checking, diffs, documentation and JSON Schema come.

use crate::types::Field;
use crate::{Path, Text, Type, Value};
use serde::{Deserialize, Serialize};

/// What a schema describes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SchemaKind {
    /// A managed resource type.
    Resource,
    /// A data source.
    Data,
    /// The configuration of a provider.
    Provider,
}

/// A resource type, data source or provider configuration.
#[derive(Clone, Debug, PartialEq)]
pub struct Schema {
    /// Type name, `eks_cluster`; for a provider its name.
    pub type_name: Text,
    /// What it describes.
    pub kind: SchemaKind,
    /// Version of the recorded form, from 1.
    pub version: u32,
    /// One sentence about it.
    pub doc: Text,
    /// Arguments and attributes.
    pub body: Block,
    /// Rules over several arguments.
    pub rules: Vec<Rule>,
    /// How bad it is when somebody else takes such an object away.
    pub gone: DriftSeverity,
}

/// How bad it is when somebody else changes an attribute, or takes an object away.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DriftSeverity {
    /// A label, a tag: nothing works otherwise because of it.
    Low,
    /// It works otherwise than it was asked to.
    #[default]
    Medium,
    /// It is open, unprotected or unobserved where it was asked not to be.
    High,
    /// What everything else lives in is gone.
    Critical,
}

impl DriftSeverity {
    /// Every severity, the mildest first.
    pub const ALL: [Self; 4] = [Self::Low, Self::Medium, Self::High, Self::Critical];

    /// Its name in reports and declarations.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Critical => "critical",
        }
    }
}

/// Arguments and attributes of a type or of a nested block.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Block {
    /// In the order documentation lists them.
    pub attributes: Vec<Attribute>,
}

impl Block {
    /// The attribute `name`.
    #[must_use]
    pub fn attribute(&self, name: &str) -> Option<&Attribute> {
        self.attributes.iter().find(|attribute| &*attribute.name == name)
    }

    /// The object type that values of this block have.
    #[must_use]
    pub fn implied_type(&self) -> Type {
        Type::Object(self.attributes.iter().map(|a| (a.name.clone(), Field::optional(a.implied_type()))).collect())
    }

    /// The attribute that `path` ends in, walking through blocks; positions and keys are stepped over.
    #[must_use]
    pub fn find(&self, path: &Path) -> Option<&Attribute> {
        let mut block = self;
        let mut found = None;
        for step in &path.0 {
            let crate::PathStep::Name(name) = step else { continue };
            let Some(attribute) = block.attribute(name) else { return found };
            found = Some(attribute);
            match &attribute.shape {
                Shape::Block { block: inner, .. } => block = inner,
                Shape::Value(_) => return found,
            }
        }
        found
    }

    /// How bad it is when somebody else changes the leaf at `path`: what the innermost attribute on the way there says
    /// that says anything.
    #[must_use]
    pub fn severity(&self, path: &Path) -> DriftSeverity {
        let on_the_way = (1..=path.0.len()).map(|length| Path(path.0.iter().take(length).cloned().collect()));
        let mut said = on_the_way.filter_map(|part| self.find(&part)?.severity);
        said.next_back().unwrap_or_default()
    }
}

/// Who writes an attribute. One of five, so that illegal mixes cannot be written down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Has to be written.
    Required,
    /// May be written; missing means absent.
    Optional,
    /// May be written; missing means that the remote side chooses.
    OptionalComputed,
    /// Only the remote side sets it.
    Computed,
    /// May be written, is sent, and can never be read back.
    WriteOnly,
}

/// What it means when a written value changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OnChange {
    /// Changed on the living object.
    InPlace,
    /// The object is destroyed and made anew.
    Replaces,
    /// Refused at plan time, with the reason.
    Refused(Text),
}

/// How an attribute is written and kept.
#[derive(Clone, Debug, PartialEq)]
pub enum Shape {
    /// `name = value`.
    Value(Type),
    /// `name { .. }`.
    Block {
        /// What stands inside.
        block: Block,
        /// How often it may stand.
        nesting: Nesting,
    },
}

/// How often a nested block may stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Nesting {
    /// At most once; an object or null.
    Single,
    /// Any number, in order; a list of objects.
    List,
    /// Any number, order without meaning; a set of objects.
    Set,
}

/// One argument or attribute.
#[derive(Clone, Debug, PartialEq)]
pub struct Attribute {
    /// Its name.
    pub name: Text,
    /// How it is written.
    pub shape: Shape,
    /// Who writes it.
    pub role: Role,
    /// What a change of it means.
    pub change: OnChange,
    /// What a change in place disrupts, `restarts nodes`.
    pub disrupts: Option<Text>,
    /// Kept only as an expression and a keyed digest.
    pub is_secret: bool,
    /// What a missing value means.
    pub default: Option<Value>,
    /// Unit of a number, `GiB`.
    pub unit: Option<Text>,
    /// Whether a number has to be a whole one.
    pub is_whole: bool,
    /// Smallest and largest number, or length of a text.
    pub range: Option<(i64, i64)>,
    /// The only values allowed; for a collection, of its elements.
    pub one_of: Vec<Text>,
    /// A value for the documentation.
    pub example: Option<Text>,
    /// One sentence.
    pub doc: Text,
    /// Document that the facts come from.
    pub source: Option<Text>,
    /// How bad it is when somebody else changes it; `None` for what the block around it says, else medium.
    pub severity: Option<DriftSeverity>,
}

impl Attribute {
    /// An attribute with nothing but a name, a shape and a role.
    #[must_use]
    pub fn new(name: &str, shape: Shape, role: Role) -> Self {
        Self {
            name: name.into(),
            shape,
            role,
            change: OnChange::InPlace,
            disrupts: None,
            is_secret: false,
            default: None,
            unit: None,
            is_whole: false,
            range: None,
            one_of: Vec::new(),
            example: None,
            doc: "".into(),
            source: None,
            severity: None,
        }
    }

    /// The type that values of this attribute have.
    #[must_use]
    pub fn implied_type(&self) -> Type {
        match &self.shape {
            Shape::Value(ty) => ty.clone(),
            Shape::Block { block, nesting: Nesting::Single } => block.implied_type(),
            Shape::Block { block, nesting: Nesting::List } => Type::list(block.implied_type()),
            Shape::Block { block, nesting: Nesting::Set } => Type::set(block.implied_type()),
        }
    }

    /// Whether users may write it.
    #[must_use]
    pub fn is_writable(&self) -> bool {
        self.role != Role::Computed
    }

    /// Whether the remote side may set it.
    #[must_use]
    pub fn is_computed(&self) -> bool {
        matches!(self.role, Role::Computed | Role::OptionalComputed)
    }
}

/// A rule over several arguments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rule {
    /// At most one of them is written.
    Conflicts(Vec<Path>),
    /// Exactly one of them is written.
    ExactlyOne(Vec<Path>),
    /// When the first is written, the second has to be.
    Requires(Path, Path),
    /// Not all of these truths may be false at once.
    AnyTrue(Vec<Path>),
    /// The first number is not above the second.
    AtMost(Path, Path),
}

/// A value that breaks the schema.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// The leaf.
    pub path: Path,
    /// What is wrong and what would be right.
    pub detail: String,
}

/// Checks ranges, allowed values and rules on what is known of `value`. Types and required arguments
/// are checked where the value is made.
#[must_use]
pub fn violations(schema: &Schema, value: &Value) -> Vec<Violation> {
    let mut found = Vec::new();
    check_block(&schema.body, value, &Path::default(), &mut found);
    for rule in &schema.rules {
        check_rule(rule, value, &mut found);
    }
    found
}

fn check_block(block: &Block, value: &Value, at: &Path, found: &mut Vec<Violation>) {
    for attribute in &block.attributes {
        let Some(inner) = value.get(&attribute.name) else { continue };
        // Nearly no leaf is wrong, so a path is made only for one that is.
        let path = || at.child(attribute.name.clone());
        match &attribute.shape {
            Shape::Value(_) => check_leaf(attribute, inner, &path, found),
            Shape::Block { block, nesting: Nesting::Single } => check_block(block, inner, &path(), found),
            Shape::Block { block, .. } => {
                for (index, item) in inner.items().unwrap_or_default().iter().enumerate() {
                    let index = u64::try_from(index).unwrap_or(u64::MAX);
                    check_block(block, item, &path().join(crate::PathStep::Index(index)), found);
                }
            }
        }
    }
}

fn check_leaf(attribute: &Attribute, value: &Value, path: &dyn Fn() -> Path, found: &mut Vec<Violation>) {
    if let Some(items) = value.items() {
        for item in items {
            check_leaf(attribute, item, path, found);
        }
        return;
    }
    let unit = attribute.unit.as_deref().unwrap_or("");
    if let Some(number) = value.as_number().filter(|number| attribute.is_whole && number.to_i64().is_none()) {
        found.push(Violation { path: path(), detail: format!("{number} is no whole number of 64 bits") });
    }
    if let Some((low, high)) = attribute.range {
        let size = match value.as_str() {
            Some(text) => i64::try_from(text.chars().count()).ok(),
            None => value.as_i64(),
        };
        if let Some(size) = size
            && !(low..=high).contains(&size)
        {
            let what = if value.as_str().is_some() { "characters" } else { unit };
            let detail = format!("{size} is outside {low} to {high} {what}");
            found.push(Violation { path: path(), detail: detail.trim_end().to_owned() });
        }
    }
    if let Some(text) = value.as_str()
        && !attribute.one_of.is_empty()
        && !attribute.one_of.iter().any(|allowed| &**allowed == text)
    {
        let detail = format!("`{text}` is none of {}", attribute.one_of.join(", "));
        found.push(Violation { path: path(), detail });
    }
}

fn check_rule(rule: &Rule, value: &Value, found: &mut Vec<Violation>) {
    let is_written = |path: &Path| value.at(path).is_some_and(|v| !v.is_null());
    let names = |paths: &[Path]| paths.iter().map(|p| format!("`{p}`")).collect::<Vec<_>>().join(", ");
    let mut report = |path: &Path, detail: String| found.push(Violation { path: path.clone(), detail });
    match rule {
        Rule::Conflicts(paths) | Rule::ExactlyOne(paths) => {
            let written: Vec<&Path> = paths.iter().filter(|p| is_written(p)).collect();
            if let [_, second, ..] = written.as_slice() {
                report(second, format!("only one of {} may be written", names(paths)));
            }
            if let (Rule::ExactlyOne(_), true, Some(first)) = (rule, written.is_empty(), paths.first()) {
                report(first, format!("one of {} has to be written", names(paths)));
            }
        }
        Rule::Requires(first, second) => {
            if is_written(first) && !is_written(second) {
                report(first, format!("`{first}` needs `{second}`"));
            }
        }
        Rule::AnyTrue(paths) => {
            let all_false = paths.iter().all(|p| value.at(p).and_then(Value::as_bool) == Some(false));
            if let (true, Some(first)) = (all_false, paths.first()) {
                report(first, format!("at least one of {} has to be true", names(paths)));
            }
        }
        Rule::AtMost(low, high) => {
            let number = |path: &Path| value.at(path).and_then(Value::as_number).cloned();
            if let (Some(a), Some(b)) = (number(low), number(high))
                && a > b
            {
                report(low, format!("`{low}` is {a}, above `{high}`, which is {b}"));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_innermost_severity_counts() {
        let mut public = Attribute::new("public", Shape::Value(Type::Bool), Role::Optional);
        public.severity = Some(DriftSeverity::Critical);
        let cidrs = Attribute::new("cidrs", Shape::Value(Type::set(Type::String)), Role::Optional);
        let block = Block { attributes: vec![public, cidrs] };
        let mut endpoint = Attribute::new("endpoint", Shape::Block { block, nesting: Nesting::Single }, Role::Optional);
        endpoint.severity = Some(DriftSeverity::High);
        let mut tags = Attribute::new("tags", Shape::Value(Type::map(Type::String)), Role::Optional);
        tags.severity = Some(DriftSeverity::Low);
        let version = Attribute::new("version", Shape::Value(Type::String), Role::Optional);
        let body = Block { attributes: vec![endpoint, tags, version] };
        let of = |path: &str| body.severity(&Path::dotted(path)).name();
        assert_eq!(
            [of("endpoint.public"), of("endpoint.cidrs"), of("tags.owner"), of("version"), of("nothing")],
            ["critical", "high", "low", "medium", "medium"]
        );
    }
}
