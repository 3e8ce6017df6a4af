//! Which files of a configuration differ from a revision of the repository that it is kept in.
//!
//! Git is asked through lists of arguments; nothing that a user gives is taken for a flag, and neither filters nor
//! programs that a repository's settings name are run.

use crate::command::{self, Run};
use crate::diag;
use crate::environment::Environment;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use terrane_core::{Diagnostic, Place, Text};
use terrane_lang::inputs::{self, Flag};
use terrane_lang::paths::{join, seen_from};
use terrane_lang::program::Program;
use terrane_plan::planner::Changed;
use terrane_plan::planner::changed::{ChangedFile, changed};

/// Git answers at once but in very large repositories.
const TIMEOUT_MS: u64 = 60_000;
/// Files that may matter although the repository is told to ignore them.
const OF_CONFIGURATIONS: &[&str] = &[":/*.hcl", ":/*.tfvars", ":/*.tfvars.json"];

/// Folders of a run, which hold nothing that a configuration says.
const OURS: &[&str] = &[".terrane", "terrane.state"];

/// What a revision is compared with.
pub(crate) struct Compared<'a> {
    pub folder: &'a Path,
    pub environment: &'a Environment,
    pub program: &'a Program,
    pub flags: &'a [Flag],
}

impl Compared<'_> {
    /// What the difference from `revision` touches.
    ///
    /// # Errors
    /// `changes-unknown`.
    pub(crate) async fn with(&self, revision: &str) -> Result<Changed, Box<Diagnostic>> {
        let unknown = |why: String| {
            let place = Place::Argument(format!("-only-changed-since={revision}"));
            Box::new(diag::CHANGES_UNKNOWN.at(place).detail(why))
        };
        self.touched(revision).await.map_err(unknown)
    }

    async fn touched(&self, revision: &str) -> Result<Changed, String> {
        let prefix = self.git(&["rev-parse", "--show-prefix"], b"").await?;
        let prefix = text(&prefix)?.trim_end_matches('\n');
        let given = format!("{revision}^{{commit}}");
        let commit = self.git(&["rev-parse", "--verify", "--end-of-options", &given], b"").await?;
        let commit = text(&commit)?.trim();
        let mut names =
            self.names(&["diff", "-z", "--name-only", "--no-renames", "--no-ext-diff", commit, "--"]).await?;
        let others = ["ls-files", "-z", "--others", "--full-name", "--exclude-standard"];
        names.extend(self.names(&[&others[..], &["--", ":/"]].concat()).await?);
        let ignored = [&others[..], &["--ignored", "--"], OF_CONFIGURATIONS].concat();
        names.extend(self.names(&ignored).await?);
        names.retain(|name| !name.split('/').any(|step| OURS.contains(&step)));
        let names: BTreeMap<Text, String> =
            names.into_iter().map(|name| (Text::from(seen_from(prefix, &name)), name)).collect();
        self.are_no_modules(&names)?;
        let mut variables: BTreeSet<Text> =
            names.keys().filter(|name| inputs::is_read_unasked(name)).cloned().collect();
        let mut files = self.files(commit, &names, &variables).await?;
        for name in self.named_variables_files() {
            // What git knows nothing of may differ from what it was.
            if name.starts_with('/') || climbs_out(prefix, &name) {
                files.insert(name.clone(), ChangedFile { before: None, after: self.now(&name) });
            }
            variables.insert(name);
        }
        Ok(changed(self.program, revision.into(), &files, &variables))
    }

    /// The two sides of the files whose text is compared; the others are there by name.
    async fn files(
        &self,
        commit: &str,
        names: &BTreeMap<Text, String>,
        variables: &BTreeSet<Text>,
    ) -> Result<BTreeMap<Text, ChangedFile>, String> {
        let named: BTreeSet<Text> = self.named_variables_files().into_iter().collect();
        let is_compared = |name: &Text| name.ends_with(".hcl") || variables.contains(name) || named.contains(name);
        let compared: Vec<(&Text, &String)> = names.iter().filter(|(name, _)| is_compared(name)).collect();
        if let Some((name, _)) = compared.iter().find(|(name, _)| name.contains('\n')) {
            return Err(format!("the name of {name:?} is of more than one line"));
        }
        let asked: String = compared.iter().map(|(_, name)| format!("{commit}:{name}\n")).collect();
        let told =
            if asked.is_empty() { Vec::new() } else { self.git(&["cat-file", "--batch"], asked.as_bytes()).await? };
        let mut before = Blobs(&told);
        let mut files: BTreeMap<Text, ChangedFile> =
            names.keys().map(|name| (name.clone(), ChangedFile::default())).collect();
        for (name, _) in compared {
            let sides = ChangedFile { before: before.next_text()?, after: self.now(name) };
            files.insert(name.clone(), sides);
        }
        Ok(files)
    }

    fn now(&self, name: &str) -> Option<Text> {
        std::fs::read_to_string(self.folder.join(name)).ok().map(Text::from)
    }

    /// A repository inside of this one is told by its folder alone.
    fn are_no_modules(&self, names: &BTreeMap<Text, String>) -> Result<(), String> {
        let folders = names.keys().filter(|name| self.folder.join(&***name).is_dir());
        let mut holding = folders.filter(|name| {
            let is_in_it = |folder: &str| folder == &***name || folder.starts_with(&format!("{name}/"));
            self.program.modules.iter().any(|module| is_in_it(&join(".", &module.folder)))
        });
        match holding.next() {
            Some(name) => Err(format!("{name} is another repository, and holds modules")),
            None => Ok(()),
        }
    }

    fn named_variables_files(&self) -> Vec<Text> {
        let named = self.flags.iter().filter_map(|flag| match flag {
            Flag::VarFile(path) => Some(path),
            Flag::Var(_) => None,
        });
        let relative = |path: &String| match Path::new(path).strip_prefix(self.folder) {
            Ok(below) => join(".", &below.display().to_string()),
            Err(_) if path.starts_with('/') => path.clone(),
            Err(_) => join(".", path),
        };
        named.map(|path| relative(path).into()).collect()
    }

    async fn names(&self, words: &[&str]) -> Result<Vec<String>, String> {
        let told = self.git(words, b"").await?;
        let names = text(&told)?.split('\0').filter(|name| !name.is_empty());
        Ok(names.map(str::to_owned).collect())
    }

    async fn git(&self, words: &[&str], input: &[u8]) -> Result<Vec<u8>, String> {
        // A program that watches the files may be named in the settings of the repository.
        let before = ["git", "--no-optional-locks", "-c", "core.fsmonitor=false", "-c", "core.quotePath=false"];
        let words = [&before[..], words].concat();
        let run = Run::new(self.folder, self.environment, TIMEOUT_MS);
        command::output(&words, input, &run).await.map_err(|why| format!("git: {why}"))
    }
}

