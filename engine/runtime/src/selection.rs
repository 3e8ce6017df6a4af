//! Which workspace is selected, and the folder `.terrane` in which a working folder remembers such things.

use crate::diag;
use crate::environment::Environment;
use crate::store::open::is_workspace_name;
use crate::workspace::Folder;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use terrane_core::{Diagnostic, Place, Text};
use terrane_lang::scope::DEFAULT_WORKSPACE;

/// Variables that select a workspace, the first that is set wins.
pub const VARIABLES: [&str; 2] = ["TERRANE_WORKSPACE", "TF_WORKSPACE"];

/// Where a working folder remembers what `init` and `workspace select` were told.
pub(crate) fn data_folder(folder: &Folder) -> PathBuf {
    data_folder_of(&folder.folder, &folder.environment)
}

pub(crate) fn data_folder_of(folder: &Path, environment: &Environment) -> PathBuf {
    let named = ["TERRANE_DATA_DIR", "TF_DATA_DIR"].iter().find_map(|name| environment.get(name));
    folder.join(named.filter(|path| !path.is_empty()).unwrap_or(".terrane"))
}

/// Writes a file there, whole or not at all.
pub(crate) fn put(folder: &Folder, name: &str, content: &[u8]) -> std::io::Result<()> {
    let data = data_folder(folder);
    std::fs::create_dir_all(&data)?;
    let part = data.join(format!("{name}.{}.part", std::process::id()));
    let write = || {
        let mut file = std::fs::File::create(&part)?;
        file.write_all(content)?;
        file.sync_all()?;
        std::fs::rename(&part, data.join(name))
    };
    let written = write();
    if written.is_err() {
        // The half file is of no use to anybody; that writing failed is what is told.
        let _left = std::fs::remove_file(&part);
    }
    written
}

/// The variable that selects the workspace, where one does.
#[must_use]
pub fn variable(environment: &Environment) -> Option<(&'static str, &str)> {
    let set = |name: &'static str| environment.get(name).filter(|value| !value.is_empty()).map(|value| (name, value));
    VARIABLES.into_iter().find_map(set)
}

/// The workspace as the environment or the working folder has it, whatever its name is.
pub(crate) fn selected(folder: &Path, environment: &Environment) -> Text {
    if let Some((_, name)) = variable(environment) {
        return name.into();
    }
    let kept = std::fs::read_to_string(data_folder_of(folder, environment).join("workspace")).unwrap_or_default();
    let kept = kept.trim();
    if kept.is_empty() { DEFAULT_WORKSPACE.into() } else { kept.into() }
}

/// Checks the name of a workspace.
///
/// # Errors
/// `wrong-workspace-name`.
pub fn check_name(name: &str) -> Result<(), Box<Diagnostic>> {
    if is_workspace_name(name) {
        return Ok(());
    }
    Err(Box::new(diag::WRONG_WORKSPACE_NAME.at(Place::Argument(name.to_owned()))))
}

/// Remembers which workspace is selected.
///
/// # Errors
/// `wrong-workspace-name`; `workspace-fixed` where a variable selects another one.
pub fn select(folder: &Folder, name: &str) -> Result<(), Box<Diagnostic>> {
    check_name(name)?;
    if let Some((variable, value)) = variable(&folder.environment)
        && value != name
    {
        let place = Place::Argument(variable.to_owned());
        return Err(Box::new(diag::WORKSPACE_FIXED.at(place).with("workspace", value)));
    }
    put(folder, "workspace", name.as_bytes()).map_err(|error| {
        let place = Place::File(data_folder(folder).join("workspace").display().to_string());
        Box::new(diag::WORKSPACE_NOT_KEPT.at(place).detail(error.to_string()))
    })
}
