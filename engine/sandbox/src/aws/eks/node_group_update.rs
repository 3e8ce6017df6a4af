//! Changes of a node group: labels, taints, sizes and update settings together; version and release.
//!
//! # Source
//! Amazon EKS API Reference, UpdateNodegroupConfig, UpdateNodegroupVersion; Amazon EKS User Guide, "Update a managed
//! node group for your cluster".

use serde_json::{Map, Value, json};

use super::node_group::{check_labels, check_sizes, check_taints, check_update_config, launch_template, release};
use super::update::{self, Change, begin, node_group_is_free};
use super::{body, path, versions};
use crate::aws::Cx;
use crate::aws::error::AwsError;
use crate::json::{text, texts};

type Params = Vec<(&'static str, Value)>;

/// UpdateNodegroupConfig.
pub(super) fn config(cx: &mut Cx<'_>) -> Result<Value, AwsError> {
    let request = body(cx);
    let quota = cx.world.config.quotas.nodes;
    let lasts = cx.world.config.durations.config_update;
    let group = update::node_group(cx, path(cx, 0), path(cx, 1))?;
    node_group_is_free(group, "UpdateNodegroupConfig")?;
    let (mut params, mut changes) = (Params::new(), Vec::new());
    labels(&group.doc, request, &mut params, &mut changes)?;
    taints(&group.doc, request, &mut params, &mut changes)?;
    if let Some(scaling) = request.get("scalingConfig") {
        let sizes = merged(group.doc.get("scalingConfig"), scaling);
        check_sizes(&sizes, quota)?;
        for (field, kind) in [("minSize", "MinSize"), ("maxSize", "MaxSize"), ("desiredSize", "DesiredSize")] {
            params.extend(scaling.get(field).map(|size| (kind, size.clone())));
        }
        changes.push(("/scalingConfig".to_owned(), sizes));
    }
    if let Some(settings) = request.get("updateConfig") {
        check_update_config(Some(settings))?;
        for (field, kind) in [
            ("maxUnavailable", "MaxUnavailable"),
            ("maxUnavailablePercentage", "MaxUnavailablePercentage"),
            ("updateStrategy", "UpdateStrategy"),
        ] {
            params.extend(settings.get(field).map(|value| (kind, value.clone())));
        }
        changes.push(("/updateConfig".to_owned(), settings.clone()));
    }
    for (field, kind) in [("nodeRepairConfig", "NodeRepairConfig"), ("warmPoolConfig", "WarmPoolEnabled")] {
        if let Some(value) = request.get(field) {
            params.push((kind, value.clone()));
            changes.push((format!("/{field}"), value.clone()));
        }
    }
    if changes.is_empty() {
        return Err(AwsError::parameter("No changes needed: nothing to update was given"));
    }
    start(cx, Change { kind: "ConfigUpdate", params, changes, lasts })
}

fn start(cx: &mut Cx<'_>, change: Change) -> Result<Value, AwsError> {
    let (now, failure) = (cx.now, cx.failure.take());
    let group = update::node_group(cx, path(cx, 0), path(cx, 1))?;
    Ok(begin(group, change, now, failure))
}

/// Fields of the request over those that are there.
fn merged(before: Option<&Value>, request: &Value) -> Value {
    let mut fields = before.and_then(Value::as_object).cloned().unwrap_or_default();
    fields.extend(request.as_object().cloned().unwrap_or_default());
    Value::Object(fields)
}

fn labels(
    doc: &Value,
    request: &Value,
    params: &mut Params,
    changes: &mut Vec<(String, Value)>,
) -> Result<(), AwsError> {
    let Some(wanted) = request.get("labels") else {
        return Ok(());
    };
    let added = wanted.get("addOrUpdateLabels");
    let removed = texts(wanted, "/removeLabels");
    check_labels(added)?;
    let added: Map<String, Value> = added.and_then(Value::as_object).cloned().unwrap_or_default();
    if let Some(both) = removed.iter().find(|key| added.contains_key(*key)) {
        return Err(AwsError::parameter(format!("Label {both} cannot be added and removed in one request")));
    }
    let mut labels = doc.get("labels").and_then(Value::as_object).cloned().unwrap_or_default();
    labels.retain(|key, _| !removed.contains(key));
    if !added.is_empty() {
        params.push(("LabelsToAdd", Value::Object(added.clone())));
    }
    if !removed.is_empty() {
        params.push(("LabelsToRemove", json!(removed)));
    }
    labels.extend(added);
    changes.push(("/labels".to_owned(), Value::Object(labels)));
    Ok(())
}

/// A taint is known by key and effect; its value is what can be updated.
fn taints(
    doc: &Value,
    request: &Value,
    params: &mut Params,
    changes: &mut Vec<(String, Value)>,
) -> Result<(), AwsError> {
    let Some(wanted) = request.get("taints") else {
        return Ok(());
    };
    let list = |value: Option<&Value>| value.and_then(Value::as_array).cloned().unwrap_or_default();
    let (added, removed) = (list(wanted.get("addOrUpdateTaints")), list(wanted.get("removeTaints")));
    let same = |one: &Value, other: &Value| {
        text(one, "/key") == text(other, "/key") && text(one, "/effect") == text(other, "/effect")
    };
    let mut taints = list(doc.get("taints"));
    taints.retain(|taint| !removed.iter().chain(&added).any(|other| same(taint, other)));
    taints.extend(added.iter().cloned());
    check_taints(Some(&json!(added)))?;
    check_taints(Some(&json!(taints)))?;
    if !added.is_empty() {
        params.push(("TaintsToAdd", json!(added)));
    }
    if !removed.is_empty() {
        params.push(("TaintsToRemove", json!(removed)));
    }
    changes.push(("/taints".to_owned(), json!(taints)));
    Ok(())
}

/// UpdateNodegroupVersion: up to the version of the cluster, never down; or a new release of the same version.
pub(super) fn version(cx: &mut Cx<'_>) -> Result<Value, AwsError> {
    let request = body(cx);
    let lasts = cx.world.config.durations.version_update;
    let of_cluster = text(&update::cluster(cx, path(cx, 0))?.own.doc, "/version").to_owned();
    let group = update::node_group(cx, path(cx, 0), path(cx, 1))?;
    node_group_is_free(group, "UpdateNodegroupVersion")?;
    let doc = group.doc.clone();
    let before = text(&doc, "/version");
    let has_template = request.get("launchTemplate").is_some();
    let after = match text(request, "/version") {
        "" if has_template || request.get("releaseVersion").is_some() => before,
        "" => of_cluster.as_str(),
        version => version,
    };
    let minor = |version: &str| versions::minor(version);
    if minor(after).is_none() || minor(after) < minor(before) || minor(after) > minor(&of_cluster) {
        let text = format!(
            "Requested Kubernetes version {after} is not valid: the node group has {before}, the cluster {of_cluster}"
        );
        return Err(AwsError::parameter(text));
    }
    let release = release(request, after)?;
    let mut params: Params = vec![("Version", json!(after)), ("ReleaseVersion", json!(release))];
    let mut changes = vec![("/version".to_owned(), json!(after)), ("/releaseVersion".to_owned(), json!(release))];
    if let Some(wanted) = request.get("launchTemplate") {
        let template = launch_template(cx, wanted)?;
        let is_same = text(&template, "/id") == text(&doc, "/launchTemplate/id");
        if !is_same {
            return Err(AwsError::parameter("The node group cannot change to another launch template"));
        }
        params.push(("LaunchTemplateVersion", json!(text(&template, "/version"))));
        changes.push(("/launchTemplate".to_owned(), template));
    }
    start(cx, Change { kind: "VersionUpdate", params, changes, lasts })
}