/// Whether a name as seen from the folder at `prefix` leads out of the repository.
fn climbs_out(prefix: &str, name: &str) -> bool {
    name.split('/').take_while(|step| *step == "..").count() > prefix.matches('/').count()
}

fn text(bytes: &[u8]) -> Result<&str, String> {
    std::str::from_utf8(bytes).map_err(|_| String::from("git wrote a name that is no UTF-8"))
}

/// Answers of `git cat-file --batch`.
struct Blobs<'a>(&'a [u8]);

impl Blobs<'_> {
    /// The next of them; `None` where there is no such file, or none of text.
    fn next_text(&mut self) -> Result<Option<Text>, String> {
        let short = || String::from("git answered less than it was asked");
        let end = self.0.iter().position(|byte| *byte == b'\n').ok_or_else(short)?;
        let (head, rest) = self.0.split_at(end);
        let rest = rest.get(1..).unwrap_or_default();
        let head = String::from_utf8_lossy(head);
        let words: Vec<&str> = head.rsplitn(3, ' ').collect();
        let [size, kind, _] = words.as_slice() else {
            self.0 = rest;
            return Ok(None);
        };
        let Some(size) = size.parse::<usize>().ok().filter(|_| matches!(*kind, "blob" | "tree" | "commit" | "tag"))
        else {
            self.0 = rest;
            return Ok(None);
        };
        let blob = rest.get(..size).ok_or_else(short)?;
        self.0 = rest.get(size + 1..).ok_or_else(short)?;
        Ok(if *kind == "blob" { std::str::from_utf8(blob).ok().map(Text::from) } else { None })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_leads_out_of_the_repository_is_seen() {
        assert!(climbs_out("live/", "../../x.tfvars"));
        assert!(!climbs_out("live/eu/", "../../modules/pool/main.hcl"));
        assert!(!climbs_out("", "main.hcl"));
    }

    #[test]
    fn blobs_are_taken_apart() {
        let mut blobs = Blobs(b"1234 blob 4\na\nb\n\nabcd:no such.hcl missing\n12 blob 0\n\n12 tree 3\n\0\0\0\n");
        let all: Vec<Option<Text>> = (0..4).map(|_| blobs.next_text().unwrap()).collect();
        assert_eq!(all, [Some("a\nb\n".into()), None, Some("".into()), None]);
        assert!(blobs.next_text().is_err());
        assert!(Blobs(b"12 blob 10\nabc").next_text().is_err());
    }
}
