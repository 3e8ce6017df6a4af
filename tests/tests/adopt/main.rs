//! A9: clusters that something else made come under Terrane without being touched: found, written down, planned to
//! nothing but imports, recorded.
//!
//! What is adopted is made by another folder of the same binary, as far as this suite knows by anybody; `moto` adopts
//! what boto3 made.

#![expect(clippy::unwrap_used, reason = "a broken harness ends the suite")]

mod refused;
mod tfstate;

use std::io::Write as _;
use std::path::Path;
use std::process::Stdio;
use terrane_sandbox::{LogEntry, Quotas, SandboxConfig};
use terrane_tests::place::{Finished, Place};
use terrane_tests::seen;

/// Two clusters of different taste in two regions, and pools with everything that a pool can have.
const MADE: &str = r#"
data "eks_network" "eu" {
  region = "eu-west-1"
  filter = { "tag:team" = "platform" }
}

data "eks_network" "us" {
  region = "us-east-1"
  filter = { "tag:team" = "platform" }
}

resource "eks_cluster" "core" {
  name    = "core"
  region  = "eu-west-1"
  version = "1.33"
  logs    = ["api", "controller_manager"]
  tags    = { team = "platform", "cost centre" = "$${4711}", for = "us" }

  network {
    subnets       = data.eks_network.eu.private_subnets
    service_cidrs = ["10.96.0.0/16"]
  }
  endpoint {
    private       = true
    allowed_cidrs = ["198.51.100.0/24", "203.0.113.0/24"]
  }
  access {
    authentication_mode = "API_AND_CONFIG_MAP"
    bootstrap_admin     = false
  }
  upgrade_policy {
    support_type = "STANDARD"
  }
  deletion_protection = true
  tier                = "tier-xl"
  zonal_shift         = true
}

resource "eks_node_pool" "system" {
  cluster = eks_cluster.core.id
  name    = "system"
  size {
    desired = 2
  }
  labels = { "example.com/pool" = "system" }
  taints {
    key    = "dedicated"
    value  = "system"
    effect = "NoSchedule"
  }
  taints {
    key    = "late"
    effect = "NoExecute"
  }
  upgrade {
    max_unavailable = "25%"
  }
  disk {
    size_gib = 80
  }
  tags = { team = "platform" }
}

resource "eks_node_pool" "arm" {
  cluster = eks_cluster.core.id
  name    = "arm"
  size {
    min = 0
    max = 5
  }
  instance {
    types = ["m7g.large", "m6g.large"]
    spot  = true
  }
  subnets = slice(data.eks_network.eu.private_subnets, 0, 1)
}

resource "eks_node_pool" "templated" {
  cluster = eks_cluster.core.id
  name    = "templated"
  size {
    min     = 1
    max     = 3
    desired = 2
  }
  launch_template {
    id      = "TEMPLATE"
    version = "1"
  }
}

resource "eks_cluster" "edge" {
  name   = "2nd-edge"
  region = "us-east-1"
  network {
    subnets = data.eks_network.us.private_subnets
  }
}

resource "eks_node_pool" "edge_system" {
  cluster = eks_cluster.edge.id
  name    = "system"
  size {
    min = 1
    max = 2
  }
}
"#;

/// Where what is adopted was made, and where it is adopted.
const MAKER: &str = "maker";
const LIVE: &str = "live";

/// The addresses that the fleet gets.
const ADDRESSES: &[&str] = &[
    "eks_cluster._2nd-edge",
    "eks_cluster.core",
    "eks_node_pool._2nd-edge_system",
    "eks_node_pool.arm",
    "eks_node_pool.core_system",
    "eks_node_pool.templated",
];

async fn empty() -> Place {
    let config = SandboxConfig::default();
    let quotas = Quotas { clusters: 200, ..config.quotas };
    let place = Place::start(SandboxConfig { clock_rate: 600, quotas, ..config }).await;
    std::fs::create_dir(place.path().join(LIVE)).unwrap();
    place
}

/// A world with the fleet, and an empty folder beside the one that made it.
async fn fleet() -> Place {
    let place = empty().await;
    let objects = place.sandbox.objects();
    let is_template = |name: &str| name.starts_with("lt-");
    let template = objects.iter().find(|object| is_template(&object.name) && object.region == "eu-west-1").unwrap();
    place.write(&format!("{MAKER}/main.hcl"), &MADE.replace("TEMPLATE", &template.name));
    make(&place).await;
    place
}

async fn make(place: &Place) {
    place.run(&[&format!("-chdir={MAKER}"), "apply", "-auto-approve"]).await.expect(0);
}

/// The binary in the folder of adoption.
async fn live(place: &Place, words: &[&str]) -> Finished {
    let folder = format!("-chdir={LIVE}");
    let words: Vec<&str> = std::iter::once(folder.as_str()).chain(words.iter().copied()).collect();
    place.run(&words).await
}

const BOTH: &[&str] = &["adopt", "eks", "-region", "eu-west-1", "-region", "us-east-1"];

