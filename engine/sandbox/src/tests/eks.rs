//! Clusters and node groups.

use serde_json::{Value, json};

use super::*;

#[tokio::test]
async fn a_cluster_is_created_shown_and_deleted_in_its_time() {
    let (sandbox, client) = start().await;
    roles(&sandbox, &client).await;
    let answer = client.eks("POST", "/clusters", cluster_body(&sandbox, "c")).await;
    assert_eq!((answer.status, answer.json()["cluster"]["status"].as_str()), (200, Some("CREATING")));
    assert!(!answer.header("x-amzn-requestid").is_empty());
    let shown = client.get("/clusters/c").await.json();
    assert_eq!(shown["cluster"].get("endpoint"), None);
    pass(&sandbox, 600);
    let shown = client.get("/clusters/c").await.json();
    assert_eq!(shown["cluster"]["status"], "ACTIVE");
    assert!(shown["cluster"]["createdAt"].is_f64() && shown["cluster"]["endpoint"].is_string());
    client.eks("DELETE", "/clusters/c", Value::Null).await;
    assert_eq!(client.get("/clusters/c").await.json()["cluster"]["status"], "DELETING");
    pass(&sandbox, 300);
    assert_eq!(client.get("/clusters/c").await.outcome(), (404, "ResourceNotFoundException"));
    assert!(sandbox.object("cluster", "c").is_none());
}

#[tokio::test]
async fn a_cluster_has_no_add_ons_and_no_fargate_profiles() {
    let (sandbox, client) = start().await;
    roles(&sandbox, &client).await;
    client.eks("POST", "/clusters", cluster_body(&sandbox, "c")).await;
    assert_eq!(client.get("/clusters/c/addons").await.json(), json!({"addons": []}));
    let profiles = client.get("/clusters/c/fargate-profiles?maxResults=5").await.json();
    assert_eq!(profiles, json!({"fargateProfileNames": []}));
    assert_eq!(client.get("/clusters/d/addons").await.outcome(), (404, "ResourceNotFoundException"));
}

#[tokio::test]
async fn a_field_that_the_api_does_not_have_is_refused() {
    let (sandbox, client) = start().await;
    let mut body = cluster_body(&sandbox, "c");
    body["resourcesVpcConfig"]["colour"] = json!("red");
    let answer = client.eks("POST", "/clusters", body).await;
    assert_eq!(answer.outcome(), (400, "InvalidParameterException"));
    assert!(answer.text.contains("resourcesVpcConfig.colour"), "{}", answer.text);
    let answer = client.get("/clusters?pageSize=1").await;
    assert_eq!(answer.outcome(), (400, "InvalidParameterException"));
}

#[tokio::test]
async fn the_same_token_gives_the_first_answer_again() {
    let (sandbox, client) = start().await;
    roles(&sandbox, &client).await;
    let mut body = cluster_body(&sandbox, "c");
    body["clientRequestToken"] = json!("one");
    let first = client.eks("POST", "/clusters", body.clone()).await;
    let again = client.eks("POST", "/clusters", body.clone()).await;
    assert_eq!((again.status, &again.text), (200, &first.text));
    body["tags"] = json!({"a": "b"});
    let other = client.eks("POST", "/clusters", body.clone()).await;
    assert_eq!(other.outcome(), (400, "InvalidParameterException"));
    body["clientRequestToken"] = json!("two");
    let taken = client.eks("POST", "/clusters", body).await;
    assert_eq!(taken.outcome(), (409, "ResourceInUseException"));
}

#[tokio::test]
async fn a_new_role_is_not_known_to_eks_for_a_while() {
    let (sandbox, client) = start().await;
    role(&client, "control", "eks.amazonaws.com").await;
    let body = cluster_body(&sandbox, "c");
    let early = client.eks("POST", "/clusters", body.clone()).await;
    assert!(early.text.contains("does not exist or the trusted entity is not correct"), "{}", early.text);
    pass(&sandbox, 10);
    attach(&client, "control", "AmazonEKSClusterPolicy").await;
    let early = client.eks("POST", "/clusters", body.clone()).await;
    assert!(early.text.contains("doesn't have the Amazon EKS Managed Policies"), "{}", early.text);
    pass(&sandbox, 10);
    assert_eq!(client.eks("POST", "/clusters", body).await.status, 200);
}

