//! Values and their differences as indented lines: scalars, collections element by element, long text line by line.
//!
//! Sensitive values never show, unknown ones show as `(known after apply)`, control characters are escaped.

use crate::console::{Hue, Paint};
use similar::{Algorithm, DiffOp, TextDiff};
use std::fmt::Write as _;
use std::time::{Duration, Instant};
use terrane_core::path::{is_identifier, quote};
use terrane_core::value::{Entries, Kind};
use terrane_core::{Path, PathStep, Value};

/// How long one comparison of a list or text may take; what it has by then is shown.
const DEADLINE: Duration = Duration::from_millis(200);
/// Unchanged lines shown around a changed one.
const CONTEXT_LINES: usize = 3;

/// The mark in front of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    /// Unchanged.
    None,
    /// `+`
    Add,
    /// `-`
    Remove,
    /// `~`
    Change,
}

/// What is said about single leaves, behind their values.
pub trait Remarks {
    /// Whether there is nothing to say.
    fn is_empty(&self) -> bool;
    /// The remark about the value at `path`, with its `# `; empty for none.
    fn at(&self, path: &Path) -> String;
    /// Whether the value at `path` changes although its two forms look alike.
    fn is_changed(&self, path: &Path) -> bool;
}

/// No remarks.
pub struct Silent;

impl Remarks for Silent {
    fn is_empty(&self) -> bool {
        true
    }
    fn at(&self, _: &Path) -> String {
        String::new()
    }
    fn is_changed(&self, _: &Path) -> bool {
        false
    }
}

/// Lines under construction.
pub struct Lines<'a> {
    /// The text so far.
    pub text: String,
    /// Colours.
    pub paint: Paint,
    /// What is said about single leaves.
    pub remarks: &'a dyn Remarks,
    /// Attributes of a resource that are shown though they do not change.
    pub always_shown: &'static [&'static str],
}

impl<'a> Lines<'a> {
    /// No lines yet.
    pub fn new(paint: Paint, remarks: &'a dyn Remarks) -> Self {
        Self { text: String::new(), paint, remarks, always_shown: &["id", "name"] }
    }

    /// Begins a line: blanks, the mark, a blank.
    pub fn begin(&mut self, indent: usize, mark: Mark) {
        self.blank(indent);
        let (hue, symbol) = match mark {
            Mark::None => {
                self.text.push_str("  ");
                return;
            }
            Mark::Add => (Hue::Green, '+'),
            Mark::Remove => (Hue::Red, '-'),
            Mark::Change => (Hue::Yellow, '~'),
        };
        self.text.push_str(self.paint.start(hue));
        self.text.push(symbol);
        self.text.push_str(self.paint.end());
        self.text.push(' ');
    }

    /// Blanks.
    pub fn blank(&mut self, count: usize) {
        self.text.extend(std::iter::repeat_n(' ', count));
    }

    /// `# (3 unchanged attributes hidden)` on a line of its own; nothing for none.
    pub fn hidden(&mut self, indent: usize, count: usize, what: &str) {
        if count > 0 {
            self.blank(indent + 2);
            let plural = if count == 1 { "" } else { "s" };
            let aside = format!("# ({count} unchanged {what}{plural} hidden)");
            self.text.push_str(&self.paint.text(Hue::Dim, &aside));
            self.text.push('\n');
        }
    }

    /// A value that is there as a whole; the line it starts on began at `indent`.
    pub fn whole(&mut self, value: &Value, indent: usize, mark: Mark) {
        self.whole_remarked(value, indent, mark, "");
    }

    /// As [`Self::whole`], with a remark on the first line.
    pub fn whole_remarked(&mut self, value: &Value, indent: usize, mark: Mark, remark: &str) {
        if value.is_sensitive() {
            self.text.push_str("(sensitive value)");
            self.text.push_str(remark);
            return;
        }
        match value.kind() {
            Kind::String(text) if is_long(text) => self.heredoc(text, indent, mark, remark),
            Kind::Tuple(items) | Kind::List(items) | Kind::Set(items) if !items.is_empty() => {
                let _ = writeln!(self.text, "[{remark}");
                for item in items.iter() {
                    self.begin(indent + 4, mark);
                    self.whole(item, indent + 4, mark);
                    self.text.push_str(",\n");
                }
                self.close(indent, ']');
            }
            Kind::Object(entries) | Kind::Map(entries) if !entries.is_empty() => {
                let is_map = matches!(value.kind(), Kind::Map(_));
                let _ = writeln!(self.text, "{{{remark}");
                let width = key_width(entries, is_map);
                for (key, item) in entries.iter().filter(|(_, item)| is_map || !is_missing(item)) {
                    self.begin(indent + 4, mark);
                    self.key(key, is_map, width);
                    self.whole(item, indent + 4, mark);
                    self.text.push('\n');
                }
                self.close(indent, '}');
            }
            _ => {
                self.text.push_str(&scalar(value));
                self.text.push_str(remark);
            }
        }
    }

