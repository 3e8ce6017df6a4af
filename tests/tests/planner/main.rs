//! A2: what the planner decides, and why, against a cloud in memory.

#![expect(clippy::unwrap_used, reason = "a broken harness ends the suite")]

mod changed;
mod conditions;
mod excludes;
mod imports;
mod moves;

use terrane_core::change::{Action, Reason};
use terrane_plan::plan::{Mode, Phase, Step};
use terrane_plan::state::{Entry, Recorded};
use terrane_plan::{Options, Plan, Selection};
use terrane_tests::memory::MemorySources;
use terrane_tests::sim::Simulation;

/// The plan as short lines: action, address, leaves or reason.
fn lines(plan: &Plan) -> Vec<String> {
    let changes = plan.changes.iter().filter(|change| change.is_change());
    changes
        .map(|change| {
            let from = change.moved_from.as_ref().map(|from| format!("{from} moves to ")).unwrap_or_default();
            let import = change.importing.as_ref().map(|id| format!("import {id} as ")).unwrap_or_default();
            if change.action == Action::NoOp {
                return format!("{from}{import}{}", change.addr);
            }
            let leaves: Vec<String> = change.leaves.iter().map(|leaf| leaf.path.to_string()).collect();
            let why = if leaves.is_empty() { change.reasons[0].to_string() } else { leaves.join(", ") };
            format!("{} {from}{import}{}: {why}", change.action.symbol(), change.addr)
        })
        .collect()
}

fn world(text: &str) -> Simulation {
    let mut sim = Simulation::new(1);
    let outcome = sim.apply(&MemorySources::main(text), &Options::default(), false).unwrap();
    assert!(outcome.problems.is_empty(), "{:?}", outcome.problems);
    sim.cloud.advance(sim.cloud.now_ms + 1_000_000);
    sim
}

fn plan_with(sim: &mut Simulation, text: &str, options: &Options) -> Result<Vec<String>, Vec<&'static str>> {
    match sim.plan(&MemorySources::main(text), options) {
        Ok(plan) => {
            assert_eq!(terrane_plan::audit::findings(&plan), Vec::<String>::new());
            Ok(lines(&plan))
        }
        Err(problems) => Err(problems.iter().map(|problem| problem.kind.id).collect()),
    }
}

/// What a change from one configuration to another plans.
fn change(from: &str, to: &str) -> Result<Vec<String>, Vec<&'static str>> {
    plan_with(&mut world(from), to, &Options::default())
}

fn cluster(name: &str, more: &str) -> String {
    format!("resource \"sim_cluster\" \"{name}\" {{\n  name = \"{name}\"\n{more}\n}}\n")
}

#[test]
fn a_new_block_is_created() {
    let plan = plan_with(&mut Simulation::new(1), &cluster("a", ""), &Options::default());
    assert_eq!(plan.unwrap(), ["+ sim_cluster.a: it is new in the configuration"]);
}

/// A world in which the cluster `a` is tainted.
fn tainted(text: &str) -> Simulation {
    let mut sim = world(text);
    let record = sim.state().record(&"sim_cluster.a".parse().unwrap()).unwrap().clone();
    let record = Box::new(Recorded { tainted: true, ..(*record).clone() });
    sim.log.push(Entry::Record { step: None, record });
    sim
}

// A5
#[test]
fn a_tainted_object_is_replaced_once() {
    let text = cluster("a", "");
    let mut sim = tainted(&text);
    assert_eq!(plan_with(&mut sim, &text, &Options::default()).unwrap_err(), ["cluster-replace-refused"]);
    let meant = Options { allow_replace: vec!["sim_cluster.a".parse().unwrap()], ..Options::default() };
    let plan = sim.plan(&MemorySources::main(&text), &meant).unwrap();
    assert_eq!((plan.changes[0].action.symbol(), &plan.changes[0].reasons), ("-/+", &vec![Reason::Tainted]));
    let outcome = sim.apply(&MemorySources::main(&text), &meant, false).unwrap();
    assert!(outcome.problems.is_empty(), "{:?}", outcome.problems);
    sim.cloud.advance(sim.cloud.now_ms + 1_000_000);
    assert!(plan_with(&mut sim, &text, &Options::default()).unwrap().is_empty());
}

// A5
#[test]
fn what_is_only_refreshed_stays_tainted() {
    let text = cluster("a", "");
    let mut sim = tainted(&text);
    let refresh = Options { mode: Mode::RefreshOnly, ..Options::default() };
    sim.apply(&MemorySources::main(&text), &refresh, false).unwrap();
    assert!(sim.state().record(&"sim_cluster.a".parse().unwrap()).unwrap().tainted);
}

