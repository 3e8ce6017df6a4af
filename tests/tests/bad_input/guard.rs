//! A4: wrong plan files, keys, policies and budgets.

use super::{expect_error, place};

const RELEASE: &str = "resource \"terrane_data\" \"release\" {\n  input = \"1.34\"\n}\n";

// A4
#[tokio::test(flavor = "multi_thread")]
async fn files_that_are_no_plans_are_refused() {
    let place = place(RELEASE).await;
    std::fs::create_dir(place.path().join("folder")).unwrap();
    std::fs::write(place.path().join("bytes"), [0xff, 0xfe, 0x00, 0x0a, 0x7b]).unwrap();
    place.write("empty", "");
    place.write("null", "null\nnull\n");
    place.write("format", "{\"format\":-1}\n");
    place.write("deep", &"[".repeat(100_000));
    for (file, id) in [
        ("folder", "file-not-read"),
        ("nowhere", "file-not-read"),
        ("bytes", "plan-file-damaged"),
        ("empty", "plan-file-damaged"),
        ("null", "plan-file-damaged"),
        ("format", "plan-file-damaged"),
        ("deep", "plan-file-damaged"),
    ] {
        for words in [&["apply", file][..], &["show", file], &["show", "-markdown", file]] {
            expect_error(file, &place.run(words).await, id, &[file]);
        }
    }
}

// A4
#[tokio::test(flavor = "multi_thread")]
async fn wrong_keys_and_times_are_told_before_anything_is_read() {
    let place = place(RELEASE).await;
    place.write("encrypted.pem", "-----BEGIN ENCRYPTED PRIVATE KEY-----\nMC4C\n-----END ENCRYPTED PRIVATE KEY-----\n");
    place.write("text.pem", "no key\n");
    for (words, id, word) in [
        (&["plan", "-out=p", "-sign-key=encrypted.pem"][..], "signing-key-unusable", "the key is encrypted"),
        (&["plan", "-out=p", "-sign-key=text.pem"], "signing-key-unusable", "there is no block `BEGIN PRIVATE KEY`"),
        (&["plan", "-out=p", "-sign-key=nowhere.pem"], "signing-key-unusable", "No such file"),
        (&["apply", "-auto-approve", "-require-signature=text.pem"], "signing-key-unusable", "BEGIN PUBLIC KEY"),
        (&["plan", "-sign-key=text.pem"], "usage", "--out"),
        (&["plan", "-out=p", "-expires=0"], "usage", "could never be applied"),
        (&["plan", "-out=p", "-expires=tomorrow"], "usage", "write a duration"),
        (&["show", "-markdown"], "usage", "PLANFILE"),
    ] {
        expect_error(&words.join(" "), &place.run(words).await, id, &[word]);
    }
    assert!(!place.path().join("p").exists());
}

// A4
#[tokio::test(flavor = "multi_thread")]
async fn a_policy_that_does_not_compile_is_shown_with_its_place() {
    let place = place(RELEASE).await;
    place.write("policy/a.rego", "package main\n\ndeny contains msg if {\n    msg := \n}\n");
    let words = ["policy/a.rego line 4", "line: 4", "column: 9"];
    for command in [&["plan"][..], &["apply", "-auto-approve"], &["policy", "test"]] {
        expect_error(&command.join(" "), &place.run(command).await, "policy-invalid", &words);
    }
    place.write("policy/a.rego", "package main\n\ndeny[msg] {\n    msg := \"x\"\n}\n");
    expect_error("version 0", &place.run(&["plan"]).await, "policy-invalid", &["policy/a.rego line 3"]);
    for (words, id) in [
        (&["plan", "-policy=nowhere", "-skip-policy=false"][..], "policy-missing"),
        (&["plan", "-max-destroy=-1"], "usage"),
        (&["policy", "test", "nowhere"], "policy-missing"),
    ] {
        expect_error(&words.join(" "), &place.run(words).await, id, &[]);
    }
}
