//! The declaration of `eks_cluster`.
//!
//! # Source
//! Amazon EKS API Reference, CreateCluster, UpdateClusterConfig and "Cluster" (2025-11).

use crate::config::Credentials;
use std::collections::{BTreeMap, BTreeSet};
use terrane_derive::{Block, Resource};

/// A Kubernetes control plane on Amazon EKS.
#[derive(Clone, Debug, Resource)]
#[resource(type = "eks_cluster", version = 1, gone = "critical", any_true("endpoint.public", "endpoint.private"))]
pub struct Cluster {
    /// Identity: ACCOUNT/REGION/NAME.
    #[attr(computed)]
    pub id: Option<String>,
    /// Name, of letters, digits, `-` and `_`.
    #[attr(required, replaces, range = 1..=100, example = "core")]
    pub name: String,
    /// Region; without one, that of the provider block or the environment.
    #[attr(optional_computed, replaces, example = "eu-west-1")]
    pub region: Option<String>,
    /// Kubernetes minor version; it goes up one minor at a time and never down.
    #[attr(optional_computed, example = "1.34")]
    pub version: Option<String>,
    /// IAM role of the control plane; without one a role is made, and removed with the cluster.
    #[attr(optional_computed, replaces, example = "arn:aws:iam::111122223333:role/eks", severity = "high")]
    pub role_arn: Option<String>,
    /// Subnets and address ranges.
    #[attr(required, block, severity = "high")]
    pub network: Network,
    /// Who reaches the API server.
    #[attr(optional_computed, block, severity = "high")]
    pub endpoint: Option<Endpoint>,
    /// Control plane logs that go to CloudWatch.
    #[attr(
        optional,
        one_of("api", "audit", "authenticator", "scheduler", "controller_manager"),
        example = "[\"api\", \"audit\"]",
        severity = "high"
    )]
    pub logs: BTreeSet<String>,
    /// How Kubernetes objects are encrypted at rest.
    #[attr(optional, block, severity = "high")]
    pub encryption: Option<Encryption>,
    /// How AWS identities become Kubernetes users.
    #[attr(optional_computed, block, severity = "high")]
    pub access: Option<Access>,
    /// What happens when standard support of the version ends.
    #[attr(optional_computed, block)]
    pub upgrade_policy: Option<UpgradePolicy>,
    /// Whether EKS refuses to delete the cluster.
    #[attr(optional, default = false, severity = "high")]
    pub deletion_protection: bool,
    /// Capacity of the control plane.
    #[attr(optional_computed, one_of("standard", "tier-xl", "tier-2xl", "tier-4xl", "tier-8xl"), example = "standard")]
    pub tier: Option<String>,
    /// Whether traffic may be shifted away from a zone that fails.
    #[attr(optional, default = false)]
    pub zonal_shift: bool,
    /// Tags of the cluster and of the role made for it; default tags of the provider block are added.
    #[attr(optional, example = "{ team = \"platform\" }", severity = "low")]
    pub tags: BTreeMap<String, String>,
    /// Which credentials reach the cluster; laid over those of the provider block.
    #[attr(optional, example = "{ role_arn = \"arn:aws:iam::111122223333:role/deployer\" }", severity = "low")]
    pub credentials: Option<Credentials>,
    /// ARN of the cluster.
    #[attr(computed)]
    pub arn: Option<String>,
    /// URL of the API server.
    #[attr(computed)]
    pub endpoint_url: Option<String>,
    /// CA bundle of the API server, base64 of PEM.
    #[attr(computed)]
    pub certificate_authority: Option<String>,
    /// Issuer of the tokens of service accounts.
    #[attr(computed)]
    pub oidc_issuer: Option<String>,
    /// EKS's own version of the control plane.
    #[attr(computed, example = "eks.9")]
    pub platform_version: Option<String>,
    /// Status: CREATING, ACTIVE, UPDATING, DELETING, FAILED, PENDING.
    #[attr(computed)]
    pub status: Option<String>,
    /// VPC of the subnets.
    #[attr(computed)]
    pub vpc: Option<String>,
    /// Security group that EKS made for control plane and nodes.
    #[attr(computed)]
    pub cluster_security_group: Option<String>,
    /// When the cluster was made, RFC 3339.
    #[attr(computed)]
    pub created_at: Option<String>,
    /// Name of the role that was made for the cluster; null where the configuration names one.
    #[attr(computed)]
    pub owned_role: Option<String>,
}

/// Subnets and address ranges.
#[derive(Clone, Debug, Block)]
pub struct Network {
    /// Subnets of the control plane, in at least two zones of one VPC.
    #[attr(required, example = "[\"subnet-0a1\", \"subnet-0b2\"]")]
    pub subnets: BTreeSet<String>,
    /// Further security groups of the control plane, at most five.
    #[attr(optional)]
    pub security_groups: BTreeSet<String>,
    /// Range of service addresses, at most one, private, /12 to /24.
    #[attr(optional_computed, replaces, example = "[\"172.20.0.0/16\"]")]
    pub service_cidrs: Option<Vec<String>>,
    /// Family of pod and service addresses.
    #[attr(optional_computed, replaces, one_of("ipv4", "ipv6"))]
    pub ip_family: Option<String>,
}

/// Who reaches the API server.
#[derive(Clone, Debug, Block)]
pub struct Endpoint {
    /// Whether it can be reached from outside of the VPC.
    #[attr(optional, default = true)]
    pub public: bool,
    /// Whether it can be reached from inside of the VPC.
    #[attr(optional, default = false)]
    pub private: bool,
    /// Ranges that may reach it from outside, at most 40.
    #[attr(optional_computed, example = "[\"198.51.100.0/24\"]")]
    pub allowed_cidrs: Option<BTreeSet<String>>,
}

/// How Kubernetes objects are encrypted at rest.
#[derive(Clone, Debug, Block)]
pub struct Encryption {
    /// ARN of a symmetric KMS key of the same region.
    #[attr(required)]
    pub kms_key: String,
    /// Kinds of objects.
    #[attr(optional, one_of("secrets"))]
    pub resources: BTreeSet<String>,
}

/// How AWS identities become Kubernetes users.
#[derive(Clone, Debug, Block)]
pub struct Access {
    /// Where they are listed; it only goes from CONFIG_MAP over API_AND_CONFIG_MAP to API.
    #[attr(optional_computed, one_of("CONFIG_MAP", "API_AND_CONFIG_MAP", "API"))]
    pub authentication_mode: Option<String>,
    /// Whether the identity that creates the cluster administers it; old clusters do not tell.
    #[attr(optional_computed, replaces)]
    pub bootstrap_admin: Option<bool>,
}

/// What happens when standard support of the version ends.
#[derive(Clone, Debug, Block)]
pub struct UpgradePolicy {
    /// EXTENDED pays for longer support, STANDARD lets EKS upgrade.
    #[attr(optional_computed, one_of("STANDARD", "EXTENDED"))]
    pub support_type: Option<String>,
}
