//! A5, A6, E1: the state as people handle it: its place, its workspaces, its lock, its history, records that move.
//!
//! Everything goes through the binary. What the stores themselves promise is in their contract suite.

#![expect(clippy::unwrap_used, reason = "a broken harness ends the suite")]

use serde_json::Value;
use std::process::Stdio;
use std::time::Duration;
use terrane_sandbox::SandboxConfig;
use terrane_tests::place::{Finished, Place};
use terrane_tests::seen;
use tokio::io::AsyncWriteExt as _;

const DATA: &str = "resource \"terrane_data\" \"a\" {\n  input = \"one\"\n}\n\
    resource \"terrane_data\" \"b\" {\n  input = terrane_data.a.output\n}\n";

const FLEET: &str = r#"data "eks_network" "of" {
  region = "eu-west-1"
  filter = { "tag:team" = "platform" }
}
resource "eks_cluster" "core" {
  name    = "core"
  region  = "eu-west-1"
  version = "1.31"
  network {
    subnets = data.eks_network.of.private_subnets
  }
}
"#;

fn backend(path: &str) -> String {
    format!("terrane {{\n  backend \"local\" {{\n    path = \"{path}\"\n  }}\n}}\n")
}

async fn place(configuration: &str) -> Place {
    let place = Place::start(SandboxConfig { clock_rate: 1_000, ..SandboxConfig::default() }).await;
    place.write("main.hcl", configuration);
    place
}

async fn applied(configuration: &str) -> Place {
    let place = place(configuration).await;
    place.run(&["apply", "-auto-approve"]).await.expect(0);
    place
}

/// Checks that a command ended with this problem alone.
#[track_caller]
fn expect_error(finished: &Finished, id: &str) {
    assert_eq!((finished.code, seen::ids(&finished.err)), (Some(1), vec![id]), "{}\n{}", finished.out, finished.err);
}

