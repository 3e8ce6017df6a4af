//! What a sandbox holds and was asked, what stands in a state, and what the binary told: facts that suites compare.

#![expect(clippy::unwrap_used, reason = "a broken harness ends the suite")]

use std::collections::BTreeMap;
use std::path::Path;
use terrane_sandbox::{LogEntry, Sandbox};

/// Types that Terrane makes; networks are there from the start.
const MADE_TYPES: &[&str] = &["cluster", "node-group", "role"];
/// The role that every account of a sandbox has from the start.
pub const SEEDED_ROLE: &str = "terrane-deployer";

/// What was made: `ACCOUNT REGION TYPE NAME`, sorted; roles have no region.
#[must_use]
pub fn made(sandbox: &Sandbox) -> Vec<String> {
    let objects = sandbox.objects().into_iter();
    let made = objects.filter(|object| MADE_TYPES.contains(&object.object_type.as_str()) && object.name != SEEDED_ROLE);
    let line = |parts: [&str; 4]| parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ");
    let mut lines: Vec<String> =
        made.map(|object| line([&object.account, &object.region, &object.object_type, &object.name])).collect();
    lines.sort();
    lines
}

/// The number of the last request so far.
#[must_use]
pub fn mark(sandbox: &Sandbox) -> u64 {
    sandbox.log().last().map_or(0, |entry| entry.sequence)
}

/// The changing requests after a mark.
#[must_use]
pub fn changes(sandbox: &Sandbox, mark: u64) -> Vec<LogEntry> {
    sandbox.log().into_iter().filter(|entry| entry.sequence > mark && entry.is_mutating).collect()
}

/// What is recorded in the state of a folder: its log and snapshot, byte by byte. Locks come and go.
///
/// # Panics
/// When a file cannot be read.
#[must_use]
pub fn recorded(folder: &Path) -> BTreeMap<&'static str, Vec<u8>> {
    let path = |name: &str| folder.join("terrane.state").join(name);
    let there = ["log", "snapshot"].into_iter().filter(|name| path(name).exists());
    there.map(|name| (name, std::fs::read(path(name)).unwrap())).collect()
}

/// The ids of the problems that a text tells, in their order. Each problem ends with `Help: .. [id]`; a help of
/// several lines ends with the id too.
#[must_use]
pub fn ids(text: &str) -> Vec<&str> {
    let mut is_in_help = false;
    let mut ids = Vec::new();
    for line in text.lines() {
        is_in_help |= line.starts_with("Help: ");
        let id = line.strip_suffix(']').and_then(|line| line.rsplit_once(" [")).map(|(_, id)| id);
        if let Some(id) = id.filter(|_| is_in_help) {
            ids.push(id);
            is_in_help = false;
        }
    }
    ids
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_stand_at_the_end_of_the_help() {
        let text = "Error: A [b]\n\n  x [y]\n\nHelp: Do this\nand that [wrong-type]\n\nHelp: So [denied]\n";
        assert_eq!(ids(text), ["wrong-type", "denied"]);
    }
}
