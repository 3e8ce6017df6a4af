//! Heredocs: where they end, and the indentation of `<<-`.

use super::ast::{Expr, ExprKind};
use super::diag;
use super::parser::{Parser, Read, Stop};
use super::scanner::is_name;
use super::template::{Ending, Piece, unmatched};
use std::collections::BTreeMap;

/// Lines that begin with a name, by that name: first byte of the line, and whether the name stands alone.
pub type MarkerIndex<'a> = BTreeMap<&'a str, Vec<(usize, bool)>>;

/// Where a heredoc ends.
enum End {
    /// First byte of the line of the marker, and first byte after the marker.
    Marker(usize, usize),
    /// The same, but there is more on the line.
    Near(usize, usize),
    /// Nowhere.
    None,
}

fn leading_name(line: &str) -> &str {
    let line = line.trim_start_matches([' ', '\t']);
    let end = line.find(|c: char| !(c == '-' || c == '_' || c.is_alphanumeric())).unwrap_or(line.len());
    line.get(..end).unwrap_or("")
}

impl<'a> Parser<'a> {
    /// The heredoc at hand.
    ///
    /// # Errors
    /// After a problem was noted, where it is nested too deep.
    pub fn heredoc(&mut self) -> Read<Expr> {
        let tok = self.tok;
        let text = self.text();
        let is_indented = text.starts_with("<<-");
        let marker = text.trim_start_matches("<<").trim_start_matches('-');
        let line_end = self.scan.line_end(tok.end);
        let rest = self.scan.slice(tok.end, line_end);
        if !rest.trim().is_empty() {
            self.report(&diag::HEREDOC_MARKER, tok.end + (rest.len() - rest.trim_start().len()), line_end);
        }
        let body = self.after_newline(line_end);
        let (body_end, after) = match self.heredoc_end(marker, body) {
            End::Marker(start, end) => (start, end),
            End::Near(start, end) => {
                let problem = diag::UNCLOSED_HEREDOC.at(self.span(tok.start, tok.end)).label(
                    self.span(start, self.scan.line_end(start)),
                    "the end marker has to stand alone on its line",
                );
                self.note(problem);
                (start, end)
            }
            End::None => return Ok(self.open_heredoc(body)),
        };
        let limit = std::mem::replace(&mut self.scan.limit, body_end);
        self.scan.pos = body;
        let (mut pieces, ending) = self.plain_pieces();
        self.scan.limit = if self.has_given_up() { self.scan.pos } else { limit };
        if !self.has_given_up() {
            self.seek(after);
        }
        self.tok = tok;
        self.tok.end = after;
        self.advance();
        if ending == Ending::Lost && self.sequences > 0 {
            let span = self.span(tok.start, after);
            self.partial = Some(Expr { kind: unmatched(pieces), span });
            return Err(Stop::Here);
        }
        if is_indented {
            flush(&mut pieces);
        }
        let kind = self.assemble(pieces);
        let span = self.span(tok.start, after);
        self.finish(Expr { kind, span }, self.height, None)
    }

    fn after_newline(&self, line_end: usize) -> usize {
        let at = line_end + usize::from(self.scan.byte(line_end) == Some(b'\r'));
        at + usize::from(self.scan.byte(at) == Some(b'\n'))
    }

    /// The end of the heredoc whose body begins at `body`. A search without success lists all lines that could
    /// be an end, so that further searches cost nothing.
    fn heredoc_end(&mut self, marker: &str, body: usize) -> End {
        if self.markers.is_none() {
            let mut at = body;
            while at < self.scan.limit {
                let end = self.scan.line_end(at);
                let line = self.scan.slice(at, end);
                if line.trim() == marker {
                    self.scan.work += end - body;
                    return End::Marker(at, at + line.trim_end().len());
                }
                at = self.after_newline(end).max(at + 1);
            }
            self.scan.work += self.scan.limit.saturating_sub(body);
            let whole = self.scan.length();
            let limit = std::mem::replace(&mut self.scan.limit, whole);
            self.markers = Some(self.list_markers());
            self.scan.limit = limit;
        }
        let lines = self.markers.as_ref().and_then(|markers| markers.get(marker)).map_or(&[][..], Vec::as_slice);
        let from = lines.partition_point(|(start, _)| *start < body);
        let later = lines.get(from..).unwrap_or_default().iter().filter(|(start, _)| *start < self.scan.limit);
        let mut near = None;
        for (start, is_alone) in later {
            let line = self.scan.slice(*start, self.scan.line_end(*start));
            let indent = line.len() - line.trim_start().len();
            let end = start + indent + marker.len();
            if *is_alone {
                return End::Marker(*start, end);
            }
            near.get_or_insert((*start, end));
        }
        near.map_or(End::None, |(start, end)| End::Near(start, end))
    }

