//! What the console answers: the value of one expression as text.
//!
//! In: an expression and a scope. Out: the text of its value, laid out as `tofu console` does, so that scripts which
//! read it keep working; or the problems. Sensitive values and those known after apply are never shown. Reading
//! lines, history and completion are the binary's.
//!
//! # Source
//! OpenTofu 1.12.6: internal/repl/format.go and session.go, for the layout.

use crate::check::evaluate_with;
use crate::functions::TYPE;
use crate::scope::Scope;
use crate::syntax::{self, ast};
use std::fmt::Write as _;
use terrane_core::{Diagnostic, Entries, FileId, Kind, Text, Type, Value};

/// Spaces that a value inside another is moved to the right.
const INDENT: usize = 2;
/// The same for types.
const TYPE_INDENT: usize = 4;

/// The text that the console shows for an expression which may use `variables` and nothing else. `type(x)` as the
/// outermost call shows the type of `x`.
///
/// # Errors
/// Why the expression has no value.
pub fn answer(text: &str, variables: &[(Text, Value)], scope: &dyn Scope) -> Result<String, Vec<Diagnostic>> {
    let (expr, mut problems) = syntax::parse_expression(FileId(0), text, 0);
    let Some(expr) = expr else { return Err(problems) };
    let asked = type_of_what(&expr);
    match evaluate_with(asked.unwrap_or(&expr), variables, scope, &mut problems) {
        Some(value) if asked.is_some() => Ok(show_type(&value.type_of())),
        Some(value) => Ok(show(&value)),
        None => Err(problems),
    }
}

/// The argument of `type(..)`.
#[must_use]
pub fn type_of_what(expr: &ast::Expr) -> Option<&ast::Expr> {
    match &expr.kind {
        ast::ExprKind::Call(call) if &*call.name.text == TYPE && !call.is_spread => match call.arguments.as_slice() {
            [only] => Some(only),
            _ => None,
        },
        ast::ExprKind::Parens(inner) => type_of_what(inner),
        _ => None,
    }
}

/// A value as the console shows it.
#[must_use]
pub fn show(value: &Value) -> String {
    let mut out = String::new();
    write_value(value, 0, &mut out);
    out
}

fn write_value(value: &Value, indent: usize, out: &mut String) {
    match value.kind() {
        Kind::Unknown(_) => out.push_str("(known after apply)"),
        _ if value.is_sensitive() => out.push_str("(sensitive value)"),
        Kind::Null => out.push_str("null"),
        Kind::Bool(truth) => out.push_str(if *truth { "true" } else { "false" }),
        Kind::Number(number) => out.push_str(&number.to_string()),
        Kind::String(text) if text.contains('\n') => write_lines(text, indent, out),
        Kind::String(text) => write_quoted(text, out),
        Kind::Tuple(items) => write_items(items, indent, out),
        Kind::List(items) => within("tolist(", out, |out| write_items(items, indent, out)),
        Kind::Set(items) => within("toset(", out, |out| write_items(items, indent, out)),
        Kind::Object(entries) => write_entries(entries, indent, out),
        Kind::Map(entries) => within("tomap(", out, |out| write_entries(entries, indent, out)),
    }
}

fn within(call: &str, out: &mut String, inside: impl FnOnce(&mut String)) {
    out.push_str(call);
    inside(out);
    out.push(')');
}

fn line(indent: usize, out: &mut String) {
    out.push('\n');
    out.extend(std::iter::repeat_n(' ', indent));
}

fn write_items(items: &[Value], indent: usize, out: &mut String) {
    out.push('[');
    for item in items {
        line(indent + INDENT, out);
        write_value(item, indent + INDENT, out);
        out.push(',');
    }
    if !items.is_empty() {
        line(indent, out);
    }
    out.push(']');
}

fn write_entries(entries: &Entries, indent: usize, out: &mut String) {
    out.push('{');
    for (key, value) in entries.iter() {
        line(indent + INDENT, out);
        write_value(&Value::string(key.clone()), indent + INDENT, out);
        out.push_str(" = ");
        write_value(value, indent + INDENT, out);
    }
    if !entries.is_empty() {
        line(indent, out);
    }
    out.push('}');
}

/// Several lines as a heredoc, whose marker is none of them.
fn write_lines(text: &str, indent: usize, out: &mut String) {
    let mut marker = String::from("EOT");
    while text.split('\n').any(|line| line.trim() == marker) {
        marker.push('_');
    }
    out.push_str(if indent > 0 { "<<-" } else { "<<" });
    out.push_str(&marker);
    for part in text.split('\n').chain([marker.as_str()]) {
        line(indent, out);
        out.push_str(part);
    }
}

fn write_quoted(text: &str, out: &mut String) {
    out.push('"');
    for c in text.chars() {
        let short = match c {
            '"' | '\\' => c,
            '\u{7}' => 'a',
            '\u{8}' => 'b',
            '\u{c}' => 'f',
            '\r' => 'r',
            '\t' => 't',
            '\u{b}' => 'v',
            _ if is_printable(c) => {
                out.push(c);
                continue;
            }
            _ => {
                // Writing to a string does not fail.
                let _ = match u32::from(c) {
                    code @ (0..0x20 | 0x7f) => write!(out, "\\x{code:02x}"),
                    code @ ..0x1_0000 => write!(out, "\\u{code:04x}"),
                    code => write!(out, "\\U{code:08x}"),
                };
                continue;
            }
        };
        out.push('\\');
        out.push(short);
    }
    out.push('"');
}

/// Behind a letter the standard library escapes only what cannot be printed.
fn is_printable(c: char) -> bool {
    c == '\'' || !format!("a{c}").escape_debug().any(|shown| shown == '\\')
}

/// A type as the console shows it.
#[must_use]
pub fn show_type(ty: &Type) -> String {
    let mut out = String::new();
    write_type(ty, 0, &mut out);
    out
}

fn write_type(ty: &Type, indent: usize, out: &mut String) {
    let inner = indent + TYPE_INDENT;
    match ty {
        Type::Any => out.push_str("dynamic"),
        Type::Bool => out.push_str("bool"),
        Type::Number => out.push_str("number"),
        Type::String => out.push_str("string"),
        Type::List(element) => within("list(", out, |out| write_element(element, indent, out)),
        Type::Set(element) => within("set(", out, |out| write_element(element, indent, out)),
        Type::Map(element) => within("map(", out, |out| write_element(element, indent, out)),
        Type::Tuple(items) => {
            out.push_str("tuple([");
            for item in items {
                line(inner, out);
                write_type(item, inner, out);
                out.push(',');
            }
            if !items.is_empty() {
                line(indent, out);
            }
            out.push_str("])");
        }
        Type::Object(fields) => {
            out.push_str("object({");
            for (name, field) in fields {
                line(inner, out);
                out.push_str(name);
                out.push_str(": ");
                write_type(&field.ty, inner, out);
                out.push(',');
            }
            if !fields.is_empty() {
                line(indent, out);
            }
            out.push_str("})");
        }
    }
}

/// What takes several lines itself stands in lines of its own.
fn write_element(element: &Type, indent: usize, out: &mut String) {
    if !matches!(element, Type::Object(_) | Type::Tuple(_)) {
        return write_type(element, indent, out);
    }
    line(indent + TYPE_INDENT, out);
    write_type(element, indent + TYPE_INDENT, out);
    out.push(',');
    line(indent, out);
}

#[cfg(test)]
mod tests;
