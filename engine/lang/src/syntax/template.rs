//! Templates: quoted strings, the insides of heredocs, template files.
//!
//! A template is read as a flat list of pieces, and the directives are matched afterwards.

use super::ast::{Expr, ExprKind, Ident, TemplatePart};
use super::diag;
use super::parser::{MAX_DEPTH, Open, Parser, Read, Stop};
use super::scanner::{Chunk, Kind};
use std::borrow::Cow;
use terrane_core::Text;
use unicode_normalization::{IsNormalized, UnicodeNormalization, is_nfc_quick};

/// A piece of a template and where it stands.
#[derive(Debug)]
pub struct Piece {
    kind: PieceKind,
    start: usize,
    end: usize,
}

#[derive(Debug)]
enum PieceKind {
    Text(String),
    Value(Expr),
    If(Expr),
    Else,
    EndIf,
    For { key_name: Option<Ident>, value_name: Ident, collection: Expr },
    EndFor,
}

impl PieceKind {
    /// The expression in it.
    fn into_expr(self) -> Option<Expr> {
        match self {
            Self::Value(expr) | Self::If(expr) | Self::For { collection: expr, .. } => Some(expr),
            Self::Text(_) | Self::Else | Self::EndIf | Self::EndFor => None,
        }
    }
}

impl Piece {
    /// The text of a text.
    pub fn text(&self) -> Option<&str> {
        match &self.kind {
            PieceKind::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The text of a text, to change it.
    pub fn text_mut(&mut self) -> Option<&mut String> {
        match &mut self.kind {
            PieceKind::Text(text) => Some(text),
            _ => None,
        }
    }
}

/// An open directive while pieces are matched.
enum Frame {
    If { condition: Expr, yes: Option<Vec<TemplatePart>> },
    For { key_name: Option<Ident>, value_name: Ident, collection: Expr },
}

/// How a template ended.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// At its end.
    Closed,
    /// After a problem: what was read is worthless, but what follows can be read.
    Broken,
    /// Somewhere in the text behind it: a sequence is not closed.
    Lost,
}

/// Text in normal form C.
#[must_use]
pub fn normal(text: &str) -> Cow<'_, str> {
    if text.is_ascii() || is_nfc_quick(text.chars()) == IsNormalized::Yes {
        Cow::Borrowed(text)
    } else {
        Cow::Owned(text.nfc().collect())
    }
}

