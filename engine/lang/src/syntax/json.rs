//! JSON of variables files: values with exact numbers, names with their place. One problem ends reading.

use super::ast::Ident;
use super::diag;
use super::parser::MAX_DEPTH;
use super::template::normal;
use terrane_core::{Diagnostic, FileId, Number, Span, Text, Value};

struct Reader<'a> {
    text: &'a str,
    pos: usize,
    depth: usize,
    file: FileId,
}

type Read<T> = Result<T, Box<Diagnostic>>;

/// Reads the object that the text holds.
pub fn read(file: FileId, text: &str) -> (Vec<(Ident, Value)>, Vec<Diagnostic>) {
    let pos = if text.starts_with('\u{feff}') { 3 } else { 0 };
    let mut reader = Reader { text, pos, depth: 0, file };
    reader.blank();
    if reader.byte() != Some(b'{') {
        let problem = match reader.value() {
            Err(problem) => *problem,
            Ok(_) => diag::JSON_VALUES_OBJECT.at(reader.span(pos)),
        };
        return (Vec::new(), vec![problem]);
    }
    match reader.object() {
        Err(problem) => (Vec::new(), vec![*problem]),
        Ok(pairs) => {
            reader.blank();
            let start = reader.pos;
            if start < text.len() {
                reader.pos = text.len();
                return (pairs, vec![*reader.wrong(start, "There is more text after the object")]);
            }
            (pairs, Vec::new())
        }
    }
}

impl<'a> Reader<'a> {
    fn byte(&self) -> Option<u8> {
        self.text.as_bytes().get(self.pos).copied()
    }

    fn span(&self, start: usize) -> Span {
        let at = |byte: usize| u32::try_from(byte).unwrap_or(u32::MAX);
        Span::new(self.file, at(start), at(self.pos.max(start)))
    }

    fn wrong(&self, start: usize, detail: &str) -> Box<Diagnostic> {
        Box::new(diag::INVALID_JSON.at(self.span(start)).detail(detail))
    }

    /// The problem that something else is wanted at the character at hand.
    fn wanted(&mut self, what: &str) -> Box<Diagnostic> {
        let start = self.pos;
        self.pos += self.rest().chars().next().map_or(0, char::len_utf8);
        let found = if start == self.text.len() { "The text ends" } else { "Something else stands" };
        self.wrong(start, &format!("{found} where {what} is expected"))
    }

