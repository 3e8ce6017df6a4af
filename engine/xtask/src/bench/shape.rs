//! Configurations of any size out of `terrane_data` alone: no network, no provider process, so that what is
//! measured is the engine. Four shapes that stress different parts of it:
//!
//! - `flat`: one block for each instance (parsing and checking);
//! - `count`: one block with a count (expansion);
//! - `fleet`: a module for each cluster with its pools and items (modules and their outputs);
//! - `fleetmap`: the same instances from flattened maps (large maps and references by key).

use std::path::{Path, PathBuf};

use crate::error::Failure;
use crate::root;

/// One of the four.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    Flat,
    Count,
    Fleet,
    Fleetmap,
}

/// Whether one field of one instance differs from the first configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Edit {
    None,
    OneField,
}

const REGIONS: [&str; 5] = ["eu-west-1", "eu-central-1", "us-east-1", "us-west-2", "ap-southeast-1"];
const ENVIRONMENTS: [&str; 3] = ["dev", "stage", "prod"];
/// Blocks of one file of `flat`.
const BLOCKS_PER_FILE: usize = 1000;
/// Instances of one cluster: itself, 4 pools and 5 items.
const PER_CLUSTER: usize = 10;

impl Shape {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Flat, Self::Count, Self::Fleet, Self::Fleetmap];

    /// Its name on the command line and in tables.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Flat => "flat",
            Self::Count => "count",
            Self::Fleet => "fleet",
            Self::Fleetmap => "fleetmap",
        }
    }

    /// Files with their text, for `size` instances (a multiple of 10 for the fleets).
    #[must_use]
    pub fn files(self, size: usize, edit: Edit) -> Vec<(PathBuf, String)> {
        match self {
            Self::Flat => flat(size, edit),
            Self::Count => vec![("main.hcl".into(), count(size, edit))],
            Self::Fleet => vec![
                ("variables.hcl".into(), fleet_variables(size, edit)),
                ("main.hcl".into(), format!("{FLEET_LOCALS}{FLEET_ROOT}")),
                ("modules/cluster/main.hcl".into(), fleet_module()),
            ],
            Self::Fleetmap => {
                vec![("variables.hcl".into(), fleet_variables(size, edit)), ("main.hcl".into(), fleetmap())]
            }
        }
    }

    /// Writes the files into `folder`; the number of bytes.
    ///
    /// # Errors
    /// When the file system refuses.
    pub fn write(self, size: usize, edit: Edit, folder: &Path) -> Result<usize, Failure> {
        let mut bytes = 0;
        for (path, text) in self.files(size, edit) {
            root::write(&folder.join(path), &text)?;
            bytes += text.len();
        }
        Ok(bytes)
    }
}

/// Replaces each `@NAME@` of `template`.
fn fill(template: &str, values: &[(&str, &str)]) -> String {
    values.iter().fold(template.to_owned(), |text, (name, value)| text.replace(&format!("@{name}@"), value))
}

/// The entry that belongs to `index`, going round.
fn round<'a>(list: &[&'a str], index: usize) -> &'a str {
    list.get(index % list.len().max(1)).copied().unwrap_or_default()
}

const FLAT_BLOCK: &str = r#"resource "terrane_data" "@NAME@" {
  input = {
    name     = "@NAME@"
    region   = "@REGION@"
    size     = @SIZE@
    enabled  = @ENABLED@
    owner    = "team-@TEAM@"
    cidr     = "10.@HIGH@.@LOW@.0/24"
    version  = "1.@MINOR@"
    zones    = ["a", "b", "c"]
    labels   = { app = "bench", tier = "t@TIER@", idx = "@INDEX@" }
    comment  = "flat resource number @INDEX@ of @COUNT@"
  }
}
"#;

fn flat(size: usize, edit: Edit) -> Vec<(PathBuf, String)> {
    let mut files = Vec::new();
    for first in (0..size).step_by(BLOCKS_PER_FILE) {
        let indexes = first..(first + BLOCKS_PER_FILE).min(size);
        let blocks: Vec<String> = indexes.map(|index| flat_block(index, size, edit)).collect();
        files.push((format!("flat_{:03}.hcl", first / BLOCKS_PER_FILE).into(), blocks.join("\n")));
    }
    files
}

fn flat_block(index: usize, size: usize, edit: Edit) -> String {
    let number = if edit == Edit::OneField && index == size / 2 { 99 } else { index % 7 + 1 };
    fill(
        FLAT_BLOCK,
        &[
            ("NAME", &format!("r{index:06}")),
            ("REGION", round(&REGIONS, index)),
            ("SIZE", &number.to_string()),
            ("ENABLED", if index.is_multiple_of(3) { "false" } else { "true" }),
            ("TEAM", &(index % 40).to_string()),
            ("HIGH", &(index / 256 % 256).to_string()),
            ("LOW", &(index % 256).to_string()),
            ("MINOR", &(28 + index % 5).to_string()),
            ("TIER", &(index % 4).to_string()),
            ("INDEX", &index.to_string()),
            ("COUNT", &size.to_string()),
        ],
    )
}

const COUNT: &str = r#"locals {
  regions = [@REGIONS@]
}

