//! A5: addresses that change, and blocks that go while their objects stay.

use super::{change, cluster, lines, plan_with, world};
use terrane_core::change::{Action, Reason};
use terrane_core::{Diagnostic, InstanceAddr};
use terrane_plan::plan::Mode;
use terrane_plan::{Entry, Options, Plan, Selection};
use terrane_tests::memory::MemorySources;
use terrane_tests::sim::{CrashAt, Simulation};

fn named(label: &str, more: &str) -> String {
    format!("resource \"sim_cluster\" \"{label}\" {{\n  name = \"a\"\n{more}\n}}\n")
}

fn item(of: &str) -> String {
    format!("resource \"sim_item\" \"i\" {{\n  cluster = {of}.id\n  name = \"i\"\n}}\n")
}

fn moved(from: &str, to: &str) -> String {
    format!("moved {{\n  from = {from}\n  to = {to}\n}}\n")
}

fn removed(from: &str, destroys: bool) -> String {
    format!("removed {{\n  from = {from}\n  lifecycle {{\n    destroy = {destroys}\n  }}\n}}\n")
}

fn addr(text: &str) -> InstanceAddr {
    text.parse().unwrap()
}

fn ids(problems: &[Diagnostic]) -> Vec<&'static str> {
    problems.iter().map(|problem| problem.kind.id).collect()
}

fn plan(sim: &mut Simulation, text: &str) -> Plan {
    sim.plan(&MemorySources::main(text), &Options::default()).unwrap_or_else(|problems| unreachable!("{problems:?}"))
}

fn apply(sim: &mut Simulation, text: &str) {
    let outcome = sim.apply(&MemorySources::main(text), &Options::default(), false).unwrap();
    assert!(outcome.problems.is_empty(), "{:?}", outcome.problems);
    sim.saved = None;
}

#[test]
fn a_moved_block_keeps_its_object_and_what_refers_to_it() {
    let (before, after) = (named("a", "") + &item("sim_cluster.a"), named("b", "") + &item("sim_cluster.b"));
    let mut sim = world(&before);
    let (objects, text) = (sim.cloud.objects.clone(), after.clone() + &moved("sim_cluster.a", "sim_cluster.b"));
    let made = plan(&mut sim, &text);
    assert_eq!(lines(&made), ["sim_cluster.a moves to sim_cluster.b"]);
    assert!(made.steps.is_empty() && !made.is_empty());
    apply(&mut sim, &text);
    assert_eq!(sim.cloud.objects, objects);
    let state = sim.state();
    assert_eq!(state.objects.len(), 2);
    assert_eq!(state.record(&addr("sim_item.i")).unwrap().dependencies, [addr("sim_cluster.b")]);
    for text in [&text, &after] {
        let again = plan(&mut sim, text);
        assert!(again.is_empty() && !again.changes.iter().any(|change| change.is_rerecorded));
    }
}

#[test]
fn without_a_moved_block_a_new_name_is_a_new_object() {
    let plan = change(&named("a", ""), &named("b", "")).unwrap();
    assert_eq!(
        plan,
        ["- sim_cluster.a: it is not in the configuration", "+ sim_cluster.b: it is new in the configuration"]
    );
}

#[test]
fn a_moved_object_is_changed_too() {
    let text = named("b", "size = 4") + &moved("sim_cluster.a", "sim_cluster.b");
    let mut sim = world(&named("a", ""));
    assert_eq!(lines(&plan(&mut sim, &text)), ["~ sim_cluster.a moves to sim_cluster.b: size"]);
    apply(&mut sim, &text);
    assert!(plan(&mut sim, &text).is_empty());
    assert_eq!(sim.state().objects.len(), 1);
}

#[test]
fn chains_are_followed_to_their_end() {
    let text = named("c", "") + &moved("sim_cluster.a", "sim_cluster.b") + &moved("sim_cluster.b", "sim_cluster.c");
    for from in ["a", "b"] {
        assert_eq!(change(&named(from, ""), &text).unwrap(), [format!("sim_cluster.{from} moves to sim_cluster.c")]);
    }
}

/// Data with a value for each key.
fn data(label: &str, repetition: &str) -> String {
    format!("resource \"terrane_data\" \"{label}\" {{\n  {repetition}\n  input = \"x\"\n}}\n")
}

