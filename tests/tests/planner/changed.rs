//! A5: plans of what differs from another version of the configuration.

use super::lines;
use std::collections::{BTreeMap, BTreeSet};
use terrane_core::Text;
use terrane_plan::planner::Changed;
use terrane_plan::planner::changed::{ChangedFile, changed};
use terrane_plan::{Options, Plan, Selection};
use terrane_tests::memory::MemorySources;
use terrane_tests::sim::Simulation;
use terrane_tests::sim::driver::Dice;

const MAIN: &str = r#"
variable "size" {
  default = 1
}
variable "note" {
  default = "n"
}
locals {
  home  = sim_cluster.a.id
  note  = var.note
  other = "x"
  count = 2
}
resource "sim_cluster" "a" {
  name = "a"
  size = var.size
}
resource "sim_cluster" "b" {
  name = "b"
  size = 1
}
resource "sim_item" "i" {
  cluster = local.home
  name    = "i"
  note    = local.note
}
resource "sim_item" "j" {
  cluster = sim_cluster.b.id
  name    = "j"
  note    = file("${path.module}/note.txt")
}
resource "sim_item" "k" {
  count   = local.count
  cluster = sim_cluster.b.id
  name    = "k${count.index}"
  note    = local.other
}
resource "sim_item" "l" {
  cluster    = sim_cluster.b.id
  name       = "l"
  depends_on = [sim_item.j]
}
module "first" {
  source  = "./pool"
  cluster = sim_cluster.a.id
  name    = "p"
  note    = "m"
}
module "second" {
  source  = "./pool"
  cluster = sim_cluster.b.id
  name    = "q"
  note    = module.first.note
}
output "item" {
  value = sim_item.i.note
}
output "fixed" {
  value = "one"
}
"#;

const POOL: &str = r#"
variable "cluster" {}
variable "name" {}
variable "note" {}
locals {
  label = "${var.note}!"
}
resource "sim_item" "w" {
  cluster = var.cluster
  name    = var.name
  note    = local.label
}
resource "sim_item" "v" {
  cluster = var.cluster
  name    = "${var.name}-v"
  note    = "v"
}
output "note" {
  value = local.label
}
"#;

