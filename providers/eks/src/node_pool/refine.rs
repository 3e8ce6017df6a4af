//! What is written about an `eks_node_pool` becomes what is planned, or is refused.

use super::schema::Taint;
use crate::config::Configuration;
use crate::names;
use crate::tags::TagRules;
use crate::values::{forget, is_written, known, planned_tags, put, refusal, text, text_or_null};
use crate::versions;
use std::collections::BTreeSet;
use terrane_core::change::Owner;
use terrane_core::{ObjectId, Path, Type, Value};
use terrane_provider::typed::Typed;
use terrane_provider::{RefineInput, RefineOutcome, Refined, Refusal};

/// Nodes that a group may have before the quota has to be raised.
///
/// # Source
/// Amazon EKS User Guide, "Service quotas" (2025-11).
const NODES_QUOTA: i64 = 450;

/// Completes what is written.
pub fn refine(input: &RefineInput<'_>) -> RefineOutcome {
    let configuration = match Configuration::read(input.configuration) {
        Ok(configuration) => configuration,
        Err(fault) => {
            let help = "check the provider block";
            return RefineOutcome::Refused(vec![refusal("provider-block", "cluster", fault.to_string(), help)]);
        }
    };
    let tags = planned_tags(input.written, &TagRules::new(configuration.tags, configuration.ignore_tags));
    let mut refusals = refusals(input);
    refusals.extend(tags.refusals);
    let size = match size(input) {
        Ok(size) => size,
        Err(refusal) => {
            refusals.push(refusal);
            return RefineOutcome::Refused(refusals);
        }
    };
    let cluster = match cluster_of(input) {
        Ok(cluster) => cluster,
        Err(refusal) => {
            refusals.push(refusal);
            return RefineOutcome::Refused(refusals);
        }
    };
    if !refusals.is_empty() {
        return RefineOutcome::Refused(refusals);
    }
    let mut planned = put(input.proposed, "tags", tags.value);
    for (leaf, value) in [("size.min", size.min), ("size.max", size.max), ("size.desired", size.desired)] {
        planned = put(&planned, leaf, value);
    }
    planned = with_collections(&planned);
    planned = with_upgrade(&planned, input);
    planned = with_image(&planned, input);
    planned = with_subnets(&planned, input);
    let id = id_of(input, cluster.as_ref());
    planned = with_role(&planned, input, id.as_ref());
    if let Some(id) = &id {
        planned = put(&planned, "id", Value::string(id.to_string()));
    }
    planned = without_what_will_change(&planned, input);
    let mut refined = Refined::plain(id, planned);
    refined.owners = tags.owners.into_iter().chain(size.owners).collect();
    refined.warnings = size.warnings;
    refined.replaces = template_replaces(input);
    RefineOutcome::Refined(Box::new(refined))
}

/// The cluster that `cluster` names, as far as it is known.
fn cluster_of(input: &RefineInput<'_>) -> Result<Option<ObjectId>, Refusal> {
    let Some(written) = text(input.written, "cluster") else {
        return Ok(input.parent.map(|parent| parent.id.clone()));
    };
    names::parse_cluster_id(written).map(Some).map_err(|form| {
        let detail = format!("`{written}` names no cluster: {form}");
        refusal("cluster-id-form", "cluster", detail, "write the attribute `id` of an eks_cluster")
    })
}

fn id_of(input: &RefineInput<'_>, cluster: Option<&ObjectId>) -> Option<ObjectId> {
    let (cluster, name) = (cluster?, text(input.written, "name")?);
    Some(names::pool_id(&cluster.scope.account, &cluster.scope.region, &cluster.key, name))
}

/// The sizes that are planned.
struct Sizes {
    min: Value,
    max: Value,
    desired: Value,
    owners: Vec<(Path, Owner)>,
    warnings: Vec<Refusal>,
}

/// Reads `size`: see the words on [`super::schema::Size`].
fn size(input: &RefineInput<'_>) -> Result<Sizes, Refusal> {
    let at = |name: &str| input.written.at(&Path::dotted(&format!("size.{name}"))).cloned().unwrap_or(Value::NULL);
    let (min, max, desired) = (at("min"), at("max"), at("desired"));
    let ours = |names: &[&str]| names.iter().map(|name| (Path::dotted(name), Owner::Ours)).collect::<Vec<_>>();
    let mut sizes = match (min.is_null(), max.is_null(), desired.is_null()) {
        (true, true, true) => {
            let help = "write `desired`, or `min` and `max`";
            return Err(refusal("size-missing", "size", "no size is written".to_owned(), help));
        }
        (true, true, false) => {
            let owners = ours(&["size.min", "size.max"]);
            Sizes { min: desired.clone(), max: desired.clone(), desired, owners, warnings: Vec::new() }
        }
        (false, false, _) => between(input, min, max, desired)?,
        (true, false, _) | (false, true, _) => {
            let detail = "one of `min` and `max` is missing".to_owned();
            return Err(refusal("size-incomplete", "size", detail, "write both, or `desired` alone"));
        }
    };
    if let Some(most) = sizes.max.as_i64().filter(|most| *most > NODES_QUOTA) {
        let detail = format!("{most} nodes are above {NODES_QUOTA}, the quota that accounts begin with");
        sizes.warnings.push(refusal("size-quota", "size.max", detail, "have the quota raised before applying"));
    }
    Ok(sizes)
}

