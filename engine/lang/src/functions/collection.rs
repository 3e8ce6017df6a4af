//! Functions of lists and tuples.

use super::ParameterType::{Any, List, Number as N, StringList};
use super::{
    Function, Outcome, a_bool, a_number, any, argument, drawn_from, is, items, nullable, number, p, refused, size,
    strings, whole, wrong,
};
use crate::convert::{convert, unify};
use std::collections::BTreeSet;
use terrane_core::{Kind, Number, Type, Value};
use unicode_segmentation::UnicodeSegmentation;

/// Longest list that `range` makes.
const LONGEST_RANGE: usize = 1_024;

/// The functions.
pub static TABLE: &[Function] = &[
    Function::new("alltrue", "Whether every element is true.", &[p("list", List)], a_bool, |a, _| truths(a, false))
        .parts(),
    Function::new("anytrue", "Whether an element is true.", &[p("list", List)], a_bool, |a, _| truths(a, true)).parts(),
    Function::new(
        "chunklist",
        "A list cut into lists of at most so many elements; 0 leaves it whole.",
        &[p("list", List), p("size", N)],
        any,
        |a, _| {
            let all = items(a, 0);
            let size = match size(a, 1)? {
                0 => all.len().max(1),
                size => size,
            };
            is(Value::list(all.chunks(size).map(|chunk| Value::list(chunk.to_vec())).collect()))
        },
    )
    .parts(),
    Function::new("coalesce", "The first value that is neither null nor an empty text.", &[], any, |a, _| coalesce(a))
        .variadic(nullable("value", Any))
        .parts(),
    Function::new("coalescelist", "The first list that is not empty.", &[], any, |a, _| coalesce_list(a))
        .variadic(p("list", Any))
        .parts(),
    Function::new("compact", "The list without nulls and empty texts.", &[p("list", StringList)], strings, |a, _| {
        let kept = items(a, 0).iter().filter(|item| item.as_str().is_some_and(|text| !text.is_empty()));
        is(Value::list(kept.cloned().collect()))
    }),
    Function::new("concat", "Lists one after the other.", &[], any, |a, _| concat(a)).variadic(p("list", Any)).parts(),
    Function::new(
        "contains",
        "Whether a list or set holds a value of the same type.",
        &[p("list", Any), p("value", Any)],
        a_bool,
        |a, _| match argument(a, 0).items() {
            Some(_) => find(a, |found| Value::bool(found.is_some())),
            None => wrong(0, "it has to be a list, a set or a tuple"),
        },
    )
    .parts(),
    Function::new(
        "distinct",
        "The list with each value once, in the order of first sight.",
        &[p("list", List)],
        any,
        |a, _| {
            let mut seen = BTreeSet::new();
            is(Value::list(items(a, 0).iter().filter(|item| seen.insert(*item)).cloned().collect()))
        },
    ),
    Function::new(
        "element",
        "The element at a position, counted round; -1 is the last.",
        &[p("list", Any), p("index", N)],
        any,
        |a, _| element(a),
    )
    .parts(),
    Function::new(
        "flatten",
        "The list with the elements of inner lists in their place.",
        &[p("list", Any)],
        any,
        |a, _| {
            if argument(a, 0).items().is_none() {
                return wrong(0, "it has to be a list, a set or a tuple");
            }
            let mut flat = Vec::new();
            Ok(flatten(argument(a, 0), false, &mut flat).then(|| Value::tuple(flat)))
        },
    )
    .parts(),
    Function::new(
        "index",
        "The position of a value of the same type in a list.",
        &[p("list", Any), p("value", Any)],
        a_number,
        |a, _| index(a),
    )
    .parts(),
    Function::new(
        "length",
        "How many elements, keys or characters there are.",
        &[p("value", Any)],
        a_number,
        |a, _| length(argument(a, 0)),
    )
    .parts(),
    Function::new(
        "matchkeys",
        "Elements of a list at whose position another list holds one of the wanted values.",
        &[p("values", List), p("keys", List), p("wanted", List)],
        any,
        |a, _| match_keys(a),
    ),
    Function::new(
        "one",
        "The only element of a list, or null where it is empty.",
        &[p("list", Any)],
        any,
        |a, _| match (argument(a, 0).kind(), argument(a, 0).items()) {
            (Kind::Set(all), _) if all.len() > 1 && !argument(a, 0).is_wholly_known() => Ok(None),
            (_, Some([])) => is(Value::NULL),
            (_, Some([only])) => is(only.clone()),
            _ => wrong(0, "it has to be a list, a set or a tuple of at most one element"),
        },
    )
    .parts(),
    Function::new(
        "range",
        "Numbers from a start (or 0) to before a limit, in steps of 1, -1 or a third number.",
        &[],
        |_| Type::list(Type::Number),
        |a, _| range(a),
    )
    .variadic(p("number", N)),
    Function::new("reverse", "The list backwards.", &[p("list", Any)], any, |a, _| {
        let backwards = items(a, 0).iter().rev().cloned().collect();
        match argument(a, 0).kind() {
            Kind::Set(_) if !argument(a, 0).is_wholly_known() => Ok(None),
            Kind::List(_) | Kind::Set(_) => is(Value::list(backwards)),
            Kind::Tuple(_) => is(Value::tuple(backwards)),
            _ => wrong(0, "it has to be a list or a tuple"),
        }
    })
    .parts(),
    Function::new(
        "slice",
        "The elements from a position to before another.",
        &[p("list", Any), p("start", N), p("end", N)],
        any,
        |a, _| slice(a),
    )
    .parts(),
    Function::new("sort", "Texts in the order of their code points.", &[p("list", StringList)], strings, |a, _| {
        if let Some(at) = items(a, 0).iter().position(Value::is_null) {
            return wrong(0, format!("element {at} is null"));
        }
        let mut all = items(a, 0).to_vec();
        all.sort();
        is(Value::list(all))
    }),
    Function::new("sum", "The sum of the numbers of a list.", &[p("list", List)], a_number, |a, _| sum(a)),
];

