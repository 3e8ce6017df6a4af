//! `count` and `for_each`: from an expression to the keys of the instances.

use super::frame::KeySet;
use super::scope::PlanScope;
use crate::diag;
use terrane_core::value::Kind;
use terrane_core::{Diagnostic, Span, Text, Value};
use terrane_lang::eval;
use terrane_lang::eval::ir::Expr;
use terrane_lang::program::Repetition;

/// More instances of one block than this are refused: it is a mistake, not a fleet.
const MOST: i64 = 1_000_000;

/// The keys of a repeated block; `None` after a problem.
pub fn evaluate(of: &Repetition, scope: &PlanScope<'_, '_>, problems: &mut Vec<Diagnostic>) -> Option<KeySet> {
    match of {
        Repetition::Single => Some(KeySet::Single),
        Repetition::Count(expr) => count(&value_of(expr, scope, problems)?, expr.span, problems),
        Repetition::ForEach(expr) => each(&value_of(expr, scope, problems)?, expr.span, problems),
    }
}

fn value_of(expr: &Expr, scope: &PlanScope<'_, '_>, problems: &mut Vec<Diagnostic>) -> Option<Value> {
    let value = eval::evaluate(expr, scope, problems)?;
    if value.is_sensitive() {
        problems.push(diag::KEYS_SENSITIVE.at(expr.span));
        return None;
    }
    if !value.is_known() {
        problems.push(unknown(&value, expr.span));
        return None;
    }
    Some(value)
}

fn unknown(value: &Value, span: Span) -> Diagnostic {
    let mut waits = Vec::new();
    super::leaves::instances(value, &mut waits);
    let names: Vec<String> = waits.iter().take(3).map(ToString::to_string).collect();
    let problem = diag::KEYS_KNOWN_AFTER_APPLY.at(span);
    if names.is_empty() { problem } else { problem.with("waits for", names.join(", ")) }
}

fn count(value: &Value, span: Span, problems: &mut Vec<Diagnostic>) -> Option<KeySet> {
    let number = terrane_lang::convert::convert(value, &terrane_core::Type::Number).ok();
    let number = number.as_ref().and_then(Value::as_i64).filter(|n| (0..=MOST).contains(n));
    let Some(number) = number.and_then(|n| usize::try_from(n).ok()) else {
        problems.push(diag::COUNT_INVALID.at(span).detail(format!("count is {value:?}")));
        return None;
    };
    Some(KeySet::Count(number))
}

fn each(value: &Value, span: Span, problems: &mut Vec<Diagnostic>) -> Option<KeySet> {
    match value.kind() {
        Kind::Object(entries) | Kind::Map(entries) => {
            Some(KeySet::Each(entries.iter().map(|(key, value)| (key.clone(), value.clone())).collect()))
        }
        Kind::Set(items) => {
            if let Some(item) = items.iter().find(|item| !item.is_known()) {
                problems.push(unknown(item, span));
                return None;
            }
            if items.iter().any(Value::is_sensitive) {
                problems.push(diag::KEYS_SENSITIVE.at(span));
                return None;
            }
            let texts: Option<Vec<(Text, Value)>> =
                items.iter().map(|item| item.as_text().map(|text| (text.clone(), item.clone()))).collect();
            if texts.is_none() {
                problems.push(diag::FOR_EACH_INVALID.at(span).detail("the set holds values that are not strings"));
            }
            texts.map(|pairs| KeySet::Each(pairs.into()))
        }
        Kind::Tuple(_) | Kind::List(_) => {
            problems.push(
                diag::FOR_EACH_INVALID
                    .at(span)
                    .detail("it is a list, whose positions would become keys that move")
                    .help("Use a map, or `toset(..)` for strings that name the instances"),
            );
            None
        }
        _ => {
            problems.push(diag::FOR_EACH_INVALID.at(span).detail(format!("it is {value:?}")));
            None
        }
    }
}
