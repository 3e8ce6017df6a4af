//! Finding clusters and node pools that nothing of ours knows, by reading only.
//!
//! In: names of clusters, or none for all of a region. Out: what can be adopted, as the readers of the types show it,
//! and what stays with whoever has it, with the reason. Nodes that nobody groups are looked for through EC2; where that
//! may not be asked, this is said, and the rest goes on.

mod foreign;
mod lists;

use crate::client::{Connections, Session};
use crate::{cluster, names, node_pool};
use aws_sdk_eks::types::{CapacityTypes, Cluster as Remote, ClusterStatus, Nodegroup, NodegroupStatus};
use std::collections::BTreeMap;
use std::sync::Arc;
use terrane_core::{ObjectId, Text};
use terrane_provider::{Access, Async, CallContext, Discovered, Discovery, Fault, Found, LeftAlone, Search};

/// Finds clusters and node pools.
pub struct EksDiscovery {
    connections: Arc<Connections>,
}

impl EksDiscovery {
    /// A discovery over these connections.
    pub fn new(connections: Arc<Connections>) -> Self {
        Self { connections }
    }

    async fn names(&self, search: &Search, cx: &CallContext<'_>) -> Result<Vec<Text>, Fault> {
        let session = self.connections.open(cx).await?;
        // An account that may not be touched is not looked at either.
        session.account().await?;
        let mut names = match search.names.as_slice() {
            [] => lists::clusters(&session).await?,
            given => given.to_vec(),
        };
        names.sort();
        names.dedup();
        Ok(names)
    }

    async fn one(&self, name: &Text, cx: &CallContext<'_>) -> Result<Discovered, Fault> {
        let session = self.connections.open(cx).await?;
        let account = session.account().await?.to_owned();
        let region = session.clients.region.as_str();
        let Some(remote) = cluster::describe_cluster(&session, name).await? else {
            return Ok(Discovered { is_absent: true, ..Discovered::default() });
        };
        let id = names::cluster_id(&account, region, name);
        let mut look = Look { session: &session, found: Discovered::default(), id };
        if let Some(reason) = unfit_cluster(&remote) {
            look.leave(&format!("cluster {name}, with everything in it"), reason);
            return Ok(look.found);
        }
        let access = Access { region: region.into(), ..cx.access.clone() };
        let view = cluster::View { id: &look.id, access: &access, tags: &session.clients.tags, owned_role: None };
        let seen = cluster::object(&remote, &view);
        look.found.found.push(Found { id: look.id.clone(), access, seen, parent: None });
        look.notes(&remote);
        look.pools(cx).await?;
        look.others().await;
        Ok(look.found)
    }
}

impl Discovery for EksDiscovery {
    fn roots<'a>(&'a self, search: &'a Search, cx: &'a CallContext<'a>) -> Async<'a, Result<Vec<Text>, Fault>> {
        Box::pin(self.names(search, cx))
    }

    fn look<'a>(&'a self, root: &'a Text, cx: &'a CallContext<'a>) -> Async<'a, Result<Discovered, Fault>> {
        Box::pin(self.one(root, cx))
    }

    fn foreign(&self, type_name: &str, attributes: &BTreeMap<Text, Text>) -> Option<Result<ObjectId, String>> {
        foreign::object(type_name, attributes)
    }
}

/// A look at one cluster, as far as it went.
struct Look<'a> {
    session: &'a Session<'a>,
    found: Discovered,
    id: ObjectId,
}

