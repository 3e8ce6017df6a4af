//! A12: what is written is what schemas/ says: plan files, the entries of a state and the JSON streams of a fleet's
//! life, with a stop in the middle of it.

#![expect(clippy::unwrap_used, reason = "a broken harness ends the suite")]

use boon::{Compiler, SchemaIndex, Schemas};
use serde_json::Value;
use std::sync::Arc;
use terrane_plan::State;
use terrane_runtime::clock::SystemClock;
use terrane_runtime::store::contract::{self, request};
use terrane_runtime::store::objects::ObjectStore;
use terrane_runtime::store::objects::memory::MemoryObjects;
use terrane_runtime::store::{LEASE_MS, StateStore as _};
use terrane_sandbox::{Drift, KillMoment, KillPoint, SandboxConfig, Victim};
use terrane_tests::place::{Place, root};

/// The compiled schemas and those that are asked for by name.
struct Formats {
    schemas: Schemas,
    compiled: Vec<(&'static str, SchemaIndex)>,
}

impl Formats {
    fn load() -> Self {
        let (mut schemas, mut compiler, mut compiled) = (Schemas::new(), Compiler::new(), Vec::new());
        for name in ["plan", "seal", "state", "state_document", "events", "objects", "drift", "sealed"] {
            let path = root().join("schemas").join(name).with_extension("json");
            let text: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
            let url = format!("https://terrane.invalid/{name}.json");
            compiler.add_resource(&url, text).unwrap();
            compiled.push((name, compiler.compile(&url, &mut schemas).unwrap()));
        }
        Self { schemas, compiled }
    }

    /// Lines or whole texts that do not follow the schema, each with the reason.
    fn violations<'t>(&self, name: &str, texts: impl IntoIterator<Item = &'t str>) -> Vec<String> {
        let (_, schema) = self.compiled.iter().find(|(known, _)| *known == name).unwrap();
        let mut found = Vec::new();
        for text in texts {
            let value: Value = serde_json::from_str(text).unwrap();
            if let Err(error) = self.schemas.validate(&value, *schema) {
                found.push(format!("{name}: {error:#}\n{}", text.get(..400).unwrap_or(text)));
            }
        }
        found
    }
}

/// What is wrong with the two lines of a plan file.
fn plan_violations(formats: &Formats, text: &str) -> Vec<String> {
    let lines: Vec<&str> = text.lines().collect();
    let &[plan, seal] = lines.as_slice() else { return vec![format!("{} lines", lines.len())] };
    let mut wrong = formats.violations("plan", [plan]);
    wrong.extend(formats.violations("seal", [seal]));
    wrong
}

/// The entries of a log, without its header and their frames of length and checksum.
fn entries(log: &str) -> Vec<&str> {
    log.lines().skip(1).map(|line| line.get(18..).unwrap()).collect()
}

#[tokio::test]
async fn plans_states_and_streams_follow_their_schemas() {
    let formats = Formats::load();
    let place = Place::start(SandboxConfig { clock_rate: 1_000, ..SandboxConfig::default() }).await;
    place.copy_example("fleet-eks");
    place.run(&["plan", "-input=false", "-out=fleet.plan"]).await.expect(0);
    let plan = std::fs::read_to_string(place.path().join("fleet.plan")).unwrap();
    let mut wrong = plan_violations(&formats, &plan);

    // A stop in the middle leaves intents; the run after it records what became of them.
    let mut command = place.command(&["apply", "-input=false", "fleet.plan"]);
    let mut child = command.stdout(std::process::Stdio::null()).spawn().unwrap();
    let pid = i32::try_from(child.id().unwrap()).unwrap();
    let kill = KillPoint { nth: 3, when: KillMoment::AfterEffect, victim: Victim::Process(pid) };
    place.sandbox.arm_kill(kill).unwrap();
    let ended = tokio::time::timeout(std::time::Duration::from_secs(60), child.wait()).await.unwrap().unwrap();
    assert!(ended.code().is_none(), "it was not killed");
    let pulled = place.run(&["state", "pull"]).await.expect(0);
    assert!(pulled.out.contains("\"intent\""), "{}", pulled.out);
    wrong.extend(formats.violations("state_document", [pulled.out.as_str()]));
    let recovery = place.run(&["plan", "-input=false", "-out=recovery.plan", "-json"]).await.expect(0);
    let plan = std::fs::read_to_string(place.path().join("recovery.plan")).unwrap();
    wrong.extend(plan_violations(&formats, &plan));
    wrong.extend(formats.violations("events", recovery.out.lines()));
    let applied = place.run(&["apply", "-input=false", "-json", "recovery.plan"]).await.expect(0);
    wrong.extend(formats.violations("events", applied.out.lines()));

    place.sandbox.drift(set("/labels/team", "somebody-else")).unwrap();
    for words in [&["drift", "-json"][..], &["plan", "-json", "-detailed-exitcode"]] {
        let told = place.run(words).await.expect(2);
        wrong.extend(formats.violations("events", told.out.lines()));
    }
    let adopted = place.run(&["adopt", "eks", "-auto-approve", "-json"]).await.expect(0);
    assert!(adopted.out.contains("\"type\":\"adoption\""), "{}", adopted.out);
    wrong.extend(formats.violations("events", adopted.out.lines()));
    let destroyed = place.run(&["destroy", "-auto-approve", "-json"]).await.expect(0);
    wrong.extend(formats.violations("events", destroyed.out.lines()));
    let log = std::fs::read_to_string(place.path().join("terrane.state/log")).unwrap();
    let mut kinds: Vec<&str> = entries(&log).iter().filter_map(|entry| entry.split('"').nth(3)).collect();
    kinds.sort_unstable();
    kinds.dedup();
    assert_eq!(kinds, ["begin", "drift", "finish", "intent", "outcome", "outputs", "running", "start"]);
    wrong.extend(formats.violations("state", entries(&log)));
    assert!(wrong.is_empty(), "{} do not follow their schema\n{}", wrong.len(), wrong[0]);
}

