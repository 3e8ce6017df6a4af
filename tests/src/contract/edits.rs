//! Checks of one edit of the configuration: each argument updates, replaces or is refused, as its type says.

use super::checks::{Violation, related};
use super::stand::{Stand, changes, shown};
use terrane_core::Path;
use terrane_core::change::{Action, Reason};
use terrane_plan::plan::{Change, Plan};
use terrane_plan::planner::Options;
use terrane_provider::contract::{Becomes, Contract, Edit};

fn options(stand: &Stand) -> Options {
    // A cluster is not replaced without being asked for; that is a check of its own.
    Options { allow_replace: stand.contract.address.parse().into_iter().collect(), ..Options::default() }
}

/// What an edit becomes, in a world that has the configuration of the cases: planned, and applied up to an empty plan.
///
/// # Errors
/// What is wrong.
pub async fn edit(contract: &'static Contract, edit: &'static Edit) -> Result<(), Violation> {
    let stand = Stand::start(contract).await;
    stand.converge(Options::default(), None).await?;
    planned_edit(&stand, edit).await?;
    if edit.is_only_planned || matches!(edit.becomes, Becomes::Refused(_)) {
        return Ok(());
    }
    let before = stand.record().await.ok_or("no record")?;
    stand.converge(options(&stand), None).await?;
    stand.expect_empty().await?;
    let after = stand.record().await.ok_or("no record afterwards")?;
    if edit.becomes == Becomes::Update && after.id != before.id {
        return Err(format!("an update made {} of {}", after.id, before.id));
    }
    Ok(())
}

/// What an edit is planned as; nothing is applied, and the configuration is the edited one afterwards.
///
/// # Errors
/// What is wrong.
pub async fn planned_edit(stand: &Stand, edit: &Edit) -> Result<(), Violation> {
    stand.write(&stand.contract.configuration.replace(edit.from, edit.to));
    let outcome = stand.plan(options(stand)).await;
    match (edit.becomes, &outcome.plan) {
        (Becomes::Refused(rule), None) => {
            let is_told =
                outcome.problems.iter().any(|problem| problem.kind.id == rule || problem.message().contains(rule));
            if is_told { Ok(()) } else { Err(format!("refused otherwise: {}", shown(&outcome.problems))) }
        }
        (Becomes::Refused(_), Some(plan)) => Err(format!("not refused: {}", changes(plan))),
        (_, None) => Err(format!("no plan: {}", shown(&outcome.problems))),
        (Becomes::Update, Some(plan)) => is_update(stand, plan, edit),
        (Becomes::Replace, Some(plan)) => is_replace(stand, plan, edit),
    }
}

fn own<'p>(stand: &Stand, plan: &'p Plan) -> Result<&'p Change, Violation> {
    stand.change(plan).ok_or_else(|| format!("the instance has no change: {}", changes(plan)))
}

fn is_update(stand: &Stand, plan: &Plan, edit: &Edit) -> Result<(), Violation> {
    let change = own(stand, plan)?;
    let leaf = Path::dotted(edit.argument);
    // What says how the object is reached is no leaf of it.
    let is_shown =
        edit.argument == "credentials" || change.leaves.iter().any(|leaf_change| related(&leaf_change.path, &leaf));
    let is_done = change.action == Action::Update || (edit.argument == "credentials" && change.is_rerecorded);
    if is_done && is_shown { Ok(()) } else { Err(format!("no update of it: {:?} {}", change.action, changes(plan))) }
}

fn is_replace(stand: &Stand, plan: &Plan, edit: &Edit) -> Result<(), Violation> {
    let change = own(stand, plan)?;
    let leaf = Path::dotted(edit.argument);
    let is_named =
        change.reasons.iter().any(|reason| matches!(reason, Reason::CannotUpdate { path, .. } if related(path, &leaf)));
    if change.action.is_replace() && is_named {
        return Ok(());
    }
    Err(format!("no replacement because of it: {:?} {:?} {}", change.action, change.reasons, changes(plan)))
}
