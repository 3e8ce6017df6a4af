//! Reading EC2 objects: by ids, by filters, in pages.
//!
//! # Source
//! Amazon EC2 API Reference, the `Filters` of each describe operation; Amazon EC2 User Guide, "Filter your
//! resources" (several filters are joined by AND, values by OR, `*` and `?` are wildcards).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::instance_types;
use super::network::{ZONES, zone_id};
use super::not_found;
use crate::aws::Cx;
use crate::aws::error::AwsError;
use crate::aws::query::{Filter, Form};
use crate::json::{number, set, text};

/// One describe operation over stored objects.
struct Listing {
    operation: &'static str,
    prefix: &'static str,
    set: &'static str,
    id_parameter: &'static str,
    /// Filter name and the place of its value; `*` stands for every member of a list.
    filters: &'static [(&'static str, &'static str)],
}

const LISTINGS: &[Listing] = &[
    Listing {
        operation: "DescribeVpcs",
        prefix: "vpc-",
        set: "vpcSet",
        id_parameter: "VpcId",
        filters: &[
            ("vpc-id", "vpcId"),
            ("cidr", "cidrBlock"),
            ("cidr-block-association.cidr-block", "cidrBlockAssociationSet/*/cidrBlock"),
            ("cidr-block-association.association-id", "cidrBlockAssociationSet/*/associationId"),
            ("dhcp-options-id", "dhcpOptionsId"),
            ("is-default", "isDefault"),
            ("owner-id", "ownerId"),
            ("state", "state"),
        ],
    },
    Listing {
        operation: "DescribeSubnets",
        prefix: "subnet-",
        set: "subnetSet",
        id_parameter: "SubnetId",
        filters: &[
            ("subnet-id", "subnetId"),
            ("vpc-id", "vpcId"),
            ("availability-zone", "availabilityZone"),
            ("availabilityZone", "availabilityZone"),
            ("availability-zone-id", "availabilityZoneId"),
            ("cidr-block", "cidrBlock"),
            ("cidr", "cidrBlock"),
            ("default-for-az", "defaultForAz"),
            ("map-public-ip-on-launch", "mapPublicIpOnLaunch"),
            ("owner-id", "ownerId"),
            ("state", "state"),
            ("subnet-arn", "subnetArn"),
            ("available-ip-address-count", "availableIpAddressCount"),
        ],
    },
    Listing {
        operation: "DescribeRouteTables",
        prefix: "rtb-",
        set: "routeTableSet",
        id_parameter: "RouteTableId",
        filters: &[
            ("route-table-id", "routeTableId"),
            ("vpc-id", "vpcId"),
            ("owner-id", "ownerId"),
            ("association.main", "associationSet/*/main"),
            ("association.subnet-id", "associationSet/*/subnetId"),
            ("association.route-table-id", "associationSet/*/routeTableId"),
            ("association.route-table-association-id", "associationSet/*/routeTableAssociationId"),
            ("route.destination-cidr-block", "routeSet/*/destinationCidrBlock"),
            ("route.gateway-id", "routeSet/*/gatewayId"),
            ("route.nat-gateway-id", "routeSet/*/natGatewayId"),
            ("route.state", "routeSet/*/state"),
        ],
    },
    Listing {
        operation: "DescribeInternetGateways",
        prefix: "igw-",
        set: "internetGatewaySet",
        id_parameter: "InternetGatewayId",
        filters: &[
            ("internet-gateway-id", "internetGatewayId"),
            ("attachment.vpc-id", "attachmentSet/*/vpcId"),
            ("attachment.state", "attachmentSet/*/state"),
            ("owner-id", "ownerId"),
        ],
    },
    Listing {
        operation: "DescribeNatGateways",
        prefix: "nat-",
        set: "natGatewaySet",
        id_parameter: "NatGatewayId",
        filters: &[
            ("nat-gateway-id", "natGatewayId"),
            ("subnet-id", "subnetId"),
            ("vpc-id", "vpcId"),
            ("state", "state"),
        ],
    },
    Listing {
        operation: "DescribeSecurityGroups",
        prefix: "sg-",
        set: "securityGroupInfo",
        id_parameter: "GroupId",
        filters: &[
            ("group-id", "groupId"),
            ("group-name", "groupName"),
            ("description", "groupDescription"),
            ("vpc-id", "vpcId"),
            ("owner-id", "ownerId"),
        ],
    },
    Listing {
        operation: "DescribeLaunchTemplates",
        prefix: "lt-",
        set: "launchTemplates",
        id_parameter: "LaunchTemplateId",
        filters: &[("launch-template-name", "launchTemplateName"), ("create-time", "createTime")],
    },
];

