//! The one table of a provider's deadlines, retries, budgets and settle time.

use serde::{Deserialize, Serialize};
use std::fmt;
use terrane_core::Text;

/// What a step belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verb {
    /// Making an object.
    Create,
    /// Changing a living object.
    Update,
    /// Destroying an object.
    Delete,
}

impl Verb {
    /// The name that `timeouts` blocks use.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Update => "update",
            Self::Delete => "delete",
        }
    }
}

/// What a budget of requests belongs to.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct BudgetKey {
    /// Account, project or subscription, as far as it is known.
    pub account: Text,
    /// Region; empty for global APIs.
    pub region: Text,
    /// The API, `eks`.
    pub api: Text,
}

impl fmt::Display for BudgetKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.api, self.account, self.region)
    }
}

/// A deadline of one type and verb.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deadline {
    /// Resource type.
    pub type_name: Text,
    /// What is done.
    pub verb: Verb,
    /// After how many seconds a step of it is given up; a `timeouts` block overrides it.
    pub seconds: u64,
}

/// Deadlines, retries, budgets and settle time of a provider. Times are those of the real remote side; a fast
/// sandbox clock divides them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// One request is given up after so many milliseconds.
    pub request_timeout_ms: u64,
    /// A request is sent at most so many times.
    pub attempts: u32,
    /// First pause between two attempts; doubles each time.
    pub backoff_ms: u64,
    /// Longest pause between two attempts.
    pub backoff_cap_ms: u64,
    /// Nothing is concluded to be missing earlier than so long after the request that would have made it.
    pub settle_ms: u64,
    /// Requests a second that a budget allows.
    pub rate_per_s: u32,
    /// Requests at once that a budget allows after a pause.
    pub burst: u32,
    /// Requests under way at once in one budget.
    pub parallel: u32,
    /// Deadlines by type and verb.
    pub deadlines: Vec<Deadline>,
}

impl Limits {
    /// The deadline of a step in seconds; an hour where the table has none.
    #[must_use]
    pub fn deadline_s(&self, type_name: &str, verb: Verb) -> u64 {
        self.deadlines.iter().find(|d| &*d.type_name == type_name && d.verb == verb).map_or(3_600, |d| d.seconds)
    }
}
