//! Type constraints: `string`, `list(..)`, `object({ a = optional(..) })`.

use super::constant;
use crate::convert::convert;
use crate::diag;
use crate::syntax::ast;
use std::collections::BTreeMap;
use terrane_core::diagnostic::suggestion;
use terrane_core::types::Field;
use terrane_core::{Diagnostic, Text, Type};

const NAMES: &[&str] = &["string", "number", "bool", "any", "list", "set", "map", "tuple", "object"];

/// The type that an expression writes; `None` after a problem.
pub fn read(expr: &ast::Expr, problems: &mut Vec<Diagnostic>) -> Option<Type> {
    match &expr.kind {
        ast::ExprKind::Parens(inner) => read(inner, problems),
        ast::ExprKind::Name(name) => match &**name {
            "string" => Some(Type::String),
            "number" => Some(Type::Number),
            "bool" => Some(Type::Bool),
            "any" => Some(Type::Any),
            "list" => Some(Type::list(Type::Any)),
            "set" => Some(Type::set(Type::Any)),
            "map" => Some(Type::map(Type::Any)),
            other => {
                wrong(expr, format!("`{other}` is no type"), suggestion(other, NAMES.iter().copied()), problems);
                None
            }
        },
        ast::ExprKind::Call(call) if !call.is_spread => built(&call.name, &call.arguments, expr, problems),
        ast::ExprKind::String(text) => {
            let help = Some(String::from("A type stands without quotes"));
            wrong(expr, format!("the text \"{text}\" is no type"), help, problems);
            None
        }
        ast::ExprKind::Broken(_) => None,
        _ => {
            wrong(expr, String::from("a type stands here"), None, problems);
            None
        }
    }
}

fn wrong(expr: &ast::Expr, detail: String, help: Option<String>, problems: &mut Vec<Diagnostic>) {
    let problem = diag::INVALID_TYPE.at(expr.span).detail(detail);
    problems.push(match help {
        Some(help) => problem.help(help),
        None => problem,
    });
}

fn built(
    name: &ast::Ident,
    arguments: &[ast::Expr],
    whole: &ast::Expr,
    problems: &mut Vec<Diagnostic>,
) -> Option<Type> {
    match (&*name.text, arguments) {
        ("list", [element]) => read(element, problems).map(Type::list),
        ("set", [element]) => read(element, problems).map(Type::set),
        ("map", [element]) => read(element, problems).map(Type::map),
        ("tuple", [ast::Expr { kind: ast::ExprKind::Tuple(items), .. }]) => {
            let types: Vec<Option<Type>> = items.iter().map(|item| read(item, problems)).collect();
            types.into_iter().collect::<Option<_>>().map(Type::Tuple)
        }
        ("object", [ast::Expr { kind: ast::ExprKind::Object(items), .. }]) => object(items, problems),
        ("optional", _) => {
            let help = Some(String::from("optional(..) stands in object({ name = optional(..) })"));
            wrong(whole, String::from("`optional` is no type of its own"), help, problems);
            None
        }
        ("list" | "set" | "map", _) => {
            wrong(whole, format!("`{}` takes one type: {}(string)", name.text, name.text), None, problems);
            None
        }
        ("tuple", _) => {
            wrong(whole, String::from("a tuple is written tuple([string, number])"), None, problems);
            None
        }
        ("object", _) => {
            wrong(whole, String::from("an object is written object({ name = string })"), None, problems);
            None
        }
        (other, _) => {
            wrong(whole, format!("`{other}` is no type"), suggestion(other, NAMES.iter().copied()), problems);
            None
        }
    }
}

fn object(items: &[ast::ObjectItem], problems: &mut Vec<Diagnostic>) -> Option<Type> {
    let mut fields: BTreeMap<Text, Field> = BTreeMap::new();
    let mut is_whole = true;
    for item in items {
        let name = match &item.key.kind {
            ast::ExprKind::Name(name) | ast::ExprKind::String(name) => Some(name.clone()),
            ast::ExprKind::Broken(_) => None,
            _ => {
                wrong(&item.key, String::from("the name of an attribute stands here"), None, problems);
                None
            }
        };
        match (name, field(&item.value, problems)) {
            (Some(name), Some(field)) => {
                if fields.contains_key(&name) {
                    problems.push(diag::DUPLICATE_KEY.at(item.key.span).detail(format!("`{name}` stands twice")));
                }
                fields.insert(name, field);
            }
            _ => is_whole = false,
        }
    }
    is_whole.then_some(Type::Object(fields))
}

fn field(expr: &ast::Expr, problems: &mut Vec<Diagnostic>) -> Option<Field> {
    let call = match &expr.kind {
        ast::ExprKind::Call(call) if !call.is_spread => call,
        _ => return read(expr, problems).map(Field::required),
    };
    match (&*call.name.text, &call.arguments[..]) {
        ("optional", [ty]) => read(ty, problems).map(Field::optional),
        ("optional", [ty, default]) => {
            let ty = read(ty, problems);
            let value = constant(default, problems);
            let (ty, value) = (ty?, value?);
            match convert(&value, &ty) {
                Ok(value) => Some(Field { ty, is_optional: true, default: Some(value) }),
                Err(error) => {
                    problems.push(diag::WRONG_TYPE.at(default.span).detail(format!("the default: {}", error.text())));
                    None
                }
            }
        }
        _ => read(expr, problems).map(Field::required),
    }
}