fn between(input: &RefineInput<'_>, min: Value, max: Value, desired: Value) -> Result<Sizes, Refusal> {
    let path = Path::dotted("size.desired");
    let autoscaler = vec![(path.clone(), Owner::Other("autoscaler".into()))];
    let (Some(low), Some(high)) = (min.as_i64(), max.as_i64()) else {
        let unknown = terrane_provider::complete::unknown(input.instance, path, Type::Number);
        let desired = if desired.is_null() { unknown } else { desired };
        return Ok(Sizes { min, max, desired, owners: autoscaler, warnings: Vec::new() });
    };
    let wrong = |detail: String, leaf: &str| {
        Err(refusal("size-range", leaf, detail, "keep min at most desired, and desired at most max"))
    };
    if low > high {
        return wrong(format!("min {low} is above max {high}"), "size.min");
    }
    if let Some(start) = desired.as_i64().filter(|start| !(low..=high).contains(start)) {
        return wrong(format!("desired {start} is outside {low} to {high}"), "size.desired");
    }
    if low == high {
        let owners = vec![(path, Owner::Ours)];
        return Ok(Sizes { desired: min.clone(), min, max, owners, warnings: Vec::new() });
    }
    let actual = input.prior.and_then(|prior| known(prior, "size.desired")).and_then(Value::as_i64);
    let planned = match actual {
        Some(actual) => Value::int(actual.clamp(low, high)),
        None if desired.is_null() => min.clone(),
        None => desired,
    };
    Ok(Sizes { min, max, desired: planned, owners: autoscaler, warnings: Vec::new() })
}

fn with_collections(planned: &Value) -> Value {
    let labels = planned.get("labels").cloned().unwrap_or(Value::NULL);
    if labels.is_null() { put(planned, "labels", Value::map(Vec::new())) } else { planned.clone() }
}

/// `"3"` means 3, so that what is planned has the form of what is read.
fn with_upgrade(planned: &Value, input: &RefineInput<'_>) -> Value {
    let number = text(input.written, "upgrade.max_unavailable").and_then(|text| text.trim().parse::<i64>().ok());
    number.map_or_else(|| planned.clone(), |number| put(planned, "upgrade.max_unavailable", Value::int(number)))
}

/// EKS takes the x86 image where none is named, whatever the machines are; Arm machines need theirs.
fn with_image(planned: &Value, input: &RefineInput<'_>) -> Value {
    let is_free = input.prior.is_none()
        && !is_written(input.written, "instance.image")
        && !is_written(input.written, "launch_template");
    let types = types_of(input.written);
    if is_free && !types.is_empty() && types.iter().all(|name| is_arm(name)) {
        return put(planned, "instance.image", Value::string("AL2023_ARM_64_STANDARD"));
    }
    planned.clone()
}

fn with_subnets(planned: &Value, input: &RefineInput<'_>) -> Value {
    if input.prior.is_some() || is_written(input.written, "subnets") {
        return planned.clone();
    }
    let of_cluster = input.parent.and_then(|parent| parent.value.at(&Path::dotted("network.subnets")));
    of_cluster
        .filter(|subnets| !subnets.is_null())
        .map_or_else(|| planned.clone(), |s| put(planned, "subnets", s.clone()))
}

/// Plans the role: the one that is written, the one that is there, or one of our own with a name that is known now.
fn with_role(planned: &Value, input: &RefineInput<'_>, id: Option<&ObjectId>) -> Value {
    if let Some(prior) = input.prior {
        return put(planned, "owned_role", text_or_null(text(prior, "owned_role")));
    }
    if is_written(input.written, "node_role_arn") {
        return put(planned, "owned_role", Value::NULL);
    }
    // Without an identity the name of the role is not known either, and it stays as it was proposed: unknown.
    let Some(id) = id else { return planned.clone() };
    let role = names::node_role(&id.scope.parent, &id.scope.region, &id.key);
    let arn = names::role_arn(&id.scope.region, &id.scope.account, &role);
    put(&put(planned, "owned_role", Value::string(role)), "node_role_arn", Value::string(arn))
}

