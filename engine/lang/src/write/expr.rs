//! Values as expressions.

use crate::syntax::scanner::is_name;
use std::fmt::Write as _;
use terrane_core::{Entries, Kind, Type, Value};

/// A collection that takes more columns stands on several lines.
const WIDEST: usize = 90;
/// A map with more entries stands on several lines.
const MOST_IN_A_ROW: usize = 2;
/// Bare words that begin something else where a key stands, or stand for something else.
const NOT_BARE: &[&str] = &["for", "null", "true", "false"];

/// A value as an expression; `None` where it holds what is secret or not known.
#[must_use]
pub fn expression(value: &Value, ty: &Type) -> Option<String> {
    is_plain(value).then(|| rendered(value, ty))
}

/// The value of an argument: as an expression, or as a heredoc where it is a text of several lines.
pub(super) fn argument(value: &Value, ty: &Type) -> Option<String> {
    if let (Some(text), true) = (value.as_str(), is_plain(value))
        && let Some(heredoc) = heredoc(text)
    {
        return Some(heredoc);
    }
    expression(value, ty)
}

fn is_plain(value: &Value) -> bool {
    value.is_wholly_known() && !value.is_sensitive() && !value.has_sensitive()
}

fn rendered(value: &Value, ty: &Type) -> String {
    let is_open = *ty == Type::Any;
    match value.kind() {
        Kind::Null | Kind::Unknown(_) => String::from("null"),
        Kind::Bool(truth) => truth.to_string(),
        Kind::Number(number) => number.to_string(),
        Kind::String(text) => string(text),
        Kind::Tuple(items) => match ty {
            Type::Tuple(types) => list(items, |position| types.get(position).unwrap_or(&Type::Any)),
            Type::List(element) | Type::Set(element) => list(items, |_| element),
            _ => list(items, |_| &Type::Any),
        },
        Kind::List(items) => converted("tolist", is_open, list(items, |_| element(ty))),
        Kind::Set(items) => converted("toset", is_open, list(items, |_| element(ty))),
        Kind::Object(entries) => match ty {
            Type::Object(fields) => object(entries, |key| fields.get(key).map_or(&Type::Any, |field| &field.ty)),
            Type::Map(element) => object(entries, |_| element),
            _ => object(entries, |_| &Type::Any),
        },
        Kind::Map(entries) => converted("tomap", is_open, object(entries, |_| element(ty))),
    }
}

fn element(ty: &Type) -> &Type {
    match ty {
        Type::List(element) | Type::Set(element) | Type::Map(element) => element,
        _ => &Type::Any,
    }
}

/// Where no type says what a collection is, a function does.
fn converted(function: &str, is_open: bool, text: String) -> String {
    if is_open { format!("{function}({text})") } else { text }
}

fn list<'t>(items: &[Value], ty: impl Fn(usize) -> &'t Type) -> String {
    let items: Vec<String> = items.iter().enumerate().map(|(position, item)| rendered(item, ty(position))).collect();
    let row = format!("[{}]", items.join(", "));
    if fits(&row) { row } else { items.iter().fold(String::from("[\n"), |text, item| text + item + ",\n") + "]" }
}

fn object<'t>(entries: &Entries, ty: impl Fn(&str) -> &'t Type) -> String {
    let pair = |(key, value): (&terrane_core::Text, &Value)| format!("{} = {}", bare(key), rendered(value, ty(key)));
    let pairs: Vec<String> = entries.iter().map(pair).collect();
    if pairs.is_empty() {
        return String::from("{}");
    }
    let row = format!("{{ {} }}", pairs.join(", "));
    let is_row = pairs.len() <= MOST_IN_A_ROW && fits(&row);
    if is_row { row } else { pairs.iter().fold(String::from("{\n"), |text, pair| text + pair + "\n") + "}" }
}

fn fits(row: &str) -> bool {
    row.chars().count() <= WIDEST && !row.contains('\n')
}

fn bare(key: &str) -> String {
    if is_name(key) && !NOT_BARE.contains(&key) { key.to_owned() } else { string(key) }
}

/// A quoted string: what would begin a template is guarded, and what does not show is written by its number.
pub(super) fn string(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '$' | '%' if chars.peek() == Some(&'{') => out.extend([c, c]),
            c if is_hidden(c) => push_number(&mut out, c),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

fn push_number(out: &mut String, c: char) {
    let number = u32::from(c);
    // Writing to a string does not fail.
    let _never = if number > 0xffff { write!(out, "\\U{number:08x}") } else { write!(out, "\\u{number:04x}") };
}

/// Control characters, and those that turn the direction of a text or take no room: a file must not look other than it
/// is.
///
/// # Source
/// Unicode Standard Annex 9, "Bidirectional Algorithm", explicit formatting characters.
fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

/// A text of several whole lines as a heredoc; `None` for any other.
fn heredoc(text: &str) -> Option<String> {
    let body = text.strip_suffix('\n')?;
    if !body.contains('\n') || text.chars().any(|c| is_hidden(c) && c != '\n' && c != '\t') {
        return None;
    }
    let markers = std::iter::once(String::from("EOT")).chain((2_u32..).map(|number| format!("EOT{number}")));
    let marker = markers.take(100).find(|marker| text.lines().all(|line| line.trim() != marker))?;
    let guarded = text.replace("${", "$${").replace("%{", "%%{");
    Some(format!("<<{marker}\n{guarded}{marker}"))
}
