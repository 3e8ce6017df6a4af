//! Programs for the simulator: a fleet, and random ones.

use super::driver::Dice;
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// A cluster of a random program.
#[derive(Clone, Debug, PartialEq)]
pub struct Cluster {
    /// Number of its name.
    pub name: u64,
    /// Size.
    pub size: u64,
    /// Zone: a change replaces it.
    pub zone: u64,
    /// Whether a new one is made before an old one goes.
    pub is_create_first: bool,
    /// Items in it: number of the name, and the note.
    pub items: BTreeMap<u64, u64>,
    /// A cluster of a smaller number whose endpoint it carries as a tag.
    pub refers_to: Option<u64>,
}

/// A random program.
#[derive(Clone, Debug, PartialEq)]
pub struct Graph(pub BTreeMap<u64, Cluster>);

impl Graph {
    /// A random program of up to 12 instances.
    #[must_use]
    pub fn random(dice: &mut Dice) -> Self {
        let mut clusters = BTreeMap::new();
        let mut left = 3 + dice.roll(10);
        let mut name = 0;
        while left > 0 {
            let items = dice.roll(3).min(left - 1);
            let refers_to = (name > 0 && dice.roll(3) == 0).then(|| dice.roll(name));
            let items = (0..items).map(|item| (item, dice.roll(3))).collect();
            let is_create_first = false;
            clusters.insert(
                name,
                Cluster { name, size: 1 + dice.roll(3), zone: dice.roll(2), is_create_first, items, refers_to },
            );
            left -= 1 + u64::try_from(clusters[&name].items.len()).unwrap_or(0);
            name += 1;
        }
        Self(clusters)
    }

    /// The same program with some things changed, added and removed.
    #[must_use]
    pub fn mutated(&self, dice: &mut Dice) -> Self {
        let mut clusters = self.0.clone();
        for cluster in clusters.values_mut() {
            match dice.roll(6) {
                0 => cluster.size += 1,
                1 => cluster.zone += 1,
                2 => {
                    cluster.items.insert(9, dice.roll(3));
                }
                3 => {
                    cluster.items.pop_first();
                }
                4 => {
                    for note in cluster.items.values_mut() {
                        *note += 1;
                    }
                }
                _ => {}
            }
        }
        if dice.roll(3) == 0
            && let Some((name, _)) = clusters.clone().last_key_value()
        {
            clusters.remove(name);
            for cluster in clusters.values_mut() {
                cluster.refers_to = cluster.refers_to.filter(|other| other != name);
            }
        }
        Self(clusters)
    }

    /// Its text.
    #[must_use]
    pub fn text(&self) -> String {
        self.labelled("c")
    }

    /// Its text, the labels of clusters and items with another beginning; names stay.
    #[must_use]
    pub fn labelled(&self, label: &str) -> String {
        let mut out = String::new();
        for cluster in self.0.values() {
            let name = cluster.name;
            let tags = match cluster.refers_to {
                Some(other) => format!("  tags = {{ above = sim_cluster.{label}{other}.endpoint }}\n"),
                None => String::new(),
            };
            let _ = write!(
                out,
                "resource \"sim_cluster\" \"{label}{name}\" {{\n  name = \"c{name}\"\n  size = {}\n  zone = \"z{}\"\n  password = env(\"SIM_SECRET\")\n{tags}",
                cluster.size, cluster.zone
            );
            let _ = writeln!(out, "}}");
            for (item, note) in &cluster.items {
                let _ = writeln!(
                    out,
                    "resource \"sim_item\" \"{label}{name}i{item}\" {{\n  cluster = sim_cluster.{label}{name}.id\n  name = \"i{item}\"\n  note = \"{note} at ${{sim_cluster.{label}{name}.endpoint}}\"\n}}"
                );
            }
        }
        out
    }

    /// Type, label without its beginning, and id of every instance.
    fn instances(&self) -> Vec<(&'static str, String, String)> {
        let mut all = Vec::new();
        for Cluster { name, items, .. } in self.0.values() {
            all.push(("sim_cluster", name.to_string(), format!("acct/r1/c{name}")));
            let inside = |item: &u64| ("sim_item", format!("{name}i{item}"), format!("acct/r1/c{name}/i{item}"));
            all.extend(items.keys().map(inside));
        }
        all
    }

    /// Blocks that move everything from one beginning of labels to another.
    #[must_use]
    pub fn moves(&self, from: &str, to: &str) -> String {
        let block = |(kind, label, _): (&str, String, String)| {
            format!("moved {{\n  from = {kind}.{from}{label}\n  to = {kind}.{to}{label}\n}}\n")
        };
        self.instances().into_iter().map(block).collect()
    }

    /// Blocks that import everything.
    #[must_use]
    pub fn imports(&self, label: &str) -> String {
        let block = |(kind, rest, id): (&str, String, String)| {
            format!("import {{\n  to = {kind}.{label}{rest}\n  id = \"{id}\"\n}}\n")
        };
        self.instances().into_iter().map(block).collect()
    }

    /// What the cloud has to hold: kind and name of each object, roles included.
    #[must_use]
    pub fn objects(&self) -> Vec<(String, String)> {
        let mut all = Vec::new();
        for cluster in self.0.values() {
            all.push(("cluster".into(), format!("c{}", cluster.name)));
            all.push(("role".into(), format!("c{}", cluster.name)));
            for item in cluster.items.keys() {
                all.push(("item".into(), format!("c{}/i{item}", cluster.name)));
            }
        }
        all.sort();
        all
    }
}

/// Two clusters with three pools each, as in the demo, from one map.
#[must_use]
pub fn fleet(size: u64) -> String {
    format!(
        r#"
variable "fleet" {{
  type    = map(object({{ size = number, pools = set(string) }}))
  default = {{
    eu = {{ size = {size}, pools = ["system", "general", "spot"] }}
    us = {{ size = 1, pools = ["system", "general", "spot"] }}
  }}
}}

locals {{
  pools = merge([for c, f in var.fleet : {{ for p in f.pools : "${{c}}/${{p}}" => {{ cluster = c, pool = p }} }}]...)
}}

resource "sim_cluster" "fleet" {{
  for_each = var.fleet
  name     = each.key
  size     = each.value.size
}}

resource "sim_item" "fleet" {{
  for_each = local.pools
  cluster  = sim_cluster.fleet[each.value.cluster].id
  name     = each.value.pool
  note     = sim_cluster.fleet[each.value.cluster].endpoint
}}
"#
    )
}