#[test]
fn nothing_changes_when_nothing_changed() {
    let text = cluster("a", "size = 2\ntags = { x = \"y\" }");
    assert!(change(&text, &text).unwrap().is_empty());
}

#[test]
fn changed_arguments_are_updated_leaf_by_leaf() {
    let plan = change(
        &cluster("a", "size = 1\ntags = { x = \"1\", y = \"2\" }"),
        &cluster("a", "size = 2\ntags = { x = \"1\", y = \"3\" }"),
    );
    assert_eq!(plan.unwrap(), ["~ sim_cluster.a: size, tags.y"]);
}

#[test]
fn an_argument_left_out_goes_back_to_its_default() {
    assert_eq!(change(&cluster("a", "size = 2"), &cluster("a", "")).unwrap(), ["~ sim_cluster.a: size"]);
}

#[test]
fn replacing_a_cluster_is_refused_until_it_is_allowed() {
    let (from, to) = (cluster("a", "zone = \"x\""), cluster("a", "zone = \"y\""));
    assert_eq!(change(&from, &to).unwrap_err(), ["cluster-replace-refused"]);
    let options = Options { allow_replace: vec!["sim_cluster.a".parse().unwrap()], ..Options::default() };
    assert_eq!(plan_with(&mut world(&from), &to, &options).unwrap(), ["-/+ sim_cluster.a: zone, network"]);
}

// A2
#[test]
fn what_lives_in_a_replaced_cluster_is_replaced_with_it() {
    let text = |zone: &str| {
        let item = "resource \"sim_item\" \"i\" {\n  cluster = sim_cluster.a.id\n  name = \"i\"\n}\n";
        format!("{}{item}", cluster("a", &format!("zone = \"{zone}\"")))
    };
    let options = Options { allow_replace: vec!["sim_cluster.a".parse().unwrap()], ..Options::default() };
    let plan = plan_with(&mut world(&text("x")), &text("y"), &options).unwrap();
    assert_eq!(plan, ["-/+ sim_cluster.a: zone, network", "-/+ sim_item.i: sim_cluster.a goes"]);
}

// A2, A3
#[test]
fn what_moves_to_another_cluster_leaves_before_the_old_one_goes() {
    let item = |of: &str| {
        format!(
            "resource \"sim_item\" \"i\" {{\n  cluster = sim_cluster.{of}.id\n  name = \"i\"\n}}\n{}",
            cluster(of, "")
        )
    };
    let plan = world(&item("a")).plan(&MemorySources::main(&item("b")), &Options::default()).unwrap();
    assert_eq!(terrane_plan::audit::findings(&plan), Vec::<String>::new());
    let at = |addr: &str, phase: Phase| {
        let is_meant = |step: &Step| {
            step.phase == phase
                && step.change.is_some_and(|c| plan.changes[usize::try_from(c).unwrap()].addr.to_string() == addr)
        };
        plan.steps.iter().position(is_meant).unwrap()
    };
    let (item_goes, cluster_goes) = (at("sim_item.i", Phase::Destroy), at("sim_cluster.a", Phase::Destroy));
    let mut before = vec![cluster_goes];
    let mut all = Vec::new();
    while let Some(step) = before.pop() {
        all.push(step);
        before.extend(plan.steps[step].after.iter().map(|step| usize::try_from(*step).unwrap()));
    }
    assert!(all.contains(&item_goes), "{:?}", plan.steps);
}

#[test]
fn a_removed_block_is_destroyed() {
    assert_eq!(change(&cluster("a", ""), "").unwrap(), ["- sim_cluster.a: it is not in the configuration"]);
}

#[test]
fn a_smaller_count_destroys_the_last() {
    let text =
        |count: u32| format!("resource \"terrane_data\" \"d\" {{\n  count = {count}\n  input = count.index\n}}\n");
    assert_eq!(change(&text(3), &text(2)).unwrap(), ["- terrane_data.d[2]: its index is out of range for count"]);
}

#[test]
fn a_missing_key_destroys_its_instance() {
    let text = |keys: &str| {
        format!("resource \"terrane_data\" \"d\" {{\n  for_each = {{ {keys} }}\n  input = each.value\n}}\n")
    };
    let plan = change(&text("a = 1, b = 2"), &text("b = 2")).unwrap();
    assert_eq!(plan, ["- terrane_data.d[\"a\"]: its key is not in for_each"]);
}

