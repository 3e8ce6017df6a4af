//! Which backend is in force: what the configuration says, what `-backend-config` adds, and what `init` remembered.
//!
//! `init` writes down what it set up, in `.terrane/backend.json` beside the configuration, and never a secret: other
//! commands compare it with the configuration, so that no run works on another state than the one that was agreed on.

use crate::diag;
use crate::secrets::Secrets;
use crate::store::arguments::Argument;
use crate::store::open::{Backend, kind};
use crate::workspace::{Configuration, Folder};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::PathBuf;
use terrane_core::diagnostic::suggestion;
use terrane_core::{Diagnostic, Place, SourceMap, Text, Value};
use terrane_lang::program::BackendArgument;
use terrane_lang::{diag as words, early};

/// Version of the format of the file.
pub const FORMAT: u32 = 1;

/// `-backend-config`, one of them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Given {
    /// `name=text`.
    Pair(String, String),
    /// A file with arguments; it is read again each time, so that its secrets stay where they are.
    File(String),
}

impl Given {
    /// Reads a flag: what has an equals sign is a pair, anything else a file.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        match text.split_once('=') {
            Some((name, value)) => Self::Pair(name.trim().to_owned(), value.to_owned()),
            None => Self::File(text.to_owned()),
        }
    }
}

/// What `init` set up.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Remembered {
    /// Version of the format.
    pub format: u32,
    /// The kind of backend.
    pub kind: Text,
    /// Every argument that is not secret, those of flags included.
    pub arguments: BTreeMap<Text, Value>,
    /// `-backend-config`, in the order of the command line.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub given: Vec<Given>,
}

/// Problems, and the texts they point into.
#[derive(Debug)]
pub struct Refusal {
    /// The problems.
    pub problems: Vec<Diagnostic>,
    /// The texts.
    pub sources: SourceMap,
}

impl From<Box<Diagnostic>> for Refusal {
    fn from(problem: Box<Diagnostic>) -> Self {
        Self { problems: vec![*problem], sources: SourceMap::default() }
    }
}

/// What is kept of a backend: nothing that is secret.
fn plain(backend: &Backend) -> BTreeMap<Text, Value> {
    let table = kind(&backend.kind).map_or(&[] as &[Argument], |kind| kind.arguments);
    let is_plain = |name: &str| table.iter().any(|row| row.name == name && !row.is_secret);
    backend.arguments.iter().filter(|(name, _)| is_plain(name)).map(|(n, v)| (n.clone(), v.clone())).collect()
}

impl Remembered {
    /// What is kept of a backend.
    #[must_use]
    pub fn of(backend: &Backend, given: Vec<Given>) -> Self {
        Self { format: FORMAT, kind: backend.kind.clone(), arguments: plain(backend), given }
    }

    /// Whether this is what was set up.
    #[must_use]
    pub fn is(&self, backend: &Backend) -> bool {
        self.kind == backend.kind && self.arguments == plain(backend)
    }

    /// Reads what `init` left in a folder; `None` where it left nothing.
    ///
    /// # Errors
    /// `backend-file-damaged`.
    pub fn read(folder: &Folder) -> Result<Option<Self>, Box<Diagnostic>> {
        let path = path(folder);
        let damaged = |reason: String| {
            Box::new(diag::BACKEND_FILE_DAMAGED.at(Place::File(path.display().to_string())).detail(reason))
        };
        let text = match std::fs::read(&path) {
            Ok(text) => text,
            Err(error) if is_missing(&error) => return Ok(None),
            Err(error) => return Err(damaged(error.to_string())),
        };
        let found: Self = serde_json::from_slice(&text).map_err(|error| damaged(error.to_string()))?;
        if found.format > FORMAT {
            return Err(damaged(format!("it has the format {}, and this version knows {FORMAT}", found.format)));
        }
        Ok(Some(found))
    }

