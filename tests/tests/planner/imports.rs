//! A5, A9: objects that are there are taken over.

use super::{cluster, plan_with, world};
use terrane_core::change::Action;
use terrane_core::{InstanceAddr, Value};
use terrane_plan::plan::Mode;
use terrane_plan::{Entry, Options, Plan, Selection};
use terrane_tests::memory::MemorySources;
use terrane_tests::sim::{CrashAt, Simulation};

/// A world with a cluster and an item in it that nobody recorded.
fn unrecorded() -> Simulation {
    let mut sim = world(&format!("{}{}", cluster("a", "size = 2"), item("a", "i", "note = \"n\"")));
    sim.log.clear();
    sim.saved = None;
    sim
}

fn item(of: &str, name: &str, more: &str) -> String {
    format!("resource \"sim_item\" \"{name}\" {{\n  cluster = sim_cluster.{of}.id\n  name = \"{name}\"\n  {more}\n}}\n")
}

fn import(to: &str, id: &str) -> String {
    format!("import {{\n  to = {to}\n  id = {id}\n}}\n")
}

fn both() -> String {
    format!(
        "{}{}{}{}",
        cluster("a", "size = 2"),
        item("a", "i", "note = \"n\""),
        import("sim_cluster.a", "\"acct/r1/a\""),
        import("sim_item.i", "\"${sim_cluster.a.id}/i\"")
    )
}

fn plan(sim: &mut Simulation, text: &str) -> Plan {
    sim.plan(&MemorySources::main(text), &Options::default()).unwrap_or_else(|problems| unreachable!("{problems:?}"))
}

fn apply(sim: &mut Simulation, text: &str) {
    let outcome = sim.apply(&MemorySources::main(text), &Options::default(), false).unwrap();
    assert!(outcome.problems.is_empty(), "{:?}", outcome.problems);
    sim.saved = None;
}

fn refused(sim: &mut Simulation, text: &str) -> Vec<&'static str> {
    plan_with(sim, text, &Options::default()).unwrap_err()
}

fn addr(text: &str) -> InstanceAddr {
    text.parse().unwrap()
}

#[test]
fn an_object_as_it_is_written_is_recorded_and_nothing_else_happens() {
    let mut sim = unrecorded();
    let world = sim.cloud.objects.clone();
    let made = plan(&mut sim, &both());
    assert_eq!(super::lines(&made), ["import acct/r1/a as sim_cluster.a", "import acct/r1/a/i as sim_item.i"]);
    assert!(made.steps.is_empty() && !made.is_empty());
    assert_eq!(made.counts().import, 2);
    apply(&mut sim, &both());
    assert_eq!(sim.cloud.objects, world);
    let state = sim.state();
    let record = state.record(&addr("sim_item.i")).unwrap();
    assert_eq!(record.dependencies, [addr("sim_cluster.a")]);
    assert_eq!(
        (record.sent.get("note"), record.seen.get("note")),
        (Some(&Value::string("n")), Some(&Value::string("n")))
    );
    // Inert from now on, and no use either.
    let again = plan(&mut sim, &both());
    assert!(again.is_empty() && !again.changes.iter().any(|change| change.is_rerecorded));
    let without: String = both().split("import").take(1).collect();
    assert!(plan(&mut sim, &without).is_empty());
}

#[test]
fn an_imported_object_is_changed_to_what_is_written() {
    let mut sim = unrecorded();
    let text = format!("{}{}", cluster("a", "size = 5"), import("sim_cluster.a", "\"acct/r1/a\""));
    assert_eq!(super::lines(&plan(&mut sim, &text)), ["~ import acct/r1/a as sim_cluster.a: size"]);
    apply(&mut sim, &text);
    assert_eq!(sim.cloud.find("cluster", "a").unwrap().attributes["size"], Value::int(5));
    assert!(plan(&mut sim, &text).is_empty());
}

#[test]
fn a_secret_of_an_imported_object_is_sent_and_only_then_recorded() {
    let mut sim = unrecorded();
    let text =
        format!("{}{}", cluster("a", "size = 2\npassword = env(\"P\")"), import("sim_cluster.a", "\"acct/r1/a\""));
    assert_eq!(super::lines(&plan(&mut sim, &text)), ["~ import acct/r1/a as sim_cluster.a: password"]);
    let mut stopped = sim.clone();
    stopped.crash_at = Some(CrashAt(2));
    assert!(stopped.apply(&MemorySources::main(&text), &Options::default(), false).is_err());
    apply(&mut sim, &text);
    assert!(plan(&mut sim, &text).is_empty());
}

