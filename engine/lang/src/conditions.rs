//! Conditions: what has to be true, and what is said where it is not. The same for `validation`, `precondition`,
//! `postcondition` and `assert`.

use crate::convert::{convert, describe};
use crate::diag;
use crate::eval;
use crate::program::Validation;
use crate::scope::Scope;
use terrane_core::{Diagnostic, Type, Value};

/// How a condition stands.
#[derive(Clone, Debug, PartialEq)]
pub enum Verdict {
    /// It is true.
    Holds,
    /// It is false; what to say.
    Fails(String),
    /// It is not known yet; the expressions that are left of it and of what to say.
    Open {
        /// What has to be true.
        condition: Value,
        /// What to say when it is not; null where nothing can be said.
        message: Value,
    },
}

/// Evaluates a condition. `reveal` finishes what it waits for where that may be looked at and not kept: values of
/// sensitive variables. `None` after an error.
pub fn judge(
    condition: &Validation,
    scope: &dyn Scope,
    reveal: &dyn Fn(&Value) -> Value,
    problems: &mut Vec<Diagnostic>,
) -> Option<Verdict> {
    let span = condition.condition.span;
    let value = eval::evaluate(&condition.condition, scope, problems)?;
    match truth(&reveal(&value)) {
        Ok(Some(true)) => Some(Verdict::Holds),
        Ok(Some(false)) => {
            let before = problems.len();
            let said = eval::evaluate(&condition.error_message, scope, problems);
            // That the condition is false matters more than what is wrong with its message.
            let why = problems.drain(before..).next().map(|problem| problem.message());
            Some(Verdict::Fails(match (said, why) {
                (Some(said), _) => message(&said),
                (None, why) => format!("its message has no value: {}", why.unwrap_or_default()),
            }))
        }
        Ok(None) => {
            let message = eval::evaluate(&condition.error_message, scope, &mut Vec::new()).unwrap_or(Value::NULL);
            Some(Verdict::Open { condition: value, message })
        }
        Err(detail) => {
            problems.push(diag::WRONG_OPERAND.at(span).detail(detail));
            None
        }
    }
}

/// Whether a condition is true; `None` where that is not known.
///
/// # Errors
/// Why it is neither true nor false.
pub fn truth(value: &Value) -> Result<Option<bool>, String> {
    let wrong = || format!("a condition is true or false, not {}", describe(value));
    if value.is_null() {
        return Err(wrong());
    }
    let converted = convert(value, &Type::Bool).map_err(|_| wrong())?;
    Ok(converted.as_bool())
}

/// What the message of a condition says; a sensitive one is not shown.
#[must_use]
pub fn message(value: &Value) -> String {
    if value.has_sensitive() {
        return String::from("(its message holds a sensitive value)");
    }
    let text = convert(value, &Type::String).ok().and_then(|value| value.as_text().cloned());
    text.map_or_else(|| String::from("(its message is not known)"), |text| text.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{World, program, value};
    use terrane_core::Residual;

    fn verdict(condition: &str, message: &str, x: Value) -> Result<Verdict, &'static str> {
        let text = format!(
            "variable \"x\" {{\n  validation {{\n    condition = {condition}\n    error_message = {message}\n  }}\n}}\n"
        );
        let program = program(&[("main.hcl", &text)]);
        let mut world = World::of(&program);
        world.variables.insert("x", x);
        let mut problems = Vec::new();
        let validation = &program.modules[0].variables[0].validations[0];
        judge(validation, &world, &Value::clone, &mut problems).ok_or_else(|| problems[0].kind.id)
    }

    fn open() -> Value {
        Value::unknown(Type::Number, Residual::Variable("x".into()))
    }

    // A1
    #[test]
    fn a_condition_holds_fails_or_waits() {
        assert_eq!(verdict("var.x > 1", "\"m\"", Value::int(2)), Ok(Verdict::Holds));
        let said = Verdict::Fails(String::from("x is 0"));
        assert_eq!(verdict("var.x > 1", "\"x is ${var.x} \"", Value::int(0)), Ok(said));
        assert!(matches!(verdict("var.x > 1", "\"m\"", open()), Ok(Verdict::Open { .. })));
        assert_eq!(verdict("var.x > 1 || true", "\"m\"", Value::int(0)), Ok(Verdict::Holds));
        assert_eq!(verdict("\"true\"", "\"m\"", Value::NULL), Ok(Verdict::Holds));
        for wrong in ["var.x", "null", "[true]"] {
            assert_eq!(verdict(wrong, "\"m\"", Value::int(5)), Err("wrong-operand"), "{wrong}");
        }
    }

    #[test]
    fn a_message_never_shows_what_is_sensitive() {
        let Ok(Verdict::Fails(said)) = verdict("false", "\"x is ${var.x}\"", value("\"hunter2\"").unwrap().sensitive())
        else {
            panic!("it is false");
        };
        assert_eq!(said, "(its message holds a sensitive value)");
        let Ok(Verdict::Fails(said)) = verdict("false", "\"${var.x.y}\"", value("{ x = 1 }").unwrap()) else {
            panic!("it is false");
        };
        assert!(said.starts_with("its message has no value: "), "{said}");
    }
}