    /// A value that stands by itself, without marks: an output, an attribute of a recorded object.
    pub fn flat(&mut self, value: &Value) {
        self.flat_at(value, 0);
    }

    /// As [`Self::flat`], on a line that began with `indent` blanks.
    pub fn flat_at(&mut self, value: &Value, indent: usize) {
        match value.kind() {
            _ if value.is_sensitive() => self.text.push_str("(sensitive value)"),
            Kind::String(text) if is_long(text) => {
                self.text.push_str("<<-EOT\n");
                for line in text.lines() {
                    self.blank(indent + 4);
                    self.text.push_str(&escaped(line));
                    self.text.push('\n');
                }
                self.blank(indent);
                self.text.push_str("EOT");
            }
            Kind::Tuple(items) | Kind::List(items) | Kind::Set(items) if !items.is_empty() => {
                self.text.push_str("[\n");
                for item in items.iter() {
                    self.blank(indent + 2);
                    self.flat_at(item, indent + 2);
                    self.text.push_str(",\n");
                }
                self.blank(indent);
                self.text.push(']');
            }
            Kind::Object(entries) | Kind::Map(entries) if !entries.is_empty() => {
                self.text.push_str("{\n");
                let width = key_width(entries, true);
                for (key, item) in entries.iter() {
                    self.blank(indent + 2);
                    self.key(key, true, width);
                    self.flat_at(item, indent + 2);
                    self.text.push('\n');
                }
                self.blank(indent);
                self.text.push('}');
            }
            _ => self.text.push_str(&scalar(value)),
        }
    }

    /// From one value to another.
    pub fn change(&mut self, before: &Value, after: &Value, indent: usize, path: &Path) {
        let mut remark = self.remarks.at(path);
        if !remark.is_empty() {
            remark.insert(0, ' ');
        }
        if before.is_sensitive() || after.is_sensitive() {
            self.text.push_str("(sensitive value)");
            self.text.push_str(&remark);
            return;
        }
        match (before.kind(), after.kind()) {
            (Kind::String(a), Kind::String(b)) if is_long(a) || is_long(b) => self.long_text(a, b, indent, &remark),
            (Kind::Set(a), Kind::Set(b)) => self.set(a, b, indent, &remark),
            (Kind::Tuple(a) | Kind::List(a), Kind::Tuple(b) | Kind::List(b)) if !a.is_empty() && !b.is_empty() => {
                let _ = writeln!(self.text, "[{remark}");
                self.list(a, b, indent, path);
                self.close(indent, ']');
            }
            (Kind::Object(a), Kind::Object(b)) => self.entries((a, b), false, indent, path, &remark),
            (Kind::Map(a) | Kind::Object(a), Kind::Map(b) | Kind::Object(b)) => {
                self.entries((a, b), true, indent, path, &remark);
            }
            _ => {
                self.whole(before, indent, Mark::Remove);
                self.text.push_str(" -> ");
                self.whole_remarked(after, indent, Mark::Add, &remark);
            }
        }
    }

    fn close(&mut self, indent: usize, bracket: char) {
        self.blank(indent + 2);
        self.text.push(bracket);
    }

    fn key(&mut self, key: &str, is_map: bool, width: usize) {
        let shown = key_text(key, is_map);
        self.text.push_str(&shown);
        self.blank(width.saturating_sub(shown.chars().count()));
        self.text.push_str(" = ");
    }

    fn entries(&mut self, (a, b): (&Entries, &Entries), is_map: bool, indent: usize, path: &Path, remark: &str) {
        let _ = writeln!(self.text, "{{{remark}");
        let width = key_width(a, is_map).max(key_width(b, is_map));
        let mut hidden = 0;
        for key in merged_keys(a, b) {
            let (old, new) = (a.get(key), b.get(key));
            let (old, new) = (old.filter(|v| is_map || !is_missing(v)), new.filter(|v| is_map || !is_missing(v)));
            let inner = path.child(key.clone());
            match (old, new) {
                (None, None) => {}
                (Some(old), None) => {
                    self.begin(indent + 4, Mark::Remove);
                    self.key(key, is_map, width);
                    self.whole(old, indent + 4, Mark::Remove);
                    self.text.push_str(" -> null\n");
                }
                (None, Some(new)) => {
                    self.begin(indent + 4, Mark::Add);
                    self.key(key, is_map, width);
                    self.whole(new, indent + 4, Mark::Add);
                    self.text.push('\n');
                }
                (Some(old), Some(new)) if is_unchanged(old, new) && !self.remarks.is_changed(&inner) => hidden += 1,
                (Some(old), Some(new)) => {
                    self.begin(indent + 4, Mark::Change);
                    self.key(key, is_map, width);
                    self.change(old, new, indent + 4, &inner);
                    self.text.push('\n');
                }
            }
        }
        self.hidden(indent + 4, hidden, if is_map { "element" } else { "attribute" });
        self.close(indent, '}');
    }

