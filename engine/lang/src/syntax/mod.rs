//! Text to syntax tree. Everything behind [`parse`] can be exchanged: the rest of the crate sees [`ast`] only.
//!
//! Reading never fails: what cannot be read is [`ast::ExprKind::Broken`] or a [`ast::Fragment`], and a problem
//! says why ([`locate`] says what an editor can rely on). Time grows with the length of the text, whatever stands in it.

pub mod ast;
mod body;
mod collection;
pub mod diag;
mod expr;
mod heredoc;
mod json;
pub mod locate;
mod parser;
mod recover;
pub(crate) mod scanner;
mod template;
#[cfg(test)]
mod tests;

use parser::Parser;
use terrane_core::diagnostic::{self, DiagnosticKind};
use terrane_core::{Diagnostic, FileId, Span, Value};

/// Largest text that is read, in bytes.
const MAX_BYTES: usize = 1 << 30;

/// A file as far as it could be read.
#[derive(Clone, Debug)]
pub struct Parsed {
    /// What stands in it.
    pub file: ast::File,
    /// What is wrong with it, in order of place.
    pub problems: Vec<Diagnostic>,
    /// From where on blocks may be other than they look: a bracket is missing or too many.
    pub shifted: Option<u32>,
}

/// An argument of a variables file.
#[derive(Clone, Debug, PartialEq)]
pub enum Given {
    /// From JSON.
    Value(Value),
    /// From HCL; it still has to be evaluated.
    Expr(ast::Expr),
}

fn is_too_large(file: FileId, text: &str) -> Option<Diagnostic> {
    (text.len() > MAX_BYTES).then(|| diag::FILE_TOO_LARGE.at(Span::new(file, 0, 1)))
}

/// Reads a file of HCL native syntax.
#[must_use]
pub fn parse(file: FileId, text: &str) -> Parsed {
    if let Some(problem) = is_too_large(file, text) {
        return Parsed { file: ast::File { body: ast::Body::default() }, problems: vec![problem], shifted: None };
    }
    let mut parsed = parse_once(file, text, false);
    // Braces alone say that one is missing; where, only indentation can tell. It is believed only where it
    // leaves no more problems than without.
    if parsed.problems.iter().any(|p| p.kind == &diag::UNCLOSED_BLOCK || p.kind == &diag::UNCLOSED_BRACKET) {
        let second = parse_once(file, text, true);
        if second.problems.len() <= parsed.problems.len() {
            parsed = second;
        }
    }
    allow_provider_names(&mut parsed);
    parsed.shifted = without_follow_ups(&mut parsed.problems);
    parsed
}

