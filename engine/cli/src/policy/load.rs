//! Reads policies from folders.

use crate::diag;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use terrane_core::{Diagnostic, Place, SourceMap, Span};

/// One file is no longer than this, in bytes.
const LONGEST_FILE: u64 = 1 << 20;
/// Files that are read at most.
const MOST_FILES: usize = 1_000;
/// Folders inside folders that are gone into.
const DEEPEST: usize = 16;

/// The policies of some folders.
#[derive(Clone, Debug, Default)]
pub struct Policies {
    texts: BTreeMap<String, String>,
}

impl Policies {
    /// Reads every `*.rego` below a folder.
    ///
    /// # Errors
    /// `policy-missing` where there is none, or one cannot be read.
    pub fn add(&mut self, folder: &str) -> Result<(), Box<Diagnostic>> {
        let missing = |why: String| Box::new(diag::POLICY_MISSING.at(Place::File(folder.to_owned())).detail(why));
        let mut files = Vec::new();
        find(Path::new(folder), 0, &mut files).map_err(&missing)?;
        if files.is_empty() {
            return Err(missing(String::from("there is no file *.rego in it")));
        }
        for file in files {
            let name = file.display().to_string();
            let text = read(&file).map_err(|why| missing(format!("{name}: {why}")))?;
            self.texts.insert(name, text);
        }
        Ok(())
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.texts.is_empty()
    }

    /// Names and texts, by name.
    pub fn texts(&self) -> Vec<(String, String)> {
        self.texts.iter().map(|(name, text)| (name.clone(), text.clone())).collect()
    }

    /// The texts, for problems that point into them.
    pub fn sources(&self) -> SourceMap {
        let mut sources = SourceMap::default();
        for (name, text) in &self.texts {
            sources.add(name.clone(), text.as_str());
        }
        sources
    }
}

fn find(folder: &Path, depth: usize, files: &mut Vec<PathBuf>) -> Result<(), String> {
    if depth > DEEPEST {
        return Err(format!("folders stand more than {DEEPEST} deep in it"));
    }
    let entries = std::fs::read_dir(folder).map_err(|error| error.to_string())?;
    let mut paths = entries.map(|entry| entry.map(|entry| entry.path())).collect::<Result<Vec<_>, _>>();
    let paths = paths.as_mut().map_err(|error| error.to_string())?;
    paths.sort();
    for path in paths {
        if path.is_dir() {
            find(path, depth + 1, files)?;
        } else if path.extension().is_some_and(|extension| extension == "rego") {
            files.push(path.clone());
        }
        if files.len() > MOST_FILES {
            return Err(format!("there are more than {MOST_FILES} files in it"));
        }
    }
    Ok(())
}

fn read(path: &Path) -> Result<String, String> {
    use std::io::Read as _;
    let file = std::fs::File::open(path).map_err(|error| error.to_string())?;
    let mut text = String::new();
    let length = file.take(LONGEST_FILE + 1).read_to_string(&mut text).map_err(|error| error.to_string())?;
    if u64::try_from(length).is_ok_and(|length| length > LONGEST_FILE) {
        return Err(String::from("it is longer than 1 MiB"));
    }
    Ok(text)
}

/// The place of a line and column in a file.
pub fn span(sources: &SourceMap, file: &str, line: u32, column: u32) -> Option<Span> {
    let at = sources.files().iter().position(|known| known.name == file)?;
    let text = &sources.files().get(at)?.text;
    let line = usize::try_from(line).ok()?.checked_sub(1)?;
    let start: usize = text.split_inclusive('\n').take(line).map(str::len).sum();
    let rest = text.get(start..)?.lines().next().unwrap_or_default();
    let column = usize::try_from(column).ok()?.saturating_sub(1);
    let within: usize = rest.chars().take(column).map(char::len_utf8).sum();
    let word = rest.get(within..)?.chars().take_while(|c| !c.is_whitespace()).map(char::len_utf8).sum::<usize>();
    let from = u32::try_from(start + within).ok()?;
    let file = terrane_core::FileId(u32::try_from(at).ok()?);
    Some(Span::new(file, from, from.checked_add(u32::try_from(word).ok()?)?))
}