impl Look<'_> {
    fn leave(&mut self, what: &str, reason: impl Into<Text>) {
        self.found.left_alone.push(LeftAlone { what: what.into(), reason: reason.into() });
    }

    /// What a cluster has that no argument of ours says: it stays as it is.
    fn notes(&mut self, remote: &Remote) {
        let name = self.id.key.clone();
        if !remote.encryption_config().is_empty() {
            self.leave(&format!("encryption of cluster {name} with a KMS key"), NOT_IN_THIS_VERSION);
        }
        if remote.remote_network_config().is_some() {
            self.leave(&format!("remote networks of cluster {name}"), NOT_IN_THIS_VERSION);
        }
        if cluster::mark(remote).is_some() {
            let reason =
                "Terrane made the cluster: no other state may have it, and roles made with it stay when it goes";
            self.leave(&format!("the roles of cluster {name}"), reason);
        }
    }

    async fn pools(&mut self, cx: &CallContext<'_>) -> Result<(), Fault> {
        for name in lists::node_groups(self.session, &self.id.key).await? {
            let scope = self.id.scope.clone();
            let id = names::pool_id(&scope.account, &scope.region, &self.id.key, &name);
            // One that went meanwhile is not there.
            let Some(group) = node_pool::describe(self.session, &id).await? else { continue };
            let what = format!("node pool {}/{name}", self.id.key);
            if let Some(reason) = unfit_group(&group) {
                self.leave(&what, reason);
                continue;
            }
            let view = node_pool::View { id: &id, tags: &self.session.clients.tags, owned_role: None };
            let seen = node_pool::object(&group, &view);
            self.group_notes(&what, &group);
            let access = Access { region: scope.region, ..cx.access.clone() };
            self.found.found.push(Found { id, access, seen, parent: Some(self.id.clone()) });
        }
        Ok(())
    }

    fn group_notes(&mut self, what: &str, group: &Nodegroup) {
        let settings = [
            ("remote access", group.remote_access().is_some()),
            ("node repair", group.node_repair_config().is_some_and(|repair| repair.enabled() == Some(true))),
        ];
        for (setting, is_there) in settings {
            if is_there {
                self.leave(&format!("{setting} of {what}"), NOT_IN_THIS_VERSION);
            }
        }
    }

    /// What else runs pods in the cluster, or belongs to it.
    async fn others(&mut self) {
        let cluster = self.id.key.clone();
        let fargate = lists::fargate_profiles(self.session, &cluster).await;
        self.list("Fargate profile", fargate, NO_TYPE);
        let addons = lists::addons(self.session, &cluster).await;
        self.list("add-on", addons, NO_TYPE);
        let nodes = crate::ec2::self_managed(self.session, &cluster).await;
        self.list("self-managed node", nodes, "no managed node group has it");
    }

    fn list(&mut self, noun: &str, names: Result<Vec<Text>, Fault>, reason: &str) {
        let cluster = self.id.key.clone();
        match names {
            Ok(names) => {
                for name in names {
                    self.leave(&format!("{noun} {cluster}/{name}"), reason);
                }
            }
            Err(fault) => {
                let reason = format!("not looked for: {} ({})", fault.message, fault.operation);
                self.leave(&format!("every {noun} of cluster {cluster}"), reason);
            }
        }
    }
}

const NOT_IN_THIS_VERSION: &str = "no argument says it in this version: it stays as it is";
const NO_TYPE: &str = "no resource type in this version";

/// Why a cluster cannot be adopted.
fn unfit_cluster(remote: &Remote) -> Option<String> {
    if remote.outpost_config().is_some() {
        return Some(String::from("it runs on an Outpost"));
    }
    if remote.connector_config().is_some() {
        return Some(String::from("it is connected to EKS, and EKS does not run it"));
    }
    if remote.compute_config().is_some_and(|compute| compute.enabled() == Some(true)) {
        return Some(String::from("EKS Auto Mode makes its nodes, which is not in this version"));
    }
    match remote.status() {
        Some(ClusterStatus::Active | ClusterStatus::Updating) => None,
        status => Some(format!("it is {}", status.map_or("in no known state", |status| status.as_str()))),
    }
}

/// Why a node group cannot be adopted.
fn unfit_group(group: &Nodegroup) -> Option<String> {
    match group.capacity_type() {
        None | Some(CapacityTypes::OnDemand | CapacityTypes::Spot) => {}
        Some(other) => return Some(format!("its capacity is {}, which is not in this version", other.as_str())),
    }
    match group.status() {
        Some(NodegroupStatus::Active | NodegroupStatus::Updating | NodegroupStatus::Degraded) => None,
        status => Some(format!("it is {}", status.map_or("in no known state", |status| status.as_str()))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_sdk_eks::types::ComputeConfigResponse;

    #[test]
    fn only_what_runs_and_is_understood_is_adopted() {
        let cluster = |status| Remote::builder().status(status);
        assert_eq!(unfit_cluster(&cluster(ClusterStatus::Active).build()), None);
        let auto = ComputeConfigResponse::builder().enabled(true).build();
        let reason = unfit_cluster(&cluster(ClusterStatus::Active).compute_config(auto).build());
        assert!(reason.is_some_and(|reason| reason.contains("Auto Mode")));
        assert_eq!(unfit_cluster(&cluster(ClusterStatus::Deleting).build()).as_deref(), Some("it is DELETING"));
        let block = Nodegroup::builder().capacity_type(CapacityTypes::CapacityBlock).status(NodegroupStatus::Active);
        assert!(unfit_group(&block.build()).is_some_and(|reason| reason.contains("CAPACITY_BLOCK")));
        let group = Nodegroup::builder().status(NodegroupStatus::CreateFailed).build();
        assert_eq!(unfit_group(&group).as_deref(), Some("it is CREATE_FAILED"));
    }
}
