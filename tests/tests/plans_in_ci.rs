//! A4, A7, E1: a plan is made here, judged, signed and read by others, and applied somewhere else, or refused with a
//! reason of its own.
//!
//! What HashiCorp's terraform-json and conftest make of a plan is shown where `TERRANE_PLAN_JSON` and `TERRANE_CONFTEST`
//! name their programs.

#![expect(clippy::unwrap_used, reason = "a broken harness ends the suite")]

use serde_json::Value;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use terrane_plan::saved;
use terrane_sandbox::SandboxConfig;
use terrane_tests::place::{Finished, Place};
use terrane_tests::seen;

/// # Source
/// RFC 8410, sections 10.1 and 10.3: a private key and its public key.
const PRIVATE: &str = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC\n-----END PRIVATE KEY-----\n";
const PUBLIC: &str = "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=\n-----END PUBLIC KEY-----\n";
const OTHER_PUBLIC: &str = "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=\n-----END PUBLIC KEY-----\n";

const RELEASE: &str = "resource \"terrane_data\" \"release\" {\n  input = \"1.34\"\n}\n";
const CANARY: &str = "c4nary-of-a-secret";

const DENY: &str = r#"package main

deny contains msg if {
    some change in input.resource_changes
    change.change.actions[_] == "delete"
    msg := sprintf("%s must stay", [change.address])
}

warn contains "look at it" if count(input.resource_changes) > 1
"#;

async fn place(configuration: &str) -> Place {
    let place = Place::start(SandboxConfig { clock_rate: 1_000, ..SandboxConfig::default() }).await;
    place.write("main.hcl", configuration);
    place.write("reviewer.key", PRIVATE);
    place.write("trusted.pem", PUBLIC);
    place.write("other.pem", OTHER_PUBLIC);
    place
}

/// The reason of the last line of a stream.
fn reason(finished: &Finished) -> String {
    let last: Value = serde_json::from_str(finished.out.lines().last().unwrap()).unwrap();
    assert_eq!(last["type"], "outcome");
    last["reason"].as_str().unwrap().to_owned()
}

fn plan_file(place: &Place) -> PathBuf {
    place.path().join("p")
}

// A4: the plan alone is enough.
#[tokio::test(flavor = "multi_thread")]
async fn a_signed_plan_is_applied_on_another_machine_without_the_configuration() {
    let here = place(RELEASE).await;
    here.run(&["plan", "-out=p", "-sign-key=reviewer.key"]).await.expect(0);
    let mut there = Place::start(SandboxConfig::default()).await;
    std::fs::copy(plan_file(&here), plan_file(&there)).unwrap();
    there.write("trusted.pem", PUBLIC);
    there.environment.push(("TERRANE_REQUIRE_SIGNATURE".into(), "trusted.pem".into()));
    let applied = there.run(&["apply", "-json", "p"]).await.expect(0);
    assert_eq!(reason(&applied), "ok");
    let state = there.run(&["state", "show", "terrane_data.release"]).await.expect(0);
    assert!(state.out.contains("1.34"), "{}", state.out);
    // The variable of whoever runs the job holds for every apply.
    for words in [&["apply", "-auto-approve", "-json"][..], &["destroy", "-auto-approve", "-json"]] {
        assert_eq!(reason(&there.run(words).await.expect(1)), "plan-unsigned");
    }
}

