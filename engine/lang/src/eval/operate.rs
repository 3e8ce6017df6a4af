//! What operators, conditionals, templates and indexing do to values. Evaluation and the finishing of
//! residuals both compute here, so that they cannot differ. Unknown operands make an unknown result that
//! holds the known ones; marks spread.

use super::fault::Fault;
use crate::convert::{convert, describe, may_convert, unify};
use crate::diag;
use terrane_core::diagnostic::suggestion;
use terrane_core::{Kind, Operator, Path, PathStep, Residual, Text, Type, Value};

type Computed = Result<Value, Fault>;

/// `value` as an operand of the type an operator wants; unknown ones are checked by what is known of them.
fn operand(operator: Operator, value: &Value, ty: &Type, at: usize) -> Computed {
    if value.is_null() {
        let detail = format!("`{}` needs a value here, and this is null", operator.symbol());
        return Err(Fault::new(&diag::NULL_VALUE, detail).operand(at));
    }
    let refused =
        |reason: &str| Fault::new(&diag::WRONG_OPERAND, format!("`{}`: {reason}", operator.symbol())).operand(at);
    if let Some(unknown) = value.as_unknown() {
        if may_convert(&unknown.ty, ty) {
            return Ok(value.clone());
        }
        return Err(refused(&format!("a {ty} is wanted, not {}", describe(value))));
    }
    convert(value, ty).map_err(|error| refused(&error.reason))
}

/// The result where the left operand alone decides it: `false && ..`, `true || ..`.
pub(crate) fn decided(operator: Operator, left: &Value) -> Option<Value> {
    let deciding = match operator {
        Operator::And => false,
        Operator::Or => true,
        _ => return None,
    };
    let truth = convert(left, &Type::Bool).ok()?;
    (truth.as_bool() == Some(deciding)).then_some(truth)
}

pub(crate) fn unary(operator: Operator, value: &Value) -> Computed {
    let ty = if operator == Operator::Not { Type::Bool } else { Type::Number };
    let converted = operand(operator, value, &ty, 0)?;
    let result = match converted.kind() {
        Kind::Bool(truth) => Value::bool(!truth),
        Kind::Number(number) => Value::number(number.neg()),
        _ => Value::unknown(ty, Residual::Operation { operator, operands: vec![value.clone()] }),
    };
    Ok(result.marked_like(value))
}

pub(crate) fn binary(operator: Operator, left: &Value, right: &Value) -> Computed {
    use Operator::{Add, And, Divide, Equal, Greater, GreaterEqual, Less, LessEqual, Multiply, NotEqual, Or};
    use Operator::{Negate, Not, Remainder, Subtract};
    let result = match operator {
        Equal | NotEqual => {
            let result = equality(operator, left, right);
            return Ok(if left.has_sensitive() || right.has_sensitive() { result.sensitive() } else { result });
        }
        And | Or => logic(operator, left, right)?,
        Add | Subtract | Multiply | Divide | Remainder => arithmetic(operator, left, right)?,
        Less | LessEqual | Greater | GreaterEqual => comparison(operator, left, right)?,
        Not | Negate => unary(operator, left)?,
    };
    Ok(result.marked_like(left).marked_like(right))
}

fn open(operator: Operator, ty: Type, left: &Value, right: &Value) -> Value {
    Value::unknown(ty, Residual::Operation { operator, operands: vec![left.clone(), right.clone()] })
}

fn equality(operator: Operator, left: &Value, right: &Value) -> Value {
    let is_negated = operator == Operator::NotEqual;
    let null_and_not = |a: &Value, b: &Value| a.is_null() && b.is_known() && !b.is_null();
    if null_and_not(left, right) || null_and_not(right, left) {
        return Value::bool(is_negated);
    }
    if !left.is_wholly_known() || !right.is_wholly_known() {
        return open(operator, Type::Bool, left, right);
    }
    Value::bool((left == right) != is_negated)
}

fn logic(operator: Operator, left: &Value, right: &Value) -> Computed {
    let a = operand(operator, left, &Type::Bool, 0)?;
    let b = operand(operator, right, &Type::Bool, 1)?;
    let decides = operator == Operator::Or;
    Ok(match (a.as_bool(), b.as_bool()) {
        (Some(truth), _) | (_, Some(truth)) if truth == decides => Value::bool(decides),
        (Some(_), Some(_)) => Value::bool(!decides),
        _ => open(operator, Type::Bool, left, right),
    })
}

