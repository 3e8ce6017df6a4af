//! Patterns of paths: what `fileset` finds.

use super::{FunctionContext, Outcome, is, normal, wrong};
use crate::paths::{join, seen_from};
use crate::scope::Sources;
use regex::Regex;
use std::collections::BTreeSet;
use terrane_core::Value;

/// No configuration has more files; a pattern that finds more has walked out of it.
const MOST_FILES: usize = 100_000;

/// A part of a pattern between two slashes.
enum Part<'p> {
    /// A name.
    Name(&'p str),
    /// A name with wildcards.
    Glob(Regex),
    /// `**`: any number of folders, and none; at the end, any file in them.
    Deep,
}

/// The files that a pattern finds, by their paths as seen from `folder`. Links to folders are not walked.
pub(super) fn file_set(folder: &str, pattern: &str, cx: &FunctionContext<'_>) -> Outcome {
    let whole = join(folder, pattern.trim_start_matches('/'));
    let parts = whole.split('/').filter(|part| !part.is_empty()).map(part).collect::<Option<Vec<_>>>();
    let Some(parts) = parts else { return wrong(1, "it is no pattern") };
    let start = if whole.starts_with('/') { "/" } else { "." };
    let mut search = Search { sources: cx.sources, found: BTreeSet::new() };
    if !search.walk(start, &parts) {
        return wrong(1, format!("it finds more than {MOST_FILES} files"));
    }
    is(Value::set(search.found.iter().map(|path| normal(&seen_from(folder, path))).collect()))
}

fn part(text: &str) -> Option<Part<'_>> {
    match text {
        "**" => Some(Part::Deep),
        text if text.contains(['*', '?', '[', '{', '\\']) => glob(text).map(Part::Glob),
        text => Some(Part::Name(text)),
    }
}

struct Search<'a> {
    sources: &'a dyn Sources,
    found: BTreeSet<String>,
}

impl Search<'_> {
    /// Notes what the rest of a pattern finds below a folder. False where that is too much.
    fn walk(&mut self, folder: &str, parts: &[Part<'_>]) -> bool {
        let Some((first, rest)) = parts.split_first() else { return true };
        let below = |name: &str| join(folder, name);
        match (first, rest.is_empty()) {
            (Part::Name(name), false) => self.walk(&below(name), rest),
            (Part::Glob(regex), false) => {
                let folders = self.sources.folders(folder);
                folders.iter().filter(|name| regex.is_match(name)).all(|name| self.walk(&below(name), rest))
            }
            (Part::Deep, _) => {
                let is_small = if rest.is_empty() { self.files(folder, |_| true) } else { self.walk(folder, rest) };
                is_small && self.sources.folders(folder).iter().all(|name| self.walk(&below(name), parts))
            }
            (Part::Name(name), true) => self.files(folder, |found| found == *name),
            (Part::Glob(regex), true) => self.files(folder, |found| regex.is_match(found)),
        }
    }

    fn files(&mut self, folder: &str, is_meant: impl Fn(&str) -> bool) -> bool {
        let names = self.sources.list(folder).unwrap_or_default();
        let found = names.iter().filter(|name| is_meant(name)).map(|name| join(folder, name));
        self.found.extend(found);
        self.found.len() <= MOST_FILES
    }
}

/// `*` and `?` match no slash, `[a-z]` and `[^a-z]` one character, `{a,b}` either, a backslash quotes.
fn glob(pattern: &str) -> Option<Regex> {
    let mut out = String::from("(?s)^");
    let mut depth = 0_u32;
    let mut chars = pattern.chars();
    while let Some(c) = chars.next() {
        match c {
            '*' => out.push_str("[^/]*"),
            '?' => out.push_str("[^/]"),
            '[' => {
                let (inside, rest) = chars.as_str().split_once(']')?;
                let (sign, inside) = inside.strip_prefix('^').map_or(("", inside), |rest| ("^", rest));
                let escaped: String = inside
                    .chars()
                    .map(|c| if c == '-' { c.to_string() } else { regex::escape(&c.to_string()) })
                    .collect();
                out.push_str(&format!("[{sign}{escaped}]"));
                chars = rest.chars();
            }
            '{' => {
                depth += 1;
                out.push_str("(?:");
            }
            '}' if depth > 0 => {
                depth -= 1;
                out.push(')');
            }
            ',' if depth > 0 => out.push('|'),
            '\\' => out.push_str(&regex::escape(&chars.next()?.to_string())),
            other => out.push_str(&regex::escape(&other.to_string())),
        }
    }
    if depth > 0 { None } else { Regex::new(&format!("{out}$")).ok() }
}