/// Answers one of the listings.
pub(super) fn objects(cx: &mut Cx<'_>, operation: &str, form: &Form) -> Result<Value, AwsError> {
    let listing = LISTINGS.iter().find(|listing| listing.operation == operation);
    let listing =
        listing.ok_or_else(|| AwsError::new(400, "InvalidAction", format!("The action {operation} is not valid")))?;
    let ids = form.list(listing.id_parameter);
    let network = &cx.region().network;
    if let Some(missing) = ids.iter().find(|id| !id.starts_with(listing.prefix) || !network.contains_key(*id)) {
        return Err(not_found(missing));
    }
    let names = form.list("LaunchTemplateName");
    let filters = form.filters();
    let mut found = Vec::new();
    for (id, doc) in network.iter().filter(|(id, _)| id.starts_with(listing.prefix)) {
        let is_named = names.is_empty() || names.iter().any(|name| text(doc, "/launchTemplateName") == name);
        if (ids.is_empty() || ids.contains(id)) && is_named && fits(doc, &filters, listing.filters)? {
            found.push(shown(doc));
        }
    }
    page(form, listing.set, found)
}

/// The document with its tags as the list that EC2 answers.
fn shown(doc: &Value) -> Value {
    let mut shown = doc.clone();
    let tags = doc.get("tags").and_then(Value::as_object).into_iter().flatten();
    let tags: Vec<Value> = tags.map(|(key, value)| json!({"key": key, "value": value})).collect();
    set(&mut shown, "/tagSet", json!(tags));
    set(&mut shown, "/tags", Value::Null);
    shown
}

fn fits(doc: &Value, filters: &[Filter], known: &[(&str, &str)]) -> Result<bool, AwsError> {
    for filter in filters {
        let found: Vec<String> = if let Some(key) = filter.name.strip_prefix("tag:") {
            let tags = doc.get("tags").and_then(Value::as_object);
            tags.and_then(|tags| tags.get(key)).map(plain).into_iter().collect()
        } else if filter.name == "tag-key" {
            doc.get("tags").and_then(Value::as_object).into_iter().flatten().map(|(key, _)| key.clone()).collect()
        } else {
            let Some((_, place)) = known.iter().find(|(name, _)| *name == filter.name) else {
                let text = format!("The filter '{}' is invalid", filter.name);
                return Err(AwsError::new(400, "InvalidParameterValue", text));
            };
            values(doc, place)
        };
        if !filter.values.iter().any(|pattern| found.iter().any(|value| is_like(value, pattern))) {
            return Ok(false);
        }
    }
    Ok(true)
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn values(doc: &Value, place: &str) -> Vec<String> {
    match place.split_once("/*/") {
        Some((list, field)) => {
            let items = doc.get(list).and_then(Value::as_array).into_iter().flatten();
            items.filter_map(|item| item.get(field)).filter(|value| !value.is_null()).map(plain).collect()
        }
        None => doc.get(place).map(plain).into_iter().collect(),
    }
}

/// `*` for any text, `?` for any character; linear in the text but for the stars.
fn is_like(value: &str, pattern: &str) -> bool {
    let mut pieces = pattern.split('*');
    let first = pieces.next().unwrap_or_default();
    let Some(mut rest) = after_piece(value, first) else {
        return false;
    };
    let pieces: Vec<&str> = pieces.collect();
    let Some((last, middle)) = pieces.split_last() else {
        return rest.is_empty();
    };
    for piece in middle {
        let starts = rest.char_indices().map(|(start, _)| start).chain([rest.len()]);
        let next = starts.filter_map(|start| rest.get(start..)).find_map(|tail| after_piece(tail, piece));
        match next {
            Some(next) => rest = next,
            None => return false,
        }
    }
    let skipped = rest.chars().count().checked_sub(last.chars().count());
    let tail = skipped.map(|skipped| rest.chars().skip(skipped).collect::<String>());
    tail.is_some_and(|tail| after_piece(&tail, last) == Some(""))
}

fn after_piece<'a>(value: &'a str, piece: &str) -> Option<&'a str> {
    let mut rest = value.chars();
    for wanted in piece.chars() {
        let found = rest.next()?;
        if wanted != '?' && wanted != found {
            return None;
        }
    }
    Some(rest.as_str())
}

