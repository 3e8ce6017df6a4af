//! Evaluates the arguments and nested blocks of a block into one object.

use super::dynamic::{self, Kind};
use super::ir::{Argument, Body, NestedBlock};
use super::walk::Walk;
use crate::convert::convert;
use crate::diag;
use terrane_core::{Block, Nesting, Shape, Text, Type, Value};

/// The object of a body, every attribute of `schema` present; `None` after an error.
pub(crate) fn evaluate(walk: &mut Walk<'_>, body: &Body, schema: &Block, is_secret: bool) -> Option<Value> {
    let mut pairs: Vec<(Text, Value)> = Vec::with_capacity(schema.attributes.len());
    let mut arguments = body.arguments.iter().peekable();
    let mut has_failed = false;
    for (at, attribute) in (0_u32..).zip(&schema.attributes) {
        let is_secret = is_secret || attribute.is_secret;
        let value = match &attribute.shape {
            Shape::Value(ty) => match arguments.next_if(|argument| argument.attribute == at) {
                Some(written) => argument(walk, written, ty, is_secret),
                None => Some(Value::NULL),
            },
            Shape::Block { block, nesting } => {
                let written = body.blocks.iter().filter(|nested| nested.attribute == at);
                if written.clone().any(|nested| nested.dynamic.is_some()) {
                    let kind = Kind { block, nesting: *nesting, ty: attribute.implied_type(), is_secret };
                    dynamic::blocks(walk, written, &kind)
                } else {
                    blocks(walk, written, block, *nesting, is_secret)
                }
            }
        };
        match value {
            Some(value) => pairs.push((attribute.name.clone(), value)),
            None => has_failed = true,
        }
    }
    (!has_failed).then(|| Value::object(pairs))
}

fn argument(walk: &mut Walk<'_>, written: &Argument, ty: &Type, is_secret: bool) -> Option<Value> {
    let outer = std::mem::replace(&mut walk.is_secret, is_secret);
    let value = walk.eval(&written.value);
    walk.is_secret = outer;
    let value = match convert(&value?, ty) {
        Ok(value) => value,
        Err(error) => {
            let span = super::ir::part(&written.value, &error.path.0).unwrap_or(written.value.span);
            walk.report(diag::WRONG_TYPE.at(span).detail(format!("`{}`: {}", written.name, error.text())));
            return None;
        }
    };
    if is_secret {
        return Some(if value.is_null() { value } else { value.sensitive() });
    }
    if value.has_sensitive() {
        let detail = format!("`{}` is shown and kept in plain text, and its value is sensitive", written.name);
        walk.report(diag::SECRET_IN_PLAIN_ARGUMENT.at(written.value.span).detail(detail));
        return None;
    }
    Some(value)
}

fn blocks<'b>(
    walk: &mut Walk<'_>,
    written: impl Iterator<Item = &'b NestedBlock>,
    schema: &Block,
    nesting: Nesting,
    is_secret: bool,
) -> Option<Value> {
    let values: Vec<Option<Value>> = written.map(|nested| evaluate(walk, &nested.body, schema, is_secret)).collect();
    let mut values: Vec<Value> = values.into_iter().collect::<Option<_>>()?;
    Some(match nesting {
        Nesting::Single => values.pop().unwrap_or(Value::NULL),
        Nesting::List => Value::list(values),
        Nesting::Set => Value::set(values),
    })
}
