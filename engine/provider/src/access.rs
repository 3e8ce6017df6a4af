//! Through which provider configuration, with which credentials and in which region an object is reached.

use serde::{Deserialize, Serialize};
use std::fmt;
use terrane_core::{Text, Value};

/// Name and alias of a provider configuration.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ProviderName {
    /// The provider, `eks`.
    pub name: Text,
    /// The alias; `None` for the default configuration.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alias: Option<Text>,
}

impl fmt::Display for ProviderName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.alias {
            Some(alias) => write!(f, "{}.{alias}", self.name),
            None => f.write_str(&self.name),
        }
    }
}

/// How an object is reached. It is recorded with the object and used again by destroy; it names
/// credentials and never holds them.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Access {
    /// The provider configuration.
    pub provider: ProviderName,
    /// The region; empty where the type has none.
    #[serde(default, skip_serializing_if = "str::is_empty")]
    pub region: Text,
    /// The `credentials` argument, null where none is written.
    #[serde(default = "null", skip_serializing_if = "Value::is_null")]
    pub credentials: Value,
}

fn null() -> Value {
    Value::NULL
}

impl Access {
    /// Access through a provider configuration alone.
    #[must_use]
    pub fn of(provider: ProviderName) -> Self {
        Self { provider, region: "".into(), credentials: Value::NULL }
    }
}
