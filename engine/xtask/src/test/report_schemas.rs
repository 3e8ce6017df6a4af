//! Schemas that others made of report formats: SARIF's comes out of a Rust crate, JUnit's out of a Python package. Neither is
//! committed. XML is checked by xmllint, which Debian has.

use std::path::Path;

use super::parts;
use crate::command::{Program, capture, passes};
use crate::error::Failure;
use crate::root;

/// The crate with SARIF's schema.
const CRATE: &str = "serde-sarif";

/// A package that needs the crate makes cargo fetch it, and tells where it is.
///
/// # Errors
/// When cargo does not find the crate, or it has no schema.
pub fn fetch_sarif(folder: &Path, version: &str) -> Result<bool, Failure> {
    let manifest = folder.join("package/Cargo.toml");
    let head = "[package]\nname = \"schemas\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\n[workspace]\n";
    root::write(&manifest, &format!("{head}\n[dependencies]\n{CRATE} = \"={version}\"\n"))?;
    root::write(&folder.join("package/src/lib.rs"), "")?;
    let metadata = ["metadata", "--format-version", "1", "--manifest-path"];
    let text = capture(&Program::cargo().arguments(metadata).arguments([&manifest]))?;
    let malformed = || Failure::Malformed { what: "cargo metadata".to_owned(), detail: format!("no {CRATE}") };
    let metadata: serde_json::Value = serde_json::from_str(&text).map_err(|_| malformed())?;
    let packages = metadata.get("packages").and_then(serde_json::Value::as_array).ok_or_else(malformed)?;
    let is_wanted = |package: &&serde_json::Value| package.get("name").is_some_and(|name| name == CRATE);
    let found = packages.iter().find(is_wanted).and_then(|package| package.get("manifest_path")?.as_str());
    let from = Path::new(found.ok_or_else(malformed)?).with_file_name("src").join("schema.json");
    root::write(&folder.join("sarif-schema-2.1.0.json"), &root::read(&from)?)?;
    Ok(true)
}

/// The schema out of a source package, and xmllint.
///
/// # Errors
/// When a program is not there or the package has no schema.
pub fn fetch_junit(folder: &Path, version: &str) -> Result<bool, Failure> {
    let package = format!("pytest=={version}");
    let download = ["-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps", "--no-binary"];
    let pip = Program::new("python3").arguments(download).arguments(["pytest", &package, "--dest"]).arguments([folder]);
    let inside = format!("pytest-{version}/testing/example_scripts/junit-10.xsd");
    let archive = folder.join(format!("pytest-{version}.tar.gz"));
    let unpack = Program::new("tar").arguments(["--extract", "--gzip", "--file"]).arguments([&archive]);
    let unpack = unpack.arguments(["--directory"]).arguments([folder]).arguments([&inside]);
    if !passes(&pip)? || !passes(&unpack)? {
        return Ok(false);
    }
    root::write(&folder.join("junit-10.xsd"), &root::read(&folder.join(inside))?)?;
    let has_xmllint = passes(&Program::new("xmllint").arguments(["--version"])).unwrap_or(false);
    Ok(has_xmllint || parts::apt(&["libxml2-utils"])?)
}