resource "terrane_data" "r" {
  count = @COUNT@
  input = {
    name    = "r${count.index}"
    region  = local.regions[count.index % 5]
    size    = count.index == @EDITED@ ? 99 : count.index % 7 + 1
    enabled = count.index % 3 != 0
    owner   = "team-${count.index % 40}"
    cidr    = "10.${floor(count.index / 256) % 256}.${count.index % 256}.0/24"
    version = "1.${28 + count.index % 5}"
    zones   = ["a", "b", "c"]
    labels  = { app = "bench", tier = "t${count.index % 4}", idx = tostring(count.index) }
    comment = "counted resource number ${count.index} of @COUNT@"
  }
}
"#;

fn count(size: usize, edit: Edit) -> String {
    let regions: Vec<String> = REGIONS.iter().map(|region| format!("\"{region}\"")).collect();
    let edited = match edit {
        Edit::None => "-1".to_owned(),
        Edit::OneField => (size / 2).to_string(),
    };
    fill(COUNT, &[("REGIONS", &regions.join(", ")), ("COUNT", &size.to_string()), ("EDITED", &edited)])
}

const FLEET_VARIABLES: &str = r#"variable "clusters" {
  type = map(object({ region = string, version = string, index = number, env = string, overrides = map(map(string)) }))
  default = {
@CLUSTERS@
  }
}
"#;

const FLEET_CLUSTER: &str = r#"    @NAME@ = { region = "@REGION@", version = "1.@MINOR@", index = @INDEX@, env = "@ENV@", overrides = @OVERRIDES@ }"#;

fn fleet_variables(size: usize, edit: Edit) -> String {
    let clusters = size / PER_CLUSTER;
    let entry = |index: usize| {
        let mut overrides = Vec::new();
        if index.is_multiple_of(10) {
            overrides.push("gpu = { max = \"4\" }");
        }
        if edit == Edit::OneField && index == clusters / 2 {
            overrides.push("spot = { max = \"77\" }");
        }
        let overrides = if overrides.is_empty() { "{}".to_owned() } else { format!("{{ {} }}", overrides.join(", ")) };
        fill(
            FLEET_CLUSTER,
            &[
                ("NAME", &format!("c{index:05}")),
                ("REGION", round(&REGIONS, index)),
                ("MINOR", &(28 + index % 5).to_string()),
                ("INDEX", &index.to_string()),
                ("ENV", round(&ENVIRONMENTS, index)),
                ("OVERRIDES", &overrides),
            ],
        )
    };
    let entries: Vec<String> = (0..clusters).map(entry).collect();
    fill(FLEET_VARIABLES, &[("CLUSTERS", &entries.join("\n"))])
}

const FLEET_LOCALS: &str = r#"locals {
  pool_defaults = {
    system  = { machine = "m.large", min = "3", max = "3", disk = "100", taint = "system" }
    general = { machine = "m.xlarge", min = "2", max = "20", disk = "200", taint = "" }
    spot    = { machine = "m.2xlarge", min = "0", max = "50", disk = "200", taint = "spot" }
    gpu     = { machine = "g.xlarge", min = "0", max = "2", disk = "500", taint = "gpu" }
  }
  item_defaults = {
    namespace = { kind = "Namespace", chart = "", version = "v1" }
    cni       = { kind = "HelmRelease", chart = "cilium", version = "1.16.3" }
    ingress   = { kind = "HelmRelease", chart = "ingress-nginx", version = "4.11.2" }
    storage   = { kind = "StorageClass", chart = "", version = "v1" }
    policy    = { kind = "EncryptionPolicy", chart = "", version = "v1" }
  }
  clusters = { for name, c in var.clusters : name => {
    region  = c.region
    version = c.version
    cidr    = format("10.%d.%d.0/24", floor(c.index / 256) % 256, c.index % 256)
    labels  = { env = c.env, region = c.region, fleet = "bench", "managed-by" = "engine" }
    pools   = { for p, d in local.pool_defaults : p => merge(d, lookup(c.overrides, p, {})) }
    items   = { for k, d in local.item_defaults : k => merge(d, { env = c.env }) }
  } }
}
"#;

const FLEET_ROOT: &str = r#"
module "cluster" {
  source   = "./modules/cluster"
  for_each = local.clusters
  name     = each.key
  spec     = each.value
}

output "endpoints" {
  value = { for name, m in module.cluster : name => m.endpoint }
}
"#;

const FLEETMAP_LOCALS: &str = r#"
locals {
  pools = merge([for name, c in local.clusters : {
    for p, d in c.pools : "${name}/${p}" => { cluster = name, pool = p, spec = d, of = c }
  }]...)
  items = merge([for name, c in local.clusters : {
    for k, d in c.items : "${name}/${k}" => { cluster = name, item = k, spec = d, of = c }
  }]...)
}

"#;

const FLEETMAP_OUTPUT: &str = r#"
output "endpoints" {
  value = { for name, c in terrane_data.cluster : name => c.output.endpoint }
}
"#;

const MODULE_VARIABLES: &str = r#"variable "name" {
  type = string
}

