//! An independent audit of a plan, for tests: it shares no code with the planner that it checks.

use crate::plan::{Mode, Phase, Plan};
use std::collections::BTreeMap;
use terrane_core::InstanceAddr;
use terrane_core::change::Action;
use terrane_provider::Verb;

/// Everything that is wrong with a plan, in words; empty for a sound one.
#[must_use]
pub fn findings(plan: &Plan) -> Vec<String> {
    let mut found = Vec::new();
    check_changes(plan, &mut found);
    check_steps(plan, &mut found);
    check_order(plan, &mut found);
    found
}

fn check_changes(plan: &Plan, found: &mut Vec<String>) {
    let keys: Vec<_> = plan.changes.iter().map(|change| (&change.addr, &change.deposed)).collect();
    if !keys.is_sorted() || keys.windows(2).any(|pair| matches!(pair, [a, b] if a == b)) {
        found.push("changes are not sorted by address, each once".into());
    }
    for change in &plan.changes {
        let addr = &change.addr;
        if change.action.is_change() && change.reasons.is_empty() {
            found.push(format!("{addr}: no reason"));
        }
        if change.action.destroys() && change.before_id.is_none() {
            found.push(format!("{addr}: destroys an object without identity"));
        }
        if matches!(change.action, Action::Create | Action::Delete | Action::Forget) && !change.leaves.is_empty() {
            found.push(format!("{addr}: a {} lists leaves", change.action));
        }
        if change.action == Action::Update && change.leaves.is_empty() && change.handed_over.is_empty() {
            found.push(format!("{addr}: an update without a leaf"));
        }
        if change.leaves.iter().any(|leaf| leaf.before.is_same(&leaf.after)) {
            found.push(format!("{addr}: a leaf that does not change"));
        }
        if plan.mode == Mode::RefreshOnly && !matches!(change.action, Action::NoOp | Action::Forget) {
            found.push(format!("{addr}: a refresh does more than look"));
        }
    }
}

fn check_steps(plan: &Plan, found: &mut Vec<String>) {
    for (number, step) in (0_u32..).zip(&plan.steps) {
        if step.after.iter().any(|before| *before >= number) {
            found.push(format!("step {number} waits for a later one"));
        }
        let Some(change) = step.change else { continue };
        let Some(change) = usize::try_from(change).ok().and_then(|change| plan.changes.get(change)) else {
            found.push(format!("step {number} belongs to no change"));
            continue;
        };
        let is_fitting = match (step.phase, step.spec.verb) {
            (Phase::Destroy, Verb::Delete) => change.action.destroys(),
            (Phase::Make, Verb::Create) => change.action == Action::Create || change.action.is_replace(),
            (Phase::Make, Verb::Update) => change.action == Action::Update,
            _ => false,
        };
        if !is_fitting {
            found.push(format!("step {number} ({}) does not fit a {}", step.spec.name, change.action));
        }
    }
}

/// Whether `first` comes before `second` on some way through the steps.
fn precedes(plan: &Plan, first: u32, second: u32) -> bool {
    let mut stack = vec![second];
    let mut seen = vec![false; plan.steps.len()];
    while let Some(step) = stack.pop() {
        if step == first {
            return true;
        }
        let Some(index) = usize::try_from(step).ok() else { continue };
        if let Some(place) = seen.get_mut(index)
            && !std::mem::replace(place, true)
        {
            stack.extend(plan.steps.get(index).into_iter().flat_map(|step| step.after.iter().copied()));
        }
    }
    false
}

fn check_order(plan: &Plan, found: &mut Vec<String>) {
    let mut makes: BTreeMap<&InstanceAddr, (u32, u32)> = BTreeMap::new();
    let mut destroys: BTreeMap<&InstanceAddr, (u32, u32)> = BTreeMap::new();
    for (number, step) in (0_u32..).zip(&plan.steps) {
        let change = step.change.and_then(|c| usize::try_from(c).ok()).and_then(|c| plan.changes.get(c));
        let Some(change) = change else { continue };
        let side = if step.phase == Phase::Make { &mut makes } else { &mut destroys };
        side.entry(&change.addr).and_modify(|(_, last)| *last = number).or_insert((number, number));
    }
    for change in &plan.changes {
        for dep in &change.dependencies {
            if let (Some((_, dep_last)), Some((first, _))) = (makes.get(dep), makes.get(&change.addr))
                && !precedes(plan, *dep_last, *first)
            {
                found.push(format!("{} is made without waiting for {dep}", change.addr));
            }
            if let (Some((_, last)), Some((dep_first, _))) = (destroys.get(&change.addr), destroys.get(dep))
                && !precedes(plan, *last, *dep_first)
            {
                found.push(format!("{dep} is destroyed without waiting for {}", change.addr));
            }
        }
    }
}