#[test]
fn a_replacement_of_what_was_imported_has_to_be_allowed() {
    let text = format!("{}{}", cluster("a", "zone = \"z\""), import("sim_cluster.a", "\"acct/r1/a\""));
    assert_eq!(refused(&mut unrecorded(), &text), ["cluster-replace-refused"]);
}

#[test]
fn instances_and_modules_are_filled_by_for_each() {
    let module = "variable \"cluster\" {}\nresource \"sim_item\" \"i\" {\n  for_each = toset([\"i\"])\n  cluster = var.cluster\n  name = each.key\n  note = \"n\"\n}\n";
    let text = format!(
        "{}module \"m\" {{\n  for_each = {{ x = sim_cluster.a.id }}\n  source = \"./m\"\n  cluster = each.value\n}}\n{}import {{\n  for_each = {{ i = \"x\" }}\n  to = module.m[each.value].sim_item.i[each.key]\n  id = \"acct/r1/a/${{each.key}}\"\n}}\n",
        cluster("a", "size = 2"),
        import("sim_cluster.a", "\"acct/r1/a\"")
    );
    let mut sources = MemorySources::main(&text);
    sources.files.insert("m/main.hcl".into(), module.into());
    let made = unrecorded().plan(&sources, &Options::default()).unwrap();
    let expected = ["import acct/r1/a as sim_cluster.a", "import acct/r1/a/i as module.m[\"x\"].sim_item.i[\"i\"]"];
    assert_eq!(super::lines(&made), expected);
}

#[test]
fn what_an_id_leaves_open_comes_from_the_block() {
    let text = format!("{}{}", cluster("a", "size = 2"), import("sim_cluster.a", "\"a\""));
    assert_eq!(super::lines(&plan(&mut unrecorded(), &text)), ["import acct/r1/a as sim_cluster.a"]);
    let text = format!("{}{}", cluster("a", "size = 2"), import("sim_cluster.a", "\"b\""));
    assert_eq!(refused(&mut unrecorded(), &text), ["import-id-invalid"]);
}

#[test]
fn an_object_that_is_not_there_cannot_be_imported() {
    let text = format!("{}{}", cluster("b", ""), import("sim_cluster.b", "\"acct/r1/b\""));
    assert_eq!(refused(&mut unrecorded(), &text), ["import-not-there"]);
}

#[test]
fn an_object_of_another_cluster_is_refused() {
    let text = format!("{}{}{}", cluster("b", ""), item("b", "i", ""), import("sim_item.i", "\"acct/r1/a/i\""));
    assert_eq!(refused(&mut unrecorded(), &text), ["import-other-object"]);
}

#[test]
fn one_object_fills_one_address() {
    let block = |name: &str| cluster(name, "").replace("name = \"b\"", "name = \"a\"");
    let ids = ["\"acct/r1/a\"", "\"acct/r1/a\""];
    let text =
        format!("{}{}{}", block("a"), block("b"), import("sim_cluster.a", ids[0]) + &import("sim_cluster.b", ids[1]));
    assert_eq!(refused(&mut unrecorded(), &text), ["import-twice"]);
    let text = format!("{}{}", block("a"), import("sim_cluster.a", ids[0]) + &import("sim_cluster.a", ids[1]));
    assert_eq!(refused(&mut unrecorded(), &text), ["import-twice"]);
}

#[test]
fn what_is_recorded_under_another_address_is_not_imported() {
    let mut sim = world(&cluster("a", ""));
    let block = cluster("b", "").replace("name = \"b\"", "name = \"a\"");
    let text = format!("{block}{}", import("sim_cluster.b", "\"acct/r1/a\""));
    assert_eq!(refused(&mut sim, &text), ["import-recorded"]);
}