/// Attributes that EKS sets anew when others change are not known yet.
fn without_what_will_change(planned: &Value, input: &RefineInput<'_>) -> Value {
    let Some(prior) = input.prior else { return planned.clone() };
    let differs = |path: &str| {
        let at = |value: &Value| value.at(&Path::dotted(path)).cloned().unwrap_or(Value::NULL);
        is_written(input.written, path) && !at(prior).is_same(&at(planned))
    };
    if differs("version") && !is_written(input.written, "release_version") {
        return forget(planned, input, "release_version", Type::String);
    }
    // A release carries its minor: `1.34.2-20251001`.
    let minor = |path: &str, value: &Value| text(value, path).and_then(versions::minor);
    let moves_minor = minor("release_version", planned) != minor("version", prior);
    if differs("release_version") && moves_minor && !is_written(input.written, "version") {
        return forget(planned, input, "version", Type::String);
    }
    planned.clone()
}

/// A launch template cannot be added to a living group, nor taken away.
fn template_replaces(input: &RefineInput<'_>) -> Vec<(Path, terrane_core::Text)> {
    let Some(prior) = input.prior else { return Vec::new() };
    let (before, after) = (is_written(prior, "launch_template"), is_written(input.written, "launch_template"));
    let why = "a node group keeps the launch template that it was made with, or none";
    if before == after { Vec::new() } else { vec![(Path::attr("launch_template"), why.into())] }
}

fn refusals(input: &RefineInput<'_>) -> Vec<Refusal> {
    let written = input.written;
    let mut found = Vec::new();
    if let Some(name) = text(written, "name").filter(|name| !names::is_sound(name)) {
        let detail = format!("`{name}` is no name that EKS takes");
        let help = "begin with a letter or digit, go on with letters, digits, - and _";
        found.push(refusal("name-form", "name", detail, help));
    }
    found.extend(version_refusal(input));
    found.extend(machine_refusals(written));
    found.extend(template_refusals(written));
    found.extend(label_refusals(written));
    found.extend(taint_refusals(written));
    found.extend(upgrade_refusal(written));
    found
}

fn version_refusal(input: &RefineInput<'_>) -> Option<Refusal> {
    let written = text(input.written, "version")?;
    let Some(next) = versions::minor(written).filter(|_| versions::is_minor(written)) else {
        let detail = format!("`{written}` is no Kubernetes minor version");
        return Some(refusal(
            "version-form",
            "version",
            detail,
            "write it as \"1.34\"; release_version chooses the patch",
        ));
    };
    let before = input.prior.and_then(|prior| text(prior, "version")).and_then(versions::minor);
    if let Some(before) = before.filter(|before| next < *before) {
        let detail = format!("the pool has version 1.{before}, and {written} is older");
        return Some(refusal("version-downgrade", "version", detail, "EKS never goes back; make a new pool"));
    }
    let of_cluster = input.parent.and_then(|parent| text(parent.value, "version")).and_then(versions::minor)?;
    if next > of_cluster {
        let detail = format!("the cluster will have version 1.{of_cluster}, and nodes cannot be newer than it");
        return Some(refusal("version-above-cluster", "version", detail, "upgrade the cluster first"));
    }
    (before.is_none() && next != of_cluster).then(|| {
        let detail =
            format!("the cluster will have version 1.{of_cluster}, and EKS makes new pools of that version only");
        refusal("version-not-of-cluster", "version", detail, "leave version out, or write the cluster's")
    })
}

fn types_of(written: &Value) -> Vec<&str> {
    known(written, "instance.types")
        .and_then(Value::items)
        .unwrap_or_default()
        .iter()
        .filter_map(Value::as_str)
        .collect()
}

/// Whether an instance type has an Arm processor: `g` after the generation, or the first generation, `a1`.
///
/// # Source
/// Amazon EC2 Instance Types, "Naming conventions" (2025-11).
fn is_arm(name: &str) -> bool {
    let family = name.split('.').next().unwrap_or_default();
    let options =
        family.trim_start_matches(|c: char| c.is_ascii_alphabetic()).trim_start_matches(|c: char| c.is_ascii_digit());
    family == "a1" || options.contains('g')
}

