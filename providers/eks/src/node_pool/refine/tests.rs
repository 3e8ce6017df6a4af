//! One judgement of a node pool a test.

use super::{Unavailable, unavailable};
use crate::names::cluster_id;
use crate::node_pool::NodePoolType;
use crate::testing::{Case, judge, object, planned, rules, set};
use crate::values::{put, text};
use std::sync::Arc;
use terrane_core::change::Owner;
use terrane_core::{ObjectId, Path, Value};
use terrane_provider::Parent;
use terrane_provider::typed::Typed;

fn kind() -> NodePoolType {
    NodePoolType::new(Arc::default())
}

fn written(edits: &[(&str, Value)]) -> Value {
    let base = object(&[
        ("cluster", Value::string("111122223333/eu-west-1/core")),
        ("name", Value::string("workers")),
        ("size.desired", Value::int(2)),
    ]);
    edits.iter().fold(base, |value, (path, leaf)| put(&value, path, leaf.clone()))
}

fn sized(min: Option<i64>, max: Option<i64>, desired: Option<i64>) -> Value {
    let leaf = |size: Option<i64>| size.map_or(Value::NULL, Value::int);
    written(&[("size.min", leaf(min)), ("size.max", leaf(max)), ("size.desired", leaf(desired))])
}

fn refused(edits: &[(&str, Value)]) -> Vec<String> {
    rules(judge(&kind(), &written(edits), Case::default()))
}

fn cluster() -> (ObjectId, Value) {
    let value = object(&[("version", Value::string("1.33")), ("network.subnets", set(&["subnet-a", "subnet-b"]))]);
    (cluster_id("111122223333", "eu-west-1", "core"), value)
}

fn size_of(value: &Value) -> [Option<i64>; 3] {
    ["size.min", "size.max", "size.desired"].map(|leaf| value.at(&Path::dotted(leaf)).and_then(Value::as_i64))
}

#[test]
fn identity_role_and_subnets_come_from_the_cluster() {
    let (id, value) = cluster();
    let case = Case { parent: Some(Parent { id: &id, value: &value }), ..Case::default() };
    let refined = planned(judge(&kind(), &written(&[]), case));
    assert_eq!(text(&refined.planned, "id"), Some("111122223333/eu-west-1/core/workers"));
    assert_eq!(text(&refined.planned, "owned_role"), Some("core-eu-west-1-workers-node"));
    assert_eq!(refined.planned.get("subnets"), Some(&set(&["subnet-a", "subnet-b"])));
}

#[test]
fn desired_alone_is_a_fixed_size_and_ours() {
    let refined = planned(judge(&kind(), &sized(None, None, Some(2)), Case::default()));
    assert_eq!(size_of(&refined.planned), [Some(2); 3]);
    let ours = |leaf: &str| (Path::dotted(leaf), Owner::Ours);
    assert_eq!(refined.owners, [ours("size.min"), ours("size.max")]);
    let same = planned(judge(&kind(), &sized(Some(3), Some(3), None), Case::default()));
    assert_eq!(size_of(&same.planned), [Some(3); 3]);
    assert_eq!(same.owners, [ours("size.desired")]);
}

#[test]
fn between_bounds_the_number_is_the_autoscalers() {
    let start = planned(judge(&kind(), &sized(Some(1), Some(5), None), Case::default()));
    assert_eq!(size_of(&start.planned), [Some(1), Some(5), Some(1)]);
    assert_eq!(start.owners, [(Path::dotted("size.desired"), Owner::Other("autoscaler".into()))]);
    let prior = put(&start.planned, "size.desired", Value::int(4));
    let next = |value: Value| planned(judge(&kind(), &value, Case { prior: Some(&prior), ..Case::default() })).planned;
    assert_eq!(size_of(&next(sized(Some(1), Some(6), Some(2)))), [Some(1), Some(6), Some(4)]);
    assert_eq!(size_of(&next(sized(Some(5), Some(6), None))), [Some(5), Some(6), Some(5)]);
}