fn arithmetic(operator: Operator, left: &Value, right: &Value) -> Computed {
    let a = operand(operator, left, &Type::Number, 0)?;
    let b = operand(operator, right, &Type::Number, 1)?;
    let is_division = matches!(operator, Operator::Divide | Operator::Remainder);
    if is_division && b.as_number().is_some_and(terrane_core::Number::is_zero) {
        return Err(Fault::new(&diag::DIVISION_BY_ZERO, "the divisor is 0").operand(1));
    }
    let (Some(x), Some(y)) = (a.as_number(), b.as_number()) else {
        return Ok(open(operator, Type::Number, left, right));
    };
    let result = match operator {
        Operator::Add => Some(x.add(y)),
        Operator::Subtract => Some(x.sub(y)),
        Operator::Multiply => Some(x.mul(y)),
        Operator::Divide => x.div(y),
        _ => x.rem(y),
    };
    result.map(Value::number).ok_or_else(|| Fault::new(&diag::DIVISION_BY_ZERO, "the divisor is 0").operand(1))
}

fn comparison(operator: Operator, left: &Value, right: &Value) -> Computed {
    let a = operand(operator, left, &Type::Number, 0)?;
    let b = operand(operator, right, &Type::Number, 1)?;
    let (Some(x), Some(y)) = (a.as_number(), b.as_number()) else {
        return Ok(open(operator, Type::Bool, left, right));
    };
    Ok(Value::bool(match operator {
        Operator::Less => x < y,
        Operator::LessEqual => x <= y,
        Operator::Greater => x > y,
        _ => x >= y,
    }))
}

/// A condition as truth; `None` where it is not known.
pub(crate) fn truth(value: &Value) -> Result<Option<bool>, Fault> {
    if value.is_null() {
        return Err(Fault::new(&diag::NULL_VALUE, "a condition is true or false, and this is null"));
    }
    if let Some(unknown) = value.as_unknown()
        && may_convert(&unknown.ty, &Type::Bool)
    {
        return Ok(None);
    }
    let converted = convert(value, &Type::Bool)
        .map_err(|error| Fault::new(&diag::WRONG_OPERAND, format!("a condition: {}", error.reason)))?;
    Ok(converted.as_bool())
}

/// The type that the arms of a conditional have in common.
fn arms_type(yes: &Value, no: &Value) -> Result<Type, Fault> {
    unify(&[yes.type_of(), no.type_of()]).ok_or_else(|| {
        let detail = format!("one arm is {}, the other {}", describe(yes), describe(no));
        Fault::new(&diag::CONDITIONAL_TYPES, detail)
    })
}

fn as_arm(value: &Value, ty: &Type, at: usize) -> Computed {
    convert(value, ty).map_err(|error| {
        let detail = format!("the arms have {ty} in common, but {}", error.text());
        Fault::new(&diag::CONDITIONAL_TYPES, detail).operand(at)
    })
}

/// The chosen arm in the type that both have in common; `other` is missing where it has no value.
pub(crate) fn chosen_arm(chosen: &Value, other: Option<&Value>) -> Computed {
    match other {
        Some(other) => as_arm(chosen, &arms_type(chosen, other)?, 1),
        None => Ok(chosen.clone()),
    }
}

/// A conditional whose condition is not known yet.
pub(crate) fn open_conditional(condition: &Value, yes: &Value, no: &Value) -> Computed {
    let ty = arms_type(yes, no)?;
    let (yes, no) = (as_arm(yes, &ty, 1)?, as_arm(no, &ty, 2)?);
    let is_sensitive = condition.is_sensitive() || yes.is_sensitive() || no.is_sensitive();
    let result = Value::unknown(ty, Residual::Conditional { condition: condition.clone(), yes, no });
    Ok(if is_sensitive { result.sensitive() } else { result })
}

