//! `terrane state rm | mv`, `terrane taint | untaint`: other addresses and marks in the state.

use super::{matching, patterns, under_lock};
use crate::args::{StateMvArguments, StateRmArguments, TaintArguments};
use crate::console;
use crate::diag;
use crate::exit::{Ended, Failure, Outcome};
use std::io::Write as _;
use terrane_core::{AddrPattern, InstanceAddr, Place, Selector};
use terrane_lang::inputs::Flag;
use terrane_plan::state::{RecordKey, State};
use terrane_runtime::amend;

/// Whether a mark is set or taken away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    /// `taint`.
    Set,
    /// `untaint`.
    Removed,
}

pub(super) async fn rm(arguments: &StateRmArguments, flags: &[Flag]) -> Outcome {
    let patterns = patterns(&arguments.addresses)?;
    let workspace = super::super::workspace(flags).await?;
    let mut out = console::stdout();
    if arguments.dry_run {
        let (state, _) = workspace.state().await?;
        for (addr, _) in required(&state, &patterns, &arguments.addresses)? {
            writeln!(out, "Would remove {addr}")?;
        }
        out.flush()?;
        return Ok(Ended::OK);
    }
    let removed = under_lock(&workspace, ("state rm", &arguments.write), async |session| {
        let keys = required(session.state(), &patterns, &arguments.addresses)?;
        session.forget(&keys).await?;
        Ok(keys)
    })
    .await?;
    for (addr, _) in &removed {
        writeln!(out, "Removed {addr}")?;
    }
    writeln!(out, "Successfully removed {} resource instance(s).", removed.len())?;
    out.flush()?;
    Ok(Ended::OK)
}

/// Everything that the addresses mean; each has to mean something.
fn required(state: &State, patterns: &[Selector], texts: &[String]) -> Result<Vec<RecordKey>, Failure> {
    let missing =
        patterns.iter().zip(texts).filter(|(pattern, _)| !state.objects.keys().any(|(addr, _)| pattern.matches(addr)));
    let problems: Vec<_> = missing.map(|(_, text)| diag::NOT_IN_STATE.at(Place::Argument(text.clone()))).collect();
    if problems.is_empty() { Ok(matching(state, patterns)) } else { Err(Failure::new(problems)) }
}

pub(super) async fn mv(arguments: &StateMvArguments, flags: &[Flag]) -> Outcome {
    let texts = [arguments.from.clone(), arguments.to.clone()];
    let patterns: Vec<AddrPattern> = patterns(&texts)?;
    let [from, to] = patterns.as_slice() else { return Ok(Ended::OK) };
    let workspace = super::super::workspace(flags).await?;
    let planned = |state: &State| {
        required(state, &[from.clone().into()], &texts)?;
        Ok::<_, Failure>(amend::moves(state, from, to)?)
    };
    let mut out = console::stdout();
    if arguments.dry_run {
        let (state, _) = workspace.state().await?;
        for ((old, _), (new, _)) in planned(&state)? {
            writeln!(out, "Would move {old} to {new}")?;
        }
        out.flush()?;
        return Ok(Ended::OK);
    }
    let moved = under_lock(&workspace, ("state mv", &arguments.write), async |session| {
        let moves = planned(session.state())?;
        let entries = amend::relocate(session.state(), &moves);
        session.amend(&format!("state mv: {from} to {to}"), entries).await?;
        Ok(moves)
    })
    .await?;
    for ((old, _), (new, _)) in &moved {
        writeln!(out, "Moved {old} to {new}")?;
    }
    writeln!(out, "Successfully moved {} object(s).", moved.len())?;
    out.flush()?;
    Ok(Ended::OK)
}

/// Runs `taint` or `untaint`.
///
/// # Errors
/// An address that is not recorded, or that is marked as it should be already.
pub async fn taint(arguments: &TaintArguments, mark: Mark, flags: &[Flag]) -> Outcome {
    let place = || Place::Argument(arguments.address.clone());
    let addr: InstanceAddr = arguments
        .address
        .parse()
        .map_err(|error| Failure::from(diag::INVALID_ADDRESS.at(place()).detail(format!("{error}"))))?;
    let (name, is_tainted) = match mark {
        Mark::Set => ("taint", true),
        Mark::Removed => ("untaint", false),
    };
    let workspace = super::super::workspace(flags).await?;
    let is_there = under_lock(&workspace, (name, &arguments.write), async |session| {
        if session.state().record(&addr).is_none() {
            let missing = Failure::from(diag::NOT_IN_STATE.at(place()));
            return if arguments.allow_missing { Ok(false) } else { Err(missing) };
        }
        let entries = amend::taint(session.state(), &addr, is_tainted)?;
        session.amend(&format!("{name}: {addr}"), entries).await?;
        Ok(true)
    })
    .await?;
    let mut out = console::stdout();
    match (is_there, mark) {
        (false, _) => writeln!(out, "Nothing is recorded at {addr}.")?,
        (true, Mark::Set) => writeln!(out, "Resource instance {addr} has been marked as tainted.")?,
        (true, Mark::Removed) => writeln!(out, "Resource instance {addr} has been successfully untainted.")?,
    }
    out.flush()?;
    Ok(Ended::OK)
}
