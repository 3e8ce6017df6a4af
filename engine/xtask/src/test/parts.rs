//! Parts that tests want and that are not Rust: where they are, and how they get there.
//!
//! One table, [`PARTS`]. A part lives outside the repository, in a folder named after it, with a mark that holds the versions
//! it was made from: another version makes another mark, so an old part is never taken for a new one. The versions stand in
//! tests/parts.toml.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::command::{Program, capture, passes};
use crate::error::Failure;
use crate::root;

/// Versions of all parts.
const VERSIONS: &str = "tests/parts.toml";
const MARK: &str = "made-from";

/// A part.
pub struct Part {
    /// Its name, that of its folder and of its line in the table of versions.
    pub name: &'static str,
    /// What the tests are told by: a variable with the path of what they want of it.
    pub variable: &'static str,
    /// What is left out without it.
    pub suites: &'static str,
    /// Whether it takes more than two minutes of processor time to make: then `test` takes it only where it is there.
    pub is_long: bool,
    /// What the tests want, in its folder; with the version.
    wanted: fn(&Path, &str) -> PathBuf,
    /// Fetches it into its folder, which is empty; false when that did not work.
    fetch: fn(&Path, &str) -> Result<bool, Failure>,
}

/// All of them.
pub const PARTS: &[Part] = &[
    Part {
        name: "moto",
        variable: "TERRANE_MOTO_PYTHON",
        suites: "the moto suite, state in S3",
        is_long: false,
        wanted: |folder, _| python(folder),
        fetch: fetch_moto,
    },
    Part {
        name: "fake-gcs-server",
        variable: "TERRANE_FAKE_GCS",
        suites: "state in Cloud Storage",
        is_long: false,
        wanted: |folder, _| folder.join("fake-gcs-server"),
        fetch: |folder, version| {
            let module = format!("github.com/fsouza/fake-gcs-server@{version}");
            passes(&Program::new("go").arguments(["install", &module]).variable("GOBIN", folder))
        },
    },
    Part {
        name: "azurite",
        variable: "TERRANE_AZURITE",
        suites: "state in Azure Blob Storage",
        is_long: false,
        wanted: |folder, _| folder.join("node_modules/azurite/dist/src/blob/main.js"),
        fetch: |folder, version| {
            let package = format!("azurite@{version}");
            let quiet = ["install", "--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error", "--prefix"];
            passes(&Program::new("npm").arguments(quiet).arguments([folder]).arguments([package]))
        },
    },
    Part {
        name: "postgresql",
        variable: "TERRANE_POSTGRES",
        suites: "state in PostgreSQL",
        is_long: false,
        // Debian keeps each major version in a folder of its own; nothing of ours is made from it but the mark.
        wanted: |_, version| Path::new("/usr/lib/postgresql").join(version).join("bin"),
        fetch: |_, version| {
            let is_there = Path::new("/usr/lib/postgresql").join(version).join("bin/postgres").exists();
            Ok(is_there || apt(&[&format!("postgresql-{version}")])?)
        },
    },
    Part {
        name: "terraform-json",
        variable: "TERRANE_PLAN_JSON",
        suites: "plans read by HashiCorp's package",
        is_long: false,
        wanted: |folder, _| folder.join("plan-json"),
        fetch: |folder, _| {
            let module = root::root().join("tests/plan-json");
            let build = Program::new("go").arguments(["build", "-C"]).arguments([&module]).arguments(["-o"]);
            passes(&build.arguments([folder.join("plan-json")]))
        },
    },
    Part {
        name: "hcl-suite",
        variable: "TERRANE_HCL_SPECSUITE",
        suites: "HCL's own suite of cases",
        is_long: false,
        wanted: |folder, _| folder.join("tests"),
        fetch: super::hcl_suite::fetch,
    },
    Part {
        name: "conftest",
        variable: "TERRANE_CONFTEST",
        suites: "policies judged by conftest",
        is_long: true,
        wanted: |folder, _| folder.join("conftest"),
        fetch: |folder, version| {
            let module = format!("github.com/open-policy-agent/conftest@{version}");
            passes(&Program::new("go").arguments(["install", &module]).variable("GOBIN", folder))
        },
    },
    Part {
        name: "opentofu",
        variable: "TERRANE_TOFU",
        suites: "answers and layouts held against OpenTofu itself",
        is_long: true,
        wanted: |folder, _| folder.join("tofu"),
        fetch: fetch_tofu,
    },
    Part {
        name: "sarif-schema",
        variable: "TERRANE_SARIF_SCHEMA",
        suites: "SARIF reports against their schema",
        is_long: false,
        wanted: |folder, _| folder.join("sarif-schema-2.1.0.json"),
        fetch: super::report_schemas::fetch_sarif,
    },
    Part {
        name: "junit-schema",
        variable: "TERRANE_JUNIT_SCHEMA",
        suites: "JUnit reports against their schema",
        is_long: false,
        wanted: |folder, _| folder.join("junit-10.xsd"),
        fetch: super::report_schemas::fetch_junit,
    },
];