/// Parts joined as text.
pub(crate) fn template(parts: &[Value]) -> Computed {
    let mut joined: Vec<Value> = Vec::new();
    let mut text = String::new();
    let mut is_sensitive = false;
    for (at, part) in parts.iter().enumerate() {
        if part.is_null() {
            let detail = "a part of the text is null, and null has no text form";
            return Err(Fault::new(&diag::NULL_VALUE, detail).operand(at));
        }
        is_sensitive |= part.is_sensitive();
        let converted = convert(part, &Type::String).map_err(|_| {
            let detail = format!("{} has no text form", describe(part));
            Fault::new(&diag::NO_TEXT_FORM, detail).operand(at)
        })?;
        match converted.as_str() {
            Some(known) => text.push_str(known),
            None => {
                if !text.is_empty() {
                    joined.push(Value::string(std::mem::take(&mut text)));
                }
                joined.push(part.clone());
            }
        }
    }
    let result = if joined.is_empty() {
        Value::string(text)
    } else {
        if !text.is_empty() {
            joined.push(Value::string(text));
        }
        Value::unknown(Type::String, Residual::Template(joined))
    };
    Ok(if is_sensitive { result.sensitive() } else { result })
}

/// An attribute of an object, or a key of a map.
pub(crate) fn attribute(of: &Value, name: &Text) -> Computed {
    let found = match of.kind() {
        Kind::Object(entries) | Kind::Map(entries) => match entries.get(name) {
            Some(value) => value.clone(),
            None => {
                return Err(missing(name, entries.iter().map(|(key, _)| &**key), matches!(of.kind(), Kind::Map(_))));
            }
        },
        Kind::Unknown(unknown) => {
            if let Type::Object(fields) = &unknown.ty
                && !fields.contains_key(name)
            {
                return Err(missing(name, fields.keys().map(|key| &**key), false));
            }
            if !matches!(unknown.ty, Type::Object(_) | Type::Map(_) | Type::Any) {
                return Err(no_attributes(of, name));
            }
            deeper(of, &unknown.residual, PathStep::Name(name.clone()), unknown.ty.attribute(name))
        }
        Kind::Null => {
            let detail = format!("the attribute `{name}` is taken from null");
            return Err(Fault::new(&diag::NULL_VALUE, detail));
        }
        _ => return Err(no_attributes(of, name)),
    };
    Ok(found.marked_like(of))
}

fn no_attributes(of: &Value, name: &str) -> Fault {
    let fault =
        Fault::new(&diag::NO_SUCH_ATTRIBUTE, format!("{} has no attributes, so none is `{name}`", describe(of)));
    if of.items().is_some() {
        return fault.help(Some(format!("Write [*].{name} to take it from each element, or [0].{name} from one")));
    }
    fault
}

fn missing<'a>(name: &str, names: impl Iterator<Item = &'a str>, is_map: bool) -> Fault {
    let kind = if is_map { &diag::NO_SUCH_KEY } else { &diag::NO_SUCH_ATTRIBUTE };
    let what = if is_map { "map has no key" } else { "object has no attribute" };
    Fault::new(kind, format!("the {what} `{name}`")).help(suggestion(name, names))
}

/// A part of something unknown: a longer path where that is an attribute, else an index.
fn deeper(of: &Value, residual: &Residual, step: PathStep, ty: Type) -> Value {
    let residual = match residual {
        Residual::Attribute { instance, path } => {
            Residual::Attribute { instance: instance.clone(), path: Path::join(path, step) }
        }
        _ => {
            let key = match step {
                PathStep::Name(name) => Value::string(name),
                PathStep::Index(at) => {
                    Value::number(terrane_core::Number::from(usize::try_from(at).unwrap_or(usize::MAX)))
                }
            };
            Residual::Index { collection: of.clone(), key }
        }
    };
    Value::unknown(ty, residual)
}

/// An element by position or key.
pub(crate) fn index(collection: &Value, key: &Value) -> Computed {
    if collection.is_null() {
        return Err(Fault::new(&diag::NULL_VALUE, "an element is taken from null").operand(0));
    }
    if key.is_null() {
        return Err(Fault::new(&diag::NULL_VALUE, "the key is null").operand(1));
    }
    let found = if key.is_known() {
        match collection.kind() {
            Kind::Tuple(items) | Kind::List(items) => by_position(items, key)?,
            Kind::Object(_) | Kind::Map(_) => by_name(collection, key)?,
            Kind::Unknown(unknown) => by_step(collection, &unknown.ty, &unknown.residual, key)?,
            _ => return Err(no_elements(collection)),
        }
    } else {
        let ty = element_type(collection)?;
        Value::unknown(ty, Residual::Index { collection: collection.clone(), key: key.clone() })
    };
    Ok(found.marked_like(collection).marked_like(key))
}