    /// Writes it down, whole or not at all.
    ///
    /// # Errors
    /// `backend-file-damaged`, with why it cannot be written.
    pub fn write(&self, folder: &Folder) -> Result<(), Box<Diagnostic>> {
        let text = serde_json::to_vec_pretty(self).map_err(std::io::Error::other);
        let written = text.and_then(|text| crate::selection::put(folder, "backend.json", &text));
        written.map_err(|error| {
            let place = Place::File(path(folder).display().to_string());
            Box::new(diag::BACKEND_FILE_DAMAGED.at(place).detail(format!("it cannot be written: {error}")))
        })
    }

    /// Takes back what was remembered: the state is in the folder beside the configuration again.
    ///
    /// # Errors
    /// `backend-file-damaged`, with why it cannot be removed.
    pub fn remove(folder: &Folder) -> Result<(), Box<Diagnostic>> {
        match std::fs::remove_file(path(folder)) {
            Err(error) if !is_missing(&error) => {
                let place = Place::File(path(folder).display().to_string());
                Err(Box::new(diag::BACKEND_FILE_DAMAGED.at(place).detail(format!("it cannot be removed: {error}"))))
            }
            _ => Ok(()),
        }
    }
}

/// What is not as it was set up, in words.
pub(crate) fn difference(found: &Remembered, wanted: &Backend) -> String {
    if found.kind != wanted.kind {
        return format!("init set up \"{}\", and \"{}\" is asked for now", found.kind, wanted.kind);
    }
    let now = plain(wanted);
    let names = found.arguments.keys().chain(now.keys()).collect::<std::collections::BTreeSet<_>>();
    let changed = names.into_iter().filter(|name| found.arguments.get(*name) != now.get(*name));
    let changed: Vec<String> = changed.map(|name| format!("`{name}`")).collect();
    format!("{} of the backend \"{}\" changed since init", changed.join(", "), wanted.kind)
}

fn is_missing(error: &std::io::Error) -> bool {
    matches!(error.kind(), std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory)
}

fn path(folder: &Folder) -> PathBuf {
    crate::selection::data_folder(folder).join("backend.json")
}

/// Gathers the arguments of one backend.
struct Gather<'a> {
    folder: &'a Folder,
    kind: &'a str,
    table: &'static [Argument],
    values: BTreeMap<Text, Value>,
    sources: SourceMap,
    problems: Vec<Diagnostic>,
}

/// The backend that the configuration asks for, with what flags add; `None` where there is no block. Sources of secrets
/// are read.
///
/// # Errors
/// Arguments that the kind does not have, or that have another form; secrets in plain sight; files that cannot be read.
pub(crate) async fn wanted(
    folder: &Folder,
    configuration: &Configuration,
    given: &[Given],
) -> Result<Option<Backend>, Refusal> {
    let refuse = |problem| configuration.refusal(problem);
    let Some((program, block)) = configuration.program.as_ref().and_then(|p| Some((p, p.settings.backend.as_ref()?)))
    else {
        let Some(flag) = given.first() else { return Ok(None) };
        return Err(refuse(wrong_flag(flag, "the configuration has no `backend` block")));
    };
    let Some(known) = kind(&block.kind) else {
        let detail = format!("the backend \"{}\"", block.kind);
        return Err(refuse(words::NOT_IN_THIS_VERSION.at(block.kind_span).detail(detail)));
    };
    let sources = configuration.sources.clone();
    let table = known.arguments;
    let mut gather =
        Gather { folder, kind: &block.kind, table, values: BTreeMap::new(), sources, problems: Vec::new() };
    for (name, argument) in &block.arguments {
        gather.written(configuration, program, name, argument);
    }
    for flag in given {
        gather.given(flag);
    }
    gather.required(Place::Span(block.span));
    gather.finish(configuration).await.map(Some)
}

