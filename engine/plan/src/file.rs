//! Plan files: the text form, and reading it back.

use crate::plan::Plan;
use terrane_core::Diagnostic;

/// The text of a plan file.
#[must_use]
pub fn to_text(plan: &Plan) -> String {
    serde_json::to_string(plan).unwrap_or_default()
}

/// Reads a plan file.
///
/// # Errors
/// A newer format, a damaged file.
pub fn from_text(text: &str) -> Result<Plan, Box<Diagnostic>> {
    serde_json::from_str(text).map_err(|error| Box::new(crate::diag::PLAN_FILE_DAMAGED.at(terrane_core::Place::Run).detail(error.to_string())))
}
