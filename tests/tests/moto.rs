//! C1, C2, A7, A9: the EKS fleet, and adoption of what boto3 made, against moto, an AWS emulator that we did not write.
//!
//! Runs where `TERRANE_MOTO_PYTHON` names a Python that has moto, and `TERRANE_BIN` the built binary.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a broken harness ends the suite, and what was left out or counted is told"
)]

use std::path::Path;
use std::process::Command;

/// Runs a script with the binary and more; nothing where a part is missing.
fn run(script: &str, more: &[&str]) {
    let (Ok(python), Ok(binary)) = (std::env::var("TERRANE_MOTO_PYTHON"), std::env::var("TERRANE_BIN")) else {
        println!("left out: TERRANE_MOTO_PYTHON or TERRANE_BIN is not set");
        return;
    };
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let more = more.iter().map(|path| root.join(path));
    let script = root.join("tests/moto").join(script);
    let done = Command::new(python).arg("-B").arg(script).arg(binary).args(more).output().unwrap();
    let out = String::from_utf8_lossy(&done.stdout);
    println!("{out}");
    assert!(done.status.success(), "{out}\n{}", String::from_utf8_lossy(&done.stderr));
    assert!(out.contains("all as expected"));
}

#[test]
fn an_eks_fleet_lives_and_dies_in_moto() {
    run("fleet.py", &["examples/fleet-eks-moto"]);
}

#[test]
fn what_boto3_made_in_moto_is_adopted_without_a_changing_request() {
    run("adopt.py", &[]);
}
