//! Parts that tests want and that are not Rust: where they are, and how they get there.
//!
//! A part lives outside the repository, in a folder named after it, with a mark that holds the versions
//! it was made from: another version makes another mark, so an old part is never taken for a new one.

use std::path::{Path, PathBuf};

use crate::command::{Program, passes};
use crate::error::Failure;
use crate::root;

/// What the summary says when moto is not there.
pub const MOTO_MISSING: &str = "the moto suite: moto is not installed (cargo xtask test --install)";

/// Versions of moto and what it needs.
const MOTO_VERSIONS: &str = "tests/moto/requirements.txt";
const MARK: &str = "made-from";

/// Folder of all parts: `TERRANE_PARTS`, else `~/.cache/terrane/parts`.
fn folder() -> Option<PathBuf> {
    if let Some(parts) = std::env::var_os("TERRANE_PARTS") {
        return Some(PathBuf::from(parts));
    }
    Some(PathBuf::from(std::env::var_os("HOME")?).join(".cache/terrane/parts"))
}

/// The Python that has moto and boto3, if it is there in the versions we want.
#[must_use]
pub fn moto_python() -> Option<PathBuf> {
    let folder = folder()?.join("moto");
    let wanted = std::fs::read_to_string(root::root().join(MOTO_VERSIONS)).ok()?;
    is_made_from(&folder, &wanted).then(|| python(&folder))
}

fn python(folder: &Path) -> PathBuf {
    folder.join("bin").join("python")
}

fn is_made_from(folder: &Path, wanted: &str) -> bool {
    std::fs::read_to_string(folder.join(MARK)).is_ok_and(|made_from| made_from == wanted) && python(folder).exists()
}

/// Makes the private Python environment with moto, unless it is there. False when that did not work.
///
/// # Errors
/// When a file cannot be written or python3 is not there.
pub fn install_moto() -> Result<bool, Failure> {
    if moto_python().is_some() {
        println!("moto is there");
        return Ok(true);
    }
    let Some(folder) = folder().map(|parts| parts.join("moto")) else {
        return Err(Failure::Usage("neither TERRANE_PARTS nor HOME says where parts go".to_owned()));
    };
    let versions = root::root().join(MOTO_VERSIONS);
    let wanted = root::read(&versions)?;
    if !environment(&folder)? {
        return Ok(false);
    }
    let pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--requirement"];
    if !passes(&Program::new(python(&folder)).arguments(pip).arguments([&versions]))? {
        return Ok(false);
    }
    root::write(&folder.join(MARK), &wanted)?; // last, so that a half-made part does not count
    Ok(true)
}

/// An empty environment in `folder`. Debian splits the module that makes one from Python itself.
fn environment(folder: &Path) -> Result<bool, Failure> {
    if folder.exists() {
        std::fs::remove_dir_all(folder).map_err(Failure::file(folder))?;
    }
    let venv = Program::new("python3").arguments(["-m", "venv"]).arguments([folder]);
    if passes(&venv).unwrap_or(false) {
        return Ok(true);
    }
    println!("python3 with venv is missing, asking Debian for it");
    let apt =
        |arguments: &[&str]| Program::new("apt-get").arguments(arguments).variable("DEBIAN_FRONTEND", "noninteractive");
    let is_there = passes(&apt(&["update"]))? && passes(&apt(&["install", "-y", "python3", "python3-venv"]))?;
    Ok(is_there && passes(&venv)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn part_counts_only_with_the_mark_of_its_versions() {
        let folder = tempfile::tempdir().unwrap();
        assert!(!is_made_from(folder.path(), "moto==1"));
        root::write(&folder.path().join(MARK), "moto==1").unwrap();
        assert!(!is_made_from(folder.path(), "moto==1"));
        root::write(&python(folder.path()), "").unwrap();
        assert!(is_made_from(folder.path(), "moto==1"));
        assert!(!is_made_from(folder.path(), "moto==2"));
    }
}
