//! A10: sealed states and plans as people use them: keys from everywhere, rotation, wrong keys, old copies, KMS.

#![expect(clippy::unwrap_used, reason = "a broken harness ends the suite")]

use serde_json::Value as Json;
use std::path::{Path, PathBuf};
use terrane_sandbox::{Denial, Drift, SandboxConfig};
use terrane_tests::place::Place;
use terrane_tests::servers::{ask, moto};

const THING: &str = "resource \"terrane_data\" \"a\" {\n  input = \"needle\"\n}\n";
const PASSPHRASE: &str = "correct horse battery staple";

fn block(inside: &str) -> String {
    format!("terrane {{\n  encryption {{\n{inside}\n  }}\n}}\n{THING}")
}

fn key(word: &str, kind: &str, arguments: &str) -> String {
    format!("    {word} \"{kind}\" {{\n      {arguments}\n    }}\n")
}

fn passphrase(word: &str, name: &str) -> String {
    key(word, "passphrase", &format!("env = \"{name}\""))
}

/// A place with two passphrases and a passphrase that is neither.
async fn place() -> Place {
    let mut place = Place::start(SandboxConfig::default()).await;
    let set = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    place.environment.extend([set("ONE", PASSPHRASE), set("TWO", "another long passphrase")]);
    place
}

/// Every file of the state and every plan.
fn kept(place: &Place) -> Vec<PathBuf> {
    fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { walk(&path, found) } else { found.push(path) }
        }
    }
    let mut found = Vec::new();
    walk(place.path(), &mut found);
    found.retain(|path| path.extension().is_none_or(|extension| extension != "hcl"));
    found
}

fn shows(place: &Place, word: &str) -> Vec<PathBuf> {
    let has = |path: &PathBuf| std::fs::read(path).unwrap().windows(word.len()).any(|part| part == word.as_bytes());
    kept(place).into_iter().filter(has).collect()
}

async fn refused(place: &Place, words: &[&str], id: &str) -> String {
    let finished = place.run(words).await.expect(1);
    assert!(finished.err.contains(&format!("[{id}]")), "{}", finished.err);
    for secret in [PASSPHRASE, "another long passphrase"] {
        assert!(!finished.err.contains(secret) && !finished.out.contains(secret), "{}", finished.err);
    }
    finished.err
}

#[tokio::test]
async fn states_and_plans_are_sealed_and_wrong_keys_are_told() {
    let mut place = place().await;
    place.write("main.hcl", &block(&passphrase("key", "ONE")));
    place.run(&["plan", "-out=p"]).await.expect(0);
    place.run(&["apply", "p"]).await.expect(0);
    place.run(&["plan", "-out=q", "-destroy"]).await.expect(0);
    assert_eq!(shows(&place, "needle"), [""; 0].map(PathBuf::from));
    assert!(place.run(&["show", "-json", "q"]).await.expect(0).out.contains("needle"));
    place.write("main.hcl", &block(&passphrase("key", "TWO")));
    refused(&place, &["plan"], "wrong-key").await;
    refused(&place, &["apply", "q"], "wrong-key").await;
    refused(&place, &["state", "list"], "wrong-key").await;
    place.write("main.hcl", &block(&passphrase("key", "NONE")));
    refused(&place, &["output"], "key-unavailable").await;
    place.write("main.hcl", THING);
    refused(&place, &["plan"], "sealed-without-key").await;
    refused(&place, &["show", "q"], "sealed-without-key").await;
    // From outside, as in CI.
    place.environment.push(("TERRANE_ENCRYPTION".to_owned(), passphrase("key", "ONE")));
    place.run(&["plan"]).await.expect(0);
}

#[tokio::test]
async fn a_flipped_bit_of_a_plan_is_refused_wherever_it_is() {
    let place = place().await;
    std::fs::write(place.path().join("k"), "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=").unwrap();
    place.write("main.hcl", &block(&key("key", "raw", "file = \"k\"")));
    place.run(&["plan", "-out=p"]).await.expect(0);
    let whole = std::fs::read(place.path().join("p")).unwrap();
    // Every part: first word, format, checksum, header, contents, end.
    let places = [0, 15, 20, 40, 120, 300, whole.len() / 2, whole.len() - 40, whole.len() - 1];
    for at in places {
        let mut changed = whole.clone();
        changed[at] ^= 1;
        std::fs::write(place.path().join("p"), changed).unwrap();
        let finished = place.run(&["apply", "p"]).await.expect(1);
        let is_told = ["sealed-tampered", "sealed-newer", "plan-file-damaged", "file-not-read"]
            .iter()
            .any(|id| finished.err.contains(&format!("[{id}]")));
        assert!(is_told, "byte {at}: {}", finished.err);
    }
    place.run(&["state", "list"]).await.expect(1);
}

