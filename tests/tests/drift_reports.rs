//! A7: drift of a fleet in every form of report, against the schemas that others made of these forms; accept, ignore and
//! revert, each of which ends in a look that finds nothing.
//!
//! SARIF and JUnit are checked against their schemas where `TERRANE_REPORT_SCHEMAS` names the folder of that part.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a broken harness ends the suite")]

use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use terrane_sandbox::{Denial, Drift, SandboxConfig};
use terrane_tests::place::{Place, root};
use terrane_tests::seen;

const ACCOUNT: &str = "111122223333";
const GENERAL: &str = "eks_node_pool.fleet[\"dublin/general\"]";
const SYSTEM: &str = "eks_node_pool.fleet[\"virginia/system\"]";
/// All forms at once.
const REPORTS: &[&str] = &[
    "-report=text=drift.txt",
    "-report=json=drift.json",
    "-report=markdown=drift.md",
    "-report=sarif=drift.sarif",
    "-report=junit=drift.xml",
    "-report=github=drift.github",
    "-report=gitlab=drift.gitlab",
    "-report=html=drift.html",
];

async fn fleet() -> Place {
    let place = Place::start(SandboxConfig { clock_rate: 1_000, ..SandboxConfig::default() }).await;
    place.copy_example("fleet-eks");
    place.run(&["apply", "-input=false", "-auto-approve"]).await.expect(0);
    place
}

fn set(name: &str, pointer: &str, value: Value) -> Drift {
    Drift::Set {
        object_type: "node-group".to_owned(),
        account: ACCOUNT.to_owned(),
        region: "eu-west-1".to_owned(),
        name: name.to_owned(),
        pointer: pointer.to_owned(),
        value,
    }
}

/// Somebody labels a pool, another one goes.
fn meddle(place: &Place) {
    place.sandbox.drift(set("dublin/general", "/labels/team", json!("x\"<&>%]]>::\n`|"))).unwrap();
    let gone = Drift::Delete {
        object_type: "node-group".to_owned(),
        account: ACCOUNT.to_owned(),
        region: "us-east-1".to_owned(),
        name: "virginia/system".to_owned(),
    };
    place.sandbox.drift(gone).unwrap();
}

fn read(place: &Place, name: &str) -> String {
    std::fs::read_to_string(place.path().join(name)).unwrap()
}

async fn findings(place: &Place, code: i32) -> Vec<Value> {
    let told = place.run(&["drift", "-report=json"]).await.expect(code);
    let report: Value = serde_json::from_str(&told.out).unwrap();
    report["findings"].as_array().unwrap().clone()
}

/// The folder with the schemas of others; says so where there is none.
fn schemas() -> Option<PathBuf> {
    let folder = std::env::var_os("TERRANE_REPORT_SCHEMAS").map(PathBuf::from);
    if folder.is_none() {
        println!("left out: TERRANE_REPORT_SCHEMAS is not set");
    }
    folder
}

/// What is wrong with a JSON text by a schema.
fn violation(schema: &Path, text: &str) -> Option<String> {
    let (mut schemas, mut compiler) = (boon::Schemas::new(), boon::Compiler::new());
    let schema: Value = serde_json::from_str(&std::fs::read_to_string(schema).unwrap()).unwrap();
    let url = "https://terrane.invalid/schema.json";
    compiler.add_resource(url, schema).unwrap();
    let compiled = compiler.compile(url, &mut schemas).unwrap();
    let value: Value = serde_json::from_str(text).unwrap();
    schemas.validate(&value, compiled).err().map(|error| format!("{error:#}"))
}

/// Checks the reports in the folder of a place.
fn check_reports(place: &Place) {
    assert_eq!(violation(&root().join("schemas/drift.json"), &read(place, "drift.json")), None);
    assert!(read(place, "drift.md").chars().count() < 65_536);
    let Some(folder) = schemas() else { return };
    assert_eq!(violation(&folder.join("sarif-schema-2.1.0.json"), &read(place, "drift.sarif")), None);
    let checked = std::process::Command::new("xmllint")
        .args(["--nonet", "--noout", "--schema"])
        .arg(folder.join("junit-10.xsd"))
        .arg(place.path().join("drift.xml"))
        .output()
        .unwrap();
    assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stderr));
}

