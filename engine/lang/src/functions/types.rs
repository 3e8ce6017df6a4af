//! Conversions, and functions that the evaluator does itself.

use super::ParameterType::{Any, String as S, StringList};
use super::{Function, Nature, Outcome, a_bool, a_number, any, argument, is, nullable, p, refused, string, wrong};
use crate::convert::convert;
use terrane_core::{Type, Value};

/// The functions.
pub static TABLE: &[Function] = &[
    special("can", "Whether the argument has a value without an error.", a_bool),
    Function::new(
        CONVERT,
        "The value in the form of a type, written as for a variable.",
        &[nullable("value", Any), p("type", S)],
        |a| written_type(a).unwrap_or(Type::Any),
        |a, _| match written_type(a) {
            Some(ty) => to(a, &ty),
            None => refused("the type is broken; this is a bug in Terrane"),
        },
    )
    .parts(),
    Function::new("env", "A secret from an environment variable.", &[p("name", S)], string, |_, _| evaluators())
        .nature(Nature::SecretSource),
    // No value is ephemeral yet that an expression sees, so the answer is the value.
    Function::new(
        "ephemeralasnull",
        "The value, null where it is ephemeral.",
        VALUE,
        |a| argument(a, 0).type_of(),
        |a, _| is(argument(a, 0).clone()),
    )
    .parts(),
    Function::new(
        "exec",
        "A secret that a program prints: program and arguments as a list.",
        &[p("argv", StringList)],
        string,
        |_, _| evaluators(),
    )
    .nature(Nature::SecretSource),
    special("issensitive", "Whether the value is marked as a secret.", a_bool),
    special("nonsensitive", "The value, no more marked as a secret.", any),
    special("sensitive", "The value, marked as a secret.", any),
    Function::new("tobool", "The value as a bool.", VALUE, a_bool, |a, _| to(a, &Type::Bool)),
    Function::new(
        "tolist",
        "The value as a list.",
        VALUE,
        |_| Type::list(Type::Any),
        |a, _| to(a, &Type::list(Type::Any)),
    )
    .parts(),
    Function::new("tomap", "The value as a map.", VALUE, |_| Type::map(Type::Any), |a, _| to(a, &Type::map(Type::Any)))
        .parts(),
    Function::new("tonumber", "The value as a number.", VALUE, a_number, |a, _| to(a, &Type::Number)),
    Function::new(
        "toset",
        "The value as a set.",
        VALUE,
        |_| Type::set(Type::Any),
        |a, _| {
            let set = to(a, &Type::set(Type::Any))?;
            // Equal elements become one, and with it a mark could get lost.
            Ok(set.map(|set| if argument(a, 0).has_sensitive() { set.sensitive() } else { set }))
        },
    )
    .parts(),
    Function::new("tostring", "The value as a text.", VALUE, string, |a, _| to(a, &Type::String)),
    Function::new("try", "The first argument that has a value without an error.", &[], any, |_, _| evaluators())
        .variadic(nullable("value", Any))
        .nature(Nature::Special),
    Function::new(TYPE, "The type of the value, in the console only.", VALUE, string, |_, _| {
        refused("it is for the console, as the outermost call")
    })
    .parts(),
    Function::new("vault", "A secret from a vault: path and key.", &[p("path", S), p("key", S)], string, |_, _| {
        evaluators()
    })
    .nature(Nature::SecretSource),
];

/// The conversion to a type that is written: the checker puts it in the second place, as [`of_type`] makes it.
pub const CONVERT: &str = "convert";
/// The function that the console computes.
pub const TYPE: &str = "type";

/// A type as an argument of [`CONVERT`].
pub fn of_type(ty: &Type) -> Value {
    Value::string(serde_json::to_string(ty).unwrap_or_default())
}

fn written_type(arguments: &[Value]) -> Option<Type> {
    serde_json::from_str(argument(arguments, 1).as_str()?).ok()
}

static VALUE: &[super::Parameter] = &[nullable("value", Any)];

const fn special(name: &'static str, doc: &'static str, result: fn(&[Value]) -> Type) -> Function {
    Function::new(name, doc, VALUE, result, |_, _| evaluators()).nature(Nature::Special)
}

/// The body of what never reaches its body: a bug where a user sees it.
fn evaluators() -> Outcome {
    refused("the evaluator computes it; this is a bug in Terrane")
}

fn to(arguments: &[Value], ty: &Type) -> Outcome {
    match convert(argument(arguments, 0), ty) {
        Ok(value) => is(value),
        Err(error) => wrong(0, error.text()),
    }
}