fn truths(arguments: &[Value], wanted: bool) -> Outcome {
    let mut is_open = false;
    for item in items(arguments, 0) {
        if !item.is_known() {
            is_open = true;
            continue;
        }
        match convert(item, &Type::Bool).map(|value| value.as_bool()) {
            Ok(truth) if truth.unwrap_or(false) == wanted => return drawn_from(arguments, Value::bool(wanted)),
            Ok(_) => {}
            Err(_) => return wrong(0, "it has to be a list of bools"),
        }
    }
    if is_open { Ok(None) } else { drawn_from(arguments, Value::bool(!wanted)) }
}

fn coalesce(arguments: &[Value]) -> Outcome {
    let types: Vec<Type> = arguments.iter().map(Value::type_of).collect();
    let Some(ty) = unify(&types) else { return refused("the values have no type in common") };
    match arguments.iter().find(|value| !value.is_null() && value.as_str() != Some("")) {
        Some(found) if !found.is_known() => Ok(None),
        Some(found) => convert(found, &ty).map(Some).or_else(|error| refused(error.text())),
        None => refused("every value is null or an empty text"),
    }
}

fn coalesce_list(arguments: &[Value]) -> Outcome {
    if let Some(at) = arguments.iter().position(|list| !matches!(list.kind(), Kind::List(_) | Kind::Tuple(_))) {
        return wrong(at, "it has to be a list or a tuple");
    }
    match arguments.iter().find(|list| list.items().is_some_and(|all| !all.is_empty())) {
        Some(found) => is(found.clone()),
        None => refused("every list is empty"),
    }
}

/// Lists of one type make a list, anything else a tuple.
fn concat(arguments: &[Value]) -> Outcome {
    if arguments.is_empty() {
        return refused("at least one list is needed");
    }
    if let Some(at) = arguments.iter().position(|list| !matches!(list.kind(), Kind::List(_) | Kind::Tuple(_))) {
        return wrong(at, "it has to be a list or a tuple");
    }
    let all: Vec<Value> = arguments.iter().flat_map(|list| list.items().unwrap_or_default()).cloned().collect();
    let whole = Value::tuple(all);
    if arguments.iter().all(|list| matches!(list.kind(), Kind::List(_)))
        && let Ok(list) = convert(&whole, &Type::list(Type::Any))
    {
        return is(list);
    }
    is(whole)
}

/// Answers with where the second argument stands in the first; `None` while an unknown part decides it.
fn find(arguments: &[Value], answer: impl FnOnce(Option<usize>) -> Value) -> Outcome {
    let wanted = argument(arguments, 1);
    let mut is_open = false;
    for (at, item) in items(arguments, 0).iter().enumerate() {
        if !item.is_wholly_known() || !wanted.is_wholly_known() {
            is_open = true;
        } else if item == wanted {
            // Which is first matters only to a position, and that waits for what stands before it.
            let found = answer(Some(at));
            return if is_open && found.as_bool().is_none() { Ok(None) } else { drawn_from(arguments, found) };
        }
    }
    if is_open { Ok(None) } else { drawn_from(arguments, answer(None)) }
}

fn index(arguments: &[Value]) -> Outcome {
    match argument(arguments, 0).kind() {
        Kind::List(all) | Kind::Tuple(all) if all.is_empty() => wrong(0, "it is empty"),
        Kind::List(_) | Kind::Tuple(_) => {
            let found = find(arguments, |found| found.map_or(Value::NULL, |at| Value::number(at.into())))?;
            if found.as_ref().is_some_and(Value::is_null) { wrong(1, "the list does not hold it") } else { Ok(found) }
        }
        _ => wrong(0, "it has to be a list or a tuple"),
    }
}

fn element(arguments: &[Value]) -> Outcome {
    let (Kind::List(all) | Kind::Tuple(all)) = argument(arguments, 0).kind() else {
        return wrong(0, "it has to be a list or a tuple");
    };
    let at = whole(arguments, 1)?.checked_rem_euclid(i64::try_from(all.len()).unwrap_or(i64::MAX));
    match at.and_then(|at| all.get(usize::try_from(at).ok()?)) {
        Some(found) => is(found.clone()),
        None => wrong(0, "it is empty"),
    }
}