#[tokio::test(flavor = "multi_thread")]
async fn every_report_tells_of_changed_gone_and_unreadable_and_nothing_is_written() {
    let place = fleet().await;
    meddle(&place);
    let (recorded, mark) = (seen::recorded(place.path()), seen::mark(&place.sandbox));

    let told = place.run(&[&["drift"], REPORTS].concat()).await.expect(2);
    assert!(told.out.ends_with("Drift: 1 changed, 1 gone.\n"), "{}", told.out);
    check_reports(&place);
    let text: String =
        ["drift.txt", "drift.md", "drift.sarif", "drift.xml", "drift.github", "drift.gitlab", "drift.html"]
            .map(|name| read(&place, name))
            .concat();
    assert_eq!(text.matches("Drift: 1 changed, 1 gone.").count(), 3, "text, GitHub and HTML");

    let first = findings(&place, 2).await;
    let kinds: Vec<(&str, &str, &str)> = first
        .iter()
        .map(|f| (f["kind"].as_str().unwrap(), f["severity"].as_str().unwrap(), f["addr"].as_str().unwrap()))
        .collect();
    assert_eq!(kinds, [("gone", "high", SYSTEM), ("changed", "low", GENERAL)]);
    assert_eq!((&first[1]["path"], &first[1]["recorded"]), (&json!("labels.team"), &json!("platform")));
    let line = first[1]["place"]["line"].as_u64().unwrap();
    let written = read(&place, "main.hcl").lines().nth(usize::try_from(line).unwrap() - 1).unwrap().to_owned();
    assert!(written.contains("team") || written.contains("labels"), "{written}");

    // The text moves and the value changes again: the finding is the same one.
    let moved = format!("# A line more.\n\n{}", read(&place, "main.hcl"));
    place.write("renamed.hcl", &moved);
    std::fs::remove_file(place.path().join("main.hcl")).unwrap();
    place.sandbox.drift(set("dublin/general", "/labels/team", json!("once more"))).unwrap();
    let second = findings(&place, 2).await;
    assert_eq!(second[1]["fingerprint"], first[1]["fingerprint"]);
    assert_eq!(second[1]["place"], json!({ "file": "renamed.hcl", "line": line + 2 }));
    assert_ne!(second[0]["fingerprint"], second[1]["fingerprint"]);

    // Nobody may read pools any more: that is no reason to say nothing of what can be read, or that all is well.
    place.sandbox.deny(Denial { principal: None, action: "eks:DescribeNodegroup".to_owned() });
    let blind = place.run(&[&["drift", "-json"], REPORTS].concat()).await.expect(1);
    let outcome: Value = serde_json::from_str(blind.out.lines().last().unwrap()).unwrap();
    assert_eq!(outcome["reason"], "unreadable");
    check_reports(&place);
    let report: Value = serde_json::from_str(&read(&place, "drift.json")).unwrap();
    assert_eq!((&report["counts"]["unreadable"], &report["objects"]), (&json!(6), &json!(8)), "{report}");
    assert_eq!(report["findings"][0]["problem"], "denied");

    assert_eq!(seen::changes(&place.sandbox, mark), []);
    assert_eq!(seen::recorded(place.path()), recorded);
}

