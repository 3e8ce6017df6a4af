//! Checks over one configuration that stays as it is.

use super::stand::{Stand, changes, shown};
use super::store::Stop;
use terrane_core::Path;
use terrane_core::change::{Action, Reason};
use terrane_plan::plan::{Mode, Plan};
use terrane_plan::planner::Options;
use terrane_provider::contract::{Contract, Outside};

/// What a check found wrong.
pub type Violation = String;

/// Options of a destroy.
#[must_use]
pub fn destroy() -> Options {
    Options { mode: Mode::Destroy, ..Options::default() }
}

/// Apply brings the world there, and the next plan is empty; destroy leaves nothing.
///
/// # Errors
/// What is wrong.
pub async fn life(contract: &'static Contract) -> Result<(), Violation> {
    let stand = Stand::start(contract).await;
    stand.converge(Options::default(), None).await?;
    stand.expect_empty().await?;
    if contract.object.is_some() && stand.objects().is_empty() {
        return Err("nothing was made".into());
    }
    stand.converge(destroy(), None).await?;
    no_leak(&stand)?;
    if stand.objects().is_empty() && stand.state().await.objects.is_empty() {
        return Ok(());
    }
    Err(format!("left behind: {:?} {:?}", stand.objects(), stand.state().await.objects.keys()))
}

/// The same plan applied twice does its work once.
///
/// # Errors
/// What is wrong.
pub async fn apply_twice(contract: &'static Contract) -> Result<(), Violation> {
    let stand = Stand::start(contract).await;
    let outcome = stand.plan(Options::default()).await;
    let plan = outcome.plan.ok_or_else(|| shown(&outcome.problems))?;
    stand.apply(plan.clone()).await.map_err(|refusal| shown(&[*refusal]))?;
    let (requests, state) = (stand.place.sandbox.mutating_requests(), stand.state().await);
    let again = stand.apply(plan).await;
    match again {
        Err(refusal) if refusal.kind.id == "plan-stale" => {}
        other => return Err(format!("the second apply was not refused as stale: {other:?}")),
    }
    if stand.place.sandbox.mutating_requests() != requests || stand.state().await != state {
        return Err("the second apply changed something".into());
    }
    stand.converge(Options::default(), None).await?;
    if stand.place.sandbox.mutating_requests() == requests {
        Ok(())
    } else {
        Err("a second run changed something".into())
    }
}

/// An outside change of a leaf of ours is drift, is shown as exactly that leaf, and is put back.
///
/// # Errors
/// What is wrong.
pub async fn our_drift(stand: &Stand, outside: &Outside) -> Result<(), Violation> {
    let before = stand.outside(outside.pointer);
    stand.set_outside(outside.pointer, outside.value)?;
    let plan = planned(stand, Options::default()).await?;
    let leaf = Path::dotted(outside.leaf);
    let is_told = plan.drift.iter().any(|drift| {
        drift.addr == stand.address()
            && !drift.is_gone
            && drift.leaves.iter().any(|change| related(&change.path, &leaf))
    });
    if !is_told {
        return Err(format!("the drift is not told: {:?}", plan.drift));
    }
    let change = stand.change(&plan).ok_or("the instance has no change")?;
    let is_repair = change.leaves.iter().all(|change| related(&change.path, &leaf) && change.is_repair);
    if change.action != Action::Update || change.leaves.is_empty() || !is_repair {
        return Err(format!("it is not repaired: {}", changes(&plan)));
    }
    if plan.counts().change != 1 || plan.counts().add + plan.counts().destroy > 0 {
        return Err(format!("it changes more: {}", changes(&plan)));
    }
    stand.converge(Options::default(), None).await?;
    stand.expect_empty().await?;
    let after = stand.outside(outside.pointer);
    if before == after { Ok(()) } else { Err(format!("{before:?} became {after:?}")) }
}

/// An outside change of a leaf that is not ours is no drift and no change.
///
/// # Errors
/// What is wrong.
pub async fn foreign_drift(stand: &Stand, outside: &Outside) -> Result<(), Violation> {
    stand.set_outside(outside.pointer, outside.value)?;
    let requests = stand.place.sandbox.mutating_requests();
    stand.expect_empty().await?;
    stand.converge(Options::default(), None).await?;
    if stand.place.sandbox.mutating_requests() == requests { Ok(()) } else { Err("apply changed something".into()) }
}