// A4: each refusal has its own reason, and nothing is done.
#[tokio::test(flavor = "multi_thread")]
async fn each_refusal_has_a_reason_of_its_own() {
    let place = place(RELEASE).await;
    place.run(&["plan", "-out=unsigned"]).await.expect(0);
    place.run(&["plan", "-out=signed", "-sign-key=reviewer.key"]).await.expect(0);
    place.run(&["plan", "-out=expired", "-expires=1ms"]).await.expect(0);
    let text = std::fs::read_to_string(place.path().join("unsigned")).unwrap();
    let format = |number: u32| format!("\"format\":{number}");
    let newer = text.replacen(&format(terrane_plan::plan::FORMAT), &format(terrane_plan::plan::FORMAT + 1), 1);
    place.write("newer", &newer);
    place.write("cut", &text[..text.len() - 9]);
    place.write("edited", &text.replace("1.34", "1.35"));
    // As somebody would who makes a new seal for what they edited, and keeps the signature.
    let forged = std::fs::read(place.path().join("signed")).unwrap();
    let signatures = saved::read(&forged).unwrap().signatures;
    let mut plan = saved::read(&forged).unwrap().plan;
    plan.variables.insert("x".into(), terrane_core::Value::int(1));
    plan.seal();
    let mut forged = Vec::new();
    saved::write(&plan, &|_| Ok(signatures.clone()), &mut forged).unwrap();
    std::fs::write(place.path().join("forged"), forged).unwrap();
    place.write("main.hcl", "resource \"terrane_data\" \"release\" {\n  input = 1 / 0\n}\n");
    place.run(&["plan", "-out=errored"]).await.expect(1);
    place.write("main.hcl", RELEASE);

    let trusted = "-require-signature=trusted.pem";
    for (words, wanted) in [
        (&["unsigned", trusted][..], "plan-unsigned"),
        (&["signed", "-require-signature=other.pem"], "plan-signature-wrong"),
        (&["signed", trusted, "-require-signature=other.pem"], "plan-signature-wrong"),
        (&["forged"], "plan-signature-wrong"),
        (&["forged", trusted], "plan-signature-wrong"),
        (&["expired"], "plan-expired"),
        (&["newer"], "plan-file-newer"),
        (&["cut"], "plan-file-damaged"),
        (&["edited"], "plan-file-damaged"),
        (&["errored"], "plan-errored"),
        (&["signed", "-var", "a=1"], "planning-flag-with-plan"),
        (&["signed", "-require-signature=reviewer.key"], "signing-key-unusable"),
        (&["missing"], "file-not-read"),
    ] {
        let words = [&["apply", "-json"], words].concat();
        let refused = place.run(&words).await.expect(1);
        assert_eq!(reason(&refused), wanted, "{words:?}\n{}", refused.out);
    }
    place.write("main.hcl", &RELEASE.replace("1.34", "1.35"));
    let other = place.run(&["apply", "-json", "signed"]).await.expect(1);
    assert_eq!(reason(&other), "plan-other-configuration");
    place.write("main.hcl", "resource {\n");
    assert_eq!(reason(&place.run(&["apply", "-json", "signed"]).await.expect(1)), "plan-other-configuration");
    assert!(!place.run(&["state", "list"]).await.out.contains("terrane_data"), "nothing was done");

    place.write("main.hcl", RELEASE);
    place.run(&["apply", trusted, "signed"]).await.expect(0);
    for plan in ["signed", "unsigned"] {
        assert_eq!(reason(&place.run(&["apply", "-json", plan]).await.expect(1)), "stale-plan");
    }
    let shown = place.run(&["show", "errored"]).await.expect(0);
    assert!(shown.out.contains("main.hcl:2") && shown.out.contains("[division-by-zero]"), "{}", shown.out);
    let json = place.run(&["show", "-json", "errored"]).await.expect(0);
    let json: Value = serde_json::from_str(&json.out).unwrap();
    assert_eq!((&json["errored"], &json["applyable"]), (&Value::Bool(true), &Value::Bool(false)));
    let markdown = place.run(&["show", "-markdown", "errored"]).await.expect(0);
    assert!(markdown.out.contains("## Terrane plan failed"), "{}", markdown.out);
}

// A4
#[tokio::test(flavor = "multi_thread")]
async fn a_plan_of_another_version_is_refused() {
    let place = place(RELEASE).await;
    place.run(&["plan", "-out=p"]).await.expect(0);
    let mut plan = saved::read(&std::fs::read(plan_file(&place)).unwrap()).unwrap().plan;
    plan.terrane_version = "0.0.9".into();
    plan.seal();
    let mut bytes = Vec::new();
    saved::write(&plan, &|_| Ok(Vec::new()), &mut bytes).unwrap();
    std::fs::write(plan_file(&place), bytes).unwrap();
    let refused = place.run(&["apply", "p"]).await.expect(1);
    assert_eq!(seen::ids(&refused.err), ["plan-other-version"]);
    assert!(refused.err.contains("made by: 0.0.9"), "{}", refused.err);
    place.run(&["show", "p"]).await.expect(0);
}

