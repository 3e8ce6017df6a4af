//! Plans made by hand, and the text they have to have.

use super::*;
use std::collections::BTreeMap;
use std::sync::Arc;
use terrane_core::change::Reason;
use terrane_core::{InstanceAddr, ObjectId, PathStep, Residual, Scope, Type, Value};
use terrane_plan::plan::{Deferred, LeafChange, Origin, OutputChange, Phase};
use terrane_provider::{Recovery, StepSpec, Verb};

/// A change of `addr` with nothing in it.
pub fn change(addr: &str, action: Action) -> Change {
    Change {
        origin: Some(Origin { file: "main.hcl".into(), line: 3 }),
        schema_version: 1,
        ..Change::new(addr.parse().unwrap(), action)
    }
}

/// A plan of these changes.
pub fn plan(changes: Vec<Change>) -> Plan {
    Plan {
        format: terrane_plan::plan::FORMAT,
        terrane_version: "0.1.0".into(),
        id: "00".into(),
        made_at: "2026-01-01T00:00:00Z".into(),
        expires_at: "".into(),
        mode: Mode::Normal,
        lineage: "l".into(),
        serial: 1,
        fingerprint: terrane_plan::plan::Fingerprint::default(),
        targets: Vec::new(),
        since: None,
        left_out: Vec::new(),
        variables: BTreeMap::new(),
        providers: Vec::new(),
        changes: changes.into_iter().map(Into::into).collect(),
        drift: Vec::new(),
        outputs: Vec::new(),
        conditions: Vec::new(),
        steps: Vec::new(),
        deferred: Vec::new(),
        recovered: Vec::new(),
        facts: Vec::new(),
        outline: terrane_plan::outline::Outline::default(),
        errors: Vec::new(),
    }
}

/// An object of texts.
pub fn object(pairs: &[(&str, &str)]) -> Value {
    Value::object(pairs.iter().map(|(key, value)| ((*key).into(), Value::string(*value))).collect())
}