    fn list_markers(&self) -> MarkerIndex<'a> {
        let mut markers = MarkerIndex::new();
        let mut at = 0;
        while at < self.scan.limit {
            let end = self.scan.line_end(at);
            let line = self.scan.slice(at, end);
            let name = leading_name(line);
            if is_name(name) {
                markers.entry(name).or_default().push((at, line.trim() == name));
            }
            at = self.after_newline(end).max(at + 1);
        }
        markers
    }

    /// A heredoc without end: its text is taken to reach to the next line that looks like an argument or
    /// block and is not indented more than the line it begins on.
    fn open_heredoc(&mut self, body: usize) -> Expr {
        let tok = self.tok;
        self.report(&diag::UNCLOSED_HEREDOC, tok.start, tok.end);
        let mut at = body;
        while at < self.scan.limit {
            let end = self.scan.line_end(at);
            let line = self.scan.slice(at, end);
            let rest = line.trim_start_matches([' ', '\t']);
            let name = leading_name(rest);
            let follows = rest.get(name.len()..).unwrap_or("").trim_start();
            let is_statement = rest.starts_with('}')
                || (is_name(name)
                    && (follows.starts_with('=') || follows.starts_with('{') || follows.starts_with('"')));
            if line.len() - rest.len() <= self.line_indent && is_statement {
                break;
            }
            at = self.after_newline(end).max(at + 1);
        }
        // One byte back, so that the newline is seen.
        self.seek(at.saturating_sub(1).max(tok.end).min(self.scan.limit));
        self.advance();
        Expr { kind: ExprKind::Broken(None), span: self.span(tok.start, tok.end) }
    }

    /// Steps over the heredoc at hand without reading it.
    pub fn skip_heredoc(&mut self) {
        let marker = self.text().trim_start_matches("<<").trim_start_matches('-');
        let body = self.after_newline(self.scan.line_end(self.tok.end));
        match self.heredoc_end(marker, body) {
            End::Marker(_, after) | End::Near(_, after) => {
                self.seek(after);
                self.tok.end = after;
            }
            End::None => {}
        }
    }
}

/// Takes away the indentation that all lines share. Lines of spaces only keep theirs and do not count.
fn flush(pieces: &mut [Piece]) {
    let mut shared: Option<usize> = None;
    let mut adjusted = Vec::new();
    let mut is_start = true;
    for (position, piece) in pieces.iter().enumerate() {
        if is_start {
            let spaces = match piece.text() {
                Some(text) if text.trim().is_empty() && text.ends_with('\n') => None,
                Some(text) => {
                    adjusted.push(position);
                    Some(text.chars().take_while(|c| c.is_whitespace()).count())
                }
                None => Some(0),
            };
            shared = match (shared, spaces) {
                (Some(a), Some(b)) => Some(a.min(b)),
                (a, b) => a.or(b),
            };
        }
        is_start = piece.text().is_some_and(|text| text.ends_with('\n'));
    }
    let Some(shared) = shared.filter(|n| *n > 0) else { return };
    for position in adjusted {
        if let Some(text) = pieces.get_mut(position).and_then(Piece::text_mut) {
            let cut = text.char_indices().nth(shared).map_or(text.len(), |(at, _)| at);
            text.drain(..cut);
        }
    }
}