/// Puts the elements of `list` behind `flat`; false where something unknown decides how many they are.
fn flatten(list: &Value, is_sensitive: bool, flat: &mut Vec<Value>) -> bool {
    let is_sensitive = is_sensitive || list.is_sensitive();
    if matches!(list.kind(), Kind::Set(_)) && !list.is_wholly_known() {
        return false;
    }
    list.items().unwrap_or_default().iter().all(|item| match item.kind() {
        Kind::List(_) | Kind::Tuple(_) | Kind::Set(_) => flatten(item, is_sensitive, flat),
        Kind::Unknown(unknown) if !is_no_list(&unknown.ty) => false,
        _ => {
            flat.push(if is_sensitive { item.clone().sensitive() } else { item.clone() });
            true
        }
    })
}

fn is_no_list(ty: &Type) -> bool {
    match ty {
        Type::Bool | Type::Number | Type::String | Type::Map(_) | Type::Object(_) => true,
        Type::Any | Type::List(_) | Type::Set(_) | Type::Tuple(_) => false,
    }
}

fn length(value: &Value) -> Outcome {
    let count = match value.kind() {
        // Unknown elements of a set may turn out to be one.
        Kind::Set(_) if !value.is_wholly_known() => return Ok(None),
        Kind::List(all) | Kind::Tuple(all) | Kind::Set(all) => all.len(),
        Kind::Map(entries) | Kind::Object(entries) => entries.len(),
        Kind::String(text) => text.graphemes(true).count(),
        Kind::Null | Kind::Bool(_) | Kind::Number(_) | Kind::Unknown(_) => {
            return wrong(0, "it has to be a text, a list, a set, a tuple, a map or an object");
        }
    };
    is(Value::number(count.into()))
}

fn match_keys(arguments: &[Value]) -> Outcome {
    let (values, keys, wanted) = (items(arguments, 0), items(arguments, 1), items(arguments, 2));
    if values.len() != keys.len() {
        return wrong(1, "it has to be as long as the list of values");
    }
    let types: Vec<Type> = keys.iter().chain(wanted).map(Value::type_of).collect();
    let Some(ty) = unify(&types) else { return wrong(2, "it has to be of the type of the keys") };
    let same = |list: &[Value]| -> Option<Vec<Value>> { list.iter().map(|item| convert(item, &ty).ok()).collect() };
    let (Some(keys), Some(wanted)) = (same(keys), same(wanted)) else {
        return wrong(2, "it has to be of the type of the keys");
    };
    let wanted: BTreeSet<Value> = wanted.into_iter().collect();
    let kept = values.iter().zip(keys).filter(|(_, key)| wanted.contains(key)).map(|(value, _)| value.clone());
    is(Value::list(kept.collect()))
}

fn range(arguments: &[Value]) -> Outcome {
    let (start, limit, step) = match arguments.len() {
        1 => (Number::Int(0), number(arguments, 0), None),
        2 => (number(arguments, 0), number(arguments, 1), None),
        3 => (number(arguments, 0), number(arguments, 1), Some(number(arguments, 2))),
        _ => return refused("it takes one to three numbers"),
    };
    let is_down = limit < start;
    let step = step.unwrap_or(Number::Int(if is_down { -1 } else { 1 }));
    if start != limit && !step.is_zero() && step.is_negative() != is_down {
        return wrong(2, "it leads away from the limit");
    }
    let mut all = Vec::new();
    let mut next = start;
    while if is_down { next > limit } else { next < limit } {
        if all.len() >= LONGEST_RANGE {
            return refused(format!("it makes more than {LONGEST_RANGE} numbers"));
        }
        let after = next.add(&step);
        all.push(Value::number(std::mem::replace(&mut next, after)));
    }
    is(Value::list(all))
}

fn slice(arguments: &[Value]) -> Outcome {
    let value = argument(arguments, 0);
    let (Kind::List(all) | Kind::Tuple(all)) = value.kind() else { return wrong(0, "it has to be a list or a tuple") };
    let (start, end) = (size(arguments, 1)?, size(arguments, 2)?);
    if end > all.len() {
        return wrong(2, format!("the list has {} elements", all.len()));
    }
    let Some(part) = all.get(start..end) else { return wrong(1, "it has to be at most the end") };
    is(if matches!(value.kind(), Kind::List(_)) { Value::list(part.to_vec()) } else { Value::tuple(part.to_vec()) })
}

fn sum(arguments: &[Value]) -> Outcome {
    let numbers: Option<Vec<Value>> = items(arguments, 0).iter().map(|i| convert(i, &Type::Number).ok()).collect();
    match numbers.as_deref() {
        Some([]) => wrong(0, "it is empty"),
        Some(numbers) if numbers.iter().all(|n| n.as_number().is_some()) => {
            let sum = numbers.iter().filter_map(Value::as_number).fold(Number::Int(0), |sum, n| sum.add(n));
            is(Value::number(sum))
        }
        _ => wrong(0, "it has to be a list of numbers"),
    }
}
