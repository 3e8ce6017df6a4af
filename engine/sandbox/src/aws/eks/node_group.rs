//! Managed node groups: create, describe, list, delete.
//!
//! # Source
//! Amazon EKS API Reference, CreateNodegroup, DescribeNodegroup, ListNodegroups, DeleteNodegroup, "Nodegroup"; Amazon
//! EKS User Guide, "Customize managed nodes with launch templates"; Amazon EKS Service Quotas.

use serde_json::{Value, json};

use super::update::{self, cluster_is_free, node_group_is_free};
use super::{body, page, path, tags, validate, versions};
use crate::aws::Cx;
use crate::aws::ec2::instance_types;
use crate::aws::error::AwsError;
use crate::clock::to_millis;
use crate::json::{number, set, text, texts};
use crate::world::{Goal, Managed, Pending, uuid_of};

/// CreateNodegroup.
pub(super) fn create(cx: &mut Cx<'_>) -> Result<Value, AwsError> {
    let (request, cluster) = (body(cx), path(cx, 0));
    let name = text(request, "/nodegroupName");
    validate::name("nodegroupName", name, 63)?;
    let quota = cx.world.config.quotas.node_groups;
    let parent = update::cluster(cx, cluster)?;
    if parent.node_groups.contains_key(name) {
        let text = format!("NodeGroup already exists with name {name} and cluster name {cluster}");
        return Err(AwsError::in_use(text).with("clusterName", cluster).with("nodegroupName", name));
    }
    cluster_is_free(&parent.own, "CreateNodegroup")?;
    if parent.node_groups.len() >= quota {
        let text = format!("NodeGroup limit exceeded: {quota} node groups per cluster");
        return Err(AwsError::new(400, "ResourceLimitExceededException", text).with("clusterName", cluster));
    }
    let parent = parent.own.doc.clone();
    let version = check_version(request, &parent)?;
    check_machines(cx, request, &version)?;
    check_shape(cx, request)?;
    if validate::subnets(cx, &texts(request, "/subnets"), 1)? != text(&parent, "/resourcesVpcConfig/vpcId") {
        return Err(AwsError::parameter("Subnets are not in the VPC of the cluster"));
    }
    let cannot_join = validate::node_role(cx, text(request, "/nodeRole"))?;
    let doc = document(cx, request, &version);
    let (now, lasts) = (cx.now, cx.world.config.durations.node_group_create);
    let failure = cx.failure.take().or(cannot_join);
    let pending = Pending { done_at: now + lasts, goal: Goal::Active, failure };
    let group = Managed::new(doc.clone(), now + cx.world.config.lag.eks, pending);
    update::cluster(cx, cluster)?.node_groups.insert(name.to_owned(), group);
    Ok(json!({"nodegroup": doc}))
}

/// Version and release of the new group; the version has to be the cluster's.
fn check_version(request: &Value, parent: &Value) -> Result<(String, String), AwsError> {
    let of_cluster = text(parent, "/version");
    let version = match text(request, "/version") {
        "" => of_cluster,
        version => version,
    };
    if version != of_cluster {
        let text = format!("Requested Kubernetes version {version} is not the version {of_cluster} of the cluster");
        return Err(AwsError::parameter(text));
    }
    Ok((version.to_owned(), release(request, version)?))
}

/// The wished release when it belongs to the version, the latest one when there is no wish.
pub(super) fn release(request: &Value, version: &str) -> Result<String, AwsError> {
    let latest = versions::minor(version).and_then(versions::find).map(versions::Version::release);
    let wished = text(request, "/releaseVersion");
    if wished.is_empty() {
        return Ok(latest.unwrap_or_else(|| format!("{version}.0-20251001")));
    }
    let rest = wished.strip_prefix(version).and_then(|rest| rest.strip_prefix('.'));
    if rest.and_then(|rest| rest.split_once('-')).is_some() {
        return Ok(wished.to_owned());
    }
    let text = format!("Requested release version {wished} is not valid for kubernetes version {version}.");
    Err(AwsError::parameter(text))
}

fn ami_type(request: &Value) -> &str {
    match text(request, "/amiType") {
        "" => "AL2023_x86_64_STANDARD",
        kind => kind,
    }
}

