//! CSV text as a list of objects, read as strictly as Terraform does (RFC 4180, with line ends of either kind).

use super::{FunctionError, normal, wrong};
use std::collections::BTreeSet;
use terrane_core::{Text, Value};

/// One object for each row behind the first, which has the names. Every value is a text.
pub fn read(text: &str) -> Result<Value, FunctionError> {
    let mut rows = Rows { rest: text, line: 1 };
    let Some(names) = rows.next_row()? else { return wrong(0, "the line of names is missing") };
    let mut seen = BTreeSet::new();
    let mut keys: Vec<Text> = Vec::new();
    for name in names {
        if !seen.insert(name.clone()) {
            return wrong(0, format!("two columns are named `{name}`"));
        }
        keys.push(normal(&name).as_text().cloned().unwrap_or_default());
    }
    let mut objects = Vec::new();
    loop {
        let line = rows.line;
        let Some(row) = rows.next_row()? else { return Ok(Value::list(objects)) };
        if row.len() != keys.len() {
            return wrong(0, format!("line {line} has {} fields, not {}", row.len(), keys.len()));
        }
        objects.push(Value::object(keys.iter().cloned().zip(row.iter().map(|field| normal(field))).collect()));
    }
}

struct Rows<'t> {
    rest: &'t str,
    /// Number of the line that comes next, from 1.
    line: usize,
}

/// What ends a field.
enum End {
    Field,
    Row,
}

impl Rows<'_> {
    /// The next row; empty lines are passed over.
    fn next_row(&mut self) -> Result<Option<Vec<String>>, FunctionError> {
        while self.line_end() {}
        if self.rest.is_empty() {
            return Ok(None);
        }
        let mut row = Vec::new();
        loop {
            let mut field = String::new();
            let end = if self.takes("\"") { self.quoted(&mut field)? } else { self.plain(&mut field)? };
            row.push(field);
            if matches!(end, End::Row) {
                return Ok(Some(row));
            }
        }
    }

    fn takes(&mut self, text: &str) -> bool {
        let behind = self.rest.strip_prefix(text);
        self.rest = behind.unwrap_or(self.rest);
        behind.is_some()
    }

    fn line_end(&mut self) -> bool {
        let is_end = self.takes("\n") || self.takes("\r\n");
        self.line += usize::from(is_end);
        is_end
    }

    fn plain(&mut self, field: &mut String) -> Result<End, FunctionError> {
        let end = self.rest.find([',', '\n']).unwrap_or(self.rest.len());
        let (text, behind) = self.rest.split_at(end);
        self.rest = behind;
        let is_field = behind.starts_with(',');
        let text = if is_field { text } else { text.strip_suffix('\r').unwrap_or(text) };
        if text.contains('"') {
            return wrong(0, format!("line {} has a quote inside a field that is not quoted", self.line));
        }
        field.push_str(text);
        if self.takes(",") {
            return Ok(End::Field);
        }
        self.line_end();
        Ok(End::Row)
    }

    /// Behind the opening quote.
    fn quoted(&mut self, field: &mut String) -> Result<End, FunctionError> {
        let start = self.line;
        loop {
            let Some((text, behind)) = self.rest.split_once('"') else {
                return wrong(0, format!("the quote of line {start} is not closed"));
            };
            field.push_str(&text.replace("\r\n", "\n"));
            self.line += text.matches('\n').count();
            self.rest = behind;
            if self.takes("\"") {
                field.push('"');
            } else if self.takes(",") {
                return Ok(End::Field);
            } else if self.line_end() || self.rest.is_empty() || self.rest == "\r" {
                self.rest = self.rest.strip_prefix('\r').filter(|rest| rest.is_empty()).unwrap_or(self.rest);
                return Ok(End::Row);
            } else {
                return wrong(0, format!("line {} has text behind a closing quote", self.line));
            }
        }
    }
}
