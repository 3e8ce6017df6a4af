//! A text as a list of tokens that together hold all of it but the spaces.

use crate::syntax::scanner::{Chunk, Kind, Scanner};

/// What a token is to the layout.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// A token of code; an opening quote is one too.
    Code(Kind),
    /// Text inside a string or heredoc.
    Literal,
    /// The quote that closes a string.
    QuoteClose,
    /// `${` and `%{`.
    SequenceOpen,
    /// The `}` of a sequence.
    SequenceClose,
    /// `<<` and the marker, with the end of the line.
    HeredocOpen,
    /// The line of the end marker, but for its end.
    HeredocClose,
    /// `#` or `//` up to the end of the line.
    LineComment,
    /// `/* .. */`.
    BlockComment,
    /// The end of a line of code.
    Newline,
}

/// A piece of the text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token<'a> {
    /// What it is.
    pub part: Part,
    /// What is written.
    pub text: &'a str,
    /// Its first byte in the file; nothing for one that is put in.
    pub start: Option<usize>,
    /// Spaces before it.
    pub spaces: usize,
}

impl<'a> Token<'a> {
    /// A token that does not stand in the file.
    pub fn new(part: Part, text: &'a str) -> Self {
        Self { part, text, start: None, spaces: 0 }
    }

    /// By how much it opens (or closes) brackets.
    pub fn brackets(&self) -> isize {
        match self.part {
            Part::Code(Kind::BraceOpen | Kind::BracketOpen | Kind::ParenOpen) | Part::SequenceOpen => 1,
            Part::Code(Kind::BraceClose | Kind::BracketClose | Kind::ParenClose) | Part::SequenceClose => -1,
            _ => 0,
        }
    }
}

/// Where the walk over the text is.
enum Place {
    /// In code, with so many braces open.
    Code(usize),
    /// In a quoted string.
    String,
    /// In a heredoc: first byte of the line of its end marker, and first byte after that line.
    Heredoc(usize, usize),
}

struct Walk<'a> {
    scanner: Scanner<'a>,
    tokens: Vec<Token<'a>>,
    places: Vec<Place>,
}

/// The tokens of a text without problems of syntax.
pub fn tokens(text: &str) -> Vec<Token<'_>> {
    let mut walk = Walk { scanner: Scanner::new(text), tokens: Vec::new(), places: vec![Place::Code(0)] };
    loop {
        match walk.places.last() {
            Some(Place::String) => walk.string(),
            Some(Place::Heredoc(end, after)) => {
                let (end, after) = (*end, *after);
                walk.heredoc(end, after);
            }
            Some(Place::Code(_)) | None => {
                if !walk.code() {
                    return walk.tokens;
                }
            }
        }
    }
}

impl Walk<'_> {
    fn add(&mut self, part: Part, start: usize, end: usize) {
        let text = self.scanner.slice(start, end);
        if !text.is_empty() {
            self.tokens.push(Token { part, text, start: Some(start), spaces: 0 });
        }
    }

    /// A piece of a quoted string.
    fn string(&mut self) {
        let (chunk, start, end) = self.scanner.chunk(true);
        self.chunk(chunk, (start, end));
    }

    /// A piece of a heredoc.
    fn heredoc(&mut self, body_end: usize, after: usize) {
        if self.scanner.pos >= body_end {
            self.places.pop();
            self.add(Part::HeredocClose, body_end, after);
            self.scanner.pos = after;
            return;
        }
        let limit = std::mem::replace(&mut self.scanner.limit, body_end);
        let (chunk, start, end) = self.scanner.chunk(false);
        self.scanner.limit = limit;
        self.chunk(chunk, (start, end));
    }

    fn chunk(&mut self, chunk: Chunk, (start, end): (usize, usize)) {
        let part = match chunk {
            Chunk::Text => Part::Literal,
            Chunk::Quote | Chunk::Newline | Chunk::End => {
                self.places.pop();
                Part::QuoteClose
            }
            Chunk::Value { .. } | Chunk::Directive { .. } => {
                self.places.push(Place::Code(0));
                Part::SequenceOpen
            }
        };
        self.add(part, start, end);
    }

    /// A token of code with what stands before it. False at the end.
    fn code(&mut self) -> bool {
        let from = self.scanner.pos;
        let token = self.scanner.token();
        self.gap(from, token.start);
        let is_nested = self.places.len() > 1;
        let (mut part, mut end) = (Part::Code(token.kind), token.end);
        match (token.kind, self.places.last_mut()) {
            (Kind::End | Kind::OpenComment, _) => return false,
            (Kind::Heredoc, _) => {
                let (body, body_end, after) = heredoc_range(&self.scanner, token.end);
                self.scanner.pos = body;
                self.places.push(Place::Heredoc(body_end, after));
                (part, end) = (Part::HeredocOpen, body);
            }
            (Kind::Quote, _) => self.places.push(Place::String),
            (Kind::BraceOpen, Some(Place::Code(open))) => *open += 1,
            (Kind::BraceClose | Kind::TrimClose, Some(Place::Code(0))) if is_nested => {
                self.places.pop();
                part = Part::SequenceClose;
            }
            (Kind::BraceClose, Some(Place::Code(open))) => *open = open.saturating_sub(1),
            _ => {}
        }
        self.add(part, token.start, end);
        true
    }

    /// Comments and newlines between two tokens.
    fn gap(&mut self, from: usize, to: usize) {
        let mut at = from;
        while at < to {
            let rest = self.scanner.slice(at, to);
            let blank = rest.len() - rest.trim_start_matches([' ', '\t']).len();
            let (start, rest) = (at + blank, rest.get(blank..).unwrap_or_default());
            let (part, length) = if rest.starts_with("/*") {
                (Part::BlockComment, rest.get(2..).and_then(|inner| inner.find("*/")).map_or(rest.len(), |end| end + 4))
            } else if rest.starts_with('#') || rest.starts_with("//") {
                let line = rest.find('\n').unwrap_or(rest.len());
                (Part::LineComment, rest.get(..line).map_or(line, |text| text.trim_end_matches('\r').len()))
            } else {
                (Part::Newline, rest.find('\n').map_or(rest.len(), |end| end + 1))
            };
            self.add(part, start, start + length);
            at = start + length;
        }
    }
}

/// Of the heredoc whose opening ends at `open_end`: first byte of its text, first byte of the line of its end marker,
/// and first byte after that line.
fn heredoc_range(scanner: &Scanner<'_>, open_end: usize) -> (usize, usize, usize) {
    let opening = scanner.slice(0, open_end).rfind("<<").unwrap_or(open_end);
    let marker = scanner.slice(opening, open_end).trim_start_matches('<').trim_start_matches('-');
    let whole = scanner.length();
    let next = |at: usize| scanner.slice(at, whole).find('\n').map_or(whole, |line| at + line + 1);
    let body = next(open_end);
    let mut at = body;
    while at < whole {
        let line = scanner.slice(at, next(at));
        if line.trim() == marker {
            return (body, at, at + line.trim_end_matches(['\r', '\n']).len());
        }
        at = next(at);
    }
    (body, whole, whole)
}
