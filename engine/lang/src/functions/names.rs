//! The names that an expression uses and does not bind itself.

use crate::syntax::ast::{Expr, ExprKind, TemplatePart};
use terrane_core::{Span, Text};

/// Adds the free names of `expr` to `found`; `bound` are those of the loops around it.
pub fn free(expr: &Expr, bound: &mut Vec<Text>, found: &mut Vec<(Text, Span)>) {
    match &expr.kind {
        ExprKind::Name(name) => {
            if !bound.contains(name) {
                found.push((name.clone(), expr.span));
            }
        }
        ExprKind::Null
        | ExprKind::Bool(_)
        | ExprKind::Number(_)
        | ExprKind::String(_)
        | ExprKind::SplatItem
        | ExprKind::Broken(None) => {}
        ExprKind::Broken(Some(inner)) => free(inner, bound, found),
        ExprKind::Template(parts) => of_parts(parts, bound, found),
        ExprKind::Tuple(items) => items.iter().for_each(|item| free(item, bound, found)),
        ExprKind::Object(items) => {
            for item in items {
                if !matches!(item.key.kind, ExprKind::Name(_)) {
                    free(&item.key, bound, found);
                }
                free(&item.value, bound, found);
            }
        }
        ExprKind::Attr(attribute) => free(&attribute.of, bound, found),
        ExprKind::Index { of: left, key: right }
        | ExprKind::Splat { of: left, each: right }
        | ExprKind::Binary { left, right, .. } => {
            free(left, bound, found);
            free(right, bound, found);
        }
        ExprKind::Call(call) => call.arguments.iter().for_each(|argument| free(argument, bound, found)),
        ExprKind::Unary { operand, .. } | ExprKind::Parens(operand) => free(operand, bound, found),
        ExprKind::Conditional { condition, yes, no } => {
            for part in [condition, yes, no] {
                free(part, bound, found);
            }
        }
        ExprKind::For(each) => {
            free(&each.collection, bound, found);
            let depth = bound.len();
            bound.extend(each.key_name.iter().chain([&each.value_name]).map(|name| name.text.clone()));
            for part in each.result_key.iter().chain([&each.result]).chain(&each.condition) {
                free(part, bound, found);
            }
            bound.truncate(depth);
        }
    }
}

fn of_parts(parts: &[TemplatePart], bound: &mut Vec<Text>, found: &mut Vec<(Text, Span)>) {
    for part in parts {
        match part {
            TemplatePart::Text(_) => {}
            TemplatePart::Value(value) => free(value, bound, found),
            TemplatePart::If { condition, yes, no } => {
                free(condition, bound, found);
                of_parts(yes, bound, found);
                of_parts(no, bound, found);
            }
            TemplatePart::For { key_name, value_name, collection, body } => {
                free(collection, bound, found);
                let depth = bound.len();
                bound.extend(key_name.iter().chain([value_name]).map(|name| name.text.clone()));
                of_parts(body, bound, found);
                bound.truncate(depth);
            }
        }
    }
}
