//! What UpdateNodegroupConfig has to be told: the difference between a node group as it is and as it shall be. Pure.

use super::refine::{Unavailable, unavailable};
use super::schema::{NodePool, Taint};
use aws_sdk_eks::types::{
    Nodegroup, NodegroupScalingConfig, NodegroupUpdateConfig, Taint as RemoteTaint, TaintEffect, UpdateLabelsPayload,
    UpdateTaintsPayload,
};
use std::collections::BTreeMap;

/// Effects as Kubernetes and as EKS write them.
///
/// # Source
/// Amazon EKS API Reference, "Taint", `effect` (2025-11).
const EFFECTS: &[(&str, &str)] =
    &[("NoSchedule", "NO_SCHEDULE"), ("PreferNoSchedule", "PREFER_NO_SCHEDULE"), ("NoExecute", "NO_EXECUTE")];

/// A difference; `None` for what stays.
#[derive(Debug, Default, PartialEq)]
pub struct Delta {
    /// Labels to set and to remove.
    pub labels: Option<UpdateLabelsPayload>,
    /// Taints to set and to remove.
    pub taints: Option<UpdateTaintsPayload>,
    /// All three sizes.
    pub scaling: Option<NodegroupScalingConfig>,
    /// How nodes are replaced.
    pub update: Option<NodegroupUpdateConfig>,
}

impl Delta {
    /// Whether there is nothing to tell.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// The difference from `actual` to `planned`.
    pub fn between(actual: &Nodegroup, planned: &NodePool) -> Self {
        let scaling = scaling(actual.scaling_config(), planned);
        let update = update_config(planned).filter(|wanted| !is_same_update(actual.update_config(), wanted));
        Self { labels: labels(actual, planned), taints: taints(actual, planned), scaling, update }
    }
}

/// The sizes to send. Between a minimum and a maximum the autoscaler's number stays, moved only as far as the new
/// bounds force it, in the same call: EKS refuses a minimum above the desired number.
fn scaling(actual: Option<&NodegroupScalingConfig>, planned: &NodePool) -> Option<NodegroupScalingConfig> {
    let (min, max) = (planned.size.min?, planned.size.max?);
    let now = actual.and_then(NodegroupScalingConfig::desired_size);
    let desired = match now {
        Some(now) if min != max => now.clamp(min, max.max(min)),
        _ => planned.size.desired.unwrap_or(min),
    };
    let wanted = NodegroupScalingConfig::builder().min_size(min).max_size(max).desired_size(desired).build();
    (actual != Some(&wanted)).then_some(wanted)
}

/// The sizes of a new group; EKS takes all of them or none.
pub fn first_scaling(planned: &NodePool) -> Option<NodegroupScalingConfig> {
    scaling(None, planned)
}

/// `max_unavailable` as EKS takes it.
pub fn update_config(planned: &NodePool) -> Option<NodegroupUpdateConfig> {
    let value = &planned.upgrade.as_ref()?.max_unavailable;
    let config = NodegroupUpdateConfig::builder();
    Some(match unavailable(value)? {
        Unavailable::Nodes(nodes) => config.max_unavailable(nodes).build(),
        Unavailable::Percent(part) => config.max_unavailable_percentage(part).build(),
    })
}

fn is_same_update(actual: Option<&NodegroupUpdateConfig>, wanted: &NodegroupUpdateConfig) -> bool {
    actual.is_some_and(|actual| {
        actual.max_unavailable() == wanted.max_unavailable()
            && actual.max_unavailable_percentage() == wanted.max_unavailable_percentage()
    })
}

fn labels(actual: &Nodegroup, planned: &NodePool) -> Option<UpdateLabelsPayload> {
    let before: BTreeMap<String, String> =
        actual.labels().into_iter().flatten().map(|(key, value)| (key.clone(), value.clone())).collect();
    let (set, gone) = crate::tags::difference(&before, &planned.labels);
    if set.is_empty() && gone.is_empty() {
        return None;
    }
    let payload = UpdateLabelsPayload::builder();
    let payload = payload.set_add_or_update_labels((!set.is_empty()).then(|| set.into_iter().collect()));
    Some(payload.set_remove_labels((!gone.is_empty()).then_some(gone)).build())
}

/// A taint is named by key and effect: only its value can be updated.
fn taints(actual: &Nodegroup, planned: &NodePool) -> Option<UpdateTaintsPayload> {
    let before = seen_taints(actual);
    let is_named = |one: &Taint, other: &Taint| one.key == other.key && one.effect == other.effect;
    let set: Vec<RemoteTaint> = planned.taints.iter().filter(|taint| !before.contains(taint)).map(remote).collect();
    let stays = |taint: &Taint| planned.taints.iter().any(|wanted| is_named(wanted, taint));
    let gone: Vec<RemoteTaint> = before.iter().filter(|taint| !stays(taint)).map(remote).collect();
    if set.is_empty() && gone.is_empty() {
        return None;
    }
    let payload = UpdateTaintsPayload::builder().set_add_or_update_taints((!set.is_empty()).then_some(set));
    Some(payload.set_remove_taints((!gone.is_empty()).then_some(gone)).build())
}

