//! A5, A9: what an earlier run made, and nobody remembers, is taken over by import blocks.

use super::checks::{Violation, planned};
use super::stand::{Stand, changes};
use super::store::Stop;
use std::fmt::Write as _;
use std::sync::Arc;
use terrane_core::InstanceAddr;
use terrane_plan::planner::Options;
use terrane_plan::state::State;
use terrane_provider::contract::Contract;

/// A world whose objects are there and not recorded, and the state that knew them.
async fn forgotten(contract: &'static Contract) -> Result<(Stand, State), Violation> {
    let mut stand = Stand::start(contract).await;
    stand.converge(Options::default(), None).await?;
    let before = stand.state().await;
    stand.store = Arc::default();
    Ok((stand, before))
}

/// Import blocks for every remote object of a state.
fn blocks(state: &State) -> String {
    let registry = super::stand::registry();
    let is_remote = |name: &str| registry.resource(name).is_some_and(|kind| !kind.is_record_only());
    let mut text = String::new();
    for record in state.objects.values().filter(|record| is_remote(&record.id.type_name)) {
        // Writing to a string cannot fail.
        let _ = write!(text, "import {{\n  to = {}\n  id = \"{}\"\n}}\n", record.addr, record.id);
    }
    text
}

fn expect_no_request(stand: &Stand, before: u64) -> Result<(), Violation> {
    let after = stand.place.sandbox.mutating_requests();
    if after == before { Ok(()) } else { Err(format!("{} requests changed something", after - before)) }
}

/// A configuration that fits is imported without one request that changes anything, and the next plan is empty, with
/// the blocks and without them.
///
/// # Errors
/// What is wrong.
pub async fn adopt(contract: &'static Contract) -> Result<(), Violation> {
    let (stand, before) = forgotten(contract).await?;
    let imports = blocks(&before);
    let (requests, objects) = (stand.place.sandbox.mutating_requests(), stand.objects());
    stand.write(&format!("{}{imports}", contract.configuration));
    let plan = planned(&stand, Options::default()).await?;
    let counts = plan.counts();
    let wanted = imports.matches("import {").count();
    if counts.import != wanted || counts.change + counts.destroy + counts.forget > 0 || plan.is_empty() {
        return Err(format!("{counts:?} instead of {wanted} imports: {}", changes(&plan)));
    }
    stand.converge(Options::default(), None).await?;
    stand.expect_empty().await?;
    stand.write(contract.configuration);
    stand.expect_empty().await?;
    expect_no_request(&stand, requests)?;
    if stand.objects() != objects {
        return Err(format!("{objects:?} became {:?}", stand.objects()));
    }
    let after = stand.state().await;
    for (key, record) in &before.objects {
        let Some(now) = after.objects.get(key) else { return Err(format!("{} is not recorded", key.0)) };
        let is_as_before = now.id == record.id
            && now.access == record.access
            && now.sent.is_same(&record.sent)
            && now.owners == record.owners
            && now.dependencies == record.dependencies;
        if !is_as_before {
            return Err(format!("{} is recorded otherwise: {now:?} instead of {record:?}", key.0));
        }
    }
    Ok(())
}

/// An import that stops at a write is done by the next run, and nothing is changed or made.
///
/// # Errors
/// What is wrong.
pub async fn adopt_again(contract: &'static Contract, stop: Stop) -> Result<(), Violation> {
    let (stand, before) = forgotten(contract).await?;
    let (requests, objects) = (stand.place.sandbox.mutating_requests(), stand.objects());
    stand.write(&format!("{}{}", contract.configuration, blocks(&before)));
    stand.converge(Options::default(), Some(stop)).await?;
    stand.converge(Options::default(), None).await?;
    stand.expect_empty().await?;
    expect_no_request(&stand, requests)?;
    if stand.objects() == objects { Ok(()) } else { Err(format!("{objects:?} became {:?}", stand.objects())) }
}

/// An object that changes its address keeps everything else.
///
/// # Errors
/// What is wrong.
pub async fn moved(contract: &'static Contract) -> Result<(), Violation> {
    let stand = Stand::start(contract).await;
    stand.converge(Options::default(), None).await?;
    let (requests, objects) = (stand.place.sandbox.mutating_requests(), stand.objects());
    let from: InstanceAddr = stand.address();
    let header = |name: &str| format!("resource \"{}\" \"{name}\"", from.resource.type_name);
    let (old, new) = (from.resource.to_string(), format!("{}.elsewhere", from.resource.type_name));
    let text = contract.configuration.replace(&header(&from.resource.name), &header("elsewhere")).replace(&old, &new);
    stand.write(&format!("{text}moved {{\n  from = {old}\n  to = {new}\n}}\n"));
    let plan = planned(&stand, Options::default()).await?;
    let is_moved = plan.changes.iter().any(|change| change.moved_from.as_ref() == Some(&from));
    if !is_moved || !plan.steps.is_empty() {
        return Err(format!("it does not move: {}", changes(&plan)));
    }
    stand.converge(Options::default(), None).await?;
    stand.expect_empty().await?;
    expect_no_request(&stand, requests)?;
    if stand.objects() == objects { Ok(()) } else { Err(format!("{objects:?} became {:?}", stand.objects())) }
}