#[test]
fn a_list_in_for_each_is_refused_once_whoever_sees_it_first() {
    let block = |keys: &str| format!("resource \"terrane_data\" \"d\" {{\n  for_each = {keys}\n}}\n");
    let of_variable = format!("variable \"names\" {{\n  default = [\"a\"]\n}}\n{}", block("var.names"));
    for text in [block("[\"a\"]"), of_variable] {
        let problems = plan_with(&mut Simulation::new(1), &text, &Options::default()).unwrap_err();
        assert_eq!(problems, ["for-each-invalid"], "{text}");
    }
}

#[test]
fn protection_survives_the_removal_of_its_block() {
    let protected = cluster("a", "lifecycle { prevent_destroy = true }");
    let mut sim = world(&protected);
    assert_eq!(plan_with(&mut sim, "", &Options::default()).unwrap_err(), ["destroy-prevented"]);
    let allowed = Options { allow_destroy: vec!["sim_cluster.a".parse().unwrap()], ..Options::default() };
    assert_eq!(plan_with(&mut sim, "", &allowed).unwrap(), ["- sim_cluster.a: it is not in the configuration"]);
    let lifted = plan_with(&mut sim, &cluster("a", "lifecycle { prevent_destroy = false }"), &Options::default());
    assert_eq!(lifted.unwrap(), ["~ sim_cluster.a: lifecycle.prevent_destroy"]);
}

#[test]
fn ignored_changes_are_not_planned() {
    let to = cluster("a", "size = 5\ntags = { x = \"2\" }\nlifecycle { ignore_changes = [tags] }");
    assert_eq!(change(&cluster("a", "size = 1\ntags = { x = \"1\" }"), &to).unwrap(), ["~ sim_cluster.a: size"]);
}

#[test]
fn a_trigger_replaces() {
    let text = |n: u32| {
        format!(
            "resource \"terrane_data\" \"a\" {{\n  input = {n}\n}}\nresource \"terrane_data\" \"b\" {{\n  lifecycle {{ replace_triggered_by = [terrane_data.a] }}\n}}\n"
        )
    };
    let plan = change(&text(1), &text(2)).unwrap();
    assert_eq!(plan, ["~ terrane_data.a: input", "-/+ terrane_data.b: replace_triggered_by: terrane_data.a changes"]);
}

#[test]
fn a_target_takes_what_it_refers_to_and_leaves_the_rest() {
    let text = format!(
        "{}{}resource \"sim_item\" \"i\" {{\n  cluster = sim_cluster.a.id\n  name = \"i\"\n}}\n",
        cluster("a", ""),
        cluster("b", "")
    );
    let options = Options { selection: Selection::Only(vec!["sim_item.i".parse().unwrap()]), ..Options::default() };
    let plan = plan_with(&mut Simulation::new(1), &text, &options).unwrap();
    assert_eq!(plan.len(), 2);
    let nothing = Options { selection: Selection::Only(vec!["sim_item.typo".parse().unwrap()]), ..Options::default() };
    assert_eq!(plan_with(&mut Simulation::new(1), &text, &nothing).unwrap_err(), ["target-matches-nothing"]);
}

/// Two clusters with an item each; the items are one block.
fn homes(zone: &str, note: &str) -> String {
    let items = format!(
        "resource \"sim_item\" \"i\" {{\n  for_each = {{ x = sim_cluster.a.id, y = sim_cluster.b.id }}\n  cluster = each.value\n  name = each.key\n  note = local.note\n}}\nlocals {{\n  note = \"{note}\"\n}}\n"
    );
    format!("{}{}{items}", cluster("a", &format!("zone = \"{zone}\"")), cluster("b", ""))
}

// A2
#[test]
fn a_target_has_the_provider_blocks_with_what_they_refer_to() {
    let provider =
        "variable \"v\" {\n  default = \"x\"\n}\nlocals {\n  l = var.v\n}\nprovider \"sim\" {\n  note = local.l\n}\n";
    let text = format!("{provider}{}{}", cluster("a", ""), cluster("b", ""));
    let options = Options { selection: Selection::Only(vec!["sim_cluster.a".parse().unwrap()]), ..Options::default() };
    let plan = plan_with(&mut Simulation::new(1), &text, &options);
    assert_eq!(plan.unwrap(), ["+ sim_cluster.a: it is new in the configuration"]);
}

