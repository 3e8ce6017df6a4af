//! The blocks that a plan was made from, as readers of a plan want them: what each argument is, or what it refers to.
//!
//! Applying never looks here. Each block stands once, whatever the number of its instances. Literals of sensitive
//! variables and of secret arguments are left out.

mod make;

pub use make::of;

use serde::{Deserialize, Serialize};
use terrane_core::{PathStep, Text, Type, Value};

/// A configuration.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Outline {
    /// `provider` blocks.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub providers: Vec<ProviderOutline>,
    /// The root module.
    pub root: ModuleOutline,
    /// Attributes of resources that something refers to, by resource.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub relevant: Vec<(Text, Vec<PathStep>)>,
}

impl Outline {
    /// Whether there is nothing in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// What an argument is: a constant, or something that refers to these names.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ExprOutline {
    /// Its value, where that is the same in every plan.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub constant: Option<Value>,
    /// What it refers to, each name before its beginnings: `a.b[0].c`, `a.b[0]`, `a.b`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub references: Vec<Text>,
}

/// The arguments and nested blocks of a block, in the order they were written.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct BodyOutline {
    /// Arguments.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub arguments: Vec<(Text, ExprOutline)>,
    /// Nested blocks.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub blocks: Vec<BlockOutline>,
}

/// A nested block.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BlockOutline {
    /// Its kind.
    pub name: Text,
    /// Whether it may stand once only.
    pub is_single: bool,
    /// What stands inside.
    pub body: BodyOutline,
}

/// A `provider` block.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ProviderOutline {
    /// The provider.
    pub name: Text,
    /// Its alias.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alias: Option<Text>,
    /// Its module, as calls from the root: `m`, `m.n`; empty for the root.
    #[serde(default, skip_serializing_if = "str::is_empty")]
    pub module: Text,
    /// Its arguments.
    pub body: BodyOutline,
}

/// A module.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ModuleOutline {
    /// `resource` and `data` blocks.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub resources: Vec<ResourceOutline>,
    /// `module` blocks.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub calls: Vec<CallOutline>,
    /// `variable` blocks.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub variables: Vec<VariableOutline>,
    /// `output` blocks.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub outputs: Vec<OutputOutline>,
}

/// A `resource` or `data` block.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ResourceOutline {
    /// Whether it is a `data` block.
    #[serde(default, skip_serializing_if = "is_false")]
    pub is_data: bool,
    /// Its type.
    pub type_name: Text,
    /// Its name.
    pub name: Text,
    /// Its provider configuration, `name` or `name.alias`.
    pub provider: Text,
    /// Version of the schema of its type.
    pub schema_version: u32,
    /// Its arguments.
    pub body: BodyOutline,
    /// How often it stands.
    #[serde(default, skip_serializing_if = "RepetitionOutline::is_single")]
    pub repetition: RepetitionOutline,
    /// `depends_on`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub depends_on: Vec<Text>,
}

/// `count`, `for_each` or neither.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RepetitionOutline {
    /// One instance without a key.
    #[default]
    Single,
    /// `count`.
    Count(ExprOutline),
    /// `for_each`.
    ForEach(ExprOutline),
}

impl RepetitionOutline {
    fn is_single(&self) -> bool {
        *self == Self::Single
    }
}

/// A `module` block.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CallOutline {
    /// Its name.
    pub name: Text,
    /// The folder of the module, relative to the root folder.
    pub source: Text,
    /// Values of its variables.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub arguments: Vec<(Text, ExprOutline)>,
    /// How often it stands.
    #[serde(default, skip_serializing_if = "RepetitionOutline::is_single")]
    pub repetition: RepetitionOutline,
    /// `depends_on`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub depends_on: Vec<Text>,
    /// The module.
    pub module: ModuleOutline,
}

/// A `variable` block.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct VariableOutline {
    /// Its name.
    pub name: Text,
    /// Its type; missing for any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ty: Option<Type>,
    /// Its default, where it is not sensitive.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default: Option<Value>,
    /// Whether a value has to be given.
    #[serde(default, skip_serializing_if = "is_false")]
    pub is_required: bool,
    /// Whether values are sensitive.
    #[serde(default, skip_serializing_if = "is_false")]
    pub is_sensitive: bool,
    /// How many `validation` blocks it has.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub validations: usize,
}

/// An `output` block.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OutputOutline {
    /// Its name.
    pub name: Text,
    /// Its value.
    pub value: ExprOutline,
    /// Whether it is sensitive.
    #[serde(default, skip_serializing_if = "is_false")]
    pub is_sensitive: bool,
    /// `depends_on`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub depends_on: Vec<Text>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the form that serde calls")]
fn is_false(truth: &bool) -> bool {
    !truth
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the form that serde calls")]
fn is_zero(number: &usize) -> bool {
    *number == 0
}