/// Image, instance types, disk, launch template, and what excludes what.
fn check_machines(cx: &mut Cx<'_>, request: &Value, version: &(String, String)) -> Result<(), AwsError> {
    let ami = ami_type(request);
    if ami.starts_with("AL2_") && versions::minor(&version.0).is_some_and(|minor| minor > 32) {
        let text = format!("AMI Type {ami} is only supported for kubernetes versions 1.32 or earlier");
        return Err(AwsError::parameter(text));
    }
    let types = texts(request, "/instanceTypes");
    if types.len() > 20 {
        return Err(AwsError::parameter("At most 20 instance types can be specified"));
    }
    for name in &types {
        let Some(kind) = instance_types::find(name) else {
            return Err(AwsError::parameter(format!("The following supplied instance types do not exist: [{name}]")));
        };
        let is_arm = ami.contains("ARM_64");
        if ami != "CUSTOM" && is_arm != (kind.architecture == "arm64") {
            let text = format!("[{name}] is not a valid instance type for requested amiType {ami}");
            return Err(AwsError::parameter(text));
        }
    }
    let Some(template) = request.get("launchTemplate") else {
        if ami == "CUSTOM" {
            return Err(AwsError::parameter("You must specify a launch template when the AMI type is CUSTOM"));
        }
        return Ok(());
    };
    for field in ["diskSize", "remoteAccess"] {
        if request.get(field).is_some() {
            let text = format!("{field} cannot be specified together with a launch template");
            return Err(AwsError::parameter(text));
        }
    }
    launch_template(cx, template).map(|_| ())
}

/// The launch template that a request names by id or by name, with the version it means.
pub(super) fn launch_template(cx: &mut Cx<'_>, wanted: &Value) -> Result<Value, AwsError> {
    let (id, name) = (text(wanted, "/id"), text(wanted, "/name"));
    if id.is_empty() == name.is_empty() {
        return Err(AwsError::parameter("Either the launch template id or its name must be specified, but not both"));
    }
    let mut templates = cx.region().network.iter().filter(|(id, _)| id.starts_with("lt-")).map(|(_, doc)| doc);
    let found = templates.find(|doc| text(doc, "/launchTemplateId") == id || text(doc, "/launchTemplateName") == name);
    let missing = || AwsError::parameter(format!("Launch template {id}{name} does not exist"));
    let found = found.ok_or_else(missing)?;
    let latest = number(found, "/latestVersionNumber").unwrap_or(1);
    let version = match text(wanted, "/version") {
        "" | "$Default" => number(found, "/defaultVersionNumber"),
        "$Latest" => Some(latest),
        version => version.parse().ok().filter(|version| (1..=latest).contains(version)),
    };
    let version = version.ok_or_else(|| AwsError::parameter("The launch template has no such version"))?;
    Ok(
        json!({"id": found.get("launchTemplateId"), "name": found.get("launchTemplateName"), "version": version.to_string()}),
    )
}

/// Sizes, labels, taints, tags, update settings.
fn check_shape(cx: &Cx<'_>, request: &Value) -> Result<(), AwsError> {
    if let Some(scaling) = request.get("scalingConfig") {
        let fields = ["minSize", "maxSize", "desiredSize"];
        if let Some(missing) = fields.iter().find(|field| scaling.get(**field).is_none()) {
            return Err(AwsError::parameter(format!("{missing} is missing: scalingConfig needs all three sizes")));
        }
        check_sizes(scaling, cx.world.config.quotas.nodes)?;
    }
    if let Some(tags) = request.get("tags").and_then(Value::as_object) {
        tags::check(tags).map_err(AwsError::parameter)?;
    }
    check_labels(request.get("labels"))?;
    check_taints(request.get("taints"))?;
    check_update_config(request.get("updateConfig"))
}

/// min <= desired <= max.
pub(super) fn check_sizes(scaling: &Value, quota: i64) -> Result<(), AwsError> {
    let size = |name: &str| number(scaling, name).unwrap_or_default();
    let (min, max, desired) = (size("/minSize"), size("/maxSize"), size("/desiredSize"));
    let problem = if min > desired {
        format!("Minimum capacity {min} can't be greater than desired size {desired}")
    } else if desired > max {
        format!("Desired capacity {desired} can't be greater than max size {max}")
    } else if max > quota {
        let text = format!("Nodes per node group limit exceeded: {quota}");
        return Err(AwsError::new(400, "ResourceLimitExceededException", text));
    } else {
        return Ok(());
    };
    Err(AwsError::parameter(problem))
}

/// Keys and values of 1 to 63 characters; a key may have a DNS prefix before a slash.
pub(super) fn check_labels(labels: Option<&Value>) -> Result<(), AwsError> {
    for (key, value) in labels.and_then(Value::as_object).into_iter().flatten() {
        let name = key.rsplit('/').next().unwrap_or_default();
        let value = value.as_str().unwrap_or_default();
        if !(1..=63).contains(&name.len()) || key.len() > 317 || !(1..=63).contains(&value.len()) {
            return Err(AwsError::parameter(format!("Label '{key}' or its value is not between 1 and 63 characters")));
        }
    }
    Ok(())
}

/// At most 50 taints, each with key and effect, no key and effect twice.
pub(super) fn check_taints(taints: Option<&Value>) -> Result<(), AwsError> {
    let taints = taints.and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    if taints.len() > 50 {
        return Err(AwsError::parameter("At most 50 taints can be specified"));
    }
    for (position, taint) in taints.iter().enumerate() {
        let (key, effect) = (text(taint, "/key"), text(taint, "/effect"));
        if key.is_empty() || effect.is_empty() {
            return Err(AwsError::parameter("A taint needs a key and an effect"));
        }
        let mut earlier = taints.iter().take(position);
        if earlier.any(|other| text(other, "/key") == key && text(other, "/effect") == effect) {
            return Err(AwsError::parameter(format!("Taint {key} with effect {effect} is there twice")));
        }
    }
    Ok(())
}

