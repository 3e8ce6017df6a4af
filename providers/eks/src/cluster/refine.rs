//! What is written about an `eks_cluster` becomes what is planned, or is refused.

use crate::config::Configuration;
use crate::names;
use crate::tags::TagRules;
use crate::values::{
    fact, forget, is_written, known, planned_tags, put, refusal, shown_credentials, text, text_or_null,
};
use crate::versions;
use std::net::{IpAddr, Ipv4Addr};
use terrane_core::{Path, Type, Value};
use terrane_provider::{FactKey, Fault, FaultKind, RefineInput, RefineOutcome, Refined, Refusal};

/// Completes what is written.
pub fn refine(input: &RefineInput<'_>) -> RefineOutcome {
    let configuration = match Configuration::read(input.configuration) {
        Ok(configuration) => configuration,
        Err(fault) => {
            let help = "check the provider block";
            return RefineOutcome::Refused(vec![refusal("provider-block", "region", fault.to_string(), help)]);
        }
    };
    let tags = planned_tags(input.written, &TagRules::new(configuration.tags, configuration.ignore_tags));
    let mut refusals = refusals(input);
    refusals.extend(tags.refusals);
    if !refusals.is_empty() {
        return RefineOutcome::Refused(refusals);
    }
    let (account, region) = match place(input) {
        Ok(place) => place,
        Err(questions) => return RefineOutcome::Need(questions),
    };
    let mut planned = put(input.proposed, "tags", tags.value);
    planned = put(&planned, "region", Value::string(region));
    planned = put(&planned, "credentials", credentials(input));
    planned = put(&planned, "network.security_groups", set_or_empty(&planned, "network.security_groups"));
    planned = put(&planned, "logs", set_or_empty(&planned, "logs"));
    let id = text(input.written, "name").map(|name| names::cluster_id(account, region, name));
    if let Some(id) = &id {
        planned = put(&planned, "id", Value::string(id.to_string()));
        planned = with_role(&planned, input, account, region);
    }
    planned = without_what_will_change(&planned, input);
    let mut refined = Refined::plain(id, planned);
    refined.owners = tags.owners;
    RefineOutcome::Refined(Box::new(refined))
}

/// Account and region, asked where they are not written.
fn place<'a>(input: &'a RefineInput<'_>) -> Result<(&'a str, &'a str), Vec<FactKey>> {
    let written = text(input.written, "region").unwrap_or_default();
    let of_block = text(input.configuration, "region").unwrap_or_default();
    let known = [written, &*input.access.region, of_block].into_iter().find(|region| !region.is_empty());
    let region = known.map_or_else(|| fact(input, names::CLUSTER, "region"), Ok);
    match (fact(input, names::CLUSTER, "caller-account"), region) {
        (Ok(account), Ok(region)) => Ok((account, region)),
        (account, region) => Err([account.err(), region.err()].into_iter().flatten().map(|key| *key).collect()),
    }
}

fn credentials(input: &RefineInput<'_>) -> Value {
    let written = input.written.get("credentials").cloned().unwrap_or(Value::NULL);
    if written.is_wholly_known() { shown_credentials(&written) } else { written }
}

fn set_or_empty(planned: &Value, path: &str) -> Value {
    let value = planned.at(&Path::dotted(path)).cloned().unwrap_or(Value::NULL);
    if value.is_null() { Value::set(Vec::new()) } else { value }
}

/// Plans the role: the one that is written, the one that is there, or one of our own with a name that is known now.
fn with_role(planned: &Value, input: &RefineInput<'_>, account: &str, region: &str) -> Value {
    if let Some(prior) = input.prior {
        return put(planned, "owned_role", text_or_null(text(prior, "owned_role")));
    }
    if is_written(input.written, "role_arn") {
        return put(planned, "owned_role", Value::NULL);
    }
    let role = names::cluster_role(text(input.written, "name").unwrap_or_default(), region);
    let arn = names::role_arn(region, account, &role);
    put(&put(planned, "owned_role", Value::string(role)), "role_arn", Value::string(arn))
}