const CONDITIONS: &str = r#"
variable "size" {
  default = 3
  validation {
    condition     = var.size > 0
    error_message = "It is ${var.size}."
  }
}
resource "terrane_data" "a" {
  input = var.size
  lifecycle {
    precondition {
      condition     = var.size < 10
      error_message = "Too many."
    }
    postcondition {
      condition     = self.id != ""
      error_message = "No id."
    }
  }
}
check "known_later" {
  assert {
    condition     = terrane_data.a.id != "x"
    error_message = "It is ${terrane_data.a.id}."
  }
}
output "a" {
  value = terrane_data.a.id
  precondition {
    condition     = terrane_data.a.id != ""
    error_message = "No id."
  }
}
"#;

// A1
#[tokio::test]
async fn a_plan_with_conditions_follows_its_schema() {
    let place = Place::start(SandboxConfig::default()).await;
    place.write("main.hcl", CONDITIONS);
    place.run(&["plan", "-out=p"]).await.expect(0);
    let plan = std::fs::read_to_string(place.path().join("p")).unwrap();
    for kind in ["variable", "precondition", "postcondition", "output", "check"] {
        assert!(plan.contains(&format!("\"kind\":\"{kind}\"")), "{kind}: {plan}");
    }
    let wrong = plan_violations(&Formats::load(), &plan);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    place.run(&["apply", "p"]).await.expect(0);
}

fn set(pointer: &str, value: &str) -> Drift {
    Drift::Set {
        object_type: "node-group".into(),
        account: "111122223333".into(),
        region: "eu-west-1".into(),
        name: "dublin/general".into(),
        pointer: pointer.into(),
        value: value.into(),
    }
}

/// The JSON of the first line of an object, behind its length and checksum.
fn first_line(bytes: &[u8]) -> String {
    let line = bytes.split(|byte| *byte == b'\n').next().unwrap_or_default();
    String::from_utf8_lossy(line.get(18..).unwrap_or_default()).into_owned()
}

// A6
#[tokio::test]
async fn a_state_in_objects_follows_its_schema() {
    let formats = Formats::load();
    let objects = MemoryObjects::new(Arc::new(SystemClock));
    let store = ObjectStore::new(Arc::new(objects.clone()), Arc::new(SystemClock), LEASE_MS);
    let grant = store.lock(&request("a@b")).await.unwrap();
    store.load(Some(&grant)).await.unwrap();
    let entries = contract::entries(3);
    store.append(&grant, &entries).await.unwrap();
    let state = contract::replay(&entries);
    store.compact(&grant, &state).await.unwrap();
    store.put(&grant, &State { serial: 7, ..state }).await.unwrap();
    let (mut texts, mut entries) = (Vec::new(), Vec::new());
    for (name, object) in objects.content() {
        let text = String::from_utf8_lossy(&object.bytes).into_owned();
        match name.split('/').next() {
            Some("log") => {
                texts.push(first_line(&object.bytes));
                let is_whole = texts.last().is_some_and(|header| header.contains("\"whole\":true"));
                let text = if is_whole { "" } else { text.as_str() };
                entries.extend(text.lines().skip(1).map(|line| line.get(18..).unwrap().to_owned()));
            }
            Some("snapshot") => texts.push(first_line(&object.bytes)),
            Some("lock") => texts.push(text),
            _ => {}
        }
    }
    assert_eq!((texts.len(), entries.len()), (5, 4), "three segments, a snapshot and a lock");
    let mut wrong = formats.violations("objects", texts.iter().map(String::as_str));
    wrong.extend(formats.violations("state", entries.iter().map(String::as_str)));
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

// A10
#[tokio::test]
async fn the_header_of_what_is_sealed_follows_its_schema() {
    let mut place = Place::start(SandboxConfig::default()).await;
    let key = "key \"passphrase\" {\n env = \"WORDS\"\n}";
    place.environment.push(("TERRANE_ENCRYPTION".to_owned(), key.to_owned()));
    place.environment.push(("WORDS".to_owned(), "correct horse battery staple".to_owned()));
    place.write("main.hcl", "resource \"terrane_data\" \"a\" {}\n");
    let formats = Formats::load();
    place.run(&["plan", "-out=sealed.plan"]).await.expect(0);
    let plan = std::fs::read(place.path().join("sealed.plan")).unwrap();
    let header = plan.split(|byte| *byte == b'\n').nth(1).unwrap();
    let wrong = formats.violations("sealed", [std::str::from_utf8(header).unwrap()]);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
