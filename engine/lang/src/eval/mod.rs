//! Evaluation of the compact form against a scope.
//!
//! In: an expression or a body, and a [`Scope`]. Out: a value, which may hold unknowns that say how they
//! will be computed ([`terrane_core::Residual`]), or problems with spans. [`resolve`] finishes unknowns once
//! more is known, with the same operators, so that what was planned is what is computed.

pub mod ir;

mod body;
mod call;
mod dynamic;
mod fault;
mod loops;
mod nothing;
mod operate;
mod repeat;
mod resolve;
#[cfg(test)]
mod tests;
mod walk;

use crate::functions::FunctionContext;
use crate::scope::{Scope, Sources};
use ir::{Body, Expr};
use terrane_core::{Block, Diagnostic, Place, Residual, Value};

pub(crate) use call::wrong_count;
pub use nothing::Nothing;
pub use repeat::{Repeated, repeated};
pub(crate) use repeat::{expression as repetition_expression, of_value as repeated_of};

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
    walk::Walk::new(scope, problems).eval(expr)
}

/// As [`evaluate`], with the loop variables that stand around the expression.
pub(crate) fn evaluate_with(
    expr: &Expr,
    slots: Vec<Value>,
    scope: &dyn Scope,
    problems: &mut Vec<Diagnostic>,
) -> Option<Value> {
    walk::Walk::new(scope, problems).with_slots(slots).eval(expr)
}

/// The object that a body makes: every attribute of `schema` present and of its type, null where it is not
/// written; defaults are not filled in. In a secret argument every value is marked sensitive and `file` is a
/// source of secrets; anywhere else a sensitive value is an error. `None` after an error.
pub fn evaluate_body(body: &Body, schema: &Block, scope: &dyn Scope, problems: &mut Vec<Diagnostic>) -> Option<Value> {
    body::evaluate(&mut walk::Walk::new(scope, problems), body, schema, false)
}

/// The value of an expression that refers to nothing; `None` where it does, or where it has no value.
#[must_use]
pub fn constant(expr: &Expr) -> Option<Value> {
    if let Some(value) = expr.as_literal() {
        return Some(value.clone());
    }
    let mut is_closed = true;
    let (mut named, mut bound) = (Vec::new(), Vec::new());
    expr.visit(&mut |part| {
        match &part.kind {
            ir::ExprKind::Slot(slot) => named.push(*slot),
            ir::ExprKind::For(each) => bound.extend([each.slot, each.slot.saturating_add(1)]),
            ir::ExprKind::Splat(splat) => bound.push(splat.slot),
            _ => {}
        }
        is_closed &= !matches!(
            part.kind,
            ir::ExprKind::Variable(_) | ir::ExprKind::Local(_) | ir::ExprKind::Given(_) | ir::ExprKind::Reference(_)
        );
        if let ir::ExprKind::Call(call) = &part.kind {
            is_closed &= is_pure(call.function);
        }
    });
    // What no loop of its own binds is the iterator of a `dynamic` block around it.
    if !is_closed || named.iter().any(|slot| !bound.contains(slot)) {
        return None;
    }
    let mut problems = Vec::new();
    evaluate(expr, &Nothing, &mut problems).filter(Value::is_wholly_known)
}

/// Functions that look at files, the clock or the machine: never computed before there is a plan.
const READS_WORLD: &[&str] =
    &["abspath", "pathexpand", "plantimestamp", "templatefile", "templatestring", "timestamp", "uuid", "bcrypt"];

/// Whether the result depends on the arguments alone.
pub(crate) fn is_pure(function: &crate::functions::Function) -> bool {
    use crate::functions::Nature;
    match function.nature {
        Nature::Pure | Nature::TakesUnknownParts => {
            !function.name.starts_with("file") && !READS_WORLD.contains(&function.name)
        }
        Nature::Special => true,
        Nature::SecretSource | Nature::AtApply => false,
    }
}

/// Finishes what is unknown in `value`. `known` answers the leaves: attributes of objects, variables,
/// sources of secrets (`env`, `exec`, and `file` in a sensitive value) and functions of the moment of apply
/// (`uuid`, `timestamp`, `bcrypt`; see [`at_apply`]). What it does not answer stays unknown.
///
/// # Errors
/// The first computation that has no value. It has no span: whoever asks knows the place.
#[expect(clippy::result_large_err, reason = "an error ends the step, so its size does not matter")]
pub fn resolve(
    value: &Value,
    known: &dyn Fn(&Residual) -> Option<Value>,
    cx: &ResolveContext<'_>,
) -> Result<Value, Diagnostic> {
    let cx = FunctionContext { sources: cx.sources, module_folder: cx.module_folder, depth: 0 };
    resolve::Resolver::new(known, cx).value(value).map_err(|fault| fault.place(Place::Run))
}

/// Whether it is a call of a function of the moment of apply (`uuid`, `timestamp`, `bcrypt`).
#[must_use]
pub fn is_of_apply(residual: &Residual) -> bool {
    let Residual::Call { function, .. } = residual else { return false };
    crate::functions::lookup(function).is_some_and(|function| function.nature == crate::functions::Nature::AtApply)
}

/// The result of a function of the moment of apply (`uuid`, `timestamp`, `bcrypt`) or of `file`, whose
/// arguments are known. `None` where `residual` is anything else.
///
/// # Errors
/// The function has no result.
#[expect(clippy::result_large_err, reason = "an error ends the step, so its size does not matter")]
pub fn at_apply(residual: &Residual, cx: &ResolveContext<'_>) -> Result<Option<Value>, Diagnostic> {
    let Residual::Call { function, arguments, .. } = residual else { return Ok(None) };
    let Some(function) = crate::functions::lookup(function) else { return Ok(None) };
    if !(function.nature == crate::functions::Nature::AtApply || function.name == "file")
        || !arguments.iter().all(Value::is_wholly_known)
    {
        return Ok(None);
    }
    let cx = FunctionContext { sources: cx.sources, module_folder: cx.module_folder, depth: 0 };
    call::call(function, arguments.clone(), &cx, call::Moment::Apply).map(Some).map_err(|fault| fault.place(Place::Run))
}
