//! A1, A2, A3, A4, A6, A7, A11, C1, C7, E1: whatever is wrong ends with a problem that has an id, its place and a line of
//! help, with exit code 1, and with nothing half done that the next run does not finish.
//!
//! The keys of another account are in the suite about accounts. `TERRANE_SOAK=1` adds the slow cases.

#![expect(clippy::unwrap_used, reason = "a broken harness ends the suite")]

mod adopt;
mod change;
mod configuration;
mod disk;
mod guard;
mod remote;
mod state;

use terrane_sandbox::SandboxConfig;
use terrane_tests::place::{Finished, Place};
use terrane_tests::seen;

/// A cluster with a pool in the network that every region of the sandbox has.
pub const FLEET: &str = r#"data "eks_network" "of" {
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

resource "eks_node_pool" "workers" {
  cluster = eks_cluster.core.id
  name    = "workers"
  size {
    desired = 1
  }
}
"#;

/// What it comes to.
pub const MADE: [&str; 4] = [
    "111122223333 eu-west-1 cluster core",
    "111122223333 eu-west-1 node-group core/workers",
    "111122223333 role core-eu-west-1-cluster",
    "111122223333 role core-eu-west-1-workers-node",
];

/// A folder with a configuration beside a sandbox in which ten minutes pass in an instant.
pub async fn place(configuration: &str) -> Place {
    let place = Place::start(SandboxConfig { clock_rate: 1_200, ..SandboxConfig::default() }).await;
    place.write("main.hcl", configuration);
    place
}

/// Checks that a run ended with errors of this id alone, each with its help, and with these words.
#[track_caller]
pub fn expect_error(case: &str, finished: &Finished, id: &str, words: &[&str]) {
    let Finished { code, out, err } = finished;
    assert_eq!(*code, Some(1), "{case}\n{out}\n{err}");
    let titles = err.lines().filter(|line| line.starts_with("Error: ")).count();
    let ids: Vec<&str> = seen::ids(err);
    assert!(titles > 0 && ids == vec![id; titles], "{case}: {ids:?} instead of {titles} times {id}\n{err}");
    for word in words {
        assert!(err.contains(word), "{case}: `{word}` is not there\n{err}");
    }
    assert!(!err.contains("panicked") && !out.contains("panicked"), "{case}\n{out}\n{err}");
}

/// Applies until all of it is there, which has to be at the first go, and checks that each object is there once.
pub async fn finish(case: &str, place: &Place) {
    let finished = place.run(&["apply", "-auto-approve"]).await;
    assert_eq!(finished.code, Some(0), "{case}\n{}\n{}", finished.out, finished.err);
    assert_eq!(seen::made(&place.sandbox), MADE, "{case}");
    let empty = place.run(&["plan", "-detailed-exitcode"]).await;
    assert_eq!(empty.code, Some(0), "{case}\n{}\n{}", empty.out, empty.err);
}

/// Whether the slow cases run too.
pub fn is_soak() -> bool {
    std::env::var_os("TERRANE_SOAK").is_some_and(|value| value == "1")
}
