//! C1, C2, A7: the EKS fleet against moto, an AWS emulator that we did not write.
//!
//! Runs where `TERRANE_MOTO_PYTHON` names a Python that has moto, and `TERRANE_BIN` the built binary.

use std::path::Path;
use std::process::Command;

#[test]
fn an_eks_fleet_lives_and_dies_in_moto() {
    let (Ok(python), Ok(binary)) = (std::env::var("TERRANE_MOTO_PYTHON"), std::env::var("TERRANE_BIN")) else {
        println!("left out: TERRANE_MOTO_PYTHON or TERRANE_BIN is not set");
        return;
    };
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let done = Command::new(python)
        .arg(root.join("tests/moto/fleet.py"))
        .arg(binary)
        .arg(root.join("examples/fleet-eks-moto"))
        .output()
        .unwrap();
    let out = String::from_utf8_lossy(&done.stdout);
    assert!(done.status.success(), "{out}\n{}", String::from_utf8_lossy(&done.stderr));
    assert!(out.contains("all as expected"));
}
