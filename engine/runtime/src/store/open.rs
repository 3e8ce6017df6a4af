//! From a checked backend to its store: one table of kinds, one layout of workspaces each.
//!
//! A backend with a workspace is one state. Where the states of the workspaces stand beside each other follows what
//! Terraform does for that kind, so that people find them.

use super::arguments::{Argument, Arguments, Form};
use super::local::LocalStore;
use super::objects::kinds::{self, PlaceKind};
use super::objects::workspaces as objects;
use super::{StateStore, StoreError};
use crate::clock::Clock;
use crate::environment::Environment;
use crate::seal::Keyring;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use terrane_core::Text;
use terrane_lang::scope::DEFAULT_WORKSPACE;

/// Where the state is kept, all values known and checked.
#[derive(Clone, Debug, PartialEq)]
pub struct Backend {
    /// The kind, `s3`.
    pub kind: Text,
    /// Its arguments.
    pub arguments: Arguments,
}

impl Default for Backend {
    /// A folder beside the configuration.
    fn default() -> Self {
        Self { kind: "local".into(), arguments: Arguments::default() }
    }
}

/// What opening a store needs beside the backend.
#[derive(Clone)]
pub struct OpenContext {
    /// The folder of the configuration: relative paths start there.
    pub folder: PathBuf,
    /// Environment variables.
    pub environment: Arc<Environment>,
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// How many seconds of a sandbox pass in one of ours.
    pub clock_rate: u32,
    /// What states are sealed with and opened by.
    pub keyring: Keyring,
}

/// A kind of backend.
#[derive(Clone, Copy)]
pub struct BackendKind {
    /// Its name.
    pub name: &'static str,
    /// What it takes.
    pub arguments: &'static [Argument],
    place: Place,
}

/// What keeps the state.
#[derive(Clone, Copy)]
enum Place {
    /// A folder of this machine.
    Folder,
    /// A place of objects.
    Objects(&'static PlaceKind),
}

const LOCAL: &[Argument] = &[
    Argument::optional("path", Form::Text, "The folder of the state; `terrane.state` where it is not written."),
    Argument::optional(
        "workspace_dir",
        Form::Text,
        "The folder with one folder for each other workspace; `terrane.state.d` where it is not written.",
    ),
];

/// The kind of that name.
#[must_use]
pub fn kind(name: &str) -> Option<BackendKind> {
    if name == "local" {
        return Some(BackendKind { name: "local", arguments: LOCAL, place: Place::Folder });
    }
    let found = kinds::kind(name)?;
    Some(BackendKind { name: found.name, arguments: found.arguments, place: Place::Objects(found) })
}

fn place(backend: &Backend) -> Result<Place, StoreError> {
    let missing = || StoreError::Unusable { reason: format!("this version has no backend \"{}\"", backend.kind) };
    kind(&backend.kind).map(|kind| kind.place).ok_or_else(missing)
}

/// The store that keeps the state of `workspace`. Nothing is read or made yet.
///
/// # Errors
/// [`StoreError::Unusable`], [`StoreError::NotConditional`]: what makes the backend unusable as it is written.
pub fn open(backend: &Backend, workspace: &str, cx: &OpenContext) -> Result<Arc<dyn StateStore>, StoreError> {
    let arguments = &backend.arguments;
    match place(backend)? {
        Place::Folder => {
            let store = LocalStore::new(&local_folder(arguments, workspace, cx), cx.clock.clone());
            Ok(Arc::new(store.with_keyring(cx.keyring.clone())))
        }
        Place::Objects(kind) => objects::open(kind, arguments, workspace, cx),
    }
}

/// The workspaces that have a state, in the order of their names, [`DEFAULT_WORKSPACE`] first and always.
///
/// # Errors
/// Those of reading.
pub async fn workspaces(backend: &Backend, cx: &OpenContext) -> Result<Vec<Text>, StoreError> {
    let mut names = match place(backend)? {
        Place::Folder => local_workspaces(&backend.arguments, cx)?,
        Place::Objects(kind) => objects::list(kind, &backend.arguments, cx).await?,
    };
    names.sort();
    names.dedup();
    names.retain(|name| &**name != DEFAULT_WORKSPACE);
    names.insert(0, DEFAULT_WORKSPACE.into());
    Ok(names)
}

/// Takes the state of a workspace away, with its history and its lock. Whoever calls holds that lock.
///
/// # Errors
/// Those of writing.
pub async fn remove(backend: &Backend, workspace: &str, cx: &OpenContext) -> Result<(), StoreError> {
    match place(backend)? {
        Place::Folder => local_remove(&backend.arguments, workspace, cx),
        Place::Objects(kind) => objects::remove(kind, &backend.arguments, workspace, cx).await,
    }
}

fn local_folder(arguments: &Arguments, workspace: &str, cx: &OpenContext) -> PathBuf {
    if workspace == DEFAULT_WORKSPACE {
        return cx.folder.join(arguments.text("path").unwrap_or("terrane.state"));
    }
    local_others(arguments, cx).join(workspace)
}

fn local_others(arguments: &Arguments, cx: &OpenContext) -> PathBuf {
    cx.folder.join(arguments.text("workspace_dir").unwrap_or("terrane.state.d"))
}

fn local_workspaces(arguments: &Arguments, cx: &OpenContext) -> Result<Vec<Text>, StoreError> {
    let failed = |error: std::io::Error| StoreError::ReadFailed { reason: error.to_string() };
    let entries = match std::fs::read_dir(local_others(arguments, cx)) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(failed(error)),
    };
    let mut names = Vec::new();
    for entry in entries {
        let entry = entry.map_err(failed)?;
        // A folder in which only a lock was taken holds no state.
        let holds_state = |folder: &Path| folder.join("log").exists() || folder.join("snapshot").exists();
        if let Ok(name) = entry.file_name().into_string()
            && is_workspace_name(&name)
            && holds_state(&entry.path())
        {
            names.push(name.into());
        }
    }
    Ok(names)
}

