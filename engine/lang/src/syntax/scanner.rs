//! Text to tokens, one at a time. The scanner knows nothing of grammar: whoever asks says whether the next
//! piece is code ([`Scanner::token`]) or the inside of a template ([`Scanner::chunk`]).
//!
//! Newlines are no tokens; a token says whether one stands before it.

/// What a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// End of the text, or of the part that may be read.
    End,
    /// A name.
    Ident,
    /// Digits, with fraction and exponent.
    Number,
    /// `"`: what follows is a template.
    Quote,
    /// `<<MARKER` or `<<-MARKER` at the end of a line.
    Heredoc,
    /// `{`
    BraceOpen,
    /// `}`
    BraceClose,
    /// `~}`
    TrimClose,
    /// `[`
    BracketOpen,
    /// `]`
    BracketClose,
    /// `(`
    ParenOpen,
    /// `)`
    ParenClose,
    /// `=`
    Assign,
    /// `:`
    Colon,
    /// `::`
    DoubleColon,
    /// `,`
    Comma,
    /// `.`
    Dot,
    /// `...`
    Ellipsis,
    /// `=>`
    Arrow,
    /// `?`
    Question,
    /// `!`
    Bang,
    /// An operator between two operands.
    Operator(terrane_core::Operator),
    /// `/*` without an end.
    OpenComment,
    /// Anything else.
    Stray,
}

/// A token and its bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Token {
    /// What it is.
    pub kind: Kind,
    /// First byte.
    pub start: usize,
    /// First byte after it.
    pub end: usize,
    /// Whether a newline stands between this token and the one before, or it is the first.
    pub is_first_on_line: bool,
}

/// A piece of a template.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Chunk {
    /// Text as written.
    Text,
    /// `${` or `${~`.
    Value {
        /// Whether `~` stands.
        trims: bool,
    },
    /// `%{` or `%{~`.
    Directive {
        /// Whether `~` stands.
        trims: bool,
    },
    /// The closing quote.
    Quote,
    /// A newline in a quoted string: not consumed.
    Newline,
    /// End of the text.
    End,
}

/// Reads tokens from a text.
#[derive(Clone, Debug)]
pub struct Scanner<'a> {
    text: &'a str,
    bytes: &'a [u8],
    /// Next byte to read.
    pub pos: usize,
    /// Where reading stops.
    pub limit: usize,
    /// First byte of the line that `pos` is in, as far as whitespace was skipped.
    pub line_start: usize,
    /// Bytes read so far, again where they were read again: the measure of work.
    pub work: usize,
}

/// Whether a name may begin with it.
fn starts_name(c: char) -> bool {
    c == '_' || unicode_ident::is_xid_start(c)
}

/// Whether a name may go on with it.
fn continues_name(c: char) -> bool {
    c == '-' || unicode_ident::is_xid_continue(c)
}

fn is_plain_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-'
}

/// Whether `text` is a name as a whole.
#[must_use]
pub fn is_name(text: &str) -> bool {
    text.chars().next().is_some_and(starts_name) && text.chars().skip(1).all(continues_name)
}

impl<'a> Scanner<'a> {
    /// A scanner at the start of `text`; a byte order mark is stepped over.
    #[must_use]
    pub fn new(text: &'a str) -> Self {
        let pos = if text.starts_with('\u{feff}') { 3 } else { 0 };
        Self { text, bytes: text.as_bytes(), pos, limit: text.len(), line_start: pos, work: 0 }
    }