/// The backend as it was remembered, without the configuration. Secrets of the block are not known then: they come from
/// the environment, as each kind has it.
///
/// # Errors
/// A kind that this version does not have; files of `-backend-config` that cannot be read.
pub(crate) async fn remembered(
    folder: &Folder,
    configuration: &Configuration,
    remembered: &Remembered,
) -> Result<Backend, Refusal> {
    let Some(known) = kind(&remembered.kind) else {
        let detail = format!("the backend \"{}\"", remembered.kind);
        let problem = words::NOT_IN_THIS_VERSION.at(Place::File(path(folder).display().to_string())).detail(detail);
        return Err(Box::new(problem).into());
    };
    let values = remembered.arguments.clone();
    let sources = configuration.sources.clone();
    let mut gather =
        Gather { folder, kind: &remembered.kind, table: known.arguments, values, sources, problems: Vec::new() };
    for flag in remembered.given.iter().filter(|given| matches!(given, Given::File(_))) {
        gather.given(flag);
    }
    gather.finish(configuration).await
}

fn wrong_flag(flag: &Given, detail: &str) -> Diagnostic {
    // The value may be a secret, so it is in no message.
    let shown = match flag {
        Given::Pair(name, _) => format!("-backend-config {name}"),
        Given::File(path) => format!("-backend-config {path}"),
    };
    diag::WRONG_BACKEND_FLAG.at(Place::Argument(shown)).detail(detail)
}