#[tokio::test]
async fn one_call_changes_one_kind_and_one_update_runs_at_a_time() {
    let (sandbox, client) = start().await;
    cluster(&sandbox, &client, "1.34").await;
    let two = json!({"deletionProtection": true, "upgradePolicy": {"supportType": "STANDARD"}});
    let answer = client.eks("POST", "/clusters/c/update-config", two).await;
    assert!(answer.text.contains("Only one type of update can be allowed."), "{}", answer.text);
    let one = json!({"deletionProtection": true});
    let update = client.eks("POST", "/clusters/c/update-config", one.clone()).await.json();
    let id = update["update"]["id"].as_str().expect("id").to_owned();
    let busy = client.eks("POST", "/clusters/c/update-config", one.clone()).await;
    assert_eq!(busy.outcome(), (409, "ResourceInUseException"));
    assert!(busy.text.contains(&format!("currently has update {id} in progress")), "{}", busy.text);
    pass(&sandbox, 120);
    let shown = client.get(&format!("/clusters/c/updates/{id}")).await.json();
    assert_eq!(shown["update"]["status"], "Successful");
    let same = client.eks("POST", "/clusters/c/update-config", one).await;
    assert!(same.text.contains("Cluster is already at the desired configuration with"), "{}", same.text);
    let refused = client.eks("DELETE", "/clusters/c", Value::Null).await;
    assert_eq!(refused.outcome(), (400, "InvalidRequestException"));
}

#[tokio::test]
async fn versions_go_up_by_one_and_nodes_may_not_fall_too_far_behind() {
    let (sandbox, client) = start().await;
    cluster(&sandbox, &client, "1.31").await;
    group(&sandbox, &client, "w").await;
    let to = |version: &str| json!({"version": version});
    let two = client.eks("POST", "/clusters/c/updates", to("1.33")).await;
    assert!(two.text.contains("Unsupported Kubernetes minor version update from 1.31 to 1.33"), "{}", two.text);
    for version in ["1.32", "1.33", "1.34"] {
        assert_eq!(client.eks("POST", "/clusters/c/updates", to(version)).await.status, 200);
        pass(&sandbox, 600);
    }
    let behind = client.eks("POST", "/clusters/c/updates", to("1.35")).await;
    assert!(behind.text.contains("Nodegroups w must be updated to match cluster version 1.34"), "{}", behind.text);
    let path = "/clusters/c/node-groups/w/update-version";
    assert_eq!(client.eks("POST", path, json!({})).await.status, 200);
    pass(&sandbox, 600);
    assert_eq!(sandbox.object("node-group", "c/w").expect("group")["version"], "1.34");
    let down = client.eks("POST", path, to("1.33")).await;
    assert_eq!(down.outcome(), (400, "InvalidParameterException"));
    assert_eq!(client.eks("POST", "/clusters/c/updates", to("1.35")).await.status, 200);
}

#[tokio::test]
async fn a_node_group_takes_several_changes_in_one_call() {
    let (sandbox, client) = start().await;
    cluster(&sandbox, &client, "1.34").await;
    let mut body = group_body(&sandbox, "w");
    body["labels"] = json!({"pool": "w"});
    body["taints"] = json!([{"key": "d", "value": "x", "effect": "NO_SCHEDULE"}]);
    client.eks("POST", "/clusters/c/node-groups", body).await;
    pass(&sandbox, 180);
    let change = json!({
        "labels": {"addOrUpdateLabels": {"tier": "gold"}, "removeLabels": ["pool"]},
        "taints": {"addOrUpdateTaints": [{"key": "d", "value": "y", "effect": "NO_SCHEDULE"}]},
        "scalingConfig": {"maxSize": 5},
    });
    let update = client.eks("POST", "/clusters/c/node-groups/w/update-config", change).await.json();
    let id = update["update"]["id"].as_str().expect("id").to_owned();
    assert_eq!(client.get(&format!("/clusters/c/updates/{id}")).await.status, 404);
    let named = format!("/clusters/c/updates/{id}?nodegroupName=w");
    assert_eq!(client.get(&named).await.json()["update"]["status"], "InProgress");
    pass(&sandbox, 120);
    assert_eq!(client.get(&named).await.json()["update"]["status"], "Successful");
    let doc = sandbox.object("node-group", "c/w").expect("group");
    assert_eq!(doc["labels"], json!({"tier": "gold"}));
    assert_eq!(doc["taints"], json!([{"key": "d", "value": "y", "effect": "NO_SCHEDULE"}]));
    assert_eq!(doc["scalingConfig"], json!({"minSize": 2, "maxSize": 5, "desiredSize": 2}));
    let wrong = json!({"scalingConfig": {"minSize": 3}});
    let answer = client.eks("POST", "/clusters/c/node-groups/w/update-config", wrong).await;
    assert!(answer.text.contains("Minimum capacity 3 can't be greater than desired size 2"), "{}", answer.text);
}