/// Takes out what only follows from a problem before it, and says from where on brackets cannot be trusted.
fn without_follow_ups(problems: &mut Vec<Diagnostic>) -> Option<u32> {
    let is_of = |problem: &Diagnostic, kinds: &[&'static DiagnosticKind]| kinds.contains(&problem.kind);
    let start = |problem: &Diagnostic| problem.span().map_or(0, |span| span.start);
    let unclosed = [&diag::UNCLOSED_BLOCK, &diag::UNCLOSED_BRACKET];
    let moving = [&diag::UNCLOSED_BLOCK, &diag::UNCLOSED_BRACKET, &diag::UNOPENED_BRACKET];
    let is_moved = problems.iter().any(|problem| is_of(problem, &moving));
    // A text or comment without an end takes in brackets that would close what is open before it.
    let endless = [&diag::UNCLOSED_STRING, &diag::UNCLOSED_COMMENT, &diag::UNCLOSED_HEREDOC];
    let last = problems.iter().filter(|problem| is_of(problem, &endless)).map(start).max().unwrap_or(0);
    problems.retain(|problem| !is_of(problem, &unclosed) || start(problem) >= last);
    let unopened = [&diag::UNOPENED_BRACKET];
    let cause = problems.iter().filter(|problem| !is_of(problem, &unopened)).map(start).min().unwrap_or(u32::MAX);
    problems.retain(|problem| !is_of(problem, &unopened) || start(problem) < cause);
    problems.iter().map(start).min().filter(|_| is_moved)
}

/// In `providers` of a module call a key with a dot is what it looks like: a provider with its alias.
fn allow_provider_names(parsed: &mut Parsed) {
    if !parsed.problems.iter().any(|problem| problem.kind == &diag::OBJECT_KEY_EXPRESSION) {
        return;
    }
    let calls = parsed.file.body.blocks.iter().filter(|block| &*block.kind.text == "module");
    let arguments = calls.flat_map(|block| &block.body.attributes);
    let passed: Vec<Span> = arguments.filter(|a| &*a.name.text == "providers").map(|a| a.value.span).collect();
    let is_passed = |span: Span| passed.iter().any(|passed| passed.start <= span.start && span.end <= passed.end);
    parsed.problems.retain(|p| p.kind != &diag::OBJECT_KEY_EXPRESSION || !p.span().is_some_and(is_passed));
}

fn parse_once(file: FileId, text: &str, by_indent: bool) -> Parsed {
    let mut parser = Parser::new(file, text, 0);
    parser.by_indent = by_indent;
    let body = parser.file();
    let mut problems = parser.problems;
    diagnostic::tidy(&mut problems);
    Parsed { file: ast::File { body }, problems, shifted: None }
}

/// Reads one expression, as `-var` gives it. Newlines mean nothing. Spans count from `base_offset`.
#[must_use]
pub fn parse_expression(file: FileId, text: &str, base_offset: u32) -> (Option<ast::Expr>, Vec<Diagnostic>) {
    if let Some(problem) = is_too_large(file, text) {
        return (None, vec![problem]);
    }
    let (expr, problems) = parse_input(file, text, base_offset);
    (Some(expr).filter(|_| problems.is_empty()), problems)
}

/// As [`parse_expression`], with what can be read of an expression that is not finished: for who completes it.
#[must_use]
pub fn parse_input(file: FileId, text: &str, base_offset: u32) -> (ast::Expr, Vec<Diagnostic>) {
    let mut parser = Parser::new(file, text, usize::try_from(base_offset).unwrap_or(0));
    if let Some(problem) = is_too_large(file, text) {
        return (parser.nothing(), vec![problem]);
    }
    parser.multiline = true;
    parser.advance();
    let start = parser.tok.start;
    let expr = match parser.expression() {
        Ok(expr) => {
            if parser.tok.kind != scanner::Kind::End {
                let _stop = parser.unexpected("the end of the expression");
            }
            expr
        }
        Err(_) => parser.broken(start),
    };
    let mut problems = parser.problems;
    diagnostic::tidy(&mut problems);
    (expr, problems)
}

/// Reads a text with `${ }` and `%{ }`, as `templatefile` does.
#[must_use]
pub fn parse_template(file: FileId, text: &str) -> (Option<ast::Expr>, Vec<Diagnostic>) {
    if let Some(problem) = is_too_large(file, text) {
        return (None, vec![problem]);
    }
    let mut parser = Parser::new(file, text, 0);
    let expr = parser.template_file();
    let mut problems = parser.problems;
    diagnostic::tidy(&mut problems);
    (Some(expr).filter(|_| problems.is_empty()), problems)
}

/// Reads a variables file: HCL arguments without blocks, or one JSON object.
#[must_use]
pub fn parse_values(file: FileId, text: &str, is_json: bool) -> (Vec<(ast::Ident, Given)>, Vec<Diagnostic>) {
    if let Some(problem) = is_too_large(file, text) {
        return (Vec::new(), vec![problem]);
    }
    if is_json {
        let (values, problems) = json::read(file, text);
        return (values.into_iter().map(|(name, value)| (name, Given::Value(value))).collect(), problems);
    }
    let mut parsed = parse(file, text);
    for block in &parsed.file.body.blocks {
        parsed.problems.push(diag::BLOCK_IN_VALUES.at(block.header));
    }
    diagnostic::tidy(&mut parsed.problems);
    let values = parsed.file.body.attributes.into_iter().map(|a| (a.name, Given::Expr(a.value))).collect();
    (values, parsed.problems)
}