/// One page; the token is the encoded position of the next item.
fn page(form: &Form, set_name: &str, items: Vec<Value>) -> Result<Value, AwsError> {
    let invalid = |text: &str| AwsError::new(400, "InvalidParameterValue", text);
    let size: usize = match form.get("MaxResults") {
        None => 1000,
        Some(size) => size.parse().unwrap_or(0),
    };
    if !(5..=1000).contains(&size) {
        return Err(invalid("Value for parameter maxResults is invalid. Expecting a value between 5 and 1000."));
    }
    let decode = |token: &str| {
        let bytes = STANDARD.decode(token).ok()?;
        String::from_utf8(bytes).ok()?.strip_prefix("next/")?.parse::<usize>().ok()
    };
    let start = match form.get("NextToken") {
        None => 0,
        Some(token) => {
            decode(token).ok_or_else(|| AwsError::new(400, "InvalidNextToken", "The specified token is not valid"))?
        }
    };
    let end = start.saturating_add(size);
    let next = (items.len() > end).then(|| STANDARD.encode(format!("next/{end}")));
    let slice: Vec<Value> = items.into_iter().skip(start).take(size).collect();
    Ok(json!({set_name: slice, "nextToken": next}))
}

/// The three zones of the region.
pub(super) fn zones(cx: &Cx<'_>, form: &Form) -> Result<Value, AwsError> {
    let region = &cx.call.region;
    let (names, ids, filters) = (form.list("ZoneName"), form.list("ZoneId"), form.filters());
    const FILTERS: &[(&str, &str)] = &[
        ("zone-name", "zoneName"),
        ("zone-id", "zoneId"),
        ("zone-type", "zoneType"),
        ("state", "zoneState"),
        ("region-name", "regionName"),
        ("opt-in-status", "optInStatus"),
        ("group-name", "groupName"),
    ];
    let mut found = Vec::new();
    for (position, letter) in ZONES.iter().enumerate() {
        let (name, id) = (format!("{region}{letter}"), zone_id(region, position));
        let doc = json!({"zoneName": name, "zoneId": id, "zoneState": "available", "regionName": region,
            "zoneType": "availability-zone", "optInStatus": "opt-in-not-required", "groupName": format!("{region}-zg-1"),
            "networkBorderGroup": region, "messageSet": []});
        let is_named = (names.is_empty() || names.contains(&name)) && (ids.is_empty() || ids.contains(&id));
        if is_named && fits(&doc, &filters, FILTERS)? {
            found.push(doc);
        }
    }
    Ok(json!({"availabilityZoneInfo": found}))
}

/// The regions of the configuration.
pub(super) fn regions(cx: &Cx<'_>, form: &Form) -> Result<Value, AwsError> {
    let names = form.list("RegionName");
    let known = &cx.world.config.regions;
    if let Some(name) = names.iter().find(|name| !known.contains(name)) {
        let text = format!("Invalid values for region '{name}'");
        return Err(AwsError::new(400, "InvalidParameterValue", text));
    }
    let shown = known.iter().filter(|name| names.is_empty() || names.contains(name));
    let regions: Vec<Value> = shown
        .map(|name| {
            json!({"regionName": name, "regionEndpoint": format!("ec2.{name}.amazonaws.com"),
                "optInStatus": "opt-in-not-required"})
        })
        .collect();
    Ok(json!({"regionInfo": regions}))
}

