//! What text of the repository has to begin with, and what it must never hold.

use std::path::Path;

use crate::tidy::Problem;
use crate::tidy::source::Source;

/// Folders below the root of a file system that people and build machines work in.
const MACHINE_FOLDERS: &[&str] = &["root", "home", "work"];

/// A module opens with what it is for.
#[must_use]
pub fn module_doc(source: &Source) -> Vec<Problem> {
    let first = source.text.trim_start_matches('\u{feff}').lines().find(|line| !line.trim().is_empty());
    if first.is_some_and(|line| line.starts_with("//!")) {
        return Vec::new();
    }
    vec![Problem::new(&source.path, 1, "module-doc", "a module opens with `//!` and what it is for".to_owned())]
}

/// Paths that mean something on one machine only.
#[must_use]
pub fn machine_paths(path: &Path, text: &str) -> Vec<Problem> {
    let mut found = Vec::new();
    let folders: Vec<String> = MACHINE_FOLDERS.iter().map(|name| format!("/{name}")).collect();
    for (number, line) in text.lines().enumerate() {
        for folder in &folders {
            if line.match_indices(folder).any(|(at, _)| is_absolute(line, at, folder)) {
                let text = format!("`{folder}` is a folder of one machine");
                found.push(Problem::new(path, number + 1, "machine-path", text));
            }
        }
    }
    found
}

/// Whether the folder at `at` starts a path instead of going on with one.
fn is_absolute(line: &str, at: usize, folder: &str) -> bool {
    let before = line.get(..at).and_then(|text| text.chars().next_back());
    let after = line.get(at + folder.len()..).and_then(|text| text.chars().next());
    let goes_on = before.is_some_and(|c| c.is_alphanumeric() || "_-.}/*)]".contains(c));
    let is_longer = after.is_some_and(|c| c.is_alphanumeric() || "_-.".contains(c));
    !goes_on && !is_longer
}

/// Every crate takes the lints of the workspace.
#[must_use]
pub fn workspace_lints(path: &Path, manifest: &toml::Table) -> Vec<Problem> {
    if !manifest.contains_key("package") {
        return Vec::new();
    }
    let lints = manifest.get("lints").and_then(|lints| lints.get("workspace")).and_then(toml::Value::as_bool);
    if lints == Some(true) {
        return Vec::new();
    }
    vec![Problem::new(path, 1, "workspace-lints", "`[lints] workspace = true` is missing".to_owned())]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn module_without_doc_is_told() {
        let check = |text: &str| module_doc(&Source::new(Path::new("a.rs"), text)).len();
        assert_eq!(check("use x;\n"), 1);
        assert_eq!(check("// plain\n"), 1);
        assert_eq!(check(""), 1);
        assert_eq!(check("\n//! Does one thing.\n"), 0);
    }

    #[test]
    fn folders_of_a_machine_are_told() {
        let check = |text: &str| machine_paths(Path::new("a.md"), text).len();
        for folder in MACHINE_FOLDERS {
            assert_eq!(check(&format!("a\n\"/{folder}/x\"")), 1, "{folder}");
            assert_eq!(check(&format!("cd /{folder}")), 1, "{folder}");
            assert_eq!(check(&format!("${{path.module}}/{folder}/x")), 0, "{folder}");
        }
        assert_eq!(check("modules/root and a/root.rs and ./home/x and /rootfs"), 0);
    }

    #[test]
    fn crate_without_workspace_lints_is_told() {
        let check = |text: &str| workspace_lints(Path::new("Cargo.toml"), &text.parse().unwrap()).len();
        assert_eq!(check("[package]\nname = \"a\""), 1);
        assert_eq!(check("[package]\nname = \"a\"\n[lints]\nworkspace = false"), 1);
        assert_eq!(check("[package]\nname = \"a\"\n[lints]\nworkspace = true"), 0);
        assert_eq!(check("[workspace]\nmembers = []"), 0);
    }
}
