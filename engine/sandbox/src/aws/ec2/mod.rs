//! EC2: reading the network, and tags.
//!
//! # Source
//! Amazon EC2 API Reference (2016-11-15): DescribeVpcs, DescribeSubnets, DescribeRouteTables,
//! DescribeInternetGateways, DescribeNatGateways, DescribeSecurityGroups, DescribeLaunchTemplates,
//! DescribeLaunchTemplateVersions, DescribeAvailabilityZones, DescribeRegions, DescribeInstanceTypes,
//! DescribeInstances, CreateTags, DeleteTags; error codes from "Error codes for the Amazon EC2 API".

use serde_json::{Value, json};

use super::Cx;
use super::call::{Input, Parsed};
use super::error::AwsError;
use super::query::Form;
use crate::json::{object_at, text};

mod describe;
pub(crate) mod instance_types;
pub(crate) mod network;

pub(crate) const VERSION: &str = "2016-11-15";
pub(crate) const NAMESPACE: &str = "http://ec2.amazonaws.com/doc/2016-11-15/";

const OPERATIONS: &[(&str, &[&str], bool)] = &[
    ("DescribeVpcs", &["VpcId", "Filter", "NextToken", "MaxResults", "DryRun"], false),
    ("DescribeSubnets", &["SubnetId", "Filter", "NextToken", "MaxResults", "DryRun"], false),
    ("DescribeRouteTables", &["RouteTableId", "Filter", "NextToken", "MaxResults", "DryRun"], false),
    ("DescribeInternetGateways", &["InternetGatewayId", "Filter", "NextToken", "MaxResults", "DryRun"], false),
    ("DescribeNatGateways", &["NatGatewayId", "Filter", "NextToken", "MaxResults", "DryRun"], false),
    ("DescribeSecurityGroups", &["GroupId", "GroupName", "Filter", "NextToken", "MaxResults", "DryRun"], false),
    (
        "DescribeLaunchTemplates",
        &["LaunchTemplateId", "LaunchTemplateName", "Filter", "NextToken", "MaxResults", "DryRun"],
        false,
    ),
    (
        "DescribeLaunchTemplateVersions",
        &[
            "LaunchTemplateId",
            "LaunchTemplateName",
            "LaunchTemplateVersion",
            "MinVersion",
            "MaxVersion",
            "Filter",
            "NextToken",
            "MaxResults",
            "DryRun",
        ],
        false,
    ),
    ("DescribeAvailabilityZones", &["ZoneName", "ZoneId", "AllAvailabilityZones", "Filter", "DryRun"], false),
    ("DescribeRegions", &["RegionName", "AllRegions", "Filter", "DryRun"], false),
    ("DescribeInstanceTypes", &["InstanceType", "Filter", "NextToken", "MaxResults", "DryRun"], false),
    ("DescribeInstances", &["InstanceId", "Filter", "NextToken", "MaxResults", "DryRun"], false),
    ("CreateTags", &["ResourceId", "Tag", "DryRun"], true),
    ("DeleteTags", &["ResourceId", "Tag", "DryRun"], true),
];

/// Parameters that name the object for the log.
const NAMES: &[&str] = &["ResourceId.1", "VpcId.1", "SubnetId.1", "RouteTableId.1", "GroupId.1", "LaunchTemplateId.1"];

/// Reads a request.
pub(crate) fn parse(form: Form) -> Parsed {
    Parsed::form(form, OPERATIONS, NAMES)
}

/// Carries a request out.
pub(crate) fn execute(cx: &mut Cx<'_>) -> Result<Value, AwsError> {
    let Input::Form(form) = &cx.call.input else {
        return Err(AwsError::new(400, "InvalidAction", "not a query request"));
    };
    if form.get("DryRun") == Some("true") {
        return Err(AwsError::new(412, "DryRunOperation", "Request would have succeeded, but DryRun flag is set."));
    }
    match cx.call.operation.as_str() {
        "CreateTags" => create_tags(cx, form),
        "DeleteTags" => delete_tags(cx, form),
        "DescribeAvailabilityZones" => describe::zones(cx, form),
        "DescribeRegions" => describe::regions(cx, form),
        "DescribeInstanceTypes" => describe::instance_types(form),
        "DescribeInstances" => describe::instances(form),
        "DescribeLaunchTemplateVersions" => describe::launch_template_versions(cx, form),
        operation => describe::objects(cx, operation, form),
    }
}