/// A taint in EKS's words.
pub fn remote(taint: &Taint) -> RemoteTaint {
    let effect = EFFECTS.iter().find(|(ours, _)| *ours == taint.effect).map_or(taint.effect.as_str(), |(_, eks)| eks);
    let value = (!taint.value.is_empty()).then(|| taint.value.clone());
    RemoteTaint::builder().key(&taint.key).set_value(value).effect(TaintEffect::from(effect)).build()
}

/// The taints of a group in our words.
pub fn seen_taints(actual: &Nodegroup) -> Vec<Taint> {
    let ours = |taint: &RemoteTaint| {
        let effect = taint.effect().map_or("", TaintEffect::as_str);
        Taint {
            key: taint.key().unwrap_or_default().to_owned(),
            value: taint.value().unwrap_or_default().to_owned(),
            effect: EFFECTS.iter().find(|(_, eks)| *eks == effect).map_or(effect, |(ours, _)| ours).to_owned(),
        }
    };
    actual.taints().iter().map(ours).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::values::put;
    use terrane_core::Value;
    use terrane_provider::typed::Typed;

    fn planned(edits: &[(&str, Value)]) -> NodePool {
        let base = Value::object(vec![
            ("cluster".into(), Value::string("111122223333/eu-west-1/core")),
            ("name".into(), Value::string("workers")),
            ("size".into(), Value::object(Vec::new())),
        ]);
        let value = edits.iter().fold(base, |value, (path, new)| put(&value, path, new.clone()));
        NodePool::from_value(&value).expect("a pool")
    }

    fn sized(min: i32, max: i32, desired: i32) -> Nodegroup {
        let sizes = NodegroupScalingConfig::builder().min_size(min).max_size(max).desired_size(desired).build();
        Nodegroup::builder().scaling_config(sizes).build()
    }

    fn desired_after(actual: &Nodegroup, min: i64, max: i64, desired: i64) -> Option<i32> {
        let edits =
            [("size.min", Value::int(min)), ("size.max", Value::int(max)), ("size.desired", Value::int(desired))];
        Delta::between(actual, &planned(&edits)).scaling.and_then(|sizes| sizes.desired_size())
    }

    #[test]
    fn raising_the_minimum_raises_the_autoscalers_number_with_it() {
        assert_eq!(desired_after(&sized(1, 5, 2), 3, 6, 1), Some(3));
        assert_eq!(desired_after(&sized(1, 5, 4), 1, 6, 1), Some(4));
        assert_eq!(desired_after(&sized(1, 5, 4), 1, 5, 1), None);
    }

    #[test]
    fn a_fixed_size_is_ours() {
        assert_eq!(desired_after(&sized(3, 3, 2), 3, 3, 3), Some(3));
        assert_eq!(desired_after(&sized(3, 3, 3), 3, 3, 3), None);
    }

    #[test]
    fn labels_are_told_as_a_difference() {
        let actual = Nodegroup::builder().labels("a", "1").labels("b", "2").build();
        let labels = Value::map(vec![("b".into(), Value::string("3"))]);
        let payload = Delta::between(&actual, &planned(&[("labels", labels)])).labels.expect("labels");
        assert_eq!(payload.add_or_update_labels().and_then(|set| set.get("b")).map(String::as_str), Some("3"));
        assert_eq!(payload.remove_labels(), ["a"]);
    }

    #[test]
    fn a_taint_with_another_effect_is_another_taint() {
        let taint = |effect: &str| Taint { key: "k".into(), value: String::new(), effect: effect.into() };
        let actual = Nodegroup::builder().taints(remote(&taint("NoSchedule"))).build();
        let pool = NodePool { taints: vec![taint("NoExecute")], ..planned(&[]) };
        let payload = Delta::between(&actual, &pool).taints.expect("taints");
        assert_eq!((payload.add_or_update_taints().len(), payload.remove_taints().len()), (1, 1));
        let same = NodePool { taints: vec![taint("NoSchedule")], ..planned(&[]) };
        assert!(Delta::between(&actual, &same).taints.is_none());
    }

    #[test]
    fn the_same_update_setting_is_not_told_again() {
        let update = NodegroupUpdateConfig::builder().max_unavailable_percentage(10).build();
        let actual = Nodegroup::builder().update_config(update).build();
        let pool = |value: Value| planned(&[("upgrade", Value::object(vec![("max_unavailable".into(), value)]))]);
        assert!(Delta::between(&actual, &pool(Value::string("10%"))).update.is_none());
        assert!(Delta::between(&actual, &pool(Value::int(2))).update.is_some());
    }
}
