//! Names and identities: of objects, of the roles we make, of AWS partitions.

use terrane_core::{ObjectId, Scope};

/// Type name of clusters.
pub const CLUSTER: &str = "eks_cluster";
/// Type name of node pools.
pub const NODE_POOL: &str = "eks_node_pool";

/// Longest name of a role.
///
/// # Source
/// IAM User Guide, "IAM and AWS STS quotas" (2025-11).
const ROLE_NAME_MOST: usize = 64;

/// Name of the role of a cluster, `<cluster>-<region>-cluster`.
#[must_use]
pub fn cluster_role(cluster: &str, region: &str) -> String {
    cut(&format!("{cluster}-{region}-cluster"))
}

/// Name of the role of a pool's nodes, `<cluster>-<region>-<pool>-node`.
#[must_use]
pub fn node_role(cluster: &str, region: &str, pool: &str) -> String {
    cut(&format!("{cluster}-{region}-{pool}-node"))
}

/// A name of at most 64 characters: a longer one keeps its beginning and ends in a hash of the whole.
fn cut(name: &str) -> String {
    if name.len() <= ROLE_NAME_MOST {
        return name.to_owned();
    }
    let start: String = name.chars().take(ROLE_NAME_MOST - 11).collect();
    format!("{start}-{:010x}", hash(name) & 0xff_ffff_ffff)
}

/// FNV-1a of 64 bits: no secrecy is needed, only the same answer everywhere.
fn hash(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

/// The AWS partition of a region.
///
/// # Source
/// AWS General Reference, "Amazon Resource Names" and the partitions of botocore's endpoints.json (2025-11).
#[must_use]
pub fn partition(region: &str) -> &'static str {
    if region.starts_with("cn-") {
        "aws-cn"
    } else if region.starts_with("us-gov-") {
        "aws-us-gov"
    } else {
        "aws"
    }
}

/// ARN of a role without a path.
#[must_use]
pub fn role_arn(region: &str, account: &str, name: &str) -> String {
    format!("arn:{}:iam::{account}:role/{name}", partition(region))
}

/// Identity of a cluster.
#[must_use]
pub fn cluster_id(account: &str, region: &str, name: &str) -> ObjectId {
    object(CLUSTER, [account, region, ""], name)
}

/// Identity of a node pool.
#[must_use]
pub fn pool_id(account: &str, region: &str, cluster: &str, name: &str) -> ObjectId {
    object(NODE_POOL, [account, region, cluster], name)
}

fn object(type_name: &str, [account, region, parent]: [&str; 3], name: &str) -> ObjectId {
    let scope = Scope { provider: "eks".into(), account: account.into(), region: region.into(), parent: parent.into() };
    ObjectId { type_name: type_name.into(), scope, key: name.into() }
}

/// Reads `account/region/name`.
///
/// # Errors
/// What the form is.
pub fn parse_cluster_id(text: &str) -> Result<ObjectId, String> {
    let parts: Vec<&str> = text.split('/').collect();
    match parts.as_slice() {
        [account, region, name] if is_account(account) && !region.is_empty() && !name.is_empty() => {
            Ok(cluster_id(account, region, name))
        }
        _ => Err("the id of an eks_cluster is ACCOUNT/REGION/NAME, such as 111122223333/eu-west-1/core".to_owned()),
    }
}

/// Reads `account/region/cluster/name`.
///
/// # Errors
/// What the form is.
pub fn parse_pool_id(text: &str) -> Result<ObjectId, String> {
    let parts: Vec<&str> = text.split('/').collect();
    match parts.as_slice() {
        [account, region, cluster, name]
            if is_account(account) && [region, cluster, name].iter().all(|part| !part.is_empty()) =>
        {
            Ok(pool_id(account, region, cluster, name))
        }
        _ => Err("the id of an eks_node_pool is ACCOUNT/REGION/CLUSTER/NAME, such as \
                  111122223333/eu-west-1/core/workers"
            .to_owned()),
    }
}

fn is_account(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Whether a name of a cluster or node pool has a form that EKS takes.
///
/// # Source
/// Amazon EKS API Reference, CreateCluster, `name` (2025-11): `^[0-9A-Za-z][A-Za-z0-9\-_]*`.
#[must_use]
pub fn is_sound(name: &str) -> bool {
    name.bytes().next().is_some_and(|byte| byte.is_ascii_alphanumeric())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_role_names_are_cut_and_stay_apart() {
        assert_eq!(cluster_role("core", "eu-west-1"), "core-eu-west-1-cluster");
        let long = "x".repeat(60);
        let (one, two) = (node_role(&long, "eu-west-1", "a"), node_role(&long, "eu-west-1", "b"));
        assert_eq!((one.len(), two.len()), (64, 64));
        assert_ne!(one, two);
        assert_eq!(one, node_role(&long, "eu-west-1", "a"));
    }

    #[test]
    fn ids_go_both_ways() {
        let id = parse_pool_id("111122223333/eu-west-1/core/workers").expect("an id");
        assert_eq!((&*id.scope.parent, &*id.key), ("core", "workers"));
        assert_eq!(id.to_string(), "111122223333/eu-west-1/core/workers");
        assert_eq!(
            parse_cluster_id("111122223333/eu-west-1/core").map(|id| id.to_string()).as_deref(),
            Ok("111122223333/eu-west-1/core")
        );
        assert!(parse_cluster_id("core").is_err() && parse_pool_id("1/2/3/4").is_err());
    }

    #[test]
    fn names_have_the_form_that_eks_takes() {
        assert!(is_sound("a-B_9") && !is_sound("-a") && !is_sound("a b") && !is_sound(""));
    }
}
