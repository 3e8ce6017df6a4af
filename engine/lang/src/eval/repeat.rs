//! `count` and `for_each`: which instances a block has.

use super::evaluate;
use super::ir::Expr;
use crate::convert::{convert, describe};
use crate::diag;
use crate::program::Repetition;
use crate::scope::Scope;
use terrane_core::{Diagnostic, Kind, Span, Text, Type, Value};

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
    let Some(expr) = expression(repetition) else { return Some(Repeated::Single) };
    let value = evaluate(expr, scope, problems)?;
    of_value(repetition, &value, problems)
}

/// The expression of `count` or `for_each`.
pub(crate) fn expression(repetition: &Repetition) -> Option<&Expr> {
    match repetition {
        Repetition::Single => None,
        Repetition::Count(expr) | Repetition::ForEach(expr) => Some(expr),
    }
}

/// What `count` or `for_each` means with that value, of which all that is known may be its type. `None` after an error.
pub(crate) fn of_value(repetition: &Repetition, value: &Value, problems: &mut Vec<Diagnostic>) -> Option<Repeated> {
    let result = match repetition {
        Repetition::Single => return Some(Repeated::Single),
        Repetition::Count(expr) => count(value, expr.span),
        Repetition::ForEach(expr) => for_each(value, expr.span),
    };
    result.map_err(|problem| problems.push(*problem)).ok()
}

fn count(value: &Value, span: Span) -> Result<Repeated, Box<Diagnostic>> {
    let wrong = |detail: String| Box::new(diag::COUNT_INVALID.at(span).detail(detail));
    if value.is_sensitive() {
        let detail = "the number of instances shows the value of `count`";
        return Err(Box::new(diag::KEYS_SENSITIVE.at(span).detail(detail)));
    }
    if value.is_null() {
        return Err(wrong(String::from("`count` is null")));
    }
    let number = convert(value, &Type::Number).map_err(|error| wrong(format!("`count`: {}", error.reason)))?;
    let Some(number) = number.as_number() else { return Ok(Repeated::Open(value.clone())) };
    match number.to_i64().and_then(|number| u64::try_from(number).ok()) {
        Some(count) if count <= MOST => Ok(Repeated::Count(count)),
        _ => Err(wrong(format!("`count` is a whole number from 0 to {MOST}, not {number}"))),
    }
}

fn for_each(value: &Value, span: Span) -> Result<Repeated, Box<Diagnostic>> {
    let sensitive =
        || Box::new(diag::KEYS_SENSITIVE.at(span).detail("the addresses of instances show the keys of `for_each`"));
    let wrong = |detail: String| Box::new(diag::FOR_EACH_INVALID.at(span).detail(detail));
    if value.is_sensitive() {
        return Err(sensitive());
    }
    let is_list = match value.kind() {
        Kind::Object(entries) | Kind::Map(entries) => {
            let pairs = entries.iter().map(|(key, item)| (key.clone(), item.clone())).collect();
            return Ok(Repeated::Each(pairs));
        }
        Kind::Set(items) => {
            if items.iter().any(|item| !item.is_known()) {
                return Ok(Repeated::Open(value.clone()));
            }
            if items.iter().any(Value::is_sensitive) {
                return Err(sensitive());
            }
            let key = |item: &Value| {
                let text = item.as_text().cloned();
                text.map(|text| (text, item.clone())).ok_or_else(|| describe(item))
            };
            let pairs: Result<Vec<(Text, Value)>, String> = items.iter().map(key).collect();
            return pairs
                .map(Repeated::Each)
                .map_err(|found| wrong(format!("the set holds {found}, which is no text")));
        }
        Kind::Unknown(unknown) => match &unknown.ty {
            Type::Any | Type::Map(_) | Type::Object(_) | Type::Set(_) => return Ok(Repeated::Open(value.clone())),
            Type::List(_) | Type::Tuple(_) => true,
            Type::Bool | Type::Number | Type::String => false,
        },
        Kind::List(_) | Kind::Tuple(_) => true,
        Kind::Null | Kind::Bool(_) | Kind::Number(_) | Kind::String(_) => false,
    };
    if !is_list {
        return Err(wrong(format!("it is {}", describe(value))));
    }
    let problem = wrong(String::from("it is a list, whose positions would become keys that move"));
    Err(Box::new(problem.help("Use a map, or `toset(..)` for strings that name the instances")))
}
