//! YAML text of a value, in block form: keys and texts in double quotes, texts of several lines as they stand.
//!
//! Users compare the text byte by byte (in triggers, in files that are written), so it is laid out as
//! OpenTofu's: lists below a key are not indented, long texts are folded at 80 columns.
//!
//! # Source
//! YAML 1.2.2, chapters 7 and 8; go-cty-yaml 1.2.0 and the libyaml emitter in it, for layout.

use crate::functions::{FunctionError, wrong};
use std::fmt::Write as _;
use terrane_core::{Kind, Value};

const INDENT: usize = 2;
/// Column from which a space in a text may become a line end.
const WIDTH: usize = 80;
/// Longest key, in bytes, that is written before a plain `:`.
const LONGEST_KEY: usize = 128;

/// The value as one YAML document.
pub fn write(value: &Value, at: usize) -> Result<String, FunctionError> {
    let mut writer =
        Writer { out: String::new(), column: 0, indent: None, is_after_space: true, is_indentation: true, at };
    writer.node(value, Context::Root)?;
    writer.line();
    // A document that is one plain scalar is closed, since more lines could belong to it.
    if matches!(value.kind(), Kind::Null | Kind::Bool(_) | Kind::Number(_)) {
        writer.out.push_str("...\n");
    }
    Ok(writer.out)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Context {
    Root,
    Item,
    Value,
    /// A key in one line with its `:`.
    Key,
}

struct Writer {
    out: String,
    column: usize,
    /// Columns of the open collections; `None` outside of all.
    indent: Option<usize>,
    /// Whether the last thing written separates.
    is_after_space: bool,
    /// Whether only indentation and indicators stand in this line.
    is_indentation: bool,
    /// Number of the argument, for errors.
    at: usize,
}

impl Writer {
    fn put(&mut self, text: &str) {
        self.out.push_str(text);
        self.column += text.chars().count();
    }

    fn line_end(&mut self) {
        self.out.push('\n');
        self.column = 0;
    }

    /// Goes to the indentation, in a new line unless this one has nothing but indentation before it.
    fn line(&mut self) {
        let indent = self.indent.unwrap_or(0);
        if !self.is_indentation || self.column > indent || (self.column == indent && !self.is_after_space) {
            self.line_end();
        }
        let missing = indent.saturating_sub(self.column);
        self.put(&" ".repeat(missing));
        self.is_after_space = true;
        self.is_indentation = true;
    }

    /// `-`, `?` and `:` before a node leave the line as indentation.
    fn indicator(&mut self, text: &str, needs_space: bool) {
        if needs_space && !self.is_after_space {
            self.put(" ");
        }
        self.put(text);
        self.is_after_space = false;
    }

    fn node(&mut self, value: &Value, context: Context) -> Result<(), FunctionError> {
        match value.kind() {
            Kind::Null => self.plain("null"),
            Kind::Bool(truth) => self.plain(if *truth { "true" } else { "false" }),
            Kind::Number(number) => self.plain(&number.to_string()),
            Kind::String(text) => self.text(text, context),
            Kind::Tuple(items) | Kind::List(items) | Kind::Set(items) => {
                if items.is_empty() {
                    self.plain("[]");
                    return Ok(());
                }
                let outer = self.indent;
                if context != Context::Value || self.is_indentation || outer.is_none() {
                    self.indent = Some(outer.map_or(0, |indent| indent + INDENT));
                }
                for item in items.iter() {
                    self.line();
                    self.indicator("-", true);
                    self.node(item, Context::Item)?;
                }
                self.indent = outer;
            }
            Kind::Object(entries) | Kind::Map(entries) => {
                if entries.is_empty() {
                    self.plain("{}");
                    return Ok(());
                }
                let outer = self.indent;
                self.indent = Some(outer.map_or(0, |indent| indent + INDENT));
                for (key, item) in entries.iter() {
                    self.entry(key, item)?;
                }
                self.indent = outer;
            }
            Kind::Unknown(_) => {
                return wrong(self.at, "a part of it is known only after apply; this is a bug in Terrane");
            }
        }
        Ok(())
    }

    fn entry(&mut self, key: &str, item: &Value) -> Result<(), FunctionError> {
        self.line();
        if key.len() <= LONGEST_KEY && !key.contains(is_break) {
            self.text(key, Context::Key);
            self.indicator(":", false);
            self.is_indentation = false;
        } else {
            self.indicator("?", true);
            self.text(key, Context::Value);
            self.line();
            self.indicator(":", true);
        }
        self.node(item, Context::Value)
    }

    fn plain(&mut self, text: &str) {
        self.indicator(text, true);
        self.is_indentation = false;
    }

    fn text(&mut self, text: &str, context: Context) {
        let outer = self.indent;
        self.indent = Some(outer.map_or(INDENT, |indent| indent + INDENT));
        if context != Context::Key && text.contains('\n') && may_be_literal(text) {
            self.literal(text);
        } else {
            self.quoted(text, context != Context::Key);
        }
        self.indent = outer;
    }

    fn literal(&mut self, text: &str) {
        let mut header = String::from("|");
        if text.starts_with(|c| c == ' ' || is_break(c)) {
            let _ = write!(header, "{INDENT}");
        }
        let mut backwards = text.chars().rev();
        match (backwards.next().is_some_and(is_break), backwards.next()) {
            (false, _) => header.push('-'),
            (true, None) => header.push('+'),
            (true, Some(before)) if is_break(before) => header.push('+'),
            (true, Some(_)) => {}
        }
        self.indicator(&header, true);
        self.line_end();
        self.is_indentation = true;
        self.is_after_space = true;
        let mut is_at_start = true;
        for c in text.chars() {
            if is_break(c) {
                self.out.push(c);
                self.column = 0;
                self.is_indentation = true;
                is_at_start = true;
                continue;
            }
            if is_at_start {
                self.line();
            }
            self.put(c.encode_utf8(&mut [0; 4]));
            self.is_indentation = false;
            is_at_start = false;
        }
    }

    fn quoted(&mut self, text: &str, may_fold: bool) {
        self.indicator("\"", true);
        self.is_indentation = false;
        let has_mark = text.starts_with('\u{feff}');
        let mut is_behind_space = false;
        let mut chars = text.char_indices().peekable();
        while let Some((at, c)) = chars.next() {
            if has_mark || !is_printable(c) || is_break(c) || matches!(c, '"' | '\\') {
                self.put(&escaped(c));
                is_behind_space = false;
                continue;
            }
            let is_inside = at > 0 && at + 1 < text.len();
            if c == ' ' && may_fold && !is_behind_space && self.column > WIDTH && is_inside {
                self.is_indentation = false;
                self.line();
                if chars.peek().is_some_and(|(_, next)| *next == ' ') {
                    self.put("\\");
                }
            } else {
                self.put(c.encode_utf8(&mut [0; 4]));
            }
            is_behind_space = c == ' ';
        }
        self.put("\"");
        self.is_after_space = false;
        self.is_indentation = false;
    }
}

fn is_break(c: char) -> bool {
    matches!(c, '\n' | '\r' | '\u{85}' | '\u{2028}' | '\u{2029}')
}

/// Beyond U+FFFF nothing counts as printable, as libyaml has it.
fn is_printable(c: char) -> bool {
    matches!(c, '\n' | ' '..='~' | '\u{a0}'..='\u{fefe}' | '\u{ff00}'..='\u{fffd}')
}

/// Literal style shows neither control characters nor spaces before a line end.
fn may_be_literal(text: &str) -> bool {
    let mut is_after_space = false;
    for c in text.chars() {
        if !is_printable(c) || (is_break(c) && is_after_space) {
            return false;
        }
        is_after_space = c == ' ';
    }
    !is_after_space
}

fn escaped(c: char) -> String {
    let letter = match c {
        '\0' => '0',
        '\u{7}' => 'a',
        '\u{8}' => 'b',
        '\t' => 't',
        '\n' => 'n',
        '\u{b}' => 'v',
        '\u{c}' => 'f',
        '\r' => 'r',
        '\u{1b}' => 'e',
        '"' => '"',
        '\\' => '\\',
        '\u{85}' => 'N',
        '\u{a0}' => '_',
        '\u{2028}' => 'L',
        '\u{2029}' => 'P',
        other => {
            return match u32::from(other) {
                code @ 0..=0xff => format!("\\x{code:02X}"),
                code @ 0x100..=0xffff => format!("\\u{code:04X}"),
                code => format!("\\U{code:08X}"),
            };
        }
    };
    format!("\\{letter}")
}
