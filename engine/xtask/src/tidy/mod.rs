//! The rules of the house that no compiler lint holds. Each rule takes plain data and returns problems.

mod calls;
mod catalogue;
mod exceptions;
mod graph;
mod size;
mod source;
mod text;

use std::collections::BTreeSet;
use std::fmt;
use std::path::{Path, PathBuf};

use crate::command::{Program, capture};
use crate::error::{Failure, Outcome};
use crate::root;
use source::Source;

/// A place where a rule is broken.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    /// Relative to the repository.
    pub path: PathBuf,
    /// From 1.
    pub line: usize,
    /// Name of the rule.
    pub rule: &'static str,
    /// What is wrong.
    pub text: String,
}

impl Problem {
    /// A problem at one line.
    #[must_use]
    pub fn new(path: &Path, line: usize, rule: &'static str, text: String) -> Self {
        Self { path: path.to_owned(), line, rule, text }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}: {}", self.path.display(), self.line, self.rule, self.text)
    }
}

/// Rules that look at one Rust file.
const RULES: &[fn(&Source) -> Vec<Problem>] =
    &[size::file, size::functions, calls::ending, calls::impure, calls::allowed, text::module_doc];

/// Prints every problem of the repository.
///
/// # Errors
/// When files, git or cargo cannot be read.
pub fn run() -> Result<Outcome, Failure> {
    let files = root::files()?;
    let mut problems = crates()?;
    let mut sources = Vec::new();
    for path in &files {
        let Ok(text) = std::fs::read_to_string(root::root().join(path)) else { continue }; // not text
        problems.extend(text::machine_paths(path, &text));
        if path.extension().is_some_and(|extension| extension == "rs") {
            sources.push(Source::new(path, &text));
        }
        if path.file_name().is_some_and(|name| name == "Cargo.toml") {
            problems.extend(manifest(path, &text));
        }
    }
    let sources = with_test_modules(sources);
    problems.extend(sources.iter().flat_map(|source| RULES.iter().flat_map(|rule| rule(source))));
    let declared: Vec<catalogue::Declared> = sources.iter().flat_map(catalogue::declared).collect();
    let files: BTreeSet<PathBuf> = files.into_iter().collect();
    problems.extend(catalogue::check(&declared, &files));
    let mut problems = exceptions::without(problems, exceptions::ALL);
    problems.sort();
    for problem in &problems {
        println!("{problem}");
    }
    println!("tidy: {} files, {} problems", files.len(), problems.len());
    Ok(Outcome::of(problems.is_empty()))
}

/// Marks files of modules that another file declares under `#[cfg(test)]`, and what is below them.
fn with_test_modules(sources: Vec<Source>) -> Vec<Source> {
    let modules: BTreeSet<PathBuf> = sources.iter().flat_map(Source::test_modules).collect();
    let is_test = |source: &Source| source.path.with_extension("").ancestors().any(|path| modules.contains(path));
    sources.into_iter().map(|source| if is_test(&source) { source.into_tests() } else { source }).collect()
}

fn manifest(path: &Path, text: &str) -> Vec<Problem> {
    match text.parse::<toml::Table>() {
        Ok(table) => text::workspace_lints(path, &table),
        Err(error) => vec![Problem::new(path, 1, "workspace-lints", error.message().to_owned())],
    }
}

fn crates() -> Result<Vec<Problem>, Failure> {
    let metadata = capture(&Program::cargo().arguments(["metadata", "--format-version", "1"]))?;
    let tree = ["tree", "--workspace", "--target", "all", "--prefix", "none", "--format", "{p}"];
    let tree = capture(&Program::cargo().arguments(tree))?;
    let mut problems = graph::directions(&metadata)?;
    problems.extend(graph::linked(&tree));
    Ok(problems)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modules_below_a_module_of_tests_are_tests() {
        let files =
            [("a/src/lib.rs", "#[cfg(test)]\nmod kit;\nmod b;"), ("a/src/kit.rs", "x"), ("a/src/kit/c.rs", "x")];
        let files = files.into_iter().chain([("a/src/b.rs", "x"), ("a/src/kitchen.rs", "x")]);
        let sources = with_test_modules(files.map(|(path, text)| Source::new(Path::new(path), text)).collect());
        let tests = sources.iter().filter(|source| source.product.is_empty());
        let tests: Vec<String> = tests.map(|source| source.path.display().to_string()).collect();
        assert_eq!(tests, ["a/src/kit.rs", "a/src/kit/c.rs"]);
    }
}