/// A number or a percentage of nodes, not both.
pub(super) fn check_update_config(config: Option<&Value>) -> Result<(), AwsError> {
    let has = |field: &str| config.and_then(|config| config.get(field)).is_some();
    if has("maxUnavailable") && has("maxUnavailablePercentage") {
        return Err(AwsError::parameter("maxUnavailable and maxUnavailablePercentage cannot be specified together"));
    }
    let number = config.and_then(|config| number(config, "/maxUnavailable")).unwrap_or(1);
    if number > 100 {
        return Err(AwsError::parameter("maxUnavailable must be between 1 and 100"));
    }
    Ok(())
}

fn document(cx: &mut Cx<'_>, request: &Value, version: &(String, String)) -> Value {
    let (cluster, name) = (path(cx, 0), text(request, "/nodegroupName"));
    let serial = cx.world.next_serial();
    let id = uuid_of(&format!("{}/{}/{cluster}/{name}/{serial}", cx.account(), cx.call.region));
    let ami = ami_type(request);
    let or = |field: &str, standard: Value| request.get(field).cloned().unwrap_or(standard);
    let disk = if ami.starts_with("WINDOWS") { 50 } else { 20 };
    let mut doc = json!({
        "nodegroupName": name, "nodegroupArn": cx.arn("eks", &format!("nodegroup/{cluster}/{name}/{id}")),
        "clusterName": cluster, "version": version.0, "releaseVersion": version.1, "status": "CREATING",
        "createdAt": to_millis(cx.now), "modifiedAt": to_millis(cx.now), "amiType": ami,
        "capacityType": or("capacityType", json!("ON_DEMAND")), "subnets": request.get("subnets"),
        "scalingConfig": or("scalingConfig", json!({"minSize": 2, "maxSize": 2, "desiredSize": 2})),
        "nodeRole": request.get("nodeRole"), "labels": or("labels", json!({})), "tags": or("tags", json!({})),
        "updateConfig": or("updateConfig", json!({"maxUnavailable": 1})), "health": {"issues": []},
        "resources": {"autoScalingGroups": [{"name": format!("eks-{name}-{id}")}]},
    });
    match request.get("launchTemplate").map(|template| launch_template(cx, template)) {
        Some(template) => {
            set(&mut doc, "/launchTemplate", template.unwrap_or_default());
        }
        None => {
            set(&mut doc, "/diskSize", or("diskSize", json!(disk)));
            set(&mut doc, "/instanceTypes", or("instanceTypes", json!([standard_type(ami)])));
        }
    }
    for field in ["instanceTypes", "taints", "remoteAccess", "nodeRepairConfig", "warmPoolConfig"] {
        if let Some(value) = request.get(field) {
            set(&mut doc, &format!("/{field}"), value.clone());
        }
    }
    doc
}

fn standard_type(ami: &str) -> &'static str {
    if ami.contains("ARM_64") { "t4g.medium" } else { "t3.medium" }
}

/// DescribeNodegroup.
pub(super) fn describe(cx: &mut Cx<'_>) -> Result<Value, AwsError> {
    let group = update::node_group(cx, path(cx, 0), path(cx, 1))?;
    Ok(json!({"nodegroup": group.doc}))
}

/// ListNodegroups.
pub(super) fn list(cx: &mut Cx<'_>) -> Result<Value, AwsError> {
    let (name, now) = (path(cx, 0), cx.now);
    let groups = update::cluster(cx, name)?.node_groups.iter();
    let shown = groups.filter(|(_, group)| group.visible_at <= now);
    let names = shown.map(|(name, _)| (name.clone(), json!(name))).collect();
    page(cx, "nodegroups", names)
}

/// DeleteNodegroup.
pub(super) fn delete(cx: &mut Cx<'_>) -> Result<Value, AwsError> {
    let lasts = cx.world.config.durations.node_group_delete;
    let (now, failure) = (cx.now, cx.failure.take());
    let cluster = update::cluster(cx, path(cx, 0))?;
    if cluster.own.status() != "FAILED" {
        cluster_is_free(&cluster.own, "DeleteNodegroup")?;
    }
    let group = update::node_group(cx, path(cx, 0), path(cx, 1))?;
    match group.status() {
        "CREATE_FAILED" | "DELETE_FAILED" => {}
        "DELETING" => return Ok(json!({"nodegroup": group.doc})),
        _ => node_group_is_free(group, "DeleteNodegroup")?,
    }
    set(&mut group.doc, "/status", json!("DELETING"));
    group.pending = Some(Pending { done_at: now + lasts, goal: Goal::Gone, failure });
    Ok(json!({"nodegroup": group.doc}))
}
