//! `count` and `for_each`: which instances a block has.

use super::evaluate;
use super::ir::Expr;
use crate::convert::{convert, describe};
use crate::diag;
use crate::program::Repetition;
use crate::scope::Scope;
use terrane_core::{Diagnostic, Kind, Text, Type, Value};

/// The instances of a block.
#[derive(Clone, Debug, PartialEq)]
pub enum Repeated {
    /// One without a key.
    Single,
    /// As many as `count` says, with the keys 0, 1, ..
    Count(u64),
    /// One for each key of `for_each`, with `each.value`; sorted by key.
    Each(Vec<(Text, Value)>),
    /// Not known yet; the value says what it waits for.
    Open(Value),
}

/// Most instances that one `count` may make: a slip of the finger must not fill the memory.
const MOST: u64 = 1_000_000;

/// Evaluates `count` or `for_each`. `None` after an error.
pub fn repeated(repetition: &Repetition, scope: &dyn Scope, problems: &mut Vec<Diagnostic>) -> Option<Repeated> {
    let (expr, result) = match repetition {
        Repetition::Single => return Some(Repeated::Single),
        Repetition::Count(expr) => (expr, count(&evaluate(expr, scope, problems)?)),
        Repetition::ForEach(expr) => (expr, for_each(&evaluate(expr, scope, problems)?)),
    };
    result.map_err(|problem| problems.push(report(expr, problem))).ok()
}

enum Wrong {
    Value(String),
    Sensitive(&'static str),
}

fn report(expr: &Expr, wrong: Wrong) -> Diagnostic {
    match wrong {
        Wrong::Value(detail) => diag::WRONG_REPETITION.at(expr.span).detail(detail),
        Wrong::Sensitive(detail) => diag::SENSITIVE_NOT_ALLOWED.at(expr.span).detail(detail),
    }
}

fn count(value: &Value) -> Result<Repeated, Wrong> {
    if value.is_sensitive() {
        return Err(Wrong::Sensitive("the number of instances shows the value of `count`"));
    }
    if value.is_null() {
        return Err(Wrong::Value(String::from("`count` is null")));
    }
    let number = convert(value, &Type::Number).map_err(|error| Wrong::Value(format!("`count`: {}", error.reason)))?;
    let Some(number) = number.as_number() else { return Ok(Repeated::Open(value.clone())) };
    match number.to_i64().and_then(|number| u64::try_from(number).ok()) {
        Some(count) if count <= MOST => Ok(Repeated::Count(count)),
        _ => Err(Wrong::Value(format!("`count` is a whole number from 0 to {MOST}, not {number}"))),
    }
}

fn for_each(value: &Value) -> Result<Repeated, Wrong> {
    if value.is_sensitive() {
        return Err(Wrong::Sensitive("the addresses of instances show the keys of `for_each`"));
    }
    match value.kind() {
        Kind::Object(entries) | Kind::Map(entries) => {
            Ok(Repeated::Each(entries.iter().map(|(key, item)| (key.clone(), item.clone())).collect()))
        }
        Kind::Set(items) => {
            if items.iter().any(|item| !item.is_known()) {
                return Ok(Repeated::Open(value.clone()));
            }
            if items.iter().any(Value::is_sensitive) {
                return Err(Wrong::Sensitive("the addresses of instances show the keys of `for_each`"));
            }
            let key = |item: &Value| {
                let text = item.as_text().cloned();
                text.map(|text| (text, item.clone())).ok_or_else(|| describe(item))
            };
            let pairs: Result<Vec<(Text, Value)>, String> = items.iter().map(key).collect();
            pairs
                .map(Repeated::Each)
                .map_err(|found| Wrong::Value(format!("`for_each` is a set of texts; this one holds {found}")))
        }
        Kind::Unknown(unknown) if matches!(unknown.ty, Type::Any | Type::Map(_) | Type::Object(_) | Type::Set(_)) => {
            Ok(Repeated::Open(value.clone()))
        }
        Kind::List(_) | Kind::Tuple(_) => Err(Wrong::Value(String::from(
            "`for_each` is a map, an object or a set of texts, not a list: write toset(..), or a for expression that makes keys",
        ))),
        _ => Err(Wrong::Value(format!("`for_each` is a map, an object or a set of texts, not {}", describe(value)))),
    }
}