#[test]
fn sizes_that_cannot_be_are_refused() {
    let of = |min, max, desired| rules(judge(&kind(), &sized(min, max, desired), Case::default()));
    assert_eq!(of(None, None, None), ["size-missing"]);
    assert_eq!(of(Some(1), None, None), ["size-incomplete"]);
    assert_eq!(of(Some(3), Some(2), None), ["size-range"]);
    assert_eq!(of(Some(1), Some(2), Some(3)), ["size-range"]);
    let many = planned(judge(&kind(), &sized(Some(1), Some(500), None), Case::default()));
    assert_eq!(many.warnings.first().map(|warning| warning.rule.to_string()).as_deref(), Some("size-quota"));
}

#[test]
fn a_pool_is_never_newer_than_its_cluster() {
    let (id, value) = cluster();
    let with = |version: &str, prior: Option<&Value>| {
        let parent = Some(Parent { id: &id, value: &value });
        rules(judge(
            &kind(),
            &written(&[("version", Value::string(version))]),
            Case { prior, parent, ..Case::default() },
        ))
    };
    assert_eq!(with("1.34", None), ["version-above-cluster"]);
    assert_eq!(with("1.32", None), ["version-not-of-cluster"]);
    let prior = written(&[("version", Value::string("1.32"))]);
    assert!(with("1.33", Some(&prior)).is_empty());
    assert_eq!(with("1.31", Some(&prior)), ["version-downgrade"]);
}

#[test]
fn machines_and_images_have_one_architecture() {
    let types = |items: &[&str]| ("instance.types", Value::list(items.iter().map(|t| Value::string(*t)).collect()));
    let image = |name: &str| ("instance.image", Value::string(name));
    assert_eq!(refused(&[types(&["m6g.large", "m6i.large"])]), ["instance-architectures"]);
    assert_eq!(refused(&[types(&["c7gn.large"]), image("AL2023_x86_64_STANDARD")]), ["image-architecture"]);
    assert_eq!(refused(&[image("CUSTOM")]), ["image-custom"]);
    let old = [image("AL2_x86_64"), ("version", Value::string("1.33"))];
    assert_eq!(refused(&old), ["image-ended"]);
    let arm = planned(judge(&kind(), &written(&[types(&["m6g.large"])]), Case::default()));
    assert_eq!(text(&arm.planned, "instance.image"), Some("AL2023_ARM_64_STANDARD"));
    let gpu = planned(judge(&kind(), &written(&[types(&["g4dn.xlarge"])]), Case::default()));
    assert_eq!(text(&gpu.planned, "instance.image"), None);
}

#[test]
fn labels_taints_and_templates_have_their_form() {
    let label = ("labels", Value::map(vec![("a".into(), Value::string(""))]));
    assert_eq!(refused(&[label]), ["label-form"]);
    let taint = |value: &str| {
        object(&[("key", Value::string("k")), ("value", Value::string(value)), ("effect", Value::string("NoExecute"))])
    };
    assert_eq!(refused(&[("taints", Value::set(vec![taint("a"), taint("b")]))]), ["taint-twice"]);
    let template =
        [("launch_template.id", Value::string("lt-1")), ("launch_template.version", Value::string("$Latest"))];
    assert_eq!(refused(&template), ["launch-template-version"]);
    assert_eq!(refused(&[("cluster", Value::string("core"))]), ["cluster-id-form"]);
}

#[test]
fn a_launch_template_is_for_the_whole_life_of_a_group() {
    let prior = planned(judge(&kind(), &written(&[]), Case::default())).planned;
    let with = written(&[("launch_template.id", Value::string("lt-1"))]);
    let refined = planned(judge(&kind(), &with, Case { prior: Some(&prior), ..Case::default() }));
    assert_eq!(refined.replaces.first().map(|(path, _)| path.to_string()).as_deref(), Some("launch_template"));
}

#[test]
fn max_unavailable_is_a_number_or_a_part() {
    let of = |text: &str| unavailable(&Value::string(text));
    assert_eq!((of("3"), of("10%")), (Some(Unavailable::Nodes(3)), Some(Unavailable::Percent(10))));
    assert_eq!((of("0"), of("101%"), of("some")), (None, None, None));
    assert_eq!(refused(&[("upgrade.max_unavailable", Value::string("half"))]), ["max-unavailable"]);
    let number = planned(judge(&kind(), &written(&[("upgrade.max_unavailable", Value::string("1"))]), Case::default()));
    assert_eq!(number.planned.at(&Path::dotted("upgrade.max_unavailable")), Some(&1_i64.to_value()));
}
