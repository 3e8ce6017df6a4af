//! The cases with which HCL tests its own implementations. They come out of its Go module and are not committed.

use std::path::Path;

use crate::command::{Program, capture, passes};
use crate::error::Failure;

/// The module with the cases.
const MODULE: &str = "github.com/hashicorp/hcl/v2";

/// Fetches the module, which is checked against Go's checksums on its way, and copies the cases; nothing is built.
///
/// # Errors
/// When there is no Go, or the module is not to be had in that version.
pub fn fetch(folder: &Path, version: &str) -> Result<bool, Failure> {
    let module = format!("{MODULE}@{version}");
    let text = capture(&Program::new("go").arguments(["mod", "download", "-json", &module]))?;
    let malformed = || Failure::Malformed { what: "go mod download".to_owned(), detail: format!("no {module}") };
    let told: serde_json::Value = serde_json::from_str(&text).map_err(|_| malformed())?;
    let unpacked = told.get("Dir").and_then(serde_json::Value::as_str).ok_or_else(malformed)?;
    let cases = Path::new(unpacked).join("specsuite/tests");
    passes(&Program::new("cp").arguments(["-r", "--no-preserve=mode"]).arguments([&cases]).arguments([folder]))
}