#[test]
fn instances_move_to_keys_and_back() {
    let each = |keys: &str| format!("for_each = toset([{keys}])");
    let plan = change(&data("d", ""), &(data("d", &each("\"k\"")) + &moved("terrane_data.d", "terrane_data.d[\"k\"]")));
    assert_eq!(plan.unwrap(), ["terrane_data.d moves to terrane_data.d[\"k\"]"]);
    let to = data("d", &each("\"k\"")) + &moved("terrane_data.d[1]", "terrane_data.d[\"k\"]");
    let plan = change(&data("d", "count = 2"), &to).unwrap();
    assert_eq!(
        plan,
        [
            "- terrane_data.d[0]: the block is repeated in another way now",
            "terrane_data.d[1] moves to terrane_data.d[\"k\"]"
        ]
    );
    let plan = change(
        &data("d", &each("\"k\", \"l\"")),
        &(data("e", &each("\"k\", \"l\"")) + &moved("terrane_data.d", "terrane_data.e")),
    );
    assert_eq!(
        plan.unwrap(),
        [
            "terrane_data.d[\"k\"] moves to terrane_data.e[\"k\"]",
            "terrane_data.d[\"l\"] moves to terrane_data.e[\"l\"]"
        ]
    );
}

#[test]
fn count_that_comes_or_goes_moves_the_first_instance() {
    let plan = change(&data("d", ""), &data("d", "count = 1")).unwrap();
    assert_eq!(plan, ["terrane_data.d moves to terrane_data.d[0]"]);
    let plan = change(&data("d", "count = 2"), &data("d", "")).unwrap();
    assert_eq!(
        plan,
        ["terrane_data.d[0] moves to terrane_data.d", "- terrane_data.d[1]: the block is repeated in another way now"]
    );
    let plan = change(&data("d", ""), &data("d", "for_each = toset([\"0\"])")).unwrap();
    assert_eq!(plan.len(), 2, "{plan:?}");
}

fn in_modules(calls: &str, inside: &str) -> MemorySources {
    let mut sources = MemorySources::main(calls);
    sources.files.insert("m/main.hcl".into(), inside.into());
    sources
}

fn between(from: &MemorySources, to: &MemorySources) -> Vec<String> {
    let mut sim = Simulation::new(1);
    let outcome = sim.apply(from, &Options::default(), false).unwrap();
    assert!(outcome.problems.is_empty(), "{:?}", outcome.problems);
    lines(&sim.plan(to, &Options::default()).unwrap_or_else(|problems| unreachable!("{problems:?}")))
}

#[test]
fn modules_move_with_all_that_is_in_them() {
    let call = |name: &str, more: &str| format!("module \"{name}\" {{\n  source = \"./m\"\n  {more}\n}}\n");
    let inside = data("d", "count = 2");
    let from = in_modules(&call("a", ""), &inside);
    let to = in_modules(&(call("b", "") + &moved("module.a", "module.b")), &inside);
    assert_eq!(
        between(&from, &to),
        [
            "module.a.terrane_data.d[0] moves to module.b.terrane_data.d[0]",
            "module.a.terrane_data.d[1] moves to module.b.terrane_data.d[1]"
        ]
    );
    let keyed = in_modules(&(call("a", "for_each = toset([\"x\"])") + &moved("module.a", "module.a[\"x\"]")), &inside);
    assert_eq!(between(&from, &keyed)[0], "module.a.terrane_data.d[0] moves to module.a[\"x\"].terrane_data.d[0]");
    let counted = in_modules(&call("a", "count = 1"), &inside);
    assert_eq!(between(&from, &counted)[1], "module.a.terrane_data.d[1] moves to module.a[0].terrane_data.d[1]");
    // A block inside of a module is about each instance of it.
    let renamed =
        in_modules(&call("a", "count = 1"), &(data("e", "count = 2") + &moved("terrane_data.d", "terrane_data.e")));
    assert_eq!(between(&counted, &renamed)[0], "module.a[0].terrane_data.d[0] moves to module.a[0].terrane_data.e[0]");
    let out = in_modules(&(data("d", "count = 2") + &moved("module.a.terrane_data.d", "terrane_data.d")), "");
    assert_eq!(between(&from, &out)[0], "module.a.terrane_data.d[0] moves to terrane_data.d[0]");
}

#[test]
fn what_cannot_be_followed_is_refused() {
    let refused = |text: &str| change(&data("a", ""), text).unwrap_err();
    assert_eq!(
        refused(&(data("a", "") + &data("b", "") + &moved("terrane_data.a", "terrane_data.b"))),
        ["move-source-declared"]
    );
    let both = moved("terrane_data.a", "terrane_data.b") + &moved("terrane_data.a", "terrane_data.c");
    assert_eq!(refused(&(data("b", "") + &data("c", "") + &both)), ["move-ambiguous"]);
    let one = moved("terrane_data.a", "terrane_data.c") + &moved("terrane_data.b", "terrane_data.c");
    assert_eq!(refused(&(data("c", "") + &one)), ["move-ambiguous"]);
    let round = moved("terrane_data.a", "terrane_data.b") + &moved("terrane_data.b", "terrane_data.a");
    assert_eq!(refused(&round), ["move-cycle"]);
    assert_eq!(refused(&moved("terrane_data.a", "terrane_data.a")), ["move-cycle"]);
    assert_eq!(refused(&(named("b", "") + &moved("terrane_data.a", "sim_cluster.b"))), ["move-type-changed"]);
    assert_eq!(refused(&moved("module.a", "terrane_data.b")), ["move-type-changed"]);
    assert_eq!(refused(&moved("terrane_data.a.id", "terrane_data.b")), ["address-wanted"]);
    assert_eq!(refused(&moved("terrane_data.a[var.x]", "terrane_data.b")), ["address-wanted"]);
    let keyed = data("a", "count = 2") + &data("b", "") + &moved("terrane_data.a[1]", "terrane_data.b");
    let problems = change(&data("a", "count = 2"), &keyed).unwrap_err();
    assert_eq!(problems, ["move-source-declared"]);
}

