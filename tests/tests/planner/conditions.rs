//! A1: conditions, known while planning and found out later.

use super::{lines, plan_with};
use terrane_plan::condition::Status;
use terrane_plan::schedule::End;
use terrane_plan::{Options, Plan};
use terrane_tests::memory::MemorySources;
use terrane_tests::sim::Simulation;

fn data(name: &str, input: &str, more: &str) -> String {
    format!("resource \"terrane_data\" \"{name}\" {{\n  input = {input}\n  {more}\n}}\n")
}

fn lifecycle(kind: &str, condition: &str) -> String {
    format!("lifecycle {{\n    {kind} {{\n      condition = {condition}\n      error_message = \"said\"\n    }}\n  }}")
}

fn planned(sim: &mut Simulation, text: &str) -> Plan {
    let plan = sim.plan(&MemorySources::main(text), &Options::default());
    let plan = plan.unwrap_or_else(|problems| unreachable!("{problems:?}"));
    assert_eq!(terrane_plan::audit::findings(&plan), Vec::<String>::new());
    plan
}

fn refused(text: &str) -> Vec<&'static str> {
    plan_with(&mut Simulation::new(1), text, &Options::default()).unwrap_err()
}

/// How an apply ends, what was told, and what is there.
fn applied(sim: &mut Simulation, text: &str) -> (Option<End>, Vec<String>, Vec<String>) {
    let outcome = sim.apply(&MemorySources::main(text), &Options::default(), false).unwrap();
    let told = outcome.problems.iter().map(|problem| format!("{} {}", problem.kind.id, problem.detail)).collect();
    let there = sim.state().objects.keys().map(|(addr, _)| addr.to_string()).collect();
    (outcome.end, told, there)
}

fn statuses(plan: &Plan) -> Vec<Status> {
    plan.conditions.iter().map(|condition| condition.status).collect()
}

#[test]
fn a_condition_that_is_known_is_judged_while_planning() {
    for kind in ["precondition", "postcondition"] {
        assert_eq!(refused(&data("a", "1", &lifecycle(kind, "1 > 2"))), ["condition-failed"]);
        let plan = planned(&mut Simulation::new(1), &data("a", "1", &lifecycle(kind, "2 > 1")));
        assert_eq!(statuses(&plan), [Status::Pass]);
        assert!(plan.steps.iter().all(|step| step.preconditions.is_empty() && step.postconditions.is_empty()));
    }
    assert_eq!(refused(&data("a", "1", &lifecycle("postcondition", "self.input > 2"))), ["condition-failed"]);
    assert_eq!(refused(&data("a", "1", &lifecycle("precondition", "null"))), ["wrong-operand"]);
    // What refers to it says nothing more.
    let text = data("a", "1", &lifecycle("precondition", "false")) + &data("b", "terrane_data.a.input", "");
    assert_eq!(refused(&text), ["condition-failed"]);
}

#[test]
fn a_precondition_that_fails_later_stops_before_the_object_is_touched() {
    let text = data("a", "1", "")
        + &data("b", "2", &lifecycle("precondition", "terrane_data.a.id == \"x\""))
        + &data("c", "terrane_data.b.id", "")
        + &data("d", "4", "");
    let mut sim = Simulation::new(1);
    let plan = planned(&mut sim, &text);
    assert_eq!(statuses(&plan), [Status::Unknown]);
    assert_eq!(plan.steps.iter().filter(|step| step.preconditions == [0]).count(), 1);
    let (end, told, there) = applied(&mut sim, &text);
    assert_eq!((end, told), (Some(End::Partial), vec!["condition-failed said".to_owned()]));
    assert_eq!(there, ["terrane_data.a", "terrane_data.d"]);
}

#[test]
fn a_postcondition_that_fails_later_keeps_what_was_done_and_blocks_what_depends_on_it() {
    let text = data("a", "1", &lifecycle("postcondition", "self.id == \"x\""))
        + &data("b", "terrane_data.a.id", "")
        + &data("c", "3", "");
    let mut sim = Simulation::new(1);
    let (end, told, there) = applied(&mut sim, &text);
    assert_eq!((end, told), (Some(End::Partial), vec!["condition-failed said".to_owned()]));
    assert_eq!(there, ["terrane_data.a", "terrane_data.c"]);
    // Now it is known, and nothing is planned before it holds.
    sim.saved = None;
    assert_eq!(plan_with(&mut sim, &text, &Options::default()).unwrap_err(), ["condition-failed"]);
    let mended = text.replace("== \"x\"", "!= \"x\"");
    assert_eq!(lines(&planned(&mut sim, &mended)), ["+ terrane_data.b: it is new in the configuration"]);
}

#[test]
fn a_condition_of_what_does_not_change_holds_up_what_depends_on_it() {
    let stays = data("a", "1", "");
    let mut sim = super::world(&stays);
    let text = data("n", "1", "")
        + &data("a", "1", &lifecycle("postcondition", "terrane_data.n.id == \"x\""))
        + &data("b", "terrane_data.a.id", "");
    let (end, told, there) = applied(&mut sim, &text);
    assert_eq!((end, told), (Some(End::Partial), vec!["condition-failed said".to_owned()]));
    assert_eq!(there, ["terrane_data.a", "terrane_data.n"]);
}

