//! The state of reading one text: the token at hand, what is open, the problems so far.
//!
//! Errors travel as [`Stop`] after the problem has been noted; whoever can go on catches them at a [`Mark`].

use super::ast::{Expr, ExprKind, ObjectItem};
use super::diag;
use super::heredoc::MarkerIndex;
use super::scanner::{Kind, Scanner, Token};
use std::sync::Arc;
use terrane_core::{Diagnostic, DiagnosticKind, FileId, Span, Text};

/// How deep blocks, brackets, calls, templates and operators may stand in each other.
pub const MAX_DEPTH: usize = 250;
/// How high a tree of operators and traversals may grow: a chain `a + b + c` grows by one with each.
pub const MAX_HEIGHT: usize = 400;
/// After how many problems reading a file stops.
pub const MAX_PROBLEMS: usize = 1_000;

/// Reading cannot go on here; the problem is noted already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// Skip to the end of the item or statement.
    Skip,
    /// The token at hand begins something that lies outside: go on with it.
    Here,
}

/// The result of reading a part.
pub type Read<T> = Result<T, Stop>;

/// A bracket that is not closed yet.
#[derive(Clone, Copy, Debug)]
pub struct Open {
    /// What opened it.
    pub kind: Kind,
    /// Its first byte.
    pub at: usize,
    /// Spaces before the first token of its line.
    pub indent: usize,
}

/// A state to come back to after an error.
#[derive(Clone, Copy, Debug)]
pub struct Mark {
    /// Where the item began.
    pub start: usize,
    /// How many brackets were open.
    pub open: usize,
    /// Spaces before the first token of its line.
    pub indent: usize,
    multiline: bool,
    depth: usize,
}

/// Shares the text of names that were seen shortly before.
#[derive(Debug)]
struct Names {
    slots: Vec<Option<Text>>,
}

impl Names {
    const SLOTS: usize = 512;
    const LONGEST: usize = 40;

    fn share(&mut self, name: &str) -> Text {
        if name.len() > Self::LONGEST {
            return Arc::from(name);
        }
        let hash = name.bytes().fold(0_usize, |hash, byte| hash.wrapping_mul(31) ^ usize::from(byte));
        let Some(slot) = self.slots.get_mut(hash % Self::SLOTS) else { return Arc::from(name) };
        match slot {
            Some(text) if **text == *name => text.clone(),
            _ => {
                let text: Text = Arc::from(name);
                *slot = Some(text.clone());
                text
            }
        }
    }
}

/// Reads one text.
#[derive(Debug)]
pub struct Parser<'a> {
    /// Where tokens come from; it stands right behind `tok`.
    pub scan: Scanner<'a>,
    /// The token at hand.
    pub tok: Token,
    /// The token before it.
    pub before: Token,
    /// Whether newlines mean nothing here (inside brackets and parentheses).
    pub multiline: bool,
    /// How deep we are.
    pub depth: usize,
    /// Height of the tree that was read last.
    pub height: usize,
    /// Brackets that are open.
    pub open: Vec<Open>,
    /// After an error: what could be read of the expression, until somebody keeps it.
    pub partial: Option<Expr>,
    /// Items of the objects that are being read, the innermost last.
    pub items: Vec<ObjectItem>,
    /// Spaces before the first token of this line.
    pub line_indent: usize,
    /// Whether indentation decides which bracket is not closed: the second attempt at a file.
    pub by_indent: bool,
    /// Lines that may end heredocs, listed once a heredoc had no end.
    pub markers: Option<MarkerIndex<'a>>,
    /// How many `${ }` and `%{ }` we are in.
    pub sequences: usize,
    /// How many bytes may still be read again after a `${` that is not closed.
    pub budget: usize,
    /// What was found wrong.
    pub problems: Vec<Diagnostic>,
    file: FileId,
    base: usize,
    names: Names,
    last_place: Option<usize>,
    last_line: Option<usize>,
    has_given_up: bool,
}

impl<'a> Parser<'a> {
    /// A parser at the first token of `text`, whose first byte is byte `base` of `file`.
    #[must_use]
    pub fn new(file: FileId, text: &'a str, base: usize) -> Self {
        let none = Token { kind: Kind::End, start: 0, end: 0, is_first_on_line: true };
        Self {
            scan: Scanner::new(text),
            tok: none,
            before: none,
            multiline: false,
            depth: 0,
            height: 0,
            open: Vec::new(),
            partial: None,
            items: Vec::new(),
            line_indent: 0,
            by_indent: false,
            markers: None,
            sequences: 0,
            budget: text.len().saturating_mul(4),
            problems: Vec::new(),
            file,
            base,
            names: Names { slots: vec![None; Names::SLOTS] },
            last_place: None,
            last_line: None,
            has_given_up: false,
        }
    }