impl Part {
    /// What the tests want of it, if it is there in the version we want.
    #[must_use]
    pub fn found(&self) -> Option<PathBuf> {
        let (folder, version) = (folder()?.join(self.name), version(self.name).ok()?);
        self.found_in(&folder, &version)
    }

    fn found_in(&self, folder: &Path, version: &str) -> Option<PathBuf> {
        let wanted = (self.wanted)(folder, version);
        let is_made = std::fs::read_to_string(folder.join(MARK)).is_ok_and(|made_from| made_from == version);
        (is_made && wanted.exists()).then_some(wanted)
    }

    /// What the summary says when it is not there.
    #[must_use]
    pub fn missing(&self) -> String {
        let command = if self.is_long { "soak" } else { "test" };
        format!("{}: {} is not installed (cargo xtask {command} --install)", self.suites, self.name)
    }

    /// Fetches it, unless it is there. False when that did not work.
    ///
    /// # Errors
    /// When a file cannot be written or a program is not there.
    pub fn install(&self) -> Result<bool, Failure> {
        if self.found().is_some() {
            println!("{} is there", self.name);
            return Ok(true);
        }
        let Some(folder) = folder().map(|parts| parts.join(self.name)) else {
            return Err(Failure::Usage("neither TERRANE_PARTS nor HOME says where parts go".to_owned()));
        };
        let version = version(self.name)?;
        if folder.exists() {
            std::fs::remove_dir_all(&folder).map_err(Failure::file(&folder))?;
        }
        std::fs::create_dir_all(&folder).map_err(Failure::file(&folder))?;
        if !(self.fetch)(&folder, &version)? {
            return Ok(false);
        }
        root::write(&folder.join(MARK), &version)?; // last, so that a half-made part does not count
        Ok(self.found().is_some())
    }
}

/// Fetches every part that is not there, the long ones only `with_long`. False when one of them did not come; the others come all the same.
///
/// # Errors
/// None of its own; what went wrong with a part is printed.
pub fn install(with_long: bool) -> Result<bool, Failure> {
    let mut is_good = true;
    for part in PARTS.iter().filter(|part| with_long || !part.is_long) {
        let is_there = part.install().unwrap_or_else(|failure| {
            println!("{}: {failure}", part.name);
            false
        });
        is_good &= is_there;
    }
    Ok(is_good)
}

/// Folder of all parts: `TERRANE_PARTS`, else `~/.cache/terrane/parts`.
fn folder() -> Option<PathBuf> {
    if let Some(parts) = std::env::var_os("TERRANE_PARTS") {
        return Some(PathBuf::from(parts));
    }
    Some(PathBuf::from(std::env::var_os("HOME")?).join(".cache/terrane/parts"))
}

/// A line of the table of versions.
#[derive(Deserialize)]
struct Line {
    version: Option<String>,
    /// A file that holds the versions in the form that the part's own client takes.
    file: Option<String>,
}

