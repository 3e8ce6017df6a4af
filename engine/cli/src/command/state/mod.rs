//! `terrane state ..`: looking at the state, and changing it without touching the world.

mod amend;
mod history;

use super::UntilEnd;
use super::planning::addresses;
use crate::args::{StateCommand, StateListArguments, StateShowArguments, WriteArguments};
use crate::console::{self, Console};
use crate::diag;
use crate::exit::{Ended, Failure, Outcome};
use crate::render::state as text;
use crate::voice::write_problems;
use std::io::Write as _;
use std::str::FromStr;
use terrane_core::address::AddrError;
use terrane_core::{Place, Selector, SourceMap};
use terrane_lang::inputs::Flag;
use terrane_plan::state::{RecordKey, Recorded, State};
use terrane_runtime::{Session, Workspace};

pub use amend::{Mark, taint};

/// Runs it.
pub async fn run(command: StateCommand, flags: Vec<Flag>) -> u8 {
    let flags = flags.as_slice();
    let common = match &command {
        StateCommand::List(arguments) => &arguments.place.common,
        StateCommand::Show(arguments) => &arguments.place.common,
        StateCommand::Rm(arguments) => &arguments.write.place.common,
        StateCommand::Mv(arguments) => &arguments.write.place.common,
        StateCommand::Pull(arguments) => &arguments.common,
        StateCommand::Push(arguments) => &arguments.write.place.common,
        StateCommand::Versions(arguments) => &arguments.place.common,
        StateCommand::Rollback(arguments) => &arguments.write.place.common,
        StateCommand::Rekey(arguments) => &arguments.place.common,
        StateCommand::AcceptOlder(arguments) => &arguments.common,
    };
    super::quiet(&common.clone(), async |console| match command {
        StateCommand::List(arguments) => list(&arguments, flags).await,
        StateCommand::Show(arguments) => show(&arguments, flags, console).await,
        StateCommand::Rm(arguments) => amend::rm(&arguments, flags).await,
        StateCommand::Mv(arguments) => amend::mv(&arguments, flags).await,
        StateCommand::Pull(_) => history::pull(flags, console).await,
        StateCommand::Push(arguments) => history::push(&arguments, flags).await,
        StateCommand::Versions(arguments) => history::versions(&arguments, flags).await,
        StateCommand::Rollback(arguments) => history::rollback(&arguments, flags, console).await,
        StateCommand::Rekey(arguments) => rekey(&arguments, flags).await,
        StateCommand::AcceptOlder(_) => accept_older(flags).await,
    })
    .await
}

/// Work under the lock: the lock is given back whatever the work comes to, and its own problems come first.
async fn under_lock<T>(
    workspace: &Workspace,
    (operation, write): (&str, &WriteArguments),
    work: impl AsyncFnOnce(&mut Session<'_>) -> Result<T, Failure>,
) -> Result<T, Failure> {
    super::refuse_without_lock(write.lock)?;
    let mut session = workspace.lock(operation, write.timeout_ms()).await?;
    let worked = work(&mut session).await;
    let closed = session.close().await;
    let worked = worked?;
    closed?;
    Ok(worked)
}

async fn rekey(write: &WriteArguments, flags: &[Flag]) -> Outcome {
    super::refuse_without_lock(write.lock)?;
    let workspace = super::workspace(flags).await?;
    workspace.rekey(write.timeout_ms()).await?;
    let mut out = console::stdout();
    writeln!(out, "The state and its history are sealed with the current key. A previous key is not needed for them.")?;
    out.flush()?;
    Ok(Ended::OK)
}

async fn accept_older(flags: &[Flag]) -> Outcome {
    let serial = super::workspace(flags).await?.accept_older().await?;
    let mut out = console::stdout();
    writeln!(out, "The state of serial {serial} is taken for the newest from now on.")?;
    out.flush()?;
    Ok(Ended::OK)
}

async fn list(arguments: &StateListArguments, flags: &[Flag]) -> Outcome {
    let patterns: Vec<Selector> = patterns(&arguments.addresses)?;
    let (state, _) = super::workspace(flags).await?.state().await?;
    let state = UntilEnd::new(state);
    if state.is_new() {
        return Err(diag::NO_STATE.at(Place::State).into());
    }
    let mut found: Vec<&Recorded> = state
        .objects
        .values()
        .map(|record| &**record)
        .filter(|record| patterns.is_empty() || patterns.iter().any(|pattern| pattern.matches(&record.addr)))
        .filter(|record| arguments.id.as_ref().is_none_or(|id| record.id.to_string() == *id))
        .collect();
    found.sort_by_key(|record| record.addr.resource.module.steps().len());
    let mut out = console::stdout();
    for record in found {
        match &record.deposed {
            Some(deposed) => writeln!(out, "{} (deposed {deposed})", record.addr)?,
            None => writeln!(out, "{}", record.addr)?,
        }
    }
    out.flush()?;
    Ok(Ended::OK)
}

async fn show(arguments: &StateShowArguments, flags: &[Flag], console: Console) -> Outcome {
    let patterns = patterns(std::slice::from_ref(&arguments.address))?;
    let workspace = super::workspace(flags).await?;
    let (state, warnings) = workspace.state().await?;
    let state = UntilEnd::new(state);
    write_problems(console, &warnings, &SourceMap::default())?;
    let keys = matching(&state, &patterns);
    if keys.is_empty() {
        return Err(diag::NOT_IN_STATE.at(Place::Argument(arguments.address.clone())).into());
    }
    let mut out = console::stdout();
    for record in keys.iter().filter_map(|key| state.objects.get(key)) {
        text::write_one(record, workspace.registry(), console.out, &mut out)?;
    }
    out.flush()?;
    Ok(Ended::OK)
}

fn patterns<A: FromStr<Err = AddrError>>(texts: &[String]) -> Result<Vec<A>, Failure> {
    let mut problems = Vec::new();
    let patterns = addresses("", texts, &mut problems);
    if problems.is_empty() { Ok(patterns) } else { Err(Failure::new(problems)) }
}

fn matching(state: &State, patterns: &[Selector]) -> Vec<RecordKey> {
    state.objects.keys().filter(|(addr, _)| patterns.iter().any(|pattern| pattern.matches(addr))).cloned().collect()
}
