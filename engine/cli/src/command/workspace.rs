//! `terrane workspace list | new | select | show | delete`: several states of one configuration.

use crate::args::{
    WorkspaceCommand, WorkspaceDeleteArguments, WorkspaceNewArguments, WorkspaceSelectArguments, WriteArguments,
};
use crate::console;
use crate::diag;
use crate::exit::{Ended, Failure, Outcome};
use std::io::Write as _;
use terrane_core::diagnostic::suggestion;
use terrane_core::{Place, Text};
use terrane_lang::inputs::Flag;
use terrane_lang::scope::DEFAULT_WORKSPACE;
use terrane_runtime::store::open::{self, Backend};
use terrane_runtime::{Folder, diag as words, migrate, selection};

/// Runs it.
///
/// # Errors
/// Names that are not there or taken, workspaces in use, a place that cannot be reached.
pub async fn run(command: &WorkspaceCommand, flags: &[Flag]) -> Outcome {
    match command {
        WorkspaceCommand::List(_) => list(flags).await,
        WorkspaceCommand::New(arguments) => new(arguments, flags).await,
        WorkspaceCommand::Select(arguments) => select(arguments, flags).await,
        WorkspaceCommand::Show(_) => {
            let mut out = console::stdout();
            writeln!(out, "{}", super::folder()?.selected())?;
            out.flush()?;
            Ok(Ended::OK)
        }
        WorkspaceCommand::Delete(arguments) => delete(arguments, flags).await,
    }
}

/// The folder, its backend, and the workspaces there.
struct Found {
    folder: Folder,
    backend: Backend,
    names: Vec<Text>,
}

async fn look(flags: &[Flag]) -> Result<Found, Failure> {
    let folder = super::folder()?;
    let configuration = folder.load_backend(flags);
    let backend = folder.backend(&configuration).await?;
    let names = migrate::workspaces(&folder, &backend).await?;
    Ok(Found { folder, backend, names })
}

fn say(text: &str) -> Outcome {
    let mut out = console::stdout();
    writeln!(out, "{text}")?;
    out.flush()?;
    Ok(Ended::OK)
}

async fn list(flags: &[Flag]) -> Outcome {
    let Found { folder, names, .. } = look(flags).await?;
    let selected = folder.selected();
    let lines: Vec<String> =
        names.iter().map(|name| format!("{} {name}", if *name == selected { "*" } else { " " })).collect();
    say(&format!("{}\n", lines.join("\n")))
}

async fn new(arguments: &WorkspaceNewArguments, flags: &[Flag]) -> Outcome {
    let found = look(flags).await?;
    if found.names.iter().any(|name| **name == *arguments.name) {
        return Err(diag::WORKSPACE_EXISTS.at(Place::Argument(arguments.name.clone())).into());
    }
    make(&found, &arguments.name, &arguments.write).await?;
    say(&format!(
        "Created and switched to workspace \"{}\"!\n\nIts state is empty: a plan shows nothing of what is in other \
         workspaces.",
        arguments.name
    ))
}

/// Makes a workspace and selects it. One that a stopped run began is finished.
async fn make(found: &Found, name: &str, write: &WriteArguments) -> Result<(), Failure> {
    super::refuse_without_lock(write.lock)?;
    selection::check_name(name)?;
    let workspace = found.folder.again().with_backend(&found.backend, name)?;
    let mut session = workspace.lock_anew("workspace new", write.timeout_ms()).await?;
    let started = if session.state().is_new() { session.start().await } else { Ok(()) };
    let closed = session.close().await;
    started?;
    closed?;
    Ok(selection::select(&found.folder, name)?)
}

async fn select(arguments: &WorkspaceSelectArguments, flags: &[Flag]) -> Outcome {
    let found = look(flags).await?;
    let name = &arguments.name;
    if !found.names.iter().any(|known| **known == **name) {
        if !arguments.or_create {
            let problem = words::NO_SUCH_WORKSPACE.at(Place::Argument(name.clone()));
            let names = found.names.iter().map(|name| &**name);
            return Err(match suggestion(name, names) {
                Some(help) => problem.help(help).into(),
                None => problem.into(),
            });
        }
        make(&found, name, &arguments.write).await?;
        return say(&format!("Created and switched to workspace \"{name}\"!"));
    }
    selection::select(&found.folder, name)?;
    say(&format!("Switched to workspace \"{name}\"."))
}

async fn delete(arguments: &WorkspaceDeleteArguments, flags: &[Flag]) -> Outcome {
    let found = look(flags).await?;
    let name = &arguments.name;
    let place = || Place::Argument(name.clone());
    super::refuse_without_lock(arguments.write.lock)?;
    if !found.names.iter().any(|known| **known == **name) {
        return Err(words::NO_SUCH_WORKSPACE.at(place()).into());
    }
    if **name == *DEFAULT_WORKSPACE || **name == *found.folder.selected() {
        let why = if **name == *DEFAULT_WORKSPACE { "the first workspace always stays" } else { "it is selected" };
        return Err(diag::WORKSPACE_IN_USE.at(place()).detail(why).into());
    }
    let workspace = found.folder.again().with_backend(&found.backend, name)?;
    let session = workspace.lock("workspace delete", arguments.write.timeout_ms()).await?;
    let objects = session.state().objects.len() + session.state().intents.len();
    if objects > 0 && !arguments.force {
        session.close().await?;
        return Err(diag::WORKSPACE_NOT_EMPTY.at(place()).with("objects", objects).into());
    }
    let removed = open::remove(&found.backend, name, &found.folder.open_context()).await;
    if let Err(error) = removed {
        session.close().await?;
        return Err(words::explain(error, &workspace.place()).into());
    }
    // Its lock went with it, so there is nothing to give back.
    drop(session);
    say(&format!("Deleted workspace \"{name}\"!"))
}