/// An edit: the file, what stands there, what stands there then, and what it touches.
type Edit = (&'static str, &'static str, &'static str, &'static [&'static str]);

const EDITS: &[Edit] = &[
    (
        "terrane.tfvars",
        "size = 1",
        "size = 2",
        &["module.first.sim_item.v", "module.first.sim_item.w", "output item", "sim_cluster.a", "sim_item.i"],
    ),
    ("main.hcl", "default = \"n\"", "default = \"other\"", &["output item", "sim_item.i"]),
    ("main.hcl", "other = \"x\"", "other = \"y\"", &["sim_item.k"]),
    ("main.hcl", "count = 2", "count = 3", &["sim_item.k"]),
    (
        "main.hcl",
        "  name = \"b\"\n  size = 1",
        "  name = \"b\"\n  size = 4",
        &[
            "module.second.sim_item.v",
            "module.second.sim_item.w",
            "sim_cluster.b",
            "sim_item.j",
            "sim_item.k",
            "sim_item.l",
        ],
    ),
    ("main.hcl", "note    = local.note", "note    = \"own\"", &["output item", "sim_item.i"]),
    ("main.hcl", "note    = \"m\"", "note    = \"mm\"", &["module.first.sim_item.w", "module.second.sim_item.w"]),
    ("main.hcl", "name    = \"q\"", "name    = \"qq\"", &["module.second.sim_item.v", "module.second.sim_item.w"]),
    ("main.hcl", "value = \"one\"", "value = \"two\"", &["output fixed"]),
    (
        "main.hcl",
        "resource \"sim_item\" \"l\" {\n  cluster    = sim_cluster.b.id\n  name       = \"l\"\n  depends_on = [sim_item.j]\n}\n",
        "",
        &["sim_item.l"],
    ),
    (
        "main.hcl",
        "resource \"sim_item\" \"l\" {",
        "moved {\n  from = sim_item.l\n  to   = sim_item.m\n}\nresource \"sim_item\" \"m\" {",
        &["sim_item.l", "sim_item.m"],
    ),
    (
        "main.hcl",
        "output \"fixed\"",
        "resource \"sim_item\" \"new\" {\n  cluster = local.home\n  name    = \"new\"\n}\noutput \"fixed\"",
        &["sim_item.new"],
    ),
    ("main.hcl", "locals {", "# More is said here.\n\nlocals {", &[]),
    ("note.txt", "hello", "hi", &["sim_item.j", "sim_item.l"]),
    ("unread.txt", "a", "b", &[]),
    ("pool/main.hcl", "${var.note}!", "${var.note}?", &["module.first.sim_item.w", "module.second.sim_item.w"]),
    ("pool/main.hcl", "note    = \"v\"", "note    = \"vv\"", &["module.first.sim_item.v", "module.second.sim_item.v"]),
    (
        "pool/main.hcl",
        "variable \"name\" {}",
        "variable \"name\" {\n  nullable = false\n}",
        &["module.first.sim_item.v", "module.first.sim_item.w", "module.second.sim_item.v", "module.second.sim_item.w"],
    ),
];

fn before() -> MemorySources {
    let files = [
        ("main.hcl", MAIN),
        ("pool/main.hcl", POOL),
        ("note.txt", "hello"),
        ("unread.txt", "a"),
        ("terrane.tfvars", "size = 1\n"),
    ];
    let files = files.map(|(name, text)| (name.to_owned(), text.to_owned()));
    MemorySources { files: files.into(), ..MemorySources::default() }
}

fn edited(edits: &[&Edit]) -> MemorySources {
    let mut sources = before();
    for (name, from, to, _) in edits {
        let text = sources.files.get_mut(*name).unwrap();
        // An earlier edit may have taken the place of a later one.
        *text = text.replacen(from, to, 1);
    }
    sources
}

/// What the edits touch, as the planner is told.
fn touched(sim: &mut Simulation, after: &MemorySources) -> Changed {
    let before = before();
    let names = before.files.keys().filter(|name| before.files.get(*name) != after.files.get(*name));
    let side = |sources: &MemorySources, name: &String| sources.files.get(name).map(|text| Text::from(text.as_str()));
    let file = |name: &String| ChangedFile { before: side(&before, name), after: side(after, name) };
    let files: BTreeMap<Text, ChangedFile> = names.map(|name| (name.as_str().into(), file(name))).collect();
    let program = sim.program(after).unwrap();
    changed(&program, "HEAD".into(), &files, &BTreeSet::from(["terrane.tfvars".into()]))
}

fn plans(sim: &mut Simulation, after: &MemorySources) -> (Plan, Plan) {
    let allow_replace = vec!["sim_cluster.*".parse().unwrap()];
    let whole = Options { allow_replace, ..Options::default() };
    let part = Options { selection: Selection::Changed(touched(sim, after)), ..whole.clone() };
    let mut plan = |options| sim.plan(after, options).unwrap_or_else(|problems| unreachable!("{problems:?}"));
    (plan(&whole), plan(&part))
}

fn applied() -> Simulation {
    let mut sim = Simulation::new(1);
    let outcome = sim.apply(&before(), &Options::default(), false).unwrap();
    assert!(outcome.problems.is_empty(), "{:?}", outcome.problems);
    sim.cloud.advance(sim.cloud.now_ms + 1_000_000);
    sim
}

fn outputs(plan: &Plan) -> Vec<String> {
    let changed = plan.outputs.iter().filter(|output| output.action.is_change());
    changed.map(|output| output.name.to_string()).collect()
}

// A5
#[test]
fn an_edit_touches_what_refers_to_it() {
    let mut sim = Simulation::new(1);
    for edit in EDITS {
        let changed = touched(&mut sim, &edited(&[edit]));
        let blocks = changed.blocks.iter().map(ToString::to_string);
        let mut found: Vec<String> =
            blocks.chain(changed.outputs.iter().map(|name| format!("output {name}"))).collect();
        found.sort();
        assert_eq!(found, edit.3, "{} -> {}", edit.1, edit.2);
    }
}

// A5
#[test]
fn a_plan_of_what_changed_is_the_part_of_the_full_plan() {
    let mut sim = applied();
    let mut dice = Dice(7);
    let (mut smaller, mut changes) = (0, 0);
    for round in 0..120 {
        let chosen: Vec<&Edit> = match EDITS.get(round) {
            Some(edit) => vec![edit],
            None => EDITS.iter().filter(|_| dice.roll(5) == 0).collect(),
        };
        let after = edited(&chosen);
        let (whole, part) = plans(&mut sim, &after);
        let told: Vec<&str> = chosen.iter().map(|edit| edit.2).collect();
        assert_eq!(lines(&part), lines(&whole), "{told:?}");
        assert_eq!(outputs(&part), outputs(&whole), "{told:?}");
        assert_eq!(terrane_plan::audit::findings(&part), Vec::<String>::new());
        assert_eq!(part.since.as_deref(), Some("HEAD"));
        changes += lines(&whole).len();
        smaller += usize::from(part.changes.len() < whole.changes.len());
    }
    assert!(changes > 300 && smaller > 60, "{changes} changes, {smaller} plans of a part");
}

// A5
#[test]
fn what_drifted_elsewhere_is_left_alone() {
    let mut sim = applied();
    sim.cloud
        .find_mut("cluster", "a")
        .unwrap()
        .attributes
        .insert("size".into(), terrane_core::Value::number(terrane_core::Number::Int(9)));
    let after = edited(&[&EDITS[4]]);
    let (whole, part) = plans(&mut sim, &after);
    assert_eq!(lines(&whole), ["~ sim_cluster.a: size", "~ sim_cluster.b: size"]);
    assert_eq!(lines(&part), ["~ sim_cluster.b: size"]);
}
