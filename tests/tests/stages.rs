//! A5: a run that needs more than one stage, as people see it.

use terrane_sandbox::SandboxConfig;
use terrane_tests::place::Place;

const MAIN: &str = r#"
variable "release" {
  default = "1.34"
}
resource "terrane_data" "release" {
  input = var.release
  lifecycle {
    replace_triggered_by = [terrane_data.trigger]
  }
}
resource "terrane_data" "trigger" {
  input = var.release
}
resource "terrane_data" "note" {
  for_each = toset([terrane_data.release.id])
  input    = each.key
}
output "notes" {
  value = [for note in terrane_data.note : note.input]
}
"#;

async fn place() -> Place {
    let place = Place::start(SandboxConfig::default()).await;
    place.write("main.hcl", MAIN);
    place
}

// A5
#[tokio::test]
async fn apply_goes_from_stage_to_stage_and_stops_before_one_that_destroys() {
    let place = place().await;
    let told = place.run(&["apply", "-auto-approve"]).await.expect(0);
    assert!(told.out.contains("terrane_data.note will be planned once its keys are known"), "{}", told.out);
    assert!(told.out.contains("The next stage can be planned now."), "{}", told.out);
    assert_eq!(place.run(&["state", "list"]).await.expect(0).out.lines().count(), 3);
    let notes = place.run(&["output", "-json", "notes"]).await.expect(0).out;
    place.run(&["plan", "-detailed-exitcode"]).await.expect(0);

    // The second stage would destroy the note of the old release, which nobody has seen yet.
    let told = place.run(&["apply", "-auto-approve", "-var", "release=1.35"]).await.expect(0);
    assert!(told.out.contains("This stage destroys objects"), "{}", told.out);
    assert_eq!(place.run(&["output", "-json", "notes"]).await.expect(0).out, notes);
    place.run(&["plan", "-detailed-exitcode", "-var", "release=1.35"]).await.expect(2);
    place.run(&["apply", "-auto-approve", "-var", "release=1.35"]).await.expect(0);
    assert_ne!(place.run(&["output", "-json", "notes"]).await.expect(0).out, notes);
    place.run(&["plan", "-detailed-exitcode", "-var", "release=1.35"]).await.expect(0);
}

// A5, A10
#[tokio::test]
async fn a_saved_plan_is_one_stage() {
    let place = place().await;
    place.run(&["plan", "-out=first.plan"]).await.expect(0);
    let shown = place.run(&["show", "-json", "first.plan"]).await.expect(0).out;
    let shown: serde_json::Value = serde_json::from_str(&shown).expect("it is JSON");
    assert_eq!(shown["complete"], false);
    assert_eq!(shown["deferred_changes"][0]["addr"], "terrane_data.note");
    let told = place.run(&["apply", "-json", "first.plan"]).await.expect(0);
    assert!(told.out.contains("\"reason\":\"deferred\""), "{}", told.out);
    place.run(&["plan", "-out=second.plan"]).await.expect(0);
    let told = place.run(&["apply", "-json", "second.plan"]).await.expect(0);
    assert!(told.out.contains("\"reason\":\"ok\""), "{}", told.out);
    place.run(&["plan", "-detailed-exitcode"]).await.expect(0);
}

// A1, A8: what is computed at apply is the same wherever it stands, and a secret stays an expression.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_computed_at_apply_is_recorded_and_a_secret_is_not() {
    let mut place = Place::start(SandboxConfig::default()).await;
    place.environment.push((String::from("PASSWORD"), String::from("hunter2")));
    place.write(
        "main.hcl",
        "resource \"terrane_data\" \"a\" {\n  input  = { first = uuid(), second = uuid(), at = timestamp() }\n  \
         secret = bcrypt(env(\"PASSWORD\"))\n}\noutput \"a\" {\n  value = terrane_data.a.output\n}\noutput \"u\" {\n  \
         value = uuid()\n}\n",
    );
    place.run(&["apply", "-auto-approve"]).await.expect(0);
    let shown = place.run(&["output", "-json"]).await.expect(0).out;
    let outputs: serde_json::Value = serde_json::from_str(&shown).unwrap();
    let text = |pointer: &str| outputs.pointer(pointer).and_then(serde_json::Value::as_str).unwrap_or_default();
    let uuids = ["/a/value/first", "/a/value/second", "/u/value"].map(text);
    assert!(uuids.iter().all(|uuid| uuid.len() == 36), "{shown}");
    assert!(uuids[0] != uuids[1] && uuids[1] != uuids[2], "{shown}");
    assert!(text("/a/value/at").starts_with("20"), "{shown}");
    let state = place.run(&["state", "pull"]).await.expect(0).out;
    let of_input = state.matches(uuids[0]).count();
    assert!(of_input >= 2, "written and seen: {of_input}");
    assert!(!state.contains("$2a$") && !state.contains("hunter2"));
}
