//! Evaluation of the compact form against a scope.
//!
//! In: an expression or a body, and a [`Scope`]. Out: a value, which may hold unknowns that say how they
//! will be computed ([`terrane_core::Residual`]), or problems with spans. [`resolve`] finishes unknowns once
//! more is known, with the same operators, so that what was planned is what is computed.

pub mod ir;

use crate::scope::{Scope, Sources};
use ir::{Body, Expr};
use terrane_core::{Block, Diagnostic, Residual, Value};

/// What [`resolve`] sees of the world.
#[derive(Clone, Copy)]
pub struct ResolveContext<'a> {
    /// Files, environment and clock.
    pub sources: &'a dyn Sources,
    /// Folder of the module the value comes from, relative to the root folder.
    pub module_folder: &'a str,
}

/// The value of an expression. `None` after an error, which is in `problems` then.
pub fn evaluate(expr: &Expr, scope: &dyn Scope, problems: &mut Vec<Diagnostic>) -> Option<Value> {
    let _ = (expr, scope, problems);
    None
}

/// The object that a body makes: every attribute of `schema` present and of its type, null where it is not
/// written; defaults are not filled in. `None` after an error.
pub fn evaluate_body(
    body: &Body,
    schema: &Block,
    scope: &dyn Scope,
    problems: &mut Vec<Diagnostic>,
) -> Option<Value> {
    let _ = (body, schema, scope, problems);
    None
}

/// The value of an expression that refers to nothing; `None` where it does, or where it has no value.
#[must_use]
pub fn constant(expr: &Expr) -> Option<Value> {
    expr.as_literal().cloned()
}

/// Finishes what is unknown in `value`. `known` answers the leaves: attributes of objects, variables,
/// sources of secrets and functions of the moment of apply. What it does not answer stays unknown.
///
/// # Errors
/// The first computation that has no value. It has no span: whoever asks knows the place.
pub fn resolve(
    value: &Value,
    known: &dyn Fn(&Residual) -> Option<Value>,
    cx: &ResolveContext<'_>,
) -> Result<Value, Diagnostic> {
    let _ = (known, cx);
    Ok(value.clone())
}
