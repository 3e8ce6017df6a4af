//! Every call of EC2, behind plain types of ours: the SDK's own types go no further than this file.

use crate::client::Session;
use crate::limits::table;
use aws_sdk_ec2::types::{Filter, Tag};
use std::collections::BTreeMap;
use terrane_core::Text;
use terrane_provider::{Fault, FaultKind};

/// A VPC.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Vpc {
    /// Its id.
    pub id: String,
    /// Its IPv4 ranges, the first one first.
    pub cidrs: Vec<String>,
    /// Its tags.
    pub tags: BTreeMap<String, String>,
}

/// A subnet.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Subnet {
    /// Its id.
    pub id: String,
    /// Name of its zone, `eu-west-1a`.
    pub zone: String,
}

/// A route table.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RouteTable {
    /// Whether subnets without their own table use it.
    pub is_main: bool,
    /// Subnets that use it by name.
    pub subnets: Vec<String>,
    /// Whether a route leads to an internet gateway.
    pub leads_to_internet: bool,
}

/// VPCs that match filters, as DescribeVpcs takes them.
///
/// # Errors
/// Why it could not be asked.
pub async fn vpcs(session: &Session<'_>, filters: &BTreeMap<String, String>) -> Result<Vec<Vpc>, Fault> {
    let filters: Vec<Filter> =
        filters.iter().map(|(name, value)| Filter::builder().name(name).values(value).build()).collect();
    let (mut found, mut next) = (Vec::new(), None);
    for _ in 0..table().requests.most_pages {
        let request = session.clients.ec2.describe_vpcs();
        let request = request.set_filters((!filters.is_empty()).then(|| filters.clone())).set_next_token(next);
        let page = session.send("ec2:DescribeVpcs", || request.clone().send()).await?;
        found.extend(page.vpcs().iter().map(|vpc| Vpc {
            id: vpc.vpc_id().unwrap_or_default().to_owned(),
            cidrs: ranges(vpc),
            tags: tags(vpc.tags()),
        }));
        next = page.next_token;
        if next.is_none() {
            return Ok(found);
        }
    }
    Err(endless("ec2:DescribeVpcs"))
}

fn ranges(vpc: &aws_sdk_ec2::types::Vpc) -> Vec<String> {
    let first = vpc.cidr_block().map(str::to_owned);
    let others = vpc.cidr_block_association_set().iter().filter_map(|block| block.cidr_block().map(str::to_owned));
    let mut ranges: Vec<String> = first.into_iter().collect();
    for range in others {
        if !ranges.contains(&range) {
            ranges.push(range);
        }
    }
    ranges
}

fn tags(tags: &[Tag]) -> BTreeMap<String, String> {
    let pair = |tag: &Tag| Some((tag.key()?.to_owned(), tag.value().unwrap_or_default().to_owned()));
    tags.iter().filter_map(pair).collect()
}

fn of_vpc(vpc: &str) -> Filter {
    Filter::builder().name("vpc-id").values(vpc).build()
}

/// Subnets of a VPC.
///
/// # Errors
/// Why it could not be asked.
pub async fn subnets(session: &Session<'_>, vpc: &str) -> Result<Vec<Subnet>, Fault> {
    let (mut found, mut next) = (Vec::new(), None);
    for _ in 0..table().requests.most_pages {
        let request = session.clients.ec2.describe_subnets().filters(of_vpc(vpc)).set_next_token(next);
        let page = session.send("ec2:DescribeSubnets", || request.clone().send()).await?;
        found.extend(page.subnets().iter().map(|subnet| Subnet {
            id: subnet.subnet_id().unwrap_or_default().to_owned(),
            zone: subnet.availability_zone().unwrap_or_default().to_owned(),
        }));
        next = page.next_token;
        if next.is_none() {
            return Ok(found);
        }
    }
    Err(endless("ec2:DescribeSubnets"))
}

/// Route tables of a VPC.
///
/// # Errors
/// Why it could not be asked.
pub async fn route_tables(session: &Session<'_>, vpc: &str) -> Result<Vec<RouteTable>, Fault> {
    let (mut found, mut next) = (Vec::new(), None);
    for _ in 0..table().requests.most_pages {
        let request = session.clients.ec2.describe_route_tables().filters(of_vpc(vpc)).set_next_token(next);
        let page = session.send("ec2:DescribeRouteTables", || request.clone().send()).await?;
        found.extend(page.route_tables().iter().map(|table| {
            let associations = table.associations();
            RouteTable {
                is_main: associations.iter().any(|one| one.main() == Some(true)),
                subnets: associations.iter().filter_map(|one| one.subnet_id().map(str::to_owned)).collect(),
                leads_to_internet: table
                    .routes()
                    .iter()
                    .any(|route| route.gateway_id().is_some_and(|gateway| gateway.starts_with("igw-"))),
            }
        }));
        next = page.next_token;
        if next.is_none() {
            return Ok(found);
        }
    }
    Err(endless("ec2:DescribeRouteTables"))
}

/// Ids of instances that belong to a cluster and to no managed node group.
///
/// # Source
/// Amazon EKS User Guide, "Maintain nodes yourself with self-managed nodes": the tag `kubernetes.io/cluster/NAME`; and
/// "Simplify node lifecycle with managed node groups": the tag `eks:nodegroup-name` (2025-11).
///
/// # Errors
/// Why it could not be asked.
pub async fn self_managed(session: &Session<'_>, cluster: &str) -> Result<Vec<Text>, Fault> {
    let tag = Filter::builder().name("tag-key").values(format!("kubernetes.io/cluster/{cluster}")).build();
    let state = Filter::builder().name("instance-state-name").values("pending").values("running").build();
    let filters = vec![tag, state];
    let (mut found, mut next) = (Vec::new(), None);
    for _ in 0..table().requests.most_pages {
        let request = session.clients.ec2.describe_instances().set_filters(Some(filters.clone())).set_next_token(next);
        let page = session.send("ec2:DescribeInstances", || request.clone().send()).await?;
        let instances = page.reservations().iter().flat_map(|reservation| reservation.instances());
        let is_own = |tag: &Tag| tag.key() == Some("eks:nodegroup-name");
        let of_nobody = instances.filter(|instance| !instance.tags().iter().any(is_own));
        found.extend(of_nobody.filter_map(|instance| instance.instance_id().map(Text::from)));
        next = page.next_token;
        if next.is_none() {
            found.sort();
            return Ok(found);
        }
    }
    Err(endless("ec2:DescribeInstances"))
}

fn endless(operation: &'static str) -> Fault {
    Fault::new(FaultKind::Unavailable, operation, "the list does not end").code("unexpected-answer")
}