fn text(plan: &Plan) -> String {
    let mut out = Vec::new();
    write(PlanView { plan, registry: &Registry::default(), paint: Paint::PLAIN }, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

/// The text behind the legend.
fn actions_of(plan: &Plan) -> String {
    text(plan).split_once("following actions:\n\n").unwrap().1.to_owned()
}

#[test]
fn a_create_shows_what_will_be() {
    let mut create = change("eks_cluster.a", Action::Create);
    let arn = Residual::Attribute { instance: "eks_cluster.a".parse().unwrap(), path: Path::attr("arn") };
    create.after = Value::object(vec![
        ("name".into(), Value::string("a")),
        ("arn".into(), Value::unknown(Type::String, arn)),
        ("token".into(), Value::string("x").sensitive()),
    ]);
    let mut plan = plan(vec![create]);
    plan.steps.push(Step {
        change: Some(0),
        phase: Phase::Make,
        spec: StepSpec::new("create-cluster", Verb::Create, Recovery::Token).takes(600),
        is_last: true,
        after: Vec::new(),
        deadline_s: 3_600,
        preconditions: Vec::new(),
        postconditions: Vec::new(),
    });
    let expected = r#"  # eks_cluster.a will be created
  # (steps: create-cluster about 10m)
  + resource "eks_cluster" "a" {
      + arn   = (known after apply)
      + name  = "a"
      + token = (sensitive value)
    }

Plan: 1 to add, 0 to change, 0 to destroy.
"#;
    assert_eq!(actions_of(&plan), expected);
}

#[test]
fn a_replacement_says_which_argument_and_where() {
    let mut replace = change("eks_cluster.a", Action::DeleteThenCreate);
    replace.before = object(&[("name", "a"), ("region", "eu-west-1"), ("tier", "x")]);
    replace.after = object(&[("name", "a"), ("region", "us-east-1"), ("tier", "x")]);
    replace.reasons =
        vec![Reason::CannotUpdate { path: Path::attr("region"), why: "a cluster stays where it is".into() }];
    replace.leaves = vec![LeafChange {
        path: Path::attr("region"),
        before: Value::string("eu-west-1"),
        after: Value::string("us-east-1"),
        replaces: Some("a cluster stays where it is".into()),
        is_repair: false,
        is_secret: false,
        origin: Some(Origin { file: "main.hcl".into(), line: 5 }),
    }];
    let expected = r#"  # eks_cluster.a must be replaced
  # (because region: a cluster stays where it is; main.hcl:3)
-/+ resource "eks_cluster" "a" {
        name   = "a"
      ~ region = "eu-west-1" -> "us-east-1" # forces replacement (a cluster stays where it is; main.hcl:5)
        # (1 unchanged attribute hidden)
    }

Plan: 1 to add, 0 to change, 1 to destroy.
"#;
    assert_eq!(actions_of(&plan(vec![replace])), expected);
}

fn repeated(action: Action, keys: &[&str]) -> Vec<Change> {
    let of = |key: &&str| {
        let mut change = change(&format!("t.r[\"{key}\"]"), action);
        let value = object(&[("name", key), ("size", "1")]);
        if action == Action::Delete {
            change.before = value
        } else {
            change.after = value
        }
        change
    };
    keys.iter().map(of).collect()
}

#[test]
fn like_creates_of_one_resource_are_one_block() {
    let expected = r#"  # t.r[each.key] will be created: 3 instances
  # ("a", "b", "c")
  + resource "t" "r" {
      + name = "${each.key}"
      + size = "1"
    }

Plan: 3 to add, 0 to change, 0 to destroy.
"#;
    assert_eq!(actions_of(&plan(repeated(Action::Create, &["a", "b", "c"]))), expected);
}

#[test]
fn like_updates_are_one_block_though_ids_differ() {
    let of = |key: &&str| {
        let mut change = change(&format!("t.r[\"{key}\"]"), Action::Update);
        change.before = object(&[("id", &format!("i{}", key.len())), ("v", "1")]);
        change.after = object(&[("id", &format!("i{}", key.len())), ("v", "2")]);
        change
    };
    let text = actions_of(&plan(["a", "bb"].iter().map(of).collect()));
    let expected = "  # t.r[each.key] will be updated in-place: 2 instances\n  # (\"a\", \"bb\")\n  ~ resource \"t\" \"r\" {\n      ~ v = \"1\" -> \"2\"\n    }\n";
    assert!(text.starts_with(expected), "{text}");
}

#[test]
fn destroys_never_collapse() {
    let text = actions_of(&plan(repeated(Action::Delete, &["a", "b"])));
    assert_eq!(text.matches("will be destroyed").count(), 2);
    assert!(text.contains("      - name = \"a\" -> null\n"));
}

#[test]
fn long_plans_begin_with_a_summary() {
    let keys: Vec<String> = (0..60).map(|at| format!("k{at}")).collect();
    let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
    let text = text(&plan(repeated(Action::Delete, &keys)));
    assert!(text.starts_with("Summary of 60 changes: 0 to add, 0 to change, 60 to destroy.\n  - 60 t.r\n\n"), "{text}");
}

#[test]
fn nothing_to_do_is_said_in_terraforms_words() {
    assert_eq!(text(&plan(Vec::new())), "No changes. Your infrastructure matches the configuration.\n");
}

#[test]
fn drift_deferral_and_outputs_have_their_sections() {
    let mut plan = plan(Vec::new());
    let addr: InstanceAddr = "eks_node_pool.p".parse().unwrap();
    let id = ObjectId { type_name: "eks_node_pool".into(), scope: Scope::default(), key: "p".into() };
    let leaf = LeafChange {
        path: Path(vec![PathStep::Name("labels".into()), PathStep::Name("team".into())]),
        before: Value::string("a"),
        after: Value::string("b"),
        replaces: None,
        is_repair: true,
        is_secret: false,
        origin: None,
    };
    plan.drift.push(Drift { addr: addr.clone(), id, deposed: None, is_gone: false, leaves: vec![leaf] });
    plan.deferred.push(Deferred {
        addr: "data.x.y".parse().unwrap(),
        reason: "data-known-after-apply".into(),
        because: None,
        waits_for: vec![addr.clone()],
    });
    plan.deferred.push(Deferred {
        addr: "x.z".parse().unwrap(),
        reason: "depends-on-deferred".into(),
        because: Some("data.x.y".parse().unwrap()),
        waits_for: vec![addr],
    });
    let output = OutputChange {
        name: "o".into(),
        action: Action::Create,
        before: Value::NULL,
        after: Value::int(1),
        is_sensitive: false,
    };
    plan.outputs.push(output);
    let expected = r#"Note: Objects have changed outside of Terrane

  # eks_node_pool.p has changed
  ~ resource "eks_node_pool" "p" {
      ~ labels.team = "a" -> "b"
    }

Deferred to a later stage:

  # data.x.y will be read once its arguments are known
  # (because it waits for eks_node_pool.p)
  # x.z will be planned after what it depends on
  # (because it depends on data.x.y, which waits)

Changes to Outputs:
  + o = 1

Plan: 0 to add, 0 to change, 0 to destroy.
"#;
    assert_eq!(text(&plan), expected);
}

#[test]
fn a_hundred_thousand_creates_are_written_in_one_pass() {
    let resource = Arc::clone(&"t.r[0]".parse::<InstanceAddr>().unwrap().resource);
    let one = |at: u64| {
        let mut change = change("t.r", Action::Create);
        change.addr = InstanceAddr::new(Arc::clone(&resource), Some(InstanceKey::Index(at)));
        change.after = object(&[("value", &format!("x-{at}")), ("name", &format!("n{}", at % 3))]);
        change
    };
    let text = actions_of(&plan((0..100_000).map(one).collect()));
    assert!(text.len() < 50_000_000 && text.contains("Plan: 100000 to add"));
}