#[test]
fn a_targeted_replacement_takes_along_what_lives_there_and_no_more() {
    let target = |targets: &[&str]| Options {
        selection: Selection::Only(targets.iter().map(|target| target.parse().unwrap()).collect()),
        allow_replace: vec!["sim_cluster.a".parse().unwrap()],
        ..Options::default()
    };
    let replaced = ["-/+ sim_cluster.a: zone, network", "-/+ sim_item.i[\"x\"]: note"];
    for targets in [&["sim_cluster.a"] as &[&str], &["sim_cluster.a", "sim_item.i[\"x\"]"]] {
        let plan = plan_with(&mut world(&homes("1", "old")), &homes("2", "new"), &target(targets));
        assert_eq!(plan.unwrap(), replaced, "{targets:?}");
    }
    let plan = plan_with(&mut world(&homes("1", "old")), &homes("1", "new"), &target(&["sim_cluster.a"]));
    assert_eq!(plan.unwrap(), [""; 0], "nothing is replaced, so nothing is taken along");

    let other = target(&["sim_cluster.a", "sim_item.i[\"y\"]"]);
    let plan = plan_with(&mut world(&homes("1", "old")), &homes("2", "new"), &other).unwrap();
    assert_eq!(plan, [replaced[0], replaced[1], "~ sim_item.i[\"y\"]: note"]);
}

// A2
#[test]
fn a_targeted_cluster_that_goes_takes_along_what_lives_there() {
    let gone = ["- sim_cluster.a: it is not in the configuration", "- sim_item.i[\"x\"]: its key is not in for_each"];
    let targets = vec!["sim_cluster.a".parse().unwrap()];
    let options = Options { selection: Selection::Only(targets.clone()), ..Options::default() };
    let left = homes("1", "old").replace("x = sim_cluster.a.id, ", "").replace(&cluster("a", "zone = \"1\""), "");
    assert_eq!(plan_with(&mut world(&homes("1", "old")), &left, &options).unwrap(), gone);

    let options = Options { mode: Mode::Destroy, selection: Selection::Only(targets), ..Options::default() };
    let plan = plan_with(&mut world(&homes("1", "old")), &homes("1", "old"), &options).unwrap();
    assert_eq!(plan, ["- sim_cluster.a: destroy was asked for", "- sim_item.i[\"x\"]: sim_cluster.a goes"]);
}

#[test]
fn destroy_takes_everything_recorded() {
    let text = cluster("a", "");
    let options = Options { mode: Mode::Destroy, ..Options::default() };
    assert_eq!(plan_with(&mut world(&text), &text, &options).unwrap(), ["- sim_cluster.a: destroy was asked for"]);
}

#[test]
fn what_somebody_else_changed_is_drift_and_is_repaired() {
    let text = cluster("a", "size = 2");
    let mut sim = world(&text);
    sim.cloud.find_mut("cluster", "a").unwrap().attributes.insert("size".into(), terrane_core::Value::int(9));
    let plan = sim.plan(&MemorySources::main(&text), &Options::default()).unwrap();
    assert_eq!(plan.drift.len(), 1);
    assert_eq!(plan.drift[0].leaves[0].path.to_string(), "size");
    assert_eq!(lines(&plan), ["~ sim_cluster.a: size"]);
    assert!(plan.changes[0].leaves[0].is_repair);
}

#[test]
fn what_the_remote_side_chose_is_not_drift() {
    let text = cluster("a", "");
    let mut sim = world(&text);
    let other = terrane_core::Value::string("other");
    sim.cloud.find_mut("cluster", "a").unwrap().attributes.insert("network".into(), other);
    let plan = sim.plan(&MemorySources::main(&text), &Options::default()).unwrap();
    assert!(plan.drift.is_empty() && plan.is_empty());
}

#[test]
fn an_object_that_is_gone_is_made_again() {
    let text = cluster("a", "");
    let mut sim = world(&text);
    sim.cloud.objects.clear();
    let plan = sim.plan(&MemorySources::main(&text), &Options::default()).unwrap();
    assert!(plan.drift[0].is_gone);
    assert_eq!(lines(&plan), ["+ sim_cluster.a: the remote side does not have it any more"]);
}

