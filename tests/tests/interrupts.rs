//! A9, A11: Ctrl-C once finishes what runs and begins nothing new; twice writes down what is known and goes. Either
//! way the next run goes on, and everything is made once.

#![expect(clippy::unwrap_used, reason = "a broken harness ends the suite")]

use std::time::{Duration, Instant};
use terrane_sandbox::SandboxConfig;
use terrane_tests::place::Place;
use tokio::process::Child;

/// A cluster takes two seconds to make.
const CLOCK_RATE: u32 = 300;
/// One takes a minute.
const SLOW: u32 = 10;
/// Longest wait for a moment of a run.
const DEADLINE: Duration = Duration::from_secs(60);

async fn place(clock_rate: u32) -> Place {
    let place = Place::start(SandboxConfig { clock_rate, ..SandboxConfig::default() }).await;
    place.copy_example("fleet-eks");
    place
}

fn count(place: &Place, kind: &str) -> usize {
    place.sandbox.objects().iter().filter(|object| object.object_type == kind).count()
}

/// Starts an apply and waits until both clusters are being made.
async fn applying(place: &Place) -> Child {
    let mut command = place.command(&["apply", "-input=false", "-auto-approve", "-no-color"]);
    let child = command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped()).spawn().unwrap();
    let begun = Instant::now();
    while count(place, "cluster") < 2 {
        assert!(begun.elapsed() < DEADLINE, "the clusters are not begun");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    child
}

fn signal(child: &Child, name: &str) {
    let pid = child.id().unwrap().to_string();
    let sent = std::process::Command::new("sh").args(["-c", "kill -s \"$0\" \"$1\"", name, &pid]).status().unwrap();
    assert!(sent.success());
}

/// The end of a run: its exit code and what it printed.
async fn ended(child: Child) -> (Option<i32>, String) {
    let output = tokio::time::timeout(DEADLINE, child.wait_with_output()).await.unwrap().unwrap();
    let text = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    (output.status.code(), text)
}

/// The next run brings the fleet to its end, each object once.
async fn goes_on(place: &Place) {
    place.run(&["apply", "-input=false", "-auto-approve"]).await.expect(0);
    assert_eq!((count(place, "cluster"), count(place, "node-group")), (2, 6));
    place.run(&["plan", "-input=false", "-detailed-exitcode"]).await.expect(0);
}

async fn once(name: &str) {
    let place = place(CLOCK_RATE).await;
    let child = applying(&place).await;
    signal(&child, name);
    let (code, text) = ended(child).await;
    assert_eq!(code, Some(1), "{text}");
    let clusters = place.sandbox.objects().into_iter().filter(|object| object.object_type == "cluster");
    let statuses: Vec<String> = clusters.map(|cluster| cluster.value["status"].to_string()).collect();
    assert_eq!(statuses, ["\"ACTIVE\"", "\"ACTIVE\""], "what ran was finished\n{text}");
    assert_eq!(count(&place, "node-group"), 0, "nothing new was begun\n{text}");
    let state = std::fs::read_to_string(place.path().join("terrane.state/log")).unwrap();
    assert_eq!(state.matches("\"result\":\"done\"").count(), 6, "and written down: two roles, policies, clusters");
    goes_on(&place).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn ctrl_c_once_finishes_what_runs() {
    once("INT").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_to_end_finishes_what_runs() {
    once("TERM").await;
}

/// What runs was not waited for, and is found again.
fn is_kept(place: &Place) {
    let state = std::fs::read_to_string(place.path().join("terrane.state/log")).unwrap();
    let handles = state.lines().filter(|line| line.contains("\"running\"") && line.contains("\"kind\":\"create\""));
    assert_eq!(handles.count(), 2, "what runs is found again by its handle");
    assert!(!place.path().join("terrane.state/lock").exists(), "and the lock is given back");
}

#[tokio::test(flavor = "multi_thread")]
async fn ctrl_c_twice_writes_down_what_is_known_and_goes() {
    let place = place(100).await;
    let child = applying(&place).await;
    signal(&child, "INT");
    tokio::time::sleep(Duration::from_millis(300)).await;
    signal(&child, "INT");
    let begun = Instant::now();
    let (code, text) = ended(child).await;
    assert_eq!(code, Some(1), "{text}");
    assert!(begun.elapsed() < Duration::from_secs(4), "it did not wait for the clusters\n{text}");
    is_kept(&place);
    goes_on(&place).await;
}

/// A hosted CI runner sends SIGINT, SIGTERM after 7.5 s and SIGKILL 2.5 s later.
#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_ci_job_ends_before_it_is_killed() {
    let place = place(SLOW).await;
    let child = applying(&place).await;
    signal(&child, "INT");
    tokio::time::sleep(Duration::from_millis(7_500)).await;
    signal(&child, "TERM");
    let (code, text) = tokio::time::timeout(Duration::from_millis(2_500), ended(child)).await.unwrap();
    assert_eq!(code, Some(1), "{text}");
    is_kept(&place);
}

/// A container runtime sends SIGTERM, and SIGKILL ten seconds later.
#[tokio::test(flavor = "multi_thread")]
async fn a_stopped_container_ends_before_it_is_killed() {
    let place = place(SLOW).await;
    let child = applying(&place).await;
    signal(&child, "TERM");
    let (code, text) = tokio::time::timeout(Duration::from_secs(10), ended(child)).await.unwrap();
    assert_eq!(code, Some(1), "{text}");
    is_kept(&place);
}