/// The version of a part: what it is made from.
fn version(name: &str) -> Result<String, Failure> {
    let path = root::root().join(VERSIONS);
    let malformed =
        |detail: String| Failure::Malformed { what: VERSIONS.to_owned(), detail: format!("{name}: {detail}") };
    let table: std::collections::BTreeMap<String, Line> =
        toml::from_str(&root::read(&path)?).map_err(|error| malformed(error.to_string()))?;
    match table.get(name) {
        Some(Line { version: Some(version), .. }) => Ok(version.clone()),
        Some(Line { file: Some(file), .. }) => root::read(&root::root().join(file)),
        _ => Err(malformed("there is no version of it".to_owned())),
    }
}

fn python(folder: &Path) -> PathBuf {
    folder.join("bin").join("python")
}

/// OpenTofu, built in the folder of its module: it cannot be installed as a package, because it replaces modules.
fn fetch_tofu(folder: &Path, version: &str) -> Result<bool, Failure> {
    let unpacked = module("github.com/opentofu/opentofu", version)?;
    let build =
        Program::new("go").arguments(["build", "-C"]).arguments([&unpacked]).arguments(["-trimpath", "-ldflags=-s -w"]);
    let build = build.arguments(["-o"]).arguments([folder.join("tofu")]).arguments(["./cmd/tofu"]);
    passes(&build.variable("CGO_ENABLED", "0"))
}

/// Fetches a Go module, which is checked against Go's checksums on its way; the folder that it is unpacked in.
pub fn module(name: &str, version: &str) -> Result<PathBuf, Failure> {
    let module = format!("{name}@{version}");
    let text = capture(&Program::new("go").arguments(["mod", "download", "-json", &module]))?;
    let malformed = || Failure::Malformed { what: "go mod download".to_owned(), detail: format!("no {module}") };
    let told: serde_json::Value = serde_json::from_str(&text).map_err(|_| malformed())?;
    Ok(PathBuf::from(told.get("Dir").and_then(serde_json::Value::as_str).ok_or_else(malformed)?))
}

/// A private Python environment with moto and what it needs.
fn fetch_moto(folder: &Path, versions: &str) -> Result<bool, Failure> {
    let requirements = folder.join("requirements.txt");
    if !environment(folder)? {
        return Ok(false);
    }
    root::write(&requirements, versions)?;
    let pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--requirement"];
    passes(&Program::new(python(folder)).arguments(pip).arguments([&requirements]))
}

/// An empty environment in `folder`. Debian splits the module that makes one from Python itself.
fn environment(folder: &Path) -> Result<bool, Failure> {
    let venv = Program::new("python3").arguments(["-m", "venv"]).arguments([folder]);
    if passes(&venv).unwrap_or(false) {
        return Ok(true);
    }
    println!("python3 with venv is missing, asking Debian for it");
    Ok(apt(&["python3", "python3-venv"])? && passes(&venv)?)
}

/// Asks Debian for packages.
pub fn apt(packages: &[&str]) -> Result<bool, Failure> {
    let apt =
        |arguments: &[&str]| Program::new("apt-get").arguments(arguments).variable("DEBIAN_FRONTEND", "noninteractive");
    Ok(passes(&apt(&["update"]))? && passes(&apt(&["install", "-y"]).arguments(packages))?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn part_counts_only_with_the_mark_of_its_versions() {
        let folder = tempfile::tempdir().unwrap();
        let moto = PARTS.iter().find(|part| part.name == "moto").unwrap();
        let is_there = |version| moto.found_in(folder.path(), version).is_some();
        assert!(!is_there("moto==1"));
        root::write(&folder.path().join(MARK), "moto==1").unwrap();
        assert!(!is_there("moto==1"));
        root::write(&python(folder.path()), "").unwrap();
        assert!(is_there("moto==1"));
        assert!(!is_there("moto==2"));
    }

    #[test]
    fn every_part_has_a_version() {
        for part in PARTS {
            assert!(version(part.name).is_ok_and(|version| !version.is_empty()), "{}", part.name);
        }
    }
}
