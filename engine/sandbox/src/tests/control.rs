//! The control endpoint and the interface for the embedding program.

use serde_json::{Value, json};

use super::*;
use crate::Drift;

#[tokio::test]
async fn the_log_tells_who_changed_what() {
    let (sandbox, client) = start().await;
    cluster(&sandbox, &client, "1.34").await;
    client.get("/clusters/c").await;
    let log = client.control("GET", "log", Value::Null).await.json();
    let entries = log["entries"].as_array().expect("entries").clone();
    let created = entries.iter().find(|entry| entry["operation"] == "CreateCluster").expect("create");
    assert_eq!((created["name"].as_str(), created["account"].as_str()), (Some("c"), Some(A)));
    assert_eq!((created["is_mutating"].clone(), created["mutating_number"].clone()), (json!(true), json!(6)));
    assert_eq!(entries.last().expect("last")["is_mutating"], false);
    assert_eq!(sandbox.log().len(), entries.len());
    assert_eq!(sandbox.mutating_requests(), 6);
}

#[tokio::test]
async fn drift_changes_and_removes_behind_the_back() {
    let (sandbox, client) = start().await;
    cluster(&sandbox, &client, "1.34").await;
    group(&sandbox, &client, "w").await;
    let place =
        |object_type: &str, name: &str| json!({"type": object_type, "account": A, "region": REGION, "name": name});
    let mut set = place("node-group", "c/w");
    set["action"] = json!("set");
    set["pointer"] = json!("/labels/by");
    set["value"] = json!("hand");
    assert_eq!(client.control("POST", "drift", set).await.status, 200);
    let shown = client.get("/clusters/c/node-groups/w").await.json();
    assert_eq!(shown["nodegroup"]["labels"], json!({"by": "hand"}));
    let gone = |object_type: &str, name: &str| Drift::Delete {
        object_type: object_type.to_owned(),
        account: A.to_owned(),
        region: REGION.to_owned(),
        name: name.to_owned(),
    };
    sandbox.drift(gone("node-group", "c/w")).expect("drift");
    assert_eq!(client.get("/clusters/c/node-groups/w").await.status, 404);
    sandbox.drift(gone("cluster", "c")).expect("drift");
    assert!(sandbox.drift(gone("cluster", "c")).is_err());
    assert_eq!(client.get("/clusters/c").await.status, 404);
}

#[tokio::test]
async fn objects_are_listed_and_a_reset_takes_them_away() {
    let (sandbox, client) = start().await;
    roles(&sandbox, &client).await;
    let names = |answer: Value| -> Vec<String> {
        let objects = answer["objects"].as_array().expect("objects").clone();
        let roles = objects.into_iter().filter(|object| object["type"] == "role" && object["account"] == A);
        roles.map(|object| object["name"].as_str().expect("name").to_owned()).collect()
    };
    let shown = client.control("GET", "objects", Value::Null).await.json();
    assert_eq!(names(shown), ["control", "nodes", "terrane-deployer"]);
    client.control("POST", "reset", Value::Null).await;
    let shown = client.control("GET", "objects", Value::Null).await.json();
    assert_eq!(names(shown), ["terrane-deployer"]);
    assert!(sandbox.log().is_empty());
}

#[tokio::test]
async fn faults_denials_throttles_and_the_clock_are_ordered() {
    let (_sandbox, client) = start().await;
    let fault = json!({"match": {"operation": "ListClusters"}, "effect": {"kind": "html_page", "status": 503}});
    assert_eq!(client.control("POST", "fault", fault).await.status, 200);
    assert_eq!(client.get("/clusters").await.status, 503);
    assert_eq!(client.control("POST", "deny", json!({"action": "eks:*"})).await.status, 200);
    assert_eq!(client.get("/clusters").await.status, 403);
    assert_eq!(client.control("DELETE", "deny", Value::Null).await.status, 200);
    let throttle = json!({"service": "eks", "per_second": 1, "burst": 0});
    assert_eq!(client.control("POST", "throttle", throttle).await.status, 200);
    assert_eq!(client.get("/clusters").await.status, 429);
    let before = client.control("GET", "clock", Value::Null).await.json()["now"].as_f64().expect("now");
    client.control("POST", "clock", json!({"advance_seconds": 3600, "rate": 60})).await;
    let after = client.control("GET", "clock", Value::Null).await.json();
    assert!(after["now"].as_f64().expect("now") >= before + 3600.0 && after["rate"] == 60.0);
}

#[tokio::test]
async fn web_pages_and_unknown_orders_are_refused() {
    let (_sandbox, client) = start().await;
    let request = Incoming {
        method: "POST".to_owned(),
        path: "/_sandbox/reset".to_owned(),
        query: String::new(),
        headers: vec![("origin".to_owned(), "http://example.com".to_owned())],
        body: Bytes::new(),
    };
    assert_eq!(send(&client.endpoint, &request).await.expect("answer").status, 403);
    assert_eq!(client.control("POST", "dance", json!({})).await.status, 404);
    assert_eq!(client.control("POST", "fault", json!({"effect": {"kind": "dance"}})).await.status, 400);
}

#[tokio::test]
async fn a_client_is_told_all_it_needs() {
    let (sandbox, _client) = start().await;
    let environment = sandbox.environment(1, "us-east-1");
    let value = |name: &str| environment.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str());
    assert_eq!(value("AWS_ACCESS_KEY_ID"), Some("AKIASANDBOXACCOUNTB0"));
    assert_eq!(value("AWS_ENDPOINT_URL"), Some(sandbox.endpoint()));
    assert_eq!((value("AWS_REGION"), value("TERRANE_CLOCK_RATE")), (Some("us-east-1"), Some("1")));
    let profiles = sandbox.aws_profiles_text();
    assert!(profiles.contains("[account-a]") && profiles.contains("[profile account-b-deployer]"));
}

#[tokio::test]
async fn a_fork_goes_its_own_way() {
    let (sandbox, client) = start().await;
    cluster(&sandbox, &client, "1.34").await;
    let fork = sandbox.fork().await.expect("fork");
    assert_eq!((fork.objects(), fork.log().len()), (sandbox.objects(), 0));
    let other = Client { endpoint: fork.endpoint().to_owned(), ..client.clone() };
    assert_eq!(other.eks("DELETE", "/clusters/c", Value::Null).await.status, 200);
    pass(&fork, 600);
    assert_eq!(other.get("/clusters/c").await.status, 404);
    assert_eq!(client.get("/clusters/c").await.status, 200);
}

#[tokio::test]
async fn a_stopped_sandbox_is_not_reached() {
    let (sandbox, client) = start().await;
    sandbox.stop().await;
    assert!(client.try_eks("GET", "/clusters", &Value::Null).await.is_err());
}