fn no_elements(collection: &Value) -> Fault {
    let fault =
        Fault::new(&diag::NOT_A_COLLECTION, format!("{} has no elements by position or key", describe(collection)));
    let is_set = matches!(collection.kind(), Kind::Set(_)) || matches!(collection.type_of(), Type::Set(_));
    fault.operand(0).help(is_set.then(|| String::from("A set has no order: use tolist(..) or one(..)")))
}

fn key_text(key: &Value) -> Result<Text, Fault> {
    let converted = convert(key, &Type::String)
        .map_err(|error| Fault::new(&diag::WRONG_OPERAND, format!("a key: {}", error.reason)).operand(1))?;
    converted.as_text().cloned().ok_or_else(|| Fault::new(&diag::WRONG_OPERAND, "a key is a text").operand(1))
}

/// An attribute or key that is computed: a secret one is not shown when it is missing.
fn by_name(of: &Value, key: &Value) -> Computed {
    let name = key_text(key)?;
    attribute(of, &name).map_err(|fault| {
        if key.is_sensitive() {
            return Fault::new(fault.kind, "there is no element of this key, which is sensitive").operand(1);
        }
        fault.operand(1)
    })
}

fn position(key: &Value) -> Result<Option<usize>, Fault> {
    let converted = convert(key, &Type::Number)
        .map_err(|error| Fault::new(&diag::WRONG_OPERAND, format!("a position: {}", error.reason)).operand(1))?;
    let Some(number) = converted.as_number() else { return Ok(None) };
    if !number.is_integer() {
        return Err(Fault::new(&diag::WRONG_OPERAND, format!("a position is a whole number, not {number}")).operand(1));
    }
    Ok(number.to_i64().and_then(|at| usize::try_from(at).ok()))
}

fn by_position(items: &[Value], key: &Value) -> Computed {
    position(key)?.and_then(|at| items.get(at)).cloned().ok_or_else(|| {
        let shown = if key.is_sensitive() { String::from("(sensitive)") } else { format!("{key:?}") };
        let detail = match items.len() {
            0 => format!("position {shown} of a list that is empty"),
            1 => format!("position {shown} of a list that has 1 element, at 0"),
            many => format!("position {shown} of a list that has {many} elements, 0 to {}", many - 1),
        };
        Fault::new(&diag::INDEX_OUT_OF_RANGE, detail).operand(1)
    })
}

fn by_step(of: &Value, ty: &Type, residual: &Residual, key: &Value) -> Computed {
    let name = |key: &Value| key_text(key).map(PathStep::Name);
    let at = |key: &Value| {
        let at = position(key)?.and_then(|at| u64::try_from(at).ok());
        let detail = "a position is 0 or more";
        at.map(PathStep::Index).ok_or_else(|| Fault::new(&diag::INDEX_OUT_OF_RANGE, detail).operand(1))
    };
    let (step, ty) = match ty {
        Type::Object(_) => return by_name(of, key),
        Type::Map(element) => (name(key)?, (**element).clone()),
        Type::List(element) => (at(key)?, (**element).clone()),
        Type::Tuple(items) => {
            let step = at(key)?;
            let ty = match &step {
                PathStep::Index(at) => usize::try_from(*at).ok().and_then(|at| items.get(at)).cloned(),
                PathStep::Name(_) => None,
            };
            let detail = format!("the tuple has {} elements", items.len());
            (step, ty.ok_or_else(|| Fault::new(&diag::INDEX_OUT_OF_RANGE, detail).operand(1))?)
        }
        Type::Any => match key.kind() {
            Kind::Number(_) => (at(key)?, Type::Any),
            _ => (name(key)?, Type::Any),
        },
        Type::Bool | Type::Number | Type::String | Type::Set(_) => return Err(no_elements(of)),
    };
    Ok(deeper(of, residual, step, ty))
}

fn element_type(collection: &Value) -> Result<Type, Fault> {
    let ty = collection.type_of();
    match &ty {
        Type::List(element) | Type::Map(element) => Ok((**element).clone()),
        Type::Tuple(items) => Ok(unify(items).unwrap_or(Type::Any)),
        Type::Object(fields) => {
            let types: Vec<Type> = fields.values().map(|f| f.ty.clone()).collect();
            Ok(unify(&types).unwrap_or(Type::Any))
        }
        Type::Any => Ok(Type::Any),
        Type::Bool | Type::Number | Type::String | Type::Set(_) => Err(no_elements(collection)),
    }
}