#[test]
fn a_stale_plan_is_refused() {
    let text = cluster("a", "");
    let mut sim = world(&text);
    let bigger = MemorySources::main(&cluster("a", "size = 3"));
    let plan = sim.plan(&bigger, &Options::default()).unwrap();
    assert_eq!(sim.refusal(plan.clone(), &bigger), None);
    let outcome = sim.apply(&bigger, &Options::default(), false).unwrap();
    assert!(outcome.problems.is_empty());
    assert_eq!(sim.refusal(plan, &bigger), Some("plan-stale"));
}

#[test]
fn a_refresh_goes_past_what_is_not_there_yet() {
    let text = format!(
        "{}resource \"sim_item\" \"i\" {{\n  cluster = sim_cluster.a.id\n  name = \"i\"\n  note = \"${{sim_cluster.a.endpoint}}\"\n}}\n",
        cluster("a", "")
    );
    let options = Options { mode: Mode::RefreshOnly, ..Options::default() };
    assert!(plan_with(&mut Simulation::new(1), &text, &options).unwrap().is_empty());
}

#[test]
fn giving_a_leaf_back_is_a_line_of_the_plan() {
    let plan =
        world(&cluster("a", "network = \"n\"")).plan(&MemorySources::main(&cluster("a", "")), &Options::default());
    let plan = plan.unwrap();
    assert_eq!(plan.changes[0].handed_over.len(), 1);
    assert!(plan.changes[0].leaves.is_empty());
}

#[test]
fn the_same_input_gives_the_same_plan_bytes() {
    let text = format!("{}{}", cluster("a", "size = 2"), cluster("b", "tags = { above = sim_cluster.a.endpoint }"));
    let texts: Vec<String> = (1..6)
        .map(|seed| {
            let plan = Simulation::new(seed).plan(&MemorySources::main(&text), &Options::default()).unwrap();
            serde_json::to_string(&plan).unwrap()
        })
        .collect();
    assert!(texts.windows(2).all(|pair| pair[0] == pair[1]));
}

/// The instances that `addr` refers to directly.
fn dependencies(files: &[(&str, &str)], addr: &str) -> Vec<String> {
    let files = files.iter().map(|(name, text)| ((*name).into(), (*text).into())).collect();
    let sources = MemorySources { files, ..MemorySources::default() };
    let plan = Simulation::new(1).plan(&sources, &Options::default()).unwrap();
    let change = plan.changes.iter().find(|change| change.addr.to_string() == addr).unwrap();
    change.dependencies.iter().map(ToString::to_string).collect()
}

const TWO: &str = "resource \"sim_cluster\" \"c\" {\n  for_each = toset([\"a\", \"b\"])\n  name = each.key\n}\n";

// A1, A3
#[test]
fn an_instance_refers_to_that_of_its_key_when_for_each_is_a_block() {
    let text = format!("{TWO}resource \"terrane_data\" \"d\" {{\n  for_each = sim_cluster.c\n}}\n");
    let found = dependencies(&[("main.hcl", &text)], "terrane_data.d[\"b\"]");
    assert_eq!(found, ["sim_cluster.c[\"b\"]"]);
}

#[test]
fn an_instance_refers_to_all_that_its_keys_are_computed_from() {
    let all = ["sim_cluster.c[\"a\"]", "sim_cluster.c[\"b\"]"];
    for (keys, addr) in [
        ("for_each = { for k, c in sim_cluster.c : k => c.name }", "terrane_data.d[\"a\"]"),
        ("count = length(sim_cluster.c)", "terrane_data.d[0]"),
    ] {
        let text = format!("{TWO}resource \"terrane_data\" \"d\" {{\n  {keys}\n}}\n");
        assert_eq!(dependencies(&[("main.hcl", &text)], addr), all, "{keys}");
    }
}

#[test]
fn what_a_module_gets_from_each_is_followed_through_it() {
    let call = "module \"m\" {\n  source = \"./m\"\n  for_each = sim_cluster.c\n  name = each.value.name\n}\n";
    let user = "resource \"terrane_data\" \"d\" {\n  input = module.m[\"a\"].name\n}\n";
    let root = format!("{TWO}{call}{user}");
    let inner = "variable \"name\" {}\noutput \"name\" {\n  value = var.name\n}\nresource \"terrane_data\" \"i\" {}\n";
    let files: &[(&str, &str)] = &[("main.hcl", &root), ("m/main.hcl", inner)];
    assert_eq!(dependencies(files, "module.m[\"a\"].terrane_data.i"), ["sim_cluster.c[\"a\"]"]);
    assert_eq!(dependencies(files, "terrane_data.d"), ["sim_cluster.c[\"a\"]"]);
}
