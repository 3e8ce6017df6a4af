//! The states of many workspaces in one place: which there are, and taking one away.

use super::kinds::PlaceKind;
use super::lease::{read_failed, write_failed};
use super::patient::Patient;
use super::store::ObjectStore;
use super::{Objects, OpenError};
use crate::seal::Sealed;
use crate::store::arguments::Arguments;
use crate::store::open::OpenContext;
use crate::store::{LEASE_MS, StateStore, StoreError};
use std::sync::Arc;
use terrane_core::Text;

/// What one listing or clearing may take, in milliseconds.
const DEADLINE_MS: u64 = 60_000;

/// The store of a workspace.
///
/// # Errors
/// [`StoreError::Unusable`]; [`StoreError::NotConditional`].
pub fn open(
    kind: &PlaceKind,
    arguments: &Arguments,
    workspace: &str,
    cx: &OpenContext,
) -> Result<Arc<dyn StateStore>, StoreError> {
    let objects = below(kind, arguments, &(kind.layout)(arguments).prefix(workspace), cx)?;
    let objects = Arc::new(Sealed::new(objects, cx.keyring.clone()));
    let lease_ms = LEASE_MS / u64::from(cx.clock_rate.max(1));
    Ok(Arc::new(ObjectStore::new(objects, cx.clock.clone(), lease_ms)))
}

fn below(
    kind: &PlaceKind,
    arguments: &Arguments,
    prefix: &str,
    cx: &OpenContext,
) -> Result<Arc<dyn Objects>, StoreError> {
    (kind.open)(arguments, prefix, &cx.environment).map_err(|error| match error {
        OpenError::Argument { name, reason } => StoreError::Unusable { reason: format!("`{name}`: {reason}") },
        OpenError::NotConditional { .. } => StoreError::NotConditional,
        OpenError::Unusable { reason } => StoreError::Unusable { reason },
    })
}

fn patient(objects: Arc<dyn Objects>, cx: &OpenContext) -> Patient {
    Patient::new(objects, cx.clock.clone(), DEADLINE_MS, cx.clock.now_ms())
}

/// The workspaces that have an object.
///
/// # Errors
/// Those of listing.
pub async fn list(kind: &PlaceKind, arguments: &Arguments, cx: &OpenContext) -> Result<Vec<Text>, StoreError> {
    let layout = (kind.layout)(arguments);
    let objects = patient(below(kind, arguments, "", cx)?, cx);
    let listed = objects.list(&layout.before, "").await.map_err(read_failed)?;
    let mut names: Vec<Text> = Vec::new();
    // What a lock alone left behind is no state.
    for listed in listed.iter().filter(|listed| listed.name.contains("/log/") || listed.name.contains("/snapshot/")) {
        let name = layout.workspace(&listed.name).filter(|name| crate::store::open::is_workspace_name(name));
        if let Some(name) = name
            && names.last().is_none_or(|last| **last != *name)
        {
            names.push(name.into());
        }
    }
    Ok(names)
}

/// Takes every object of a workspace away, the lock last.
///
/// # Errors
/// Those of listing and deleting.
pub async fn remove(
    kind: &PlaceKind,
    arguments: &Arguments,
    workspace: &str,
    cx: &OpenContext,
) -> Result<(), StoreError> {
    let objects = patient(below(kind, arguments, &(kind.layout)(arguments).prefix(workspace), cx)?, cx);
    let listed = objects.list("", "").await.map_err(write_failed)?;
    let is_lock = |name: &str| name.starts_with("lock/");
    let (locks, others): (Vec<_>, Vec<_>) = listed.into_iter().partition(|listed| is_lock(&listed.name));
    for listed in others.iter().chain(&locks) {
        objects.delete(&listed.name).await.map_err(write_failed)?;
    }
    Ok(())
}
