//! What a store keeps of earlier states: which runs there were, and how long what came before is kept.

use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use terrane_core::Text;
use terrane_plan::state::Entry;

/// Snapshots that are kept, however old.
pub const KEPT_SNAPSHOTS: usize = 10;
/// How long what a snapshot replaced is kept, in milliseconds.
pub const KEPT_MS: u64 = 30 * 24 * 3_600 * 1_000;

/// Runs that are remembered.
const MOST_VERSIONS: usize = 1_000;

/// A state as a run left it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Version {
    /// Serial of the last entry before the next run began: what [`load_at`] gives the state of.
    ///
    /// [`load_at`]: super::StateStore::load_at
    pub serial: u64,
    /// When the run began, RFC 3339.
    pub at: Text,
    /// Who ran, `user@host`.
    pub by: Text,
    /// The plan in short.
    pub summary: Text,
    /// Id of the plan.
    pub plan: Text,
}

/// The fields that tell of a run; of other entries the kind alone.
#[derive(Deserialize)]
struct EntryText<'a> {
    #[serde(borrow)]
    entry: Cow<'a, str>,
    #[serde(default)]
    plan: Option<Text>,
    #[serde(default)]
    summary: Option<Text>,
    #[serde(default)]
    at: Option<Text>,
    #[serde(default)]
    by: Option<Text>,
}

/// Collects versions out of entries, one after the other.
#[derive(Clone, Debug, Default)]
pub(crate) struct Versions(Vec<Version>);

impl Version {
    /// That which an entry begins, where it does; `serial` is that of the entry.
    pub(crate) fn of(entry: &Entry, serial: u64) -> Option<Self> {
        match entry {
            Entry::Begin { plan, summary, at, by } => {
                Some(Self { serial, at: at.clone(), by: by.clone(), summary: summary.clone(), plan: plan.clone() })
            }
            _ => None,
        }
    }
}

impl Versions {
    /// Those that were known at a serial.
    pub fn of(known: Vec<Version>, serial: u64) -> Self {
        let mut versions = Self(known);
        versions.reach(serial);
        versions
    }

    /// Takes in an entry.
    pub fn typed(&mut self, entry: &Entry, serial: u64) {
        match Version::of(entry, serial) {
            Some(version) => self.push(version),
            None => self.reach(serial),
        }
    }

    /// Takes in `count` entries after `base_serial`, of which those begin a run; their serials count from 1.
    pub fn batch(&mut self, base_serial: u64, begins: &[Version], count: u64) {
        for begin in begins {
            self.reach(base_serial + begin.serial - 1);
            self.push(Version { serial: base_serial + begin.serial, ..begin.clone() });
        }
        self.reach(base_serial + count);
    }

    fn reach(&mut self, serial: u64) {
        if let Some(last) = self.0.last_mut() {
            last.serial = serial;
        }
    }

    fn push(&mut self, version: Version) {
        self.0.push(version);
        let too_many = self.0.len().saturating_sub(MOST_VERSIONS);
        self.0.drain(..too_many);
    }

    /// Takes in the JSON of the entry with that serial. What is no entry brings no version.
    pub fn entry(&mut self, json: &[u8], serial: u64) {
        match serde_json::from_slice(json) {
            Ok(EntryText { entry, plan: Some(plan), summary: Some(summary), at: Some(at), by: Some(by) })
                if entry == "begin" =>
            {
                self.push(Version { serial, at, by, summary, plan });
            }
            _ => self.reach(serial),
        }
    }

    /// Oldest first.
    pub fn into_vec(self) -> Vec<Version> {
        self.0
    }
}

/// How many of the oldest snapshots may go. `modified_ms` tells when each was written, oldest first, the one in use
/// included. What is kept goes back [`KEPT_MS`] at least: so the newest that is older than that stays, because the
/// states after it are told from it.
pub(crate) fn to_forget(modified_ms: &[u64], now_ms: u64) -> usize {
    let old = modified_ms.iter().filter(|modified| modified.saturating_add(KEPT_MS) < now_ms).count();
    old.saturating_sub(1).min(modified_ms.len().saturating_sub(KEPT_SNAPSHOTS))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::contract::entries;

    #[test]
    fn a_version_ends_where_the_next_run_begins() {
        let mut versions = Versions::default();
        let mut all = entries(2);
        all.insert(2, Entry::Finish { plan: "plan-0".into() });
        for (entry, serial) in all.iter().zip(1..) {
            versions.entry(&serde_json::to_vec(entry).unwrap(), serial);
        }
        let told: Vec<(u64, Text)> = versions.into_vec().into_iter().map(|found| (found.serial, found.plan)).collect();
        assert_eq!(told, [(3, "plan-0".into()), (4, "plan-1".into())]);
    }

    #[test]
    fn ten_snapshots_and_thirty_days_are_kept() {
        let day = KEPT_MS / 30;
        let daily: Vec<u64> = (0..100).map(|number| number * day).collect();
        // 69 are older than thirty days; the last of them is what the thirtieth day is told from.
        assert_eq!(to_forget(&daily, 99 * day), 68);
        assert_eq!(to_forget(&daily, 10_000 * day), 90, "ten stay, however old");
        assert_eq!(to_forget(&daily[..5], 10_000 * day), 0);
        assert_eq!(to_forget(&[99 * day; 50], 99 * day), 0);
    }
}
