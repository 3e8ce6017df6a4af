//! Functions of sets.

use super::ParameterType::Any;
use super::{Function, FunctionError, Outcome, any, is, p, refused, wrong};
use crate::convert::{convert, unify};
use std::collections::BTreeSet;
use terrane_core::{Kind, Type, Value};

/// Most combinations that `setproduct` makes.
const MOST: usize = 1_000_000;

/// The functions.
pub static TABLE: &[Function] = &[
    Function::new("setintersection", "Values that every set holds.", &[p("set", Any)], a_set, |a, _| {
        let sets = same(a)?;
        let Some((first, others)) = sets.split_first() else { return refused("at least one set is needed") };
        is(Value::set(first.iter().filter(|item| others.iter().all(|set| set.contains(item))).cloned().collect()))
    })
    .variadic(p("set", Any)),
    Function::new("setproduct", "Every combination of one value of each list or set.", &[], any, |a, _| product(a))
        .variadic(p("set", Any))
        .parts(),
    Function::new(
        "setsubtract",
        "Values of one set that another does not hold.",
        &[p("set", Any), p("without", Any)],
        a_set,
        |a, _| {
            let sets = same(a)?;
            let Some((first, others)) = sets.split_first() else { return refused("two sets are needed") };
            is(Value::set(first.iter().filter(|item| !others.iter().any(|set| set.contains(item))).cloned().collect()))
        },
    ),
    Function::new("setunion", "Values that any of the sets holds.", &[p("set", Any)], a_set, |a, _| {
        is(Value::set(same(a)?.into_iter().flatten().collect()))
    })
    .variadic(p("set", Any)),
];

fn a_set(_: &[Value]) -> Type {
    Type::set(Type::Any)
}

fn elements(arguments: &[Value], at: usize) -> Result<&[Value], FunctionError> {
    match arguments.get(at).and_then(Value::items) {
        Some(items) => Ok(items),
        None => wrong(at, "it has to be a set, a list or a tuple"),
    }
}

/// The arguments as sets of one type.
fn same(arguments: &[Value]) -> Result<Vec<BTreeSet<Value>>, FunctionError> {
    let mut types = Vec::new();
    for at in 0..arguments.len() {
        types.extend(elements(arguments, at)?.iter().map(Value::type_of));
    }
    let Some(ty) = unify(&types) else { return refused("the sets have no type of elements in common") };
    let set = |value: &Value| -> Result<BTreeSet<Value>, FunctionError> {
        let items = value.items().unwrap_or_default().iter();
        items.map(|item| convert(item, &ty).or_else(|error| refused(error.text()))).collect()
    };
    arguments.iter().map(set).collect()
}

/// A set where one of the arguments is a set, else a list; the elements are tuples.
fn product(arguments: &[Value]) -> Outcome {
    if arguments.len() < 2 {
        return refused("at least two lists or sets are needed");
    }
    let is_set = arguments.iter().any(|value| matches!(value.kind(), Kind::Set(_)));
    if is_set && !arguments.iter().all(Value::is_wholly_known) {
        // Unknown elements of a set may turn out to be one.
        return Ok(None);
    }
    let mut rows: Vec<Vec<Value>> = vec![Vec::new()];
    for (at, value) in arguments.iter().enumerate() {
        let count = elements(arguments, at)?.len();
        if rows.len().saturating_mul(count) > MOST {
            return refused(format!("there are more than {MOST} combinations"));
        }
        let Ok(list) = convert(value, &Type::list(Type::Any)) else {
            return wrong(at, "its elements have no type in common");
        };
        let longer = |row: &Vec<Value>, item: &Value| row.iter().chain([item]).cloned().collect::<Vec<Value>>();
        let all = list.items().unwrap_or_default();
        rows = rows.iter().flat_map(|row| all.iter().map(move |item| longer(row, item))).collect();
    }
    let rows: Vec<Value> = rows.into_iter().map(Value::tuple).collect();
    if !is_set {
        return is(Value::list(rows));
    }
    let has_sensitive = arguments.iter().any(Value::has_sensitive);
    let set = Value::set(rows);
    is(if has_sensitive { set.sensitive() } else { set })
}