    fn set(&mut self, a: &[Value], b: &[Value], indent: usize, remark: &str) {
        let _ = writeln!(self.text, "[{remark}");
        let mut hidden = 0;
        for item in a {
            if b.binary_search(item).is_ok() {
                hidden += 1;
            } else {
                self.element(item, indent, Mark::Remove);
            }
        }
        for item in b.iter().filter(|item| a.binary_search(item).is_err()) {
            self.element(item, indent, Mark::Add);
        }
        self.hidden(indent + 4, hidden, "element");
        self.close(indent, ']');
    }

    fn element(&mut self, item: &Value, indent: usize, mark: Mark) {
        self.begin(indent + 4, mark);
        self.whole(item, indent + 4, mark);
        self.text.push_str(",\n");
    }

    fn list(&mut self, a: &[Value], b: &[Value], indent: usize, path: &Path) {
        let deadline = Instant::now().checked_add(DEADLINE);
        let mut hidden = 0;
        for op in similar::capture_diff_slices_deadline(Algorithm::Myers, a, b, deadline) {
            let old = a.get(op.old_range()).unwrap_or_default();
            let new = b.get(op.new_range()).unwrap_or_default();
            if let DiffOp::Equal { .. } = op {
                hidden += old.len();
                continue;
            }
            let is_pairwise = old.len() == new.len() && old.iter().chain(new).all(|item| item.entries().is_some());
            if is_pairwise {
                for ((offset, old), new) in old.iter().enumerate().zip(new) {
                    let at = u64::try_from(op.new_range().start + offset).unwrap_or(u64::MAX);
                    self.begin(indent + 4, Mark::Change);
                    self.change(old, new, indent + 4, &path.join(PathStep::Index(at)));
                    self.text.push_str(",\n");
                }
                continue;
            }
            old.iter().for_each(|item| self.element(item, indent, Mark::Remove));
            new.iter().for_each(|item| self.element(item, indent, Mark::Add));
        }
        self.hidden(indent + 4, hidden, "element");
    }

    fn heredoc(&mut self, text: &str, indent: usize, mark: Mark, remark: &str) {
        let _ = writeln!(self.text, "<<-EOT{remark}");
        for line in text.lines() {
            self.begin(indent + 4, if mark == Mark::None { Mark::None } else { mark });
            self.text.push_str(&escaped(line));
            self.text.push('\n');
        }
        self.blank(indent + 2);
        self.text.push_str("EOT");
    }

    fn long_text(&mut self, a: &str, b: &str, indent: usize, remark: &str) {
        let _ = writeln!(self.text, "<<-EOT{remark}");
        let diff = TextDiff::configure().timeout(DEADLINE).diff_lines(a, b);
        let mut shown_to = 0;
        for group in diff.grouped_ops(CONTEXT_LINES) {
            let from = group.first().map_or(shown_to, |op| op.old_range().start);
            self.hidden(indent + 4, from.saturating_sub(shown_to), "line");
            for op in &group {
                for change in diff.iter_changes(op) {
                    let mark = match change.tag() {
                        similar::ChangeTag::Equal => Mark::None,
                        similar::ChangeTag::Delete => Mark::Remove,
                        similar::ChangeTag::Insert => Mark::Add,
                    };
                    self.begin(indent + 4, mark);
                    self.text.push_str(&escaped(change.value().trim_end_matches(['\n', '\r'])));
                    self.text.push('\n');
                }
                shown_to = op.old_range().end;
            }
        }
        self.hidden(indent + 4, a.lines().count().saturating_sub(shown_to), "line");
        self.blank(indent + 2);
        self.text.push_str("EOT");
    }
}

/// Whether there is nothing to show. A sensitive value may read as null and is there.
pub fn is_missing(value: &Value) -> bool {
    value.is_null() && !value.is_sensitive()
}

/// Whether nothing changes. Values that are not known yet change.
pub fn is_unchanged(before: &Value, after: &Value) -> bool {
    before.is_same(after) && (after.is_wholly_known() || before == after)
}

