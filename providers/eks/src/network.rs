//! `data "eks_network"`: a VPC that is there, with its subnets sorted into private and public ones.

use crate::client::Connections;
use crate::config::Credentials;
use crate::ec2::{self, RouteTable, Subnet, Vpc};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use terrane_core::{Path, Schema, Value};
use terrane_derive::Resource;
use terrane_provider::typed::Typed;
use terrane_provider::{Async, CallContext, DataSource, Fault, FaultKind};

/// A VPC with its subnets.
#[derive(Debug, Resource)]
#[resource(type = "eks_network", version = 1, kind = data)]
pub struct Network {
    /// Region; without one, that of the provider block or the environment.
    #[attr(optional_computed, example = "eu-west-1")]
    pub region: Option<String>,
    /// Which credentials are used; laid over those of the provider block.
    #[attr(optional)]
    pub credentials: Option<Credentials>,
    /// Filters as EC2's DescribeVpcs takes them; exactly one VPC has to match.
    #[attr(
        optional,
        example = "{ \"tag:team\" = \"platform\" }",
        source = "Amazon EC2 API Reference, DescribeVpcs (2025-11)"
    )]
    pub filter: BTreeMap<String, String>,
    /// Id of the VPC.
    #[attr(computed)]
    pub vpc: Option<String>,
    /// Its IPv4 ranges, the first one first.
    #[attr(computed)]
    pub cidrs: Option<Vec<String>>,
    /// Ids of all its subnets, by zone and id.
    #[attr(computed)]
    pub subnets: Option<Vec<String>>,
    /// Ids of the subnets whose routes do not lead to an internet gateway.
    #[attr(computed)]
    pub private_subnets: Option<Vec<String>>,
    /// Ids of the other subnets.
    #[attr(computed)]
    pub public_subnets: Option<Vec<String>>,
    /// Names of the zones that it has subnets in.
    #[attr(computed)]
    pub zones: Option<Vec<String>>,
    /// Tags of the VPC.
    #[attr(computed)]
    pub tags: Option<BTreeMap<String, String>>,
}

/// The data source.
pub struct NetworkSource {
    schema: Arc<Schema>,
    connections: Arc<Connections>,
}

impl NetworkSource {
    /// The data source over these connections.
    pub fn new(connections: Arc<Connections>) -> Self {
        Self { schema: Arc::new(Network::schema()), connections }
    }

    async fn find(&self, written: &Value, cx: &CallContext<'_>) -> Result<Value, Fault> {
        let written = Network::from_value(written).map_err(|error| Fault::bug("eks_network", error.to_string()))?;
        let session = self.connections.open(cx).await?;
        // An account that may not be touched is not looked at either.
        session.account().await?;
        let region = session.clients.region.clone();
        let vpc = only(ec2::vpcs(&session, &written.filter).await?, &written.filter, &region)?;
        let subnets = ec2::subnets(&session, &vpc.id).await?;
        let tables = ec2::route_tables(&session, &vpc.id).await?;
        Ok(sorted(Network { region: Some(region), ..written }, vpc, subnets, &tables)?.to_value())
    }
}

impl DataSource for NetworkSource {
    fn schema(&self) -> Arc<Schema> {
        Arc::clone(&self.schema)
    }

    fn read<'a>(&'a self, written: &'a Value, cx: &'a CallContext<'a>) -> Async<'a, Result<Value, Fault>> {
        Box::pin(self.find(written, cx))
    }
}

fn refused(path: &str, message: String) -> Fault {
    Fault::new(FaultKind::Invalid { argument: Some(Path::attr(path)) }, "ec2:DescribeVpcs", message)
}

fn only(mut found: Vec<Vpc>, filter: &BTreeMap<String, String>, region: &str) -> Result<Vpc, Fault> {
    let filters: Vec<String> = filter.iter().map(|(name, value)| format!("{name} = {value}")).collect();
    let filters = if filters.is_empty() { "no filter".to_owned() } else { filters.join(", ") };
    match (found.pop(), found.len()) {
        (Some(vpc), 0) => Ok(vpc),
        (Some(last), _) => {
            found.push(last);
            let mut names: Vec<String> = found.iter().map(described).collect();
            names.sort();
            let message = format!("{} VPCs of {region} match {filters}: {}", names.len(), names.join(", "));
            Err(refused("filter", message).code("vpc-not-unique").help("add a filter that only one of them matches"))
        }
        (None, _) => {
            let message = format!("no VPC of {region} matches {filters}");
            Err(refused("filter", message).code("vpc-not-found").help("check the filters, the region and the account"))
        }
    }
}