    /// The text of a range; empty where the range is none.
    #[must_use]
    pub fn slice(&self, start: usize, end: usize) -> &'a str {
        self.text.get(start..end).unwrap_or("")
    }

    /// Bytes of the text as a whole.
    #[must_use]
    pub fn length(&self) -> usize {
        self.text.len()
    }

    /// The byte at `at`, as far as reading goes.
    #[must_use]
    pub fn byte(&self, at: usize) -> Option<u8> {
        if at < self.limit { self.bytes.get(at).copied() } else { None }
    }

    /// First byte of the newline that ends the line of `at`, or the end.
    #[must_use]
    pub fn line_end(&self, at: usize) -> usize {
        let rest = self.bytes.get(at..self.limit).unwrap_or_default();
        let end = rest.iter().position(|b| *b == b'\n').map_or(self.limit, |n| at + n);
        if end > at && end < self.limit && self.byte(end - 1) == Some(b'\r') { end - 1 } else { end }
    }

    /// Skips spaces, comments and newlines; says whether there was a newline, or where a comment is open.
    fn skip_blank(&mut self) -> Result<bool, usize> {
        let mut is_first = false;
        loop {
            match self.byte(self.pos) {
                Some(b' ' | b'\t') => self.pos += 1,
                Some(b'\n') => {
                    self.pos += 1;
                    self.line_start = self.pos;
                    is_first = true;
                }
                Some(b'\r') if self.byte(self.pos + 1) == Some(b'\n') => self.pos += 1,
                Some(b'#') => self.skip_line(),
                Some(b'/') if self.byte(self.pos + 1) == Some(b'/') => self.skip_line(),
                Some(b'/') if self.byte(self.pos + 1) == Some(b'*') => self.skip_comment()?,
                _ => return Ok(is_first),
            }
        }
    }

    fn skip_line(&mut self) {
        let rest = self.bytes.get(self.pos..self.limit).unwrap_or_default();
        self.pos = rest.iter().position(|b| *b == b'\n').map_or(self.limit, |n| self.pos + n);
    }

    fn skip_comment(&mut self) -> Result<(), usize> {
        let start = self.pos;
        let mut at = start + 2;
        while let Some(byte) = self.byte(at) {
            at += 1;
            if byte == b'\n' {
                self.line_start = at;
            }
            if byte == b'*' && self.byte(at) == Some(b'/') {
                self.pos = at + 1;
                return Ok(());
            }
        }
        self.pos = self.limit;
        Err(start)
    }

    /// The next token of code.
    pub fn token(&mut self) -> Token {
        let before = self.pos;
        let token = match self.skip_blank() {
            Ok(is_first) => self.read(is_first || before == 0),
            Err(start) => {
                Token { kind: Kind::OpenComment, start, end: (start + 2).min(self.limit), is_first_on_line: true }
            }
        };
        self.work += self.pos.saturating_sub(before) + 1;
        token
    }

    /// The token after the next, without a step.
    #[must_use]
    pub fn peek(&self) -> Token {
        self.clone().token()
    }

    fn read(&mut self, is_first_on_line: bool) -> Token {
        let start = self.pos;
        let (kind, end) = match self.byte(start) {
            None => (Kind::End, start),
            Some(b) if b.is_ascii_alphabetic() || b == b'_' => (Kind::Ident, self.name_end(start)),
            Some(b) if b.is_ascii_digit() => (Kind::Number, self.number_end(start)),
            Some(b'<') if self.byte(start + 1) == Some(b'<') => self.heredoc(start),
            Some(b) if b.is_ascii() => self.sign(start, b),
            Some(_) => self.wide(start),
        };
        self.pos = end;
        Token { kind, start, end, is_first_on_line }
    }

    fn sign(&self, start: usize, first: u8) -> (Kind, usize) {
        use terrane_core::Operator as Op;
        let second = self.byte(start + 1);
        let (kind, length) = match (first, second) {
            (b'"', _) => (Kind::Quote, 1),
            (b'{', _) => (Kind::BraceOpen, 1),
            (b'}', _) => (Kind::BraceClose, 1),
            (b'[', _) => (Kind::BracketOpen, 1),
            (b']', _) => (Kind::BracketClose, 1),
            (b'(', _) => (Kind::ParenOpen, 1),
            (b')', _) => (Kind::ParenClose, 1),
            (b'=', Some(b'=')) => (Kind::Operator(Op::Equal), 2),
            (b'=', Some(b'>')) => (Kind::Arrow, 2),
            (b'=', _) => (Kind::Assign, 1),
            (b',', _) => (Kind::Comma, 1),
            (b'.', Some(b'.')) if self.byte(start + 2) == Some(b'.') => (Kind::Ellipsis, 3),
            (b'.', _) => (Kind::Dot, 1),
            (b':', Some(b':')) => (Kind::DoubleColon, 2),
            (b':', _) => (Kind::Colon, 1),
            (b'?', _) => (Kind::Question, 1),
            (b'~', Some(b'}')) => (Kind::TrimClose, 2),
            (b'!', Some(b'=')) => (Kind::Operator(Op::NotEqual), 2),
            (b'!', _) => (Kind::Bang, 1),
            (b'<', Some(b'=')) => (Kind::Operator(Op::LessEqual), 2),
            (b'<', _) => (Kind::Operator(Op::Less), 1),
            (b'>', Some(b'=')) => (Kind::Operator(Op::GreaterEqual), 2),
            (b'>', _) => (Kind::Operator(Op::Greater), 1),
            (b'&', Some(b'&')) => (Kind::Operator(Op::And), 2),
            (b'|', Some(b'|')) => (Kind::Operator(Op::Or), 2),
            (b'+', _) => (Kind::Operator(Op::Add), 1),
            (b'-', _) => (Kind::Operator(Op::Subtract), 1),
            (b'*', _) => (Kind::Operator(Op::Multiply), 1),
            (b'/', _) => (Kind::Operator(Op::Divide), 1),
            (b'%', _) => (Kind::Operator(Op::Remainder), 1),
            _ => (Kind::Stray, 1),
        };
        (kind, start + length)
    }

    /// A name or stray character beyond ASCII.
    fn wide(&self, start: usize) -> (Kind, usize) {
        match self.slice(start, self.limit).chars().next() {
            Some(c) if starts_name(c) => (Kind::Ident, self.name_end(start)),
            Some(c) => (Kind::Stray, start + c.len_utf8()),
            None => (Kind::Stray, self.limit),
        }
    }

    fn name_end(&self, start: usize) -> usize {
        let rest = self.bytes.get(start..self.limit).unwrap_or_default();
        let mut end = start + rest.iter().position(|b| !is_plain_name(*b)).unwrap_or(rest.len());
        if self.byte(end).is_some_and(|b| !b.is_ascii()) {
            let rest = self.slice(end, self.limit);
            end += rest.find(|c| !continues_name(c)).unwrap_or(rest.len());
        }
        end
    }

    fn digits_end(&self, start: usize) -> usize {
        let rest = self.bytes.get(start..self.limit).unwrap_or_default();
        start + rest.iter().position(|b| !b.is_ascii_digit()).unwrap_or(rest.len())
    }

    fn number_end(&self, start: usize) -> usize {
        let mut end = self.digits_end(start);
        if self.byte(end) == Some(b'.') && self.byte(end + 1).is_some_and(|b| b.is_ascii_digit()) {
            end = self.digits_end(end + 1);
        }
        if matches!(self.byte(end), Some(b'e' | b'E')) {
            let sign = usize::from(matches!(self.byte(end + 1), Some(b'+' | b'-')));
            if self.byte(end + 1 + sign).is_some_and(|b| b.is_ascii_digit()) {
                end = self.digits_end(end + 1 + sign);
            }
        }
        end
    }

    /// `<<` with an optional `-` and a name, then the end of the line.
    fn heredoc(&self, start: usize) -> (Kind, usize) {
        let name = start + 2 + usize::from(self.byte(start + 2) == Some(b'-'));
        let end = match self.slice(name, self.limit).chars().next() {
            Some(c) if starts_name(c) => self.name_end(name),
            _ => return (Kind::Stray, start + 2),
        };
        (Kind::Heredoc, end)
    }

    /// The next piece of a template, with its range. In a quoted string (`is_quoted`) a backslash escapes and
    /// a quote ends; elsewhere a text ends after its newline.
    pub fn chunk(&mut self, is_quoted: bool) -> (Chunk, usize, usize) {
        let start = self.pos;
        let (chunk, end) = self.chunk_at(start, is_quoted);
        self.pos = end;
        self.work += end.saturating_sub(start) + 1;
        (chunk, start, end)
    }

    fn chunk_at(&self, start: usize, is_quoted: bool) -> (Chunk, usize) {
        match (self.byte(start), self.byte(start + 1)) {
            (None, _) => return (Chunk::End, start),
            (Some(b'$'), Some(b'{')) => {
                let trims = self.byte(start + 2) == Some(b'~');
                return (Chunk::Value { trims }, start + 2 + usize::from(trims));
            }
            (Some(b'%'), Some(b'{')) => {
                let trims = self.byte(start + 2) == Some(b'~');
                return (Chunk::Directive { trims }, start + 2 + usize::from(trims));
            }
            (Some(b'"'), _) if is_quoted => return (Chunk::Quote, start + 1),
            (Some(b'\n'), _) | (Some(b'\r'), Some(b'\n')) if is_quoted => return (Chunk::Newline, start),
            _ => {}
        }
        (Chunk::Text, self.text_end(start, is_quoted))
    }

    fn text_end(&self, start: usize, is_quoted: bool) -> usize {
        let mut at = start;
        while let Some(byte) = self.byte(at) {
            match byte {
                b'$' | b'%' => {
                    let (next, third) = (self.byte(at + 1), self.byte(at + 2));
                    if next == Some(b'{') {
                        return at;
                    }
                    let is_escape = next == Some(byte) && third == Some(b'{');
                    at += if is_escape { 3 } else { 1 };
                }
                b'"' | b'\n' if is_quoted => return at,
                b'\r' if is_quoted && self.byte(at + 1) == Some(b'\n') => return at,
                b'\n' => return at + 1,
                b'\\' if is_quoted => {
                    // A backslash never hides the end of the line.
                    at += 1;
                    if self.byte(at).is_some_and(|b| b.is_ascii() && b != b'\n' && b != b'\r' && b != b'$' && b != b'%')
                    {
                        at += 1;
                    }
                }
                _ => at += 1,
            }
        }
        at.min(self.limit)
    }

    /// End of a quoted string without escapes, interpolation or line breaks, when that is what stands here:
    /// where its text ends.
    #[must_use]
    pub fn plain_string(&self) -> Option<usize> {
        let rest = self.bytes.get(self.pos..self.limit)?;
        let length = rest.iter().position(|b| matches!(b, b'"' | b'\\' | b'$' | b'%' | b'\n' | b'\r'))?;
        (rest.get(length) == Some(&b'"')).then_some(self.pos + length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds(text: &str) -> Vec<Kind> {
        let mut scanner = Scanner::new(text);
        let mut kinds = Vec::new();
        loop {
            let token = scanner.token();
            if token.kind == Kind::End {
                return kinds;
            }
            kinds.push(token.kind);
        }
    }

    #[test]
    fn names_hold_dashes_and_letters_of_any_script() {
        assert_eq!(kinds("a-b größe _x 变量"), vec![Kind::Ident; 4]);
        assert!(is_name("größe-2") && !is_name("2a") && !is_name("") && !is_name("a b"));
    }

    #[test]
    fn comments_and_blanks_are_skipped() {
        assert_eq!(kinds("\u{feff}# c\n// d\r\n/* e\n */ a"), vec![Kind::Ident]);
        assert_eq!(kinds("/* open"), vec![Kind::OpenComment]);
    }

    #[test]
    fn dollar_signs_escape_in_pairs_before_a_brace() {
        let mut scanner = Scanner::new("$$${a} $x ${b}");
        assert_eq!(scanner.chunk(false), (Chunk::Text, 0, 10));
        assert_eq!(scanner.chunk(false), (Chunk::Value { trims: false }, 10, 12));
    }
}