// A4: one bit anywhere. Every bit is flipped in the unit tests; here a sample of them meets the binary.
#[tokio::test(flavor = "multi_thread")]
async fn a_single_bit_is_seen() {
    let place = place(RELEASE).await;
    place.run(&["plan", "-out=p", "-sign-key=reviewer.key"]).await.expect(0);
    let whole = std::fs::read(plan_file(&place)).unwrap();
    let mut at = 3;
    while at < whole.len() {
        let mut flipped = whole.clone();
        flipped[at] ^= 1 << (at % 8);
        std::fs::write(place.path().join("flipped"), flipped).unwrap();
        let refused = place.run(&["apply", "flipped"]).await.expect(1);
        let ids = seen::ids(&refused.err);
        let is_known = matches!(ids.as_slice(), ["plan-file-damaged" | "plan-file-newer" | "plan-signature-wrong"]);
        assert!(is_known, "{at}: {}", refused.err);
        at += 61;
    }
    place.run(&["apply", "p"]).await.expect(0);
}

// A4
#[tokio::test(flavor = "multi_thread")]
async fn a_plan_is_signed_after_its_review() {
    let place = place(RELEASE).await;
    place.run(&["plan", "-out=p"]).await.expect(0);
    let signed = place.run(&["sign", "p", "-key=reviewer.key"]).await.expect(0);
    assert!(signed.out.starts_with("Signed plan "), "{}", signed.out);
    place.run(&["sign", "p", "-key=reviewer.key"]).await.expect(0);
    let saved = saved::read(&std::fs::read(plan_file(&place)).unwrap()).unwrap();
    assert_eq!(saved.signatures.len(), 1);
    place.run(&["apply", "-require-signature=other.pem,trusted.pem", "p"]).await.expect(0);
    let text = std::fs::read_to_string(plan_file(&place)).unwrap();
    assert!(!text.contains("MC4CAQAwBQYDK2VwBCIEINTuctv5"), "the key is in the plan");
}

// A4: policies beside the configuration, of the command line and of the environment; at plan and again at apply.
#[tokio::test(flavor = "multi_thread")]
async fn a_policy_refuses_a_plan_and_its_apply() {
    let mut place = place(RELEASE).await;
    place.run(&["apply", "-auto-approve"]).await.expect(0);
    place.write("policy/main.rego", DENY);
    place.write("main.hcl", "resource \"terrane_data\" \"other\" {}\n");
    let refused = place.run(&["plan", "-json", "-out=p", "-markdown=p.md"]).await.expect(1);
    assert_eq!(reason(&refused), "policy-denied");
    let markdown = std::fs::read_to_string(place.path().join("p.md")).unwrap();
    assert!(markdown.contains("terrane&#95;data.release must stay") && markdown.contains("look at it"), "{markdown}");
    assert_eq!(reason(&place.run(&["apply", "-json", "p"]).await.expect(1)), "policy-denied");
    assert_eq!(reason(&place.run(&["apply", "-json", "-auto-approve"]).await.expect(1)), "policy-denied");
    assert_eq!(reason(&place.run(&["destroy", "-json", "-auto-approve"]).await.expect(1)), "policy-denied");
    let left_out = place.run(&["plan", "-skip-policy"]).await.expect(0);
    assert_eq!(seen::ids(&left_out.err), ["policy-left-out"]);

    // What whoever runs the job asks for cannot be left out by a flag, nor by taking the folder away.
    let rules = tempfile::tempdir().unwrap();
    std::fs::rename(place.path().join("policy/main.rego"), rules.path().join("main.rego")).unwrap();
    std::fs::remove_dir(place.path().join("policy")).unwrap();
    place.run(&["plan"]).await.expect(0);
    place.environment.push(("TERRANE_POLICY".into(), rules.path().display().to_string()));
    assert_eq!(reason(&place.run(&["apply", "-json", "-skip-policy", "p"]).await.expect(1)), "policy-denied");
    place.environment.pop();
    place.run(&["apply", "p"]).await.expect(0);
}

