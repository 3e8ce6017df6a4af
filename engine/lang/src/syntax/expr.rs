//! Expressions: operators by precedence, traversals, and what they begin with.

use super::ast::{AttrOf, Expr, ExprKind, Ident};
use super::diag;
use super::parser::{Parser, Read, Stop};
use super::scanner::Kind;
use terrane_core::{Number, Operator};

/// How tightly an operator binds, from 1; all are left-associative.
fn precedence(operator: Operator) -> u8 {
    match operator {
        Operator::Or => 1,
        Operator::And => 2,
        Operator::Equal | Operator::NotEqual => 3,
        Operator::Less | Operator::LessEqual | Operator::Greater | Operator::GreaterEqual => 4,
        Operator::Add | Operator::Subtract => 5,
        Operator::Multiply | Operator::Divide | Operator::Remainder => 6,
        Operator::Not | Operator::Negate => 7,
    }
}

impl Parser<'_> {
    /// Reads an expression.
    ///
    /// # Errors
    /// After a problem was noted.
    pub fn expression(&mut self) -> Read<Expr> {
        self.enter()?;
        let condition = self.binary(1)?;
        let expr = if self.kind() == Kind::Question { self.conditional(condition)? } else { condition };
        self.leave();
        Ok(expr)
    }

    fn conditional(&mut self, condition: Expr) -> Read<Expr> {
        let mut height = self.height;
        self.advance();
        let (yes, mut stop) = self.part(Self::expression);
        height = height.max(self.height);
        let mut no = self.nothing();
        if stop.is_none() {
            if self.kind() == Kind::Colon {
                self.advance();
                (no, stop) = self.part(Self::expression);
            } else {
                stop = Some(self.unexpected("`:` of the conditional"));
            }
        }
        let span = condition.span.to(no.span);
        let kind = ExprKind::Conditional { condition: Box::new(condition), yes: Box::new(yes), no: Box::new(no) };
        self.finish(Expr { kind, span }, height.max(self.height), stop)
    }

    fn binary(&mut self, lowest: u8) -> Read<Expr> {
        let mut left = self.unary()?;
        while let Kind::Operator(operator) = self.kind() {
            let strength = precedence(operator);
            if strength < lowest {
                break;
            }
            let height = self.height;
            self.advance();
            let (right, stop) = self.part(|parser| parser.binary(strength + 1));
            let span = left.span.to(right.span);
            let kind = ExprKind::Binary { operator, left: Box::new(left), right: Box::new(right) };
            left = self.finish(Expr { kind, span }, height.max(self.height), stop)?;
        }
        Ok(left)
    }

    fn unary(&mut self) -> Read<Expr> {
        let operator = match self.kind() {
            Kind::Bang => Operator::Not,
            Kind::Operator(Operator::Subtract) => Operator::Negate,
            _ => return self.postfix(),
        };
        let start = self.tok.start;
        self.enter()?;
        self.advance();
        let (operand, stop) = self.part(Self::unary);
        self.leave();
        let kind = ExprKind::Unary { operator, operand: Box::new(operand) };
        self.finish(Expr { kind, span: self.span_from(start) }, self.height, stop)
    }

    fn postfix(&mut self) -> Read<Expr> {
        let start = self.tok.start;
        let term = self.term()?;
        match self.kind() {
            Kind::Dot | Kind::BracketOpen => self.traversal(term, start),
            _ => Ok(term),
        }
    }

    /// `.name`, `.0`, `.*`, `[key]` and `[*]` after `expr`.
    fn traversal(&mut self, mut expr: Expr, start: usize) -> Read<Expr> {
        loop {
            expr = match self.kind() {
                Kind::Dot if self.scan.peek().kind == Kind::Operator(Operator::Multiply) => {
                    self.short_splat(expr, start)?
                }
                Kind::Dot => self.dot(expr, start)?,
                Kind::BracketOpen if self.scan.peek().kind == Kind::Operator(Operator::Multiply) => {
                    return self.full_splat(expr, start);
                }
                Kind::BracketOpen => {
                    let height = self.height;
                    let (key, stop) = self.part(|parser| parser.enclosed(Kind::BracketClose, "`]`"));
                    let kind = ExprKind::Index { of: Box::new(expr), key: Box::new(key) };
                    let span = self.span_from(start);
                    self.finish(Expr { kind, span }, height.max(self.height), stop)?
                }
                _ => return Ok(expr),
            };
        }
    }

    /// An expression between brackets.
    fn enclosed(&mut self, close: Kind, wanted: &str) -> Read<Expr> {
        self.within(true, |parser| {
            let inner = parser.expression()?;
            if let Err(stop) = parser.expect_close(close, wanted) {
                parser.partial = Some(inner);
                return Err(stop);
            }
            Ok(inner)
        })
    }

    /// `.name` or `.0` after `of`.
    fn dot(&mut self, of: Expr, start: usize) -> Read<Expr> {
        self.advance();
        // A line that looks like an argument is none that goes on with a name.
        let is_next = self.tok.is_first_on_line && self.starts_statement();
        match self.kind() {
            Kind::Ident if !is_next => {
                let name = self.take_ident();
                let kind = ExprKind::Attr(Box::new(AttrOf { of, name }));
                self.finish(Expr { kind, span: self.span_from(start) }, self.height, None)
            }
            Kind::Number => self.old_index(of, start),
            _ => {
                if !self.is_line_noted() || self.kind() == Kind::End {
                    self.report(&diag::MISSING_ATTRIBUTE_NAME, self.before.start, self.before.end);
                }
                let name = self.no_name();
                let kind = ExprKind::Attr(Box::new(AttrOf { of, name }));
                self.finish(Expr { kind, span: self.span_from(start) }, self.height, Some(Stop::Skip))
            }
        }
    }

    /// `of.0`, and `of.0.1`, where the scanner sees one number.
    fn old_index(&mut self, of: Expr, start: usize) -> Read<Expr> {
        let (text, at) = (self.text(), self.tok.start);
        self.advance();
        let mut expr = of;
        let mut from = at;
        for digits in text.split('.') {
            let end = from + digits.len();
            let span = self.span(from, end);
            let Some(number) =
                Number::parse(digits).filter(|n| n.is_integer() && digits.bytes().all(|b| b.is_ascii_digit()))
            else {
                self.report(&diag::INVALID_NUMBER, at, at + text.len());
                self.partial = Some(expr);
                return Err(Stop::Skip);
            };
            let key = Expr { kind: ExprKind::Number(number), span };
            let kind = ExprKind::Index { of: Box::new(expr), key: Box::new(key) };
            expr = self.finish(Expr { kind, span: self.span(start, end) }, self.height, None)?;
            from = end + 1;
        }
        Ok(expr)
    }

    /// `of[*]` and all that follows.
    fn full_splat(&mut self, of: Expr, start: usize) -> Read<Expr> {
        let height = self.height;
        let at = self.tok.start;
        self.enter()?;
        let mut stop = self
            .within(true, |parser| {
                parser.advance();
                parser.expect_close(Kind::BracketClose, "`]`")
            })
            .err();
        let mut each = Expr { kind: ExprKind::SplatItem, span: self.span_from(at) };
        self.height = 1;
        if stop.is_none() {
            (each, stop) = self.part(|parser| parser.traversal(each, at));
        }
        self.leave();
        let kind = ExprKind::Splat { of: Box::new(of), each: Box::new(each) };
        self.finish(Expr { kind, span: self.span_from(start) }, height.max(self.height), stop)
    }

    /// `of.*` and the names that follow; a bracket applies to the whole.
    fn short_splat(&mut self, of: Expr, start: usize) -> Read<Expr> {
        let height = self.height;
        let at = self.tok.start;
        self.advance();
        self.advance();
        let mut each = Expr { kind: ExprKind::SplatItem, span: self.span_from(at) };
        self.height = 1;
        let mut stop = None;
        while stop.is_none() && self.kind() == Kind::Dot {
            if self.scan.peek().kind == Kind::Operator(Operator::Multiply) {
                let end = self.scan.peek().end;
                self.report(&diag::SPLAT_IN_SPLAT, self.tok.start, end);
                stop = Some(Stop::Skip);
                break;
            }
            (each, stop) = self.part(|parser| parser.dot(each, at));
        }
        let kind = ExprKind::Splat { of: Box::new(of), each: Box::new(each) };
        self.finish(Expr { kind, span: self.span_from(start) }, height.max(self.height), stop)
    }

    /// What an expression begins with.
    fn term(&mut self) -> Read<Expr> {
        self.height = 1;
        match self.kind() {
            Kind::Quote => self.quoted(),
            Kind::Ident => self.named_term(),
            Kind::Number => self.number(),
            Kind::BraceOpen => self.object(),
            Kind::BracketOpen => self.tuple(),
            Kind::ParenOpen => self.parens(),
            Kind::Heredoc => self.heredoc(),
            Kind::End | Kind::BraceClose | Kind::BracketClose | Kind::ParenClose | Kind::Comma => {
                if !self.is_noted() && (self.kind() == Kind::End || !self.is_line_noted()) {
                    self.report(&diag::MISSING_EXPRESSION, self.before.start, self.before.end);
                }
                Err(Stop::Skip)
            }
            _ => Err(self.unexpected("a value")),
        }
    }

    /// A name: a constant, the root of a reference, or a function.
    fn named_term(&mut self) -> Read<Expr> {
        let start = self.tok.start;
        let text = self.text();
        let mut ident = self.take_ident();
        while self.kind() == Kind::DoubleColon {
            self.advance();
            let stop = if self.kind() == Kind::Ident { None } else { Some(self.unexpected("a function name")) };
            let part = if stop.is_none() { self.take_ident() } else { self.no_name() };
            ident = Ident { text: format!("{}::{}", ident.text, part.text).into(), span: ident.span.to(part.span) };
            if stop.is_some() {
                let span = ident.span;
                return self.finish(Expr { kind: ExprKind::Name(ident.text), span }, 0, stop);
            }
        }
        if self.kind() == Kind::ParenOpen {
            return self.call(ident, start);
        }
        let kind = match text {
            "null" => ExprKind::Null,
            "true" => ExprKind::Bool(true),
            "false" => ExprKind::Bool(false),
            _ => ExprKind::Name(ident.text),
        };
        Ok(Expr { kind, span: ident.span })
    }

    /// A number; letters and dots right behind it belong to it and make it none.
    fn number(&mut self) -> Read<Expr> {
        let start = self.tok.start;
        let text = self.text();
        self.advance();
        let mut is_broken = false;
        while self.kind() == Kind::Dot
            || (matches!(self.tok.kind, Kind::Ident | Kind::Number) && self.tok.start == self.before.end)
        {
            is_broken = true;
            self.advance();
        }
        let span = self.span_from(start);
        match Number::parse(text).filter(|_| !is_broken) {
            Some(number) => Ok(Expr { kind: ExprKind::Number(number), span }),
            None => {
                self.note_above(diag::INVALID_NUMBER.at(span));
                Ok(Expr { kind: ExprKind::Broken(None), span })
            }
        }
    }

    fn parens(&mut self) -> Read<Expr> {
        let start = self.tok.start;
        let (inner, stop) = self.part(|parser| parser.enclosed(Kind::ParenClose, "`)`"));
        let kind = ExprKind::Parens(Box::new(inner));
        self.finish(Expr { kind, span: self.span_from(start) }, self.height, stop)
    }
}