#[tokio::test]
async fn a_new_key_takes_over_and_the_old_one_can_go() {
    let place = place().await;
    place.write("main.hcl", &block(&passphrase("key", "ONE")));
    place.run(&["apply", "-auto-approve"]).await.expect(0);
    place.run(&["plan", "-out=old"]).await.expect(0);
    let both = passphrase("key", "TWO") + &passphrase("previous", "ONE");
    place.write("main.hcl", &block(&both));
    place.run(&["plan"]).await.expect(0);
    place.run(&["show", "old"]).await.expect(0);
    let log = || std::fs::read(place.path().join("terrane.state/log")).unwrap();
    let before = log();
    place.run(&["state", "rekey"]).await.expect(0);
    assert_ne!(before, log());
    place.write("main.hcl", &block(&passphrase("key", "TWO")));
    let plan = place.run(&["plan", "-detailed-exitcode"]).await.expect(0);
    assert!(plan.out.contains("No changes"), "{}", plan.out);
    refused(&place, &["show", "old"], "wrong-key").await;
    place.write("main.hcl", THING);
    refused(&place, &["state", "rekey"], "no-encryption").await;
}

#[tokio::test]
async fn a_plain_state_is_taken_in_unless_that_is_refused() {
    let place = place().await;
    place.write("main.hcl", THING);
    place.run(&["apply", "-auto-approve"]).await.expect(0);
    place.run(&["plan", "-out=p"]).await.expect(0);
    assert!(!shows(&place, "needle").is_empty());
    place.write("main.hcl", &block(&(passphrase("key", "ONE") + "    enforced = true")));
    refused(&place, &["plan"], "not-sealed").await;
    refused(&place, &["apply", "p"], "not-sealed").await;
    place.write("main.hcl", &block(&passphrase("key", "ONE")));
    place.run(&["apply", "-auto-approve"]).await.expect(0);
    std::fs::remove_file(place.path().join("p")).unwrap();
    assert_eq!(shows(&place, "needle"), [""; 0].map(PathBuf::from));
    place.write("main.hcl", &block(&(passphrase("key", "ONE") + "    enforced = true")));
    place.run(&["plan"]).await.expect(0);
}

#[tokio::test]
async fn an_old_copy_is_taken_only_where_it_is_meant() {
    let place = place().await;
    place.write("main.hcl", &block(&passphrase("key", "ONE")));
    place.run(&["apply", "-auto-approve"]).await.expect(0);
    let (state, old) = (place.path().join("terrane.state"), place.path().join("old"));
    std::fs::create_dir(&old).unwrap();
    for name in ["log", "snapshot"] {
        let _none = std::fs::copy(state.join(name), old.join(name));
    }
    place.write("main.hcl", &block(&passphrase("key", "ONE")).replace("needle", "newer"));
    place.run(&["apply", "-auto-approve"]).await.expect(0);
    std::fs::remove_dir_all(&state).unwrap();
    std::fs::rename(&old, &state).unwrap();
    for words in [&["plan"][..], &["apply", "-auto-approve"], &["state", "list"], &["drift"]] {
        refused(&place, words, "state-older-than-seen").await;
    }
    place.run(&["state", "accept-older"]).await.expect(0);
    place.run(&["apply", "-auto-approve"]).await.expect(0);
}

#[tokio::test]
async fn keys_come_from_files_and_commands_which_see_no_other_secret() {
    let place = place().await;
    place.write("give", "#!/bin/sh\nenv > seen\nprintf '%s\\n' 'correct horse battery staple'\n");
    let exec = key("key", "passphrase", "exec = [\"sh\", \"give\"]");
    place.write("main.hcl", &block(&exec));
    place.run(&["apply", "-auto-approve"]).await.expect(0);
    let seen = std::fs::read_to_string(place.path().join("seen")).unwrap();
    assert!(seen.contains("PATH=") && !seen.contains("ONE=") && !seen.contains("AWS_SECRET_ACCESS_KEY"), "{seen}");
    place.write("main.hcl", &block(&passphrase("key", "ONE")));
    place.run(&["plan"]).await.expect(0);
    place.write("main.hcl", &block(&key("key", "passphrase", "exec = [\"sh\", \"-c\", \"exit 3\"]")));
    refused(&place, &["plan"], "key-unavailable").await;
    place.write("main.hcl", &block(&key("key", "raw", "env = \"ONE\"")));
    refused(&place, &["plan", "-out=p"], "wrong-key").await;
    for (wrong, id) in [
        (key("key", "rot13", "env = \"ONE\""), "unknown-key-kind"),
        (key("key", "passphrase", "env = \"ONE\"\n      file = \"k\""), "wrong-key-setting"),
        (key("key", "passphrase", "word = \"ONE\""), "wrong-key-setting"),
        (key("key", "aws_kms", "region = \"eu-west-1\""), "missing-argument"),
    ] {
        place.write("main.hcl", &block(&wrong));
        refused(&place, &["plan"], id).await;
    }
}