// A4: an evaluation sees the plan and no secret.
#[tokio::test(flavor = "multi_thread")]
async fn no_reader_of_a_plan_sees_a_secret() {
    let configuration = format!(
        "variable \"token\" {{\n  type      = string\n  sensitive = true\n  default   = \"{CANARY}\"\n}}\n\n\
         resource \"terrane_data\" \"a\" {{\n  secret = upper(var.token)\n}}\n\n\
         module \"m\" {{\n  source = \"./m\"\n  token  = \"{CANARY}\"\n}}\n\n\
         output \"o\" {{\n  value     = var.token\n  sensitive = true\n}}\n"
    );
    let place = place(&configuration).await;
    place.write("m/main.hcl", "variable \"token\" {\n  sensitive = true\n}\n");
    place.write("policy/a.rego", "package main\n\nwarn contains json.marshal(input) if true\n");
    let planned = place.run(&["plan", "-out=p", "-markdown=p.md", "-json-into=p.jsonl"]).await;
    let planned = planned.expect(0);
    assert_eq!(seen::ids(&planned.err).last(), Some(&"policy-warns"), "the policy tells all it sees\n{}", planned.err);
    let mut texts = vec![planned.out, planned.err];
    for name in ["p", "p.md", "p.jsonl"] {
        texts.push(std::fs::read_to_string(place.path().join(name)).unwrap());
    }
    texts.push(place.run(&["show", "-json", "p"]).await.out);
    texts.push(place.run(&["show", "-markdown", "p"]).await.out);
    for text in &texts {
        assert!(!text.to_lowercase().contains(CANARY), "{text}");
    }
    assert!(texts[5].contains("\"token\""), "{}", texts[5]);
}

// A4, E1: the smaller budget counts, at plan, at apply, and for a saved plan.
#[tokio::test(flavor = "multi_thread")]
async fn a_destroy_budget_holds_everywhere() {
    let three = "resource \"terrane_data\" \"r\" {\n  count            = 3\n  triggers_replace = 1\n}\n";
    let mut place = place(three).await;
    place.run(&["apply", "-auto-approve"]).await.expect(0);
    place.write("main.hcl", &three.replace("= 1\n", "= 2\n"));
    let refused = place.run(&["plan", "-out=p", "-max-destroy=2"]).await.expect(1);
    assert_eq!(seen::ids(&refused.err), ["destroy-budget-exceeded"]);
    let words = "destroys: 3\n  allowed: 2\n  objects: terrane_data.r[0], terrane_data.r[1], terrane_data.r[2]";
    assert!(refused.err.contains(words), "{}", refused.err);
    place.environment.push(("TERRANE_MAX_DESTROY".into(), "2".into()));
    for words in [
        &["apply", "-json", "-max-destroy=100", "p"][..],
        &["apply", "-json", "-auto-approve"],
        &["destroy", "-json", "-auto-approve"],
    ] {
        assert_eq!(reason(&place.run(words).await.expect(1)), "destroy-budget-exceeded");
    }
    place.environment.pop();
    place.environment.push(("TERRANE_MAX_DESTROY".into(), "many".into()));
    assert_eq!(seen::ids(&place.run(&["apply", "p"]).await.expect(1).err), ["usage"]);
    place.environment.pop();
    place.run(&["apply", "-max-destroy=3", "p"]).await.expect(0);
}

