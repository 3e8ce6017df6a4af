//! The cases with which HCL tests its own implementations. They come out of its Go module and are not committed.

use std::path::Path;

use crate::command::{Program, passes};
use crate::error::Failure;
use crate::test::parts;

/// The module with the cases.
const MODULE: &str = "github.com/hashicorp/hcl/v2";

/// Fetches the module, which is checked against Go's checksums on its way, and copies the cases; nothing is built.
///
/// # Errors
/// When there is no Go, or the module is not to be had in that version.
pub fn fetch(folder: &Path, version: &str) -> Result<bool, Failure> {
    let unpacked = parts::module(MODULE, version)?;
    let cases = unpacked.join("specsuite/tests");
    passes(&Program::new("cp").arguments(["-r", "--no-preserve=mode"]).arguments([&cases]).arguments([folder]))
}
