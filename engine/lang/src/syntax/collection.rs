//! What stands between brackets: lists, objects, `for` and the arguments of calls.

use super::ast::{Call, Expr, ExprKind, ForExpr, Ident, ObjectItem};
use super::diag;
use super::parser::{Open, Parser, Read, Stop};
use super::recover::Until;
use super::scanner::Kind;
use terrane_core::Text;

/// Whether `key` is a reference that could be meant as a name.
fn is_bare_reference(key: &Expr) -> bool {
    let of = match &key.kind {
        ExprKind::Attr(attr) => &attr.of,
        ExprKind::Index { of, .. } | ExprKind::Splat { of, .. } => of,
        _ => return false,
    };
    matches!(of.kind, ExprKind::Name(_)) || is_bare_reference(of)
}

impl Parser<'_> {
    /// `[a, b]` or `[for ..]`.
    pub fn tuple(&mut self) -> Read<Expr> {
        let start = self.tok.start;
        let kind = self.within(true, |parser| {
            if parser.is_for() {
                return parser.for_expr(Kind::BracketClose);
            }
            let (items, _) = parser.items(Kind::BracketClose)?;
            Ok(ExprKind::Tuple(items))
        })?;
        self.raise(self.height)?;
        Ok(Expr { kind, span: self.span_from(start) })
    }

    /// `name(arguments)`, the token at hand being the parenthesis.
    pub fn call(&mut self, name: Ident, start: usize) -> Read<Expr> {
        let (arguments, is_spread) = self.within(true, |parser| parser.items(Kind::ParenClose))?;
        self.raise(self.height)?;
        let call = Box::new(Call { name, arguments, is_spread });
        Ok(Expr { kind: ExprKind::Call(call), span: self.span_from(start) })
    }

    /// Expressions between commas up to `close`; in a call the last may be spread.
    fn items(&mut self, close: Kind) -> Read<(Vec<Expr>, bool)> {
        let mut items = Vec::new();
        let mut height = 0;
        let open = self.open.last().copied();
        while self.tok.kind != close || self.leaves_open(open) {
            if self.is_lost(open) {
                return Err(self.unclosed());
            }
            let mark = self.mark();
            match self.expression() {
                Ok(item) => items.push(item),
                Err(Stop::Here) => return Err(Stop::Here),
                Err(Stop::Skip) => {
                    self.recover(Stop::Skip, &mark, Until::Item);
                    items.push(Expr { kind: ExprKind::Broken, span: self.span(mark.start, mark.start) });
                }
            }
            height = height.max(self.height);
            if self.tok.kind == Kind::Ellipsis && close == Kind::ParenClose {
                self.advance();
                self.expect_close(close, "`)` after `...`")?;
                self.height = height;
                return Ok((items, true));
            }
            self.separator(close, open)?;
        }
        self.height = height;
        Ok((items, false))
    }

    /// A comma, or the closing bracket, or a complaint.
    fn separator(&mut self, close: Kind, open: Option<Open>) -> Read<()> {
        match self.tok.kind {
            Kind::Comma => self.advance(),
            kind if kind == close => {}
            _ if self.is_lost(open) => return Err(self.unclosed()),
            Kind::Quote
            | Kind::Ident
            | Kind::Number
            | Kind::BraceOpen
            | Kind::BracketOpen
            | Kind::ParenOpen
            | Kind::Heredoc => {
                if !self.is_line_noted() {
                    self.report(&diag::MISSING_COMMA, self.before.start, self.before.end);
                }
            }
            _ => {
                let mark = self.mark();
                let stop = self.unexpected(if close == Kind::ParenClose { "`,` or `)`" } else { "`,` or `]`" });
                self.recover(stop, &mark, Until::Item);
                if self.tok.kind == Kind::Comma {
                    self.advance();
                }
            }
        }
        Ok(())
    }

    fn leaves_open(&self, open: Option<Open>) -> bool {
        open.is_some_and(|open| self.leaves(open, None))
    }

    /// Whether the token at hand can only stand outside of the list or call we are in.
    fn is_lost(&self, open: Option<Open>) -> bool {
        self.tok.kind == Kind::End
            || self.is_closer()
            || self.leaves_open(open)
            || (self.tok.is_first_on_line && self.starts_statement())
    }

    /// `{ key = value }` or `{ for .. }`.
    pub fn object(&mut self) -> Read<Expr> {
        let start = self.tok.start;
        let kind = self.within(false, |parser| {
            if parser.is_for() {
                parser.multiline = true;
                return parser.for_expr(Kind::BraceClose);
            }
            Ok(ExprKind::Object(parser.object_items()?))
        })?;
        self.raise(self.height)?;
        Ok(Expr { kind, span: self.span_from(start) })
    }

    /// Items are gathered in one vector for all objects that are open, so that each keeps one of its own length.
    fn object_items(&mut self) -> Read<Vec<ObjectItem>> {
        let first = self.items.len();
        let read = self.gather_items();
        let items = self.items.drain(first..).collect();
        read.map(|()| items)
    }

    fn gather_items(&mut self) -> Read<()> {
        let mut height = 0;
        let mut inner = None;
        let open = self.open.last().copied();
        loop {
            let leaves = open.is_some_and(|open| self.leaves(open, inner));
            if self.tok.kind == Kind::BraceClose && !leaves {
                break;
            }
            let is_block = self.tok.is_first_on_line
                && self.tok.kind == Kind::Ident
                && matches!(self.scan.peek().kind, Kind::BraceOpen | Kind::Quote);
            if leaves || is_block || self.tok.kind == Kind::End || self.is_closer() {
                return Err(self.unclosed());
            }
            if self.tok.is_first_on_line && inner.is_none() {
                inner = Some(self.line_indent);
            }
            let mark = self.mark();
            self.begin_line();
            match self.object_item() {
                Ok(item) => self.items.push(item),
                Err(Stop::Here) => return Err(Stop::Here),
                Err(Stop::Skip) => self.recover(Stop::Skip, &mark, Until::Item),
            }
            height = height.max(self.height);
            self.object_separator()?;
        }
        self.height = height;
        Ok(())
    }

    fn object_separator(&mut self) -> Read<()> {
        match self.kind() {
            Kind::Comma => self.advance(),
            Kind::End | Kind::BraceClose => {}
            Kind::Quote | Kind::Ident | Kind::Number | Kind::ParenOpen => {
                if !self.is_line_noted() {
                    self.report(&diag::MISSING_COMMA, self.before.start, self.before.end);
                }
            }
            Kind::BracketClose | Kind::ParenClose => return Err(self.unclosed()),
            _ => {
                let mark = self.mark();
                let stop = self.unexpected("`,`, a new line or `}`");
                self.recover(stop, &mark, Until::Item);
                if self.kind() == Kind::Comma {
                    self.advance();
                }
            }
        }
        Ok(())
    }

    fn object_item(&mut self) -> Read<ObjectItem> {
        let is_word = self.tok.kind == Kind::Ident;
        let (start, text) = (self.tok.start, self.text());
        let mut key = self.expression()?;
        let height = self.height;
        if is_word && matches!(key.kind, ExprKind::Null | ExprKind::Bool(_)) {
            key.kind = ExprKind::Name(Text::from(text));
        }
        if is_bare_reference(&key) {
            self.note_above(diag::OBJECT_KEY_EXPRESSION.at(key.span));
        }
        if !matches!(self.kind(), Kind::Assign | Kind::Colon) {
            if !self.is_line_noted() || self.kind() == Kind::End {
                self.report(&diag::MISSING_EQUALS, start, self.before.end);
            }
            return Err(Stop::Skip);
        }
        self.advance();
        let value = self.expression()?;
        self.height = self.height.max(height);
        Ok(ObjectItem { key, value })
    }

    /// Whether the word `for` begins a `for` expression here, and is no name.
    fn is_for(&self) -> bool {
        self.tok.kind == Kind::Ident
            && self.text() == "for"
            && !matches!(
                self.scan.peek().kind,
                Kind::Assign
                    | Kind::Colon
                    | Kind::Comma
                    | Kind::Dot
                    | Kind::ParenOpen
                    | Kind::BracketOpen
                    | Kind::BracketClose
                    | Kind::BraceClose
                    | Kind::Operator(_)
                    | Kind::Question
            )
    }

    /// `key, value in`: the names, and the word behind them stepped over.
    pub fn loop_names(&mut self) -> Read<(Option<Ident>, Ident)> {
        let mut names = (None, self.loop_name()?);
        if self.kind() == Kind::Comma {
            self.advance();
            let value = self.loop_name()?;
            names = (Some(names.1), value);
        }
        if !self.is_word("in") {
            return Err(self.unexpected("`in`"));
        }
        self.advance();
        Ok(names)
    }

    fn loop_name(&mut self) -> Read<Ident> {
        if self.kind() == Kind::Ident { Ok(self.take_ident()) } else { Err(self.unexpected("a name for the element")) }
    }

    /// From the word `for` up to the closing bracket.
    fn for_expr(&mut self, close: Kind) -> Read<ExprKind> {
        self.advance();
        let (key_name, value_name) = self.loop_names()?;
        let collection = self.expression()?;
        let mut height = self.height;
        if self.kind() != Kind::Colon {
            return Err(self.unexpected("`:`"));
        }
        self.advance();
        let mut result = self.expression()?;
        height = height.max(self.height);
        let (mut result_key, mut is_grouped) = (None, false);
        if close == Kind::BraceClose {
            if self.kind() != Kind::Arrow {
                return Err(self.unexpected("`=>`"));
            }
            self.advance();
            result_key = Some(std::mem::replace(&mut result, self.expression()?));
            height = height.max(self.height);
            is_grouped = self.kind() == Kind::Ellipsis;
            if is_grouped {
                self.advance();
            }
        }
        let mut condition = None;
        if self.is_word("if") {
            self.advance();
            condition = Some(self.expression()?);
            height = height.max(self.height);
        }
        self.expect_close(close, if close == Kind::BraceClose { "`}`" } else { "`]`" })?;
        self.height = height;
        let parts = ForExpr { key_name, value_name, collection, result_key, result, is_grouped, condition };
        Ok(ExprKind::For(Box::new(parts)))
    }
}