impl Parser<'_> {
    /// The quoted string at hand.
    ///
    /// # Errors
    /// After a problem was noted, where it is nested too deep.
    pub fn quoted(&mut self) -> Read<Expr> {
        let start = self.tok.start;
        self.height = 1;
        if let Some(end) = self.scan.plain_string() {
            let text = normal(self.scan.slice(self.scan.pos, end));
            let kind = ExprKind::String(self.name(&text));
            self.end_quoted(end + 1);
            return Ok(Expr { kind, span: self.span(start, end + 1) });
        }
        let tok = self.tok;
        let (pieces, ending) = self.pieces(Some(start));
        if ending == Ending::Lost {
            let span = self.span(start, self.before.end);
            self.partial = Some(Expr { kind: unmatched(pieces), span });
            return Err(Stop::Here);
        }
        self.tok = tok;
        let end = self.scan.pos;
        self.end_quoted(end);
        let span = self.span(start, end);
        if ending == Ending::Broken {
            let inner = Expr { kind: unmatched(pieces), span };
            return Ok(Expr { kind: ExprKind::Broken(Some(Box::new(inner))), span });
        }
        let kind = self.assemble(pieces);
        self.finish(Expr { kind, span }, self.height, None)
    }

    fn end_quoted(&mut self, end: usize) {
        self.scan.work += end.saturating_sub(self.scan.pos);
        self.scan.pos = end;
        self.tok.end = end;
        self.advance();
    }

    /// A template file as a whole.
    pub fn template_file(&mut self) -> Expr {
        let (start, end) = (self.scan.pos, self.scan.limit);
        let (pieces, _) = self.plain_pieces();
        let kind = self.assemble(pieces);
        Expr { kind, span: self.span(start, end) }
    }

    /// Pieces up to the end of what may be read, without quotes and backslash escapes.
    pub fn plain_pieces(&mut self) -> (Vec<Piece>, Ending) {
        self.pieces(None)
    }

    fn pieces(&mut self, quote: Option<usize>) -> (Vec<Piece>, Ending) {
        let mut pieces: Vec<Piece> = Vec::new();
        let (mut trims_next, mut height) = (false, 0);
        loop {
            let (chunk, start, end) = self.scan.chunk(quote.is_some());
            match chunk {
                Chunk::Text => {
                    let text = self.decode(start, end, quote.is_some());
                    let text = if trims_next { text.trim_start().to_owned() } else { text };
                    trims_next = false;
                    pieces.push(Piece { kind: PieceKind::Text(text), start, end });
                }
                Chunk::Value { trims } | Chunk::Directive { trims } => {
                    if trims && let Some(text) = pieces.last_mut().and_then(Piece::text_mut) {
                        text.truncate(text.trim_end().len());
                    }
                    match self.sequence(chunk, (start, end), quote) {
                        Ok((kind, trims)) => {
                            trims_next = trims;
                            height = height.max(self.height);
                            pieces.push(Piece { kind, start, end: self.scan.pos });
                        }
                        Err(ending) => {
                            let end = self.before.end.max(start);
                            pieces.push(Piece { kind: PieceKind::Value(self.broken(start)), start, end });
                            if ending != Ending::Broken || quote.is_some() {
                                return (pieces, ending);
                            }
                        }
                    }
                }
                Chunk::Quote => break,
                Chunk::Newline => {
                    self.broken_string(quote.unwrap_or(start));
                    return (pieces, Ending::Broken);
                }
                Chunk::End => {
                    if let Some(quote) = quote {
                        self.report(&diag::UNCLOSED_STRING, quote, quote + 1);
                        return (pieces, Ending::Broken);
                    }
                    break;
                }
            }
        }
        self.height = height;
        (pieces, Ending::Closed)
    }

    /// The inside of `${ }` or `%{ }`, which `opening` begins, and whether it ends with `~}`. After an error
    /// reading goes on behind its `}`.
    ///
    /// # Errors
    /// Where that is not to be found: [`Ending::Broken`] when reading can go on at the end of the line it
    /// begins on, else [`Ending::Lost`].
    fn sequence(
        &mut self,
        chunk: Chunk,
        opening: (usize, usize),
        quote: Option<usize>,
    ) -> Result<(PieceKind, bool), Ending> {
        let (start, end) = opening;
        let line_end = self.scan.line_end(start);
        let outer = self.mark();
        let problems = self.problems.len();
        self.open.push(Open { kind: Kind::BraceOpen, at: start, indent: self.line_indent });
        self.multiline = true;
        self.sequences += 1;
        (self.tok.start, self.tok.end) = (start, end);
        self.advance();
        let level = self.open.len();
        let read = match chunk {
            Chunk::Directive { .. } => self.directive(),
            _ => self.expression().map(PieceKind::Value),
        };
        let is_end = |kind: Kind| matches!(kind, Kind::BraceClose | Kind::TrimClose);
        // A quote where `}` should be, and no `}` on the rest of the line: it is the end of the string.
        let ends_string = quote.is_some()
            && self.tok.kind == Kind::Quote
            && !self.scan.slice(self.tok.end, self.scan.line_end(self.tok.end)).contains('}');
        let kind = match read {
            Ok(kind) if is_end(self.tok.kind) => Some(kind),
            Ok(kind) => {
                self.partial = kind.into_expr();
                None
            }
            Err(_) => None,
        };
        let inner = self.partial.take();
        let stuck = self.tok;
        if kind.is_none() && !ends_string {
            if self.tok.start <= line_end && self.tok.kind != Kind::End && self.problems.len() == problems {
                self.unexpected("`}`");
            }
            self.open.truncate(level);
            self.reach_sequence_end();
        }
        self.restore(&outer);
        self.sequences -= 1;
        self.partial = inner;
        if is_end(self.tok.kind) {
            let trims = self.tok.kind == Kind::TrimClose;
            let span = self.span(start, self.tok.end);
            if kind.is_none() && self.problems.len() == problems {
                self.report(&diag::UNEXPECTED_TOKEN, stuck.start, stuck.end);
            }
            let inner = self.partial.take().map(Box::new);
            let kind = kind.unwrap_or(PieceKind::Value(Expr { kind: ExprKind::Broken(inner), span }));
            return Ok((kind, trims));
        }
        if self.problems.len() == problems {
            let problem = diag::UNCLOSED_INTERPOLATION.at(self.span(start, end));
            self.note_above(problem);
        }
        Err(self.go_back(end, line_end))
    }

    /// After a sequence without end: back to the line it begins on, behind the last quote there. Reading again
    /// is done by the outermost sequence only, and not without limit.
    fn go_back(&mut self, end: usize, line_end: usize) -> Ending {
        let again = self.scan.pos.saturating_sub(line_end);
        if self.sequences > 0 || again > self.budget || self.has_given_up() {
            return Ending::Lost;
        }
        self.budget -= again;
        let line = self.scan.slice(end, line_end);
        self.seek(line.rfind('"').map_or(line_end, |at| end + at + 1));
        Ending::Broken
    }

    /// Skips to the `}` that ends the sequence, but not into what looks like another statement.
    fn reach_sequence_end(&mut self) {
        let level = self.open.len();
        loop {
            match self.tok.kind {
                Kind::End => return,
                Kind::BraceClose | Kind::TrimClose if self.open.len() <= level => return,
                _ if self.tok.is_first_on_line && self.starts_statement() => return,
                Kind::BraceClose | Kind::BracketClose | Kind::ParenClose => {
                    if self.open.len() > level {
                        self.open.pop();
                    }
                    self.advance();
                }
                _ => self.skip_token(),
            }
        }
    }

    fn directive(&mut self) -> Read<PieceKind> {
        let word = if self.kind() == Kind::Ident { self.text() } else { "" };
        let kind = match word {
            "if" | "for" => None,
            "else" => Some(PieceKind::Else),
            "endif" => Some(PieceKind::EndIf),
            "endfor" => Some(PieceKind::EndFor),
            _ => return Err(self.unexpected("`if`, `else`, `endif`, `for` or `endfor`")),
        };
        self.advance();
        self.height = 0;
        if let Some(kind) = kind {
            return Ok(kind);
        }
        if word == "if" {
            return Ok(PieceKind::If(self.expression()?));
        }
        let (mut key_name, mut value_name) = (None, self.no_name());
        self.loop_names(&mut key_name, &mut value_name)?;
        Ok(PieceKind::For { key_name, value_name, collection: self.expression()? })
    }

    /// A line break in the string that began at `quote`: it was forgotten to close it, or it is meant to be
    /// in it. The latter where the next quote, a few lines further at most, looks like its end.
    fn broken_string(&mut self, quote: usize) {
        let mut at = self.scan.line_end(self.scan.pos) + 1;
        for _ in 0..16 {
            let end = self.scan.line_end(at);
            let line = self.scan.slice(at, end);
            if let Some(first) = line.find('"') {
                let before = line.get(..first).unwrap_or("");
                if line.matches('"').count() % 2 == 1 && !before.contains(['=', '{', '[', '(']) {
                    let problem = diag::NEWLINE_IN_STRING
                        .at(self.span(quote, quote + 1))
                        .label(self.span(at + first, at + first + 1), "the string ends here");
                    self.note(problem);
                    self.seek(at + first + 1);
                    return;
                }
                break;
            }
            if line.contains(['=', '{', '}']) || end >= self.scan.limit {
                break;
            }
            at = end + 1;
        }
        self.report(&diag::UNCLOSED_STRING, quote, quote + 1);
    }

    fn decode(&mut self, start: usize, end: usize, is_quoted: bool) -> String {
        let raw = self.scan.slice(start, end);
        if !raw.contains(['\\', '$', '%', '\r']) {
            return normal(raw).into_owned();
        }
        let mut text = String::with_capacity(raw.len());
        let mut rest = raw;
        while let Some(c) = rest.chars().next() {
            let tail = rest.get(c.len_utf8()..).unwrap_or("");
            rest = match c {
                '\\' if is_quoted => self.escape(tail, start + (raw.len() - rest.len()), &mut text),
                '$' if tail.starts_with("${") => {
                    text.push_str("${");
                    tail.get(2..).unwrap_or("")
                }
                '%' if tail.starts_with("%{") => {
                    text.push_str("%{");
                    tail.get(2..).unwrap_or("")
                }
                '\r' if tail.starts_with('\n') => tail,
                _ => {
                    text.push(c);
                    tail
                }
            };
        }
        match normal(&text) {
            Cow::Borrowed(_) => text,
            Cow::Owned(normal) => normal,
        }
    }

    /// What follows a backslash at byte `at`; gives the rest.
    fn escape<'t>(&mut self, tail: &'t str, at: usize, text: &mut String) -> &'t str {
        let Some(c) = tail.chars().next() else {
            self.report(&diag::INVALID_ESCAPE, at, at + 1);
            return tail;
        };
        let rest = tail.get(c.len_utf8()..).unwrap_or("");
        let digits = match c {
            'n' => return push(text, '\n', rest),
            'r' => return push(text, '\r', rest),
            't' => return push(text, '\t', rest),
            '"' | '\\' => return push(text, c, rest),
            'u' => 4,
            'U' => 8,
            _ => 0,
        };
        let code = rest.get(..digits).filter(|code| digits > 0 && code.bytes().all(|b| b.is_ascii_hexdigit()));
        match code.and_then(|code| u32::from_str_radix(code, 16).ok()).and_then(char::from_u32) {
            Some(symbol) => push(text, symbol, rest.get(digits..).unwrap_or("")),
            None => {
                self.report(&diag::INVALID_ESCAPE, at, at + 1 + c.len_utf8());
                rest
            }
        }
    }

    /// Matches directives and puts the pieces together; `self.height` grows by what they nest.
    pub fn assemble(&mut self, pieces: Vec<Piece>) -> ExprKind {
        if pieces.iter().all(|piece| piece.text().is_some()) {
            let text = match pieces.as_slice() {
                [Piece { kind: PieceKind::Text(text), .. }] => Text::from(text.as_str()),
                several => Text::from(several.iter().filter_map(Piece::text).collect::<String>()),
            };
            return ExprKind::String(text);
        }
        let mut frames: Vec<(Frame, Vec<TemplatePart>, (usize, usize))> = Vec::new();
        let mut parts = Vec::new();
        let (below, mut highest) = (self.height, 0);
        let mut texts = String::new();
        for piece in pieces {
            if let PieceKind::Text(text) = &piece.kind {
                texts.push_str(text);
                if !matches!(parts.last(), Some(TemplatePart::Text(_))) {
                    parts.push(TemplatePart::Text(Text::from("")));
                }
                continue;
            }
            flush_text(&mut parts, &mut texts);
            self.place(piece, &mut frames, &mut parts);
            highest = highest.max(frames.len());
        }
        flush_text(&mut parts, &mut texts);
        while let Some((frame, outer, (start, end))) = frames.pop() {
            let problem = diag::UNCLOSED_DIRECTIVE.at(self.span(start, end));
            self.note_above(problem);
            parts = close(frame, parts, outer);
        }
        self.height = below + highest;
        ExprKind::Template(parts)
    }

    /// Puts one piece, not a text, where it belongs.
    fn place(
        &mut self,
        piece: Piece,
        frames: &mut Vec<(Frame, Vec<TemplatePart>, (usize, usize))>,
        parts: &mut Vec<TemplatePart>,
    ) {
        let place = (piece.start, piece.end);
        match piece.kind {
            PieceKind::Text(_) => {}
            PieceKind::Value(expr) => parts.push(TemplatePart::Value(expr)),
            PieceKind::If(_) | PieceKind::For { .. } if frames.len() + self.depth >= MAX_DEPTH => {
                self.report(&diag::NESTED_TOO_DEEP, place.0, place.1);
            }
            PieceKind::If(condition) => {
                frames.push((Frame::If { condition, yes: None }, std::mem::take(parts), place));
            }
            PieceKind::For { key_name, value_name, collection } => {
                frames.push((Frame::For { key_name, value_name, collection }, std::mem::take(parts), place));
            }
            PieceKind::Else => match frames.last_mut() {
                Some((Frame::If { yes: yes @ None, .. }, _, _)) => *yes = Some(std::mem::take(parts)),
                _ => self.report(&diag::STRAY_DIRECTIVE, place.0, place.1),
            },
            PieceKind::EndIf | PieceKind::EndFor => {
                let is_if = matches!(piece.kind, PieceKind::EndIf);
                match frames.pop() {
                    Some((frame, outer, _)) if matches!(frame, Frame::If { .. }) == is_if => {
                        *parts = close(frame, std::mem::take(parts), outer);
                    }
                    other => {
                        frames.extend(other);
                        self.report(&diag::STRAY_DIRECTIVE, place.0, place.1);
                    }
                }
            }
        }
    }
}

