//! Bodies: arguments and blocks.

use super::ast::{Attribute, Block, Body, Expr, ExprKind, Fragment, Ident};
use super::diag;
use super::parser::{Mark, Open, Parser, Read, Stop};
use super::recover::Until;
use super::scanner::Kind;
use std::collections::BTreeMap;
use terrane_core::{Span, Text};

/// The block that a body belongs to.
#[derive(Clone, Copy, Debug)]
struct Owner {
    open: Open,
    header: Span,
    lines: Lines,
}

/// How a block is laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Lines {
    /// `{ name = value }` on the line of the header.
    One,
    /// It began so, and holds more than that: told already.
    Wrong,
    /// Every part on a line of its own.
    Several,
}

impl Parser<'_> {
    /// Reads a file as a whole.
    pub fn file(&mut self) -> Body {
        self.advance();
        self.body(None).0
    }

    /// A body up to the brace that closes it, and whether there is one.
    fn body(&mut self, mut owner: Option<Owner>) -> (Body, bool) {
        let mut body = Body::default();
        let mut inner = None;
        let mut is_closed = false;
        loop {
            if let Some(block) = owner {
                if self.tok.kind == Kind::BraceClose && !self.leaves(block.open, inner) {
                    self.open.pop();
                    self.advance();
                    is_closed = true;
                    break;
                }
                if self.tok.kind == Kind::End || self.leaves(block.open, inner) {
                    self.unclosed_block(&block);
                    break;
                }
            }
            if self.tok.kind == Kind::End {
                break;
            }
            if self.tok.is_first_on_line && inner.is_none() {
                inner = Some(self.line_indent);
            }
            self.statement(&mut body, &mut owner);
        }
        self.refuse_duplicates(&mut body);
        (body, is_closed)
    }

    fn unclosed_block(&mut self, block: &Owner) {
        self.open.pop();
        let at = block.open.at;
        let problem = diag::UNCLOSED_BLOCK.at(self.span(at, at + 1)).label(block.header, "this block");
        self.note_above(problem);
    }

    fn statement(&mut self, body: &mut Body, owner: &mut Option<Owner>) {
        let mark = self.mark();
        self.begin_line();
        let result = match self.tok.kind {
            Kind::Ident => self.named(body, owner),
            Kind::Quote => self.quoted_name(body),
            Kind::BraceClose | Kind::BracketClose | Kind::ParenClose => {
                if !self.is_noted() && !self.is_line_noted() {
                    self.report(&diag::UNOPENED_BRACKET, self.tok.start, self.tok.end);
                }
                self.advance();
                Err(Stop::Skip)
            }
            _ => Err(self.unexpected("an argument or a block")),
        };
        match result {
            Ok(()) => self.end_statement(&mark, owner),
            Err(stop) => {
                self.partial = None;
                self.recover(stop, &mark, Until::Statement);
            }
        }
    }

    /// After a statement: the line has to end.
    fn end_statement(&mut self, mark: &Mark, owner: &mut Option<Owner>) {
        if self.tok.kind == Kind::End || self.tok.is_first_on_line {
            if let Some(block) = owner
                && block.lines == Lines::One
            {
                block.lines = Lines::Wrong;
                if !self.is_noted() && self.tok.kind != Kind::End {
                    self.report(&diag::ONE_LINE_BLOCK, block.open.at, block.open.at + 1);
                }
            }
            return;
        }
        if self.tok.kind == Kind::BraceClose && owner.is_some() {
            if owner.is_some_and(|block| block.lines == Lines::Several) && !self.is_line_noted() {
                self.report(&diag::MISSING_NEWLINE, self.tok.start, self.tok.end);
            }
            return;
        }
        if self.tok.kind == Kind::Ident && self.starts_statement() {
            if let Some(block) = owner.as_mut().filter(|block| block.lines == Lines::One) {
                block.lines = Lines::Wrong;
                let at = block.open.at;
                self.report(&diag::ONE_LINE_BLOCK, at, at + 1);
            } else if !self.is_line_noted() {
                self.report(&diag::MISSING_NEWLINE, self.tok.start, self.tok.end);
            }
            return;
        }
        let stop = if self.is_closer() && !self.is_line_noted() {
            self.report(&diag::UNOPENED_BRACKET, self.tok.start, self.tok.end);
            Stop::Skip
        } else {
            self.unexpected("the end of the line")
        };
        self.recover(stop, mark, Until::Statement);
    }

    /// An argument or block, by what follows its name.
    fn named(&mut self, body: &mut Body, owner: &mut Option<Owner>) -> Read<()> {
        let name = self.take_ident();
        match self.kind() {
            Kind::Assign => self.attribute(name, body),
            Kind::BraceOpen | Kind::Ident | Kind::Quote => {
                if let Some(block) = owner.as_mut().filter(|block| block.lines == Lines::One) {
                    block.lines = Lines::Wrong;
                    self.report(&diag::ONE_LINE_BLOCK, block.open.at, block.open.at + 1);
                }
                self.block(name, body)
            }
            Kind::End if self.tok.kind == Kind::BraceOpen => self.block(name, body),
            Kind::Colon => {
                self.report(&diag::MISSING_EQUALS, self.tok.start, self.tok.end);
                self.attribute(name, body)
            }
            Kind::Dot => {
                let end = self.scan.peek().end;
                let problem = diag::DOTTED_NAME.at(name.span.to(self.span(self.tok.start, end)));
                self.note(problem);
                body.fragments.push(Fragment { words: vec![name] });
                Err(Stop::Skip)
            }
            _ => {
                body.fragments.push(Fragment { words: vec![name] });
                Err(self.missing_equals())
            }
        }
    }

    fn missing_equals(&mut self) -> Stop {
        if !self.is_line_noted() {
            self.report(&diag::MISSING_EQUALS, self.before.start, self.before.end);
        }
        Stop::Skip
    }

    /// The name at hand, stepped over.
    pub fn take_ident(&mut self) -> Ident {
        let text = self.text();
        let ident = Ident { text: self.name(text), span: self.span(self.tok.start, self.tok.end) };
        self.advance();
        ident
    }

    /// `= value`, the token at hand being the sign.
    fn attribute(&mut self, name: Ident, body: &mut Body) -> Read<()> {
        self.advance();
        let start = self.value_start();
        match self.expression() {
            Ok(value) => {
                body.attributes.push(Attribute { name, value });
                Ok(())
            }
            Err(stop) => {
                let value = self.broken(start);
                body.attributes.push(Attribute { name, value });
                Err(stop)
            }
        }
    }

    /// Where a value begins; behind the equals sign, where none stands on its line.
    #[must_use]
    pub fn value_start(&self) -> usize {
        if self.kind() == Kind::End { self.before.end } else { self.tok.start }
    }

    /// `"name" = value`: read as meant, after a complaint.
    fn quoted_name(&mut self, body: &mut Body) -> Read<()> {
        let Expr { kind: ExprKind::String(text), span } = self.quoted()? else {
            self.partial = None;
            return Err(self.unexpected("an argument or a block"));
        };
        if !matches!(self.kind(), Kind::Assign | Kind::Colon) {
            let problem =
                diag::UNEXPECTED_TOKEN.at(span).detail("A string stands where an argument or a block is expected");
            if !self.is_line_noted() {
                self.note(problem);
            }
            body.fragments.push(Fragment { words: vec![Ident { text, span }] });
            return Err(Stop::Skip);
        }
        self.note(diag::QUOTED_NAME.at(span));
        self.attribute(Ident { text, span }, body)
    }

    /// Labels and body of a block.
    fn block(&mut self, kind: Ident, body: &mut Body) -> Read<()> {
        let mut words = vec![kind];
        if let Err(stop) = self.labels(&mut words).and_then(|()| self.enter()) {
            self.partial = None;
            body.fragments.push(Fragment { words });
            return Err(stop);
        }
        let labels = words.split_off(1);
        let Some(kind) = words.pop() else { return Ok(()) };
        let header = labels.last().map_or(kind.span, |label| kind.span.to(label.span));
        let open = Open { kind: Kind::BraceOpen, at: self.tok.start, indent: self.line_indent };
        self.open.push(open);
        self.advance();
        let is_one_line = !self.tok.is_first_on_line && self.tok.kind != Kind::BraceClose && self.tok.kind != Kind::End;
        let lines = if is_one_line { Lines::One } else { Lines::Several };
        let (mut inner, is_closed) = self.body(Some(Owner { open, header, lines }));
        inner.attributes.shrink_to_fit();
        self.leave();
        let end = if is_closed { self.before.end } else { self.tok.start.max(self.before.end) };
        let braces = self.span(open.at, end);
        body.blocks.push(Block { kind, labels, body: inner, header, braces, is_closed });
        Ok(())
    }

    /// Labels up to the brace, put behind the kind.
    fn labels(&mut self, words: &mut Vec<Ident>) -> Read<()> {
        loop {
            match self.kind() {
                Kind::BraceOpen => return Ok(()),
                Kind::Ident => words.push(self.take_ident()),
                Kind::Quote => {
                    let start = self.tok.start;
                    let label = self.quoted()?;
                    let is_open = matches!(label.kind, ExprKind::Broken(_)) && self.kind() == Kind::End;
                    words.push(self.label(label));
                    if is_open && !self.back_to_brace(start, words.last_mut()) {
                        return Err(Stop::Skip);
                    }
                }
                Kind::End if self.tok.kind == Kind::BraceOpen => {
                    self.report(&diag::MISPLACED_BRACE, self.tok.start, self.tok.end);
                    self.begin_line();
                    return Ok(());
                }
                Kind::End if words.len() == 2 => return Err(self.missing_equals()),
                _ => return Err(self.unexpected("`{` of the block")),
            }
        }
    }

    /// Where the quote of the label that began at `start` is missing and its line ends with a brace, that opens the block
    /// all the same: it becomes the token at hand.
    fn back_to_brace(&mut self, start: usize, label: Option<&mut Ident>) -> bool {
        let line = self.scan.slice(start, self.scan.line_end(start));
        let Some(before) = line.trim_end().strip_suffix('{') else { return false };
        let end = start + before.len();
        if let Some(label) = label {
            label.text = Text::from(label.text.trim_end().trim_end_matches('{').trim_end());
            label.span = self.span(start, start + before.trim_end().len());
        }
        self.seek(end);
        self.advance();
        true
    }

    fn label(&mut self, label: Expr) -> Ident {
        let text = match label.kind {
            ExprKind::String(text) => text,
            ExprKind::Broken(inner) => match inner.map(|inner| inner.kind) {
                Some(ExprKind::String(text)) => text,
                _ => Text::from(""),
            },
            _ => {
                self.note(diag::LABEL_TEMPLATE.at(label.span));
                Text::from("")
            }
        };
        Ident { text, span: label.span }
    }

    /// Keeps the first of several arguments of one name.
    fn refuse_duplicates(&mut self, body: &mut Body) {
        let has_twin = if body.attributes.len() <= 8 {
            let mut rest = body.attributes.as_slice();
            let mut found = false;
            while let Some((first, others)) = rest.split_first() {
                found |= others.iter().any(|other| other.name.text == first.name.text);
                rest = others;
            }
            found
        } else {
            let mut names: Vec<&str> = body.attributes.iter().map(|a| &*a.name.text).collect();
            names.sort_unstable();
            names.windows(2).any(|pair| matches!(pair, [a, b] if a == b))
        };
        if !has_twin {
            return;
        }
        let mut seen: BTreeMap<Text, Span> = BTreeMap::new();
        let mut problems = Vec::new();
        body.attributes.retain(|attribute| match seen.get(&attribute.name.text) {
            None => {
                seen.insert(attribute.name.text.clone(), attribute.name.span);
                true
            }
            Some(first) => {
                problems.push(
                    diag::DUPLICATE_ATTRIBUTE
                        .at(attribute.name.span)
                        .with("name", &attribute.name.text)
                        .label(*first, "set here first")
                        .label(attribute.name.span, "and again here"),
                );
                false
            }
        });
        for problem in problems {
            self.note_above(problem);
        }
    }
}