    fn rest(&self) -> &'a str {
        self.text.get(self.pos..).unwrap_or("")
    }

    fn blank(&mut self) {
        while matches!(self.byte(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.pos += 1;
        }
    }

    fn enter(&mut self) -> Read<()> {
        if self.depth >= MAX_DEPTH {
            let (start, end) = (self.span(self.pos).start, self.span(self.pos + 1).end);
            return Err(Box::new(diag::NESTED_TOO_DEEP.at(Span::new(self.file, start, end))));
        }
        self.depth += 1;
        self.pos += 1;
        self.blank();
        Ok(())
    }

    fn value(&mut self) -> Read<Value> {
        match self.byte() {
            Some(b'{') => {
                let pairs = self.object()?;
                Ok(Value::object(pairs.into_iter().map(|(name, value)| (name.text, value)).collect()))
            }
            Some(b'[') => self.array(),
            Some(b'"') => Ok(Value::string(self.string()?)),
            Some(b'-' | b'0'..=b'9') => self.number(),
            _ => {
                for (word, value) in [("true", Value::bool(true)), ("false", Value::bool(false)), ("null", Value::NULL)]
                {
                    if self.rest().starts_with(word) {
                        self.pos += word.len();
                        return Ok(value);
                    }
                }
                Err(self.wanted("a value"))
            }
        }
    }

    /// A comma, or `close`: whether it was the latter.
    fn is_closed(&mut self, close: u8, wanted: &str) -> Read<bool> {
        self.blank();
        match self.byte() {
            Some(b',') => {
                self.pos += 1;
                self.blank();
                Ok(false)
            }
            Some(byte) if byte == close => {
                self.pos += 1;
                self.depth -= 1;
                Ok(true)
            }
            _ => Err(self.wanted(wanted)),
        }
    }

    fn object(&mut self) -> Read<Vec<(Ident, Value)>> {
        self.enter()?;
        let mut pairs = Vec::new();
        if self.byte() == Some(b'}') {
            self.is_closed(b'}', "`}`")?;
            return Ok(pairs);
        }
        loop {
            let start = self.pos;
            if self.byte() != Some(b'"') {
                return Err(self.wanted("a name in quotes"));
            }
            let text = self.string()?;
            let name = Ident { text, span: self.span(start) };
            self.blank();
            if self.byte() != Some(b':') {
                return Err(self.wanted("`:`"));
            }
            self.pos += 1;
            self.blank();
            pairs.push((name, self.value()?));
            if self.is_closed(b'}', "`,` or `}`")? {
                return Ok(pairs);
            }
        }
    }

    fn array(&mut self) -> Read<Value> {
        self.enter()?;
        let mut items = Vec::new();
        if self.byte() == Some(b']') {
            self.is_closed(b']', "`]`")?;
            return Ok(Value::tuple(items));
        }
        loop {
            items.push(self.value()?);
            if self.is_closed(b']', "`,` or `]`")? {
                return Ok(Value::tuple(items));
            }
        }
    }

    fn number(&mut self) -> Read<Value> {
        let start = self.pos;
        while matches!(self.byte(), Some(b'0'..=b'9' | b'.' | b'e' | b'E' | b'+' | b'-')) {
            self.pos += 1;
        }
        let text = self.text.get(start..self.pos).unwrap_or("");
        let digits = text.trim_start_matches('-');
        let has_zero = digits.starts_with('0') && digits.as_bytes().get(1).is_some_and(u8::is_ascii_digit);
        match Number::parse(text).filter(|_| !has_zero) {
            Some(number) => Ok(Value::number(number)),
            None => Err(Box::new(diag::INVALID_NUMBER.at(self.span(start)))),
        }
    }

    fn string(&mut self) -> Read<Text> {
        let start = self.pos;
        self.pos += 1;
        let mut text = String::new();
        loop {
            let rest = self.rest();
            let plain = rest.find(|c: char| c == '"' || c == '\\' || c < ' ').unwrap_or(rest.len());
            text.push_str(rest.get(..plain).unwrap_or(""));
            self.pos += plain;
            match self.byte() {
                Some(b'"') => {
                    self.pos += 1;
                    return Ok(Text::from(&*normal(&text)));
                }
                Some(b'\\') => text.push(self.escape()?),
                _ => {
                    self.pos = start + 1;
                    return Err(Box::new(diag::UNCLOSED_STRING.at(self.span(start))));
                }
            }
        }
    }

    fn escape(&mut self) -> Read<char> {
        let start = self.pos;
        let letter = self.rest().chars().nth(1);
        self.pos += 1 + letter.map_or(0, char::len_utf8);
        let plain = match letter {
            Some(c @ ('"' | '\\' | '/')) => Some(c),
            Some('n') => Some('\n'),
            Some('t') => Some('\t'),
            Some('r') => Some('\r'),
            Some('b') => Some('\u{8}'),
            Some('f') => Some('\u{c}'),
            Some('u') => self.unicode(),
            _ => None,
        };
        plain.ok_or_else(|| Box::new(diag::INVALID_ESCAPE.at(self.span(start))))
    }

    /// Four hexadecimal digits, or two times four that make a pair.
    fn unicode(&mut self) -> Option<char> {
        let first = self.hex()?;
        if !(0xd800..0xdc00).contains(&first) {
            return char::from_u32(first);
        }
        if !self.rest().starts_with("\\u") {
            return None;
        }
        self.pos += 2;
        let second = self.hex().filter(|code| (0xdc00..0xe000).contains(code))?;
        char::from_u32(0x1_0000 + ((first - 0xd800) << 10) + (second - 0xdc00))
    }

    fn hex(&mut self) -> Option<u32> {
        let digits = self.rest().get(..4).filter(|digits| digits.bytes().all(|b| b.is_ascii_hexdigit()))?;
        self.pos += 4;
        u32::from_str_radix(digits, 16).ok()
    }
}