fn kms(alias: &str) -> String {
    key("key", "aws_kms", &format!("key_id = \"{alias}\""))
}

#[tokio::test]
async fn a_key_at_kms_seals_and_what_kms_refuses_is_told() {
    let place = place().await;
    place.write("main.hcl", &block(&kms("alias/terrane")));
    place.run(&["apply", "-auto-approve"]).await.expect(0);
    assert_eq!(shows(&place, "needle"), [""; 0].map(PathBuf::from));
    let calls = || place.sandbox.log().iter().filter(|entry| entry.service == "kms").count();
    let before = calls();
    place.run(&["plan", "-out=p"]).await.expect(0);
    assert_eq!(calls() - before, 1, "one call opens the data key, and the plan is sealed with it");
    place.write("main.hcl", &block(&kms("alias/other")));
    refused(&place, &["plan"], "wrong-key").await;
    place.write("main.hcl", &block(&kms("alias/none")));
    assert!(refused(&place, &["plan"], "gone").await.contains("alias/none"));
    place.write("main.hcl", &block(&kms("alias/terrane")));
    place.sandbox.deny(Denial { principal: None, action: "kms:Decrypt".to_owned() });
    assert!(refused(&place, &["plan"], "denied").await.contains("kms:Decrypt"));
    place.sandbox.clear_denials();
    let entries = place.sandbox.log();
    let arn = entries.iter().rev().find(|entry| entry.service == "kms").unwrap();
    assert_eq!(arn.region, "eu-west-1");
    let text = String::from_utf8_lossy(&std::fs::read(place.path().join("p")).unwrap()).into_owned();
    let id = text.split(":key/").nth(1).unwrap().split('"').next().unwrap().to_owned();
    let disable = Drift::Set {
        object_type: "key".to_owned(),
        account: "111122223333".to_owned(),
        region: "eu-west-1".to_owned(),
        name: id,
        pointer: "/KeyState".to_owned(),
        value: serde_json::json!("Disabled"),
    };
    place.sandbox.drift(disable).unwrap();
    assert!(refused(&place, &["plan"], "refused-value").await.contains("DisabledException"));
    let both = kms("alias/other") + &key("previous", "aws_kms", "key_id = \"alias/terrane\"");
    place.write("main.hcl", &block(&both));
    refused(&place, &["plan"], "refused-value").await;
}

/// An operation of KMS in moto, as an SDK would send it.
async fn kms_call(port: u16, operation: &str, body: &str) -> Json {
    let scope = "AKIDEXAMPLE/20260101/eu-west-1/kms/aws4_request";
    let head = format!(
        "POST / HTTP/1.1\r\nX-Amz-Target: TrentService.{operation}\r\nContent-Type: application/x-amz-json-1.1\r\n\
         Authorization: AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=0"
    );
    let (status, answer) = ask(port, &head, body).await;
    assert_eq!(status, 200, "{operation}: {answer}");
    serde_json::from_str(answer.split_once("\r\n\r\n").unwrap().1).unwrap_or_default()
}

/// What KMS refuses is in the emulator alone: to moto each wrong key is one that may not be used.
#[tokio::test]
async fn a_key_at_moto_seals_too() {
    let Some(server) = moto() else {
        println!("left out: moto is not installed");
        return;
    };
    let mut keys = Vec::new();
    for alias in ["terrane", "other"] {
        let made = kms_call(server.port(), "CreateKey", "{}").await;
        let id = made.pointer("/KeyMetadata/KeyId").and_then(Json::as_str).unwrap().to_owned();
        let body = format!(r#"{{"AliasName":"alias/{alias}","TargetKeyId":"{id}"}}"#);
        kms_call(server.port(), "CreateAlias", &body).await;
        keys.push(id);
    }
    let mut place = place().await;
    let endpoint = place.sandbox.endpoint().to_owned();
    for (_, value) in &mut place.environment {
        *value = value.replace(&endpoint, &server.endpoint());
    }
    place.write("main.hcl", &block(&kms("alias/terrane")));
    place.run(&["apply", "-auto-approve"]).await.expect(0);
    place.run(&["plan", "-out=p", "-detailed-exitcode"]).await.expect(0);
    assert_eq!(shows(&place, "needle"), [""; 0].map(PathBuf::from));
    place.run(&["show", "p"]).await.expect(0);
    assert!(String::from_utf8_lossy(&std::fs::read(place.path().join("p")).unwrap()).contains(&keys[0]));
    // Rotation: the old one opens, the new one seals; then it opens alone.
    let both = kms("alias/other") + &key("previous", "aws_kms", "key_id = \"alias/terrane\"");
    place.write("main.hcl", &block(&both));
    place.run(&["state", "rekey"]).await.expect(0);
    place.write("main.hcl", &block(&kms("alias/other")));
    place.run(&["plan", "-detailed-exitcode"]).await.expect(0);
}