/// Keys of both, in order, each once.
pub fn merged_keys<'a>(a: &'a Entries, b: &'a Entries) -> Vec<&'a terrane_core::Text> {
    let mut keys: Vec<_> = a.iter().chain(b.iter()).map(|(key, _)| key).collect();
    keys.sort_unstable();
    keys.dedup();
    keys
}

/// A value on one line.
pub fn scalar(value: &Value) -> String {
    if value.is_sensitive() {
        return String::from("(sensitive value)");
    }
    match value.kind() {
        Kind::Null => String::from("null"),
        Kind::Bool(truth) => truth.to_string(),
        Kind::Number(number) => number.to_string(),
        Kind::String(text) => quoted(text),
        Kind::Unknown(_) => String::from("(known after apply)"),
        Kind::Tuple(items) | Kind::List(items) | Kind::Set(items) => {
            format!("[{}]", items.iter().map(scalar).collect::<Vec<_>>().join(", "))
        }
        Kind::Object(entries) | Kind::Map(entries) if entries.is_empty() => String::from("{}"),
        Kind::Object(entries) | Kind::Map(entries) => {
            let is_map = matches!(value.kind(), Kind::Map(_));
            let pair =
                |(key, item): (&terrane_core::Text, &Value)| format!("{} = {}", key_text(key, is_map), scalar(item));
            format!("{{ {} }}", entries.iter().map(pair).collect::<Vec<_>>().join(", "))
        }
    }
}

/// `text` in quotes, with control characters escaped: what a remote side sends must not steer the terminal.
pub fn quoted(text: &str) -> String {
    escaped(&quote(text)).into_owned()
}

/// `text` with control characters escaped, but for tabs.
pub fn escaped(text: &str) -> std::borrow::Cow<'_, str> {
    let is_bad =
        |c: char| c.is_control() && c != '\t' || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    if !text.contains(is_bad) {
        return text.into();
    }
    let mut out = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        if is_bad(c) {
            let _ = write!(out, "\\u{:04x}", u32::from(c));
        } else {
            out.push(c);
        }
    }
    out.into()
}

fn is_long(text: &str) -> bool {
    text.trim_end_matches('\n').contains('\n')
}

fn key_text(key: &str, is_map: bool) -> String {
    if is_map || !is_identifier(key) { quoted(key) } else { key.to_owned() }
}

fn key_width(entries: &Entries, is_map: bool) -> usize {
    entries.iter().map(|(key, _)| key_text(key, is_map).chars().count()).max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(before: &Value, after: &Value, expected: &str) {
        let mut lines = Lines::new(Paint::PLAIN, &Silent);
        lines.change(before, after, 0, &Path::default());
        assert_eq!(lines.text, expected);
    }

    fn text(text: &str) -> Value {
        Value::string(text)
    }

    #[test]
    fn maps_show_what_changes_and_count_the_rest() {
        let map = |pairs: &[(&str, &str)]| Value::map(pairs.iter().map(|(k, v)| ((*k).into(), text(v))).collect());
        check(
            &map(&[("a", "1"), ("bb", "1"), ("c", "1")]),
            &map(&[("a", "1"), ("bb", "2"), ("d", "1")]),
            "{\n    ~ \"bb\" = \"1\" -> \"2\"\n    - \"c\"  = \"1\" -> null\n    + \"d\"  = \"1\"\n      # (1 unchanged element hidden)\n  }",
        );
    }

    #[test]
    fn lists_show_elements_that_come_and_go() {
        let list = |items: &[&str]| Value::list(items.iter().map(|item| text(item)).collect());
        check(
            &list(&["a", "b"]),
            &list(&["b", "c"]),
            "[\n    - \"a\",\n    + \"c\",\n      # (1 unchanged element hidden)\n  ]",
        );
    }

    #[test]
    fn long_text_is_compared_by_line() {
        check(&text("a\nb\nc\n"), &text("a\nx\nc\n"), "<<-EOT\n      a\n    - b\n    + x\n      c\n  EOT");
    }

    #[test]
    fn secrets_and_unknowns_do_not_show() {
        check(&text("a").sensitive(), &text("b").sensitive(), "(sensitive value)");
        let unknown = Value::unknown(terrane_core::Type::String, terrane_core::Residual::Local(0));
        check(&text("a"), &unknown, "\"a\" -> (known after apply)");
    }

    #[test]
    fn control_characters_are_escaped() {
        check(&text("a"), &text("\u{1b}[2J"), "\"a\" -> \"\\u001b[2J\"");
    }
}