fn described(vpc: &Vpc) -> String {
    match vpc.tags.get("Name") {
        Some(name) => format!("{} ({name})", vpc.id),
        None => vpc.id.clone(),
    }
}

/// A subnet follows the table it is associated with, else the main table of its VPC.
///
/// # Source
/// Amazon VPC User Guide, "Subnet route tables" (2025-11).
fn is_public(subnet: &Subnet, tables: &[RouteTable]) -> bool {
    let own = tables.iter().find(|table| table.subnets.contains(&subnet.id));
    own.or_else(|| tables.iter().find(|table| table.is_main)).is_some_and(|table| table.leads_to_internet)
}

fn sorted(written: Network, vpc: Vpc, mut subnets: Vec<Subnet>, tables: &[RouteTable]) -> Result<Network, Fault> {
    subnets.sort_by(|a, b| (&a.zone, &a.id).cmp(&(&b.zone, &b.id)));
    let (public, private): (Vec<&Subnet>, Vec<&Subnet>) = subnets.iter().partition(|subnet| is_public(subnet, tables));
    let zones_of = |subnets: &[&Subnet]| subnets.iter().map(|subnet| subnet.zone.clone()).collect::<BTreeSet<_>>();
    let private_zones = zones_of(&private);
    if private_zones.len() < 2 {
        let found: Vec<&str> = private_zones.iter().map(String::as_str).collect();
        let found = if found.is_empty() { "none".to_owned() } else { found.join(", ") };
        let message = format!(
            "VPC {} has private subnets in fewer than two zones ({found}); its other {} subnets lead to an internet gateway",
            described(&vpc),
            public.len()
        );
        let help = "add private subnets in a second zone, or choose another VPC: EKS needs two zones";
        return Err(refused("filter", message).code("too-few-zones").help(help));
    }
    let ids = |subnets: &[&Subnet]| Some(subnets.iter().map(|subnet| subnet.id.clone()).collect());
    let all: Vec<&Subnet> = subnets.iter().collect();
    Ok(Network {
        vpc: Some(vpc.id),
        cidrs: Some(vpc.cidrs),
        subnets: ids(&all),
        private_subnets: ids(&private),
        public_subnets: ids(&public),
        zones: Some(zones_of(&all).into_iter().collect()),
        tags: Some(vpc.tags),
        ..written
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn subnet(id: &str, zone: &str) -> Subnet {
        Subnet { id: id.to_owned(), zone: zone.to_owned() }
    }

    /// A table of these subnets, the main one where there are none.
    fn table(subnets: &[&str], leads_to_internet: bool) -> RouteTable {
        let is_main = subnets.is_empty();
        RouteTable { is_main, subnets: subnets.iter().map(|id| (*id).to_owned()).collect(), leads_to_internet }
    }

    fn written() -> Network {
        Network::from_value(&Value::object(Vec::new())).expect("empty")
    }

    fn vpc(id: &str) -> Vpc {
        Vpc { id: id.to_owned(), ..Vpc::default() }
    }

    #[test]
    fn a_subnet_without_its_own_table_follows_the_main_one() {
        let subnets = vec![subnet("s3", "a"), subnet("s1", "b"), subnet("s2", "a")];
        let tables = [table(&[], false), table(&["s3"], true)];
        let network = sorted(written(), vpc("vpc-1"), subnets, &tables).expect("a network");
        assert_eq!(network.private_subnets, Some(vec!["s2".to_owned(), "s1".to_owned()]));
        assert_eq!(network.public_subnets, Some(vec!["s3".to_owned()]));
        assert_eq!(network.zones, Some(vec!["a".to_owned(), "b".to_owned()]));
    }

    #[test]
    fn fewer_than_two_zones_are_refused() {
        let subnets = vec![subnet("s1", "a"), subnet("s2", "a"), subnet("s3", "b")];
        let tables = [table(&[], false), table(&["s3"], true)];
        let fault = sorted(written(), vpc("vpc-1"), subnets, &tables).expect_err("one zone");
        assert_eq!(&*fault.code, "too-few-zones");
    }

    #[test]
    fn exactly_one_vpc_has_to_match() {
        let filter = [("tag:team".to_owned(), "a".to_owned())].into_iter().collect();
        assert!(only(vec![vpc("vpc-1")], &filter, "eu-west-1").is_ok());
        let none = only(Vec::new(), &filter, "eu-west-1").expect_err("none");
        assert!(none.message.contains("tag:team = a"));
        let two = only(vec![vpc("vpc-2"), vpc("vpc-1")], &filter, "eu-west-1").expect_err("two");
        assert!(two.message.ends_with("vpc-1, vpc-2"));
    }
}
