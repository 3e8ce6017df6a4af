//! A6, A11: states that cannot be read, journals that somebody cut or changed, and locks that others hold.

use super::{FLEET, MADE, expect_error, finish, place};
use std::path::PathBuf;
use std::time::Duration;
use terrane_tests::place::Place;
use terrane_tests::seen;

fn log(place: &Place) -> PathBuf {
    place.path().join("terrane.state/log")
}

/// A line of a journal: length, checksum and JSON.
fn framed(json: &str) -> String {
    format!("{:08x} {:08x} {json}\n", json.len(), crc32(json.as_bytes()))
}

/// CRC-32 as zip files have it.
fn crc32(bytes: &[u8]) -> u32 {
    let step = |crc: u32, _| if crc & 1 == 1 { (crc >> 1) ^ 0xedb8_8320 } else { crc >> 1 };
    !bytes.iter().fold(u32::MAX, |crc, byte| (0..8).fold(crc ^ u32::from(*byte), step))
}

// A6
#[tokio::test(flavor = "multi_thread")]
async fn a_state_of_a_newer_format_is_left_alone() {
    let place = place(FLEET).await;
    for (file, text) in [
        ("terrane.state/log", framed("{\"format\":99,\"base_serial\":0}")),
        ("terrane.state/snapshot", String::from("{\"format\":99}\n")),
    ] {
        place.write(file, &text);
        for command in [&["plan"] as &[&str], &["apply", "-auto-approve"], &["destroy", "-auto-approve"], &["drift"]] {
            let words = ["format: 99", "known: 1", "Run that version or a later one"];
            expect_error(file, &place.run(command).await, "state-newer", &words);
        }
        assert_eq!(std::fs::read_to_string(place.path().join(file)).unwrap(), text);
        std::fs::remove_file(place.path().join(file)).unwrap();
    }
    place.write("terrane.state/snapshot", "this is no snapshot\n");
    expect_error("no snapshot", &place.run(&["plan"]).await, "state-damaged", &["Restore the files of the state"]);
    assert_eq!(seen::changes(&place.sandbox, 0), []);
}

/// What is said of a journal that was cut or changed.
const DAMAGED: &str = "Warning: The end of the journal cannot be read and was left out";

// A6, A11
#[tokio::test(flavor = "multi_thread")]
async fn a_truncated_journal_keeps_what_can_be_read() {
    let place = place(FLEET).await;
    place.run(&["apply", "-auto-approve"]).await.expect(0);
    let whole = std::fs::read(log(&place)).unwrap();
    let last_line = whole.trim_ascii_end().iter().rposition(|byte| *byte == b'\n').unwrap() + 1;

    // In the middle of its last entry; then so that the outcome of the pool is lost, but not that it was begun.
    let text = String::from_utf8(whole.clone()).unwrap();
    let outcome = text.rfind("\"entry\":\"outcome\"").unwrap();
    for (name, length) in [("the last entry", whole.len() - 10), ("the outcome of the pool", outcome)] {
        std::fs::write(log(&place), &whole[..length]).unwrap();
        let mark = seen::mark(&place.sandbox);
        let planned = place.run(&["plan"]).await.expect(0);
        assert!(planned.err.contains(DAMAGED) && planned.err.contains("[journal-damaged]"), "{name}\n{}", planned.err);
        assert_eq!(std::fs::read(log(&place)).unwrap().len(), length, "{name}: a plan changed the journal");

        let applied = place.run(&["apply", "-auto-approve"]).await.expect(0);
        assert!(applied.err.contains("moved to: ./terrane.state/log.damaged-"), "{name}\n{}", applied.err);
        assert_eq!(seen::made(&place.sandbox), MADE, "{name}");
        let made = seen::changes(&place.sandbox, mark);
        assert!(made.iter().all(|entry| !entry.operation.starts_with("Create")), "{name}: made anew");
        let again = place.run(&["plan", "-detailed-exitcode"]).await.expect(0);
        assert!(!again.err.contains("journal-damaged"), "{name}\n{}", again.err);
    }
    let kept = std::fs::read_dir(place.path().join("terrane.state")).unwrap();
    let kept = kept.filter(|entry| entry.as_ref().unwrap().file_name().to_string_lossy().contains("damaged"));
    assert_eq!(kept.count(), 2);
    assert!(last_line < whole.len() - 10, "the cut is inside of the last entry");
}

// A6, A11
#[tokio::test(flavor = "multi_thread")]
async fn a_garbled_journal_keeps_what_stands_before_and_makes_nothing_twice() {
    let place = place(FLEET).await;
    place.run(&["apply", "-auto-approve"]).await.expect(0);
    let whole = std::fs::read_to_string(log(&place)).unwrap();

    // The cluster is recorded before that line, the pool is not any more, nor that it was ever begun.
    let at = whole.find("\"addr\":\"eks_node_pool.workers\"").unwrap();
    let mut garbled = whole.clone().into_bytes();
    garbled[at] ^= 1;
    std::fs::write(log(&place), &garbled).unwrap();
    let planned = place.run(&["plan", "-detailed-exitcode"]).await.expect(2);
    assert!(planned.err.contains(DAMAGED) && planned.err.contains("does not have its checksum"), "{}", planned.err);
    assert!(planned.out.contains("Plan: 1 to add, 0 to change, 0 to destroy."), "{}", planned.out);

    let applied = place.run(&["apply", "-auto-approve"]).await.expect(1);
    assert_eq!(seen::ids(&applied.err), ["journal-damaged", "object-exists"], "{}", applied.err);
    assert!(applied.err.contains("111122223333/eu-west-1/core/workers"), "{}", applied.err);
    assert_eq!(seen::made(&place.sandbox), MADE);

    // What was set aside can be put back by hand.
    std::fs::write(log(&place), whole).unwrap();
    finish("the journal is restored", &place).await;
}

// A6
#[tokio::test(flavor = "multi_thread")]
async fn a_lock_that_another_run_holds_is_respected() {
    let place = place(FLEET).await;
    let mut first = place.command(&["apply", "-auto-approve"]).stdout(std::process::Stdio::null()).spawn().unwrap();
    while place.sandbox.mutating_requests() == 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    for command in ["apply", "destroy"] {
        let refused = place.run(&[command, "-auto-approve"]).await;
        let words = ["Error acquiring the state lock", "Operation:      apply", "-lock-timeout"];
        expect_error(command, &refused, "state-locked", &words);
    }
    // A plan takes no lock.
    place.run(&["plan"]).await.expect(0);
    assert!(first.wait().await.unwrap().success());
    assert_eq!(seen::made(&place.sandbox), MADE);
    place.run(&["plan", "-detailed-exitcode"]).await.expect(0);
}