fn local_remove(arguments: &Arguments, workspace: &str, cx: &OpenContext) -> Result<(), StoreError> {
    std::fs::remove_dir_all(local_folder(arguments, workspace, cx))
        .map_err(|error| StoreError::WriteFailed { reason: error.to_string() })
}

/// Whether a workspace can have that name: it becomes a part of paths and names of objects.
#[must_use]
pub fn is_workspace_name(name: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    !name.is_empty() && name.len() <= 90 && !name.starts_with('.') && name.bytes().all(is_plain)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::SystemClock;
    use terrane_core::Value;

    fn context(folder: &Path) -> OpenContext {
        let environment = Arc::new(Environment::new("a@b", []));
        OpenContext {
            folder: folder.to_owned(),
            environment,
            clock: Arc::new(SystemClock),
            clock_rate: 1,
            keyring: Keyring::default(),
        }
    }

    fn names(found: Result<Vec<Text>, StoreError>) -> Vec<String> {
        found.unwrap().iter().map(ToString::to_string).collect()
    }

    // A6
    #[tokio::test]
    async fn local_states_of_workspaces_lie_side_by_side() {
        let folder = tempfile::tempdir().unwrap();
        let cx = context(folder.path());
        let backend = Backend::default();
        let place = |name: &str| open(&backend, name, &cx).unwrap().place();
        assert_eq!(place("default"), folder.path().join("terrane.state").display().to_string());
        assert_eq!(place("eu"), folder.path().join("terrane.state.d/eu").display().to_string());
        for name in ["eu", ".hidden"] {
            std::fs::create_dir_all(folder.path().join("terrane.state.d").join(name)).unwrap();
        }
        assert_eq!(names(workspaces(&backend, &cx).await), ["default"]);
        std::fs::write(folder.path().join("terrane.state.d/eu/log"), "").unwrap();
        assert_eq!(names(workspaces(&backend, &cx).await), ["default", "eu"]);
        remove(&backend, "eu", &cx).await.unwrap();
        assert_eq!(names(workspaces(&backend, &cx).await), ["default"]);
    }

    // A6
    #[test]
    fn a_path_is_seen_from_the_configuration() {
        let cx = context(Path::new("/fleet"));
        let arguments = [("path".into(), Value::string("kept/here"))].into_iter().collect();
        let backend = Backend { kind: "local".into(), arguments };
        assert_eq!(open(&backend, "default", &cx).unwrap().place(), "/fleet/kept/here");
    }

    // A6
    #[test]
    fn names_of_workspaces_are_names_of_folders() {
        assert!(["a", "eu-west_1.b"].into_iter().all(is_workspace_name));
        assert!(!["", ".", "..", "a/b", "a b", "ü", &"x".repeat(91)].into_iter().any(is_workspace_name));
    }
}
