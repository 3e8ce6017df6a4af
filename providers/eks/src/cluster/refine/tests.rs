//! One judgement of a cluster a test.

use crate::cluster::ClusterType;
use crate::testing::{Case, judge, object, planned, rules, set};
use crate::values::{put, text};
use std::sync::Arc;
use terrane_core::change::Owner;
use terrane_core::{Path, Value};

fn kind() -> ClusterType {
    ClusterType::new(Arc::default())
}

fn written(edits: &[(&str, Value)]) -> Value {
    let base = object(&[("name", Value::string("core")), ("network.subnets", set(&["subnet-a", "subnet-b"]))]);
    edits.iter().fold(base, |value, (path, leaf)| put(&value, path, leaf.clone()))
}

fn refused(edits: &[(&str, Value)], prior: Option<&Value>) -> Vec<String> {
    rules(judge(&kind(), &written(edits), Case { prior, ..Case::default() }))
}

fn texts(items: &[&str]) -> Value {
    Value::list(items.iter().map(|item| Value::string(*item)).collect())
}

#[test]
fn identity_and_own_role_are_known_before_the_cluster_exists() {
    let refined = planned(judge(&kind(), &written(&[]), Case::default()));
    assert_eq!(refined.id.map(|id| id.to_string()).as_deref(), Some("111122223333/eu-west-1/core"));
    assert_eq!(text(&refined.planned, "id"), Some("111122223333/eu-west-1/core"));
    assert_eq!(text(&refined.planned, "owned_role"), Some("core-eu-west-1-cluster"));
    assert_eq!(text(&refined.planned, "role_arn"), Some("arn:aws:iam::111122223333:role/core-eu-west-1-cluster"));
    assert!(refined.planned.get("arn").is_some_and(|arn| !arn.is_known()));
}

#[test]
fn a_role_that_is_named_is_not_ours() {
    let role = ("role_arn", Value::string("arn:aws:iam::111122223333:role/r"));
    let refined = planned(judge(&kind(), &written(&[role]), Case::default()));
    assert_eq!(refined.planned.get("owned_role"), Some(&Value::NULL));
}

#[test]
fn a_minor_version_is_not_skipped_nor_gone_back() {
    let prior = written(&[("version", Value::string("1.32"))]);
    let to = |version: &str| refused(&[("version", Value::string(version))], Some(&prior));
    assert_eq!(to("1.34"), ["version-skip"]);
    assert_eq!(to("1.31"), ["version-downgrade"]);
    assert_eq!(to("1.20"), ["version-unsupported"]);
    assert_eq!(to("1.33.1"), ["version-form"]);
    assert!(to("1.33").is_empty() && to("1.32").is_empty());
}

#[test]
fn what_eks_would_refuse_is_refused_while_planning() {
    assert_eq!(refused(&[("name", Value::string("-x"))], None), ["name-form"]);
    assert_eq!(refused(&[("network.subnets", set(&["subnet-a"]))], None), ["subnets-two"]);
    let ranges = |items: &[&str]| refused(&[("network.service_cidrs", texts(items))], None);
    assert_eq!(ranges(&["172.20.0.0/16", "172.21.0.0/16"]), ["service-cidrs-one"]);
    assert_eq!(ranges(&["8.8.0.0/16"]), ["service-cidr-range"]);
    assert_eq!(ranges(&["10.0.0.0/8"]), ["service-cidr-range"]);
    assert!(ranges(&["10.100.0.0/16"]).is_empty());
    let ipv6 = [("network.ip_family", Value::string("ipv6")), ("network.service_cidrs", texts(&["10.100.0.0/16"]))];
    assert_eq!(refused(&ipv6, None), ["service-cidrs-ipv6"]);
    assert_eq!(refused(&[("endpoint.allowed_cidrs", set(&["10.0.0.1/24"]))], None), ["allowed-cidr-form"]);
    assert_eq!(refused(&[("encryption.kms_key", Value::string("k"))], None), ["not-in-this-version"]);
    let groups = set(&["1", "2", "3", "4", "5", "6"]);
    assert_eq!(refused(&[("network.security_groups", groups)], None), ["security-groups-many"]);
}

#[test]
fn settings_that_go_one_way_are_not_turned_back() {
    let prior = written(&[
        ("version", Value::string("1.31")),
        ("access.authentication_mode", Value::string("API")),
        ("upgrade_policy.support_type", Value::string("EXTENDED")),
    ]);
    let mode = [("access.authentication_mode", Value::string("CONFIG_MAP"))];
    assert_eq!(refused(&mode, Some(&prior)), ["access-mode-one-way"]);
    let support = [("upgrade_policy.support_type", Value::string("STANDARD"))];
    assert_eq!(refused(&support, Some(&prior)), ["support-type-extended"]);
}

#[test]
fn default_tags_are_merged_and_are_ours() {
    let configuration = object(&[("tags", Value::map(vec![("team".into(), Value::string("platform"))]))]);
    let tags = ("tags", Value::map(vec![("app".into(), Value::string("a"))]));
    let case = Case { configuration: Some(configuration), ..Case::default() };
    let refined = planned(judge(&kind(), &written(&[tags]), case));
    assert_eq!(text(&refined.planned, "tags.team"), Some("platform"));
    assert_eq!(refined.owners, [(Path::dotted("tags.team"), Owner::Ours)]);
    let reserved = ("tags", Value::map(vec![("aws:x".into(), Value::string("a"))]));
    assert_eq!(refused(&[reserved], None), ["tags-reserved"]);
}

#[test]
fn what_follows_from_a_change_is_not_known_yet() {
    let prior = planned(judge(&kind(), &written(&[("version", Value::string("1.33"))]), Case::default())).planned;
    let prior = put(&prior, "platform_version", Value::string("eks.1"));
    let prior = put(&prior, "endpoint.allowed_cidrs", set(&["0.0.0.0/0"]));
    let next = |edits: &[(&str, Value)]| {
        planned(judge(&kind(), &written(edits), Case { prior: Some(&prior), ..Case::default() })).planned
    };
    let same = next(&[("version", Value::string("1.33"))]);
    assert_eq!(text(&same, "platform_version"), Some("eks.1"));
    let newer = next(&[("version", Value::string("1.34"))]);
    assert!(newer.get("platform_version").is_some_and(|version| !version.is_known()));
    let private = next(&[("version", Value::string("1.33")), ("endpoint.private", Value::bool(true))]);
    assert!(private.at(&Path::dotted("endpoint.allowed_cidrs")).is_some_and(|ranges| !ranges.is_known()));
}

#[test]
fn deletion_protection_stops_a_delete() {
    let prior = written(&[("deletion_protection", Value::bool(true))]);
    assert!(super::protected(&prior).is_some_and(|fault| &*fault.code == "deletion-protection"));
    assert!(super::protected(&written(&[])).is_none());
}
