//! What somebody would write of a cluster that is there.

use super::schema::Cluster;
use crate::values::{known, text};
use terrane_core::Value;

/// Ranges that EKS gives to services where nobody asks for one.
///
/// # Source
/// Amazon EKS API Reference, KubernetesNetworkConfigRequest, `serviceIpv4Cidr` (2025-11).
const SERVICE_RANGES: &[&str] = &["10.100.0.0/16", "172.20.0.0/16"];
/// The range that stands for every address.
const EVERYWHERE: &str = "0.0.0.0/0";

/// What is written: what EKS would choose by itself stays out.
///
/// # Source
/// Amazon EKS API Reference, CreateCluster: what a missing member means (2025-11).
pub fn written(seen: &Value) -> Value {
    let mut kept = vec!["region", "version", "role_arn"];
    if text(seen, "owned_role").is_some() {
        kept.pop();
    }
    let is_ipv6 = text(seen, "network.ip_family") == Some("ipv6");
    if is_ipv6 {
        kept.push("network.ip_family");
    } else if !only(seen, "network.service_cidrs").is_some_and(|range| SERVICE_RANGES.contains(&range)) {
        kept.push("network.service_cidrs");
    }
    if only(seen, "endpoint.allowed_cidrs") != Some(EVERYWHERE) && !is_empty(seen, "endpoint.allowed_cidrs") {
        kept.push("endpoint.allowed_cidrs");
    }
    if text(seen, "access.authentication_mode") != Some("CONFIG_MAP") {
        kept.push("access.authentication_mode");
    }
    if known(seen, "access.bootstrap_admin").and_then(Value::as_bool) == Some(false) {
        kept.push("access.bootstrap_admin");
    }
    if text(seen, "upgrade_policy.support_type") == Some("STANDARD") {
        kept.push("upgrade_policy.support_type");
    }
    if text(seen, "tier") != Some("standard") {
        kept.push("tier");
    }
    terrane_provider::adopt::written(&Cluster::schema().body, seen, &kept)
}

/// The one item of a list or set; `None` where there are none or several.
fn only<'a>(seen: &'a Value, path: &str) -> Option<&'a str> {
    match known(seen, path).and_then(Value::items) {
        Some([one]) => one.as_str(),
        _ => None,
    }
}

fn is_empty(seen: &Value, path: &str) -> bool {
    known(seen, path).and_then(Value::items).is_none_or(<[Value]>::is_empty)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{object, set};
    use terrane_core::Path;

    fn seen(more: &[(&str, Value)]) -> Value {
        let mut leaves = vec![
            ("name", Value::string("core")),
            ("region", Value::string("eu-west-1")),
            ("version", Value::string("1.33")),
            ("role_arn", Value::string("arn:aws:iam::1:role/eks")),
            ("network.subnets", set(&["subnet-a", "subnet-b"])),
            ("network.service_cidrs", Value::list(vec![Value::string("172.20.0.0/16")])),
            ("network.ip_family", Value::string("ipv4")),
            ("endpoint.public", Value::bool(true)),
            ("endpoint.private", Value::bool(false)),
            ("endpoint.allowed_cidrs", set(&[EVERYWHERE])),
            ("access.authentication_mode", Value::string("CONFIG_MAP")),
            ("access.bootstrap_admin", Value::bool(true)),
            ("upgrade_policy.support_type", Value::string("EXTENDED")),
            ("tier", Value::string("standard")),
            ("arn", Value::string("arn")),
        ];
        leaves.extend(more.iter().map(|(path, value)| (*path, value.clone())));
        object(&leaves)
    }

    fn leaf(written: &Value, path: &str) -> Value {
        written.at(&Path::dotted(path)).cloned().unwrap_or(Value::NULL)
    }

    #[test]
    fn what_eks_chooses_by_itself_stays_out() {
        let written = written(&seen(&[]));
        let names: Vec<&str> =
            written.entries().unwrap().iter().filter(|(_, value)| !value.is_null()).map(|(name, _)| &**name).collect();
        assert_eq!(names, ["name", "network", "region", "role_arn", "version"]);
        assert_eq!(leaf(&written, "network.service_cidrs"), Value::NULL);
    }

    #[test]
    fn what_somebody_chose_is_written() {
        let chosen = [
            ("endpoint.private", Value::bool(true)),
            ("endpoint.allowed_cidrs", set(&["198.51.100.0/24"])),
            ("access.bootstrap_admin", Value::bool(false)),
            ("network.service_cidrs", Value::list(vec![Value::string("10.7.0.0/16")])),
            ("tier", Value::string("tier-xl")),
        ];
        let written = written(&seen(&chosen));
        for (path, value) in chosen {
            assert_eq!(leaf(&written, path), value, "{path}");
        }
    }

    #[test]
    fn a_role_that_we_made_is_not_written() {
        assert_eq!(leaf(&written(&seen(&[("owned_role", Value::string("r"))])), "role_arn"), Value::NULL);
    }

    #[test]
    fn the_service_range_of_an_ipv6_cluster_is_never_written() {
        let range = Value::list(vec![Value::string("fd00::/108")]);
        let chosen = [("network.ip_family", Value::string("ipv6")), ("network.service_cidrs", range)];
        let written = written(&seen(&chosen));
        assert_eq!(leaf(&written, "network.service_cidrs"), Value::NULL);
        assert_eq!(leaf(&written, "network.ip_family"), Value::string("ipv6"));
    }
}
