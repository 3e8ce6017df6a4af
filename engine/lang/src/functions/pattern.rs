//! Functions with regular expressions, of the RE2 syntax that Go has.
//!
//! The engine here has another syntax in a few places, so a pattern is rewritten: `\d`, `\w`, `\s` and `\b` mean
//! ASCII, `\Q..\E` quotes, a class holds no class, and a brace that counts nothing stands for itself.

use super::ParameterType::String as S;
use super::{Function, FunctionError, Outcome, any, is, normal, of, p, string, text, wrong};
use regex::{Captures, Match, Regex};
use terrane_core::{Text, Type, Value};

/// Longest text that `replace` makes.
const LONGEST: usize = 64 << 20;

/// The functions.
pub static TABLE: &[Function] = &[
    Function::new(
        "regex",
        "What a regular expression finds first: the text, its captures, or its named captures as an object.",
        &[p("pattern", S), p("text", S)],
        any,
        |a, _| {
            let pattern = Pattern::new(text(a, 0), 0)?;
            match pattern.regex.captures(text(a, 1)) {
                Some(found) => is(pattern.value(&found)),
                None => wrong(1, "the pattern matches no part of it"),
            }
        },
    ),
    Function::new(
        "regexall",
        "Everything that a regular expression finds, each as `regex` gives it.",
        &[p("pattern", S), p("text", S)],
        |_| Type::list(Type::Any),
        |a, _| {
            let pattern = Pattern::new(text(a, 0), 0)?;
            is(Value::list(pattern.regex.captures_iter(text(a, 1)).map(|found| pattern.value(&found)).collect()))
        },
    ),
    Function::new(
        "replace",
        "The text with each occurrence of a part put otherwise; `/part/` is a regular expression.",
        &[p("text", S), p("part", S), p("with", S)],
        string,
        |a, _| replace(text(a, 0), text(a, 1), text(a, 2)),
    ),
];

fn replace(whole: &str, part: &str, with: &str) -> Outcome {
    let pattern = part.strip_prefix('/').and_then(|rest| rest.strip_suffix('/'));
    let regex = pattern.map(|pattern| compiled(pattern, 1)).transpose()?;
    let count = regex.as_ref().map_or_else(|| whole.matches(part).count(), |regex| regex.find_iter(whole).count());
    // A reference such as `$1` stands for at most the whole text.
    let each = if regex.is_some() { with.len() + with.matches('$').count() * whole.len() } else { with.len() };
    if count.saturating_mul(each) > LONGEST {
        return wrong(2, "the result would be too long");
    }
    match regex {
        Some(regex) => of(regex.replace_all(whole, with)),
        None => of(whole.replace(part, with)),
    }
}

/// A compiled pattern whose captures all have names, or none has.
struct Pattern {
    regex: Regex,
    names: Vec<Text>,
}

impl Pattern {
    fn new(pattern: &str, at: usize) -> Result<Self, FunctionError> {
        let regex = compiled(pattern, at)?;
        let names: Vec<Text> = regex.capture_names().flatten().map(Text::from).collect();
        if !names.is_empty() && names.len() + 1 != regex.captures_len() {
            return wrong(at, "it has captures with a name and captures without");
        }
        Ok(Self { regex, names })
    }

    fn value(&self, found: &Captures<'_>) -> Value {
        let text = |part: Option<Match<'_>>| part.map_or(Value::NULL, |part| normal(part.as_str()));
        if !self.names.is_empty() {
            return Value::object(self.names.iter().map(|name| (name.clone(), text(found.name(name)))).collect());
        }
        if found.len() > 1 { Value::tuple(found.iter().skip(1).map(text).collect()) } else { text(found.get(0)) }
    }
}

fn compiled(pattern: &str, at: usize) -> Result<Regex, FunctionError> {
    match Regex::new(&rewritten(pattern)) {
        Ok(regex) => Ok(regex),
        Err(error) => {
            // The engine draws the pattern with a mark below; the last line says what is wrong.
            let text = error.to_string();
            let reason = text.lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned();
            wrong(at, format!("it is no regular expression: {reason}"))
        }
    }
}

/// The pattern in the syntax of the engine.
fn rewritten(pattern: &str) -> String {
    let mut out = String::with_capacity(pattern.len());
    let mut rest = pattern;
    while let Some(c) = rest.chars().next() {
        let behind = rest.get(c.len_utf8()..).unwrap_or_default();
        rest = match c {
            '\\' => escape(behind, false, &mut out),
            '[' => class(behind, &mut out),
            '{' if !counts(behind) => {
                out.push_str("\\{");
                behind
            }
            _ => {
                out.push(c);
                behind
            }
        };
    }
    out
}

/// Whether `2}`, `2,}` or `2,3}` stands behind a brace.
fn counts(behind: &str) -> bool {
    let Some((inside, _)) = behind.split_once('}') else { return false };
    let (least, most) = inside.split_once(',').unwrap_or((inside, ""));
    !least.is_empty() && [least, most].iter().all(|part| part.bytes().all(|b| b.is_ascii_digit()))
}

/// Writes what a backslash and the text behind it mean; gives back what is left.
fn escape<'p>(behind: &'p str, is_in_class: bool, out: &mut String) -> &'p str {
    let Some(letter) = behind.chars().next() else {
        out.push('\\');
        return behind;
    };
    let rest = behind.get(letter.len_utf8()..).unwrap_or_default();
    match letter {
        'd' => out.push_str("[0-9]"),
        'D' => out.push_str("[^0-9]"),
        'w' => out.push_str("[0-9A-Za-z_]"),
        'W' => out.push_str("[^0-9A-Za-z_]"),
        's' => out.push_str("[\\t\\n\\f\\r ]"),
        'S' => out.push_str("[^\\t\\n\\f\\r ]"),
        'b' if !is_in_class => out.push_str("(?-u:\\b)"),
        'B' if !is_in_class => out.push_str("(?-u:\\B)"),
        'Q' if !is_in_class => {
            let (quoted, rest) = rest.split_once("\\E").unwrap_or((rest, ""));
            out.push_str(&regex::escape(quoted));
            return rest;
        }
        _ => {
            out.push('\\');
            out.push(letter);
        }
    }
    rest
}

/// Writes the class behind an opening bracket; gives back what is left.
fn class<'p>(behind: &'p str, out: &mut String) -> &'p str {
    out.push('[');
    let mut rest = behind;
    for first in ['^', ']'] {
        if let Some(behind) = rest.strip_prefix(first) {
            out.push_str(if first == '^' { "^" } else { "\\]" });
            rest = behind;
        }
    }
    while let Some(c) = rest.chars().next() {
        let behind = rest.get(c.len_utf8()..).unwrap_or_default();
        rest = match c {
            ']' => {
                out.push(']');
                return behind;
            }
            '\\' => escape(behind, true, out),
            '[' if behind.starts_with(':') && behind.contains(":]") => {
                let (name, rest) = behind.split_once(":]").unwrap_or((behind, ""));
                out.push_str(&format!("[{name}:]"));
                rest
            }
            // Operators of classes here, letters there.
            '[' | '&' | '~' => {
                out.push('\\');
                out.push(c);
                behind
            }
            _ => {
                out.push(c);
                behind
            }
        };
    }
    rest
}
