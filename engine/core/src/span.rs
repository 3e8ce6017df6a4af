//! Places in source text.

use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// A file of the [`SourceMap`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct FileId(pub u32);

/// A range of bytes in one file. `end` is the first byte after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Span {
    /// The file.
    pub file: FileId,
    /// First byte.
    pub start: u32,
    /// First byte after the range.
    pub end: u32,
}

impl Span {
    /// Bytes `start..end` of `file`.
    #[must_use]
    pub const fn new(file: FileId, start: u32, end: u32) -> Self {
        Self { file, start, end }
    }

    /// The smallest range that holds both; `self` where the files differ.
    #[must_use]
    pub fn to(self, other: Self) -> Self {
        if self.file != other.file {
            return self;
        }
        Self { file: self.file, start: self.start.min(other.start), end: self.end.max(other.end) }
    }
}

/// A line and column, both from 1; columns count characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LineColumn {
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
}

/// A named text of the source map.
#[derive(Clone, Debug)]
pub struct SourceFile {
    /// Path as users know it, relative to the folder of the configuration.
    pub name: String,
    /// The text that spans count in.
    pub text: Arc<str>,
    /// First byte of each line.
    lines: Vec<u32>,
}

/// The files that spans point into.
#[derive(Clone, Debug, Default)]
pub struct SourceMap {
    files: Vec<SourceFile>,
}

impl SourceMap {
    /// Adds a file and gives its number.
    pub fn add(&mut self, name: impl Into<String>, text: impl Into<Arc<str>>) -> FileId {
        let id = FileId(u32::try_from(self.files.len()).unwrap_or(u32::MAX));
        let text: Arc<str> = text.into();
        let breaks = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n');
        let starts = breaks.filter_map(|(at, _)| u32::try_from(at + 1).ok());
        let lines = std::iter::once(0).chain(starts).collect();
        self.files.push(SourceFile { name: name.into(), text, lines });
        id
    }

    /// The file of that number.
    #[must_use]
    pub fn get(&self, id: FileId) -> Option<&SourceFile> {
        self.files.get(usize::try_from(id.0).ok()?)
    }

    /// All files in the order they were added.
    #[must_use]
    pub fn files(&self) -> &[SourceFile] {
        &self.files
    }

    /// The text of a span.
    #[must_use]
    pub fn text(&self, span: Span) -> Option<&str> {
        self.get(span.file)?.text.get(usize::try_from(span.start).ok()?..usize::try_from(span.end).ok()?)
    }

    /// Line and column of a byte of a file.
    #[must_use]
    pub fn position(&self, file: FileId, byte: u32) -> Option<LineColumn> {
        let SourceFile { text, lines, .. } = self.get(file)?;
        let line = lines.partition_point(|start| *start <= byte);
        let start = usize::try_from(*lines.get(line.checked_sub(1)?)?).ok()?;
        let column = text.get(start..usize::try_from(byte).ok()?.min(text.len()))?.chars().count() + 1;
        Some(LineColumn { line, column })
    }

    /// `file:line` of a span, for one-line messages.
    #[must_use]
    pub fn place(&self, span: Span) -> String {
        match (self.get(span.file), self.position(span.file, span.start)) {
            (Some(file), Some(at)) => format!("{}:{}", file.name, at.line),
            _ => String::from("(unknown place)"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_count_lines_from_one_and_columns_in_characters() {
        let mut map = SourceMap::default();
        let file = map.add("a.hcl", "é = 1\n\nb = 2");
        let at = |byte| map.position(file, byte).map(|at| (at.line, at.column));
        assert_eq!(at(0), Some((1, 1)));
        assert_eq!(at(2), Some((1, 2)));
        assert_eq!(at(6), Some((1, 6)));
        assert_eq!(at(7), Some((2, 1)));
        assert_eq!(at(8), Some((3, 1)));
        assert_eq!(at(99), Some((3, 6)));
    }
}
