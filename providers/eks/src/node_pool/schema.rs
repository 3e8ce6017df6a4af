//! The declaration of `eks_node_pool`.
//!
//! # Source
//! Amazon EKS API Reference, CreateNodegroup, UpdateNodegroupConfig, UpdateNodegroupVersion and "Nodegroup" (2025-11).

use std::collections::{BTreeMap, BTreeSet};
use terrane_core::Value;
use terrane_derive::{Block, Resource};

/// A group of nodes of an EKS cluster that EKS manages.
#[derive(Clone, Debug, Resource)]
#[resource(
    type = "eks_node_pool",
    version = 1,
    conflicts("launch_template", "disk.size_gib"),
    at_most("size.min", "size.max")
)]
pub struct NodePool {
    /// Identity: ACCOUNT/REGION/CLUSTER/NAME.
    #[attr(computed)]
    pub id: Option<String>,
    /// Id of the cluster; region, account and credentials are the cluster's.
    #[attr(required, replaces, example = "eks_cluster.core.id")]
    pub cluster: String,
    /// Name, of letters, digits, `-` and `_`.
    #[attr(required, replaces, range = 1..=63, example = "workers")]
    pub name: String,
    /// Kubernetes minor version of the nodes; without one, what EKS chose, and never changed.
    #[attr(optional_computed, disrupts = "replaces the nodes one after the other", example = "1.34")]
    pub version: Option<String>,
    /// Release of the image; without one, the latest of the version when that is set.
    #[attr(optional_computed, disrupts = "replaces the nodes one after the other", example = "1.34.2-20251001")]
    pub release_version: Option<String>,
    /// How many nodes.
    #[attr(required, block)]
    pub size: Size,
    /// What machines.
    #[attr(optional_computed, block)]
    pub instance: Option<Instance>,
    /// Their root disk.
    #[attr(optional_computed, block)]
    pub disk: Option<Disk>,
    /// Subnets of the nodes; without them, those of the cluster.
    #[attr(optional_computed, replaces, severity = "high")]
    pub subnets: Option<BTreeSet<String>>,
    /// Kubernetes labels of the nodes.
    #[attr(optional, example = "{ pool = \"workers\" }", severity = "low")]
    pub labels: BTreeMap<String, String>,
    /// Kubernetes taints of the nodes; key and effect name a taint.
    #[attr(optional, block_set)]
    pub taints: Vec<Taint>,
    /// How nodes are replaced when the version changes.
    #[attr(optional_computed, block)]
    pub upgrade: Option<Upgrade>,
    /// Tags of the node group and of the role made for it, not of the machines; default tags are added.
    #[attr(optional, example = "{ team = \"platform\" }", severity = "low")]
    pub tags: BTreeMap<String, String>,
    /// IAM role of the nodes; without one a role is made, and removed with the pool.
    #[attr(optional_computed, replaces, example = "arn:aws:iam::111122223333:role/eks-node", severity = "high")]
    pub node_role_arn: Option<String>,
    /// A launch template that says more about the machines.
    #[attr(optional, block, severity = "high")]
    pub launch_template: Option<LaunchTemplate>,
    /// ARN of the node group.
    #[attr(computed)]
    pub arn: Option<String>,
    /// Status: CREATING, ACTIVE, UPDATING, DELETING, CREATE_FAILED, DELETE_FAILED, DEGRADED.
    #[attr(computed)]
    pub status: Option<String>,
    /// Auto Scaling groups behind the pool.
    #[attr(computed)]
    pub autoscaling_groups: Option<Vec<String>>,
    /// When the node group was made, RFC 3339.
    #[attr(computed)]
    pub created_at: Option<String>,
    /// Name of the role that was made for the nodes; null where the configuration names one.
    #[attr(computed)]
    pub owned_role: Option<String>,
}

/// How many nodes. `desired` alone, or `min` equal to `max`: that many. Else `desired` is the number to start with, and
/// an autoscaler moves between `min` and `max`.
#[derive(Clone, Debug, Block)]
pub struct Size {
    /// Fewest nodes.
    #[attr(optional_computed, range = 0..=100_000)]
    pub min: Option<i32>,
    /// Most nodes.
    #[attr(optional_computed, range = 1..=100_000)]
    pub max: Option<i32>,
    /// Nodes to start with.
    #[attr(optional_computed, range = 0..=100_000)]
    pub desired: Option<i32>,
}

/// What machines.
#[derive(Clone, Debug, Block)]
pub struct Instance {
    /// Instance types, the preferred first, at most 20, all of one architecture.
    #[attr(optional_computed, replaces, example = "[\"m6i.large\"]")]
    pub types: Option<Vec<String>>,
    /// Image, in EKS's words; without one, Amazon Linux 2023 of the architecture.
    #[attr(optional_computed, replaces, example = "AL2023_x86_64_STANDARD")]
    pub image: Option<String>,
    /// Whether spare capacity is used that AWS may take back.
    #[attr(optional, replaces, default = false)]
    pub spot: bool,
}

/// The root disk of a node.
#[derive(Clone, Debug, Block)]
pub struct Disk {
    /// Its size.
    #[attr(optional_computed, replaces, unit = "GiB", range = 1..=16_384)]
    pub size_gib: Option<i32>,
}

/// A taint.
#[derive(Clone, Debug, PartialEq, Eq, Block)]
pub struct Taint {
    /// Its key.
    #[attr(required, range = 1..=63)]
    pub key: String,
    /// Its value.
    #[attr(optional, default = "", range = 0..=63)]
    pub value: String,
    /// What it does, as Kubernetes writes it.
    #[attr(required, one_of("NoSchedule", "PreferNoSchedule", "NoExecute"))]
    pub effect: String,
}

/// How nodes are replaced.
#[derive(Clone, Debug, Block)]
pub struct Upgrade {
    /// Nodes that may be missing at once: a number, or a part such as "10%".
    #[attr(optional_computed, example = "10%")]
    pub max_unavailable: Value,
}

/// A launch template.
#[derive(Clone, Debug, Block)]
pub struct LaunchTemplate {
    /// Its id.
    #[attr(required, replaces, example = "lt-0a1")]
    pub id: String,
    /// Its version, a number; without one, the template's default when the pool is made.
    #[attr(optional_computed, disrupts = "replaces the nodes one after the other", example = "3")]
    pub version: Option<String>,
}
