//! `gen`: what is written down from the binary's own declarations.
//!
//! In: one JSON document that `terrane internal-schemas` prints. Out: schemas/, docs/reference/ and
//! docs/diagnostics/index.md. Nothing here knows a type or a provider by name.

mod catalogue;
mod document;
mod json_schema;
mod page;
mod types;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use crate::command::{Program, capture};
use crate::error::{Failure, Outcome};
use crate::root;
use document::{Document, Kind};

/// Whether to write or to compare.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Write what is stale and remove what is left over.
    Write,
    /// Name it and fail.
    Check,
}

/// Folders in which every file is generated: others there are left over.
const OWNED: &[&str] = &["schemas", "docs/reference"];

/// Generates, or compares.
///
/// # Errors
/// When the binary cannot be run, prints something else, or files cannot be read or written.
pub fn run(mode: Mode) -> Result<Outcome, Failure> {
    if mode == Mode::Write && !crate::test::is_built()? {
        return Ok(Outcome::Bad);
    }
    let binary = root::target_dir()?.join("debug").join("terrane");
    let text = capture(&Program::new(&binary).arguments(["internal-schemas"]).shielded())?;
    let document = Document::parse(&text)?;
    let wanted = generated(&document)?;
    let stale = stale(&root::root(), &wanted, &root::files()?);
    for path in &stale {
        println!("{}: stale", path.display());
        if mode == Mode::Write {
            renew(&root::root().join(path), wanted.get(path))?;
        }
    }
    println!("gen: {} files, {} stale", wanted.len(), stale.len());
    Ok(Outcome::of(mode == Mode::Write || stale.is_empty()))
}

/// Every generated file with its text.
fn generated(document: &Document) -> Result<BTreeMap<PathBuf, String>, Failure> {
    let mut files = BTreeMap::new();
    for (kind, types) in document.kinds() {
        for schema in types.values() {
            let name = &schema.type_name;
            let json = json_schema::of_type(kind, schema)?;
            files.insert(schema_path(kind, name), pretty(&json)?);
            files.insert(
                Path::new("docs/reference").join(kind.folder()).join(format!("{name}.md")),
                page::of_type(kind, schema),
            );
        }
    }
    for (name, format) in &document.formats {
        files.insert(Path::new("schemas").join(format!("{name}.json")), pretty(format)?);
    }
    files.insert(PathBuf::from("docs/reference/index.md"), page::index(document));
    files.insert(PathBuf::from("docs/diagnostics/index.md"), catalogue::index(&document.diagnostics));
    Ok(files)
}

fn schema_path(kind: Kind, name: &str) -> PathBuf {
    let folder = match kind {
        Kind::Resource => "types",
        Kind::Data => "data",
        Kind::Provider => "providers",
    };
    Path::new("schemas").join(folder).join(format!("{name}.json"))
}

fn pretty(json: &serde_json::Value) -> Result<String, Failure> {
    let text = serde_json::to_string_pretty(json)
        .map_err(|error| Failure::Malformed { what: "a schema".to_owned(), detail: error.to_string() })?;
    Ok(text + "\n")
}

/// Files that are missing, differ, or are there although nothing generates them.
fn stale(root: &Path, wanted: &BTreeMap<PathBuf, String>, files: &[PathBuf]) -> BTreeSet<PathBuf> {
    let differs = |(path, text): &(&PathBuf, &String)| {
        std::fs::read_to_string(root.join(path)).map_or(true, |present| present != **text)
    };
    let is_left_over = |path: &&PathBuf| {
        OWNED.iter().any(|folder| path.starts_with(folder)) && !wanted.contains_key(*path) && root.join(path).is_file()
    };
    let differing = wanted.iter().filter(differs).map(|(path, _)| path.clone());
    differing.chain(files.iter().filter(is_left_over).cloned()).collect()
}

fn renew(path: &Path, text: Option<&String>) -> Result<(), Failure> {
    match text {
        Some(text) => root::write(path, text),
        None => std::fs::remove_file(path).map_err(Failure::file(path)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn missing_changed_and_left_over_files_are_stale() {
        let folder = tempfile::tempdir().unwrap();
        let write = |path: &str, text: &str| root::write(&folder.path().join(path), text).unwrap();
        write("schemas/a.json", "a");
        write("schemas/b.json", "old");
        write("schemas/d.json", "d");
        write("docs/guide.md", "x");
        let wanted = [("schemas/a.json", "a"), ("schemas/b.json", "b"), ("schemas/c.json", "c")];
        let wanted = wanted.into_iter().map(|(path, text)| (PathBuf::from(path), text.to_owned())).collect();
        let files = ["docs/guide.md", "schemas/a.json", "schemas/b.json", "schemas/d.json"].map(PathBuf::from);
        let found = stale(folder.path(), &wanted, &files);
        let found: Vec<_> = found.iter().map(|path| path.display().to_string()).collect();
        assert_eq!(found, ["schemas/b.json", "schemas/c.json", "schemas/d.json"]);
    }

    #[test]
    fn one_type_makes_a_schema_and_a_page() {
        let document = Document::parse(document::EXAMPLE).unwrap();
        let files = generated(&document).unwrap();
        let names: Vec<_> = files.keys().map(|path| path.display().to_string()).collect();
        assert_eq!(
            names,
            [
                "docs/diagnostics/index.md",
                "docs/reference/data/demo_network.md",
                "docs/reference/demo_cluster.md",
                "docs/reference/index.md",
                "docs/reference/providers/demo.md",
                "schemas/data/demo_network.json",
                "schemas/plan.json",
                "schemas/providers/demo.json",
                "schemas/types/demo_cluster.json",
            ]
        );
        assert_eq!(generated(&document).unwrap(), files);
    }
}
