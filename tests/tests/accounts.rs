//! A1, A2, A3, A5, A7, C1, C2, C7: a fleet over two accounts and two regions out of one map, and what happens when
//! the keys of another account are at hand.

use std::collections::BTreeMap;
use terrane_sandbox::{Drift, LogEntry, SandboxConfig};
use terrane_tests::place::Place;
use terrane_tests::seen;

/// Accounts of the sandbox.
const A: &str = "111122223333";
const B: &str = "444455556666";
/// Who calls, by the kind of credentials.
const KEYS_OF_A: &str = "arn:aws:iam::111122223333:user/sandbox";
const KEYS_OF_B: &str = "arn:aws:iam::444455556666:user/sandbox";
const ROLE_IN_A: &str = "arn:aws:sts::111122223333:assumed-role/terrane-deployer/";
const ROLE_IN_B: &str = "arn:aws:sts::444455556666:assumed-role/terrane-deployer/";

/// Four clusters of one name: keys of the environment, a profile with a role, a profile with keys, and a role that
/// the keys of the environment assume in the other account.
const FLEET: &str = r#"
variable "fleet" {
  type = map(object({ region = string, credentials = optional(map(string)) }))
  default = {
    a_eu = { region = "eu-west-1" }
    a_us = { region = "us-east-1", credentials = { profile = "account-a-deployer" } }
    b_eu = { region = "eu-west-1", credentials = { profile = "account-b" } }
    b_us = { region = "us-east-1", credentials = { role_arn = "arn:aws:iam::444455556666:role/terrane-deployer" } }
  }
}

data "eks_network" "of" {
  for_each    = var.fleet
  region      = each.value.region
  credentials = each.value.credentials
  filter      = { "tag:team" = "platform" }
}

resource "eks_cluster" "fleet" {
  for_each    = var.fleet
  name        = "core"
  region      = each.value.region
  credentials = each.value.credentials

  network {
    subnets = data.eks_network.of[each.key].private_subnets
  }
}

resource "eks_node_pool" "workers" {
  for_each = eks_cluster.fleet
  cluster  = each.value.id
  name     = "workers"

  size {
    min = 1
    max = 3
  }
}
"#;

async fn place(configuration: &str) -> Place {
    let mut place = Place::start(SandboxConfig { clock_rate: 600, ..SandboxConfig::default() }).await;
    place.write("main.hcl", configuration);
    place.write("profiles", &place.sandbox.aws_profiles_text());
    let profiles = place.path().join("profiles").display().to_string();
    for name in ["AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"] {
        place.environment.push((name.to_owned(), profiles.clone()));
    }
    place
}

/// What one cluster with one pool comes to in a region of an account.
fn one(account: &str, region: &str) -> Vec<String> {
    vec![
        format!("{account} {region} cluster core"),
        format!("{account} {region} node-group core/workers"),
        format!("{account} role core-{region}-cluster"),
        format!("{account} role core-{region}-workers-node"),
    ]
}

fn all(places: &[(&str, &str)]) -> Vec<String> {
    let mut lines: Vec<String> = places.iter().flat_map(|(account, region)| one(account, region)).collect();
    lines.sort();
    lines
}

/// Who carried out an operation, by account and region of the request; in each of them it took effect once.
fn callers(changes: &[LogEntry], operation: &str) -> BTreeMap<(String, String), String> {
    let is_done = |entry: &&LogEntry| entry.operation == operation && entry.is_applied;
    let of_operation: Vec<&LogEntry> = changes.iter().filter(is_done).collect();
    let callers: BTreeMap<(String, String), String> = of_operation
        .iter()
        .map(|entry| ((entry.account.clone(), entry.region.clone()), entry.caller_arn.clone()))
        .collect();
    assert_eq!(callers.len(), of_operation.len(), "{operation} more than once in a region of an account");
    callers
}

#[track_caller]
fn expect_callers(changes: &[LogEntry], operation: &str, expected: &[(&str, &str, &str)]) {
    let found = callers(changes, operation);
    let places: Vec<(&str, &str)> = found.keys().map(|(account, region)| (account.as_str(), region.as_str())).collect();
    let wanted: Vec<(&str, &str)> = expected.iter().map(|(account, region, _)| (*account, *region)).collect();
    assert_eq!(places, wanted, "{operation}");
    for ((at, caller), (_, _, start)) in found.iter().zip(expected) {
        assert!(caller.starts_with(start), "{operation} in {at:?} by {caller}, not {start}");
    }
}

