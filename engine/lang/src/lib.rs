//! HCL text to a checked [`Program`], and its evaluation.
//!
//! Pure: files, environment and clock are reached through [`Sources`] only. Text becomes a syntax tree
//! ([`syntax`]), the tree is checked and lowered once to a compact form with resolved names ([`program`]),
//! and that is evaluated against a [`Scope`] ([`eval`]). Nothing here knows of state, plans or providers
//! beyond their schemas.

pub mod check;
pub mod conditions;
pub mod console;
pub mod convert;
pub mod diag;
pub mod difference;
pub mod early;
pub mod eval;
pub mod fmt;
pub mod functions;
pub mod inputs;
pub mod paths;
pub mod program;
pub mod scope;
pub mod source;
pub mod syntax;
#[cfg(test)]
mod testing;
pub mod write;

pub use program::Program;
pub use scope::{Scope, Sources};