// E1: people read one form, programs another, of the same run.
#[tokio::test(flavor = "multi_thread")]
async fn one_run_is_told_to_people_and_to_programs() {
    let place = place(RELEASE).await;
    let planned = place.run(&["plan", "-json-into=plan.jsonl"]).await.expect(0);
    assert!(planned.out.contains("Plan: 1 to add, 0 to change, 0 to destroy."), "{}", planned.out);
    let kinds = |name: &str| -> Vec<String> {
        let text = std::fs::read_to_string(place.path().join(name)).unwrap();
        let kind = |line: &str| serde_json::from_str::<Value>(line).unwrap()["type"].as_str().unwrap().to_owned();
        text.lines().map(kind).collect()
    };
    assert_eq!(kinds("plan.jsonl"), ["version", "planned_change", "change_summary", "outcome"]);
    let applied = place.run(&["apply", "-auto-approve", "-json-into=apply.jsonl"]).await.expect(0);
    assert!(applied.out.contains("Apply complete!"), "{}", applied.out);
    let told = kinds("apply.jsonl");
    assert!(
        ["apply_start", "apply_complete", "outcome"].iter().all(|kind| told.iter().any(|told| told == kind)),
        "{told:?}"
    );
    place.write("main.hcl", "resource {\n");
    place.run(&["plan", "-json-into=plan.jsonl"]).await.expect(1);
    assert_eq!(kinds("plan.jsonl").last().map(String::as_str), Some("outcome"));
    assert!(kinds("plan.jsonl").contains(&String::from("diagnostic")));
    let refused = place.run(&["plan", "-json-into=nowhere/plan.jsonl"]).await.expect(1);
    assert_eq!(seen::ids(&refused.err), ["file-not-written"]);
}

// A4: more than fits a comment, through the binary.
#[tokio::test(flavor = "multi_thread")]
async fn the_markdown_of_a_large_plan_fits_and_counts() {
    let place = place("resource \"terrane_data\" \"r\" {\n  count = 1500\n  input = count.index\n}\n").await;
    place.run(&["apply", "-auto-approve"]).await.expect(0);
    place.run(&["plan", "-destroy", "-out=p", "-markdown=p.md"]).await.expect(0);
    let markdown = std::fs::read_to_string(place.path().join("p.md")).unwrap();
    assert!(markdown.len() < 65_536 && markdown.starts_with("<!-- terrane-plan -->\n"));
    assert!(markdown.contains("1500 to destroy") && markdown.contains("\n- terrane_data.r[{0..1499}]  # 1500\n"));
    assert!(markdown.contains("changes are left out"), "{markdown}");
    assert_eq!(place.run(&["show", "-markdown", "p"]).await.expect(0).out, markdown);
}

/// The instances that a line of the list stands for: `- ADDRESSES  # COUNT`.
fn counted(line: &str) -> Option<u64> {
    line.strip_prefix("- terrane_data.")?.rsplit_once("  # ").map_or(Some(1), |(_, count)| count.parse().ok())
}

// A7
#[tokio::test(flavor = "multi_thread")]
async fn the_markdown_of_20_000_destroys_names_each_of_them() {
    // The binary is not optimised: so large a plan is for the long suite.
    let hundreds = if std::env::var("TERRANE_SOAK").is_ok_and(|value| value == "1") { 50 } else { 2 };
    let each = hundreds * 100;
    // `range` gives 1,024 numbers at most.
    let keyed = |name: &str, key: &str| {
        let hundred = format!("[for i in range(100) : format(\"{key}\", h * 100 + i)]");
        let keys = format!("toset(flatten([for h in range({hundreds}) : {hundred}]))");
        format!("resource \"terrane_data\" \"{name}\" {{\n  for_each = {keys}\n  input = each.key\n}}\n")
    };
    let counted_ones = format!("resource \"terrane_data\" \"c\" {{\n  count = {each}\n  input = count.index\n}}\n");
    let all = [counted_ones, keyed("k", "eu-%04d"), keyed("l", "%d/system"), keyed("m", "node-%05d.example.com")];
    let place = place(&all.concat()).await;
    place.run(&["apply", "-auto-approve"]).await.expect(0);
    place.run(&["plan", "-destroy", "-out=p", "-markdown=p.md"]).await.expect(0);
    let markdown = std::fs::read_to_string(place.path().join("p.md")).unwrap();
    let named: u64 = markdown.lines().filter_map(counted).sum();
    println!("{} destroys in {} bytes, {named} of them by name", each * 4, markdown.len());
    assert!(markdown.len() < 65_536 && markdown.contains(&format!("{} to destroy", each * 4)));
    assert_eq!(named, each * 4, "{}", markdown.get(..4_000).unwrap_or(&markdown));
}

