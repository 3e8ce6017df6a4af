//! What a sandbox is started with.

use std::fmt;

use crate::error::SandboxError;

/// One account with its key pair.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountSeed {
    /// Twelve digits.
    pub id: String,
    /// Access key that belongs to `user/sandbox` of the account.
    pub access_key_id: String,
    /// Its secret; obviously not a real one.
    pub secret_access_key: String,
}

/// Emulated seconds that a long-running operation takes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Durations {
    /// From CREATING to ACTIVE.
    pub cluster_create: f64,
    /// From DELETING to gone.
    pub cluster_delete: f64,
    /// Any configuration update of a cluster or node group.
    pub config_update: f64,
    /// A version update of a cluster or node group.
    pub version_update: f64,
    /// From CREATING to ACTIVE.
    pub node_group_create: f64,
    /// From DELETING to gone.
    pub node_group_delete: f64,
}

/// Emulated seconds until a change is seen elsewhere.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ConsistencyLag {
    /// Until a new cluster or node group is in the answers of EKS.
    pub eks: f64,
    /// Until a new role is in the answers of IAM.
    pub iam: f64,
    /// Until EKS and STS see a new role, trust policy or attachment.
    pub iam_propagation: f64,
}

/// How many of a kind an account may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quotas {
    /// Clusters in a region.
    pub clusters: usize,
    /// Node groups in a cluster.
    pub node_groups: usize,
    /// Nodes in a node group.
    pub nodes: i64,
    /// Roles in an account.
    pub roles: usize,
    /// Policies attached to a role.
    pub attached_policies: usize,
}

/// A token bucket; times are emulated.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Throttle {
    /// Requests refilled in an emulated second.
    pub per_second: f64,
    /// Requests that may come at once.
    pub burst: f64,
}

/// Where every emulated cluster says that its Kubernetes API is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KubernetesEndpoint {
    /// URL of an API server.
    pub url: String,
    /// Its CA bundle: base64 of PEM.
    pub ca_data: String,
}

/// Everything a sandbox is started with; `default()` is two accounts and two regions, undisturbed, at real speed.
#[derive(Clone, PartialEq)]
pub struct SandboxConfig {
    /// Accounts, each with its own key pair.
    pub accounts: Vec<AccountSeed>,
    /// Regions that have a network from the start; any other region gets one when first used.
    pub regions: Vec<String>,
    /// Emulated seconds that pass in one real second; 0 counts as 1.
    pub clock_rate: u32,
    /// Emulated time at the start in seconds since the Unix epoch; the real time when `None`.
    pub start_epoch_seconds: Option<f64>,
    /// How long operations take.
    pub durations: Durations,
    /// How late changes become visible.
    pub lag: ConsistencyLag,
    /// Upper limits.
    pub quotas: Quotas,
    /// Bucket for each account, region and service.
    pub throttle: Throttle,
    /// Web identity tokens that STS accepts.
    pub web_identity_tokens: Vec<String>,
    /// Endpoint of all clusters; an invented AWS host name when `None`.
    pub kubernetes: Option<KubernetesEndpoint>,
    /// Port to listen on at 127.0.0.1; a free one when 0.
    pub port: u16,
}

impl Default for SandboxConfig {
    fn default() -> Self {
        let account = |letter: &str, id: &str| AccountSeed {
            id: id.to_owned(),
            access_key_id: format!("AKIASANDBOXACCOUNT{letter}0"),
            secret_access_key: format!("sandbox-secret-of-account-{}-not-a-real-key", letter.to_lowercase()),
        };
        Self {
            accounts: vec![account("A", "111122223333"), account("B", "444455556666")],
            regions: vec!["eu-west-1".to_owned(), "us-east-1".to_owned()],
            clock_rate: 1,
            start_epoch_seconds: None,
            durations: Durations {
                cluster_create: 600.0,
                cluster_delete: 300.0,
                config_update: 120.0,
                version_update: 600.0,
                node_group_create: 180.0,
                node_group_delete: 240.0,
            },
            lag: ConsistencyLag { eks: 0.0, iam: 2.0, iam_propagation: 8.0 },
            quotas: Quotas { clusters: 100, node_groups: 30, nodes: 450, roles: 1000, attached_policies: 10 },
            throttle: Throttle { per_second: 1_000.0, burst: 10_000.0 },
            web_identity_tokens: Vec::new(),
            kubernetes: None,
            port: 0,
        }
    }
}

impl fmt::Debug for SandboxConfig {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("SandboxConfig")
            .field("accounts", &self.accounts.len())
            .field("regions", &self.regions)
            .field("clock_rate", &self.clock_rate)
            .finish_non_exhaustive()
    }
}

impl SandboxConfig {
    /// Refuses what no world can be made of.
    pub(crate) fn check(&self) -> Result<(), SandboxError> {
        let wrong = |problem: String| Err(SandboxError::Config { problem });
        if self.accounts.is_empty() {
            return wrong("it has no account".to_owned());
        }
        for (position, account) in self.accounts.iter().enumerate() {
            if account.id.len() != 12 || !account.id.bytes().all(|byte| byte.is_ascii_digit()) {
                return wrong(format!("account \"{}\" is not twelve digits", account.id));
            }
            let earlier = self.accounts.iter().take(position);
            let mut earlier =
                earlier.filter(|other| other.id == account.id || other.access_key_id == account.access_key_id);
            if earlier.next().is_some() {
                return wrong(format!("account {} or its access key is there twice", account.id));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_account_twice_is_refused() {
        let mut config = SandboxConfig::default();
        config.accounts.extend(config.accounts.clone());
        assert!(config.check().is_err());
    }
}
