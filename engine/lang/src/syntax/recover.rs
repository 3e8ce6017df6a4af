//! Going on after an error, and saying which bracket was left open.

use super::diag;
use super::parser::{Mark, Open, Parser, Read, Stop};
use super::scanner::{Chunk, Kind};

/// Where skipping ends, besides the end of what is around.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Until {
    /// At the next statement of a body.
    Statement,
    /// At the next comma or line.
    Item,
}

fn closer_of(kind: Kind) -> Option<Kind> {
    match kind {
        Kind::BraceOpen => Some(Kind::BraceClose),
        Kind::BracketOpen => Some(Kind::BracketClose),
        Kind::ParenOpen => Some(Kind::ParenClose),
        _ => None,
    }
}

impl Parser<'_> {
    /// Reads what stands between brackets: opens, lets `read` go up to the closing one, steps over that.
    /// After an error the brackets stay open until a mark is restored.
    ///
    /// # Errors
    /// Those of `read`.
    pub fn within<T>(&mut self, multiline: bool, read: impl FnOnce(&mut Self) -> Read<T>) -> Read<T> {
        let (saved, opened) = (self.multiline, self.open.len());
        self.open.push(Open { kind: self.tok.kind, at: self.tok.start, indent: self.line_indent });
        self.multiline = multiline;
        self.advance();
        let result = read(self)?;
        self.multiline = saved;
        self.open.truncate(opened);
        self.advance();
        Ok(result)
    }

    /// Whether the token at hand looks like the beginning of an argument or block, or the end of a block.
    #[must_use]
    pub fn starts_statement(&self) -> bool {
        match self.tok.kind {
            Kind::BraceClose => true,
            Kind::Ident => matches!(self.scan.peek().kind, Kind::Assign | Kind::BraceOpen | Kind::Quote),
            _ => false,
        }
    }

    /// Whether the token at hand closes a bracket.
    #[must_use]
    pub fn is_closer(&self) -> bool {
        matches!(self.tok.kind, Kind::BraceClose | Kind::BracketClose | Kind::ParenClose)
    }

    /// Whether a line begins here that, by its indentation, lies outside of `open`. `inner` is the
    /// indentation of what was read inside so far.
    #[must_use]
    pub fn leaves(&self, open: Open, inner: Option<usize>) -> bool {
        if !self.by_indent || !self.tok.is_first_on_line {
            return false;
        }
        match self.tok.kind {
            Kind::BraceClose | Kind::BracketClose | Kind::ParenClose => self.line_indent < open.indent,
            Kind::Ident => {
                self.line_indent < open.indent
                    || (self.line_indent == open.indent && inner.is_some_and(|inner| inner > open.indent))
            }
            _ => false,
        }
    }

    /// Checks that the innermost bracket ends here.
    ///
    /// # Errors
    /// After a problem was noted, where it does not.
    pub fn expect_close(&mut self, close: Kind, wanted: &str) -> Read<()> {
        if self.kind() == close {
            return Ok(());
        }
        let is_outside =
            self.tok.kind == Kind::End || self.is_closer() || (self.tok.is_first_on_line && self.starts_statement());
        Err(if is_outside { self.unclosed() } else { self.unexpected(wanted) })
    }

    /// Notes that the innermost bracket is not closed.
    pub fn unclosed(&mut self) -> Stop {
        if let Some(open) = self.open.last().copied()
            && !self.is_noted()
        {
            let bracket = self.scan.slice(open.at, open.at + 1);
            let close = match bracket {
                "(" => ")",
                "[" => "]",
                _ => "}",
            };
            let mut problem = diag::UNCLOSED_BRACKET
                .at(self.span(open.at, open.at + 1))
                .detail(format!("`{bracket}` has no `{close}`"));
            if self.tok.kind != Kind::End {
                let place = self.span(self.tok.start, self.tok.end);
                problem = problem.label(place, format!("`{close}` is missing before this"));
            }
            self.note_above(problem);
        }
        Stop::Here
    }

    /// Goes on after an error in what began at `mark`.
    pub fn recover(&mut self, stop: Stop, mark: &Mark, until: Until) {
        if stop == Stop::Skip {
            self.skip(mark, until);
        }
        self.restore(mark);
    }

    fn skip(&mut self, mark: &Mark, until: Until) {
        if self.tok.start == mark.start && !self.is_closer() && self.tok.kind != Kind::Comma {
            self.skip_token();
        }
        loop {
            let is_level = self.open.len() <= mark.open;
            match self.tok.kind {
                Kind::End => return,
                _ if self.tok.is_first_on_line && (is_level || self.is_outside(mark)) => return,
                Kind::Comma if is_level && until == Until::Item => return,
                Kind::BraceClose | Kind::BracketClose | Kind::ParenClose => {
                    if is_level && (until == Until::Item || self.tok.kind == Kind::BraceClose) {
                        return;
                    }
                    self.skip_closer(mark);
                }
                _ => self.skip_token(),
            }
        }
    }

    /// Whether the line at hand cannot belong to what began at `mark`.
    fn is_outside(&self, mark: &Mark) -> bool {
        match self.tok.kind {
            Kind::BraceClose => self.line_indent < mark.indent,
            _ => self.line_indent <= mark.indent && self.starts_statement(),
        }
    }

    fn skip_closer(&mut self, mark: &Mark) {
        let kind = self.tok.kind;
        let inner = self.open.get(mark.open..).unwrap_or_default();
        if let Some(at) = inner.iter().rposition(|open| closer_of(open.kind) == Some(kind)) {
            self.open.truncate(mark.open + at);
        }
        self.advance();
    }

    /// Steps over one token, a string or heredoc as a whole.
    pub fn skip_token(&mut self) {
        match self.tok.kind {
            Kind::BraceOpen | Kind::BracketOpen | Kind::ParenOpen => {
                self.open.push(Open { kind: self.tok.kind, at: self.tok.start, indent: self.line_indent });
            }
            Kind::Quote => self.skip_string(),
            Kind::Heredoc => self.skip_heredoc(),
            _ => {}
        }
        self.advance();
    }

    /// To the closing quote of the string, or the end of the line. Quotes inside `${ }` are not told apart.
    fn skip_string(&mut self) {
        loop {
            match self.scan.chunk(true).0 {
                Chunk::Quote | Chunk::Newline | Chunk::End => break,
                Chunk::Text | Chunk::Value { .. } | Chunk::Directive { .. } => {}
            }
        }
        self.tok.end = self.scan.pos;
    }
}
