//! A5: plans of a part: what is left out, and what has to come along.

use super::{cluster, lines, plan_with, world};
use terrane_plan::plan::Mode;
use terrane_plan::{Options, Selection};
use terrane_tests::memory::MemorySources;
use terrane_tests::sim::Simulation;

fn except(patterns: &[&str]) -> Options {
    Options {
        selection: Selection::AllBut(patterns.iter().map(|text| text.parse().unwrap()).collect()),
        ..Options::default()
    }
}

fn only(patterns: &[&str]) -> Options {
    Options {
        selection: Selection::Only(patterns.iter().map(|text| text.parse().unwrap()).collect()),
        ..Options::default()
    }
}

fn item(label: &str, of: &str, more: &str) -> String {
    format!("resource \"sim_item\" \"{label}\" {{\n  cluster = {of}\n  name = \"{label}\"\n  {more}\n}}\n")
}

/// What is planned, without the words behind the address.
fn planned(sim: &mut Simulation, text: &str, options: &Options) -> Vec<String> {
    let plan = plan_with(sim, text, options).unwrap_or_else(|problems| unreachable!("{problems:?}"));
    plan.iter().map(|line| line.split(": ").next().unwrap().to_owned()).collect()
}

/// What is left out, with what it depends on.
fn left_out(sim: &mut Simulation, text: &str, options: &Options) -> Vec<String> {
    let plan = sim.plan(&MemorySources::main(text), options).unwrap_or_else(|problems| unreachable!("{problems:?}"));
    let because =
        |left: &terrane_plan::plan::LeftOut| left.because.as_ref().map(ToString::to_string).unwrap_or_default();
    plan.left_out.iter().map(|left| format!("{} {}", left.addr, because(left)).trim().to_owned()).collect()
}

fn fleet(size: u32) -> String {
    cluster("a", &format!("size = {size}"))
        + &cluster("b", &format!("size = {size}"))
        + &item("i", "sim_cluster.a.id", &format!("note = \"{size}\""))
        + &item("j", "local.home", &format!("note = \"{size}\""))
        + "locals {\n  home = sim_cluster.b.id\n}\noutput \"home\" {\n  value = sim_item.i.note\n}\n"
}

#[test]
fn what_depends_on_an_excluded_object_is_left_out_too() {
    for sim in [&mut Simulation::new(1), &mut world(&fleet(1))] {
        let (text, options) = (fleet(2), except(&["sim_cluster.a"]));
        let sign = if sim.log.is_empty() { "+" } else { "~" };
        assert_eq!(planned(sim, &text, &options), [format!("{sign} sim_cluster.b"), format!("{sign} sim_item.j")]);
        assert_eq!(left_out(sim, &text, &options), ["sim_cluster.a", "sim_item.i sim_cluster.a"]);
    }
    // Through a local too.
    let options = except(&["sim_cluster.b"]);
    let found = planned(&mut Simulation::new(1), &fleet(1), &options);
    assert_eq!(found, ["+ sim_cluster.a", "+ sim_item.i"]);
}

#[test]
fn an_excluded_plan_can_be_applied_and_the_rest_later() {
    let mut sim = Simulation::new(1);
    let outcome = sim.apply(&MemorySources::main(&fleet(1)), &except(&["sim_cluster.a"]), false).unwrap();
    assert!(outcome.problems.is_empty(), "{:?}", outcome.problems);
    sim.saved = None;
    sim.cloud.advance(sim.cloud.now_ms + 1_000_000);
    assert_eq!(planned(&mut sim, &fleet(1), &Options::default()), ["+ sim_cluster.a", "+ sim_item.i"]);
}

/// Clusters with keys, and an item in each.
fn keyed(keys: &str, note: &str) -> String {
    format!(
        "resource \"sim_cluster\" \"c\" {{\n  for_each = toset([{keys}])\n  name = each.key\n  size = {note}\n}}\n\
         resource \"sim_item\" \"i\" {{\n  for_each = sim_cluster.c\n  cluster = each.value.id\n  name = each.key\n  note = \"{note}\"\n}}\n"
    )
}

#[test]
fn one_instance_can_be_excluded() {
    let options = except(&["sim_cluster.c[\"x\"]"]);
    let sim = &mut world(&keyed("\"x\", \"y\"", "1"));
    assert_eq!(planned(sim, &keyed("\"x\", \"y\"", "2"), &options), ["~ sim_cluster.c[\"y\"]", "~ sim_item.i[\"y\"]"]);
    let expected = ["sim_cluster.c[\"x\"]", "sim_item.i[\"x\"] sim_cluster.c[\"x\"]"];
    assert_eq!(left_out(sim, &keyed("\"x\", \"y\"", "2"), &options), expected);
}

#[test]
fn keys_that_come_from_what_is_left_out_leave_their_block_out() {
    let text = |count: u32| {
        cluster("a", "size = 2")
            + &format!("resource \"terrane_data\" \"d\" {{\n  count = sim_cluster.a.size\n  input = {count}\n}}\n")
    };
    assert_eq!(planned(&mut Simulation::new(1), &text(1), &except(&["sim_cluster.a"])), [""; 0]);
    let mut sim = world(&text(1));
    sim.log.retain(|entry| !format!("{entry:?}").contains("sim_cluster"));
    assert_eq!(planned(&mut sim, &text(2), &except(&["sim_cluster.a"])), [""; 0]);
}

