//! JSON text: reading and writing with exact numbers.

use super::{FunctionError, normal, wrong};
use std::fmt::Write as _;
use terrane_core::{Kind, Number, Text, Value};

/// Deepest nesting that is read.
const DEEPEST: usize = 500;

/// JSON as Terraform writes it: keys sorted, and `<`, `>`, `&` and the two line separators escaped.
pub fn write(value: &Value, at: usize) -> Result<String, FunctionError> {
    let mut out = String::new();
    write_value(value, at, &mut out)?;
    Ok(out)
}

fn write_value(value: &Value, at: usize, out: &mut String) -> Result<(), FunctionError> {
    match value.kind() {
        Kind::Null => out.push_str("null"),
        Kind::Bool(truth) => out.push_str(if *truth { "true" } else { "false" }),
        Kind::Number(number) => out.push_str(&number.to_string()),
        Kind::String(text) => write_text(text, out),
        Kind::Tuple(items) | Kind::List(items) | Kind::Set(items) => {
            out.push('[');
            for (position, item) in items.iter().enumerate() {
                out.push_str(if position > 0 { "," } else { "" });
                write_value(item, at, out)?;
            }
            out.push(']');
        }
        Kind::Object(entries) | Kind::Map(entries) => {
            out.push('{');
            for (position, (key, value)) in entries.iter().enumerate() {
                out.push_str(if position > 0 { "," } else { "" });
                write_text(key, out);
                out.push(':');
                write_value(value, at, out)?;
            }
            out.push('}');
        }
        Kind::Unknown(_) => return wrong(at, "a part of it is known only after apply; this is a bug in Terrane"),
    }
    Ok(())
}

fn write_text(text: &str, out: &mut String) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            '<' | '>' | '&' | '\u{2028}' | '\u{2029}' | '\0'..='\u{1f}' => {
                // Writing to a string does not fail.
                let _ = write!(out, "\\u{:04x}", u32::from(c));
            }
            other => out.push(other),
        }
    }
    out.push('"');
}

/// The value that a JSON text means: objects, tuples, exact numbers. The reason in words where it means none.
pub fn read(text: &str) -> Result<Value, String> {
    let mut reader = Reader { text, at: 0 };
    let value = reader.value(0)?;
    reader.space();
    if reader.at < text.len() { Err(reader.refuse("there is more behind the value")) } else { Ok(value) }
}

struct Reader<'t> {
    text: &'t str,
    at: usize,
}

impl<'t> Reader<'t> {
    fn rest(&self) -> &'t str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn refuse(&self, reason: &str) -> String {
        format!("{reason}, at byte {}", self.at)
    }

    fn space(&mut self) {
        let rest = self.rest();
        self.at += rest.len() - rest.trim_start_matches([' ', '\t', '\n', '\r']).len();
    }

    /// Goes behind `word` where it comes next.
    fn takes(&mut self, word: &str) -> bool {
        let is_next = self.rest().starts_with(word);
        self.at += if is_next { word.len() } else { 0 };
        is_next
    }

    fn value(&mut self, depth: usize) -> Result<Value, String> {
        if depth > DEEPEST {
            return Err(self.refuse("it is nested too deep"));
        }
        self.space();
        for (word, value) in [("null", Value::NULL), ("true", Value::bool(true)), ("false", Value::bool(false))] {
            if self.takes(word) {
                return Ok(value);
            }
        }
        match self.rest().bytes().next() {
            Some(b'{') => self.object(depth),
            Some(b'[') => self.tuple(depth),
            Some(b'"') => Ok(normal(&self.string()?)),
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(_) => Err(self.refuse("a value is wanted")),
            None => Err(self.refuse("it ends where a value is wanted")),
        }
    }

    fn tuple(&mut self, depth: usize) -> Result<Value, String> {
        let mut items = Vec::new();
        self.at += 1;
        self.space();
        if self.takes("]") {
            return Ok(Value::tuple(items));
        }
        loop {
            items.push(self.value(depth + 1)?);
            self.space();
            if self.takes("]") {
                return Ok(Value::tuple(items));
            }
            if !self.takes(",") {
                return Err(self.refuse("`,` or `]` is wanted"));
            }
        }
    }

    fn object(&mut self, depth: usize) -> Result<Value, String> {
        let mut pairs: Vec<(Text, Value)> = Vec::new();
        self.at += 1;
        self.space();
        if self.takes("}") {
            return Ok(Value::object(pairs));
        }
        loop {
            self.space();
            if !self.rest().starts_with('"') {
                return Err(self.refuse("a key is wanted"));
            }
            let key = normal(&self.string()?).as_text().cloned().unwrap_or_default();
            self.space();
            if !self.takes(":") {
                return Err(self.refuse("`:` is wanted"));
            }
            pairs.push((key, self.value(depth + 1)?));
            self.space();
            if self.takes("}") {
                return Ok(Value::object(pairs));
            }
            if !self.takes(",") {
                return Err(self.refuse("`,` or `}` is wanted"));
            }
        }
    }

    fn number(&mut self) -> Result<Value, String> {
        let rest = self.rest();
        let end = rest.find(|c: char| !matches!(c, '0'..='9' | '-' | '+' | '.' | 'e' | 'E')).unwrap_or(rest.len());
        let text = rest.get(..end).unwrap_or_default();
        let has_zero_before =
            |digits: &str| digits.starts_with('0') && digits.as_bytes().get(1).is_some_and(u8::is_ascii_digit);
        match Number::parse(text).filter(|_| !has_zero_before(text.trim_start_matches('-'))) {
            Some(number) => {
                self.at += end;
                Ok(Value::number(number))
            }
            None => Err(self.refuse("the number is none, or out of bounds")),
        }
    }

    fn string(&mut self) -> Result<String, String> {
        let mut out = String::new();
        self.at += 1;
        loop {
            let rest = self.rest();
            let end = rest.find(|c: char| matches!(c, '"' | '\\' | '\0'..='\u{1f}')).unwrap_or(rest.len());
            out.push_str(rest.get(..end).unwrap_or_default());
            self.at += end;
            if self.takes("\"") {
                return Ok(out);
            }
            if !self.takes("\\") {
                return Err(self.refuse("a text holds no control character and ends with a quote"));
            }
            out.push(self.escape()?);
        }
    }

    fn escape(&mut self) -> Result<char, String> {
        let plain = match self.rest().bytes().next() {
            Some(b'"') => '"',
            Some(b'\\') => '\\',
            Some(b'/') => '/',
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => return self.code(),
            _ => return Err(self.refuse("there is no such escape")),
        };
        self.at += 1;
        Ok(plain)
    }

    /// Four hexadecimal digits behind `u`, or two pairs of them. Half a pair reads as U+FFFD.
    fn code(&mut self) -> Result<char, String> {
        let high = self.unit().ok_or_else(|| self.refuse("four hexadecimal digits are wanted"))?;
        if let Some(plain) = char::from_u32(high) {
            return Ok(plain);
        }
        let behind = self.at;
        if high < 0xdc00
            && self.takes("\\")
            && let Some(low @ 0xdc00..0xe000) = self.unit()
            && let Some(pair) = char::from_u32(0x1_0000 + ((high - 0xd800) << 10) + (low - 0xdc00))
        {
            return Ok(pair);
        }
        self.at = behind;
        Ok(char::REPLACEMENT_CHARACTER)
    }

    fn unit(&mut self) -> Option<u32> {
        let digits = self.rest().strip_prefix('u')?.get(..4).filter(|d| d.bytes().all(|b| b.is_ascii_hexdigit()))?;
        self.at += 5;
        u32::from_str_radix(digits, 16).ok()
    }
}