fn machine_refusals(written: &Value) -> Vec<Refusal> {
    let mut found = Vec::new();
    let types = types_of(written);
    if types.len() > 20 {
        let detail = format!("{} instance types are written, and EKS takes 20", types.len());
        found.push(refusal("instance-types-many", "instance.types", detail, "name at most 20"));
    }
    let arm: Vec<&str> = types.iter().copied().filter(|name| is_arm(name)).collect();
    let other: Vec<&str> = types.iter().copied().filter(|name| !is_arm(name)).collect();
    if let (Some(one), Some(two)) = (arm.first(), other.first()) {
        let detail = format!("{one} is Arm and {two} is not, and the nodes of a pool have one image");
        found.push(refusal("instance-architectures", "instance.types", detail, "make a pool for each architecture"));
    }
    let Some(image) = text(written, "instance.image") else { return found };
    let is_arm_image = image.contains("ARM_64");
    let strange = if is_arm_image { other.first() } else { arm.first() };
    if let Some(name) = strange.filter(|_| image != "CUSTOM") {
        let detail = format!("{image} does not run on {name}");
        let help = "choose an image of the architecture of the machines, or leave image out";
        found.push(refusal("image-architecture", "instance.image", detail, help));
    }
    let version = text(written, "version").and_then(versions::minor);
    if let Some(minor) = version.filter(|minor| image.starts_with("AL2_") && *minor > 32) {
        let detail = format!("{image} ends with version 1.32, and the pool has 1.{minor}");
        found.push(refusal("image-ended", "instance.image", detail, "choose an AL2023 image"));
    }
    if image == "CUSTOM" && !is_written(written, "launch_template") {
        let detail = "a CUSTOM image is named in a launch template, and there is none".to_owned();
        found.push(refusal("image-custom", "instance.image", detail, "add a launch_template block"));
    }
    found
}

fn template_refusals(written: &Value) -> Vec<Refusal> {
    let version = text(written, "launch_template.version");
    let wrong = version.filter(|version| version.is_empty() || !version.bytes().all(|byte| byte.is_ascii_digit()));
    let refused = wrong.map(|version| {
        let detail = format!("`{version}` is no version number");
        let help = "write the number: a plan with $Latest would mean something else each time";
        refusal("launch-template-version", "launch_template.version", detail, help)
    });
    refused.into_iter().collect()
}

/// # Source
/// Amazon EKS API Reference, CreateNodegroup, `labels` (2025-11), and Kubernetes "Labels and Selectors".
fn label_refusals(written: &Value) -> Vec<Refusal> {
    let Some(labels) = known(written, "labels").and_then(Value::entries) else { return Vec::new() };
    let is_wrong = |(key, value): (&terrane_core::Text, &Value)| {
        let name = key.rsplit('/').next().unwrap_or_default();
        let is_value_wrong = value.as_str().is_some_and(|value| !(1..=63).contains(&value.len()));
        (!(1..=63).contains(&name.len()) || is_value_wrong).then(|| {
            let detail = format!("the name of the label `{key}` or its value has not 1 to 63 characters");
            refusal("label-form", "labels", detail, "shorten it, or leave the label out")
        })
    };
    labels.iter().filter_map(is_wrong).collect()
}

fn taint_refusals(written: &Value) -> Vec<Refusal> {
    let items = known(written, "taints").and_then(Value::items).unwrap_or_default();
    let taints: Vec<Taint> = items.iter().filter_map(|item| Taint::from_value(item).ok()).collect();
    let mut found = Vec::new();
    if items.len() > 50 {
        let detail = format!("{} taints are written, and EKS takes 50", items.len());
        found.push(refusal("taints-many", "taints", detail, "write at most 50"));
    }
    let mut names = BTreeSet::new();
    for taint in &taints {
        if !names.insert((&taint.key, &taint.effect)) {
            let detail = format!("the taint {} with effect {} is written twice", taint.key, taint.effect);
            found.push(refusal("taint-twice", "taints", detail, "write it once: key and effect name a taint"));
        }
    }
    found
}

fn upgrade_refusal(written: &Value) -> Option<Refusal> {
    let value = known(written, "upgrade.max_unavailable")?;
    if unavailable(value).is_some() {
        return None;
    }
    let detail = "max_unavailable is neither a number from 1 to 100 nor a part from 1% to 100%".to_owned();
    Some(refusal("max-unavailable", "upgrade.max_unavailable", detail, "write a number, or a part such as \"10%\""))
}

/// Nodes that may be missing at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unavailable {
    /// So many.
    Nodes(i32),
    /// So many of a hundred.
    Percent(i32),
}

/// Reads `max_unavailable`.
pub fn unavailable(value: &Value) -> Option<Unavailable> {
    let in_range = |number: i64| i32::try_from(number).ok().filter(|number| (1..=100).contains(number));
    if let Some(number) = value.as_i64() {
        return in_range(number).map(Unavailable::Nodes);
    }
    let text = value.as_str()?.trim();
    match text.strip_suffix('%') {
        Some(part) => in_range(part.trim().parse().ok()?).map(Unavailable::Percent),
        None => in_range(text.parse().ok()?).map(Unavailable::Nodes),
    }
}

#[cfg(test)]
mod tests;