fn with<'a>(words: &[&'a str], more: &[&'a str]) -> Vec<&'a str> {
    words.iter().chain(more).copied().collect()
}

#[track_caller]
fn expect_untouched(place: &Place, mark: u64) {
    let changes: Vec<LogEntry> = seen::changes(&place.sandbox, mark);
    assert_eq!(changes, [], "something was changed");
}

fn text(place: &Place, file: &str) -> String {
    std::fs::read_to_string(place.path().join(LIVE).join(file)).unwrap()
}

fn files(place: &Place) -> Vec<String> {
    let entries = std::fs::read_dir(place.path().join(LIVE)).unwrap();
    let mut names: Vec<String> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

async fn listed(place: &Place) -> Vec<String> {
    if !place.path().join(LIVE).join("terrane.state").exists() {
        return Vec::new();
    }
    live(place, &["state", "list"]).await.expect(0).out.lines().map(str::to_owned).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fleet_of_two_regions_is_adopted_without_being_touched() {
    let place = fleet().await;
    let (mark, objects) = (seen::mark(&place.sandbox), place.sandbox.objects());
    let adopted = live(&place, &with(BOTH, &["-auto-approve"])).await.expect(0);
    assert!(adopted.out.contains("Plan: 6 to import, 0 to add, 0 to change, 0 to destroy."), "{}", adopted.out);
    assert_eq!(listed(&place).await, ADDRESSES);
    live(&place, &["plan", "-detailed-exitcode"]).await.expect(0);
    live(&place, &["drift"]).await.expect(0);
    live(&place, &["fmt", "-check"]).await.expect(0);
    let again = live(&place, &with(BOTH, &["-out=more.hcl"])).await.expect(0);
    assert!(again.out.starts_with("Nothing to adopt."), "{}", again.out);
    assert!(again.out.contains("it is recorded already, as eks_node_pool.core_system"), "{}", again.out);
    assert_eq!(files(&place), [".terrane", "adopted.hcl", "adopted_imports.hcl", "terrane.state"]);
    // Without the imports, which have done their work, nothing changes either.
    std::fs::remove_file(place.path().join(LIVE).join("adopted_imports.hcl")).unwrap();
    live(&place, &["plan", "-detailed-exitcode"]).await.expect(0);
    expect_untouched(&place, mark);
    assert_eq!(place.sandbox.objects(), objects);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_written_is_what_somebody_would_write() {
    let place = fleet().await;
    live(&place, &with(BOTH, &["-auto-approve"])).await.expect(0);
    let written = text(&place, "adopted.hcl");
    for line in [
        "  cluster       = eks_cluster.core.id\n",
        "    \"cost centre\" = \"$${4711}\"\n    \"for\"         = \"us\"\n",
        "    service_cidrs = [\"10.96.0.0/16\"]\n",
        "    allowed_cidrs = [\"198.51.100.0/24\", \"203.0.113.0/24\"]\n",
        "  size {\n    desired = 2\n  }\n",
        "  size {\n    min = 0\n    max = 5\n  }\n",
        "    max_unavailable = \"25%\"\n",
        "    size_gib = 80\n",
        "  taints {\n    key    = \"late\"\n    effect = \"NoExecute\"\n  }\n",
    ] {
        assert!(written.contains(line), "no {line:?} in\n{written}");
    }
    // Computed, chosen by EKS, or had from the cluster.
    for name in
        ["  arn ", "status", "platform_version", "release_version", "certificate_authority", "ip_family", "null"]
    {
        assert!(!written.contains(name), "{name} in\n{written}");
    }
    assert_eq!(written.matches("subnets ").count(), 3, "of two clusters and of one pool that has others:\n{written}");
    assert_eq!(text(&place, "adopted_imports.hcl").matches("import {").count(), 6);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pool_that_comes_later_is_adopted_beside_its_cluster() {
    let place = fleet().await;
    live(&place, &with(BOTH, &["-name", "2nd-edge", "-auto-approve"])).await.expect(0);
    assert_eq!(listed(&place).await, ["eks_cluster._2nd-edge", "eks_node_pool.system"]);
    let late = "resource \"eks_node_pool\" \"late\" {\n  cluster = eks_cluster.edge.id\n  name = \"late\"\n  size {\n    \
                desired = 1\n  }\n}\n";
    place.write(&format!("{MAKER}/late.hcl"), late);
    make(&place).await;
    let mark = seen::mark(&place.sandbox);
    let words = ["adopt", "eks", "-region=us-east-1", "-out=late.hcl", "-auto-approve"];
    let adopted = live(&place, &words).await.expect(0);
    assert!(adopted.out.contains("Plan: 1 to import, 0 to add"), "{}", adopted.out);
    assert!(text(&place, "late.hcl").contains("cluster       = eks_cluster._2nd-edge.id\n"));
    assert_eq!(text(&place, "late.hcl").matches("resource ").count(), 1);
    live(&place, &["plan", "-detailed-exitcode"]).await.expect(0);
    expect_untouched(&place, mark);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_block_and_variables_are_heeded() {
    let place = fleet().await;
    let block = "variable \"where\" {\n  type = string\n}\n\nprovider \"eks\" {\n  region      = var.where\n  ignore_tags = \
                 [\"cost*\", \"for\"]\n}\n";
    place.write(&format!("{LIVE}/main.hcl"), block);
    let words = ["adopt", "eks", "-var", "where=eu-west-1", "-out=core.hcl", "-auto-approve"];
    let adopted = live(&place, &words).await.expect(0);
    assert!(adopted.out.contains("eks_cluster.core") && !adopted.out.contains("edge"), "{}", adopted.out);
    assert!(!text(&place, "core.hcl").contains("cost"));
    live(&place, &["plan", "-detailed-exitcode", "-var", "where=eu-west-1"]).await.expect(0);
}

/// Runs with an answer on standard input.
async fn answered(place: &Place, words: &[&str], answer: &str) -> Finished {
    let folder = format!("-chdir={LIVE}");
    let words: Vec<&str> = std::iter::once(folder.as_str()).chain(words.iter().copied()).collect();
    let mut command = place.command(&words).into_std();
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let answer = answer.to_owned();
    let output = tokio::task::spawn_blocking(move || {
        let mut child = command.spawn().unwrap();
        child.stdin.take().unwrap().write_all(answer.as_bytes()).unwrap();
        child.wait_with_output().unwrap()
    });
    let output = output.await.unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Finished { code: output.status.code(), out: text(&output.stdout), err: text(&output.stderr) }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_recorded_before_somebody_agrees() {
    let place = fleet().await;
    let mark = seen::mark(&place.sandbox);
    let refused = answered(&place, BOTH, "no\n").await.expect(1);
    assert!(refused.out.contains("Do you want to record these objects? None of them is changed."), "{}", refused.out);
    assert_eq!(seen::ids(&refused.err), ["declined"]);
    assert_eq!(listed(&place).await, Vec::<String>::new());
    // The files are there: apply records them.
    let applied = answered(&place, &["apply"], "yes\n").await.expect(0);
    assert!(applied.out.contains("Resources: 6 imported, 0 added"), "{}", applied.out);
    assert_eq!(listed(&place).await, ADDRESSES);
    expect_untouched(&place, mark);
}

#[tokio::test(flavor = "multi_thread")]
async fn json_tells_what_was_found_and_how_it_ended() {
    let place = fleet().await;
    let words = with(BOTH, &["-json", "-auto-approve"]);
    let told = live(&place, &words).await.expect(0);
    let lines: Vec<serde_json::Value> = told.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let of = |kind: &str| lines.iter().find(|line| line["type"] == kind).unwrap();
    assert_eq!(of("adoption")["found"].as_array().unwrap().len(), 6);
    assert_eq!(of("adoption")["left_alone"].as_array().unwrap().len(), 2);
    assert_eq!(of("outcome")["reason"], "ok");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_is_made_where_there_is_none() {
    let place = fleet().await;
    let words = ["adopt", "eks", "-name=2nd-edge", "-region=us-east-1", "-out=live/us", "-auto-approve"];
    place.run(&words).await.expect(0);
    let folder = place.path().join("live/us");
    assert!(folder.join("adopted.hcl").exists() && folder.join("terrane.state").exists());
    place.run(&["-chdir=live/us", "plan", "-detailed-exitcode"]).await.expect(0);
}

#[tokio::test(flavor = "multi_thread")]
async fn blocks_are_generated_for_imports_that_have_none() {
    let place = fleet().await;
    let account = "111122223333";
    let imports = format!(
        "import {{\n  to = eks_cluster.edge\n  id = \"{account}/us-east-1/2nd-edge\"\n}}\n\nimport {{\n  to = \
         eks_node_pool.edge\n  id = \"{account}/us-east-1/2nd-edge/system\"\n}}\n"
    );
    place.write(&format!("{LIVE}/imports.hcl"), &imports);
    let mark = seen::mark(&place.sandbox);
    let plan = live(&place, &["plan", "-generate-config-out=edge.hcl"]).await.expect(0);
    assert!(plan.out.contains("Plan: 2 to import, 0 to add, 0 to change"), "{}", plan.out);
    assert!(text(&place, "edge.hcl").contains("cluster       = eks_cluster.edge.id\n"));
    let taken = live(&place, &["plan", "-generate-config-out=edge.hcl"]).await.expect(1);
    assert_eq!(seen::ids(&taken.err), ["file-exists"]);
    live(&place, &["fmt", "-check"]).await.expect(0);
    live(&place, &["apply", "-auto-approve"]).await.expect(0);
    live(&place, &["plan", "-detailed-exitcode"]).await.expect(0);
    // There is nothing left to write blocks for, so no file is made.
    live(&place, &["plan", "-generate-config-out=none.hcl"]).await.expect(0);
    assert!(!Path::new(&place.path().join(LIVE).join("none.hcl")).exists());
    expect_untouched(&place, mark);
}
