//! Old ways to write a thing become the usual one: a string that holds a sequence alone, a bare label, a type as a
//! string. Nothing changes its meaning, and a comment is never lost.

use super::lex::{Part, Token};
use crate::syntax::ast::{Block, Body, Ident};
use crate::syntax::scanner::Kind;
use terrane_core::Span;

/// Rewrites the tokens of a file whose tree is `body`.
pub fn rewrite(tokens: &mut Vec<Token<'_>>, body: &Body) {
    let mut edits = Vec::new();
    of_body(tokens, body, None, &mut edits);
    edits.sort_by_key(|edit: &Edit<'_>| edit.from);
    for edit in edits.into_iter().rev() {
        tokens.splice(edit.from..edit.to, edit.tokens);
    }
}

/// Tokens in place of those from `from` up to `to`.
struct Edit<'a> {
    from: usize,
    to: usize,
    tokens: Vec<Token<'a>>,
}

/// The kind of the block around, and whether it stands in the file itself.
type Around<'b> = Option<(&'b Block, bool)>;

fn of_body<'a>(tokens: &[Token<'a>], body: &Body, around: Around<'_>, edits: &mut Vec<Edit<'a>>) {
    let is_variable = matches!(around, Some((block, true)) if &*block.kind.text == "variable");
    for attribute in &body.attributes {
        let (from, to) = range(tokens, attribute.value.span);
        let value = tokens.get(from..to).unwrap_or_default();
        let new = if is_variable && &*attribute.name.text == "type" { of_type(value) } else { of_value(value) };
        edits.extend(new.map(|tokens| Edit { from, to, tokens }));
    }
    for block in &body.blocks {
        edits.extend(block.labels.iter().filter_map(|label| of_label(tokens, label)));
        of_body(tokens, &block.body, Some((block, around.is_none())), edits);
    }
}

/// The tokens that begin in a span: the first of them, and the first after them.
fn range(tokens: &[Token<'_>], span: Span) -> (usize, usize) {
    let byte = |at: u32| usize::try_from(at).unwrap_or(usize::MAX);
    let before = |end: usize| tokens.partition_point(|token| token.start.is_none_or(|start| start < end));
    (before(byte(span.start)), before(byte(span.end)))
}

fn of_label<'a>(tokens: &[Token<'a>], label: &Ident) -> Option<Edit<'a>> {
    let (from, to) = range(tokens, label.span);
    let [word @ Token { part: Part::Code(Kind::Ident), .. }] = tokens.get(from..to)? else { return None };
    let quoted = [
        Token { part: Part::Code(Kind::Quote), text: "\"", ..word.clone() },
        Token { part: Part::Literal, ..word.clone() },
        Token { part: Part::QuoteClose, text: "\"", ..word.clone() },
    ];
    Some(Edit { from, to, tokens: quoted.to_vec() })
}

/// A type as older versions wrote it: `list` for a list of anything, `"list"` for a list of strings.
fn of_type<'a>(tokens: &[Token<'a>]) -> Option<Vec<Token<'a>>> {
    let word = |text| Token::new(Part::Code(Kind::Ident), text);
    let of = |text: &'a str, element| {
        let (open, close) = (Part::Code(Kind::ParenOpen), Part::Code(Kind::ParenClose));
        vec![word(text), Token::new(open, "("), word(element), Token::new(close, ")")]
    };
    match tokens {
        [Token { part: Part::Code(Kind::Ident), text, .. }] if matches!(*text, "list" | "map" | "set") => {
            Some(of(text, "any"))
        }
        [
            Token { part: Part::Code(Kind::Quote), .. },
            Token { part: Part::Literal, text, .. },
            Token { part: Part::QuoteClose, .. },
        ] => match *text {
            "string" => Some(vec![word(text)]),
            "list" | "map" => Some(of(text, "string")),
            _ => None,
        },
        _ => None,
    }
}

/// What is inside of strings that hold a sequence and nothing else.
fn of_value<'a>(tokens: &[Token<'a>]) -> Option<Vec<Token<'a>>> {
    let mut inside = unwrapped(tokens)?;
    while let Some(deeper) = unwrapped(&inside) {
        inside = deeper;
    }
    Some(inside)
}

fn unwrapped<'a>(tokens: &[Token<'a>]) -> Option<Vec<Token<'a>>> {
    let [
        Token { part: Part::Code(Kind::Quote), .. },
        // What would be trimmed is not there.
        Token { part: Part::SequenceOpen, text: "${" | "${~", .. },
        inside @ ..,
        Token { part: Part::SequenceClose, .. },
        Token { part: Part::QuoteClose, .. },
    ] = tokens
    else {
        return None;
    };
    let mut quotes = 0;
    for token in inside {
        match token.part {
            Part::Code(Kind::Quote) => quotes += 1,
            Part::QuoteClose => quotes -= 1,
            Part::SequenceOpen | Part::SequenceClose | Part::Literal if quotes == 0 => return None,
            // Up to the end of its line, it would take along what follows the string.
            Part::LineComment => return None,
            _ => {}
        }
    }
    let is_newline = |token: &Token<'_>| token.part == Part::Newline;
    let first = inside.iter().position(|token| !is_newline(token))?;
    let last = inside.iter().rposition(|token| !is_newline(token))?;
    let inside = inside.get(first..=last)?;
    let mut whole = inside.to_vec();
    if inside.iter().any(is_newline) && !is_in_parens(inside) {
        // An expression ends with its line, but for one in brackets.
        whole.insert(0, Token::new(Part::Code(Kind::ParenOpen), "("));
        whole.push(Token::new(Part::Code(Kind::ParenClose), ")"));
    }
    Some(whole)
}

/// Whether the first token opens a parenthesis that the last one closes.
fn is_in_parens(tokens: &[Token<'_>]) -> bool {
    let mut depth = 0;
    let closed = tokens.iter().position(|token| {
        depth += token.brackets();
        depth <= 0
    });
    let opens = tokens.first().is_some_and(|token| token.part == Part::Code(Kind::ParenOpen));
    opens && closed.is_some_and(|at| at + 1 == tokens.len())
}