#[test]
fn an_occupied_address_stays_as_it_is() {
    let text = data("b", "") + &moved("terrane_data.a", "terrane_data.b");
    let mut sim = world(&(data("a", "") + &data("b", "")));
    let outcome = sim.outcome(&MemorySources::main(&text), &Options::default());
    assert_eq!(ids(&outcome.problems), ["move-blocked"]);
    assert_eq!(lines(&outcome.plan.unwrap()), ["- terrane_data.a: it is not in the configuration"]);
}

#[test]
fn a_move_to_nowhere_destroys() {
    let plan = change(&data("a", ""), &moved("terrane_data.a", "terrane_data.b")).unwrap();
    assert_eq!(
        plan,
        ["- terrane_data.a moves to terrane_data.b: it was moved to an address that is not in the configuration"]
    );
}

// What refers to a moved object is recorded with it or not at all, whatever is targeted.
#[test]
fn a_move_is_recorded_though_others_are_targeted() {
    let before = named("a", "") + &item("sim_cluster.a") + &cluster("z", "");
    let text = named("b", "size = 4")
        + &item("sim_cluster.b")
        + &cluster("z", "size = 4")
        + &moved("sim_cluster.a", "sim_cluster.b");
    let targets = vec!["sim_cluster.z".parse().unwrap()];
    for options in [
        Options { selection: Selection::Only(targets), ..Options::default() },
        Options { selection: Selection::AllBut(vec!["sim_cluster.b".parse().unwrap()]), ..Options::default() },
    ] {
        let mut sim = world(&before);
        let plan = plan_with(&mut sim, &text, &options).unwrap();
        assert_eq!(plan, ["sim_cluster.a moves to sim_cluster.b", "~ sim_cluster.z: size"]);
        let outcome = sim.apply(&MemorySources::main(&text), &options, false).unwrap();
        assert!(outcome.problems.is_empty(), "{:?}", outcome.problems);
        sim.saved = None;
        // The item was left alone, and still names the old address; nothing is lost when both go.
        assert_eq!(sim.state().record(&addr("sim_item.i")).unwrap().dependencies, [addr("sim_cluster.a")]);
        let gone = cluster("z", "size = 4") + &moved("sim_cluster.a", "sim_cluster.b");
        let made = sim.plan(&MemorySources::main(&gone), &Options::default()).unwrap();
        assert_eq!(terrane_plan::audit::findings(&made), Vec::<String>::new());
        let item = made.changes.iter().find(|change| change.addr == addr("sim_item.i")).unwrap();
        assert_eq!(item.dependencies, [addr("sim_cluster.b")]);
    }
}

#[test]
fn a_refresh_records_a_move() {
    let mut sim = world(&named("a", ""));
    let text = named("b", "size = 9") + &moved("sim_cluster.a", "sim_cluster.b");
    let options = Options { mode: Mode::RefreshOnly, ..Options::default() };
    assert_eq!(plan_with(&mut sim, &text, &options).unwrap(), ["sim_cluster.a moves to sim_cluster.b"]);
    sim.apply(&MemorySources::main(&text), &options, false).unwrap();
    assert!(sim.state().record(&addr("sim_cluster.b")).is_some() && sim.state().objects.len() == 1);
}

// A11
#[test]
fn a_move_that_stops_between_its_entries_is_finished_and_destroys_nothing() {
    let mut sim = world(&named("a", ""));
    let record = sim.state().record(&addr("sim_cluster.a")).unwrap().clone();
    let twin = terrane_plan::Recorded { addr: addr("sim_cluster.b"), ..(*record).clone() };
    sim.log.push(Entry::Record { step: None, record: Box::new(twin) });
    let text = named("b", "") + &moved("sim_cluster.a", "sim_cluster.b");
    let made = plan(&mut sim, &text);
    assert_eq!(lines(&made), [". sim_cluster.a: it is recorded at its new address already"]);
    apply(&mut sim, &text);
    assert_eq!((sim.state().objects.len(), sim.cloud.objects.len()), (1, 2));
}