/// Facts about instance types.
pub(super) fn instance_types(form: &Form) -> Result<Value, AwsError> {
    const FILTERS: &[(&str, &str)] = &[
        ("instance-type", "instanceType"),
        ("processor-info.supported-architecture", "architectures"),
        ("current-generation", "currentGeneration"),
    ];
    let names = form.list("InstanceType");
    let filters = form.filters();
    if let Some(name) = names.iter().find(|name| instance_types::find(name).is_none()) {
        let text = format!("The following supplied instance types do not exist: [{name}]");
        return Err(AwsError::new(400, "InvalidInstanceType", text));
    }
    let mut found = Vec::new();
    for kind in instance_types::all().filter(|kind| names.is_empty() || names.contains(&kind.name)) {
        let mut doc = kind.document();
        set(&mut doc, "/architectures", json!(kind.architecture));
        if fits(&doc, &filters, FILTERS)? {
            set(&mut doc, "/architectures", Value::Null);
            found.push(doc);
        }
    }
    page(form, "instanceTypeSet", found)
}

/// Machines: there are none, as nothing here starts any; what is asked is checked all the same.
pub(super) fn instances(form: &Form) -> Result<Value, AwsError> {
    const FILTERS: &[(&str, &str)] = &[
        ("instance-id", "instanceId"),
        ("instance-state-name", "instanceState/name"),
        ("instance-type", "instanceType"),
        ("subnet-id", "subnetId"),
        ("vpc-id", "vpcId"),
    ];
    fits(&Value::Null, &form.filters(), FILTERS)?;
    if let Some(id) = form.list("InstanceId").first() {
        let text = format!("The instance ID '{id}' does not exist");
        return Err(AwsError::new(400, "InvalidInstanceID.NotFound", text));
    }
    page(form, "reservationSet", Vec::new())
}

/// The versions of one launch template.
pub(super) fn launch_template_versions(cx: &mut Cx<'_>, form: &Form) -> Result<Value, AwsError> {
    let (id, name) = (form.text("LaunchTemplateId"), form.text("LaunchTemplateName"));
    let network = &cx.region().network;
    let mut templates = network.iter().filter(|(id, _)| id.starts_with("lt-")).map(|(_, doc)| doc);
    let template =
        templates.find(|doc| text(doc, "/launchTemplateId") == id || text(doc, "/launchTemplateName") == name);
    let template = template.ok_or_else(|| not_found(id))?;
    let latest = number(template, "/latestVersionNumber").unwrap_or(1);
    let standard = number(template, "/defaultVersionNumber").unwrap_or(1);
    let wanted = form.list("LaunchTemplateVersion");
    let is_wanted = |version: i64| {
        wanted.is_empty()
            || wanted.iter().any(|wanted| match wanted.as_str() {
                "$Latest" => version == latest,
                "$Default" => version == standard,
                number => number == version.to_string(),
            })
    };
    let versions = (1..=latest.min(1000)).filter(|version| is_wanted(*version)).map(|version| {
        json!({"launchTemplateId": template.get("launchTemplateId"), "createTime": template.get("createTime"),
            "launchTemplateName": template.get("launchTemplateName"), "createdBy": template.get("createdBy"),
            "versionNumber": version, "defaultVersion": version == standard, "launchTemplateData": {}})
    });
    page(form, "launchTemplateVersionSet", versions.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wildcards_match_as_in_the_user_guide() {
        for (value, pattern, expected) in [
            ("platform", "plat*", true),
            ("platform", "*form", true),
            ("platform", "p*t*m", true),
            ("platform", "platfor?", true),
            ("platform", "platform?", false),
            ("platform", "form", false),
            ("aXbXb", "a*Xb", true),
            ("", "*", true),
        ] {
            assert_eq!(is_like(value, pattern), expected, "{value} like {pattern}");
        }
    }

    #[test]
    fn an_unknown_filter_is_refused() {
        let filters = [Filter { name: "colour".to_owned(), values: vec!["red".to_owned()] }];
        assert!(fits(&json!({}), &filters, &[]).is_err());
    }
}
