//! The lock file `.terrane.lock.hcl`: which commit and which content each package had when it was last looked up. It
//! belongs into the repository of the configuration.

use crate::diag;
use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::Path;
use terrane_core::path::quote;
use terrane_core::{Diagnostic, FileId, Place, Text};
use terrane_lang::syntax::{self, ast};

/// Its name, beside the configuration.
pub(crate) use terrane_plan::planner::changed::LOCK_FILE;

const HEAD: &str = "# Which content each module package had when it was looked up. `terrane init` keeps this file, and\n\
                    # `terrane init -upgrade` looks everything up anew. Commit it.\n";

/// A package as it was looked up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    /// The commit.
    pub revision: Text,
    /// `sha256:` and the digest of its files.
    pub digest: Text,
}

impl Entry {
    /// The name of the folder that it is kept in.
    pub fn folder(&self) -> &str {
        self.digest.rsplit(':').next().unwrap_or_default()
    }
}

/// What is locked, by address.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct LockFile {
    pub entries: BTreeMap<Text, Entry>,
}

impl LockFile {
    /// That of a folder; an empty one where there is none.
    ///
    /// # Errors
    /// `lock-file-unreadable`.
    pub fn read(folder: &Path) -> Result<Self, Box<Diagnostic>> {
        let wrong =
            |why: String| Box::new(diag::LOCK_FILE_UNREADABLE.at(Place::File(LOCK_FILE.to_owned())).detail(why));
        match std::fs::read_to_string(folder.join(LOCK_FILE)) {
            Ok(text) => Self::parse(&text).map_err(wrong),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Self::default()),
            Err(error) => Err(wrong(error.to_string())),
        }
    }

    fn parse(text: &str) -> Result<Self, String> {
        let parsed = syntax::parse(FileId(0), text);
        if let Some(problem) = parsed.problems.iter().find(|problem| problem.is_error()) {
            return Err(problem.kind.summary.to_owned());
        }
        let body = &parsed.file.body;
        if let Some(other) = body.attributes.first() {
            return Err(format!("`{}` is no part of it", other.name.text));
        }
        let entries = body.blocks.iter().map(entry).collect::<Result<_, _>>()?;
        Ok(Self { entries })
    }

    fn text(&self) -> String {
        let block = |(address, entry): (&Text, &Entry)| {
            let (address, revision, digest) = (quote(address), quote(&entry.revision), quote(&entry.digest));
            format!("\nmodule {address} {{\n  revision = {revision}\n  digest   = {digest}\n}}\n")
        };
        HEAD.to_owned() + &self.entries.iter().map(block).collect::<String>()
    }

    /// Writes it, whole or not at all; one that holds nothing is taken away.
    ///
    /// # Errors
    /// `lock-file-unreadable`: it cannot be written.
    pub fn write(&self, folder: &Path) -> Result<(), Box<Diagnostic>> {
        let (place, text) = (folder.join(LOCK_FILE), self.text());
        let part = folder.join(format!("{LOCK_FILE}.{}.part", std::process::id()));
        let write = || {
            if self.entries.is_empty() {
                return if place.exists() { std::fs::remove_file(&place) } else { Ok(()) };
            }
            if std::fs::read_to_string(&place).is_ok_and(|before| before == text) {
                return Ok(());
            }
            let mut file = std::fs::File::create(&part)?;
            file.write_all(text.as_bytes())?;
            file.sync_all()?;
            std::fs::rename(&part, &place)
        };
        write().map_err(|error: std::io::Error| {
            // The half file is of no use to anybody; that writing failed is what is told.
            let _left = std::fs::remove_file(&part);
            let place = Place::File(LOCK_FILE.to_owned());
            Box::new(diag::LOCK_FILE_UNREADABLE.at(place).detail(format!("it cannot be written: {error}")))
        })
    }
}

fn entry(block: &ast::Block) -> Result<(Text, Entry), String> {
    let [address] = block.labels.as_slice() else { return Err(String::from("a block has one label, the address")) };
    if &*block.kind.text != "module" {
        return Err(format!("`{}` blocks are no part of it", block.kind.text));
    }
    let argument = |name: &str| {
        let found = block.body.attributes.iter().find(|attribute| &*attribute.name.text == name);
        match found.map(|attribute| &attribute.value.kind) {
            Some(ast::ExprKind::String(text)) => Ok(text.clone()),
            _ => Err(format!("`{name}` of {} is missing", address.text)),
        }
    };
    let (revision, digest) = (argument("revision")?, argument("digest")?);
    let is_hex = |text: &str| text.bytes().all(|byte| byte.is_ascii_hexdigit());
    // They become arguments of git and names of folders.
    if !digest.strip_prefix("sha256:").is_some_and(|hex| hex.len() == 64 && is_hex(hex)) {
        return Err(format!("the digest of {} is none", address.text));
    }
    if !(is_hex(&revision) && matches!(revision.len(), 40 | 64)) {
        return Err(format!("the revision of {} is no commit", address.text));
    }
    Ok((address.text.clone(), Entry { revision, digest }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lock() -> LockFile {
        let entry = Entry { revision: "0".repeat(40).into(), digest: format!("sha256:{}", "a".repeat(64)).into() };
        let addresses = ["git::https://example.com/a.git?ref=v1", "git::git@example.com:b.git"];
        LockFile { entries: addresses.map(|address| (address.into(), entry.clone())).into() }
    }

    // A1
    #[test]
    fn what_is_written_is_read_again() {
        assert_eq!(LockFile::parse(&lock().text()), Ok(lock()));
        assert_eq!(terrane_lang::fmt::format(&lock().text()), lock().text());
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(LockFile::read(folder.path()).unwrap(), LockFile::default());
        lock().write(folder.path()).unwrap();
        assert_eq!(LockFile::read(folder.path()).unwrap(), lock());
        LockFile::default().write(folder.path()).unwrap();
        assert!(!folder.path().join(LOCK_FILE).exists());
    }

    // A1
    #[test]
    fn what_was_edited_badly_is_told() {
        let good = lock().text();
        for (from, to) in [
            ("sha256:aa", "sha256:../aa"),
            ("sha256:", "md5:"),
            ("\"000", "\"-00"),
            ("  revision", "  commit"),
            ("\nmodule ", "\nmodul "),
            ("}", ""),
            ("# Which", "x = 1 #"),
        ] {
            let text = good.replacen(from, to, 1);
            assert!(text != good && LockFile::parse(&text).is_err(), "{text}");
        }
    }
}