/// The pieces of a template that was not read to its end, one behind the other; directives are not matched.
pub fn unmatched(pieces: Vec<Piece>) -> ExprKind {
    if pieces.iter().all(|piece| piece.text().is_some()) {
        return ExprKind::String(Text::from(pieces.iter().filter_map(Piece::text).collect::<String>()));
    }
    let part = |piece: Piece| match piece.kind {
        PieceKind::Text(text) => Some(TemplatePart::Text(Text::from(text))),
        other => other.into_expr().map(TemplatePart::Value),
    };
    ExprKind::Template(pieces.into_iter().filter_map(part).collect())
}

fn push<'t>(text: &mut String, c: char, rest: &'t str) -> &'t str {
    text.push(c);
    rest
}

/// Writes the texts gathered so far into the last part, which waits for them.
fn flush_text(parts: &mut [TemplatePart], texts: &mut String) {
    if let Some(TemplatePart::Text(last)) = parts.last_mut()
        && !texts.is_empty()
    {
        *last = Text::from(texts.as_str());
        texts.clear();
    }
}

fn close(frame: Frame, inner: Vec<TemplatePart>, mut outer: Vec<TemplatePart>) -> Vec<TemplatePart> {
    outer.push(match frame {
        Frame::If { condition, yes: None } => TemplatePart::If { condition, yes: inner, no: Vec::new() },
        Frame::If { condition, yes: Some(yes) } => TemplatePart::If { condition, yes, no: inner },
        Frame::For { key_name, value_name, collection } => {
            TemplatePart::For { key_name, value_name, collection, body: inner }
        }
    });
    outer
}
