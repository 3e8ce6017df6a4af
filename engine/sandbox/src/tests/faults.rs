//! Faults and kill points.

use std::os::unix::process::ExitStatusExt as _;
use std::sync::Arc;

use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::*;
use crate::{FaultEffect, FaultRule, KillMoment, KillPoint, RequestMatch, Victim};

fn on(operation: &str, effect: FaultEffect) -> FaultRule {
    FaultRule::once(RequestMatch { operation: Some(operation.to_owned()), ..RequestMatch::default() }, effect)
}

fn error() -> FaultEffect {
    FaultEffect::Error { status: 500, code: "ServerException".to_owned(), message: String::new(), retry_after: Some(7) }
}

#[tokio::test]
async fn an_error_comes_with_or_without_its_effect() {
    let (sandbox, client) = start().await;
    roles(&sandbox, &client).await;
    for (name, is_applied) in [("without", false), ("with", true)] {
        sandbox.inject(FaultRule { is_applied, ..on("CreateCluster", error()) }).expect("rule");
        let answer = client.eks("POST", "/clusters", cluster_body(&sandbox, name)).await;
        assert_eq!(answer.outcome(), (500, "ServerException"));
        assert_eq!(answer.header("retry-after"), "7");
        assert_eq!(sandbox.object("cluster", name).is_some(), is_applied);
        let entry = sandbox.log().pop().expect("entry");
        assert_eq!((entry.is_applied, entry.status), (is_applied, Some(500)));
    }
}

#[tokio::test]
async fn a_dropped_connection_gives_no_answer() {
    let (sandbox, client) = start().await;
    sandbox.inject(on("ListClusters", FaultEffect::Drop)).expect("rule");
    assert!(client.try_eks("GET", "/clusters", &Value::Null).await.is_err());
    assert_eq!(client.get("/clusters").await.status, 200);
}

#[tokio::test]
async fn a_truncated_answer_has_its_head_and_first_bytes() {
    let (sandbox, client) = start().await;
    sandbox.inject(on("ListClusters", FaultEffect::Truncate { bytes: 5 })).expect("rule");
    let request = client.signed("eks", "GET", "/clusters", "");
    let mut text = String::from("GET /clusters HTTP/1.1\r\n");
    request.headers.iter().for_each(|(name, value)| text.push_str(&format!("{name}: {value}\r\n")));
    text.push_str("\r\n");
    let mut stream =
        tokio::net::TcpStream::connect(client.endpoint.trim_start_matches("http://")).await.expect("connect");
    tokio::io::AsyncWriteExt::write_all(&mut stream, text.as_bytes()).await.expect("write");
    let mut answer = Vec::new();
    let _reset_or_end = tokio::io::AsyncReadExt::read_to_end(&mut stream, &mut answer).await;
    let answer = String::from_utf8_lossy(&answer).into_owned();
    assert!(answer.contains("content-length: 15") && answer.ends_with("\r\n\r\n{\"clu"), "{answer}");
}

#[tokio::test]
async fn pages_and_huge_bodies_come_instead_of_answers() {
    let (sandbox, client) = start().await;
    sandbox.inject(on("ListClusters", FaultEffect::HtmlPage { status: 404 })).expect("rule");
    let page = client.get("/clusters").await;
    assert_eq!((page.outcome(), page.header("content-type")), ((404, ""), "text/html"));
    sandbox.inject(on("ListClusters", FaultEffect::HugeBody { mebibytes: 2 })).expect("rule");
    let huge = client.get("/clusters").await;
    assert!(huge.text.len() > 2 << 20);
    assert_eq!(huge.json(), json!({"clusters": []}));
}

#[tokio::test]
async fn an_operation_fails_after_it_was_accepted() {
    let (sandbox, client) = start().await;
    cluster(&sandbox, &client, "1.34").await;
    let effect = FaultEffect::FailOperation { code: "IpNotAvailable".to_owned(), message: "no address".to_owned() };
    sandbox.inject(on("UpdateClusterConfig", effect)).expect("rule");
    let body = json!({"deletionProtection": true});
    let update = client.eks("POST", "/clusters/c/update-config", body).await.json();
    pass(&sandbox, 120);
    let id = update["update"]["id"].as_str().expect("id").to_owned();
    let shown = client.get(&format!("/clusters/c/updates/{id}")).await.json();
    assert_eq!(shown["update"]["status"], "Failed");
    assert_eq!(shown["update"]["errors"][0]["errorCode"], "IpNotAvailable");
    assert_eq!(sandbox.object("cluster", "c").expect("cluster")["deletionProtection"], false);
}

/// Arms a kill of the next changing request; the receiver hears of it.
fn kill_next(sandbox: &Sandbox, when: KillMoment) -> mpsc::UnboundedReceiver<()> {
    let (struck, hear) = mpsc::unbounded_channel();
    let victim = Victim::Callback(Arc::new(move || struck.send(()).expect("listener")));
    sandbox.arm_kill(KillPoint { nth: 1, when, victim }).expect("armed");
    hear
}

#[tokio::test]
async fn before_and_after_the_effect_there_is_no_answer() {
    for (when, is_made) in [(KillMoment::BeforeEffect, false), (KillMoment::AfterEffect, true)] {
        let (sandbox, client) = start().await;
        roles(&sandbox, &client).await;
        let body = cluster_body(&sandbox, "c");
        let mut struck = kill_next(&sandbox, when);
        assert_eq!(client.get("/clusters").await.status, 200);
        let sent = tokio::spawn({
            let client = client.clone();
            async move { client.try_eks("POST", "/clusters", &body).await.is_ok() }
        });
        struck.recv().await.expect("struck");
        assert_eq!(sandbox.object("cluster", "c").is_some(), is_made);
        let entry = sandbox.log().pop().expect("entry");
        assert_eq!((entry.status, entry.is_applied), (None, is_made));
        assert!(!sent.is_finished());
        sandbox.stop().await;
        assert!(!sent.await.expect("task"));
    }
}

#[tokio::test]
async fn after_the_reply_the_answer_is_there() {
    let (sandbox, client) = start().await;
    roles(&sandbox, &client).await;
    let mut struck = kill_next(&sandbox, KillMoment::AfterReply);
    let answer = client.eks("POST", "/clusters", cluster_body(&sandbox, "c")).await;
    assert_eq!(answer.status, 200);
    struck.recv().await.expect("struck");
}

#[tokio::test]
async fn a_process_is_killed_by_order_of_the_control_endpoint() {
    let (_sandbox, client) = start().await;
    let mut child = std::process::Command::new("sleep").arg("600").spawn().expect("child");
    let order = json!({"n": 2, "when": "BeforeEffect", "pid": child.id()});
    assert_eq!(client.control("POST", "kill", order).await.status, 200);
    role(&client, "one", "eks.amazonaws.com").await;
    assert!(child.try_wait().expect("alive").is_none());
    let sent = tokio::spawn(async move { role(&client, "two", "eks.amazonaws.com").await });
    let status = tokio::task::spawn_blocking(move || child.wait()).await.expect("task").expect("status");
    assert_eq!(status.signal(), Some(9));
    sent.abort();
}

#[tokio::test]
async fn the_sandbox_is_no_victim_of_its_control_endpoint() {
    let (_sandbox, client) = start().await;
    let order = json!({"n": 1, "when": "BeforeEffect", "pid": std::process::id()});
    assert_eq!(client.control("POST", "kill", order).await.status, 400);
}