#[tokio::test]
async fn nodes_without_their_policies_do_not_join() {
    let (sandbox, client) = start().await;
    cluster(&sandbox, &client, "1.34").await;
    let form = format!("RoleName=nodes&PolicyArn=arn:aws:iam::aws:policy/{}", "AmazonEKSWorkerNodePolicy");
    client.query("iam", "DetachRolePolicy", &form).await;
    group(&sandbox, &client, "w").await;
    let doc = sandbox.object("node-group", "c/w").expect("group");
    assert_eq!(
        (doc["status"].as_str(), doc["health"]["issues"][0]["code"].as_str()),
        (Some("CREATE_FAILED"), Some("NodeCreationFailure"))
    );
    let busy = client.eks("DELETE", "/clusters/c", Value::Null).await;
    assert!(busy.text.contains("Cluster has nodegroups attached"), "{}", busy.text);
    assert_eq!(client.eks("DELETE", "/clusters/c/node-groups/w", Value::Null).await.status, 200);
}

#[tokio::test]
async fn what_excludes_each_other_is_refused() {
    let (sandbox, client) = start().await;
    cluster(&sandbox, &client, "1.34").await;
    let with = |field: &str, value: Value| {
        let mut body = group_body(&sandbox, "w");
        body[field] = value;
        body
    };
    let mut template = with("launchTemplate", json!({"name": "sandbox-nodes", "version": "2"}));
    template["diskSize"] = json!(20);
    for (body, text) in [
        (template, "diskSize cannot be specified together with a launch template"),
        (with("amiType", json!("CUSTOM")), "must specify a launch template"),
        (with("amiType", json!("AL2_x86_64")), "1.32 or earlier"),
        (with("instanceTypes", json!(["m6g.large"])), "not a valid instance type for requested amiType"),
        (with("version", json!("1.33")), "not the version 1.34 of the cluster"),
        (with("releaseVersion", json!("1.33.1-20251001")), "not valid for kubernetes version 1.34"),
        (with("subnets", json!(["subnet-0"])), "does not exist"),
        (with("taints", json!([{"key": "a", "effect": "NEVER"}])), "must be one of"),
    ] {
        let answer = client.eks("POST", "/clusters/c/node-groups", body).await;
        assert!(answer.status == 400 && answer.text.contains(text), "{text}: {}", answer.text);
    }
}

#[tokio::test]
async fn a_region_holds_so_many_clusters() {
    let mut config = SandboxConfig::default();
    config.quotas.clusters = 1;
    let (sandbox, client) = start_with(config).await;
    cluster(&sandbox, &client, "1.34").await;
    let answer = client.eks("POST", "/clusters", cluster_body(&sandbox, "d")).await;
    assert_eq!(answer.outcome(), (400, "ResourceLimitExceededException"));
}

#[tokio::test]
async fn lists_come_in_pages() {
    let (sandbox, client) = start().await;
    roles(&sandbox, &client).await;
    for name in ["a", "b", "c"] {
        client.eks("POST", "/clusters", cluster_body(&sandbox, name)).await;
    }
    let first = client.get("/clusters?maxResults=2").await.json();
    assert_eq!(first["clusters"], json!(["a", "b"]));
    let token = first["nextToken"].as_str().expect("token").replace('=', "%3D");
    let last = client.get(&format!("/clusters?maxResults=2&nextToken={token}")).await.json();
    assert_eq!(last, json!({"clusters": ["c"]}));
    assert_eq!(client.get("/clusters?maxResults=101").await.status, 400);
}

#[tokio::test]
async fn tags_are_found_by_an_escaped_arn() {
    let (sandbox, client) = start().await;
    cluster(&sandbox, &client, "1.34").await;
    let path = format!("/tags/arn%3Aaws%3Aeks%3A{REGION}%3A{A}%3Acluster%2Fc");
    assert_eq!(client.eks("POST", &path, json!({"tags": {"a": "1", "b": "2"}})).await.status, 200);
    assert_eq!(client.eks("DELETE", &format!("{path}?tagKeys=a&tagKeys=x"), Value::Null).await.status, 200);
    assert_eq!(client.get(&path).await.json(), json!({"tags": {"b": "2"}}));
    let reserved = client.eks("POST", &path, json!({"tags": {"aws:x": "1"}})).await;
    assert_eq!(reserved.outcome(), (400, "BadRequestException"));
    assert_eq!(client.get(&format!("{path}x")).await.outcome(), (404, "NotFoundException"));
}

#[tokio::test]
async fn a_late_object_is_missing_at_first() {
    let mut config = SandboxConfig::default();
    config.lag.eks = 30.0;
    let (sandbox, client) = start_with(config).await;
    roles(&sandbox, &client).await;
    client.eks("POST", "/clusters", cluster_body(&sandbox, "c")).await;
    assert_eq!(client.get("/clusters/c").await.outcome(), (404, "ResourceNotFoundException"));
    let taken = client.eks("POST", "/clusters", cluster_body(&sandbox, "c")).await;
    assert_eq!(taken.status, 409);
    pass(&sandbox, 30);
    assert_eq!(client.get("/clusters/c").await.status, 200);
}
