//! The steps of an `eks_cluster`, in the order they are done.
//!
//! UpdateClusterConfig takes one kind of change in a call, so each kind is a step; the version goes first, because
//! the rest is then judged by the version that will be.

use crate::life::UPDATE_TAGS;
use crate::limits::table;
use crate::role::{CREATE_ROLE, DELETE_ROLE};
use crate::values::{text, touches};
use terrane_provider::{Recovery, StepSpec, StepsInput, Verb};

pub const ATTACH_ROLE_POLICY: &str = "attach-role-policy";
pub const CREATE_CLUSTER: &str = "create-cluster";
pub const DELETE_CLUSTER: &str = "delete-cluster";
pub const UPDATE_VERSION: &str = "update-version";
pub const UPDATE_ENDPOINT: &str = "update-endpoint";
pub const UPDATE_SUBNETS: &str = "update-subnets";
pub const UPDATE_SECURITY_GROUPS: &str = "update-security-groups";
pub const UPDATE_LOGS: &str = "update-logs";
pub const WIDEN_ACCESS_MODE: &str = "widen-access-mode";
pub const UPDATE_ACCESS_MODE: &str = "update-access-mode";
pub const UPDATE_UPGRADE_POLICY: &str = "update-upgrade-policy";
pub const UPDATE_DELETION_PROTECTION: &str = "update-deletion-protection";
pub const UPDATE_TIER: &str = "update-tier";
pub const UPDATE_ZONAL_SHIFT: &str = "update-zonal-shift";

/// Which leaves each kind of update writes.
const UPDATES: &[(&str, &[&str])] = &[
    (UPDATE_VERSION, &["version"]),
    (UPDATE_ENDPOINT, &["endpoint.public", "endpoint.private", "endpoint.allowed_cidrs"]),
    (UPDATE_SUBNETS, &["network.subnets"]),
    (UPDATE_SECURITY_GROUPS, &["network.security_groups"]),
    (UPDATE_LOGS, &["logs"]),
    (UPDATE_ACCESS_MODE, &["access.authentication_mode"]),
    (UPDATE_UPGRADE_POLICY, &["upgrade_policy.support_type"]),
    (UPDATE_DELETION_PROTECTION, &["deletion_protection"]),
    (UPDATE_TIER, &["tier"]),
    (UPDATE_ZONAL_SHIFT, &["zonal_shift"]),
    (UPDATE_TAGS, &["tags"]),
];

/// The leaves that a kind of update writes.
pub fn leaves(step: &str) -> &'static [&'static str] {
    let step = if step == WIDEN_ACCESS_MODE { UPDATE_ACCESS_MODE } else { step };
    UPDATES.iter().find(|(name, _)| *name == step).map_or(&[], |(_, leaves)| leaves)
}

/// The steps of a change.
pub fn steps(input: &StepsInput<'_>) -> Vec<StepSpec> {
    match input.verb {
        Verb::Create => create(input),
        Verb::Update => update(input),
        Verb::Delete => delete(input),
    }
}

fn step(name: &str, verb: Verb, recovery: Recovery) -> StepSpec {
    StepSpec::new(name, verb, recovery)
}

fn create(input: &StepsInput<'_>) -> Vec<StepSpec> {
    let mut steps = Vec::new();
    if text(input.planned, "owned_role").is_some() {
        steps.push(step(CREATE_ROLE, Verb::Create, Recovery::Lookup));
        steps.push(step(ATTACH_ROLE_POLICY, Verb::Create, Recovery::Retry));
    }
    let seconds = table().expected_s(CREATE_CLUSTER);
    steps.push(step(CREATE_CLUSTER, Verb::Create, Recovery::Lookup).takes(seconds));
    steps
}

fn update(input: &StepsInput<'_>) -> Vec<StepSpec> {
    let mut steps = Vec::new();
    for (name, leaves) in UPDATES.iter().filter(|(_, leaves)| touches(input.changed, leaves)) {
        if *name == UPDATE_TAGS {
            steps.push(step(name, Verb::Update, Recovery::Retry).touching(leaves));
            continue;
        }
        if *name == UPDATE_ACCESS_MODE && needs_two_modes(input) {
            steps.push(config_step(WIDEN_ACCESS_MODE).touching(leaves));
            // The second step starts from the mode that the first one sets, so it has no precondition of its own.
            steps.push(config_step(UPDATE_ACCESS_MODE));
            continue;
        }
        steps.push(config_step(name).touching(leaves));
    }
    steps
}

fn config_step(name: &str) -> StepSpec {
    step(name, Verb::Update, Recovery::Lookup).takes(table().expected_s(name))
}

/// EKS goes from CONFIG_MAP to API only over the mode between them.
fn needs_two_modes(input: &StepsInput<'_>) -> bool {
    let mode = |value| text(value, "access.authentication_mode");
    mode(input.prior) == Some("CONFIG_MAP") && mode(input.planned) == Some("API")
}

fn delete(input: &StepsInput<'_>) -> Vec<StepSpec> {
    let seconds = table().expected_s(DELETE_CLUSTER);
    let mut steps = vec![step(DELETE_CLUSTER, Verb::Delete, Recovery::Lookup).takes(seconds)];
    if text(input.prior, "owned_role").is_some() {
        steps.push(step(DELETE_ROLE, Verb::Delete, Recovery::Retry).takes(table().expected_s(DELETE_ROLE)));
    }
    steps
}

#[cfg(test)]
mod tests {
    use super::*;
    use terrane_core::{Path, Value};

    fn names(verb: Verb, prior: &Value, planned: &Value, changed: &[&str]) -> Vec<String> {
        let changed: Vec<Path> = changed.iter().map(|path| Path::dotted(path)).collect();
        let input = StepsInput { verb, prior, planned, changed: &changed };
        steps(&input).iter().map(|step| step.name.to_string()).collect()
    }

    fn object(pairs: &[(&str, &str)]) -> Value {
        pairs.iter().fold(Value::NULL, |value, (path, text)| crate::values::put(&value, path, Value::string(*text)))
    }

    #[test]
    fn a_role_is_made_and_removed_only_where_it_is_ours() {
        let own = object(&[("owned_role", "r")]);
        assert_eq!(names(Verb::Create, &Value::NULL, &own, &[]), [CREATE_ROLE, ATTACH_ROLE_POLICY, CREATE_CLUSTER]);
        assert_eq!(names(Verb::Create, &Value::NULL, &object(&[("name", "a")]), &[]), [CREATE_CLUSTER]);
        assert_eq!(names(Verb::Delete, &own, &Value::NULL, &[]), [DELETE_CLUSTER, DELETE_ROLE]);
        assert_eq!(names(Verb::Delete, &object(&[("name", "a")]), &Value::NULL, &[]), [DELETE_CLUSTER]);
    }

    #[test]
    fn one_kind_of_change_is_one_step_and_the_version_goes_first() {
        let changed = ["tags", "endpoint", "version", "platform_version"];
        let found = names(Verb::Update, &Value::NULL, &Value::NULL, &changed);
        assert_eq!(found, [UPDATE_VERSION, UPDATE_ENDPOINT, UPDATE_TAGS]);
    }

    #[test]
    fn config_map_to_api_goes_over_the_mode_between() {
        let prior = object(&[("access.authentication_mode", "CONFIG_MAP")]);
        let planned = object(&[("access.authentication_mode", "API")]);
        let found = names(Verb::Update, &prior, &planned, &["access.authentication_mode"]);
        assert_eq!(found, [WIDEN_ACCESS_MODE, UPDATE_ACCESS_MODE]);
    }
}
