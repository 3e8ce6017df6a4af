//! Functions of texts. Lengths and positions count grapheme clusters, as people count characters.

use super::ParameterType::{Number as N, String as S, StringList};
use super::{Function, Outcome, a_bool, is, normal, of, p, refused, size, string, strings, text, whole, wrong};
use terrane_core::Value;
use unicode_segmentation::UnicodeSegmentation;

/// Most spaces that `indent` puts before a line.
const DEEPEST: usize = 4_096;

/// The functions.
pub static TABLE: &[Function] = &[
    Function::new("chomp", "The text without line ends at its end.", &[p("text", S)], string, |a, _| {
        of(text(a, 0).trim_end_matches(['\n', '\r']))
    }),
    Function::new("endswith", "Whether a text ends with another.", &[p("text", S), p("suffix", S)], a_bool, |a, _| {
        is(Value::bool(text(a, 0).ends_with(text(a, 1))))
    }),
    Function::new(
        "indent",
        "The text with spaces before every line but the first.",
        &[p("spaces", N), p("text", S)],
        string,
        |a, _| match size(a, 0)? {
            spaces if spaces > DEEPEST => wrong(0, format!("it is at most {DEEPEST}")),
            spaces => of(text(a, 1).replace('\n', &format!("\n{}", " ".repeat(spaces)))),
        },
    ),
    Function::new("join", "Texts put together with a separator between them.", &[p("separator", S)], string, |a, _| {
        join(a)
    })
    .variadic(p("list", StringList)),
    Function::new("lower", "The text in small letters.", &[p("text", S)], string, |a, _| {
        of(text(a, 0).chars().map(small).collect::<String>())
    }),
    Function::new(
        "split",
        "The parts of a text between separators.",
        &[p("separator", S), p("text", S)],
        strings,
        |a, _| is(Value::list(split(text(a, 0), text(a, 1)))),
    ),
    Function::new(
        "startswith",
        "Whether a text starts with another.",
        &[p("text", S), p("prefix", S)],
        a_bool,
        |a, _| is(Value::bool(text(a, 0).starts_with(text(a, 1)))),
    ),
    Function::new("strcontains", "Whether a text holds another.", &[p("text", S), p("part", S)], a_bool, |a, _| {
        is(Value::bool(text(a, 0).contains(text(a, 1))))
    }),
    Function::new("strrev", "The text backwards.", &[p("text", S)], string, |a, _| {
        of(text(a, 0).graphemes(true).rev().collect::<String>())
    }),
    Function::new(
        "substr",
        "A part of a text: an offset below 0 counts from the end, a length below 0 means the rest.",
        &[p("text", S), p("offset", N), p("length", N)],
        string,
        |a, _| substr(a),
    ),
    Function::new("title", "The text with a capital at the start of each word.", &[p("text", S)], string, |a, _| {
        of(title(text(a, 0)))
    }),
    Function::new(
        "trim",
        "The text without these characters at both ends.",
        &[p("text", S), p("characters", S)],
        string,
        |a, _| of(text(a, 0).trim_matches(|c| text(a, 1).contains(c))),
    ),
    Function::new("trimprefix", "The text without a start.", &[p("text", S), p("prefix", S)], string, |a, _| {
        of(text(a, 0).strip_prefix(text(a, 1)).unwrap_or(text(a, 0)))
    }),
    Function::new("trimspace", "The text without white space at both ends.", &[p("text", S)], string, |a, _| {
        of(text(a, 0).trim())
    }),
    Function::new("trimsuffix", "The text without an end.", &[p("text", S), p("suffix", S)], string, |a, _| {
        of(text(a, 0).strip_suffix(text(a, 1)).unwrap_or(text(a, 0)))
    }),
    Function::new("upper", "The text in capital letters.", &[p("text", S)], string, |a, _| {
        of(text(a, 0).chars().map(capital).collect::<String>())
    }),
];

fn join(arguments: &[Value]) -> Outcome {
    let Some((_, lists @ [_, ..])) = arguments.split_first() else { return refused("at least one list is needed") };
    let mut parts = Vec::new();
    for (list, at) in lists.iter().zip(1..) {
        for (position, item) in list.items().unwrap_or_default().iter().enumerate() {
            match item.as_str() {
                Some(part) => parts.push(part),
                None => return wrong(at, format!("element {position} is null")),
            }
        }
    }
    of(parts.join(text(arguments, 0)))
}

fn split(separator: &str, whole: &str) -> Vec<Value> {
    if separator.is_empty() {
        return whole.chars().map(|c| normal(c.encode_utf8(&mut [0; 4]))).collect();
    }
    whole.split(separator).map(normal).collect()
}

fn substr(arguments: &[Value]) -> Outcome {
    let whole_text = text(arguments, 0);
    let (offset, length) = (whole(arguments, 1)?, whole(arguments, 2)?);
    let start = if offset < 0 {
        let count = whole_text.graphemes(true).count();
        count.saturating_sub(usize::try_from(offset.unsigned_abs()).unwrap_or(usize::MAX))
    } else {
        usize::try_from(offset).unwrap_or(usize::MAX)
    };
    let rest = whole_text.graphemes(true).skip(start);
    of(match usize::try_from(length) {
        Ok(length) => rest.take(length).collect::<String>(),
        Err(_) => rest.collect(),
    })
}

/// A letter follows a separator: anything of ASCII but letters, digits and `_`, and white space beyond.
fn title(text: &str) -> String {
    let mut is_start = true;
    let each = |c: char| {
        let mapped = if is_start { titlecase(c) } else { c };
        is_start = if c.is_ascii() { !c.is_ascii_alphanumeric() && c != '_' } else { c.is_whitespace() };
        mapped
    };
    text.chars().map(each).collect()
}

/// The only character of `mapped`. Case mapping is one to one: a letter that would become several stays.
fn only(c: char, mut mapped: impl Iterator<Item = char>) -> char {
    match (mapped.next(), mapped.next()) {
        (Some(only), None) => only,
        _ => c,
    }
}

fn small(c: char) -> char {
    // The dotted capital I: its full mapping has a combining dot, its simple one has not.
    if c == '\u{130}' { 'i' } else { only(c, c.to_lowercase()) }
}

fn capital(c: char) -> char {
    // Greek letters with iota below have a simple capital besides their full one of two letters.
    let shift = match c {
        '\u{1f80}'..='\u{1f87}' | '\u{1f90}'..='\u{1f97}' | '\u{1fa0}'..='\u{1fa7}' => 8,
        '\u{1fb3}' | '\u{1fc3}' | '\u{1ff3}' => 9,
        _ => return only(c, c.to_uppercase()),
    };
    char::from_u32(u32::from(c) + shift).unwrap_or(c)
}

/// Letters made of two have a form of their own at the start of a word.
fn titlecase(c: char) -> char {
    match c {
        '\u{1c4}'..='\u{1c6}' => '\u{1c5}',
        '\u{1c7}'..='\u{1c9}' => '\u{1c8}',
        '\u{1ca}'..='\u{1cc}' => '\u{1cb}',
        '\u{1f1}'..='\u{1f3}' => '\u{1f2}',
        _ => capital(c),
    }
}