#[test]
fn what_an_excluded_object_needs_is_not_destroyed() {
    let mut sim = world(&fleet(1));
    let destroy = Options { mode: Mode::Destroy, ..except(&["sim_item.i"]) };
    assert_eq!(planned(&mut sim, "", &destroy), ["- sim_cluster.b", "- sim_item.j"]);
    assert_eq!(left_out(&mut sim, "", &destroy), ["sim_cluster.a sim_item.i", "sim_item.i"]);
    assert_eq!(planned(&mut sim, "", &except(&["sim_item.i"])), ["- sim_cluster.b", "- sim_item.j"]);
    let zone = fleet(1).replacen("size = 1", "size = 1\nzone = \"z\"", 1);
    let allow = Options { allow_replace: vec!["sim_cluster.a".parse().unwrap()], ..except(&["sim_item.i"]) };
    assert_eq!(plan_with(&mut sim, &zone, &allow).unwrap_err(), ["exclude-holds"]);
}

#[test]
fn an_import_whose_id_is_left_out_creates_nothing() {
    let text = cluster("a", "")
        + &item("i", "\"acct/r1/b\"", "")
        + "import {\n  to = sim_item.i\n  id = \"acct/r1/b/${sim_cluster.a.size}\"\n}\n";
    assert_eq!(planned(&mut Simulation::new(1), &text, &except(&["sim_cluster.a"])), [""; 0]);
}

#[test]
fn addresses_have_to_match_something() {
    let text = keyed("\"x\"", "1");
    for pattern in ["sim_cluster.typo", "sim_cluster.c[\"z\"]", "module.m"] {
        let problems = plan_with(&mut Simulation::new(1), &text, &except(&[pattern])).unwrap_err();
        assert_eq!(problems, ["exclude-matches-nothing"], "{pattern}");
        let problems = plan_with(&mut Simulation::new(1), &text, &only(&[pattern])).unwrap_err();
        assert_eq!(problems, ["target-matches-nothing"], "{pattern}");
    }
}

// A2: an instance that a target needs and nobody recorded used to be skipped with what needs it, in silence.
#[test]
fn a_target_brings_along_the_instances_that_it_needs() {
    let clusters =
        "resource \"sim_cluster\" \"c\" {\n  for_each = toset([\"a\", \"b\", \"d\"])\n  name = each.key\n}\n";
    let expected = ["+ sim_cluster.c[\"a\"]", "+ sim_cluster.c[\"b\"]", "+ sim_item.i"];
    let options = only(&["sim_cluster.c[\"a\"]", "sim_item.i"]);
    for of in ["sim_cluster.c[\"b\"].id", "local.home"] {
        let text = format!("{clusters}{}locals {{\n  home = sim_cluster.c[\"b\"].id\n}}\n", item("i", of, ""));
        assert_eq!(planned(&mut Simulation::new(1), &text, &options), expected, "{of}");
        // What is recorded stays as it is.
        let changed = text.replace("name = each.key", "name = each.key\n  size = 7");
        assert_eq!(planned(&mut world(&text), &changed, &options), ["~ sim_cluster.c[\"a\"]"], "{of}");
    }
    // Through keys, and through a module.
    let keys = "resource \"terrane_data\" \"d\" {\n  count = sim_cluster.c[\"b\"].size\n}\n";
    let text = format!("{clusters}{keys}");
    let found = planned(&mut Simulation::new(1), &text, &only(&["sim_cluster.c[\"a\"]", "terrane_data.d"]));
    assert_eq!(found, ["+ sim_cluster.c[\"a\"]", "+ sim_cluster.c[\"b\"]", "+ terrane_data.d[0]"]);
}

// A5, A7
#[test]
fn drift_of_one_address_is_accepted_alone() {
    let text =
        cluster("a", "size = 1") + &cluster("b", "size = 1") + "output \"size\" {\n  value = sim_cluster.a.size\n}\n";
    let mut sim = world(&text);
    for name in ["a", "b"] {
        let object = sim.cloud.find_mut("cluster", name).unwrap();
        object.attributes.insert("size".into(), terrane_core::Value::int(9));
    }
    let objects = sim.cloud.objects.clone();
    let options = Options { mode: Mode::RefreshOnly, ..only(&["sim_cluster.a"]) };
    let plan = sim.plan(&MemorySources::main(&text), &options).unwrap();
    assert!(plan.steps.is_empty() && !plan.is_empty());
    let drifted: Vec<String> = plan.drift.iter().map(|drift| drift.addr.to_string()).collect();
    assert_eq!(drifted, ["sim_cluster.a"]);
    let outcome = sim.apply(&MemorySources::main(&text), &options, false).unwrap();
    assert!(outcome.problems.is_empty(), "{:?}", outcome.problems);
    sim.saved = None;
    assert_eq!(sim.cloud.objects, objects, "nothing remote is touched");
    let size = |sim: &Simulation, name: &str| {
        sim.state().record(&format!("sim_cluster.{name}").parse().unwrap()).unwrap().seen.get("size").cloned()
    };
    assert_eq!(size(&sim, "a"), Some(terrane_core::Value::int(9)));
    assert_eq!(size(&sim, "b"), Some(terrane_core::Value::int(1)));
    let next = sim.plan(&MemorySources::main(&text), &Options::default()).unwrap();
    assert_eq!(next.drift.len(), 1, "that of b alone: {:?}", next.drift);
    // What was accepted still differs from what is written.
    assert_eq!(lines(&next).len(), 2);
}

// A5
#[test]
fn a_refresh_brings_outputs_up_to_date() {
    let text = cluster("a", "size = 1") + "output \"size\" {\n  value = sim_cluster.a.size\n}\n";
    let mut sim = world(&text);
    sim.cloud.find_mut("cluster", "a").unwrap().attributes.insert("size".into(), terrane_core::Value::int(9));
    let options = Options { mode: Mode::RefreshOnly, ..Options::default() };
    sim.apply(&MemorySources::main(&text), &options, false).unwrap();
    assert_eq!(sim.state().outputs["size"].value, terrane_core::Value::int(9));
}
