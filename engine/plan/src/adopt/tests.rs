//! What was found, as text.

use super::*;
use terrane_core::Scope;
use terrane_provider::{Access, ProviderName};

fn id(type_name: &str, region: &str, parent: &str, key: &str) -> ObjectId {
    let scope = Scope { provider: "eks".into(), account: "1".into(), region: region.into(), parent: parent.into() };
    ObjectId { type_name: type_name.into(), scope, key: key.into() }
}

fn candidate(id: ObjectId, parent: Option<ObjectId>) -> Candidate {
    let names = names::of_object(&id);
    let access = Access::of(ProviderName { name: "eks".into(), alias: None });
    Candidate { found: Found { id, access, seen: Value::NULL, parent }, names }
}

#[test]
fn names_tell_clusters_and_regions_apart() {
    let pool = |region, cluster| candidate(id("eks_node_pool", region, cluster, "system"), None);
    let cluster = |region| candidate(id("eks_cluster", region, "", "core"), None);
    let candidates = [cluster("eu-west-1"), cluster("us-east-1"), pool("eu-west-1", "core"), pool("us-east-1", "edge")];
    let names = names::choose(&candidates, &BTreeSet::new());
    let names: Vec<&str> = names.iter().map(|name| &**name).collect();
    assert_eq!(names, ["core_eu-west-1", "core_us-east-1", "core_system", "edge_system"]);
}

#[test]
fn a_type_that_no_provider_has_is_left_out() {
    let candidates = [candidate(id("eks_cluster", "eu-west-1", "", "core"), None)];
    assert_eq!(draft(&Registry::new(Vec::new()), &candidates, &Known::default()), Draft::default());
}

#[test]
fn the_parent_is_a_reference_only_where_it_is_written() {
    let cluster = id("eks_cluster", "eu-west-1", "", "core");
    let value = Value::object(vec![(PARENT.into(), Value::string(cluster.to_string()))]);
    let addr: InstanceAddr = "eks_cluster.fleet[\"eu\"]".parse().unwrap();
    let mut known = Known::default();
    known.recorded.insert(cluster.clone(), (addr.clone(), Value::NULL));
    assert_eq!(reference(&cluster, &value, None, &known), BTreeMap::new());
    known.written.insert(("eks_cluster".into(), "fleet".into()));
    let expected = BTreeMap::from([(Path::attr(PARENT), String::from("eks_cluster.fleet[\"eu\"].id"))]);
    assert_eq!(reference(&cluster, &value, None, &known), expected);
    assert_eq!(reference(&cluster, &Value::NULL, Some(&addr), &known), BTreeMap::new());
}