/// What was deleted outside is found gone and made again.
///
/// # Errors
/// What is wrong.
pub async fn deleted_outside(contract: &'static Contract) -> Result<(), Violation> {
    let stand = Stand::start(contract).await;
    stand.converge(Options::default(), None).await?;
    let objects = stand.objects();
    stand.delete_outside()?;
    let plan = planned(&stand, Options::default()).await?;
    let is_told = plan.drift.iter().any(|drift| drift.addr == stand.address() && drift.is_gone);
    let change = stand.change(&plan).ok_or("the instance has no change")?;
    if !is_told || change.action != Action::Create || !change.reasons.contains(&Reason::Gone) {
        return Err(format!("it is not found gone: {:?} {}", plan.drift, changes(&plan)));
    }
    stand.converge(Options::default(), None).await?;
    stand.expect_empty().await?;
    if stand.objects() == objects { Ok(()) } else { Err(format!("{objects:?} became {:?}", stand.objects())) }
}

/// Credentials of another account see neither an empty world nor anything to change.
///
/// # Errors
/// What is wrong.
pub async fn wrong_scope(contract: &'static Contract) -> Result<(), Violation> {
    let stand = Stand::start(contract).await;
    stand.converge(Options::default(), None).await?;
    let (objects, requests, state) = (stand.objects(), stand.place.sandbox.mutating_requests(), stand.state().await);
    stand.use_account(1);
    for options in [Options::default(), destroy(), Options { mode: Mode::RefreshOnly, ..Options::default() }] {
        let outcome = stand.plan(options).await;
        if outcome.plan.is_some() || !outcome.problems.iter().any(|problem| problem.kind.id == "wrong-scope") {
            let plan = outcome.plan.as_ref().map(changes);
            return Err(format!("the other account is not noticed: {plan:?} {}", shown(&outcome.problems)));
        }
    }
    let after = (stand.objects(), stand.place.sandbox.mutating_requests(), stand.state().await);
    if after == (objects, requests, state) { Ok(()) } else { Err("something changed".into()) }
}

/// Writes that creating and destroying take.
///
/// # Errors
/// What is wrong.
pub async fn writes(contract: &'static Contract) -> Result<(u64, u64), Violation> {
    let stand = Stand::start(contract).await;
    stand.converge(Options::default(), None).await?;
    let create = stand.store.writes();
    stand.converge(destroy(), None).await?;
    Ok((create, stand.store.writes()))
}

/// A run that stops at a write, while creating or destroying, is resumed: each object is there once, or none.
///
/// # Errors
/// What is wrong.
pub async fn resume(contract: &'static Contract, stop: Stop, destroys: bool) -> Result<(), Violation> {
    let stand = Stand::start(contract).await;
    let options = if destroys { destroy() } else { Options::default() };
    if destroys {
        stand.converge(Options::default(), None).await?;
    }
    let is_at_end = stand.converge(options.clone(), Some(stop)).await?;
    // Entries of one moment share a write, so that another run may need fewer and never come to this one.
    if is_at_end && stand.store.writes() >= stop.write {
        return Err("it did not stop".into());
    }
    stand.converge(options, None).await?;
    if !stand.state().await.intents.is_empty() {
        return Err("an intent stays open".into());
    }
    if destroys {
        let left = (stand.objects(), stand.state().await.objects.len());
        return if left.0.is_empty() && left.1 == 0 { Ok(()) } else { Err(format!("left behind: {left:?}")) };
    }
    stand.expect_empty().await?;
    let whole = Stand::start(contract).await;
    whole.converge(Options::default(), None).await?;
    no_leak(&stand)?;
    let (resumed, whole) = (stand.objects(), whole.objects());
    if resumed == whole { Ok(()) } else { Err(format!("{resumed:?} instead of {whole:?}")) }
}

fn no_leak(stand: &Stand) -> Result<(), Violation> {
    let leaked = stand.leaked();
    if leaked.is_empty() { Ok(()) } else { Err(format!("secrets that stand in artefacts: {leaked:?}")) }
}

/// The plan, or why there is none.
///
/// # Errors
/// The problems.
pub async fn planned(stand: &Stand, options: Options) -> Result<Plan, Violation> {
    let outcome = stand.plan(options).await;
    outcome.plan.ok_or_else(|| format!("no plan: {}", shown(&outcome.problems)))
}

/// Whether one of the two leaves holds the other.
#[must_use]
pub fn related(one: &Path, other: &Path) -> bool {
    one.starts_with(other) || other.starts_with(one)
}
