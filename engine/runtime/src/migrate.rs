//! Taking states along from one place to another, whatever keeps them.
//!
//! A state is copied whole, with lineage and serial, under the locks of both places; where it came from it stays as it
//! was. A copy is durable or not there, so whoever is stopped in the middle runs the same command again.

use crate::diag;
use crate::session::Session;
use crate::store::open::{self, Backend};
use crate::workspace::{Folder, Workspace};
use terrane_core::{Diagnostic, Place, Text};
use terrane_plan::state::State;

/// What became of one state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Copied {
    /// It is there now.
    Copied,
    /// It was there already.
    AlreadyThere,
    /// There was nothing to copy.
    Nothing,
}

/// A state in the target that a copy would replace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InTheWay {
    /// Where it is.
    pub place: String,
    /// How many objects it records.
    pub objects: usize,
    /// Its lineage.
    pub lineage: Text,
}

/// The workspaces of `from` that have something to be taken along.
///
/// # Errors
/// Those of reading.
pub async fn workspaces(folder: &Folder, from: &Backend) -> Result<Vec<Text>, Box<Diagnostic>> {
    let cx = folder.open_context();
    open::workspaces(from, &cx).await.map_err(|error| Box::new(diag::explain(error, &from.kind)))
}

/// Whether a backend holds a state of any workspace.
///
/// # Errors
/// Those of reading.
pub async fn holds_state(folder: &Folder, backend: &Backend) -> Result<bool, Box<Diagnostic>> {
    for name in workspaces(folder, backend).await? {
        let (state, _) = match folder.again().with_backend(backend, &name)?.state().await {
            Ok(found) => found,
            Err(problem) if problem.kind.id == diag::NO_SUCH_WORKSPACE.id => continue,
            // One of another time is a state too; it is asked about before it is replaced.
            Err(problem) if problem.kind.id == diag::STATE_OLDER_THAN_SEEN.id => return Ok(true),
            Err(problem) => return Err(problem),
        };
        if !state.is_new() {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Copies the state of one workspace; `may_replace` is asked before another history is replaced. Stops with what is in
/// the way where it says no.
///
/// # Errors
/// `state-locked` for either place; `serial-behind` where the target went on; `lineage-differs` after a no; those of
/// reading and writing.
pub async fn copy(
    from: &Workspace,
    to: &Workspace,
    timeout_ms: u64,
    may_replace: &mut (dyn AsyncAsk + Send),
) -> Result<Copied, Box<Diagnostic>> {
    let source = from.lock_anew("init -migrate-state", timeout_ms).await?;
    if let Err(problem) = from.check_age(source.state(), None) {
        source.close().await?;
        return Err(problem);
    }
    let target = to.lock_anew("init -migrate-state", timeout_ms).await;
    let mut target = match target {
        Ok(target) => target,
        Err(problem) => {
            source.close().await?;
            return Err(problem);
        }
    };
    let copied = between(source.state(), &mut target, to, may_replace).await;
    let (source, target) = (source.close().await, target.close().await);
    let copied = copied?;
    source.and(target)?;
    Ok(copied)
}

/// Somebody who is asked whether a state may be replaced.
pub trait AsyncAsk {
    /// Whether it may.
    fn ask<'a>(&'a mut self, found: &'a InTheWay) -> terrane_provider::Async<'a, bool>;
}

async fn between(
    source: &State,
    target: &mut Session<'_>,
    to: &Workspace,
    may_replace: &mut (dyn AsyncAsk + Send),
) -> Result<Copied, Box<Diagnostic>> {
    if source.is_new() {
        return Ok(Copied::Nothing);
    }
    let there = target.state();
    let place = || Place::State;
    if there.lineage == source.lineage {
        if there.serial == source.serial {
            return Ok(Copied::AlreadyThere);
        }
        if there.serial > source.serial {
            let problem = diag::SERIAL_BEHIND.at(place()).with("there", there.serial).with("here", source.serial);
            let help = "The state there went on; run `terrane init -reconfigure` to work with it";
            return Err(Box::new(problem.with("state", to.place()).help(help)));
        }
    }
    let is_empty = there.objects.is_empty() && there.intents.is_empty();
    if !is_empty && there.lineage != source.lineage {
        let found = InTheWay { place: to.place(), objects: there.objects.len(), lineage: there.lineage.clone() };
        if !may_replace.ask(&found).await {
            let problem = diag::LINEAGE_DIFFERS.at(place()).with("there", &found.lineage);
            let problem = problem.with("here", &source.lineage).with("state", found.place);
            return Err(Box::new(problem.help("Check that it is the right place; -force-copy replaces what is there")));
        }
    }
    let serial = source.serial.max(there.serial.saturating_add(u64::from(!there.is_new())));
    target.put(State { serial, ..source.clone() }).await?;
    Ok(Copied::Copied)
}

/// Writes what a push brings over the state of a session. Without `is_forced`, only what continues its history.
///
/// # Errors
/// `intents-open`, `lineage-differs`, `serial-behind`; those of writing.
pub async fn push(session: &mut Session<'_>, pushed: State, is_forced: bool) -> Result<(), Box<Diagnostic>> {
    let there = session.state();
    if !is_forced && !there.is_new() {
        crate::amend::is_settled(there)?;
        if there.lineage != pushed.lineage {
            let problem = diag::LINEAGE_DIFFERS.at(Place::State).with("there", &there.lineage);
            return Err(Box::new(problem.with("pushed", &pushed.lineage)));
        }
        if *there == pushed {
            return Ok(());
        }
        if there.serial >= pushed.serial {
            let problem = diag::SERIAL_BEHIND.at(Place::State).with("there", there.serial);
            return Err(Box::new(problem.with("pushed", pushed.serial)));
        }
    }
    // A serial never means two states, not even by force.
    let serial = pushed.serial.max(there.serial.saturating_add(1));
    session.put(State { serial, ..pushed }).await
}