/// Attributes that the remote side sets anew when others change are not known yet.
fn without_what_will_change(planned: &Value, input: &RefineInput<'_>) -> Value {
    let Some(prior) = input.prior else { return planned.clone() };
    let differs = |path: &str| {
        let at = |value: &Value| value.at(&Path::dotted(path)).cloned().unwrap_or(Value::NULL);
        !at(prior).is_same(&at(planned))
    };
    let mut planned = planned.clone();
    if !is_written(prior, "access.bootstrap_admin") {
        // A cluster that does not tell cannot be said to differ.
        planned = put(&planned, "access.bootstrap_admin", Value::NULL);
    }
    if differs("version") {
        planned = forget(&planned, input, "platform_version", Type::String);
    }
    let is_exposed_otherwise = differs("endpoint.public") || differs("endpoint.private");
    if is_exposed_otherwise && !is_written(input.written, "endpoint.allowed_cidrs") {
        planned = forget(&planned, input, "endpoint.allowed_cidrs", Type::set(Type::String));
    }
    planned
}

fn refusals(input: &RefineInput<'_>) -> Vec<Refusal> {
    let written = input.written;
    let mut found = Vec::new();
    if is_written(written, "encryption") {
        let detail = "encryption of Kubernetes objects at rest with a KMS key".to_owned();
        found.push(refusal("not-in-this-version", "encryption", detail, "leave the block out"));
    }
    if let Some(name) = text(written, "name").filter(|name| !names::is_sound(name)) {
        let detail = format!("`{name}` is no name that EKS takes");
        found.push(refusal(
            "name-form",
            "name",
            detail,
            "begin with a letter or digit, go on with letters, digits, - and _",
        ));
    }
    found.extend(version_refusal(text(written, "version"), input.prior.and_then(|prior| text(prior, "version"))));
    found.extend(network_refusals(written));
    found.extend(cidr_refusals(written));
    found.extend(one_way_refusals(input));
    found
}

fn version_refusal(written: Option<&str>, prior: Option<&str>) -> Option<Refusal> {
    let written = written?;
    let next = versions::minor(written).filter(|_| versions::is_minor(written));
    let Some(next) = next else {
        let detail = format!("`{written}` is no Kubernetes minor version");
        return Some(refusal("version-form", "version", detail, "write it as \"1.34\"; EKS chooses the patch"));
    };
    let before = prior.and_then(versions::minor);
    if before == Some(next) {
        return None;
    }
    if !versions::is_supported(next) {
        let detail = format!("EKS makes no clusters of version {written}");
        let help = format!("use one of {}", versions::supported());
        return Some(refusal("version-unsupported", "version", detail, &help));
    }
    let before = before?;
    if next < before {
        let detail = format!("the cluster has version 1.{before}, and {written} is older");
        return Some(refusal("version-downgrade", "version", detail, "EKS never goes back; make a new cluster"));
    }
    (next > before + 1).then(|| {
        let detail = format!("the cluster has version 1.{before}, and {written} skips a minor version");
        let help = format!("go to \"1.{}\" first, with its node pools", before + 1);
        refusal("version-skip", "version", detail, &help)
    })
}

fn network_refusals(written: &Value) -> Vec<Refusal> {
    let count =
        |path: &str| known(written, path).filter(|v| v.is_wholly_known()).and_then(Value::items).map(<[Value]>::len);
    let mut found = Vec::new();
    if let Some(count @ 0..=1) = count("network.subnets") {
        let detail = format!("EKS needs subnets in at least two zones, and {count} is written");
        found.push(refusal("subnets-two", "network.subnets", detail, "name a subnet in a second zone"));
    }
    if let Some(count @ 6..) = count("network.security_groups") {
        let detail = format!("{count} security groups are written, and EKS takes five");
        found.push(refusal("security-groups-many", "network.security_groups", detail, "name at most five"));
    }
    if let Some(count @ 2..) = count("network.service_cidrs") {
        let detail = format!("{count} ranges are written, and EKS takes one");
        found.push(refusal("service-cidrs-one", "network.service_cidrs", detail, "name one range"));
    }
    found
}

fn texts<'a>(written: &'a Value, path: &str) -> Vec<&'a str> {
    known(written, path).and_then(Value::items).unwrap_or_default().iter().filter_map(Value::as_str).collect()
}

