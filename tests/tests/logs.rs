//! E4: logs as JSON lines: what a run did, step by step and request by request, and no value of it.

#![expect(clippy::unwrap_used, reason = "a broken harness ends the suite")]

use serde_json::Value;
use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt as _;
use terrane_sandbox::SandboxConfig;
use terrane_tests::place::Place;

const PARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
const SECRET: &str = "canary-5d1f3c";

async fn place() -> Place {
    let mut place = Place::start(SandboxConfig { clock_rate: 1_000, ..SandboxConfig::default() }).await;
    place.copy_example("fleet-eks");
    let more = [("TRACEPARENT", PARENT), ("CANARY", SECRET)];
    place.environment.extend(more.map(|(name, value)| (name.to_owned(), value.to_owned())));
    place.write(
        "canary.hcl",
        "variable \"canary\" {\n  sensitive = true\n}\n\noutput \"canary\" {\n  value     = var.canary\n  sensitive = true\n}\n",
    );
    place.environment.push(("TF_VAR_canary".to_owned(), SECRET.to_owned()));
    place
}

fn lines(place: &Place, name: &str) -> Vec<Value> {
    let text = std::fs::read_to_string(place.path().join(name)).unwrap();
    assert!(!text.contains(SECRET), "a secret is in the log");
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Spans of this name as they were closed.
fn closed<'a>(lines: &'a [Value], name: &'a str) -> impl Iterator<Item = &'a Value> {
    lines.iter().filter(move |line| line["fields"]["message"] == "close" && line["span"]["name"] == name)
}

#[tokio::test]
async fn every_step_and_every_request_is_a_span() {
    let place = place().await;
    place.run(&["apply", "-auto-approve", "-input=false", "-log-file=run.log"]).await.expect(0);
    let lines = lines(&place, "run.log");
    let mode = std::fs::metadata(place.path().join("run.log")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let told = |message: &str| lines.iter().filter(|line| line["fields"]["message"] == message).count();
    let steps: BTreeSet<(String, String)> = closed(&lines, "step")
        .map(|line| (line["span"]["addr"].to_string(), line["span"]["step"].to_string()))
        .collect();
    assert_eq!(steps.len(), told("step done"), "one span a step");
    assert_eq!(closed(&lines, "step").count(), steps.len(), "and only one");
    let asked = place.sandbox.log().len();
    assert_eq!(closed(&lines, "request").count(), asked, "one span a request");
    let of_steps = closed(&lines, "request").filter(|line| {
        let above = line["spans"].as_array().unwrap();
        above.iter().any(|span| span["name"] == "step")
    });
    assert!(of_steps.count() > 10, "requests stand below their steps");
    let root = closed(&lines, "terrane").next().unwrap();
    assert_eq!((&root["span"]["command"], &root["span"]["trace_parent"]), (&"apply".into(), &PARENT.into()));
}

#[tokio::test]
async fn a_request_that_fails_says_how_in_its_span() {
    let place = place().await;
    let refused = [("AWS_ACCESS_KEY_ID", "AKIANOBODY")];
    let mut command = place.command(&["plan", "-input=false", "-log-file=run.log"]);
    let output = command.envs(refused).output().await.unwrap();
    assert_eq!(output.status.code(), Some(1));
    let lines = lines(&place, "run.log");
    assert!(closed(&lines, "request").any(|line| line["span"]["fault"] == "denied"), "{lines:#?}");
    assert!(lines.iter().any(|line| line["level"] == "ERROR" && line["fields"]["id"].is_string()));
}

#[tokio::test]
async fn a_level_alone_logs_to_standard_error_and_libraries_stay_out() {
    let mut place = place().await;
    place.environment.push(("TERRANE_LOG".to_owned(), "trace".to_owned()));
    let plan = place.run(&["plan", "-input=false"]).await.expect(0);
    assert!(!plan.err.contains(SECRET) && !plan.out.contains("\"target\""));
    let lines: Vec<Value> = plan.err.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    assert!(closed(&lines, "call").next().is_some(), "{}", plan.err);
    for line in &lines {
        assert!(line["target"].as_str().unwrap().starts_with("terrane"), "{line}");
    }
}

#[tokio::test]
async fn without_a_wish_nothing_is_logged() {
    let place = place().await;
    let plan = place.run(&["plan", "-input=false"]).await.expect(0);
    assert!(!plan.err.contains("\"target\""), "{}", plan.err);
}

#[tokio::test]
async fn a_level_that_is_none_is_refused() {
    let mut place = place().await;
    place.environment.push(("TERRANE_LOG".to_owned(), "loud".to_owned()));
    let plan = place.run(&["plan", "-input=false"]).await.expect(1);
    assert!(
        plan.err.contains("log-unusable") && plan.err.contains("error, warn, info, debug, trace or off"),
        "{}",
        plan.err
    );
}
