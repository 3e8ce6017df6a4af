//! What is wrong with a fleet: compared are what the sandbox holds, what the state says, and what the run told.

#![expect(clippy::unwrap_used, reason = "a broken harness ends the suite")]

use super::{Fleet, Phase};
use crate::place::Place;
use crate::seen::SEEDED_ROLE;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use terrane_core::InstanceAddr;
use terrane_sandbox::ObjectView;

/// The account that the fleet lives in.
const ACCOUNT: &str = "111122223333";

/// What is wrong after a phase; empty when nothing is.
pub async fn violations(fleet: &Fleet, phase: Phase) -> Vec<String> {
    let (place, mut found) = (&fleet.place, Vec::new());
    let (held, holds) = (held(place), phase.holds());
    for (object, with) in &held {
        match holds.get(object) {
            None => found.push(format!("{object:?} is there and should not be")),
            Some(wanted) if wanted != with => found.push(format!("{object:?} has {with:?} instead of {wanted:?}")),
            Some(_) => {}
        }
    }
    found.extend(
        holds.keys().filter(|object| !held.contains_key(object)).map(|object| format!("{object:?} is missing")),
    );
    found.extend(made_again(place));
    found.extend(left_open(fleet).await);
    let known = known(place).await;
    found.extend(held.keys().filter(|object| !known.contains(object)).map(|o| format!("{o:?} is not in the state")));
    found.extend(
        known.iter().filter(|object| !held.contains_key(object)).map(|o| format!("{o:?} is only in the state")),
    );
    let plan = place.run(phase.plan()).await;
    if plan.code != Some(0) {
        found.push(format!("the next plan ends with {:?}:\n{}{}", plan.code, plan.out, plan.err));
    }
    found
}

/// Type and name of each object, with its role or, of a role, its policies.
fn held(place: &Place) -> BTreeMap<(String, String), Vec<String>> {
    let last = |text: &str| text.rsplit('/').next().unwrap_or_default().to_owned();
    let role = |object: &ObjectView, pointer: &str| {
        vec![last(object.value.pointer(pointer).and_then(Value::as_str).unwrap_or_default())]
    };
    let in_region = |object: &ObjectView| match object.account.as_str() {
        ACCOUNT => format!("{}/{}", object.region, object.name),
        other => format!("{other}/{}/{}", object.region, object.name),
    };
    let mut held = BTreeMap::new();
    for object in place.sandbox.objects() {
        let (name, with) = match object.object_type.as_str() {
            "cluster" => (in_region(&object), role(&object, "/roleArn")),
            "node-group" => (in_region(&object), role(&object, "/nodeRole")),
            "role" if object.name != SEEDED_ROLE => {
                let attached = object.value.pointer("/AttachedPolicies").and_then(Value::as_array);
                let mut policies: Vec<String> =
                    attached.into_iter().flatten().filter_map(Value::as_str).map(last).collect();
                policies.sort();
                (object.name, policies)
            }
            _ => continue,
        };
        held.insert((object.object_type, name), with);
    }
    held
}

/// What was made more than once since the fork.
fn made_again(place: &Place) -> Vec<String> {
    let mut made: BTreeMap<(String, String, String), usize> = BTreeMap::new();
    for entry in place.sandbox.log().into_iter().filter(|entry| entry.is_applied) {
        if ["CreateCluster", "CreateNodegroup", "CreateRole"].contains(&entry.operation.as_str()) {
            *made.entry((entry.operation, entry.region, entry.name)).or_default() += 1;
        }
    }
    let again = made.into_iter().filter(|(_, times)| *times > 1);
    again.map(|((operation, _, name), times)| format!("{operation} of {name} took effect {times} times")).collect()
}

async fn left_open(fleet: &Fleet) -> Vec<String> {
    let state = fleet.state().await;
    let open = state.intents.iter().map(|open| format!("{} of {} is open", open.intent.step.name, open.intent.addr));
    let partial = state.objects.values().filter(|record| record.partial.is_some());
    let mut found: Vec<String> = open.chain(partial.map(|record| format!("{} is half made", record.addr))).collect();
    found.extend(fleet.is_locked().await.then(|| "the state is locked".to_owned()));
    found
}

/// The objects that `show -json` tells of; the role of a cluster or pool is known by its owner.
async fn known(place: &Place) -> BTreeSet<(String, String)> {
    let shown = place.run(&["show", "-json"]).await.expect(0);
    let shown: Value = serde_json::from_str(&shown.out).unwrap();
    let objects = shown.pointer("/values/root_module/resources").and_then(Value::as_array);
    let mut known = BTreeSet::new();
    for object in objects.into_iter().flatten() {
        let text = |pointer: &str| text(object, pointer).to_owned();
        let kind = match text("/type").as_str() {
            "eks_cluster" => "cluster".to_owned(),
            "eks_node_pool" => "node-group".to_owned(),
            other => other.to_owned(),
        };
        let id = text("/id");
        known.insert((kind, id.strip_prefix(&format!("{ACCOUNT}/")).unwrap_or(&id).to_owned()));
        known.insert(("role".to_owned(), text("/values/owned_role")));
    }
    known
}

/// The lines of a run's `-json` output that are whole.
fn lines(out: &str) -> impl Iterator<Item = Value> {
    let whole = out.rsplit_once('\n').map_or("", |(whole, _)| whole).lines();
    whole.filter_map(|line| serde_json::from_str::<Value>(line).ok())
}

fn text<'v>(value: &'v Value, pointer: &str) -> &'v str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

/// What a run told to be done last, and that the state does not know.
pub async fn told_and_lost(fleet: &Fleet, out: &str) -> Vec<String> {
    let mut told: BTreeMap<String, String> = BTreeMap::new();
    for line in lines(out) {
        let addr = text(&line, "/hook/resource/addr").to_owned();
        match text(&line, "/type") {
            "apply_complete" => told.insert(addr, text(&line, "/hook/action").to_owned()),
            // Of a replacement the destruction is told first.
            "apply_start" => told.remove(&addr),
            _ => None,
        };
    }
    let state = fleet.state().await;
    let mut found = Vec::new();
    for (addr, action) in told {
        let instance: InstanceAddr = addr.parse().unwrap();
        let is_open = state.intents.iter().any(|open| open.intent.addr == instance);
        let record = state.record(&instance);
        let is_known = match action.as_str() {
            "delete" => record.is_none(),
            _ => record.is_some_and(|record| record.partial.is_none()),
        };
        if is_open || !is_known {
            found.push(format!("{action} of {addr} was told to be done, and the state does not know it"));
        }
    }
    found
}

/// What a run told, one short line each.
#[must_use]
pub fn story(out: &str) -> String {
    let mut story = String::new();
    for line in lines(out) {
        let moment = text(&line, "/@timestamp").get(11..23).unwrap_or_default().to_owned();
        let more = [text(&line, "/hook/waiting_for"), text(&line, "/diagnostic/detail")].concat();
        story.push_str(&format!("  {moment} {} {}\n", text(&line, "/@message"), more.replace('\n', "; ")));
    }
    story
}
