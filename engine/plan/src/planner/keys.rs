//! `count` and `for_each`: from an expression to the keys of the instances.

use super::frame::KeySet;
use crate::diag;
use terrane_core::{Diagnostic, InstanceAddr, Span, Value};
use terrane_lang::Scope;
use terrane_lang::eval::{self, Repeated};
use terrane_lang::program::Repetition;

/// What came of a repetition that has no error.
#[derive(Clone, Debug)]
pub enum Evaluated {
    /// The keys.
    Keys(KeySet),
    /// They are not known: this value is not.
    Open(Value, Span),
}

/// The keys of a repeated block; `None` after a problem.
pub fn evaluate(of: &Repetition, scope: &dyn Scope, problems: &mut Vec<Diagnostic>) -> Option<Evaluated> {
    match (eval::repeated(of, scope, problems)?, of) {
        (Repeated::Single, _) => Some(Evaluated::Keys(KeySet::Single)),
        (Repeated::Count(count), _) => usize::try_from(count).ok().map(|count| Evaluated::Keys(KeySet::Count(count))),
        (Repeated::Each(pairs), _) => Some(Evaluated::Keys(KeySet::Each(pairs.into()))),
        (Repeated::Open(value), Repetition::Count(expr) | Repetition::ForEach(expr)) => {
            Some(Evaluated::Open(value, expr.span))
        }
        (Repeated::Open(_), Repetition::Single) => None,
    }
}

/// That keys have to be known here.
pub fn not_known(value: &Value, span: Span) -> Diagnostic {
    let waits = waits_for(value);
    let names: Vec<String> = waits.iter().take(3).map(ToString::to_string).collect();
    let problem = diag::KEYS_KNOWN_AFTER_APPLY.at(span);
    if names.is_empty() { problem } else { problem.with("waits for", names.join(", ")) }
}

/// The instances that a value waits for, in the order of addresses.
pub fn waits_for(value: &Value) -> Vec<InstanceAddr> {
    let mut waits = Vec::new();
    super::leaves::instances(value, &mut waits);
    waits.sort();
    waits
}
