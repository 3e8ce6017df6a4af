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
        let mut kind = ExprKind::Tuple(Vec::new());
        let read = self.within(true, |parser| {
            if parser.is_for() {
                return parser.for_expr(Kind::BracketClose, &mut kind);
            }
            let mut items = Vec::new();
            let read = parser.items(Kind::BracketClose, &mut items);
            kind = ExprKind::Tuple(items);
            read.map(|_| ())
        });
        self.finish(Expr { kind, span: self.span_from(start) }, self.height, read.err())
    }

    /// `name(arguments)`, the token at hand being the parenthesis.
    pub fn call(&mut self, name: Ident, start: usize) -> Read<Expr> {
        let mut arguments = Vec::new();
        let read = self.within(true, |parser| parser.items(Kind::ParenClose, &mut arguments));
        let call = Box::new(Call { name, arguments, is_spread: read == Ok(true) });
        self.finish(Expr { kind: ExprKind::Call(call), span: self.span_from(start) }, self.height, read.err())
    }

    /// Expressions between commas up to `close`; in a call the last may be spread: whether it is.
    fn items(&mut self, close: Kind, items: &mut Vec<Expr>) -> Read<bool> {
        let mut height = 0;
        let open = self.open.last().copied();
        while self.tok.kind != close || self.leaves_open(open) {
            if self.is_lost(open) {
                return Err(self.unclosed());
            }
            let mark = self.mark();
            match self.expression() {
                Ok(item) => items.push(item),
                Err(Stop::Here) => {
                    items.extend(self.partial.take());
                    self.height = self.height.max(height);
                    return Err(Stop::Here);
                }
                Err(Stop::Skip) => {
                    let inner = self.partial.take();
                    self.recover(Stop::Skip, &mark, Until::Item);
                    self.partial = inner;
                    items.push(self.broken(mark.start));
                }
            }
            height = height.max(self.height);
            if self.tok.kind == Kind::Ellipsis && close == Kind::ParenClose {
                self.advance();
                self.expect_close(close, "`)` after `...`")?;
                self.height = height;
                return Ok(true);
            }
            self.separator(close, open)?;
        }
        self.height = height;
        Ok(false)
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
        let mut kind = ExprKind::Object(Vec::new());
        let read = self.within(false, |parser| {
            if parser.is_for() {
                parser.multiline = true;
                return parser.for_expr(Kind::BraceClose, &mut kind);
            }
            let first = parser.items.len();
            let read = parser.gather_items();
            kind = ExprKind::Object(parser.items.drain(first..).collect());
            read
        });
        self.finish(Expr { kind, span: self.span_from(start) }, self.height, read.err())
    }

    /// Items are gathered in one vector for all objects that are open, so that each keeps one of its own length.
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
            let stop = self.object_item();
            height = height.max(self.height);
            match stop {
                None => {}
                Some(Stop::Here) => {
                    self.height = height;
                    return Err(Stop::Here);
                }
                Some(Stop::Skip) => self.recover(Stop::Skip, &mark, Until::Item),
            }
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

    /// One item, put to the others as far as it could be read.
    fn object_item(&mut self) -> Option<Stop> {
        let is_word = self.tok.kind == Kind::Ident;
        let (start, text) = (self.tok.start, self.text());
        let mut key = match self.expression() {
            Ok(key) => key,
            Err(stop) => {
                if self.partial.is_some() {
                    let (key, value) = (self.broken(start), self.nothing());
                    self.items.push(ObjectItem { key, value });
                }
                return Some(stop);
            }
        };
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
            let value = self.nothing();
            self.items.push(ObjectItem { key, value });
            return Some(Stop::Skip);
        }
        self.advance();
        let start = self.value_start();
        let (value, stop) = match self.expression() {
            Ok(value) => (value, None),
            Err(stop) => (self.broken(start), Some(stop)),
        };
        self.height = self.height.max(height);
        self.items.push(ObjectItem { key, value });
        stop
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

    /// `key, value in`: the names go to their places, and the word behind them is stepped over.
    pub fn loop_names(&mut self, key_name: &mut Option<Ident>, value_name: &mut Ident) -> Read<()> {
        *value_name = self.loop_name()?;
        if self.kind() == Kind::Comma {
            self.advance();
            let behind_comma = self.no_name();
            *key_name = Some(std::mem::replace(value_name, behind_comma));
            *value_name = self.loop_name()?;
        }
        if !self.is_word("in") {
            return Err(self.unexpected("`in`"));
        }
        self.advance();
        Ok(())
    }

    /// In the place of a name that is not there, behind the token before this one.
    #[must_use]
    pub fn no_name(&self) -> Ident {
        Ident { text: Text::from(""), span: self.nothing().span }
    }

    fn loop_name(&mut self) -> Read<Ident> {
        if self.kind() == Kind::Ident { Ok(self.take_ident()) } else { Err(self.unexpected("a name for the element")) }
    }

    /// From the word `for` up to the closing bracket.
    fn for_expr(&mut self, close: Kind, kind: &mut ExprKind) -> Read<()> {
        self.advance();
        let mut parts = ForExpr {
            key_name: None,
            value_name: self.no_name(),
            collection: self.nothing(),
            result_key: None,
            result: self.nothing(),
            is_grouped: false,
            condition: None,
        };
        let mut height = 0;
        let read = self.for_parts(close, &mut parts, &mut height);
        self.height = self.height.max(height);
        *kind = ExprKind::For(Box::new(parts));
        read
    }

    fn for_parts(&mut self, close: Kind, parts: &mut ForExpr, height: &mut usize) -> Read<()> {
        self.loop_names(&mut parts.key_name, &mut parts.value_name)?;
        self.part_into(&mut parts.collection, Self::expression)?;
        *height = self.height;
        if self.kind() != Kind::Colon {
            return Err(self.unexpected("`:`"));
        }
        self.advance();
        self.part_into(&mut parts.result, Self::expression)?;
        *height = self.height.max(*height);
        if close == Kind::BraceClose {
            if self.kind() != Kind::Arrow {
                return Err(self.unexpected("`=>`"));
            }
            self.advance();
            let behind_arrow = self.nothing();
            parts.result_key = Some(std::mem::replace(&mut parts.result, behind_arrow));
            self.part_into(&mut parts.result, Self::expression)?;
            *height = self.height.max(*height);
            parts.is_grouped = self.kind() == Kind::Ellipsis;
            if parts.is_grouped {
                self.advance();
            }
        }
        if self.is_word("if") {
            self.advance();
            let condition = parts.condition.insert(self.nothing());
            self.part_into(condition, Self::expression)?;
            *height = self.height.max(*height);
        }
        self.expect_close(close, if close == Kind::BraceClose { "`}`" } else { "`]`" })
    }
}
