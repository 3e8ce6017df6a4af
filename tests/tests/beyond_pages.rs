//! E1: problems that no page of docs/diagnostics can show by itself, because a provider, a state or an earlier run has
//! to be wrong for them. Each is made the cheapest way, in memory.

#![expect(clippy::unwrap_used, reason = "a broken harness ends the suite")]

use std::sync::Arc;
use terrane_core::{Diagnostic, Place, Value};
use terrane_plan::planner::Task;
use terrane_plan::schedule::RunOptions;
use terrane_plan::{Completed, Effect, Options, Plan, Schedule, State};
use terrane_provider::{Fault, Registry};
use terrane_tests::memory::MemorySources;
use terrane_tests::sim::{CrashAt, Simulation};

const ITEM: &str = "resource \"sim_cluster\" \"a\" {\n  name = \"a\"\n}\n\
    resource \"sim_item\" \"i\" {\n  cluster = sim_cluster.a.id\n  name = \"i\"\n  sort = \"round\"\n}\n";

fn ids(problems: &[Diagnostic]) -> Vec<&'static str> {
    problems.iter().map(|problem| problem.kind.id).collect()
}

fn applied(text: &str) -> Simulation {
    let mut sim = Simulation::new(1);
    let outcome = sim.apply(&MemorySources::main(text), &Options::default(), false).unwrap();
    assert_eq!(ids(&outcome.problems), [""; 0]);
    sim
}

fn refused(sim: &mut Simulation, text: &str) -> Vec<&'static str> {
    ids(&sim.plan(&MemorySources::main(text), &Options::default()).unwrap_err())
}

/// The log with one text in place of another.
fn edit(sim: &mut Simulation, from: &str, to: &str) {
    let log = serde_json::to_string(&sim.log).unwrap();
    assert!(log.contains(from), "{log}");
    sim.log = serde_json::from_str(&log.replace(from, to)).unwrap();
}

#[test]
fn a_change_that_no_replacement_can_make_is_refused() {
    assert_eq!(refused(&mut applied(ITEM), &ITEM.replace("round", "square")), ["change-refused"]);
}

#[test]
fn drift_that_only_a_replacement_undoes_is_not_reverted() {
    let text = "resource \"sim_cluster\" \"a\" {\n  name = \"a\"\n  zone = \"here\"\n}\n";
    let mut sim = applied(text);
    sim.cloud.find_mut("cluster", "a").unwrap().attributes.insert("zone".into(), Value::string("there"));
    let task = Task::Revert(vec!["sim_cluster.a".parse().unwrap()]);
    let problems = sim.plan(&MemorySources::main(text), &Options { task, ..Options::default() }).unwrap_err();
    assert_eq!(ids(&problems), ["revert-replaces"]);
}

#[test]
fn an_object_that_comes_out_other_than_planned_is_told() {
    let mut sim = Simulation::new(1);
    sim.cloud.note = Some(Value::string("loud"));
    let text = ITEM.replace("sort", "note");
    let outcome = sim.apply(&MemorySources::main(&text), &Options::default(), false).unwrap();
    assert_eq!(ids(&outcome.problems), ["inconsistent-result"]);
}

#[test]
fn an_object_with_the_mark_of_somebody_else_leaves_recovery_unclear() {
    let stopped = |at| {
        let mut sim = Simulation::new(1);
        sim.crash_at = Some(CrashAt(at));
        let _stopped = sim.apply(&MemorySources::main(ITEM), &Options::default(), false);
        sim.lose_memory();
        sim
    };
    let is_half_done = |sim: &Simulation| !sim.state().intents.is_empty() && !sim.cloud.objects.is_empty();
    let mut sim = (1..100).map(stopped).find(is_half_done).unwrap();
    sim.cloud.objects[0].intent = "somebody else".into();
    assert_eq!(refused(&mut sim, ITEM), ["recovery-unclear"]);
}

#[test]
fn a_recorded_object_of_a_type_that_is_not_linked_stops_the_plan() {
    let mut sim = applied(ITEM);
    edit(&mut sim, "sim_item", "old_item");
    assert_eq!(refused(&mut sim, ""), ["type-not-linked"]);
}

#[test]
fn records_that_refer_to_each_other_make_an_order_cycle() {
    let data = |name: &str, input: &str| format!("resource \"terrane_data\" \"{name}\" {{\n  input = {input}\n}}\n");
    let text = data("c", "1") + &data("a", "terrane_data.c.id") + &data("b", "terrane_data.a.id");
    let mut sim = applied(&text);
    edit(&mut sim, "\"dependencies\":[\"terrane_data.c\"]", "\"dependencies\":[\"terrane_data.b\"]");
    assert_eq!(refused(&mut sim, ""), ["order-cycle"]);
}

#[test]
fn a_mistake_of_a_provider_is_told_as_one() {
    assert_eq!(ids(&[terrane_plan::diag::fault(&Fault::bug("sim", "no such step"), Place::Run)]), ["provider-bug"]);
}

/// A plan for a configuration of `terrane_data` alone, one text in it replaced by another.
fn edited(text: &str, replacement: Option<(&str, &str)>) -> Plan {
    let plan = Simulation::new(1).plan(&MemorySources::main(text), &Options::default()).unwrap();
    let Some((from, to)) = replacement else { return plan };
    let json = serde_json::to_string(&plan).unwrap();
    assert!(json.contains(from), "{json}");
    serde_json::from_str(&json.replace(from, to)).unwrap()
}

/// The problems of applying a plan up to the first call of a provider. Writes come to `written`.
fn applying(plan: Plan, written: Result<(), terrane_core::Text>) -> Vec<&'static str> {
    let registry = Registry::new(vec![terrane_builtin::provider()]);
    let sources = MemorySources::default();
    let options = RunOptions {
        parallelism: 1,
        by: "me".into(),
        at: "2026-01-01T00:00:00Z".into(),
        new_lineage: "l".into(),
        clock_rate: 1,
        variables: std::collections::BTreeMap::new(),
    };
    let mut schedule = Schedule::new(Arc::new(plan), State::default(), &registry, &sources, options).unwrap();
    for _ in 0..10 {
        for effect in schedule.next(0) {
            if let Effect::Write { ticket, .. } = effect {
                schedule.record(ticket, Completed::Written(written.clone()), 0);
            }
        }
    }
    ids(schedule.problems())
}

#[test]
fn a_state_that_cannot_be_written_stops_the_run() {
    let plan = edited("resource \"terrane_data\" \"a\" {}\n", None);
    assert_eq!(applying(plan, Err("the disk is full".into())), ["state-not-written"]);
}

#[test]
fn a_function_that_nobody_knows_is_a_broken_residual() {
    let text = "resource \"terrane_data\" \"a\" {\n  input = upper(timestamp())\n}\n";
    assert_eq!(applying(edited(text, Some(("\"upper\"", "\"uper\""))), Ok(())), ["broken-residual"]);
}

#[test]
fn a_value_that_no_step_brings_is_unknown_to_its_step() {
    let text =
        "resource \"terrane_data\" \"a\" {}\nresource \"terrane_data\" \"b\" {\n  input = terrane_data.a.id\n}\n";
    let mut plan = edited(text, None);
    plan.steps.remove(0);
    plan.steps[0].after.clear();
    assert_eq!(applying(plan, Ok(())), ["step-value-unknown"]);
}
