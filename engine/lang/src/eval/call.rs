//! Calls of functions: arguments are spread, converted and checked; what depends on something unknown stays
//! a residual.

use super::fault::Fault;
use crate::convert::{convert, describe, may_convert};
use crate::diag;
use crate::functions::{Function, FunctionContext, Nature, Parameter, ParameterType};
use terrane_core::{Kind, Residual, Type, Value};

/// The sources of secrets, beside `file`, which is one inside a secret argument only.
const VAULT: &str = "vault";

/// What a call evaluates to before anything is computed.
pub(crate) enum Spread {
    /// The arguments, one by one.
    Arguments(Vec<Value>),
    /// The spread argument is not known: the call as a whole waits.
    Open(Value),
}

/// Takes the last argument apart where it is spread.
pub(crate) fn spread(function: &Function, mut arguments: Vec<Value>, is_spread: bool) -> Result<Spread, Fault> {
    if !is_spread {
        return Ok(Spread::Arguments(arguments));
    }
    let at = arguments.len().saturating_sub(1);
    let Some(last) = arguments.pop() else { return Ok(Spread::Arguments(arguments)) };
    match last.kind() {
        Kind::List(items) | Kind::Set(items) | Kind::Tuple(items) => {
            arguments.extend(items.iter().map(|item| item.clone().marked_like(&last)));
            Ok(Spread::Arguments(arguments))
        }
        Kind::Unknown(_) => {
            arguments.push(last);
            let is_sensitive = arguments.iter().any(Value::has_sensitive);
            let ty = (function.result)(&[]);
            let open = open(function, ty, arguments, true);
            Ok(Spread::Open(if is_sensitive { open.sensitive() } else { open }))
        }
        Kind::Null => Err(Fault::new(&diag::NULL_VALUE, "`...` spreads a list, and this is null").operand(at)),
        _ => {
            let detail = format!("`...` spreads a list, set or tuple, not {}", describe(&last));
            Err(Fault::new(&diag::NOT_A_COLLECTION, detail).operand(at))
        }
    }
}

fn open(function: &Function, ty: Type, arguments: Vec<Value>, is_spread: bool) -> Value {
    Value::unknown(ty, Residual::Call { function: function.name.into(), arguments, is_spread })
}

/// Whether so many arguments may be given; the words for it where not.
pub(crate) fn wrong_count(function: &Function, given: usize) -> Option<String> {
    let most = function.parameters.len();
    let least = most.saturating_sub(function.optional);
    if given >= least && (given <= most || function.variadic.is_some()) {
        return None;
    }
    let wanted = match (least, most, function.variadic.is_some()) {
        (least, _, true) => format!("at least {least}"),
        (least, most, false) if least == most => format!("{most}"),
        (least, most, false) => format!("{least} to {most}"),
    };
    let noun = if wanted == "1" || wanted == "at least 1" { "argument" } else { "arguments" };
    Some(format!("`{}` takes {wanted} {noun}, not {given}", function.name))
}

fn parameter(function: &Function, at: usize) -> Option<&Parameter> {
    function.parameters.get(at).or(function.variadic.as_ref())
}

fn parameter_type(parameter: &Parameter) -> Type {
    match parameter.ty {
        ParameterType::Any => Type::Any,
        ParameterType::String => Type::String,
        ParameterType::Number => Type::Number,
        ParameterType::Bool => Type::Bool,
        ParameterType::StringList => Type::list(Type::String),
        ParameterType::List => Type::list(Type::Any),
    }
}

fn argument(function: &Function, value: &Value, at: usize) -> Result<Value, Fault> {
    let Some(parameter) = parameter(function, at) else { return Ok(value.clone()) };
    if value.is_null() {
        if parameter.is_nullable {
            return Ok(value.clone());
        }
        let detail = format!("`{}` of `{}` is null", parameter.name, function.name);
        return Err(Fault::new(&diag::NULL_VALUE, detail).operand(at));
    }
    let ty = parameter_type(parameter);
    let refused = |reason: String| {
        let detail = format!("`{}` of `{}`: {reason}", parameter.name, function.name);
        Fault::new(&diag::WRONG_FUNCTION_ARGUMENT, detail).operand(at)
    };
    if let Some(unknown) = value.as_unknown() {
        if may_convert(&unknown.ty, &ty) {
            return Ok(value.clone());
        }
        return Err(refused(format!("a {ty} is wanted, not {}", describe(value))));
    }
    convert(value, &ty).map_err(|error| refused(error.text()))
}

/// The result of a function that is not special. `moment` says whether functions of the moment of apply
/// are computed: only when a plan is carried out.
pub(crate) fn call(
    function: &Function,
    arguments: Vec<Value>,
    cx: &FunctionContext<'_>,
    moment: Moment,
) -> Result<Value, Fault> {
    if let Some(detail) = wrong_count(function, arguments.len()) {
        return Err(Fault::new(&diag::WRONG_ARGUMENT_COUNT, detail));
    }
    let converted: Result<Vec<Value>, Fault> =
        arguments.iter().enumerate().map(|(at, value)| argument(function, value, at)).collect();
    let converted = converted?;
    let is_sensitive = match function.nature {
        Nature::TakesUnknownParts => arguments.iter().any(Value::is_sensitive),
        Nature::SecretSource => true,
        Nature::Pure | Nature::Special | Nature::AtApply => arguments.iter().any(Value::has_sensitive),
    };
    let waits = match function.nature {
        Nature::TakesUnknownParts => !converted.iter().all(Value::is_known),
        Nature::Pure | Nature::Special => !converted.iter().all(Value::is_wholly_known),
        Nature::SecretSource => true,
        Nature::AtApply => moment == Moment::Plan || !converted.iter().all(Value::is_wholly_known),
    };
    if function.name == VAULT {
        let detail = "`vault` is a source of secrets of a later version";
        return Err(Fault::new(&diag::NOT_IN_THIS_VERSION, detail));
    }
    let result = if waits {
        open(function, (function.result)(&converted), arguments, false)
    } else {
        let result = (function.body)(&converted, cx).map_err(|error| {
            let named = error.argument.and_then(|at| parameter(function, at)).map(|p| format!("`{}` of ", p.name));
            let detail = format!("{}`{}`: {}", named.unwrap_or_default(), function.name, error.reason);
            let fault = Fault::new(&diag::FUNCTION_FAILED, detail);
            match error.argument {
                Some(at) => fault.operand(at),
                None => fault,
            }
        })?;
        result.unwrap_or_else(|| open(function, (function.result)(&converted), arguments, false))
    };
    Ok(if is_sensitive { result.sensitive() } else { result })
}

/// When a call is computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Moment {
    /// While planning: `uuid`, `timestamp` and their like wait.
    Plan,
    /// While a plan is carried out.
    Apply,
}

/// A function that reads a secret, with known arguments: stays as it is until one call needs it.
pub(crate) fn secret_source(function: &Function, arguments: Vec<Value>) -> Value {
    open(function, Type::String, arguments, false).sensitive()
}
