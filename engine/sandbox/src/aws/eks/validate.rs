//! Rules that clusters and node groups share: names, networks, roles.
//!
//! # Source
//! Amazon EKS API Reference, CreateCluster, VpcConfigRequest, KubernetesNetworkConfigRequest, CreateNodegroup; Amazon
//! EKS User Guide, "VPC and subnet requirements", "Cluster IAM role", "Node IAM role".

use std::collections::BTreeSet;

use serde_json::Value;

use super::cidr::{self, Cidr};
use crate::aws::Cx;
use crate::aws::error::AwsError;
use crate::aws::iam;
use crate::json::{flag, text, texts};

/// Refuses a name that is none.
pub(super) fn name(field: &str, name: &str, longest: usize) -> Result<(), AwsError> {
    let is_inner = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    let starts_well = name.bytes().next().is_some_and(|byte| byte.is_ascii_alphanumeric());
    if starts_well && name.len() <= longest && name.bytes().all(is_inner) {
        return Ok(());
    }
    Err(AwsError::parameter(format!(
        "The {field} parameter value '{name}' is invalid: 1 to {longest} characters, a letter or digit first, then \
         letters, digits, hyphens and underscores"
    )))
}

/// The VPC of subnets that exist in at least so many zones of one VPC.
pub(super) fn subnets(cx: &mut Cx<'_>, ids: &[String], zones: usize) -> Result<String, AwsError> {
    let network = &cx.region().network;
    let (mut vpcs, mut found_zones) = (BTreeSet::new(), BTreeSet::new());
    for id in ids {
        let subnet = network.get(id).filter(|_| id.starts_with("subnet-"));
        let subnet = subnet.ok_or_else(|| {
            AwsError::parameter(format!(
                "The subnet ID '{id}' does not exist (Service: AmazonEC2; Status Code: 400; Error Code: InvalidSubnetID.NotFound)"
            ))
        })?;
        vpcs.insert(text(subnet, "/vpcId").to_owned());
        found_zones.insert(text(subnet, "/availabilityZone").to_owned());
    }
    if vpcs.len() > 1 {
        return Err(AwsError::parameter("Subnets specified must belong to the same VPC"));
    }
    if found_zones.len() < zones {
        return Err(AwsError::parameter("Subnets specified must be in at least two different AZs"));
    }
    vpcs.pop_first().ok_or_else(|| AwsError::parameter("At least one subnet must be specified"))
}

/// Security groups that exist in the VPC.
pub(super) fn security_groups(cx: &mut Cx<'_>, ids: &[String], vpc: &str) -> Result<(), AwsError> {
    if ids.len() > 5 {
        return Err(AwsError::parameter("No more than 5 security groups can be specified"));
    }
    let network = &cx.region().network;
    for id in ids {
        let group = network.get(id).filter(|_| id.starts_with("sg-"));
        let group = group.ok_or_else(|| AwsError::parameter(format!("The security group '{id}' does not exist")))?;
        if text(group, "/vpcId") != vpc {
            return Err(AwsError::parameter(format!("Security group {id} is not in the VPC {vpc} of the subnets")));
        }
    }
    Ok(())
}

/// Refuses a `resourcesVpcConfig` under which nobody could reach the cluster, and ranges that are none.
pub(super) fn endpoints(config: &Value, ip_family: &str) -> Result<(), AwsError> {
    let public = flag(config, "/endpointPublicAccess").unwrap_or(true);
    if !public && !flag(config, "/endpointPrivateAccess").unwrap_or(false) {
        return Err(AwsError::parameter("Private and public endpoint access cannot be false"));
    }
    let cidrs = texts(config, "/publicAccessCidrs");
    if cidrs.len() > 40 {
        return Err(AwsError::parameter("publicAccessCidrs can have at most 40 CIDR blocks"));
    }
    let is_sound = |text: &String| Cidr::parse(text).is_some() || (ip_family == "ipv6" && cidr::is_ipv6(text));
    match cidrs.iter().find(|text| !is_sound(text)) {
        Some(wrong) => {
            Err(AwsError::parameter(format!("The following CIDRs are invalid in publicAccessCidrs: [{wrong}]")))
        }
        None => Ok(()),
    }
}

/// Refuses a service range that is not private, has the wrong size, or overlaps the VPC.
pub(super) fn service_cidr(cx: &mut Cx<'_>, range: &str, vpc: &str) -> Result<(), AwsError> {
    let wrong = |why: &str| Err(AwsError::parameter(format!("The serviceIpv4Cidr {range} is not valid: {why}")));
    let Some(range_found) = Cidr::parse(range) else {
        return wrong("it is no IPv4 range");
    };
    let private = ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"];
    if !private.iter().filter_map(|block| Cidr::parse(block)).any(|block| block.contains(range_found)) {
        return wrong("it must be within 10.0.0.0/8, 172.16.0.0/12 or 192.168.0.0/16");
    }
    if !(12..=24).contains(&range_found.prefix()) {
        return wrong("it must be between /12 and /24");
    }
    let blocks = cx.region().network.get(vpc).map(|doc| text(doc, "/cidrBlock").to_owned());
    if blocks.and_then(|block| Cidr::parse(&block)).is_some_and(|block| block.overlaps(range_found)) {
        return wrong("it overlaps with the VPC");
    }
    Ok(())
}

