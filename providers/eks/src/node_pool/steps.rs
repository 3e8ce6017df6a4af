//! The steps of an `eks_node_pool`, in the order they are done.
//!
//! A new version goes first; then everything that UpdateNodegroupConfig takes goes in one call.

use crate::life::UPDATE_TAGS;
use crate::limits::table;
use crate::role::{CREATE_ROLE, DELETE_ROLE};
use crate::values::{text, touches};
use terrane_provider::{Recovery, StepSpec, StepsInput, Verb};

pub const ATTACH_ROLE_POLICIES: &str = "attach-role-policies";
pub const CREATE_NODE_GROUP: &str = "create-node-group";
pub const DELETE_NODE_GROUP: &str = "delete-node-group";
pub const UPDATE_VERSION: &str = "update-version";
pub const UPDATE_CONFIG: &str = "update-config";

const VERSION_LEAVES: &[&str] = &["version", "release_version", "launch_template.version"];
const CONFIG_LEAVES: &[&str] = &["labels", "taints", "size.min", "size.max", "size.desired", "upgrade.max_unavailable"];

/// The leaves that a kind of update writes.
pub fn leaves(step: &str) -> &'static [&'static str] {
    match step {
        UPDATE_VERSION => VERSION_LEAVES,
        UPDATE_CONFIG => CONFIG_LEAVES,
        _ => &[],
    }
}

/// The steps of a change.
pub fn steps(input: &StepsInput<'_>) -> Vec<StepSpec> {
    let mut steps = Vec::new();
    match input.verb {
        Verb::Create => {
            if text(input.planned, "owned_role").is_some() {
                steps.push(StepSpec::new(CREATE_ROLE, Verb::Create, Recovery::Lookup));
                steps.push(StepSpec::new(ATTACH_ROLE_POLICIES, Verb::Create, Recovery::Retry));
            }
            steps.push(waiting(CREATE_NODE_GROUP, Verb::Create));
        }
        Verb::Update => {
            for step in [UPDATE_VERSION, UPDATE_CONFIG] {
                let changed: Vec<&str> =
                    leaves(step).iter().copied().filter(|leaf| touches(input.changed, &[leaf])).collect();
                if changed.is_empty() {
                    continue;
                }
                let mut spec = waiting(step, Verb::Update).touching(&changed);
                if step == UPDATE_VERSION {
                    spec.disrupts = Some("replaces the nodes one after the other".into());
                }
                steps.push(spec);
            }
            if touches(input.changed, &["tags"]) {
                steps.push(StepSpec::new(UPDATE_TAGS, Verb::Update, Recovery::Retry).touching(&["tags"]));
            }
        }
        Verb::Delete => {
            steps.push(waiting(DELETE_NODE_GROUP, Verb::Delete));
            if text(input.prior, "owned_role").is_some() {
                let seconds = table().expected_s(DELETE_ROLE);
                steps.push(StepSpec::new(DELETE_ROLE, Verb::Delete, Recovery::Retry).takes(seconds));
            }
        }
    }
    steps
}

fn waiting(name: &str, verb: Verb) -> StepSpec {
    StepSpec::new(name, verb, Recovery::Lookup).takes(table().expected_s(name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use terrane_core::{Path, Value};

    fn names(verb: Verb, value: &Value, changed: &[&str]) -> Vec<String> {
        let changed: Vec<Path> = changed.iter().map(|path| Path::dotted(path)).collect();
        let input = StepsInput { verb, prior: value, planned: value, changed: &changed };
        steps(&input).iter().map(|step| step.name.to_string()).collect()
    }

    #[test]
    fn the_order_is_role_then_group_and_back() {
        let own = Value::object(vec![("owned_role".into(), Value::string("r"))]);
        assert_eq!(names(Verb::Create, &own, &[]), [CREATE_ROLE, ATTACH_ROLE_POLICIES, CREATE_NODE_GROUP]);
        assert_eq!(names(Verb::Delete, &own, &[]), [DELETE_NODE_GROUP, DELETE_ROLE]);
        assert_eq!(names(Verb::Create, &Value::NULL, &[]), [CREATE_NODE_GROUP]);
    }

    #[test]
    fn labels_taints_and_size_go_in_one_call_after_the_version() {
        let changed = ["size.min", "labels", "taints", "version", "tags"];
        assert_eq!(names(Verb::Update, &Value::NULL, &changed), [UPDATE_VERSION, UPDATE_CONFIG, UPDATE_TAGS]);
        assert_eq!(names(Verb::Update, &Value::NULL, &["release_version"]), [UPDATE_VERSION]);
    }

    #[test]
    fn a_step_relies_only_on_the_leaves_that_change() {
        let changed = [Path::dotted("labels")];
        let input = StepsInput { verb: Verb::Update, prior: &Value::NULL, planned: &Value::NULL, changed: &changed };
        let leaves: Vec<String> = steps(&input).iter().flat_map(|s| s.leaves.iter().map(ToString::to_string)).collect();
        assert_eq!(leaves, ["labels"]);
    }
}
