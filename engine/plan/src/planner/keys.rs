//! `count` and `for_each`: from an expression to the keys of the instances, which have to be known.

use super::frame::KeySet;
use super::scope::PlanScope;
use crate::diag;
use terrane_core::{Diagnostic, Span, Value};
use terrane_lang::eval::{self, Repeated};
use terrane_lang::program::Repetition;

/// The keys of a repeated block; `None` after a problem.
pub fn evaluate(of: &Repetition, scope: &PlanScope<'_, '_>, problems: &mut Vec<Diagnostic>) -> Option<KeySet> {
    match (eval::repeated(of, scope, problems)?, of) {
        (Repeated::Single, _) => Some(KeySet::Single),
        (Repeated::Count(count), _) => usize::try_from(count).ok().map(KeySet::Count),
        (Repeated::Each(pairs), _) => Some(KeySet::Each(pairs.into())),
        (Repeated::Open(value), Repetition::Count(expr) | Repetition::ForEach(expr)) => {
            problems.push(unknown(&value, expr.span));
            None
        }
        (Repeated::Open(_), Repetition::Single) => None,
    }
}

fn unknown(value: &Value, span: Span) -> Diagnostic {
    let mut waits = Vec::new();
    super::leaves::instances(value, &mut waits);
    let names: Vec<String> = waits.iter().take(3).map(ToString::to_string).collect();
    let problem = diag::KEYS_KNOWN_AFTER_APPLY.at(span);
    if names.is_empty() { problem } else { problem.with("waits for", names.join(", ")) }
}