// A11
#[test]
fn a_move_that_stops_anywhere_is_finished_by_the_next_run() {
    let text = named("b", "size = 4")
        + &item("sim_cluster.b")
        + &moved("sim_cluster.a", "sim_cluster.b")
        + &removed("sim_item.old", false);
    let before = named("a", "") + &item("sim_cluster.a") + &item("sim_cluster.a").replace("\"i\"", "\"old\"");
    let mut whole = world(&before);
    apply(&mut whole, &text);
    for at in 1..=whole.points {
        for goes_on in [false, true] {
            let mut sim = world(&before);
            sim.saved = None;
            sim.crash_at = Some(CrashAt(at));
            let _stopped = sim.apply(&MemorySources::main(&text), &Options::default(), false);
            sim.lose_memory();
            sim.crash_at = None;
            let outcome = sim.apply(&MemorySources::main(&text), &Options::default(), goes_on).unwrap();
            assert!(outcome.problems.is_empty(), "stopped at {at}: {:?}", outcome.problems);
            sim.saved = None;
            assert!(plan(&mut sim, &text).is_empty(), "stopped at {at}");
            let count = |kind: &str| sim.cloud.objects.iter().filter(|object| object.kind == kind).count();
            assert_eq!((count("cluster"), count("item"), sim.state().objects.len()), (1, 2, 2), "stopped at {at}");
        }
    }
}

#[test]
fn a_removed_block_forgets_or_destroys() {
    let text = removed("sim_cluster.a", false);
    let mut sim = world(&cluster("a", ""));
    let made = plan(&mut sim, &text);
    assert_eq!(lines(&made), [". sim_cluster.a: a removed block says that it stays"]);
    assert_eq!((made.counts().forget, made.steps.len(), made.is_empty()), (1, 0, false));
    let objects = sim.cloud.objects.clone();
    apply(&mut sim, &text);
    assert_eq!((sim.state().objects.len(), sim.cloud.objects == objects), (0, true));
    assert!(plan(&mut sim, &text).is_empty());
    let plan = change(&cluster("a", ""), &removed("sim_cluster.a", true)).unwrap();
    assert_eq!(plan, ["- sim_cluster.a: it is not in the configuration"]);
}

#[test]
fn a_removed_block_is_about_all_instances_and_modules() {
    let made = world(&data("d", "count = 2"))
        .plan(&MemorySources::main(&removed("terrane_data.d", false)), &Options::default());
    let made = made.unwrap();
    assert!(made.changes.len() == 2 && made.changes.iter().all(|change| change.reasons == [Reason::Removed]));
    let call = "module \"m\" {\n  source = \"./m\"\n  count = 2\n}\n";
    let from = in_modules(call, &data("d", ""));
    let to = in_modules(&removed("module.m", false), "");
    assert!(between(&from, &to).iter().all(|line| line.starts_with(". module.m[")));
}

#[test]
fn what_a_removed_block_forgets_is_not_read() {
    let mut sim = world(&cluster("a", "lifecycle { prevent_destroy = true }"));
    sim.cloud.objects.clear();
    let made = plan(&mut sim, &removed("sim_cluster.a", false));
    assert_eq!(made.changes[0].action, Action::Forget);
    assert_eq!(made.changes[0].reasons, [Reason::Removed]);
}

#[test]
fn protection_outlives_a_removed_block_that_destroys() {
    let protected = cluster("a", "lifecycle { prevent_destroy = true }");
    assert_eq!(change(&protected, &removed("sim_cluster.a", true)).unwrap_err(), ["destroy-prevented"]);
}

#[test]
fn a_removed_block_that_says_too_little_or_too_much_is_refused() {
    let refused = |text: &str| change(&data("a", ""), text).unwrap_err();
    assert_eq!(refused(&(data("a", "") + &removed("terrane_data.a", false))), ["removed-still-declared"]);
    assert_eq!(refused("removed {\n  from = terrane_data.a\n}\n"), ["missing-argument"]);
    assert_eq!(refused("removed {\n  from = terrane_data.a\n  lifecycle {\n  }\n}\n"), ["missing-argument"]);
    assert_eq!(refused(&removed("terrane_data.a[0]", false)), ["address-wanted"]);
    assert_eq!(
        refused(&(removed("terrane_data.a", false) + &removed("terrane_data.a", true))),
        ["duplicate-declaration"]
    );
}

#[test]
fn destroying_everything_forgets_what_is_to_stay() {
    let text = cluster("b", "") + &removed("sim_cluster.a", false);
    let options = Options { mode: Mode::Destroy, ..Options::default() };
    let plan = plan_with(&mut world(&(cluster("a", "") + &cluster("b", ""))), &text, &options).unwrap();
    assert_eq!(plan, [". sim_cluster.a: a removed block says that it stays", "- sim_cluster.b: destroy was asked for"]);
}
