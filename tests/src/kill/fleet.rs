//! The phases of the example fleet: what is written, what is run, and what the sandbox holds afterwards.

#![expect(clippy::unwrap_used, reason = "a broken harness ends the suite")]

use crate::place::Place;
use std::collections::BTreeMap;

/// A part of the life of the fleet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// All of it is made from nothing.
    Create,
    /// The same, by a plan file: the run after a kill goes on with that file.
    Saved,
    /// One edit updates clusters and pools, makes a pool in each cluster, removes one and replaces one.
    Change,
    /// All of it goes.
    Destroy,
}

/// Clusters with their region, and their pools.
type Clusters = [(&'static str, &'static str, &'static [&'static str])];

const EXAMPLE: &Clusters = &[
    ("dublin", "eu-west-1", &["system", "general", "memory"]),
    ("virginia", "us-east-1", &["system", "general", "memory"]),
];
const EDITED: &Clusters = &[
    ("dublin", "eu-west-1", &["system", "general", "batch"]),
    ("virginia", "us-east-1", &["system", "general", "memory", "batch"]),
];

/// The edit: file, text, how often it is there, what takes its place, and how often.
const EDIT: &[(&str, &str, usize, &str, usize)] = &[
    ("main.hcl", "logs = [\"api\", \"audit\"]", 1, "logs = [\"api\", \"audit\", \"authenticator\"]", 1),
    // One tag comes and one goes, in requests of their own.
    ("main.hcl", "  tags = { team = var.team }", 2, "  tags = { owner = var.team }", 2),
    ("main.hcl", "    pool = each.value.pool\n", 1, "    pool = each.value.pool\n    tier = \"gold\"\n", 1),
    ("terrane.tfvars", MEMORY, 2, BATCH, 1),
    ("terrane.tfvars", MEMORY, 1, LARGER_MEMORY_AND_BATCH, 1),
];
const MEMORY: &str = "      memory  = { types = [\"r6i.large\"], min = 1, max = 4 }\n";
const BATCH: &str = "      batch   = { types = [\"c6i.large\"], min = 1, max = 8 }\n";
/// Other machines are other nodes: the pool is replaced.
const LARGER_MEMORY_AND_BATCH: &str = "      memory  = { types = [\"r6i.xlarge\"], min = 1, max = 4 }\n      \
                                       batch   = { types = [\"c6i.large\"], min = 1, max = 8 }\n";
const REPLACES: &str = "-allow-replace=eks_node_pool.fleet[\"virginia/memory\"]";
const PLAN_FILE: &str = "fleet.plan";

/// Policies of the role of a cluster, and of that of a pool's nodes.
const CLUSTER_POLICIES: &[&str] = &["AmazonEKSClusterPolicy"];
const NODE_POLICIES: &[&str] =
    &["AmazonEC2ContainerRegistryPullOnly", "AmazonEKSWorkerNodePolicy", "AmazonEKS_CNI_Policy"];

impl Phase {
    /// All of them, in their order.
    pub const ALL: [Self; 4] = [Self::Create, Self::Saved, Self::Change, Self::Destroy];

    /// Its name, as in the command that replays a shot.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Saved => "saved",
            Self::Change => "change",
            Self::Destroy => "destroy",
        }
    }

    /// The arguments of its command.
    #[must_use]
    pub fn words(self) -> Vec<&'static str> {
        let common = ["-input=false", "-lock-timeout=90s", "-json"];
        let (command, own): (_, &[&str]) = match self {
            Self::Create => ("apply", &["-auto-approve"]),
            Self::Saved => ("apply", &[PLAN_FILE]),
            Self::Change => ("apply", &["-auto-approve", REPLACES]),
            Self::Destroy => ("destroy", &["-auto-approve"]),
        };
        std::iter::once(command).chain(common).chain(own.iter().copied()).collect()
    }

    /// The arguments of a plan that has nothing left to do after it.
    #[must_use]
    pub fn plan(self) -> &'static [&'static str] {
        match self {
            Self::Destroy => &["plan", "-destroy", "-input=false", "-detailed-exitcode"],
            Self::Create | Self::Saved | Self::Change => &["plan", "-input=false", "-detailed-exitcode"],
        }
    }

    /// Writes its configuration over that of the phase before it, and the plan file where it wants one.
    ///
    /// # Panics
    /// When the example is not what the edit was made for.
    pub async fn write(self, place: &Place) {
        match self {
            Self::Create => place.copy_example("fleet-eks"),
            Self::Saved => {
                place.copy_example("fleet-eks");
                place.run(&["plan", "-input=false", "-out", PLAN_FILE]).await.expect(0);
            }
            Self::Change => edit(place),
            Self::Destroy => {}
        }
    }

    fn clusters(self) -> &'static Clusters {
        match self {
            Self::Create | Self::Saved => EXAMPLE,
            Self::Change => EDITED,
            Self::Destroy => &[],
        }
    }

    /// What the sandbox holds after it: type and name of each object, with the role of a cluster or pool and the
    /// policies of a role.
    #[must_use]
    pub fn holds(self) -> BTreeMap<(String, String), Vec<String>> {
        let mut holds = BTreeMap::new();
        let mut add = |kind: &str, name: String, with: Vec<String>| {
            holds.insert((kind.to_owned(), name), with);
        };
        let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
        for (cluster, region, pools) in self.clusters() {
            let role = format!("{cluster}-{region}-cluster");
            add("cluster", format!("{region}/{cluster}"), vec![role.clone()]);
            add("role", role, texts(CLUSTER_POLICIES));
            for pool in *pools {
                let role = format!("{cluster}-{region}-{pool}-node");
                add("node-group", format!("{region}/{cluster}/{pool}"), vec![role.clone()]);
                add("role", role, texts(NODE_POLICIES));
            }
        }
        holds
    }
}

fn edit(place: &Place) {
    for (file, text, times, new, most) in EDIT {
        let before = std::fs::read_to_string(place.path().join(file)).unwrap();
        assert_eq!(before.matches(text).count(), *times, "{text} in {file} of the example");
        place.write(file, &before.replacen(text, new, *most));
    }
}
