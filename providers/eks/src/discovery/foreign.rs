//! What entries of Terraform's and OpenTofu's state stand for.
//!
//! # Source
//! Documentation of the provider hashicorp/aws, resources `aws_eks_cluster` and `aws_eks_node_group`, "Attribute
//! Reference" (2025-11); Service Authorization Reference, "Resource types defined by Amazon EKS", for the form of ARNs.

use crate::names;
use std::collections::BTreeMap;
use terrane_core::{ObjectId, Text};

/// The object of an entry; `None` for types that are none of ours.
pub fn object(type_name: &str, attributes: &BTreeMap<Text, Text>) -> Option<Result<ObjectId, String>> {
    let arn = || attributes.get("arn").map(|arn| &**arn).ok_or_else(|| String::from("it has no `arn`"));
    match type_name {
        "aws_eks_cluster" => Some(arn().and_then(cluster)),
        "aws_eks_node_group" => Some(arn().and_then(pool)),
        _ => None,
    }
}

/// `arn:PARTITION:eks:REGION:ACCOUNT:cluster/NAME`
fn cluster(arn: &str) -> Result<ObjectId, String> {
    match parts(arn) {
        Some((region, account, ["cluster", name])) => Ok(names::cluster_id(account, region, name)),
        _ => Err(format!("`{arn}` is no ARN of an EKS cluster")),
    }
}

/// `arn:PARTITION:eks:REGION:ACCOUNT:nodegroup/CLUSTER/NAME/UUID`
fn pool(arn: &str) -> Result<ObjectId, String> {
    match parts(arn) {
        Some((region, account, ["nodegroup", cluster, name, _])) => Ok(names::pool_id(account, region, cluster, name)),
        _ => Err(format!("`{arn}` is no ARN of an EKS node group")),
    }
}

type Parts<'a, const N: usize> = (&'a str, &'a str, [&'a str; N]);

/// Region, account and the `N` parts of the resource.
fn parts<const N: usize>(arn: &str) -> Option<Parts<'_, N>> {
    let mut fields = arn.splitn(6, ':');
    let (start, _partition, service) = (fields.next()?, fields.next()?, fields.next()?);
    let (region, account, resource) = (fields.next()?, fields.next()?, fields.next()?);
    let path: [&str; N] = resource.split('/').collect::<Vec<_>>().try_into().ok()?;
    let is_account = account.len() == 12 && account.bytes().all(|byte| byte.is_ascii_digit());
    let is_whole = !region.is_empty() && path.iter().all(|part| !part.is_empty());
    (start == "arn" && service == "eks" && is_account && is_whole).then_some((region, account, path))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(type_name: &str, arn: &str) -> Option<Result<String, String>> {
        let attributes = BTreeMap::from([(Text::from("arn"), Text::from(arn))]);
        object(type_name, &attributes).map(|found| found.map(|id| id.to_string()))
    }

    #[test]
    fn arns_tell_account_and_region() {
        let id = |text: &str| Some(Ok(text.to_owned()));
        assert_eq!(
            of("aws_eks_cluster", "arn:aws:eks:eu-west-1:111122223333:cluster/core"),
            id("111122223333/eu-west-1/core")
        );
        assert_eq!(
            of("aws_eks_node_group", "arn:aws-cn:eks:cn-north-1:111122223333:nodegroup/core/workers/0ab-1"),
            id("111122223333/cn-north-1/core/workers")
        );
    }

    #[test]
    fn what_is_no_arn_of_ours_is_said() {
        assert_eq!(of("aws_iam_role", "arn:aws:iam::111122223333:role/a"), None);
        for arn in
            ["core", "arn:aws:eks:eu-west-1:1:cluster/core", "arn:aws:eks:eu-west-1:111122223333:nodegroup/a/b/c"]
        {
            assert!(of("aws_eks_cluster", arn).is_some_and(|found| found.is_err()), "{arn}");
        }
        assert!(object("aws_eks_cluster", &BTreeMap::new()).is_some_and(|found| found.is_err()));
    }
}
