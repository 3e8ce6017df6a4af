//! The provider's one table of deadlines, polls, retries and budgets, read from `data/limits.toml`.

use serde::Deserialize;
use std::sync::{Arc, OnceLock};
use terrane_provider::limits::Deadline;
use terrane_provider::{Limits, Verb};

const TEXT: &str = include_str!("../data/limits.toml");

/// The table.
#[derive(Debug, Default, Deserialize)]
pub struct Table {
    /// About single requests.
    pub requests: Requests,
    budget: Budget,
    /// About waiting.
    pub waits: Waits,
    #[serde(default)]
    deadline: Vec<DeadlineRow>,
    #[serde(default)]
    step: Vec<StepRow>,
}

/// About single requests.
#[derive(Debug, Default, Deserialize)]
pub struct Requests {
    /// One request is given up after so many milliseconds.
    pub timeout_ms: u64,
    /// A connection is given up after so many milliseconds.
    pub connect_timeout_ms: u64,
    attempts: u32,
    backoff_ms: u64,
    backoff_cap_ms: u64,
    /// A larger answer is not read.
    pub most_answer_bytes: usize,
    /// A listing with more pages is given up.
    pub most_pages: usize,
}

#[derive(Debug, Default, Deserialize)]
struct Budget {
    rate_per_s: u32,
    burst: u32,
    parallel: u32,
}

/// About waiting.
#[derive(Debug, Default, Deserialize)]
pub struct Waits {
    settle_ms: u64,
    /// A new role is known everywhere after so long.
    pub propagation_ms: u64,
    /// How often that is tried.
    pub propagation_check_ms: u64,
    /// How often an object that is busy with something else is asked.
    pub busy_check_ms: u64,
}

#[derive(Debug, Deserialize)]
struct DeadlineRow {
    #[serde(rename = "type")]
    type_name: String,
    create_s: u64,
    update_s: u64,
    delete_s: u64,
}

#[derive(Debug, Deserialize)]
struct StepRow {
    name: String,
    expected_s: u32,
    check_ms: u64,
}

/// The table. A test proves that the file can be read, so the empty table is never used.
pub fn table() -> &'static Table {
    static TABLE: OnceLock<Table> = OnceLock::new();
    TABLE.get_or_init(|| toml::from_str(TEXT).unwrap_or_default())
}

impl Table {
    /// The row of a step. A step without its own row is a change of configuration.
    fn row(&self, step: &str) -> Option<&StepRow> {
        let find = |name: &str| self.step.iter().find(|row| row.name == name);
        find(step).or_else(|| find("update-config"))
    }

    /// How long a step that waits usually takes, in seconds.
    pub fn expected_s(&self, step: &str) -> u32 {
        self.row(step).map_or(60, |row| row.expected_s)
    }

    /// How often a running step is asked, in milliseconds.
    pub fn check_ms(&self, step: &str) -> u64 {
        self.row(step).map_or(10_000, |row| row.check_ms)
    }

    /// How many polls of a step an object may be missing from answers after it was made.
    pub fn missing_polls(&self, step: &str) -> i64 {
        i64::try_from(self.waits.settle_ms / self.check_ms(step).max(1)).unwrap_or(i64::MAX).max(3)
    }

    /// How many times a request is tried that waits for a role.
    pub fn propagation_tries(&self) -> i64 {
        i64::try_from(self.waits.propagation_ms / self.waits.propagation_check_ms.max(1)).unwrap_or(i64::MAX)
    }

    /// The part that the engine needs.
    pub fn limits(&self) -> Limits {
        let deadlines = self.deadline.iter().flat_map(|row| {
            let of = |verb, seconds| Deadline { type_name: row.type_name.as_str().into(), verb, seconds };
            [of(Verb::Create, row.create_s), of(Verb::Update, row.update_s), of(Verb::Delete, row.delete_s)]
        });
        Limits {
            request_timeout_ms: self.requests.timeout_ms,
            attempts: self.requests.attempts,
            backoff_ms: self.requests.backoff_ms,
            backoff_cap_ms: self.requests.backoff_cap_ms,
            settle_ms: self.waits.settle_ms,
            rate_per_s: self.budget.rate_per_s,
            burst: self.budget.burst,
            parallel: self.budget.parallel,
            deadlines: deadlines.collect(),
        }
    }
}

/// The engine's part of the table, shared.
pub fn shared() -> Arc<Limits> {
    Arc::new(table().limits())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_can_be_read() {
        let table: Table = toml::from_str(TEXT).expect("reads");
        assert_eq!(table.limits().deadline_s("eks_cluster", Verb::Create), 2_700);
        assert_eq!(table.expected_s("create-cluster"), 600);
        assert!(table.propagation_tries() > 10 && table.missing_polls("create-cluster") >= 3);
    }
}
