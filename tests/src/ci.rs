//! A CI runner as far as the recipes need one: jobs of GitHub Actions and GitLab, each in a checkout of its own, their
//! scripts run as they are written.

pub mod github;
pub mod gitlab;
pub mod identity;

use serde_json::Value;
use std::path::Path;

/// Parts of the machine that the scripts call.
pub const PROGRAMS: &[&str] = &["bash", "curl", "jq", "sha256sum", "flock"];

/// The first program of [`PROGRAMS`] that this machine does not have.
#[must_use]
pub fn missing_program() -> Option<&'static str> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let is_there = |name: &str| std::env::split_paths(&path).any(|folder| folder.join(name).is_file());
    PROGRAMS.iter().copied().find(|name| !is_there(name))
}

/// A recipe, read.
///
/// # Panics
/// When it is not there or no YAML.
#[must_use]
#[expect(clippy::unwrap_used, reason = "a broken harness ends the suite")]
pub fn recipe(name: &str) -> Value {
    let text = text(name);
    serde_saphyr::from_str(&text).unwrap()
}

/// The documents of a recipe with several.
///
/// # Panics
/// When it is not there or no YAML.
#[must_use]
#[expect(clippy::unwrap_used, reason = "a broken harness ends the suite")]
pub fn documents(name: &str) -> Vec<Value> {
    serde_saphyr::from_multiple(&text(name)).unwrap()
}

/// A recipe as it stands.
///
/// # Panics
/// When it is not there.
#[must_use]
#[expect(clippy::unwrap_used, reason = "a broken harness ends the suite")]
pub fn text(name: &str) -> String {
    std::fs::read_to_string(crate::place::root().join("docs/recipes").join(name)).unwrap()
}

/// Copies a file into a folder.
#[expect(clippy::unwrap_used, reason = "a broken harness ends the suite")]
fn copy(name: &str, from: &Path, to: &Path) {
    std::fs::copy(from.join(name), to.join(name)).unwrap();
}

/// The text of a field; empty where there is none.
fn field<'a>(value: &'a Value, name: &str) -> &'a str {
    value.get(name).and_then(Value::as_str).unwrap_or_default()
}
