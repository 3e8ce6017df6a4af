//! A6: what a large state in S3 costs a small change: bytes follow the change, and are counted on the line to moto.
//!
//! `soak` (TERRANE_SOAK=1) does it with 100,000 instances, `test` with fewer. It exists because only the whole binary
//! decides what is read and written for one apply; what each store does with an entry is in `stores.rs`.

#![expect(clippy::unwrap_used, reason = "a broken harness ends the suite")]

use std::time::Duration;
use terrane_sandbox::SandboxConfig;
use terrane_tests::place::Place;
use terrane_tests::servers::{BadLine, Passed, ask, moto};

/// Most that an apply of one change may write.
const MOST_WRITTEN: usize = 64 * 1024;
/// What heads of answers and listings may add to the objects that are read.
const AROUND: usize = 64 * 1024;
/// A command that takes longer is stuck; the binary is not optimised, and the state is large.
const DEADLINE: Duration = Duration::from_secs(900);

fn configuration(endpoint: &str, instances: usize, changed: &str) -> String {
    format!(
        r#"terrane {{
  backend "s3" {{
    bucket         = "fleet"
    key            = "state"
    region         = "us-east-1"
    endpoint       = "{endpoint}"
    use_path_style = true
    access_key     = "AKIDEXAMPLE"
    secret_key     = "hunter2"
  }}
}}
resource "terrane_data" "fleet" {{
  count = {instances}
  input = {{
    name   = "cluster-${{count.index}}"
    region = "eu-west-1"
    size   = count.index == 77 ? "{changed}" : "small"
  }}
}}
"#
    )
}

async fn run(place: &Place, words: &[&str]) -> String {
    let output = tokio::time::timeout(DEADLINE, place.command(words).output()).await.unwrap().unwrap();
    let told = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{words:?}: {}", told.get(..4_000).unwrap_or(&told));
    told
}

fn name(passed: &Passed) -> &str {
    passed.path.split('?').next().unwrap_or_default().trim_start_matches("/fleet/state/")
}

/// Requests and bytes of one kind, for the line that is printed.
fn sum<'p>(passed: impl Iterator<Item = &'p Passed>) -> (usize, usize) {
    passed.fold((0, 0), |(count, bytes), one| (count + 1, bytes + one.sent.max(one.received)))
}

// A6
#[tokio::test(flavor = "multi_thread")]
async fn a_small_change_of_a_large_state_reads_one_snapshot_and_writes_little() {
    let Some(server) = moto() else {
        println!("left out: moto is not installed");
        return;
    };
    let (status, answer) = ask(server.port(), "PUT /fleet HTTP/1.1", "").await;
    assert_eq!(status, 200, "{answer}");
    let line = BadLine::without_faults(server.port());
    let instances = if std::env::var("TERRANE_SOAK").is_ok_and(|value| value == "1") { 100_000 } else { 3_000 };
    let place = Place::start(SandboxConfig::default()).await;
    place.write("main.hcl", &configuration(&line.endpoint(), instances, "small"));
    run(&place, &["init"]).await;
    let told = run(&place, &["apply", "-auto-approve"]).await;
    assert!(told.contains(&format!("Resources: {instances} added, 0 changed, 0 destroyed.")), "{told}");
    let (requests, bytes) = sum(line.take_passed().iter().filter(|passed| passed.method == "PUT"));
    println!("{instances} instances: made with {requests} objects of {bytes} bytes");

    place.write("main.hcl", &configuration(&line.endpoint(), instances, "large"));
    let told = run(&place, &["apply", "-auto-approve"]).await;
    assert!(told.contains("Resources: 0 added, 1 changed, 0 destroyed."), "{told}");
    let passed = line.take_passed();
    let written = passed.iter().filter(|passed| passed.sent > 0).map(|passed| passed.sent).sum::<usize>();
    let read = |what: &str| sum(passed.iter().filter(|one| one.method == "GET" && name(one).starts_with(what)));
    let ((snapshots, of_snapshots), (segments, of_segments)) = (read("snapshot/"), read("log/"));
    let all = passed.iter().filter(|one| one.method == "GET").map(|one| one.received).sum::<usize>();
    println!(
        "one change: {written} bytes written in {} requests; read: {snapshots} snapshot of {of_snapshots} bytes, \
         {segments} segments of {of_segments} bytes, {all} bytes in all",
        passed.len()
    );
    assert!(written < MOST_WRITTEN, "{written} bytes: {passed:#?}");
    assert!(snapshots == 1 && of_snapshots > 0, "{passed:#?}");
    assert!(of_segments < MOST_WRITTEN, "the snapshot holds nearly all: {passed:#?}");
    assert!(all <= of_snapshots + of_segments + AROUND, "{passed:#?}");
}
