//! `terrane state list | show | rm`.

use super::UntilEnd;
use super::planning::addresses;
use crate::args::{StateCommand, StateListArguments, StateRmArguments, StateShowArguments};
use crate::console::{self, Console};
use crate::diag;
use crate::exit::{Ended, Failure, Outcome};
use crate::render::state as text;
use crate::voice::write_problems;
use std::io::Write as _;
use terrane_core::{AddrPattern, Place, SourceMap};
use terrane_plan::state::{RecordKey, Recorded, State};

/// Runs it.
pub async fn run(command: StateCommand) -> u8 {
    match command {
        StateCommand::List(arguments) => {
            super::quiet(&arguments.common.clone(), async |_| list(&arguments).await).await
        }
        StateCommand::Show(arguments) => {
            super::quiet(&arguments.common.clone(), async |console| show(&arguments, console).await).await
        }
        StateCommand::Rm(arguments) => {
            super::quiet(&arguments.common.clone(), async |console| rm(&arguments, console).await).await
        }
    }
}

async fn list(arguments: &StateListArguments) -> Outcome {
    let patterns = patterns(&arguments.addresses)?;
    let (state, _) = super::workspace()?.state().await?;
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

async fn show(arguments: &StateShowArguments, console: Console) -> Outcome {
    let patterns = patterns(std::slice::from_ref(&arguments.address))?;
    let workspace = super::workspace()?;
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

async fn rm(arguments: &StateRmArguments, console: Console) -> Outcome {
    let patterns = patterns(&arguments.addresses)?;
    let workspace = super::workspace()?;
    if !arguments.lock {
        let warning = diag::LOCK_ALWAYS_HELD.at(Place::Argument(String::from("-lock=false")));
        write_problems(console, &[warning], &SourceMap::default())?;
    }
    let mut out = console::stdout();
    if arguments.dry_run {
        let (state, _) = workspace.state().await?;
        for (addr, _) in required(&state, &patterns, &arguments.addresses)? {
            writeln!(out, "Would remove {addr}")?;
        }
        out.flush()?;
        return Ok(Ended::OK);
    }
    let timeout_ms = u64::try_from(arguments.lock_timeout.as_millis()).unwrap_or(u64::MAX);
    let mut session = workspace.lock("state rm", timeout_ms).await?;
    let removed = match required(session.state(), &patterns, &arguments.addresses) {
        Ok(keys) => session.forget(&keys).await.map(|()| keys).map_err(Failure::from),
        Err(failure) => Err(failure),
    };
    let closed = session.close().await;
    let removed = removed?;
    closed?;
    for (addr, _) in &removed {
        writeln!(out, "Removed {addr}")?;
    }
    writeln!(out, "Successfully removed {} resource instance(s).", removed.len())?;
    out.flush()?;
    Ok(Ended::OK)
}

fn patterns(texts: &[String]) -> Result<Vec<AddrPattern>, Failure> {
    let mut problems = Vec::new();
    let patterns = addresses("", texts, &mut problems);
    if problems.is_empty() { Ok(patterns) } else { Err(Failure::new(problems)) }
}

fn matching(state: &State, patterns: &[AddrPattern]) -> Vec<RecordKey> {
    state.objects.keys().filter(|(addr, _)| patterns.iter().any(|pattern| pattern.matches(addr))).cloned().collect()
}

/// Everything that the addresses mean; each has to mean something.
fn required(state: &State, patterns: &[AddrPattern], texts: &[String]) -> Result<Vec<RecordKey>, Failure> {
    let missing =
        patterns.iter().zip(texts).filter(|(pattern, _)| !state.objects.keys().any(|(addr, _)| pattern.matches(addr)));
    let problems: Vec<_> = missing.map(|(_, text)| diag::NOT_IN_STATE.at(Place::Argument(text.clone()))).collect();
    if problems.is_empty() { Ok(matching(state, patterns)) } else { Err(Failure::new(problems)) }
}