/// A program with a text on its standard input.
fn piped(program: &Path, words: &[&str], text: &str) -> (bool, String) {
    let mut command = Command::new(program);
    let mut child =
        command.args(words).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    (output.status.success(), text)
}

/// The JSON of plans that have a bit of everything: of a new fleet, of one that changes, and of one that goes.
async fn plans(place: &Place) -> Vec<String> {
    place.copy_example("fleet-eks");
    let mut plans = Vec::new();
    for words in [&["plan", "-out=p"][..], &["plan", "-out=p", "-destroy"]] {
        place.run(words).await.expect(0);
        plans.push(place.run(&["show", "-json", "p"]).await.expect(0).out);
        if plans.len() == 1 {
            place.run(&["apply", "p"]).await.expect(0);
            place.run(&["plan", "-out=p"]).await.expect(0);
            plans.push(place.run(&["show", "-json", "p"]).await.expect(0).out);
        }
    }
    plans
}

// A4, A7: HashiCorp's own package reads our plans.
#[tokio::test(flavor = "multi_thread")]
async fn terraform_json_reads_a_plan() {
    let Ok(program) = std::env::var("TERRANE_PLAN_JSON") else {
        println!("left out: TERRANE_PLAN_JSON is not set");
        return;
    };
    let place = Place::start(SandboxConfig { clock_rate: 1_000, ..SandboxConfig::default() }).await;
    let plans = plans(&place).await;
    for (plan, action) in plans.iter().zip(["create", "no-op", "delete"]) {
        let (is_read, said) = piped(Path::new(&program), &[], plan);
        assert!(is_read, "{said}");
        let changes: Vec<&str> = said.lines().filter(|line| line.starts_with("change ")).collect();
        assert!(!changes.is_empty() && changes.iter().all(|line| line.ends_with(action)), "{action}\n{said}");
        assert!(said.contains("\ncomplete true\n"), "{said}");
        assert!(said.contains("\nblock eks_cluster.") && said.contains(" refers to "), "{said}");
        assert!(said.contains("\nrelevant "), "{said}");
    }
    let (is_read, said) =
        piped(Path::new(&program), &[], &plans[0].replace("\"format_version\":\"1.2\"", "\"format_version\":\"9.0\""));
    assert!(!is_read, "{said}");
}

// A4: the policy that Terrane judges by is one that conftest judges by, with the same outcome.
#[tokio::test(flavor = "multi_thread")]
async fn conftest_says_what_our_policies_say() {
    let Ok(program) = std::env::var("TERRANE_CONFTEST") else {
        println!("left out: TERRANE_CONFTEST is not set");
        return;
    };
    let place = Place::start(SandboxConfig { clock_rate: 1_000, ..SandboxConfig::default() }).await;
    place.write("rules/main.rego", DENY);
    let rules = place.path().join("rules").display().to_string();
    for (plan, is_denied) in plans(&place).await.into_iter().zip([false, false, true]) {
        let (is_passed, said) =
            piped(Path::new(&program), &["test", "--parser=json", "--output=json", "-p", &rules, "-"], &plan);
        assert_eq!(is_passed, !is_denied, "{said}");
        let said: Value = serde_json::from_str(&said).unwrap();
        let failures = said[0]["failures"].as_array().cloned().unwrap_or_default();
        let mut messages: Vec<String> =
            failures.iter().map(|failure| failure["msg"].as_str().unwrap().to_owned()).collect();
        messages.sort();
        if is_denied {
            let refused = place.run(&["apply", "-policy=rules", "p"]).await.expect(1);
            assert!(!messages.is_empty());
            for message in messages {
                assert!(refused.err.contains(&format!("\n{message}\n")), "{message}\n{}", refused.err);
            }
        }
    }
}

/// Runs git in a folder below the place.
fn git(place: &Place, words: &[&str]) {
    let who = ["-c", "user.name=me", "-c", "user.email=me@example.com", "-c", "commit.gpgsign=false"];
    let ran = place.command_of(Path::new("git"), &[&who[..], words].concat()).as_std_mut().output().unwrap();
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
}