/// `Invalid<Kind>.NotFound` for an id, by its prefix.
pub(crate) fn not_found(id: &str) -> AwsError {
    let (code, what) = match id.split('-').next().unwrap_or_default() {
        "vpc" => ("InvalidVpcID.NotFound", "vpc ID"),
        "subnet" => ("InvalidSubnetID.NotFound", "subnet ID"),
        "rtb" => ("InvalidRouteTableID.NotFound", "routeTable ID"),
        "igw" => ("InvalidInternetGatewayID.NotFound", "internetGateway ID"),
        "nat" => ("NatGatewayNotFound", "nat gateway ID"),
        "sg" => ("InvalidGroup.NotFound", "security group"),
        "lt" => ("InvalidLaunchTemplateId.NotFound", "launch template ID"),
        _ => ("InvalidID", "ID"),
    };
    AwsError::new(400, code, format!("The {what} '{id}' does not exist"))
}

fn tagged(cx: &mut Cx<'_>, form: &Form) -> Result<Vec<String>, AwsError> {
    let ids = form.list("ResourceId");
    if ids.is_empty() || form.numbers("Tag").is_empty() && cx.call.operation == "CreateTags" {
        let text = "The request must contain the parameter ResourceId and Tag";
        return Err(AwsError::new(400, "MissingParameter", text));
    }
    let network = &cx.region().network;
    match ids.iter().find(|id| !network.contains_key(*id)) {
        Some(missing) => Err(not_found(missing)),
        None => Ok(ids),
    }
}

fn create_tags(cx: &mut Cx<'_>, form: &Form) -> Result<Value, AwsError> {
    let ids = tagged(cx, form)?;
    let tags = form.tags("Tag");
    for (key, value) in &tags {
        let is_sound =
            (1..=127).contains(&key.chars().count()) && value.as_deref().unwrap_or_default().chars().count() <= 256;
        if key.starts_with("aws:") || !is_sound {
            let text = format!(
                "Value ( {key} ) for parameter key is invalid. Tag keys starting with 'aws:' are reserved for internal use"
            );
            return Err(AwsError::new(400, "InvalidParameterValue", text));
        }
    }
    let network = &mut cx.region().network;
    for id in &ids {
        let Some(present) = network.get_mut(id).and_then(|doc| object_at(doc, "/tags")) else {
            continue;
        };
        let fresh = tags.iter().filter(|(key, _)| !present.contains_key(key)).count();
        if present.len().saturating_add(fresh) > 50 {
            return Err(AwsError::new(400, "TagLimitExceeded", format!("The tag limit of {id} is reached")));
        }
        for (key, value) in &tags {
            present.insert(key.clone(), json!(value.clone().unwrap_or_default()));
        }
    }
    Ok(json!({"return": true}))
}

/// Without a value a tag goes whatever its value is; with one only when it is the same.
fn delete_tags(cx: &mut Cx<'_>, form: &Form) -> Result<Value, AwsError> {
    let ids = tagged(cx, form)?;
    let tags = form.tags("Tag");
    let network = &mut cx.region().network;
    for id in &ids {
        let Some(present) = network.get_mut(id).and_then(|doc| object_at(doc, "/tags")) else {
            continue;
        };
        if tags.is_empty() {
            present.clear();
        }
        for (key, value) in &tags {
            let is_meant =
                value.as_deref().is_none_or(|value| present.get(key).is_some_and(|found| text(found, "") == value));
            if is_meant {
                present.remove(key);
            }
        }
    }
    Ok(json!({"return": true}))
}
