//! The network that every account has in every region from the start.
//!
//! A VPC tagged `team=platform` over three zones with a public and a private subnet in each, an internet gateway and
//! NAT gateways; the default VPC with a public subnet in each zone; a launch template. Ids depend only on account and region.
//!
//! # Source
//! Amazon VPC User Guide, "Subnets", "Route tables" and "Default VPCs"; field names from the Amazon EC2 API Reference.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::aws::sigv4::hex_digest;

/// Letters of the zones.
pub(crate) const ZONES: [&str; 3] = ["a", "b", "c"];

/// An id of the right shape that is the same for the same place and purpose.
pub(crate) fn id(prefix: &str, account: &str, region: &str, purpose: &str) -> String {
    let digest = hex_digest(format!("{prefix}/{account}/{region}/{purpose}").as_bytes());
    format!("{prefix}-{}", digest.get(..17).unwrap_or_default())
}

/// `euw1-az1` for the first zone of eu-west-1.
///
/// # Source
/// AWS Regions and Availability Zones user guide, "Availability Zone IDs".
pub(crate) fn zone_id(region: &str, position: usize) -> String {
    let mut parts = region.split('-');
    let area = parts.next().unwrap_or_default();
    let rest: Vec<&str> = parts.collect();
    let number = rest.last().copied().unwrap_or_default();
    let direction: String = rest
        .iter()
        .take(rest.len().saturating_sub(1))
        .map(|word| word.replace("north", "n").replace("south", "s").replace("east", "e").replace("west", "w"))
        .map(|word| word.replace("central", "c"))
        .collect();
    format!("{area}{direction}{number}-az{}", position + 1)
}

struct Place<'a> {
    account: &'a str,
    region: &'a str,
    objects: BTreeMap<String, Value>,
}

/// All objects of a fresh region by id.
pub(crate) fn seed(account: &str, region: &str) -> BTreeMap<String, Value> {
    let mut place = Place { account, region, objects: BTreeMap::new() };
    // Different second octets, so that the networks of a fleet could be peered.
    let digest = hex_digest(format!("cidr/{account}/{region}").as_bytes());
    let octet = digest.get(..2).and_then(|pair| u8::from_str_radix(pair, 16).ok()).unwrap_or_default() % 64;
    place.platform(octet);
    place.standard();
    place.launch_template();
    place.objects
}