async fn answered(place: &Place, words: &[&str], answer: &str) -> Finished {
    let mut child =
        place.command(words).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(answer.as_bytes()).await.unwrap();
    let output = tokio::time::timeout(Duration::from_secs(60), child.wait_with_output()).await.unwrap().unwrap();
    Finished {
        code: output.status.code(),
        out: String::from_utf8_lossy(&output.stdout).into_owned(),
        err: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

async fn json(place: &Place, words: &[&str]) -> Value {
    serde_json::from_str(&place.run(words).await.expect(0).out).unwrap()
}

/// The addresses that are recorded.
async fn list(place: &Place) -> Vec<String> {
    place.run(&["state", "list"]).await.expect(0).out.lines().map(str::to_owned).collect()
}

/// Nothing has to be done.
async fn expect_empty_plan(place: &Place) {
    let plan = place.run(&["plan", "-detailed-exitcode"]).await;
    assert_eq!(plan.code, Some(0), "{}\n{}", plan.out, plan.err);
}

// A6
#[tokio::test(flavor = "multi_thread")]
async fn a_state_moves_to_another_backend_and_back() {
    let place = applied(DATA).await;
    let before = json(&place, &["state", "pull"]).await;
    place.write("main.hcl", &format!("{DATA}{}", backend("kept")));
    expect_error(&place.run(&["plan"]).await, "backend-not-set-up");
    expect_error(&place.run(&["init"]).await, "backend-changed");
    let moved = place.run(&["init", "-migrate-state"]).await.expect(0);
    assert!(moved.out.contains("Copied the state of \"default\""), "{}", moved.out);
    assert_eq!(json(&place, &["state", "pull"]).await, before);
    expect_empty_plan(&place).await;

    // As often as one likes, and back; the state there is that of another time.
    place.run(&["init", "-migrate-state"]).await.expect(0);
    place.run(&["taint", "terrane_data.a"]).await.expect(0);
    place.write("main.hcl", DATA);
    expect_error(&place.run(&["state", "list"]).await, "backend-changed");
    place.run(&["init", "-migrate-state"]).await.expect(0);
    assert!(!place.path().join(".terrane/backend.json").exists());
    let back = json(&place, &["state", "pull"]).await;
    assert!(back["serial"].as_u64() > before["serial"].as_u64() && back["lineage"] == before["lineage"], "{back}");
}

// A6
#[tokio::test(flavor = "multi_thread")]
async fn a_state_in_the_way_is_replaced_after_a_yes_alone() {
    let place = applied(DATA).await;
    place.write("main.hcl", &format!("{DATA}{}", backend("kept")));
    place.run(&["init", "-reconfigure"]).await.expect(0);
    place.run(&["apply", "-auto-approve"]).await.expect(0);
    let other = json(&place, &["state", "pull"]).await;

    place.write("main.hcl", DATA);
    for words in [&["init", "-migrate-state", "-input=false"][..], &["init", "-migrate-state"]] {
        expect_error(&answered(&place, words, "no\n").await, "lineage-differs");
    }
    answered(&place, &["init", "-migrate-state"], "yes\n").await.expect(0);
    let now = json(&place, &["state", "pull"]).await;
    assert_eq!(now["lineage"], other["lineage"]);
    place.run(&["plan"]).await.expect(0);
}

// A6, A11
#[tokio::test(flavor = "multi_thread")]
async fn a_migration_that_was_stopped_is_run_again() {
    let place = applied(DATA).await;
    let before = json(&place, &["state", "pull"]).await;
    place.write("main.hcl", &format!("{DATA}{}", backend("kept")));
    for wait_ms in [0, 2, 5, 10, 20, 40] {
        let mut child = place.command(&["init", "-migrate-state"]).stdout(Stdio::null()).spawn().unwrap();
        tokio::time::sleep(Duration::from_millis(wait_ms)).await;
        // It may have ended already.
        let _ended = child.kill().await;
    }
    place.run(&["init", "-migrate-state"]).await.expect(0);
    assert_eq!(json(&place, &["state", "pull"]).await, before);
    expect_empty_plan(&place).await;
}

// A6, A10
#[tokio::test(flavor = "multi_thread")]
async fn arguments_come_from_variables_flags_and_files_and_are_remembered() {
    let text = "variable \"team\" {\n}\nterrane {\n  backend \"local\" {\n    path = \"states/${var.team}\"\n  }\n}\n";
    let place = place(&format!("{text}{DATA}")).await;
    expect_error(&place.run(&["init"]).await, "no-value-for-variable");
    place.write("terrane.tfvars", "team = \"core\"\n");
    place.write("more.tfvars", "workspace_dir = \"states/others\"\n");
    place.run(&["init", "-backend-config=more.tfvars"]).await.expect(0);
    place.run(&["apply", "-auto-approve"]).await.expect(0);
    assert!(place.path().join("states/core/log").exists());
    place.run(&["workspace", "new", "eu"]).await.expect(0);
    assert!(place.path().join("states/others/eu/log").exists());
    expect_error(&place.run(&["plan", "-var=team=edge"]).await, "backend-changed");
    for (flag, id) in [
        ("-backend-config=pth=x", "unknown-argument"),
        ("-backend-config=nothing.tfvars", "wrong-backend-flag"),
        ("-backend-config=path=[1]", "wrong-type"),
    ] {
        expect_error(&place.run(&["init", "-reconfigure", flag]).await, id);
    }
    let sensitive = text.replace("\"team\" {\n", "\"team\" {\n  sensitive = true\n");
    place.write("main.hcl", &format!("{sensitive}{DATA}"));
    expect_error(&place.run(&["init", "-reconfigure"]).await, "secret-in-plain-argument");
    place.run(&["init", "-backend=false"]).await.expect(0);
}

// A6
#[tokio::test(flavor = "multi_thread")]
async fn each_workspace_has_a_state_of_its_own() {
    let text = "resource \"terrane_data\" \"w\" {\n  input = \"in ${terrane.workspace}\"\n}\n\
        output \"w\" {\n  value = \"${terrane_data.w.output} ${terraform.workspace}\"\n}\n";
    let mut place = applied(text).await;
    place.run(&["workspace", "new", "eu"]).await.expect(0);
    place.run(&["apply", "-auto-approve"]).await.expect(0);
    let output = |words: Finished| words.expect(0).out;
    assert_eq!(output(place.run(&["output", "-raw", "w"]).await), "in eu eu");
    assert_eq!(output(place.run(&["workspace", "list"]).await), "  default\n* eu\n\n");
    assert_eq!(output(place.run(&["workspace", "show"]).await), "eu\n");
    expect_error(&place.run(&["workspace", "new", "eu"]).await, "workspace-exists");
    expect_error(&place.run(&["workspace", "select", "us"]).await, "no-such-workspace");
    expect_error(&place.run(&["workspace", "delete", "eu"]).await, "workspace-in-use");
    expect_error(&place.run(&["workspace", "delete", "default"]).await, "workspace-in-use");
    place.run(&["workspace", "select", "-or-create", "us"]).await.expect(0);
    place.run(&["workspace", "select", "default"]).await.expect(0);
    assert_eq!(output(place.run(&["output", "-raw", "w"]).await), "in default default");
    expect_error(&place.run(&["workspace", "delete", "eu"]).await, "workspace-not-empty");
    place.run(&["workspace", "delete", "-force", "eu"]).await.expect(0);
    place.run(&["workspace", "delete", "us"]).await.expect(0);
    assert_eq!(output(place.run(&["workspace", "list"]).await), "* default\n\n");

    place.environment.push(("TERRANE_WORKSPACE".to_owned(), "typo".to_owned()));
    for words in [&["plan"][..], &["apply", "-auto-approve"], &["state", "list"]] {
        expect_error(&place.run(words).await, "no-such-workspace");
    }
    expect_error(&place.run(&["workspace", "select", "default"]).await, "workspace-fixed");
}

// A6
#[tokio::test(flavor = "multi_thread")]
async fn workspaces_are_taken_along() {
    let place = applied(DATA).await;
    place.run(&["workspace", "new", "eu"]).await.expect(0);
    place.run(&["apply", "-auto-approve"]).await.expect(0);
    let more =
        "terrane {\n  backend \"local\" {\n    path          = \"kept\"\n    workspace_dir = \"others\"\n  }\n}\n";
    place.write("main.hcl", &format!("{DATA}{more}"));
    place.run(&["init", "-migrate-state"]).await.expect(0);
    for name in ["eu", "default"] {
        place.run(&["workspace", "select", name]).await.expect(0);
        expect_empty_plan(&place).await;
    }
}

// A6
#[tokio::test(flavor = "multi_thread")]
async fn a_busy_lock_says_whose_it_is_and_can_be_taken_away() {
    let place = place(FLEET).await;
    let idle = json(&place, &["lock", "show", "-json"]).await;
    assert_eq!(idle["lock"], Value::Null);
    let mut first =
        place.command(&["apply", "-auto-approve"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // Once it looks how far the cluster is, it waits: a run that is stopped in mid-write lets nobody else write.
    let looks = |place: &Place| {
        let log = place.sandbox.log();
        log.iter().skip_while(|entry| entry.operation != "CreateCluster").any(|e| e.operation == "DescribeCluster")
    };
    while !looks(&place) {
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    let pid = first.id().unwrap();
    stop(pid, "STOP");
    let busy = place.run(&["apply", "-auto-approve", "-json"]).await.expect(1);
    let lines: Vec<Value> = busy.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.last().unwrap()["reason"], "lock-busy");
    let told = lines.iter().find(|line| line["type"] == "diagnostic").unwrap();
    let facts = &told["diagnostic"]["facts"];
    for name in ["held by", "host", "age", "since", "lock"] {
        assert!(facts[name].as_str().is_some_and(|text| !text.is_empty()), "{name}: {told}");
    }
    let text = place.run(&["state", "rm", "eks_cluster.core"]).await;
    expect_error(&text, "state-locked");
    assert!(text.err.contains("Error acquiring the state lock") && text.err.contains("Lock Info:"), "{}", text.err);

    let lock = json(&place, &["lock", "show", "-json"]).await["lock"].clone();
    let id = lock["id"].as_str().unwrap().to_owned();
    assert!(lock["operation"] == "apply" && lock["heartbeat_age_s"].is_u64(), "{lock}");
    assert!(text.err.contains(&id));
    expect_error(&place.run(&["force-unlock", "-force", "0123"]).await, "lock-not-that");
    assert_eq!(answered(&place, &["force-unlock", &id], "no\n").await.expect(1).out.matches("Who:").count(), 1);
    place.run(&["force-unlock", "-force", &id]).await.expect(0);
    // Somebody else writes now.
    place.run(&["taint", "-allow-missing", "eks_cluster.other"]).await.expect(0);

    // The run that lost its lock in the middle records nothing more and says why.
    stop(pid, "CONT");
    let ended = tokio::time::timeout(Duration::from_secs(120), first.wait()).await.unwrap().unwrap();
    let mut said = String::new();
    tokio::io::AsyncReadExt::read_to_string(first.stderr.as_mut().unwrap(), &mut said).await.unwrap();
    assert_eq!(ended.code(), Some(1), "{said}");
    assert!(said.contains("[lock-lost]"), "{said}");

    // What it had begun is finished by the next run, and nothing is made twice.
    place.run(&["apply", "-auto-approve"]).await.expect(0);
    expect_empty_plan(&place).await;
}

/// Sends a signal to a process that this test started.
fn stop(pid: u32, signal: &str) {
    let sent = std::process::Command::new("kill").args([format!("-{signal}"), pid.to_string()]).status().unwrap();
    assert!(sent.success());
}

// A6, A11
#[tokio::test(flavor = "multi_thread")]
async fn what_is_open_is_not_moved_or_brought_back() {
    let place = place(FLEET).await;
    let mut command = place.command(&["apply", "-auto-approve"]);
    let mut child = command.stdout(Stdio::null()).spawn().unwrap();
    let pid = i32::try_from(child.id().unwrap()).unwrap();
    let when = terrane_sandbox::KillMoment::AfterEffect;
    let victim = terrane_sandbox::Victim::Process(pid);
    place.sandbox.arm_kill(terrane_sandbox::KillPoint { nth: 2, when, victim }).unwrap();
    assert!(child.wait().await.unwrap().code().is_none(), "it was not killed");
    let refused = [
        place.run(&["state", "rollback", "-auto-approve", "1"]).await,
        place.run(&["state", "mv", "eks_cluster.core", "eks_cluster.other"]).await,
    ];
    assert_eq!(seen::ids(&refused[0].err), ["intents-open"], "{}", refused[0].err);
    assert!(["intents-open", "not-in-state"].contains(&seen::ids(&refused[1].err)[0]), "{}", refused[1].err);
    place.run(&["apply", "-auto-approve"]).await.expect(0);
    expect_empty_plan(&place).await;
}

// A6
#[tokio::test(flavor = "multi_thread")]
async fn records_go_back_to_an_earlier_serial() {
    let place = applied(DATA).await;
    place.write("main.hcl", &DATA.replace("one", "two"));
    place.run(&["apply", "-auto-approve"]).await.expect(0);
    let versions = json(&place, &["state", "versions", "-json"]).await;
    let serials: Vec<u64> =
        versions["versions"].as_array().unwrap().iter().map(|version| version["serial"].as_u64().unwrap()).collect();
    assert_eq!(serials.len(), 2, "{versions}");
    let text = place.run(&["state", "versions"]).await.expect(0).out;
    assert_eq!(text.lines().count(), 2, "{text}");

    let first = serials[0].to_string();
    assert_eq!(answered(&place, &["state", "rollback", &first], "no\n").await.code, Some(1));
    let back = answered(&place, &["state", "rollback", &first], "yes\n").await.expect(0);
    assert!(back.out.contains("Nothing in the world is touched"), "{}", back.out);
    let shown = place.run(&["state", "show", "terrane_data.a"]).await.expect(0).out;
    assert!(shown.contains("\"one\"") && !shown.contains("\"two\""), "{shown}");
    // The next plan shows the difference, and an apply makes it even.
    let plan = place.run(&["plan", "-detailed-exitcode"]).await.expect(2);
    assert!(plan.out.contains("terrane_data.a"), "{}", plan.out);
    place.run(&["apply", "-auto-approve"]).await.expect(0);
    expect_empty_plan(&place).await;

    expect_error(&place.run(&["state", "rollback", "-auto-approve", "999999"]).await, "state-serial-unknown");
    let last = json(&place, &["state", "versions", "-json"]).await["serial"].to_string();
    let same = place.run(&["state", "rollback", &last]).await.expect(0);
    assert!(same.out.contains("already"), "{}", same.out);
}

// A6
#[tokio::test(flavor = "multi_thread")]
async fn a_document_goes_out_and_comes_in() {
    let place = applied(DATA).await;
    let pulled = place.run(&["state", "pull"]).await.expect(0).out;
    place.write("state.json", &pulled);
    place.run(&["state", "push", "state.json"]).await.expect(0);
    place.run(&["taint", "terrane_data.a"]).await.expect(0);
    expect_error(&place.run(&["state", "push", "state.json"]).await, "serial-behind");
    let lineage: Value = serde_json::from_str(&pulled).unwrap();
    place.write("other.json", &pulled.replace(lineage["lineage"].as_str().unwrap(), "0123"));
    expect_error(&place.run(&["state", "push", "other.json"]).await, "lineage-differs");
    for text in ["", "{", "{\"version\": 4, \"terraform_version\": \"1.9.0\", \"serial\": 1}"] {
        place.write("wrong.json", text);
        expect_error(&place.run(&["state", "push", "wrong.json"]).await, "state-document-wrong");
    }
    place.write("newer.json", &pulled.replacen("\"format\": 1", "\"format\": 2", 1));
    expect_error(&place.run(&["state", "push", "newer.json"]).await, "state-newer");
    expect_error(&place.run(&["state", "push", "nothing.json"]).await, "file-not-read");
    answered(&place, &["state", "push", "-force", "-"], &pulled).await.expect(0);
    expect_empty_plan(&place).await;

    // Into an empty place.
    let fresh = self::place(DATA).await;
    fresh.write("state.json", &pulled);
    fresh.run(&["state", "push", "state.json"]).await.expect(0);
    assert_eq!(fresh.run(&["state", "pull"]).await.expect(0).out, pulled);
    expect_empty_plan(&fresh).await;
}

// A6
#[tokio::test(flavor = "multi_thread")]
async fn records_move_and_what_refers_to_them_follows() {
    let place = applied(DATA).await;
    let dry = place.run(&["state", "mv", "-dry-run", "terrane_data.a", "terrane_data.first"]).await.expect(0);
    assert_eq!(dry.out, "Would move terrane_data.a to terrane_data.first\n");
    place.run(&["state", "mv", "terrane_data.a", "terrane_data.first"]).await.expect(0);
    assert_eq!(list(&place).await, ["terrane_data.b", "terrane_data.first"]);
    let pulled = place.run(&["state", "pull"]).await.expect(0).out;
    assert!(!pulled.contains("terrane_data.a"), "{pulled}");
    place.write("main.hcl", &DATA.replace("\"a\"", "\"first\"").replace("terrane_data.a", "terrane_data.first"));
    expect_empty_plan(&place).await;

    expect_error(&place.run(&["state", "mv", "terrane_data.b", "terrane_data.first"]).await, "address-taken");
    expect_error(&place.run(&["state", "mv", "terrane_data.x", "terrane_data.y"]).await, "not-in-state");
    expect_error(&place.run(&["state", "mv", "terrane_data.b", "eks_cluster.b"]).await, "move-refused");
    expect_error(&place.run(&["state", "mv", "terrane_data.b", "no address"]).await, "invalid-address");

    place.run(&["state", "mv", "terrane_data.b", "module.m[\"x\"].terrane_data.b"]).await.expect(0);
    place.run(&["state", "mv", "module.m", "module.n"]).await.expect(0);
    assert_eq!(list(&place).await, ["terrane_data.first", "module.n[\"x\"].terrane_data.b"]);
}

// A5
#[tokio::test(flavor = "multi_thread")]
async fn a_tainted_object_is_made_anew() {
    let place = applied(DATA).await;
    expect_error(&place.run(&["taint", "terrane_data.x"]).await, "not-in-state");
    place.run(&["taint", "-allow-missing", "terrane_data.x"]).await.expect(0);
    expect_error(&place.run(&["untaint", "terrane_data.a"]).await, "taint-unchanged");
    place.run(&["taint", "terrane_data.a"]).await.expect(0);
    let plan = place.run(&["plan"]).await.expect(0);
    assert!(plan.out.contains("# terrane_data.a is tainted, so must be replaced"), "{}", plan.out);
    place.run(&["plan", "-out=p"]).await.expect(0);
    let shown = json(&place, &["show", "-json", "p"]).await;
    let change = &shown["resource_changes"].as_array().unwrap()[0];
    assert_eq!(change["action_reason"], "replace_because_tainted", "{change}");
    place.run(&["untaint", "terrane_data.a"]).await.expect(0);
    expect_empty_plan(&place).await;
    place.run(&["taint", "terrane_data.a"]).await.expect(0);
    place.run(&["apply", "-auto-approve"]).await.expect(0);
    expect_empty_plan(&place).await;
}

// A6
#[tokio::test(flavor = "multi_thread")]
async fn nothing_writes_without_the_lock() {
    let place = applied(DATA).await;
    for words in [
        &["apply", "-auto-approve", "-lock=false"][..],
        &["destroy", "-auto-approve", "-lock=false"],
        &["state", "rm", "-lock=false", "terrane_data.b"],
        &["taint", "-lock=false", "terrane_data.b"],
        &["adopt", "eks", "-region=eu-west-1", "-auto-approve", "-lock=false"],
    ] {
        expect_error(&place.run(words).await, "lock-always-held");
    }
    place.run(&["plan", "-lock=false"]).await.expect(0);
    assert_eq!(list(&place).await.len(), 2);
}