#[test]
fn conditions_that_hold_later_let_everything_pass() {
    let text = data("a", "1", &lifecycle("postcondition", "self.id != \"\""))
        + &data("b", "2", &lifecycle("precondition", "terrane_data.a.id != \"\""))
        + "output \"o\" {\n  value = terrane_data.a.id\n  precondition {\n    condition = terrane_data.a.id != \"\"\n    error_message = \"m\"\n  }\n}\n";
    let mut sim = Simulation::new(1);
    let (end, told, _) = applied(&mut sim, &text);
    assert_eq!((end, told), (Some(End::Complete), Vec::new()));
    assert!(sim.state().outputs.contains_key("o"));
}

#[test]
fn an_output_whose_precondition_fails_is_not_written() {
    let output = |condition: &str| {
        data("a", "1", "")
            + &format!(
                "output \"o\" {{\n  value = terrane_data.a.id\n  precondition {{\n    condition = {condition}\n    error_message = \"said\"\n  }}\n}}\n"
            )
    };
    assert_eq!(refused(&output("false")), ["condition-failed"]);
    let mut sim = Simulation::new(1);
    let (end, told, _) = applied(&mut sim, &output("terrane_data.a.id == \"x\""));
    assert_eq!((end, told), (Some(End::Partial), vec!["condition-failed said".to_owned()]));
    assert!(sim.state().outputs.is_empty());
}

#[test]
fn conditions_order_and_repeat_as_arguments_do() {
    let text = "resource \"terrane_data\" \"a\" {\n  for_each = toset([\"x\", \"y\"])\n  input = each.key\n  lifecycle {\n    precondition {\n      condition = each.key != \"y\"\n      error_message = \"not ${each.key}\"\n    }\n  }\n}\n";
    let problems = Simulation::new(1).plan(&MemorySources::main(text), &Options::default()).unwrap_err();
    assert_eq!(problems.len(), 1);
    assert_eq!(problems[0].detail, "not y");
    assert!(problems[0].message().contains("terrane_data.a[\"y\"]"), "{}", problems[0].message());
}

#[test]
fn a_check_warns_while_planning_and_after_apply() {
    let check = |condition: &str| {
        data("a", "1", "")
            + &format!(
                "check \"c\" {{\n  assert {{\n    condition = {condition}\n    error_message = \"said\"\n  }}\n}}\n"
            )
    };
    let mut sim = Simulation::new(1);
    assert_eq!(statuses(&planned(&mut sim, &check("terrane_data.a.input == 2"))), [Status::Fail]);
    assert_eq!(statuses(&planned(&mut sim, &check("terrane_data.a.id == 2"))), [Status::Unknown]);
    // A condition without a value is a warning too.
    assert_eq!(statuses(&planned(&mut sim, &check("tonumber(\"x\") > 1"))), [Status::Error]);
    let (end, told, there) = applied(&mut sim, &check("terrane_data.a.id == 2"));
    assert_eq!((end, told), (Some(End::Complete), vec!["check-failed said".to_owned()]));
    assert_eq!(there, ["terrane_data.a"]);
}

#[test]
fn validations_look_at_more_than_their_variable() {
    let text = |least: u32| {
        format!(
            "variable \"least\" {{\n  default = {least}\n}}\nlocals {{\n  twice = var.least * 2\n}}\n\
             variable \"size\" {{\n  default = 4\n  validation {{\n    condition = var.size >= local.twice\n    error_message = \"at least ${{local.twice}}, not ${{var.size}}\"\n  }}\n  \
             validation {{\n    condition = length(terrane_data.a) > 0\n    error_message = \"m\"\n  }}\n}}\n\
             resource \"terrane_data\" \"a\" {{\n  count = 1\n  input = 1\n}}\n"
        )
    };
    assert_eq!(statuses(&planned(&mut Simulation::new(1), &text(2))), [Status::Pass, Status::Pass]);
    let problems = Simulation::new(1).plan(&MemorySources::main(&text(3)), &Options::default()).unwrap_err();
    let found: Vec<_> = problems.iter().map(|problem| (problem.kind.id, problem.detail.as_str())).collect();
    assert_eq!(found, [("validation-failed", "at least 6, not 4")]);
}

#[test]
fn a_sensitive_variable_is_validated_and_not_shown() {
    let text = |size: u32| {
        format!(
            "variable \"token\" {{\n  default = \"hunter2\"\n  sensitive = true\n  validation {{\n    condition = length(var.token) > {size}\n    error_message = \"${{var.token}} is short\"\n  }}\n}}\n"
        )
    };
    assert_eq!(statuses(&planned(&mut Simulation::new(1), &text(3))), [Status::Pass]);
    let problems = Simulation::new(1).plan(&MemorySources::main(&text(9)), &Options::default()).unwrap_err();
    assert_eq!(problems[0].kind.id, "validation-failed");
    assert!(!format!("{problems:?}").contains("hunter2"), "{problems:?}");
}

#[test]
fn a_variable_of_a_module_is_validated_when_its_value_is_there() {
    let sources = |condition: &str| {
        let mut sources = MemorySources::main(
            "resource \"terrane_data\" \"a\" {\n  input = 1\n}\nmodule \"m\" {\n  source = \"./m\"\n  id = terrane_data.a.id\n}\n",
        );
        let text = format!(
            "variable \"id\" {{\n  validation {{\n    condition = {condition}\n    error_message = \"said\"\n  }}\n}}\n"
        );
        sources.files.insert("m/main.hcl".to_owned(), text);
        sources
    };
    let mut sim = Simulation::new(1);
    let outcome = sim.apply(&sources("var.id == \"x\""), &Options::default(), false).unwrap();
    assert_eq!(outcome.end, Some(End::Partial));
    assert_eq!(outcome.problems[0].kind.id, "validation-failed");
}
