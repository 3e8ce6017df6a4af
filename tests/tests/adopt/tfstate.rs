//! Adoption of what a state of Terraform or OpenTofu holds.
//!
//! The file is written by hand, in the shape that OpenTofu gives version 4 and with the attributes that the
//! documentation of hashicorp/aws lists for these types; neither tool ran here.

use super::{LIVE, expect_untouched, files, fleet, listed, live, text};
use serde_json::{Value, json};
use terrane_tests::place::Place;
use terrane_tests::seen;

const ACCOUNT: &str = "111122223333";
const FILE: &str = "terraform.tfstate";
const SECRET: &str = "canary-hunter2";

fn resource(module: Option<&str>, type_name: &str, name: &str, instances: Value) -> Value {
    let mut resource = json!({
        "mode": "managed", "type": type_name, "name": name,
        "provider": "provider[\"registry.terraform.io/hashicorp/aws\"]", "instances": instances,
    });
    if let Some(module) = module {
        resource["module"] = module.into();
    }
    resource
}

fn cluster(name: &str, region: &str) -> Value {
    json!({
        "schema_version": 1,
        "attributes": {
            "access_config": [{"authentication_mode": "API_AND_CONFIG_MAP", "bootstrap_cluster_creator_admin_permissions": false}],
            "arn": format!("arn:aws:eks:{region}:{ACCOUNT}:cluster/{name}"),
            "bootstrap_self_managed_addons": true, "certificate_authority": [{"data": SECRET}], "cluster_id": null,
            "created_at": "2025-10-01T10:00:00Z", "enabled_cluster_log_types": ["api"], "encryption_config": [],
            "endpoint": "https://example.eks.amazonaws.com", "id": name, "name": name, "platform_version": "eks.9",
            "role_arn": format!("arn:aws:iam::{ACCOUNT}:role/{name}"), "status": "ACTIVE", "tags": {"team": "platform"},
            "timeouts": null, "version": "1.33", "vpc_config": [{"endpoint_private_access": true, "vpc_id": "vpc-1"}],
        },
        "sensitive_attributes": [[{"type": "get_attr", "value": "certificate_authority"}]],
        "private": "bnVsbA==", "dependencies": ["aws_iam_role.cluster"],
    })
}

fn pool(key: Value, cluster: &str, name: &str, region: &str) -> Value {
    json!({
        "index_key": key, "schema_version": 0,
        "attributes": {
            "ami_type": "AL2023_x86_64_STANDARD",
            "arn": format!("arn:aws:eks:{region}:{ACCOUNT}:nodegroup/{cluster}/{name}/0ac1b2-1"),
            "capacity_type": "ON_DEMAND", "cluster_name": cluster, "disk_size": 20, "id": format!("{cluster}:{name}"),
            "instance_types": ["t3.medium"], "labels": {"a": SECRET}, "node_group_name": name,
            "scaling_config": [{"desired_size": 2, "max_size": 2, "min_size": 2}], "status": "ACTIVE", "taint": [],
        },
        "sensitive_attributes": [], "private": "bnVsbA==",
    })
}

fn state(resources: Vec<Value>) -> Value {
    json!({
        "version": 4, "terraform_version": "1.9.5", "serial": 12, "lineage": "6f0e6f5c-1d7a-4a52-9d52-0d2f7c1f6f3e",
        "outputs": {"token": {"value": SECRET, "type": "string", "sensitive": true}},
        "resources": resources, "check_results": null,
    })
}

/// A file as a team with the usual modules has it.
fn whole() -> Value {
    let module = "module.eks[\"eu\"]";
    let groups = json!([
        pool("system".into(), "core", "system", "eu-west-1"),
        pool("templated".into(), "core", "templated", "eu-west-1"),
    ]);
    let role = json!([{"schema_version": 0, "attributes": {"arn": format!("arn:aws:iam::{ACCOUNT}:role/core")}}]);
    let user = json!([{"schema_version": 0, "attributes": {"token": SECRET}}]);
    state(vec![
        resource(Some("module.eks[\"eu\"].module.pools"), "aws_eks_node_group", "this", groups),
        resource(Some(module), "aws_eks_cluster", "this", json!([cluster("core", "eu-west-1")])),
        resource(None, "aws_eks_cluster", "edge", json!([cluster("2nd-edge", "us-east-1")])),
        resource(None, "aws_eks_node_group", "edge", json!([pool(0.into(), "2nd-edge", "system", "us-east-1")])),
        resource(None, "aws_iam_role", "cluster", role),
        resource(None, "kubernetes_secret", "t", user),
    ])
}

const NAMES: &[&str] = &[
    "eks_cluster.edge",
    "eks_cluster.eks_eu_this",
    "eks_node_pool.edge_0",
    "eks_node_pool.eks_eu_pools_this_system",
    "eks_node_pool.eks_eu_pools_this_templated",
];