variable "spec" {
  type = object({
    region  = string
    version = string
    cidr    = string
    labels  = map(string)
    pools   = map(map(string))
    items   = map(map(string))
  })
}

"#;

const MODULE_OUTPUT: &str = r#"
output "endpoint" {
  value = terrane_data.cluster.output.endpoint
}
"#;

const CLUSTER_BLOCK: &str = r#"resource "terrane_data" "cluster" {
@HEAD@  input = {
    name     = @NAME@
    region   = @SPEC@.region
    version  = @SPEC@.version
    cidr     = @SPEC@.cidr
    endpoint = "https://${@NAME@}.${@SPEC@.region}.example.internal:6443"
    labels   = merge(@SPEC@.labels, { cluster = @NAME@ })
    private  = @SPEC@.labels["env"] == "prod"
    encrypt  = "aes-gcm"
    audit    = true
    channel  = @SPEC@.labels["env"] == "prod" ? "stable" : "rapid"
  }
}
"#;

const POOL_BLOCK: &str = r#"resource "terrane_data" "pool" {
@HEAD@  input = {
    cluster_id = @CLUSTER@.id
    version    = @CLUSTER@.output.version
    name       = "${@NAME@}-${@KEY@}"
    machine    = @VALUE@.machine
    min        = tonumber(@VALUE@.min)
    max        = tonumber(@VALUE@.max)
    disk       = tonumber(@VALUE@.disk)
    taints     = @VALUE@.taint == "" ? [] : [@VALUE@.taint]
    zones      = [for z in ["a", "b", "c"] : "${@SPEC@.region}${z}"]
    labels     = merge(@SPEC@.labels, { pool = @KEY@ })
  }
}
"#;

const ITEM_BLOCK: &str = r#"resource "terrane_data" "item" {
@HEAD@  input = {
    cluster_id = @CLUSTER@.id
    endpoint   = @CLUSTER@.output.endpoint
    name       = @KEY@
    kind       = @VALUE@.kind
    chart      = @VALUE@.chart
    version    = @VALUE@.version
    namespace  = "${@KEY@}-system"
    values     = { cluster = @NAME@, region = @SPEC@.region, cidr = @SPEC@.cidr }
    labels     = merge(@SPEC@.labels, { item = @KEY@ })
    wait       = @VALUE@.kind == "HelmRelease"
  }
}
"#;

fn fleet_module() -> String {
    let common = [
        ("NAME", "var.name"),
        ("SPEC", "var.spec"),
        ("KEY", "each.key"),
        ("VALUE", "each.value"),
        ("CLUSTER", "terrane_data.cluster"),
    ];
    let block = |template: &str, head: &str| fill(&fill(template, &[("HEAD", head)]), &common);
    [
        MODULE_VARIABLES,
        &block(CLUSTER_BLOCK, ""),
        "\n",
        &block(POOL_BLOCK, "  for_each = var.spec.pools\n"),
        "\n",
        &block(ITEM_BLOCK, "  for_each = var.spec.items\n"),
        MODULE_OUTPUT,
    ]
    .concat()
}

fn fleetmap() -> String {
    let cluster = [("HEAD", "  for_each = local.clusters\n"), ("NAME", "each.key"), ("SPEC", "each.value")];
    let inner = |template: &str, head: &str, key: &str| {
        let values = [
            ("HEAD", head),
            ("NAME", "each.value.cluster"),
            ("SPEC", "each.value.of"),
            ("KEY", key),
            ("VALUE", "each.value.spec"),
            ("CLUSTER", "terrane_data.cluster[each.value.cluster]"),
        ];
        fill(template, &values)
    };
    [
        FLEET_LOCALS,
        FLEETMAP_LOCALS,
        &fill(CLUSTER_BLOCK, &cluster),
        "\n",
        &inner(POOL_BLOCK, "  for_each = local.pools\n", "each.value.pool"),
        "\n",
        &inner(ITEM_BLOCK, "  for_each = local.items\n", "each.value.item"),
        FLEETMAP_OUTPUT,
    ]
    .concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(shape: Shape, size: usize, edit: Edit) -> String {
        shape.files(size, edit).into_iter().map(|(_, text)| text).collect()
    }

    #[test]
    fn every_placeholder_is_filled() {
        for shape in Shape::ALL {
            for edit in [Edit::None, Edit::OneField] {
                assert!(!text(shape, 20, edit).contains('@'), "{shape:?}");
            }
        }
    }

    #[test]
    fn edit_changes_exactly_one_line() {
        for shape in Shape::ALL {
            let (before, after) = (text(shape, 100, Edit::None), text(shape, 100, Edit::OneField));
            let changed = before.lines().zip(after.lines()).filter(|(a, b)| a != b).count();
            assert_eq!((changed, before.lines().count()), (1, after.lines().count()), "{shape:?}");
        }
    }

    #[test]
    fn flat_has_a_block_for_each_instance_and_files_of_a_thousand() {
        let files = Shape::Flat.files(2500, Edit::None);
        let blocks: Vec<usize> = files.iter().map(|(_, text)| text.matches("resource \"").count()).collect();
        assert_eq!(blocks, [1000, 1000, 500]);
    }
}
