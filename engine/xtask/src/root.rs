//! Where things are: the repository, its tracked files, the folder of built programs.

use std::path::{Path, PathBuf};

use crate::command::{Program, capture};
use crate::error::Failure;

/// The folder of the repository: the one that cargo runs this program in. Two clones that share a target folder
/// share the built program too, so the folder it was built in may be the other's.
#[must_use]
pub fn root() -> PathBuf {
    let here = std::env::var_os("CARGO_MANIFEST_DIR").map_or_else(|| env!("CARGO_MANIFEST_DIR").into(), PathBuf::from);
    here.ancestors().nth(2).unwrap_or(&here).to_owned()
}

/// Every file of the repository that is tracked or would be, relative and sorted. Deleted ones are left out.
///
/// # Errors
/// When git cannot tell.
pub fn files() -> Result<Vec<PathBuf>, Failure> {
    let git = Program::new("git").arguments(["ls-files", "-z", "--cached", "--others", "--exclude-standard"]);
    let text = capture(&git)?;
    let root = root();
    let mut paths: Vec<PathBuf> = text.split('\0').filter(|path| !path.is_empty()).map(PathBuf::from).collect();
    paths.retain(|path| root.join(path).is_file());
    paths.sort();
    paths.dedup();
    Ok(paths)
}

/// The folder that cargo builds into.
///
/// # Errors
/// When cargo cannot tell.
pub fn target_dir() -> Result<PathBuf, Failure> {
    let cargo = Program::cargo().arguments(["metadata", "--format-version", "1", "--no-deps"]);
    let text = capture(&cargo)?;
    let metadata: serde_json::Value = serde_json::from_str(&text)
        .map_err(|error| Failure::Malformed { what: "cargo metadata".to_owned(), detail: error.to_string() })?;
    match metadata.get("target_directory").and_then(serde_json::Value::as_str) {
        Some(folder) => Ok(PathBuf::from(folder)),
        None => Err(Failure::Malformed {
            what: "cargo metadata".to_owned(),
            detail: "it names no target_directory".to_owned(),
        }),
    }
}

/// Reads a text file.
///
/// # Errors
/// When it is not there or not UTF-8.
pub fn read(path: &Path) -> Result<String, Failure> {
    std::fs::read_to_string(path).map_err(Failure::file(path))
}

/// Writes a text file and the folders it needs.
///
/// # Errors
/// When the file system refuses.
pub fn write(path: &Path, text: &str) -> Result<(), Failure> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(Failure::file(folder))?;
    }
    std::fs::write(path, text).map_err(Failure::file(path))
}
