//! `terrane fmt`: configuration files in the canonical layout. Exit 0 done, 2 a file cannot be read, 3 `-check` found work.

use crate::args::FmtArguments;
use crate::console::{self, Console};
use crate::diag;
use crate::exit::{Ended, Failure, Outcome};
use std::fs;
use std::io::{self, Read as _, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;
use terrane_core::{Diagnostic, Place, SourceMap};

/// Exit code for files that cannot be read.
const UNREADABLE: u8 = 2;
/// Endings of the files that are laid out.
const ENDINGS: &[&str] = &["hcl", "tfvars"];
/// Folders inside folders that are gone into.
const DEEPEST: usize = 64;
/// How long one comparison for `-diff` may take.
const DIFF_DEADLINE: Duration = Duration::from_millis(500);
/// Largest text that is read from standard input, in bytes.
const LARGEST: u64 = 64 << 20;

/// Runs it.
///
/// # Errors
/// Files that cannot be read, parsed or written.
pub fn run(arguments: &FmtArguments, _: Console) -> Outcome {
    let mut work = Work { arguments, out: Vec::new(), sources: SourceMap::default(), problems: Vec::new(), changed: 0 };
    if arguments.paths.iter().any(|path| path == "-") {
        work.standard_input()?;
    } else {
        let here = vec![String::from(".")];
        let paths = if arguments.paths.is_empty() { &here } else { &arguments.paths };
        for path in paths {
            work.path(Path::new(path), 0);
        }
    }
    let mut out = console::stdout();
    out.write_all(&work.out)?;
    out.flush()?;
    if !work.problems.is_empty() {
        return Err(Failure::new(work.problems).with_sources(work.sources).code(UNREADABLE));
    }
    Ok(if arguments.check && work.changed > 0 { Ended::UNFORMATTED } else { Ended::OK })
}

struct Work<'a> {
    arguments: &'a FmtArguments,
    out: Vec<u8>,
    sources: SourceMap,
    problems: Vec<Diagnostic>,
    changed: usize,
}

impl Work<'_> {
    fn standard_input(&mut self) -> Result<(), Failure> {
        let mut text = String::new();
        let read = io::stdin().lock().take(LARGEST).read_to_string(&mut text);
        read.map_err(|error| {
            Failure::from(diag::FILE_NOT_READ.at(Place::File(String::from("standard input"))).detail(error.to_string()))
                .code(UNREADABLE)
        })?;
        let Some(formatted) = self.formatted("<stdin>", &text) else { return Ok(()) };
        self.changed += usize::from(formatted != text);
        if self.arguments.diff {
            self.diff("<stdin>", &text, &formatted)?;
        } else if !self.arguments.check {
            self.out.extend_from_slice(formatted.as_bytes());
        }
        Ok(())
    }

    /// The layout of a text; nothing where it cannot be parsed.
    fn formatted(&mut self, name: &str, text: &str) -> Option<String> {
        let file = self.sources.add(name, text);
        let problems = terrane_lang::syntax::parse(file, text).problems;
        let is_broken = problems.iter().any(Diagnostic::is_error);
        self.problems.extend(problems.into_iter().filter(Diagnostic::is_error));
        (!is_broken).then(|| terrane_lang::fmt::format(text))
    }

    fn path(&mut self, path: &Path, depth: usize) {
        let is_folder = match fs::metadata(path) {
            Ok(metadata) => metadata.is_dir(),
            Err(error) => return self.unreadable(path, &error),
        };
        if !is_folder {
            return self.file(path);
        }
        let entries = match fs::read_dir(path).and_then(|entries| entries.map(|entry| Ok(entry?.path())).collect()) {
            Ok(entries) => entries,
            Err(error) => return self.unreadable(path, &error),
        };
        let mut entries: Vec<PathBuf> = entries;
        entries.sort();
        for entry in entries {
            let is_hidden = entry.file_name().and_then(|name| name.to_str()).is_none_or(|name| name.starts_with('.'));
            let is_link = entry.is_symlink();
            if entry.is_dir() {
                if self.arguments.recursive && !is_hidden && !is_link && depth < DEEPEST {
                    self.path(&entry, depth + 1);
                }
            } else if !is_hidden
                && entry.extension().and_then(|ending| ending.to_str()).is_some_and(|e| ENDINGS.contains(&e))
            {
                self.file(&entry);
            }
        }
    }

    fn unreadable(&mut self, path: &Path, error: &io::Error) {
        let place = Place::File(path.display().to_string());
        self.problems.push(diag::FILE_NOT_READ.at(place).detail(error.to_string()));
    }

    fn file(&mut self, path: &Path) {
        let text = match fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) => return self.unreadable(path, &error),
        };
        let name = path.strip_prefix(".").unwrap_or(path).display().to_string();
        let Some(formatted) = self.formatted(&name, &text) else { return };
        if formatted == text {
            return;
        }
        self.changed += 1;
        if self.arguments.list {
            self.out.extend_from_slice(name.as_bytes());
            self.out.push(b'\n');
        }
        // Writing into memory does not fail.
        let _whole = if self.arguments.diff { self.diff(&name, &text, &formatted) } else { Ok(()) };
        if self.arguments.write
            && !self.arguments.check
            && let Err(error) = replace(path, &formatted)
        {
            let place = Place::File(name);
            self.problems.push(diag::FILE_NOT_WRITTEN.at(place).detail(error.to_string()));
        }
    }

    fn diff(&mut self, name: &str, old: &str, new: &str) -> io::Result<()> {
        let diff = similar::TextDiff::configure().timeout(DIFF_DEADLINE).diff_lines(old, new);
        write!(self.out, "{}", diff.unified_diff().header(&format!("old/{name}"), &format!("new/{name}")))
    }
}

/// Writes a file whole or not at all, with the permissions it had.
fn replace(path: &Path, text: &str) -> io::Result<()> {
    let part = path.with_extension(format!("{}.part", std::process::id()));
    let permissions = fs::metadata(path)?.permissions();
    let written = fs::write(&part, text)
        .and_then(|()| fs::set_permissions(&part, permissions))
        .and_then(|()| fs::rename(&part, path));
    if written.is_err() {
        // The half file is of no use; that writing failed is what is told.
        let _left = fs::remove_file(&part);
    }
    written
}