impl Gather<'_> {
    fn row(&mut self, name: &str, place: Place) -> Option<Argument> {
        let found = self.table.iter().find(|row| row.name == name).copied();
        if found.is_none() {
            let detail = format!("the backend \"{}\" has no argument `{name}`", self.kind);
            let problem = words::UNKNOWN_ARGUMENT.at(place).detail(detail);
            let all = || format!("It has {}", self.table.iter().map(|row| row.name).collect::<Vec<_>>().join(", "));
            let help = suggestion(name, self.table.iter().map(|row| row.name)).unwrap_or_else(all);
            self.problems.push(problem.help(help));
        }
        found
    }

    fn written(
        &mut self,
        configuration: &Configuration,
        program: &terrane_lang::Program,
        name: &Text,
        argument: &BackendArgument,
    ) {
        let Some(row) = self.row(name, Place::Span(argument.name_span)) else { return };
        let sources = self.folder.fresh_sources();
        let value = early::evaluate(program, &configuration.inputs, &argument.value, &sources, &mut self.problems);
        if let Some(value) = value {
            self.put(row, value, Place::Span(argument.value.span));
        }
    }

    fn given(&mut self, flag: &Given) {
        match flag {
            Given::Pair(name, text) => {
                let place = Place::Argument(format!("-backend-config {name}"));
                let Some(row) = self.row(name, place.clone()) else { return };
                if row.is_secret {
                    let detail = format!("`{name}` is a secret, and a command line is seen by everybody");
                    self.problems.push(wrong_flag(flag, &detail));
                    return;
                }
                self.put(row, early::text(text), place);
            }
            Given::File(path) => {
                let sources = self.folder.fresh_sources();
                match early::file(path, &sources, &mut self.sources, &mut self.problems) {
                    Err(reason) => self.problems.push(wrong_flag(flag, &reason)),
                    Ok(pairs) => {
                        for (name, span, value) in pairs {
                            if let Some(row) = self.row(&name, Place::Span(span)) {
                                self.put(row, value, Place::Span(span));
                            }
                        }
                    }
                }
            }
        }
    }

    fn put(&mut self, row: Argument, value: Value, place: Place) {
        if !row.is_secret && value.has_sensitive() {
            let detail = format!("`{}` is shown and remembered in plain text, and its value is sensitive", row.name);
            self.problems.push(words::SECRET_IN_PLAIN_ARGUMENT.at(place).detail(detail));
            return;
        }
        if value.is_null() {
            self.values.remove(row.name);
            return;
        }
        match if value.is_wholly_known() { row.convert(&value) } else { Some(value) } {
            Some(value) => {
                self.values.insert(row.name.into(), value);
            }
            None => {
                let detail = format!("`{}` is {}", row.name, row.form.words());
                self.problems.push(words::WRONG_TYPE.at(place).detail(detail));
            }
        }
    }

    fn required(&mut self, place: Place) {
        for row in self.table.iter().filter(|row| row.is_required) {
            if !self.values.contains_key(row.name) {
                let detail = format!("the argument `{}` of the backend \"{}\" is missing", row.name, self.kind);
                let help = format!("Write it in the block, or give it with -backend-config '{}=..'", row.name);
                self.problems.push(words::MISSING_ARGUMENT.at(place.clone()).detail(detail).help(help));
            }
        }
    }

    /// Reads the sources of secrets.
    async fn finish(mut self, configuration: &Configuration) -> Result<Backend, Refusal> {
        let Folder { folder, environment, key, .. } = self.folder;
        let secrets = Secrets::new(folder, environment.clone(), configuration.variables.clone(), key.clone());
        for (name, value) in &mut self.values {
            if value.is_wholly_known() {
                continue;
            }
            match secrets.evaluate(value).await {
                Ok(known) => *value = known,
                Err(fault) => {
                    let place = Place::Argument(format!("backend.{name}"));
                    self.problems.push(diag::BACKEND_SECRET.at(place).detail(fault.to_string()));
                }
            }
        }
        if self.problems.iter().any(Diagnostic::is_error) {
            return Err(Refusal { problems: self.problems, sources: self.sources });
        }
        Ok(Backend { kind: self.kind.into(), arguments: self.values.into_iter().collect() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::environment::Environment;
    use crate::testing::{Fake, FakeProvider};
    use tempfile::TempDir;

    fn folder(text: &str) -> (TempDir, Folder) {
        let place = tempfile::tempdir().unwrap();
        std::fs::write(place.path().join("main.hcl"), text).unwrap();
        let (_, registry) = FakeProvider::registry(Fake::default());
        let variables = [("PG_PASSWORD".to_owned(), "hunter2".to_owned())];
        let folder = Folder::open(place.path(), registry, Environment::new("a@b", variables)).unwrap();
        (place, folder)
    }

    async fn backend(text: &str) -> Result<Backend, Vec<String>> {
        let (_place, folder) = folder(text);
        let configuration = folder.load(&[]);
        let found = folder.wanted(&configuration, &[]).await;
        let told = |refusal: Refusal| {
            refusal.problems.iter().map(|problem| format!("{} {}", problem.kind.id, problem.message())).collect()
        };
        found.map(Option::unwrap).map_err(told)
    }

    fn pg(secret: &str) -> String {
        format!("terrane {{\n  backend \"pg\" {{\n    conn_str = {secret}\n  }}\n}}\n")
    }

    // A6, A10
    #[tokio::test]
    async fn a_secret_is_read_and_never_remembered() {
        let found = backend(&pg("\"postgres://terrane:${env(\"PG_PASSWORD\")}@db/state\"")).await.unwrap();
        assert_eq!(found.arguments.text("conn_str"), Some("postgres://terrane:hunter2@db/state"));
        let kept = serde_json::to_string(&Remembered::of(&found, Vec::new())).unwrap();
        assert!(!kept.contains("hunter2") && !kept.contains("conn_str"), "{kept}");
        assert!(!format!("{found:?}").contains("hunter2"));
    }

    // A6, A10
    #[tokio::test]
    async fn a_secret_of_the_backend_that_cannot_be_read_is_told() {
        let told = backend(&pg("env(\"NOTHING\")")).await.unwrap_err();
        assert!(told.len() == 1 && told[0].starts_with("backend-secret-unavailable"), "{told:?}");
    }

    // A6, A10
    #[tokio::test]
    async fn a_secret_on_the_command_line_is_refused_without_being_shown() {
        let (_place, folder) = folder("terrane {\n  backend \"pg\" {\n  }\n}\n");
        let configuration = folder.load(&[]);
        let given = [Given::parse("conn_str=postgres://u:hunter2@db/state")];
        let refusal = folder.wanted(&configuration, &given).await.unwrap_err();
        let told: Vec<String> = refusal.problems.iter().map(|problem| format!("{problem:?}")).collect();
        assert!(told.iter().any(|text| text.contains("wrong-backend-flag")), "{told:?}");
        assert!(!told.concat().contains("hunter2"), "{told:?}");
    }
}
