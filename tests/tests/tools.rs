//! A1: what helps at work: `graph`, `completion`, as people call them.

use terrane_sandbox::SandboxConfig;
use terrane_tests::place::Place;

const MAIN: &str = r#"
resource "terrane_data" "base" {
  input = "1.34"
}
locals {
  version = terrane_data.base.output
}
module "fleet" {
  source   = "./fleet"
  for_each = toset(["eu", "us"])
  release  = local.version
}
resource "terrane_data" "last" {
  count = 2
  input = [for cluster in module.fleet : cluster.name]
}
resource "terrane_data" "alone" {}
"#;
const FLEET: &str = r#"
variable "release" {}
resource "terrane_data" "cluster" {
  input = var.release
}
resource "terrane_data" "unused" {}
output "name" {
  value = terrane_data.cluster.id
}
"#;

async fn place() -> Place {
    let place = Place::start(SandboxConfig::default()).await;
    place.write("main.hcl", MAIN);
    place.write("fleet/main.hcl", FLEET);
    place
}

// A1
#[tokio::test]
async fn a_graph_looks_through_locals_variables_and_outputs() {
    let dot = place().await.run(&["graph"]).await.expect(0).out;
    let edges: Vec<&str> = dot.lines().filter(|line| line.contains("->")).map(str::trim).collect();
    let expected = [
        r#""module.fleet.terrane_data.cluster" -> "terrane_data.base";"#,
        r#""terrane_data.last" -> "module.fleet.terrane_data.cluster";"#,
    ];
    assert_eq!(edges, expected, "{dot}");
    assert_eq!(dot.lines().filter(|line| line.contains("[label")).count(), 5, "{dot}");
}

// A1
#[tokio::test]
async fn a_graph_has_three_forms_and_says_what_is_wrong() {
    let place = place().await;
    let mermaid = place.run(&["graph", "-format=mermaid"]).await.expect(0).out;
    assert!(mermaid.starts_with("flowchart RL\n") && mermaid.matches(" --> ").count() == 2, "{mermaid}");
    let svg = place.run(&["graph", "-format=svg"]).await.expect(0).out;
    assert!(svg.contains("<svg ") && svg.contains("module.fleet.terrane_data.unused"), "{svg}");
    assert!(place.run(&["graph", "-format=png"]).await.expect(1).err.contains("[usage]"));
    place.write("wrong.hcl", "output \"x\" {\n  value = local.none\n}\n");
    assert!(place.run(&["graph"]).await.expect(1).err.contains("[unknown-name]"));
}

// A1
#[tokio::test]
async fn bash_completes_commands_and_flags() {
    let place = place().await;
    let script = place.run(&["completion", "bash"]).await.expect(0).out;
    place.write("complete.sh", &script);
    let ask = "source ./complete.sh; COMP_WORDS=(terrane pl); COMP_CWORD=1; _terrane terrane pl terrane; echo \"${COMPREPLY[*]}\"";
    let told = place.command_of(std::path::Path::new("bash"), &["-c", ask]).output().await.expect("bash runs");
    assert_eq!(String::from_utf8_lossy(&told.stdout).trim(), "plan", "{}", String::from_utf8_lossy(&told.stderr));
}

const CONSOLE: &str = r#"
variable "region" {
  default = "eu-west-1"
}
variable "token" {
  default   = "hunter2"
  sensitive = true
}
locals {
  zones = [for letter in ["a", "b"] : "${var.region}${letter}"]
}
resource "terrane_data" "made" {
  for_each = toset(local.zones)
  input    = upper(each.key)
}
module "fleet" {
  source  = "./fleet"
  release = terrane_data.made["eu-west-1a"].output
}
"#;

async fn console_place() -> Place {
    let place = Place::start(SandboxConfig::default()).await;
    place.write("main.hcl", CONSOLE);
    place.write("fleet/main.hcl", FLEET);
    place
}

// A1
#[tokio::test]
async fn a_console_in_a_pipe_answers_line_by_line_and_goes_on_after_an_error() {
    let place = console_place().await;
    let asked =
        "var.region\nlocal.zones\nnone()\n1 / 0\n{\n  a = 1 }\n\ntype(local.zones)\nlocal.none\n0.3 - 0.1\nvar.token\n";
    let told = place.run_with(asked, &["console", "-var", "region=us-east-1"]).await.expect(1);
    let expected = "\"us-east-1\"\n[\n  \"us-east-1a\",\n  \"us-east-1b\",\n]\n{\n  \"a\" = 1\n}\n\
                    tuple([\n    string,\n    string,\n])\n0.2\n(sensitive value)\n";
    assert_eq!(told.out, expected, "{}", told.err);
    for id in ["[unknown-function]", "[division-by-zero]", "[unknown-name]"] {
        assert!(told.err.contains(id), "{id}: {}", told.err);
    }
    assert!(!told.out.contains("hunter2") && !told.err.contains("hunter2"));
    assert_eq!(place.run_with("1\nexit\n2\n", &["console"]).await.expect(0).out, "1\n");
    let open = place.run_with("[1,\n", &["console"]).await.expect(1);
    assert!(open.out.is_empty() && open.err.contains("[unclosed-"), "{}", open.err);
}

// A1
#[tokio::test]
async fn a_console_knows_objects_as_the_state_does() {
    let place = console_place().await;
    let asked = "terrane_data.made[\"eu-west-1a\"].output\nmodule.fleet.name\nkeys(terrane_data.made)\n";
    let before = place.run_with(asked, &["console"]).await.expect(0).out;
    assert_eq!(before, "(known after apply)\n(known after apply)\n[\n  \"eu-west-1a\",\n  \"eu-west-1b\",\n]\n");
    place.run(&["apply", "-auto-approve"]).await.expect(0);
    let after = place.run_with(asked, &["console"]).await.expect(0).out;
    assert!(after.starts_with("\"EU-WEST-1A\"\n\"") && !after.contains("known after apply"), "{after}");
}