const FLEET_PLACES: &[(&str, &str)] = &[(A, "eu-west-1"), (A, "us-east-1"), (B, "eu-west-1"), (B, "us-east-1")];
const FLEET_CALLERS: &[(&str, &str, &str)] = &[
    (A, "eu-west-1", KEYS_OF_A),
    (A, "us-east-1", ROLE_IN_A),
    (B, "eu-west-1", KEYS_OF_B),
    (B, "us-east-1", ROLE_IN_B),
];

/// A configuration in which nothing of a fleet is left.
const NOTHING: &str = "output \"left\" {\n  value = \"nothing\"\n}\n";

/// Applies, checks who made what, takes all of it out of the configuration, and checks who destroyed it.
async fn live_and_die(place: &Place, places: &[(&str, &str)], callers: &[(&str, &str, &str)]) {
    place.run(&["apply", "-auto-approve"]).await.expect(0);
    assert_eq!(seen::made(&place.sandbox), all(places));
    let made = seen::changes(&place.sandbox, 0);
    for operation in ["CreateCluster", "CreateNodegroup"] {
        expect_callers(&made, operation, callers);
    }
    place.run(&["plan", "-detailed-exitcode"]).await.expect(0);
    place.run(&["drift"]).await.expect(0);

    // Nothing of it is written any more: only the state knows who reaches what.
    place.write("main.hcl", NOTHING);
    let mark = seen::mark(&place.sandbox);
    place.run(&["apply", "-auto-approve"]).await.expect(0);
    assert_eq!(seen::made(&place.sandbox), Vec::<String>::new());
    let gone = seen::changes(&place.sandbox, mark);
    for operation in ["DeleteCluster", "DeleteNodegroup"] {
        expect_callers(&gone, operation, callers);
    }
    place.run(&["plan", "-detailed-exitcode"]).await.expect(0);
    assert_eq!(place.run(&["state", "list"]).await.expect(0).out, "");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_map_makes_clusters_in_two_accounts_and_two_regions() {
    let place = place(FLEET).await;
    live_and_die(&place, FLEET_PLACES, FLEET_CALLERS).await;
}

/// One cluster and pool through a provider configuration.
fn through(provider: &str, label: &str, region: &str) -> String {
    format!(
        r#"
data "eks_network" "{label}" {{
  provider = {provider}
  region   = "{region}"
  filter   = {{ "tag:team" = "platform" }}
}}

resource "eks_cluster" "{label}" {{
  provider = {provider}
  name     = "core"
  region   = "{region}"
  network {{
    subnets = data.eks_network.{label}.private_subnets
  }}
}}

resource "eks_node_pool" "{label}" {{
  cluster = eks_cluster.{label}.id
  name    = "workers"
  size {{
    desired = 1
  }}
}}
"#
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn provider_blocks_are_remembered_when_they_are_gone() {
    let blocks = r#"
provider "eks" {
  profile = "account-b"
}

provider "eks" {
  alias    = "spoke"
  profile  = "account-b"
  role_arn = "arn:aws:iam::111122223333:role/terrane-deployer"
}
"#;
    let text = format!("{blocks}{}{}", through("eks", "b", "us-east-1"), through("eks.spoke", "a", "eu-west-1"));
    let place = place(&text).await;
    let places = [(A, "eu-west-1"), (B, "us-east-1")];
    live_and_die(&place, &places, &[(A, "eu-west-1", ROLE_IN_A), (B, "us-east-1", KEYS_OF_B)]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn drift_in_one_account_is_told_of_that_account_alone() {
    let place = place(FLEET).await;
    place.run(&["apply", "-auto-approve"]).await.expect(0);
    let changed = Drift::Set {
        object_type: "node-group".to_owned(),
        account: B.to_owned(),
        region: "us-east-1".to_owned(),
        name: "core/workers".to_owned(),
        pointer: "/scalingConfig/maxSize".to_owned(),
        value: 9.into(),
    };
    place.sandbox.drift(changed).unwrap();
    let gone = Drift::Delete {
        object_type: "node-group".to_owned(),
        account: A.to_owned(),
        region: "us-east-1".to_owned(),
        name: "core/workers".to_owned(),
    };
    place.sandbox.drift(gone).unwrap();
    let mark = seen::mark(&place.sandbox);
    let drift = place.run(&["drift"]).await.expect(2);
    assert_eq!(seen::changes(&place.sandbox, mark), []);
    let (_, told) = drift.out.split_once("Note: ").unwrap();
    let told: Vec<&str> = told.lines().filter(|line| line.starts_with("  # eks_")).collect();
    let expected =
        ["  # eks_node_pool.workers[\"a_us\"] has been deleted", "  # eks_node_pool.workers[\"b_us\"] has changed"];
    assert_eq!(told, expected, "{}", drift.out);

    place.run(&["apply", "-auto-approve"]).await.expect(0);
    let repaired = seen::changes(&place.sandbox, mark);
    expect_callers(&repaired, "UpdateNodegroupConfig", &[(B, "us-east-1", ROLE_IN_B)]);
    expect_callers(&repaired, "CreateNodegroup", &[(A, "us-east-1", ROLE_IN_A)]);
    place.run(&["drift"]).await.expect(0);
    place.run(&["destroy", "-auto-approve"]).await.expect(0);
    assert_eq!(seen::made(&place.sandbox), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_keys_of_another_account_change_nothing() {
    let mut place = place(FLEET).await;
    place.run(&["apply", "-auto-approve"]).await.expect(0);
    let (recorded, made) = (seen::recorded(place.path()), seen::made(&place.sandbox));
    let mark = seen::mark(&place.sandbox);

    let right = place.environment.clone();
    let other: Vec<(String, String)> = place.sandbox.environment(1, "eu-west-1");
    place.environment.retain(|(name, _)| !other.iter().any(|(other, _)| name == other));
    place.environment.extend(other);
    let written = std::fs::read_to_string(place.path().join("main.hcl")).unwrap();
    for (text, words) in [
        (written.as_str(), ["plan", "-detailed-exitcode"]),
        (written.as_str(), ["drift", "-input=false"]),
        (written.as_str(), ["apply", "-auto-approve"]),
        (written.as_str(), ["destroy", "-auto-approve"]),
        (NOTHING, ["plan", "-detailed-exitcode"]),
        (NOTHING, ["apply", "-auto-approve"]),
    ] {
        place.write("main.hcl", text);
        let refused = place.run(&words).await.expect(1);
        // The cluster and its pool that take the keys of the environment, and nothing else.
        assert_eq!(seen::ids(&refused.err), ["wrong-scope", "wrong-scope"], "{words:?}\n{}", refused.err);
        for text in [format!("expected: {A}"), format!("found: {B}"), format!("{A}/eu-west-1/core")] {
            assert!(refused.err.contains(&text), "{words:?} without {text}:\n{}", refused.err);
        }
        assert!(!refused.err.contains("us-east-1"), "{}", refused.err);
        assert_eq!(seen::changes(&place.sandbox, mark), [], "{words:?}");
        assert_eq!(seen::recorded(place.path()), recorded, "{words:?}");
    }
    assert_eq!(seen::made(&place.sandbox), made);

    place.environment = right;
    place.write("main.hcl", &written);
    place.run(&["plan", "-detailed-exitcode"]).await.expect(0);
    place.run(&["destroy", "-auto-approve"]).await.expect(0);
    assert_eq!(seen::made(&place.sandbox), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn accounts_that_are_not_listed_are_not_touched() {
    let guarded = format!("provider \"eks\" {{\n  allowed_accounts = [\"{A}\"]\n}}\n");
    let place = place(&format!("{guarded}{FLEET}")).await;
    let refused = place.run(&["apply", "-auto-approve"]).await.expect(1);
    assert!(refused.err.contains("allowed_accounts"), "{}", refused.err);
    assert!(seen::ids(&refused.err).iter().all(|id| *id == "wrong-scope"), "{}", refused.err);
    assert_eq!(seen::changes(&place.sandbox, 0), []);
    assert_eq!(seen::made(&place.sandbox), Vec::<String>::new());
}