fn cidr_refusals(written: &Value) -> Vec<Refusal> {
    let mut found = Vec::new();
    let service = texts(written, "network.service_cidrs");
    let is_ipv6 = text(written, "network.ip_family") == Some("ipv6");
    if is_ipv6 && !service.is_empty() {
        let detail = "EKS chooses the service range of an ipv6 cluster itself".to_owned();
        found.push(refusal("service-cidrs-ipv6", "network.service_cidrs", detail, "leave service_cidrs out"));
    }
    for range in service.iter().filter(|range| !is_service_range(range)) {
        let detail = format!("`{range}` is no range that services can have");
        let help = "choose a /12 to /24 inside 10.0.0.0/8, 172.16.0.0/12 or 192.168.0.0/16";
        found.push(refusal("service-cidr-range", "network.service_cidrs", detail, help));
    }
    let allowed = texts(written, "endpoint.allowed_cidrs");
    if allowed.len() > 40 {
        let detail = format!("{} ranges are written, and EKS takes 40", allowed.len());
        found.push(refusal("allowed-cidrs-many", "endpoint.allowed_cidrs", detail, "merge ranges"));
    }
    for range in allowed.iter().filter(|range| parse_cidr(range).is_none()) {
        let detail = format!("`{range}` is no range of addresses");
        let help = "write the network address and its length, such as \"198.51.100.0/24\"";
        found.push(refusal("allowed-cidr-form", "endpoint.allowed_cidrs", detail, help));
    }
    found
}

/// A network address with its length; `None` where bits beyond the length are set.
fn parse_cidr(text: &str) -> Option<(IpAddr, u8)> {
    let (address, length) = text.split_once('/')?;
    let (address, length): (IpAddr, u8) = (address.parse().ok()?, length.parse().ok()?);
    let is_network = match address {
        IpAddr::V4(v4) => length <= 32 && u32::from(v4).checked_shl(u32::from(length)).unwrap_or(0) == 0,
        IpAddr::V6(v6) => length <= 128 && u128::from(v6).checked_shl(u32::from(length)).unwrap_or(0) == 0,
    };
    is_network.then_some((address, length))
}

/// # Source
/// Amazon EKS API Reference, KubernetesNetworkConfigRequest, `serviceIpv4Cidr` (2025-11).
fn is_service_range(text: &str) -> bool {
    let Some((IpAddr::V4(address), length)) = parse_cidr(text) else { return false };
    let blocks =
        [(Ipv4Addr::new(10, 0, 0, 0), 8), (Ipv4Addr::new(172, 16, 0, 0), 12), (Ipv4Addr::new(192, 168, 0, 0), 16)];
    let inside = |(block, prefix): (Ipv4Addr, u8)| {
        length >= prefix && u32::from(address) >> (32 - prefix) == u32::from(block) >> (32 - prefix)
    };
    (12..=24).contains(&length) && blocks.into_iter().any(inside)
}

/// Settings that EKS lets go one way only.
fn one_way_refusals(input: &RefineInput<'_>) -> Vec<Refusal> {
    let Some(prior) = input.prior else { return Vec::new() };
    let mut found = Vec::new();
    let rank = |value: &Value| {
        let mode = text(value, "access.authentication_mode")?;
        ["CONFIG_MAP", "API_AND_CONFIG_MAP", "API"]
            .iter()
            .position(|known| *known == mode)
            .map(|rank| (rank, mode.to_owned()))
    };
    if let (Some((before, from)), Some((after, to))) = (rank(prior), rank(input.written))
        && after < before
    {
        let detail = format!("the cluster has {from}, and EKS never goes back to {to}");
        found.push(refusal(
            "access-mode-one-way",
            "access.authentication_mode",
            detail,
            "keep the mode; a new cluster can have any",
        ));
    }
    let support = |value: &Value| text(value, "upgrade_policy.support_type").map(str::to_owned);
    let leaves_extended =
        support(prior).as_deref() == Some("EXTENDED") && support(input.written).as_deref() == Some("STANDARD");
    let version = text(prior, "version").unwrap_or_default();
    if leaves_extended && versions::minor(version).is_some_and(versions::is_extended) {
        let detail =
            format!("extended support of version {version} has begun, and EKS does not let a cluster leave it");
        let help = "upgrade the cluster to a version in standard support first";
        found.push(refusal("support-type-extended", "upgrade_policy.support_type", detail, help));
    }
    found
}

/// Why a delete is not begun while deletion protection is on.
pub fn protected(prior: &Value) -> Option<Fault> {
    (known(prior, "deletion_protection").and_then(Value::as_bool) == Some(true)).then(|| {
        let message = "deletion_protection is on, and a plan that deletes does not lift it";
        Fault::new(FaultKind::Conflict, "eks:DeleteCluster", message)
            .code("deletion-protection")
            .help("set deletion_protection = false, apply, then delete")
    })
}

#[cfg(test)]
mod tests;
