//! Updates: their records, and that a cluster has one at a time.
//!
//! # Source
//! Amazon EKS API Reference, DescribeUpdate, ListUpdates, "Update".

use serde_json::{Value, json};

use super::{page, path, query};
use crate::aws::Cx;
use crate::aws::error::AwsError;
use crate::clock::to_millis;
use crate::json::{set, text};
use crate::world::{Cluster, Goal, Managed, Pending, uuid_of};

/// What an update does.
pub(super) struct Change {
    /// `VersionUpdate`, `ConfigUpdate`, ..
    pub(super) kind: &'static str,
    /// Parameters shown in the record.
    pub(super) params: Vec<(&'static str, Value)>,
    /// Pointers of the object's document and their new values.
    pub(super) changes: Vec<(String, Value)>,
    /// Emulated seconds.
    pub(super) lasts: f64,
}

/// A cluster that the caller can see.
pub(super) fn cluster<'a>(cx: &'a mut Cx<'_>, name: &str) -> Result<&'a mut Cluster, AwsError> {
    let now = cx.now;
    let found = cx.region().clusters.get_mut(name).filter(|cluster| cluster.own.visible_at <= now);
    found.ok_or_else(|| AwsError::not_found(format!("No cluster found for name: {name}.")).with("clusterName", name))
}

/// A node group that the caller can see.
pub(super) fn node_group<'a>(cx: &'a mut Cx<'_>, name: &str, group: &str) -> Result<&'a mut Managed, AwsError> {
    let now = cx.now;
    let cluster = cluster(cx, name)?;
    let found = cluster.node_groups.get_mut(group).filter(|managed| managed.visible_at <= now);
    found.ok_or_else(|| {
        AwsError::not_found(format!("No node group found for name: {group}."))
            .with("clusterName", name)
            .with("nodegroupName", group)
    })
}

/// Refuses what cannot begin now: the cluster has to be ACTIVE, with no update in flight.
pub(super) fn cluster_is_free(managed: &Managed, kind: &str) -> Result<(), AwsError> {
    let name = text(&managed.doc, "/name");
    if let Some(update) = managed.update_in_flight() {
        let text = format!("Cannot {kind} because cluster {name} currently has update {update} in progress");
        return Err(AwsError::in_use(text).with("clusterName", name));
    }
    match managed.status() {
        "ACTIVE" => Ok(()),
        "CREATING" => {
            let text = format!("Cannot {kind} because cluster {name} currently has its creation in progress");
            Err(AwsError::in_use(text).with("clusterName", name))
        }
        status => {
            let text = format!("Cannot {kind} because cluster {name} is not ACTIVE but {status}");
            Err(AwsError::request(text).with("clusterName", name))
        }
    }
}

/// The same for a node group.
pub(super) fn node_group_is_free(managed: &Managed, kind: &str) -> Result<(), AwsError> {
    let (cluster, name) = (text(&managed.doc, "/clusterName"), text(&managed.doc, "/nodegroupName"));
    let about = |error: AwsError| error.with("clusterName", cluster).with("nodegroupName", name);
    if let Some(update) = managed.update_in_flight() {
        let text = format!("Cannot {kind} because nodegroup {name} currently has update {update} in progress");
        return Err(about(AwsError::in_use(text)));
    }
    match managed.status() {
        "ACTIVE" | "DEGRADED" => Ok(()),
        status @ ("CREATING" | "DELETING") => {
            let text = format!("Cannot {kind} because nodegroup {name} is {status}: an operation is in progress");
            Err(about(AwsError::in_use(text)))
        }
        status => {
            let text = format!("Cannot {kind} because nodegroup {name} is in status {status}");
            Err(about(AwsError::request(text)))
        }
    }
}

/// Begins an update: the record, the status, and what happens when it ends.
pub(super) fn begin(managed: &mut Managed, change: Change, now: f64, failure: Option<(String, String)>) -> Value {
    let place = format!("{}/{}", text(&managed.doc, "/arn"), text(&managed.doc, "/nodegroupArn"));
    let id = uuid_of(&format!("update/{place}/{}/{now}", managed.updates.len()));
    let params: Vec<Value> = change
        .params
        .into_iter()
        .map(|(kind, value)| {
            let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            json!({"type": kind, "value": value})
        })
        .collect();
    let record = json!({"id": id, "status": "InProgress", "type": change.kind, "params": params,
        "createdAt": to_millis(now), "errors": []});
    set(&mut managed.doc, "/status", json!("UPDATING"));
    managed.updates.push(record.clone());
    let goal = Goal::Updated { update: id, changes: change.changes };
    managed.pending = Some(Pending { done_at: now + change.lasts, goal, failure });
    json!({"update": record})
}

/// The object whose updates a request asks for.
fn subject<'a>(cx: &'a mut Cx<'_>) -> Result<&'a mut Managed, AwsError> {
    let name = path(cx, 0);
    if let Some(addon) = query(cx, "addonName").first() {
        return Err(AwsError::not_found(format!("No addon: {addon} found in cluster: {name}")));
    }
    match query(cx, "nodegroupName").first() {
        Some(group) => node_group(cx, name, group),
        None => cluster(cx, name).map(|cluster| &mut cluster.own),
    }
}

/// DescribeUpdate.
pub(super) fn describe(cx: &mut Cx<'_>) -> Result<Value, AwsError> {
    let id = path(cx, 1).to_owned();
    let found = subject(cx)?.updates.iter().find(|update| text(update, "/id") == id);
    let found = found.ok_or_else(|| AwsError::not_found(format!("No update found for ID: {id}")))?;
    Ok(json!({"update": found}))
}

/// ListUpdates.
pub(super) fn list(cx: &mut Cx<'_>) -> Result<Value, AwsError> {
    let updates = subject(cx)?.updates.iter();
    let mut ids: Vec<(String, Value)> =
        updates.map(|update| (text(update, "/id").to_owned(), json!(text(update, "/id")))).collect();
    ids.sort_by(|one, other| one.0.cmp(&other.0));
    page(cx, "updateIds", ids)
}
