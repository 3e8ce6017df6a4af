//! What stands in the way of adoption, and what is left alone.

use super::{BOTH, LIVE, MAKER, empty, expect_untouched, files, fleet, listed, live, make, text, with};
use terrane_sandbox::{Drift, FaultEffect, FaultRule, RequestMatch};
use terrane_tests::seen;

const ACCOUNT: &str = "111122223333";

fn denied(operation: &str) -> FaultRule {
    let effect = FaultEffect::Error {
        status: 403,
        code: "AccessDeniedException".to_owned(),
        message: String::new(),
        retry_after: None,
    };
    let matches = RequestMatch { operation: Some(operation.to_owned()), ..RequestMatch::default() };
    FaultRule { times: 0, ..FaultRule::once(matches, effect) }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_region_without_clusters_leaves_nothing_behind() {
    let place = empty().await;
    let none = live(&place, &["adopt", "eks", "-region=eu-west-1", "-auto-approve"]).await.expect(0);
    assert_eq!((none.out.as_str(), none.err.as_str()), ("Nothing to adopt.\n", ""));
    assert_eq!(files(&place), Vec::<String>::new());
    let json = live(&place, &["adopt", "eks", "-region=eu-west-1", "-auto-approve", "-json"]).await.expect(0);
    assert!(json.out.contains("\"reason\":\"nothing-to-adopt\""), "{}", json.out);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_that_no_region_has_is_told_and_nothing_is_written() {
    let place = fleet().await;
    let refused = live(&place, &with(BOTH, &["-name", "core", "-name", "croe", "-auto-approve"])).await.expect(1);
    assert_eq!(seen::ids(&refused.err), ["adopt-not-found"]);
    assert!(refused.err.contains("there is no cluster `croe`"), "{}", refused.err);
    assert!(refused.err.contains("region: eu-west-1, us-east-1"), "{}", refused.err);
    assert_eq!(files(&place), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_permission_that_is_missing_is_named() {
    let place = fleet().await;
    for operation in ["ListClusters", "DescribeCluster", "ListNodegroups", "DescribeNodegroup"] {
        place.sandbox.inject(denied(operation)).unwrap();
        let refused = live(&place, &with(BOTH, &["-auto-approve"])).await.expect(1);
        assert!(seen::ids(&refused.err).iter().all(|id| *id == "denied"), "{}", refused.err);
        assert!(refused.err.contains(&format!("operation: eks:{operation}")), "{}", refused.err);
        assert_eq!(files(&place), Vec::<String>::new());
        place.sandbox.clear_faults();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_may_not_be_looked_for_is_said_and_the_rest_goes_on() {
    let place = fleet().await;
    for operation in ["ListAddons", "ListFargateProfiles"] {
        place.sandbox.inject(denied(operation)).unwrap();
    }
    let adopted = live(&place, &with(BOTH, &["-auto-approve"])).await.expect(0);
    assert!(adopted.out.contains("every add-on of cluster core: not looked for: "), "{}", adopted.out);
    assert!(adopted.out.contains("(eks:ListFargateProfiles)"), "{}", adopted.out);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_there_is_not_overwritten_and_nothing_is_asked() {
    let place = fleet().await;
    let mark = seen::mark(&place.sandbox);
    for name in ["adopted.hcl", "adopted_imports.hcl"] {
        place.write(&format!("{LIVE}/{name}"), "# mine\n");
        let refused = live(&place, &with(BOTH, &["-auto-approve"])).await.expect(1);
        assert_eq!(seen::ids(&refused.err), ["file-exists"]);
        assert_eq!(text(&place, name), "# mine\n");
        std::fs::remove_file(place.path().join(LIVE).join(name)).unwrap();
    }
    assert_eq!(seen::mark(&place.sandbox), mark, "something was asked");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_that_would_change_something_is_not_carried_out() {
    let place = fleet().await;
    place.write(&format!("{LIVE}/main.hcl"), "provider \"eks\" {\n  tags = { owner = \"a-team\" }\n}\n");
    let mark = seen::mark(&place.sandbox);
    let words = with(BOTH, &["-name", "2nd-edge", "-auto-approve"]);
    let refused = live(&place, &words).await.expect(1);
    assert_eq!(seen::ids(&refused.err), ["adopt-not-empty"]);
    for leaf in ["eks_cluster._2nd-edge: tags.owner", "eks_node_pool.system: tags.owner"] {
        assert!(refused.err.contains(leaf), "{}", refused.err);
    }
    assert_eq!(files(&place), ["adopted.hcl", "adopted_imports.hcl", "main.hcl"]);
    assert_eq!(listed(&place).await, Vec::<String>::new());
    expect_untouched(&place, mark);
    // Without the default tag it is empty, and apply records.
    place.write(&format!("{LIVE}/main.hcl"), "provider \"eks\" {}\n");
    live(&place, &["apply", "-auto-approve"]).await.expect(0);
    live(&place, &["plan", "-detailed-exitcode"]).await.expect(0);
    expect_untouched(&place, mark);
}

#[tokio::test(flavor = "multi_thread")]
async fn other_changes_of_the_folder_are_none_of_its_business() {
    let place = fleet().await;
    let other = "resource \"terrane_data\" \"note\" {\n  input = \"new\"\n}\n";
    place.write(&format!("{LIVE}/main.hcl"), other);
    let adopted = live(&place, &with(BOTH, &["-name", "2nd-edge", "-auto-approve"])).await.expect(0);
    assert!(adopted.out.contains("Plan: 2 to import, 0 to add"), "{}", adopted.out);
    assert_eq!(listed(&place).await, ["eks_cluster._2nd-edge", "eks_node_pool.system"]);
    let left = live(&place, &["plan", "-detailed-exitcode"]).await.expect(2);
    assert!(left.out.contains("terrane_data.note will be created"), "{}", left.out);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_runs_otherwise_is_left_alone_with_the_reason() {
    let place = fleet().await;
    let set = |object_type: &str, name: &str, region: &str, pointer: &str, value: serde_json::Value| {
        let drift = Drift::Set {
            object_type: object_type.to_owned(),
            account: ACCOUNT.to_owned(),
            region: region.to_owned(),
            name: name.to_owned(),
            pointer: pointer.to_owned(),
            value,
        };
        place.sandbox.drift(drift).unwrap();
    };
    let auto = serde_json::json!({"enabled": true, "nodePools": ["general-purpose"]});
    set("cluster", "2nd-edge", "us-east-1", "/computeConfig", auto);
    set("node-group", "core/arm", "eu-west-1", "/capacityType", "CAPACITY_BLOCK".into());
    set("node-group", "core/system", "eu-west-1", "/status", "CREATE_FAILED".into());
    let key = serde_json::json!([{"resources": ["secrets"], "provider": {"keyArn": "arn:aws:kms:eu-west-1:1:key/k"}}]);
    set("cluster", "core", "eu-west-1", "/encryptionConfig", key);
    let adopted = live(&place, &with(BOTH, &["-auto-approve"])).await.expect(0);
    for line in [
        "  cluster 2nd-edge, with everything in it: EKS Auto Mode makes its nodes, which is not in this version\n",
        "  node pool core/arm: its capacity is CAPACITY_BLOCK, which is not in this version\n",
        "  node pool core/system: it is CREATE_FAILED\n",
        "  encryption of cluster core with a KMS key: no argument says it in this version: it stays as it is\n",
    ] {
        assert!(adopted.out.contains(line), "no {line}{}", adopted.out);
    }
    assert_eq!(listed(&place).await, ["eks_cluster.core", "eks_node_pool.templated"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn many_clusters_come_page_by_page() {
    let place = empty().await;
    let many = "data \"eks_network\" \"n\" {\n  filter = { \"tag:team\" = \"platform\" }\n}\n\nresource \"eks_cluster\" \
                \"many\" {\n  count = 101\n  name  = \"c${count.index}\"\n  network {\n    subnets = \
                data.eks_network.n.private_subnets\n  }\n}\n";
    place.write(&format!("{MAKER}/main.hcl"), many);
    make(&place).await;
    let mark = seen::mark(&place.sandbox);
    let adopted = live(&place, &["adopt", "eks", "-auto-approve"]).await.expect(0);
    assert!(adopted.out.contains("Plan: 101 to import, 0 to add, 0 to change"), "{}", adopted.out);
    let lists = place.sandbox.log().into_iter().filter(|e| e.sequence > mark && e.operation == "ListClusters").count();
    assert_eq!(lists, 2);
    expect_untouched(&place, mark);
}
