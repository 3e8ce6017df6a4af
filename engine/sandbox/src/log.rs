//! The request log: one entry for each signed request, in the order of arrival.

use std::collections::VecDeque;

use serde::Serialize;

/// Entries kept; the oldest go first.
const CAPACITY: usize = 200_000;

/// One request to an emulated service.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LogEntry {
    /// Counts all requests from 1.
    pub sequence: u64,
    /// Emulated seconds since the Unix epoch at arrival.
    pub time: f64,
    /// Account the caller belongs to; empty when the caller is unknown.
    pub account: String,
    /// Access key that signed; empty for unsigned operations.
    pub access_key_id: String,
    /// ARN of the caller; empty when the caller is unknown.
    pub caller_arn: String,
    /// `eks`, `ec2`, `iam` or `sts`.
    pub service: String,
    /// Name of the operation as the vendor writes it.
    pub operation: String,
    /// Region of the credential scope.
    pub region: String,
    /// Name of the object the request is about, as far as the request names one.
    pub name: String,
    /// Whether the operation can change anything.
    pub is_mutating: bool,
    /// Position among all mutating requests, from 1.
    pub mutating_number: Option<u64>,
    /// Status of the answer; `None` while it is under way and when it was never answered.
    pub status: Option<u16>,
    /// Error code of the answer.
    pub error_code: Option<String>,
    /// Whether the effect took place; false for refused and dropped requests.
    pub is_applied: bool,
    /// What the sandbox did to this request on purpose: a fault or a kill.
    pub interference: Option<String>,
    /// The `x-amzn-RequestId` of the answer.
    pub request_id: String,
}

/// Entries in order of arrival.
#[derive(Debug, Default)]
pub(crate) struct RequestLog {
    entries: VecDeque<LogEntry>,
    last: u64,
}

impl RequestLog {
    /// The sequence number of the next request.
    pub(crate) const fn next(&mut self) -> u64 {
        self.last += 1;
        self.last
    }

    /// Adds an entry.
    pub(crate) fn push(&mut self, entry: LogEntry) {
        if self.entries.len() >= CAPACITY {
            self.entries.pop_front();
        }
        self.entries.push_back(entry);
    }

    /// Changes the entry of a request that is under way.
    pub(crate) fn amend(&mut self, sequence: u64, change: impl FnOnce(&mut LogEntry)) {
        if let Some(entry) = self.entries.iter_mut().rev().find(|entry| entry.sequence == sequence) {
            change(entry);
        }
    }

    /// All entries with a sequence number above `after`.
    pub(crate) fn since(&self, after: u64) -> Vec<LogEntry> {
        self.entries.iter().filter(|entry| entry.sequence > after).cloned().collect()
    }
}