async fn adopt(place: &Place, state: &Value) -> terrane_tests::place::Finished {
    place.write(&format!("{LIVE}/{FILE}"), &serde_json::to_string_pretty(state).unwrap());
    live(place, &["adopt", "tfstate", FILE, "-auto-approve"]).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_state_of_another_tool_is_adopted_without_touching_it_or_the_clusters() {
    let place = fleet().await;
    let mark = seen::mark(&place.sandbox);
    let adopted = adopt(&place, &whole()).await.expect(0);
    assert!(adopted.out.contains("Plan: 5 to import, 0 to add, 0 to change, 0 to destroy."), "{}", adopted.out);
    assert_eq!(listed(&place).await, NAMES);
    assert_eq!(text(&place, FILE), serde_json::to_string_pretty(&whole()).unwrap());
    let written = text(&place, "adopted.hcl");
    assert!(written.contains("cluster       = eks_cluster.eks_eu_this.id\n"), "{written}");
    for line in [
        "  aws_iam_role.cluster: aws_iam_role is not in this version\n",
        "  terraform state rm 'module.eks[\"eu\"].module.pools.aws_eks_node_group.this[\"system\"]'\n",
        "  terraform state rm 'aws_eks_node_group.edge[0]'\n",
        "so that no two tools",
    ] {
        assert!(adopted.out.to_lowercase().contains(&line.to_lowercase()), "no {line}{}", adopted.out);
    }
    // A pool of the cluster that the file does not have is not adopted.
    assert!(!written.contains("\"arm\""));
    live(&place, &["plan", "-detailed-exitcode"]).await.expect(0);
    live(&place, &["fmt", "-check"]).await.expect(0);
    let again = live(&place, &["adopt", "tfstate", FILE, "-out=more.hcl"]).await.expect(0);
    assert!(again.out.starts_with("Nothing to adopt."), "{}", again.out);
    assert!(again.out.contains("it is recorded already, as eks_cluster.eks_eu_this"), "{}", again.out);
    for text in [&adopted.out, &adopted.err, &again.out, &written, &text(&place, "adopted_imports.hcl")] {
        assert!(!text.contains(SECRET));
    }
    for bytes in seen::recorded(&place.path().join(LIVE)).values() {
        assert!(!String::from_utf8_lossy(bytes).contains(SECRET));
    }
    expect_untouched(&place, mark);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_object_that_is_not_there_any_more_stops_it() {
    let place = fleet().await;
    let mut state = whole();
    let arn = format!("arn:aws:eks:us-east-1:{ACCOUNT}:nodegroup/2nd-edge/gone/0a");
    state["resources"][3]["instances"][0]["attributes"]["arn"] = arn.into();
    let other = "arn:aws:eks:us-east-1:444455556666:cluster/2nd-edge";
    state["resources"][2]["instances"][0]["attributes"]["arn"] = other.into();
    let refused = adopt(&place, &state).await.expect(1);
    assert_eq!(seen::ids(&refused.err), ["adopt-not-found", "adopt-not-found"]);
    for words in ["`aws_eks_node_group.edge[0]`", "444455556666/us-east-1/2nd-edge"] {
        assert!(refused.err.contains(words), "{}", refused.err);
    }
    assert_eq!(files(&place), [FILE]);
}

#[tokio::test(flavor = "multi_thread")]
async fn files_of_another_kind_are_refused() {
    let place = fleet().await;
    let write = |text: &str| place.write(&format!("{LIVE}/{FILE}"), text);
    for (text, id) in [
        (format!("{SECRET} is no JSON"), "tfstate-unreadable"),
        (format!("{{\"version\": 4, \"resources\": \"{SECRET}\"}}"), "tfstate-unreadable"),
        (format!("{{\"encrypted_data\": \"{SECRET}\", \"meta\": {{}}}}"), "tfstate-unreadable"),
        (format!("{{\"version\": 3, \"modules\": [\"{SECRET}\"]}}"), "tfstate-version"),
        (String::from("{\"version\": 5}"), "tfstate-version"),
    ] {
        write(&text);
        let refused = live(&place, &["adopt", "tfstate", FILE, "-auto-approve"]).await.expect(1);
        assert_eq!(seen::ids(&refused.err), [id], "{}", refused.err);
        assert!(!refused.err.contains(SECRET), "{}", refused.err);
    }
    let missing = live(&place, &["adopt", "tfstate", "none.tfstate", "-auto-approve"]).await.expect(1);
    assert_eq!(seen::ids(&missing.err), ["file-not-read"]);
    assert_eq!(files(&place), [FILE]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_state_with_nothing_of_ours_ends_well() {
    let place = fleet().await;
    let vpc = json!([{"schema_version": 1, "attributes": {"id": "vpc-1"}}]);
    let none = adopt(&place, &state(vec![resource(None, "aws_vpc", "main", vpc)])).await.expect(0);
    assert!(none.out.contains("Nothing to adopt.\n\nLeft alone:\n  aws_vpc.main: "), "{}", none.out);
    assert!(!none.out.contains("state rm"), "{}", none.out);
}