    /// Steps to the next token.
    pub fn advance(&mut self) {
        self.before = self.tok;
        self.tok = self.scan.token();
        if self.tok.is_first_on_line {
            self.line_indent = self.tok.start.saturating_sub(self.scan.line_start);
        }
        if self.tok.kind == Kind::OpenComment {
            self.report(&diag::UNCLOSED_COMMENT, self.tok.start, self.tok.end);
            self.tok.kind = Kind::End;
        }
    }

    /// Goes on reading at another byte.
    pub fn seek(&mut self, pos: usize) {
        let before = self.scan.slice(0, pos);
        self.scan.line_start = before.rfind('\n').map_or(0, |at| at + 1);
        self.scan.pos = pos;
    }

    /// The kind of the token at hand; [`Kind::End`] where it stands on a new line and lines matter.
    #[must_use]
    pub fn kind(&self) -> Kind {
        if self.tok.is_first_on_line && !self.multiline { Kind::End } else { self.tok.kind }
    }

    /// Takes the token at hand as part of what follows, though it stands on a new line.
    pub fn begin_line(&mut self) {
        self.tok.is_first_on_line = false;
    }

    /// The text of the token at hand.
    #[must_use]
    pub fn text(&self) -> &'a str {
        self.scan.slice(self.tok.start, self.tok.end)
    }

    /// Whether the token at hand is this word.
    #[must_use]
    pub fn is_word(&self, word: &str) -> bool {
        self.kind() == Kind::Ident && self.text() == word
    }

    /// A shared copy of a name.
    pub fn name(&mut self, name: &str) -> Text {
        self.names.share(name)
    }

    /// The place of a range.
    #[must_use]
    pub fn span(&self, start: usize, end: usize) -> Span {
        let byte = |at: usize| u32::try_from(self.base.saturating_add(at)).unwrap_or(u32::MAX);
        Span::new(self.file, byte(start), byte(end))
    }

    /// From `start` to the end of the token before this one.
    #[must_use]
    pub fn span_from(&self, start: usize) -> Span {
        self.span(start, self.before.end)
    }

    /// Where to go on after an error in what begins here.
    #[must_use]
    pub fn mark(&self) -> Mark {
        Mark {
            start: self.tok.start,
            open: self.open.len(),
            indent: self.line_indent,
            multiline: self.multiline,
            depth: self.depth,
        }
    }

    /// Forgets what was open beyond `mark`.
    pub fn restore(&mut self, mark: &Mark) {
        self.open.truncate(mark.open);
        self.multiline = mark.multiline;
        self.depth = mark.depth;
    }

    /// Notes a problem.
    pub fn report(&mut self, kind: &'static DiagnosticKind, start: usize, end: usize) {
        let span = self.span(start, end);
        self.note(kind.at(span));
    }

    /// Notes a problem with its details; the token at hand counts as complained about.
    pub fn note(&mut self, problem: Diagnostic) {
        self.last_place = Some(self.tok.start);
        // What stands on the line before says nothing about the line at hand.
        let line = self.span(self.scan.line_start, self.scan.line_start);
        if problem.span().is_none_or(|span| span.start >= line.start) {
            self.last_line = Some(self.scan.line_start);
        }
        if self.has_given_up {
            return;
        }
        self.problems.push(problem);
        if self.problems.len() >= MAX_PROBLEMS {
            self.has_given_up = true;
            self.problems.push(diag::TOO_MANY_PROBLEMS.at(self.span(self.tok.start, self.tok.end)));
            self.scan.limit = self.scan.limit.min(self.scan.pos);
        }
    }

    /// Notes a problem that lies before the line at hand.
    pub fn note_above(&mut self, problem: Diagnostic) {
        let line = self.last_line;
        self.note(problem);
        self.last_line = line;
    }

    /// Whether reading stopped because of too many problems.
    #[must_use]
    pub fn has_given_up(&self) -> bool {
        self.has_given_up
    }

    /// Whether a problem at this token was noted already.
    #[must_use]
    pub fn is_noted(&self) -> bool {
        self.last_place == Some(self.tok.start)
    }

    /// Whether a problem of this line was noted already: what follows it is not worth a word.
    #[must_use]
    pub fn is_line_noted(&self) -> bool {
        self.last_line == Some(self.scan.line_start)
    }

    /// Notes that the token at hand is not what was wanted.
    pub fn unexpected(&mut self, wanted: &str) -> Stop {
        if self.is_noted() || self.is_line_noted() {
            return Stop::Skip;
        }
        if self.kind() == Kind::End {
            let (start, end) = (self.before.start, self.before.end);
            let span = self.span(start, end);
            self.note(diag::UNEXPECTED_TOKEN.at(span).detail(format!("The text ends here; {wanted} is missing")));
            return Stop::Skip;
        }
        let text = self.text();
        let kind = match (self.tok.kind, text) {
            (Kind::Stray, "'" | "\u{2018}" | "\u{2019}" | "\u{201c}" | "\u{201d}" | "`") => &diag::SINGLE_QUOTES,
            (Kind::Stray, "&" | "|" | "^") => &diag::UNKNOWN_OPERATOR,
            (Kind::Stray, _) => &diag::STRAY_CHARACTER,
            _ => &diag::UNEXPECTED_TOKEN,
        };
        let span = self.span(self.tok.start, self.tok.end);
        let what = if self.tok.kind == Kind::Quote { "A string" } else { "" };
        let detail = if what.is_empty() {
            format!("`{text}` stands where {wanted} is expected")
        } else {
            format!("{what} stands where {wanted} is expected")
        };
        self.note(kind.at(span).detail(detail));
        Stop::Skip
    }

    /// Goes one level deeper.
    ///
    /// # Errors
    /// After a problem was noted, where it is too deep.
    pub fn enter(&mut self) -> Read<()> {
        if self.depth >= MAX_DEPTH {
            return Err(self.too_deep());
        }
        self.depth += 1;
        Ok(())
    }

    /// Comes back from a level.
    pub fn leave(&mut self) {
        self.depth = self.depth.saturating_sub(1);
    }

    /// Sets the height of the tree at hand to one above `below`.
    ///
    /// # Errors
    /// After a problem was noted, where it is too high.
    pub fn raise(&mut self, below: usize) -> Read<()> {
        self.height = below + 1;
        if self.height > MAX_HEIGHT { Err(self.too_deep()) } else { Ok(()) }
    }

    /// An expression of which all parts were read, or those up to an error. Its height is one above `below`.
    ///
    /// # Errors
    /// `stop`, or after a problem was noted, where it is too high. What there is of it stays in `partial`.
    pub fn finish(&mut self, expr: Expr, below: usize, stop: Option<Stop>) -> Read<Expr> {
        let raised = self.raise(below);
        match stop.map_or(raised, Err) {
            Ok(()) => Ok(expr),
            Err(stop) => {
                self.partial = Some(expr);
                Err(stop)
            }
        }
    }

    /// Reads a part of an expression: what there is of it, and why reading stopped.
    pub fn part(&mut self, read: impl FnOnce(&mut Self) -> Read<Expr>) -> (Expr, Option<Stop>) {
        match read(self) {
            Ok(expr) => (expr, None),
            Err(stop) => (self.partial.take().unwrap_or_else(|| self.nothing()), Some(stop)),
        }
    }

    /// Reads a part of an expression into its place.
    ///
    /// # Errors
    /// As `read`; the place holds what there is of it.
    pub fn part_into(&mut self, place: &mut Expr, read: impl FnOnce(&mut Self) -> Read<Expr>) -> Read<()> {
        let (expr, stop) = self.part(read);
        *place = expr;
        stop.map_or(Ok(()), Err)
    }

    /// In the place of an expression that is not there, behind the token before this one.
    #[must_use]
    pub fn nothing(&self) -> Expr {
        Expr { kind: ExprKind::Broken(None), span: self.span(self.before.end, self.before.end) }
    }

    /// What could be read of an expression that began at `start`, as far as text was stepped over.
    pub fn broken(&mut self, start: usize) -> Expr {
        let inner = self.partial.take().map(Box::new);
        // Blanks behind it belong to it: there the rest is typed.
        let line_end = self.scan.line_end(self.before.end);
        let end = self.before.end.max(self.tok.start.min(line_end));
        Expr { kind: ExprKind::Broken(inner), span: self.span(start, start.max(end)) }
    }

    fn too_deep(&mut self) -> Stop {
        if !self.is_line_noted() {
            let span = self.span(self.tok.start, self.tok.end);
            let detail = format!("The limits are {MAX_DEPTH} levels and chains of {MAX_HEIGHT} operators");
            self.note(diag::NESTED_TOO_DEEP.at(span).detail(detail));
        }
        Stop::Skip
    }
}