/// A cluster role that EKS can assume and that has the cluster policy, as far as EKS knows by now.
pub(super) fn cluster_role(cx: &Cx<'_>, arn: &str) -> Result<(), AwsError> {
    role_arn(cx, arn)?;
    let role = iam::role_of_arn(cx.world, arn).filter(|role| role.trusted_at <= cx.now);
    let role = role.ok_or_else(|| {
        AwsError::parameter(format!(
            "Role with arn: {arn}, could not be assumed because it does not exist or the trusted entity is not correct"
        ))
    })?;
    if iam::trust(role, "Service", &["eks.amazonaws.com"], "sts:AssumeRole").is_none() {
        return Err(AwsError::parameter("Role could not be assumed because the trusted entity is not correct"));
    }
    let needed = format!("{}AmazonEKSClusterPolicy", iam::MANAGED_PREFIX);
    if known_policies(cx, arn).contains(&needed) {
        return Ok(());
    }
    Err(AwsError::parameter(format!(
        "The provided role doesn't have the Amazon EKS Managed Policies associated with it. Please ensure the \
         following policies [{needed}] are attached"
    )))
}

/// A node role that EC2 can assume; what is missing among its policies shows only when nodes do not join.
pub(super) fn node_role(cx: &Cx<'_>, arn: &str) -> Result<Option<(String, String)>, AwsError> {
    role_arn(cx, arn)?;
    let role = iam::role_of_arn(cx.world, arn).filter(|role| role.trusted_at <= cx.now);
    let role = role.ok_or_else(|| {
        let name = arn.rsplit('/').next().unwrap_or_default();
        AwsError::parameter(format!("The role with name {name} cannot be found: nodeRole {arn} does not exist"))
    })?;
    if iam::trust(role, "Service", &["ec2.amazonaws.com"], "sts:AssumeRole").is_none() {
        return Err(AwsError::parameter(format!(
            "Following required service principals [ec2.amazonaws.com] were not found in the trust relationships of nodeRole {arn}"
        )));
    }
    let attached = texts(&role.doc, "/AttachedPolicies");
    let has = |names: &[&str]| names.iter().any(|name| attached.contains(&format!("{}{name}", iam::MANAGED_PREFIX)));
    let joins = has(&["AmazonEKSWorkerNodePolicy", "AmazonEKSWorkerNodeMinimalPolicy"])
        && has(&["AmazonEC2ContainerRegistryPullOnly", "AmazonEC2ContainerRegistryReadOnly"]);
    let failure = ("NodeCreationFailure".to_owned(), "Instances failed to join the kubernetes cluster".to_owned());
    Ok((!joins).then_some(failure))
}

fn role_arn(cx: &Cx<'_>, arn: &str) -> Result<(), AwsError> {
    let start = format!("arn:aws:iam::{}:role/", cx.account());
    if arn.starts_with("arn:aws:iam::") && !arn.starts_with(&start) {
        return Err(AwsError::new(403, "AccessDeniedException", "Cross-account pass role is not allowed."));
    }
    if arn.len() > start.len() && arn.starts_with(&start) {
        return Ok(());
    }
    Err(AwsError::parameter(format!("Invalid role ARN: {arn}")))
}

fn known_policies(cx: &Cx<'_>, arn: &str) -> Vec<String> {
    let role = iam::role_of_arn(cx.world, arn);
    let attached = role.map(|role| texts(&role.doc, "/AttachedPolicies")).unwrap_or_default();
    let is_known =
        |policy: &String| role.and_then(|role| role.attached_at.get(policy)).is_none_or(|known_at| *known_at <= cx.now);
    attached.into_iter().filter(is_known).collect()
}

/// The one encryption configuration that a cluster can have.
pub(super) fn encryption(cx: &Cx<'_>, value: &Value) -> Result<(), AwsError> {
    let configs = value.as_array().map(Vec::as_slice).unwrap_or_default();
    let [config] = configs else {
        return Err(AwsError::parameter("Exactly one encryptionConfig must be specified"));
    };
    if texts(config, "/resources") != ["secrets"] {
        return Err(AwsError::parameter("The only supported encryption resource is: secrets"));
    }
    let key = text(config, "/provider/keyArn");
    if !key.starts_with(&format!("arn:aws:kms:{}:", cx.call.region)) {
        return Err(AwsError::parameter(format!(
            "Invalid key ARN '{key}': the key must be in the region of the cluster"
        )));
    }
    Ok(())
}

/// Auto Mode is on in all three places or in none; `None` when nothing is said about it.
pub(super) fn auto_mode(request: &Value) -> Result<Option<bool>, AwsError> {
    let places = [
        "/computeConfig/enabled",
        "/kubernetesNetworkConfig/elasticLoadBalancing/enabled",
        "/storageConfig/blockStorage/enabled",
    ];
    let said: Vec<Option<bool>> = places.iter().map(|place| flag(request, place)).collect();
    match said.as_slice() {
        [None, None, None] => Ok(None),
        [Some(one), Some(two), Some(three)] if one == two && two == three => Ok(Some(*one)),
        _ => Err(AwsError::parameter(
            "For EKS Auto Mode, please ensure that all required configs, including computeConfig, \
             kubernetesNetworkConfig, and blockStorage are all either fully enabled or fully disabled",
        )),
    }
}
