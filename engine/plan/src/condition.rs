//! Conditions of the configuration in a plan: how they stand, and what is left to be found out while it is applied.

use crate::plan::Origin;
use serde::{Deserialize, Serialize};
use terrane_core::{InstanceAddr, Text, Value};

/// What a condition is about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum ConditionOf {
    /// A `validation` of a variable.
    Variable {
        /// The module instance; empty for the root.
        #[serde(default, skip_serializing_if = "str::is_empty")]
        module: Text,
        /// The variable.
        name: Text,
    },
    /// A `precondition` of a resource or data source.
    Precondition {
        /// The instance.
        addr: InstanceAddr,
    },
    /// A `postcondition` of a resource or data source.
    Postcondition {
        /// The instance.
        addr: InstanceAddr,
    },
    /// A `precondition` of an output.
    Output {
        /// The module instance; empty for the root.
        #[serde(default, skip_serializing_if = "str::is_empty")]
        module: Text,
        /// The output.
        name: Text,
    },
    /// An `assert` of a `check` block.
    Check {
        /// The module instance; empty for the root.
        #[serde(default, skip_serializing_if = "str::is_empty")]
        module: Text,
        /// The check.
        name: Text,
    },
}

/// How a condition stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// It holds.
    Pass,
    /// It is found out while the plan is applied.
    Unknown,
    /// It does not hold.
    Fail,
    /// It has no value.
    Error,
}

/// A condition of the configuration.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Condition {
    /// What it is about.
    pub of: ConditionOf,
    /// How it stands.
    pub status: Status,
    /// What has to be true, with expressions; null where it is decided.
    #[serde(default = "null", skip_serializing_if = "Value::is_null")]
    pub condition: Value,
    /// What is said where it is not true; null where it holds.
    #[serde(default = "null", skip_serializing_if = "Value::is_null")]
    pub message: Value,
    /// The folder of the module that it stands in, relative to the root folder.
    #[serde(default = "here", skip_serializing_if = "is_here")]
    pub folder: Text,
    /// Where it is written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<Origin>,
}

fn null() -> Value {
    Value::NULL
}

fn here() -> Text {
    ".".into()
}

fn is_here(folder: &str) -> bool {
    folder == "."
}

impl ConditionOf {
    /// The instance, where it is about one.
    #[must_use]
    pub fn addr(&self) -> Option<&InstanceAddr> {
        match self {
            Self::Precondition { addr } | Self::Postcondition { addr } => Some(addr),
            Self::Variable { .. } | Self::Output { .. } | Self::Check { .. } => None,
        }
    }

    /// What kind of condition it is, in a word.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Self::Variable { .. } => "validation",
            Self::Precondition { .. } | Self::Output { .. } => "precondition",
            Self::Postcondition { .. } => "postcondition",
            Self::Check { .. } => "assert",
        }
    }
}

/// The address of the block, of the instance that the condition is about.
impl std::fmt::Display for ConditionOf {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (module, kind, name) = match self {
            Self::Precondition { addr } | Self::Postcondition { addr } => return addr.fmt(f),
            Self::Variable { module, name } => (module, "var", name),
            Self::Output { module, name } => (module, "output", name),
            Self::Check { module, name } => (module, "check", name),
        };
        if !module.is_empty() {
            write!(f, "{module}.")?;
        }
        write!(f, "{kind}.{name}")
    }
}