/// A repository whose configuration is applied, in a folder beside that of a module.
async fn repository() -> Place {
    let place = Place::start(SandboxConfig::default()).await;
    let call = |name: &str| format!("module \"{name}\" {{\n  source = \"../pool\"\n  size   = 1\n}}\n");
    place.write("live/main.hcl", &(RELEASE.to_owned() + &call("eu") + &call("us")));
    let pool = "variable \"size\" {}\nresource \"terrane_data\" \"pool\" {\n  input = var.size\n}\n";
    place.write("pool/main.hcl", pool);
    place.write(".gitignore", ".terrane/\nterrane.state/\n*.auto.tfvars\n");
    git(&place, &["init", "--quiet"]);
    git(&place, &["add", "."]);
    git(&place, &["commit", "--quiet", "--message=first"]);
    place.run(&["-chdir=live", "apply", "-auto-approve"]).await.expect(0);
    place
}

/// The addresses that a plan since the revision changes.
async fn changed_since(place: &Place, revision: &str) -> Vec<String> {
    let since = format!("-only-changed-since={revision}");
    place.run(&["-chdir=live", "plan", &since, "-out=p"]).await.expect(0);
    let shown: Value =
        serde_json::from_str(&place.run(&["-chdir=live", "show", "-json", "p"]).await.expect(0).out).unwrap();
    let changes = shown["resource_changes"].as_array().unwrap().iter();
    let changes = changes.filter(|change| change["change"]["actions"][0] != "no-op");
    changes.map(|change| change["address"].as_str().unwrap().to_owned()).collect()
}

// A5
#[tokio::test(flavor = "multi_thread")]
async fn a_plan_since_a_revision_is_about_what_differs_from_it() {
    let place = repository().await;
    assert!(changed_since(&place, "HEAD").await.is_empty());
    let text = std::fs::read_to_string(place.path().join("live/main.hcl")).unwrap();
    place.write("live/main.hcl", &text.replacen("size   = 1", "size   = 2", 1));
    place.write("live/new.hcl", "resource \"terrane_data\" \"new\" {}\n");
    assert_eq!(changed_since(&place, "HEAD").await, ["terrane_data.new", "module.eu.terrane_data.pool"]);
    git(&place, &["add", "."]);
    git(&place, &["commit", "--quiet", "--message=second"]);
    assert!(changed_since(&place, "HEAD").await.is_empty());
    assert_eq!(changed_since(&place, "HEAD~1").await, ["terrane_data.new", "module.eu.terrane_data.pool"]);
    // A module beside the folder is part of the configuration.
    let pool = std::fs::read_to_string(place.path().join("pool/main.hcl")).unwrap();
    place.write("pool/main.hcl", &pool.replace("= var.size", "= var.size + 1"));
    let pools = ["module.eu.terrane_data.pool", "module.us.terrane_data.pool"];
    assert_eq!(changed_since(&place, "HEAD").await, pools);
    let told = place.run(&["-chdir=live", "show", "p"]).await.expect(0).out;
    assert!(told.contains("This plan is only about what differs from HEAD."), "{told}");
}

// A5
#[tokio::test(flavor = "multi_thread")]
async fn what_git_cannot_tell_is_an_error_and_nothing_it_is_given_is_a_flag() {
    let place = repository().await;
    for revision in ["no-such-revision", "--output=caught", "HEAD:live/main.hcl", "HEAD --", ""] {
        let since = format!("-only-changed-since={revision}");
        let told = place.run(&["-chdir=live", "plan", &since]).await.expect(1).err;
        assert!(told.contains("[changes-unknown]"), "{told}");
    }
    assert!(!place.path().join("live/caught").exists() && !place.path().join("caught").exists());
    for other in ["-target=terrane_data.release", "-exclude=terrane_data.release", "-destroy"] {
        let told = place.run(&["-chdir=live", "plan", "-only-changed-since=HEAD", other]).await.expect(1).err;
        assert!(told.contains("[usage]") && told.contains("exclude each other"), "{told}");
    }
    std::fs::remove_dir_all(place.path().join(".git")).unwrap();
    let told = place.run(&["-chdir=live", "plan", "-only-changed-since=HEAD"]).await.expect(1).err;
    assert!(told.contains("[changes-unknown]"), "{told}");
}
