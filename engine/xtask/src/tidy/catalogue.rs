//! Each diagnostic has an id of its own and a page about it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use crate::tidy::Problem;
use crate::tidy::source::{Source, closing_brace};

/// Folder of the pages.
const FOLDER: &str = "docs/diagnostics";

/// One entry of a `diagnostics!` block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Declared {
    /// Its id.
    pub id: String,
    /// File that declares it.
    pub path: PathBuf,
    /// Line there.
    pub line: usize,
}

/// The entries that a file declares.
#[must_use]
pub fn declared(source: &Source) -> Vec<Declared> {
    let mut found = Vec::new();
    for name in ["diagnostics!", "diagnostic!"] {
        for at in Source::words(&source.product, name) {
            let after = source.product.get(at + name.len()..).unwrap_or_default();
            if !after.trim_start().starts_with('{') {
                continue;
            }
            let open = at + name.len() + (after.len() - after.trim_start().len());
            entries(source, open, closing_brace(&source.product, open), &mut found);
        }
    }
    found
}

/// `NAME: error "some-id" =>`, between `from` and `to`.
fn entries(source: &Source, from: usize, to: usize, found: &mut Vec<Declared>) {
    let code = source.product.get(from..to).unwrap_or_default();
    for severity in [": error \"", ": warning \""] {
        for (at, _) in code.match_indices(severity) {
            let start = from + at + severity.len();
            let text = source.text.get(start..).unwrap_or_default();
            let id = text.split('"').next().unwrap_or_default().to_owned();
            found.push(Declared { id, path: source.path.clone(), line: source.line_at(start) });
        }
    }
}

/// Ids that are malformed, taken or without a page, and pages without an id.
#[must_use]
pub fn check(declared: &[Declared], files: &BTreeSet<PathBuf>) -> Vec<Problem> {
    let mut found = Vec::new();
    let mut first: BTreeMap<&str, &Declared> = BTreeMap::new();
    for entry in declared {
        let mut tell = |rule, text| found.push(Problem::new(&entry.path, entry.line, rule, text));
        if !is_kebab(&entry.id) {
            tell("diagnostic-id", format!("`{}` is not in kebab case", entry.id));
        }
        if let Some(other) = first.get(entry.id.as_str()) {
            let at = format!("{}:{}", other.path.display(), other.line);
            tell("diagnostic-id", format!("`{}` is taken by {at}", entry.id));
            continue;
        }
        let page = page(&entry.id);
        if !files.contains(&page) {
            tell("diagnostic-page", format!("`{}` has no {}", entry.id, page.display()));
        }
        first.insert(&entry.id, entry);
    }
    for path in files.iter().filter(|path| path.starts_with(FOLDER) && path.extension().is_some_and(|e| e == "md")) {
        let id = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
        if id != "index" && !first.contains_key(id) {
            found.push(Problem::new(path, 1, "diagnostic-page", format!("nothing declares `{id}`")));
        }
    }
    found
}

fn page(id: &str) -> PathBuf {
    Path::new(FOLDER).join(format!("{id}.md"))
}

fn is_kebab(id: &str) -> bool {
    let is_word = |word: &str| !word.is_empty() && word.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit());
    id.split('-').all(is_word)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = r#"
terrane_core::diagnostics! {
    // A group.
    ONE: error "one" => "First"; help: "x: error \"no\"";
    TWO: warning "two-b" => "Second";
        help: "y";
}
macro_rules! diagnostics { ($x:ident) => { $x: error "not-this" } }
"#;

    fn texts(declared: &[Declared], pages: &[&str]) -> Vec<String> {
        let files = pages.iter().map(PathBuf::from).collect();
        check(declared, &files).into_iter().map(|problem| problem.text).collect()
    }

    #[test]
    fn entries_are_found_with_their_lines() {
        let found = declared(&Source::new(Path::new("src/diag.rs"), TEXT));
        let found: Vec<(&str, usize)> = found.iter().map(|entry| (entry.id.as_str(), entry.line)).collect();
        assert_eq!(found, [("one", 4), ("two-b", 5)]);
    }

    #[test]
    fn missing_and_left_over_pages_are_told() {
        let found = declared(&Source::new(Path::new("src/diag.rs"), TEXT));
        let pages = ["docs/diagnostics/one.md", "docs/diagnostics/old.md", "docs/diagnostics/index.md"];
        assert_eq!(texts(&found, &pages), ["`two-b` has no docs/diagnostics/two-b.md", "nothing declares `old`"]);
    }

    #[test]
    fn ids_are_unique_and_in_kebab_case() {
        let entry = |id: &str, line| Declared { id: id.to_owned(), path: "a.rs".into(), line };
        let pages = ["docs/diagnostics/a.md", "docs/diagnostics/B_c.md"];
        assert_eq!(
            texts(&[entry("a", 1), entry("a", 2), entry("B_c", 3)], &pages),
            ["`a` is taken by a.rs:1", "`B_c` is not in kebab case"]
        );
    }
}