#[test]
fn ids_have_to_be_known_and_shown() {
    let import_of = |id: &str| format!("{}{}{}", cluster("a", ""), cluster("b", ""), import("sim_cluster.b", id));
    assert_eq!(refused(&mut unrecorded(), &import_of("sim_cluster.a.endpoint")), ["import-id-invalid"]);
    assert_eq!(refused(&mut unrecorded(), &import_of("null")), ["import-id-invalid"]);
    let sensitive = format!("{}variable \"s\" {{\n  default = \"x\"\n  sensitive = true\n}}\n", import_of("var.s"));
    assert_eq!(refused(&mut unrecorded(), &sensitive), ["import-id-invalid"]);
    let record_only = format!("resource \"terrane_data\" \"d\" {{}}\n{}", import("terrane_data.d", "\"x\""));
    assert_eq!(refused(&mut unrecorded(), &record_only), ["import-id-invalid"]);
}

#[test]
fn an_import_without_a_block_is_refused_unless_one_is_generated() {
    let mut sim = unrecorded();
    let text = import("sim_cluster.a", "\"acct/r1/a\"");
    assert_eq!(refused(&mut sim, &text), ["import-not-configured"]);
    let options = Options { generate_config: true, ..Options::default() };
    let outcome = sim.outcome(&MemorySources::main(&text), &options);
    let [found] = outcome.to_generate.as_slice() else { panic!("{outcome:?}") };
    assert_eq!((found.addr.to_string(), found.seen.get("size")), ("sim_cluster.a".into(), Some(&Value::int(2))));
    assert_eq!(super::lines(&outcome.plan.unwrap()), ["import acct/r1/a as sim_cluster.a"]);
    let applied = sim.apply(&MemorySources::main(&text), &options, false).unwrap();
    assert!(applied.problems.is_empty(), "{:?}", applied.problems);
    sim.saved = None;
    // What the cloud chose is not written.
    assert_eq!((found.written.get("size"), found.written.get("network")), (Some(&Value::int(2)), Some(&Value::NULL)));
    assert!(plan(&mut sim, &cluster("a", "size = 2")).is_empty());
}

#[test]
fn a_missing_key_is_not_generated() {
    let block = "resource \"sim_item\" \"i\" {\n  for_each = {}\n  cluster = \"acct/r1/a\"\n  name = each.key\n}\n";
    let text = format!("{block}{}", import("sim_item.i[\"i\"]", "\"acct/r1/a/i\""));
    assert_eq!(refused(&mut unrecorded(), &text), ["import-not-configured"]);
}

#[test]
fn a_refresh_and_a_destroy_import_nothing() {
    for mode in [Mode::RefreshOnly, Mode::Destroy] {
        let options = Options { mode, ..Options::default() };
        assert_eq!(plan_with(&mut unrecorded(), &both(), &options).unwrap(), [""; 0]);
    }
}

#[test]
fn a_target_imports_what_it_needs_and_no_more() {
    let targets = vec!["sim_cluster.a".parse().unwrap()];
    let options = Options { selection: Selection::Only(targets), ..Options::default() };
    assert_eq!(plan_with(&mut unrecorded(), &both(), &options).unwrap(), ["import acct/r1/a as sim_cluster.a"]);
}

// A11
#[test]
fn an_import_that_stops_anywhere_is_finished_by_the_next_run() {
    let text = format!("{}{}", both(), cluster("b", "")).replace("size = 2", "size = 3");
    let mut whole = unrecorded();
    apply(&mut whole, &text);
    let points = whole.points;
    assert!(points > 10, "{points}");
    for at in 1..=points {
        let mut sim = unrecorded();
        sim.crash_at = Some(CrashAt(at));
        let _stopped = sim.apply(&MemorySources::main(&text), &Options::default(), false);
        sim.lose_memory();
        (sim.crash_at, sim.saved) = (None, None);
        apply(&mut sim, &text);
        assert!(plan(&mut sim, &text).is_empty(), "stopped at {at}");
        let count = |kind: &str| sim.cloud.objects.iter().filter(|object| object.kind == kind).count();
        assert_eq!((count("cluster"), count("item")), (2, 1), "stopped at {at}");
    }
}

#[test]
fn what_was_imported_is_destroyed_as_anything_else() {
    let mut sim = unrecorded();
    apply(&mut sim, &both());
    let gone = plan(&mut sim, "");
    assert!(gone.changes.iter().all(|change| change.action == Action::Delete));
    assert!(matches!(sim.log.last(), Some(Entry::Finish { .. })));
}