impl Place<'_> {
    fn id(&self, prefix: &str, purpose: &str) -> String {
        id(prefix, self.account, self.region, purpose)
    }

    fn platform(&mut self, octet: u8) {
        let vpc = self.vpc("platform", &format!("10.{octet}.0.0/16"), json!({"Name": "platform", "team": "platform"}));
        let gateway = self.internet_gateway("platform", &vpc);
        let mut public = Vec::new();
        for (position, zone) in ZONES.iter().enumerate() {
            let name = format!("platform-public-{zone}");
            let subnet = self.subnet(&name, &vpc, &format!("10.{octet}.{position}.0/24"), position);
            let nat = self.id("nat", &format!("platform-{zone}"));
            let doc = json!({"natGatewayId": nat, "subnetId": subnet, "vpcId": vpc, "state": "available",
                "connectivityType": "public", "tags": {"Name": format!("platform-{zone}")}});
            self.objects.insert(nat.clone(), doc);
            public.push(subnet);
            let name = format!("platform-private-{zone}");
            let private = self.subnet(&name, &vpc, &format!("10.{octet}.{}.0/20", 64 + position * 16), position);
            let route = json!({"destinationCidrBlock": "0.0.0.0/0", "natGatewayId": nat});
            self.route_table(&name, &vpc, &[private], Some(route));
        }
        let route = json!({"destinationCidrBlock": "0.0.0.0/0", "gatewayId": gateway});
        self.route_table("platform-public", &vpc, &public, Some(route));
        self.route_table("platform-main", &vpc, &[], None);
    }

    fn standard(&mut self) {
        let vpc = self.vpc("default", "172.31.0.0/16", json!({}));
        let gateway = self.internet_gateway("default", &vpc);
        for position in 0..ZONES.len() {
            let cidr = format!("172.31.{}.0/20", position * 16);
            self.subnet(&format!("default-{position}"), &vpc, &cidr, position);
        }
        let route = json!({"destinationCidrBlock": "0.0.0.0/0", "gatewayId": gateway});
        self.route_table("default", &vpc, &[], Some(route));
    }

    fn vpc(&mut self, name: &str, cidr: &str, tags: Value) -> String {
        let vpc = self.id("vpc", name);
        let doc = json!({
            "vpcId": vpc, "ownerId": self.account, "state": "available", "cidrBlock": cidr, "instanceTenancy": "default",
            "isDefault": name == "default", "dhcpOptionsId": self.id("dopt", "default"), "tags": tags,
            "cidrBlockAssociationSet": [{"associationId": self.id("vpc-cidr-assoc", name), "cidrBlock": cidr,
                "cidrBlockState": {"state": "associated"}}],
        });
        self.objects.insert(vpc.clone(), doc);
        let group = self.id("sg", &format!("{name}-default"));
        let everything = json!([{"ipProtocol": "-1", "ipRanges": [{"cidrIp": "0.0.0.0/0"}]}]);
        let doc = json!({
            "groupId": group, "groupName": "default", "groupDescription": "default VPC security group", "vpcId": vpc,
            "ownerId": self.account, "ipPermissions": [], "ipPermissionsEgress": everything, "tags": {},
        });
        self.objects.insert(group, doc);
        vpc
    }

    fn internet_gateway(&mut self, name: &str, vpc: &str) -> String {
        let gateway = self.id("igw", name);
        let doc = json!({"internetGatewayId": gateway, "ownerId": self.account, "tags": {"Name": name},
            "attachmentSet": [{"vpcId": vpc, "state": "available"}]});
        self.objects.insert(gateway.clone(), doc);
        gateway
    }

    fn subnet(&mut self, name: &str, vpc: &str, cidr: &str, position: usize) -> String {
        let subnet = self.id("subnet", name);
        let is_default = name.starts_with("default");
        let is_public = is_default || name.contains("public");
        let zone = ZONES.get(position).copied().unwrap_or("a");
        let tags = if is_default { json!({}) } else { json!({"Name": name, "team": "platform"}) };
        // AWS keeps five addresses of every subnet for itself.
        let free = if cidr.ends_with("/20") { 4091 } else { 251 };
        let doc = json!({
            "subnetId": subnet, "vpcId": vpc, "ownerId": self.account, "state": "available", "cidrBlock": cidr,
            "subnetArn": format!("arn:aws:ec2:{}:{}:subnet/{subnet}", self.region, self.account),
            "availabilityZone": format!("{}{zone}", self.region), "availabilityZoneId": zone_id(self.region, position),
            "availableIpAddressCount": free, "defaultForAz": is_default, "mapPublicIpOnLaunch": is_public,
            "assignIpv6AddressOnCreation": false, "ipv6CidrBlockAssociationSet": [], "tags": tags,
        });
        self.objects.insert(subnet.clone(), doc);
        subnet
    }

    /// A table without subnets is the main table of its VPC.
    fn route_table(&mut self, name: &str, vpc: &str, subnets: &[String], route: Option<Value>) {
        let table = self.id("rtb", name);
        let cidr = self.objects.get(vpc).map_or("", |vpc| crate::json::text(vpc, "/cidrBlock")).to_owned();
        let mut routes = vec![json!({"destinationCidrBlock": cidr, "gatewayId": "local", "state": "active",
            "origin": "CreateRouteTable"})];
        routes.extend(route.map(|mut route| {
            crate::json::set(&mut route, "/state", json!("active"));
            crate::json::set(&mut route, "/origin", json!("CreateRoute"));
            route
        }));
        let association = |purpose: &str, subnet: Option<&String>| {
            json!({"routeTableAssociationId": self.id("rtbassoc", purpose), "routeTableId": table, "subnetId": subnet,
                "main": subnet.is_none(), "associationState": {"state": "associated"}})
        };
        let mut associations: Vec<Value> = subnets.iter().map(|subnet| association(subnet, Some(subnet))).collect();
        if subnets.is_empty() {
            associations.push(association(name, None));
        }
        let doc = json!({"routeTableId": table, "vpcId": vpc, "ownerId": self.account, "routeSet": routes,
            "associationSet": associations, "propagatingVgwSet": [], "tags": {"Name": name}});
        self.objects.insert(table, doc);
    }

    fn launch_template(&mut self) {
        let template = self.id("lt", "sandbox-nodes");
        let doc = json!({"launchTemplateId": template, "launchTemplateName": "sandbox-nodes",
            "createTime": "2025-01-01T00:00:00Z", "createdBy": format!("arn:aws:iam::{}:root", self.account),
            "defaultVersionNumber": 1, "latestVersionNumber": 2, "tags": {}});
        self.objects.insert(template, doc);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_place_gives_the_same_network() {
        assert_eq!(seed("111122223333", "eu-west-1"), seed("111122223333", "eu-west-1"));
        assert_ne!(id("vpc", "1", "a", "x"), id("vpc", "2", "a", "x"));
    }

    #[test]
    fn zone_ids_follow_the_region() {
        assert_eq!(zone_id("eu-west-1", 0), "euw1-az1");
        assert_eq!(zone_id("ap-southeast-2", 2), "apse2-az3");
    }
}