#[tokio::test(flavor = "multi_thread")]
async fn first_seen_is_remembered_only_when_asked_and_makes_no_plan_stale() {
    let place = fleet().await;
    meddle(&place);
    place.run(&["plan", "-input=false", "-out=saved.plan"]).await.expect(0);
    assert!(findings(&place, 2).await.iter().all(|finding| finding["first_seen"].is_null()));
    place.run(&["drift", "-record"]).await.expect(2);
    let remembered = findings(&place, 2).await;
    assert!(remembered.iter().all(|finding| finding["first_seen"].is_string()), "{remembered:?}");
    let recorded = seen::recorded(place.path());
    place.run(&["drift", "-record"]).await.expect(2);
    assert_eq!(seen::recorded(place.path()), recorded, "there was nothing new to remember");
    assert_eq!(findings(&place, 2).await, remembered);

    place.run(&["apply", "-input=false", "saved.plan"]).await.expect(0);
    assert_eq!(findings(&place, 0).await, Vec::<Value>::new());
    place.sandbox.drift(set("dublin/general", "/labels/team", json!("again"))).unwrap();
    assert!(findings(&place, 2).await[0]["first_seen"].is_null(), "the record was written anew");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revert_puts_back_what_drifted_and_nothing_else() {
    let place = fleet().await;
    meddle(&place);
    // A pending change of the same pool is no part of it.
    let text = read(&place, "main.hcl");
    place.write("main.hcl", &text.replace("    team = var.team\n", "    team = var.team\n    pending = \"yes\"\n"));
    assert_ne!(read(&place, "main.hcl"), text);
    let mark = seen::mark(&place.sandbox);
    place.run(&["drift", "revert", GENERAL, "-out=revert.plan"]).await.expect(0);
    assert_eq!(seen::changes(&place.sandbox, mark), []);
    place.run(&["apply", "-input=false", "revert.plan"]).await.expect(0);
    let done: Vec<String> = seen::changes(&place.sandbox, mark).iter().map(|entry| entry.operation.clone()).collect();
    assert_eq!(done, ["UpdateNodegroupConfig"]);
    place.run(&["drift", "revert", "-auto-approve", SYSTEM]).await.expect(0);
    let objects = place.sandbox.objects();
    let labels = |name: &str| objects.iter().find(|object| object.name == name).unwrap().value["labels"].clone();
    assert_eq!(labels("dublin/general").get("pending"), None);
    assert_eq!(labels("dublin/general")["team"], "platform");
    assert_eq!(findings(&place, 0).await, Vec::<Value>::new());
    // What waits, waits still.
    place.run(&["plan", "-input=false", "-detailed-exitcode"]).await.expect(2);
    let told = place.run(&["drift", "revert", "-auto-approve", GENERAL]).await.expect(0);
    assert!(told.out.contains("There is no drift at these addresses."), "{}", told.out);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_accept_takes_in_what_is_meant_and_says_what_to_write() {
    let place = fleet().await;
    meddle(&place);
    place.sandbox.drift(set("dublin/memory", "/labels/team", json!("other"))).unwrap();
    let mark = seen::mark(&place.sandbox);
    let leaf = format!("{GENERAL}.labels.team");
    let told = place.run(&["drift", "accept", &leaf, "-out=accept.plan"]).await.expect(0);
    assert!(told.out.contains("not the configuration") && told.out.contains(" at main.hcl:"), "{}", told.out);
    place.run(&["apply", "-input=false", "accept.plan"]).await.expect(0);
    let left: Vec<Value> = findings(&place, 2).await.into_iter().map(|finding| finding["addr"].clone()).collect();
    assert_eq!(left, [json!(SYSTEM), json!("eks_node_pool.fleet[\"dublin/memory\"]")]);
    place.run(&["drift", "accept", "-auto-approve", SYSTEM, "eks_node_pool.fleet[\"dublin/memory\"]"]).await.expect(0);
    assert_eq!(findings(&place, 0).await, Vec::<Value>::new());
    assert_eq!(seen::changes(&place.sandbox, mark), [], "an accept changes no object");
    // Without a change of the configuration, the next plan would put it back, as it was said.
    place.run(&["plan", "-input=false", "-detailed-exitcode"]).await.expect(2);
}

#[tokio::test(flavor = "multi_thread")]
async fn ignored_drift_does_not_count_until_its_day_is_over() {
    let place = fleet().await;
    meddle(&place);
    let ignore = |until: &str| {
        let label = GENERAL.replace('"', "\\\"");
        let block = format!("attribute = \"labels.team\"\n      reason = \"theirs ]]>\"\n      until = \"{until}\"");
        let gone = format!(
            "    ignore \"{}\" {{\n      reason = \"r\"\n      until = \"2099-01-01\"\n    }}\n",
            SYSTEM.replace('"', "\\\"")
        );
        format!("terrane {{\n  drift {{\n    ignore \"{label}\" {{\n      {block}\n    }}\n{gone}  }}\n}}\n")
    };
    place.write("drift.hcl", &ignore("2099-12-31"));
    let told = place.run(&[&["drift"], REPORTS].concat()).await.expect(0);
    assert!(told.out.contains("ignored until 2099-12-31: theirs") && told.out.contains("Ignored: 2."), "{}", told.out);
    check_reports(&place);
    let sarif: Value = serde_json::from_str(&read(&place, "drift.sarif")).unwrap();
    let results = sarif["runs"][0]["results"].as_array().unwrap();
    assert!(results.iter().all(|result| result["suppressions"][0]["kind"] == "inSource"), "{results:?}");
    assert!(read(&place, "drift.xml").contains("failures=\"0\" errors=\"0\" skipped=\"2\""));
    assert_eq!(read(&place, "drift.gitlab").trim(), "[]");

    place.write("drift.hcl", &ignore("2020-01-01"));
    let told = place.run(&["drift"]).await.expect(2);
    assert_eq!(seen::ids(&told.err), ["drift-ignore-expired"], "{}", told.err);
    assert!(told.out.contains("Drift: 1 changed, 0 gone. Ignored: 1."), "{}", told.out);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_asked_for_is_refused() {
    let place = Place::start(SandboxConfig::default()).await;
    place.write("main.hcl", "resource \"terrane_data\" \"a\" {\n}\n");
    for words in [
        &["drift", "-report=sarrif"] as &[&str],
        &["drift", "-report=json="],
        &["drift", "-report=json", "-report=sarif"],
        &["drift", "-json", "-report=sarif"],
    ] {
        let told = place.run(words).await.expect(1);
        assert!(told.err.contains("[usage]") || told.out.contains("\"usage\""), "{words:?}\n{}{}", told.out, told.err);
    }
    let told = place.run(&["drift", "-report=sarif=no/such/folder/x.sarif"]).await.expect(1);
    assert_eq!(seen::ids(&told.err), ["file-not-written"]);
    for (words, id) in [
        (&["drift", "accept", "-auto-approve", "a"] as &[&str], "invalid-address"),
        (&["drift", "revert", "-auto-approve", "eks_cluster.none"], "target-matches-nothing"),
        (&["drift", "accept", "-input=false", "eks_cluster.none"], "target-matches-nothing"),
    ] {
        assert_eq!(seen::ids(&place.run(words).await.expect(1).err), [id], "{words:?}");
    }
    place.run(&["drift", "-report=json", "-detailed-exitcode=false"]).await.expect(0);
}
