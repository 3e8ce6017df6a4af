//! What somebody would write of a node pool that is there.

use super::schema::NodePool;
use crate::values::{is_written, known, put, text};
use terrane_core::{Path, Value};

/// Size of the root disk of Linux nodes where nobody asks for another, in GiB.
///
/// # Source
/// Amazon EKS API Reference, CreateNodegroup, `diskSize` (2025-11).
const DISK_GIB: i64 = 20;
/// The image that EKS takes where nobody names one, of machines that are no Arm.
const IMAGE: &str = "AL2023_x86_64_STANDARD";

/// What is written: what EKS would choose by itself stays out, and what the pool has from its cluster.
pub fn written(seen: &Value, cluster: Option<&Value>) -> Value {
    let mut kept = vec!["instance.types", "launch_template.version", "size.min", "size.max"];
    let image = text(seen, "instance.image");
    if image != Some(IMAGE) {
        kept.push("instance.image");
    }
    if image != Some("CUSTOM") {
        // Of an image that somebody brings, EKS knows no version that could be written.
        kept.push("version");
    }
    if text(seen, "owned_role").is_none() {
        kept.push("node_role_arn");
    }
    let disk_gib = known(seen, "disk.size_gib").and_then(Value::as_i64);
    if disk_gib != Some(DISK_GIB) && !is_written(seen, "launch_template") {
        kept.push("disk.size_gib");
    }
    let of_cluster = cluster.and_then(|cluster| known(cluster, "network.subnets"));
    let subnets = known(seen, "subnets");
    if !subnets.zip(of_cluster).is_some_and(|(own, other)| own.is_same(other)) {
        kept.push("subnets");
    }
    if known(seen, "upgrade.max_unavailable").and_then(Value::as_i64) != Some(1) {
        kept.push("upgrade.max_unavailable");
    }
    let written = terrane_provider::adopt::written(&NodePool::schema().body, seen, &kept);
    with_template(with_size(written, seen))
}

/// A pool that cannot grow or shrink has one number.
fn with_size(written: Value, seen: &Value) -> Value {
    let at = |name: &str| known(seen, &format!("size.{name}")).and_then(Value::as_i64);
    let Some(desired) = at("desired") else { return written };
    if at("min") != Some(desired) || at("max") != Some(desired) {
        return written;
    }
    let size = [("size.min", Value::NULL), ("size.max", Value::NULL), ("size.desired", Value::int(desired))];
    size.into_iter().fold(written, |written, (path, value)| put(&written, path, value))
}

/// A version such as `$Latest` is none that a plan could name.
fn with_template(written: Value) -> Value {
    let version = written.at(&Path::dotted("launch_template.version")).and_then(Value::as_str);
    let is_number = |version: &str| !version.is_empty() && version.bytes().all(|byte| byte.is_ascii_digit());
    if version.is_some_and(|version| !is_number(version)) {
        return put(&written, "launch_template.version", Value::NULL);
    }
    written
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{object, set};

    fn seen(more: &[(&str, Value)]) -> Value {
        let mut leaves = vec![
            ("name", Value::string("workers")),
            ("cluster", Value::string("1/eu-west-1/core")),
            ("version", Value::string("1.33")),
            ("release_version", Value::string("1.33.1-20251001")),
            ("size.min", Value::int(1)),
            ("size.max", Value::int(3)),
            ("size.desired", Value::int(2)),
            ("instance.types", Value::list(vec![Value::string("m6i.large")])),
            ("instance.image", Value::string(IMAGE)),
            ("instance.spot", Value::bool(false)),
            ("disk.size_gib", Value::int(20)),
            ("subnets", set(&["subnet-a", "subnet-b"])),
            ("upgrade.max_unavailable", Value::int(1)),
            ("node_role_arn", Value::string("arn:aws:iam::1:role/node")),
        ];
        leaves.extend(more.iter().map(|(path, value)| (*path, value.clone())));
        object(&leaves)
    }

    fn cluster() -> Value {
        object(&[("network.subnets", set(&["subnet-b", "subnet-a"]))])
    }

    fn leaf(written: &Value, path: &str) -> Value {
        written.at(&Path::dotted(path)).cloned().unwrap_or(Value::NULL)
    }

    #[test]
    fn what_eks_and_the_cluster_give_stays_out() {
        let written = written(&seen(&[]), Some(&cluster()));
        for path in
            ["release_version", "instance.image", "disk", "subnets", "upgrade", "size.desired", "launch_template"]
        {
            assert_eq!(leaf(&written, path), Value::NULL, "{path}");
        }
        assert_eq!((leaf(&written, "size.min"), leaf(&written, "size.max")), (Value::int(1), Value::int(3)));
        assert_eq!(leaf(&written, "version"), Value::string("1.33"));
    }

    #[test]
    fn one_number_is_written_where_the_size_is_fixed() {
        let fixed = [("size.min", Value::int(2)), ("size.max", Value::int(2))];
        let size = leaf(&written(&seen(&fixed), None), "size");
        assert_eq!(
            (leaf(&size, "desired"), leaf(&size, "min"), leaf(&size, "max")),
            (Value::int(2), Value::NULL, Value::NULL)
        );
    }

    #[test]
    fn other_subnets_than_the_clusters_are_written() {
        let other = object(&[("network.subnets", set(&["subnet-c"]))]);
        assert_eq!(leaf(&written(&seen(&[]), Some(&other)), "subnets"), set(&["subnet-a", "subnet-b"]));
    }

    #[test]
    fn a_launch_template_brings_disk_and_image() {
        let template = [
            ("launch_template.id", Value::string("lt-1")),
            ("launch_template.version", Value::string("$Latest")),
            ("instance.image", Value::string("CUSTOM")),
            ("disk.size_gib", Value::NULL),
        ];
        let written = written(&seen(&template), None);
        assert_eq!(leaf(&written, "launch_template.id"), Value::string("lt-1"));
        for path in ["launch_template.version", "version", "disk"] {
            assert_eq!(leaf(&written, path), Value::NULL, "{path}");
        }
    }
}
