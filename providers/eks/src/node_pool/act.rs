//! Changing node pools: the half that only apply holds.

use super::delta::{self, Delta};
use super::read::{self, View};
use super::schema::NodePool;
use super::steps;
use crate::client::{Connections, Session};
use crate::cluster::{apply_tags, describe_cluster};
use crate::error;
use crate::limits::table;
use crate::progress::{self, pending};
use crate::role::{CREATE_ROLE, DELETE_ROLE, OwnedRole};
use crate::tags::{self, Tags};
use crate::update::{self, Of, State};
use crate::values::text;
use aws_sdk_eks::operation::create_nodegroup::builders::CreateNodegroupFluentBuilder;
use aws_sdk_eks::types::{AmiTypes, CapacityTypes, LaunchTemplateSpecification, Nodegroup, NodegroupStatus};
use std::sync::Arc;
use terrane_core::Value;
use terrane_provider::typed::Typed;
use terrane_provider::{Actor, Async, CallContext, Fault, FaultKind, Handle, Progress, StepCall};

/// The acting half.
pub struct NodePoolActor {
    connections: Arc<Connections>,
}

impl NodePoolActor {
    /// An actor over these connections.
    pub fn new(connections: Arc<Connections>) -> Self {
        Self { connections }
    }
}

impl Actor for NodePoolActor {
    fn start<'a>(&'a self, call: &'a StepCall, cx: &'a CallContext<'a>) -> Async<'a, Result<Progress, Fault>> {
        Box::pin(async move {
            let session = self.connections.open_for(&call.id.scope.account, cx).await?;
            let step = Step { session: &session, call };
            match &*call.step {
                CREATE_ROLE => step.role().create(&step.marked()?, 0).await,
                steps::ATTACH_ROLE_POLICIES => step.role().attach(0).await,
                steps::CREATE_NODE_GROUP => step.create(0, "").await,
                steps::DELETE_NODE_GROUP => step.delete().await,
                DELETE_ROLE => step.role().delete(0).await,
                steps::UPDATE_TAGS => step.tags().await,
                _ => step.update().await,
            }
        })
    }

    fn poll<'a>(
        &'a self,
        handle: &'a Handle,
        call: &'a StepCall,
        cx: &'a CallContext<'a>,
    ) -> Async<'a, Result<Progress, Fault>> {
        Box::pin(async move {
            let session = self.connections.open_for(&call.id.scope.account, cx).await?;
            let step = Step { session: &session, call };
            let count = progress::count(handle);
            match (&*handle.kind, &*call.step) {
                (progress::CREATE, _) => step.created(count).await,
                (progress::UPDATE, _) => step.updating(progress::update_id(handle)).await,
                (progress::SETTLE, _) => step.settled().await,
                (progress::DELETE, _) => step.deleted().await,
                (progress::CLEAR, _) => step.cleared().await,
                (progress::RETRY, steps::CREATE_NODE_GROUP) => step.create(count, "").await,
                (progress::RETRY, steps::DELETE_NODE_GROUP) => step.delete().await,
                (progress::RETRY, CREATE_ROLE) => step.role().create(&step.marked()?, count).await,
                (progress::RETRY, steps::ATTACH_ROLE_POLICIES) => step.role().attach(count).await,
                (progress::RETRY, DELETE_ROLE) => step.role().delete(count).await,
                (progress::RETRY, _) => step.update().await,
                (other, _) => {
                    Err(Fault::bug(call.step.clone(), format!("no step of a node pool leaves a handle {other}")))
                }
            }
        })
    }
}

struct Step<'a> {
    session: &'a Session<'a>,
    call: &'a StepCall,
}

impl Step<'_> {
    fn cluster(&self) -> &str {
        &self.call.id.scope.parent
    }

    fn name(&self) -> &str {
        &self.call.id.key
    }

    fn planned(&self) -> Result<NodePool, Fault> {
        NodePool::from_value(&self.call.planned).map_err(|error| Fault::bug(self.call.step.clone(), error.to_string()))
    }

    fn owned_role(&self) -> Option<&str> {
        text(&self.call.planned, "owned_role").or_else(|| text(&self.call.prior, "owned_role"))
    }

    fn role(&self) -> OwnedRole<'_> {
        read::owned(self.session, self.owned_role())
    }

    fn shown(&self, group: &Nodegroup) -> Value {
        let view = View { id: &self.call.id, tags: &self.session.clients.tags, owned_role: self.owned_role() };
        read::object(group, &view)
    }

    fn check_ms(&self) -> u64 {
        table().check_ms(&self.call.step)
    }

    /// Tags that a create sends.
    fn marked(&self) -> Result<Tags, Fault> {
        Ok(tags::marked(&self.planned()?.tags, &self.call.intent))
    }

    async fn find(&self) -> Result<Option<Nodegroup>, Fault> {
        read::describe(self.session, &self.call.id).await
    }

    async fn must_find(&self) -> Result<Nodegroup, Fault> {
        let gone = || Fault::new(FaultKind::Gone, "eks:DescribeNodegroup", "the node group is not there any more");
        self.find().await?.ok_or_else(gone)
    }

    fn busy(&self) -> Progress {
        let handle = progress::counted(progress::RETRY, 0);
        pending(handle, table().waits.busy_check_ms, "waits for another change of the cluster or node group")
    }

    /// Sends CreateNodegroup; while the role is not known everywhere, or the cluster is busy, that is tried again.
    /// `suffix` sets the token apart from that of a request whose group was removed again.
    async fn create(&self, tries: i64, suffix: &str) -> Result<Progress, Fault> {
        let request = self.create_request().await?;
        let request = request.client_request_token(format!("{}{suffix}", self.call.token));
        match self.session.send("eks:CreateNodegroup", || request.clone().send()).await {
            Ok(_) => Ok(self.waiting("CREATING", 0)),
            Err(fault) if error::is_taken(&fault) => self.adopt(fault).await,
            Err(fault) if error::is_busy(&fault) => Ok(self.busy()),
            Err(fault) if error::is_propagating(&fault) && tries < table().propagation_tries() => {
                let handle = progress::counted(progress::RETRY, tries + 1);
                Ok(pending(handle, table().waits.propagation_check_ms, "the role is not known to EKS yet"))
            }
            Err(fault) => Err(fault),
        }
    }

    async fn create_request(&self) -> Result<CreateNodegroupFluentBuilder, Fault> {
        let pool = self.planned()?;
        let role = text(&self.call.seen, "node_role_arn").map(str::to_owned).or(pool.node_role_arn.clone());
        let subnets = match pool.subnets.clone().filter(|subnets| !subnets.is_empty()) {
            Some(subnets) => subnets.into_iter().collect(),
            None => self.subnets_of_cluster().await?,
        };
        let instance = pool.instance.as_ref();
        let is_spot = instance.is_some_and(|instance| instance.spot);
        let template = pool.launch_template.as_ref().map(|template| {
            LaunchTemplateSpecification::builder().id(&template.id).set_version(template.version.clone()).build()
        });
        let taints: Vec<_> = pool.taints.iter().map(delta::remote).collect();
        let request = self.session.clients.eks.create_nodegroup();
        Ok(request
            .cluster_name(self.cluster())
            .nodegroup_name(self.name())
            .set_scaling_config(delta::first_scaling(&pool))
            .set_disk_size(pool.disk.as_ref().and_then(|disk| disk.size_gib))
            .set_subnets(Some(subnets))
            .set_instance_types(instance.and_then(|instance| instance.types.clone()))
            .set_ami_type(instance.and_then(|instance| instance.image.as_deref()).map(AmiTypes::from))
            .set_capacity_type(is_spot.then_some(CapacityTypes::Spot))
            .set_node_role(role)
            .set_labels((!pool.labels.is_empty()).then(|| pool.labels.clone().into_iter().collect()))
            .set_taints((!taints.is_empty()).then_some(taints))
            .set_update_config(delta::update_config(&pool))
            .set_launch_template(template)
            .set_version(pool.version.clone())
            .set_release_version(pool.release_version.clone())
            .set_tags(Some(self.marked()?.into_iter().collect())))
    }

    async fn subnets_of_cluster(&self) -> Result<Vec<String>, Fault> {
        let cluster = describe_cluster(self.session, self.cluster()).await?;
        let subnets = cluster.as_ref().and_then(|cluster| cluster.resources_vpc_config()).map(|vpc| vpc.subnet_ids());
        subnets.map(<[String]>::to_vec).ok_or_else(|| {
            let message = format!("cluster {} is not there, so its subnets are not known", self.cluster());
            Fault::new(FaultKind::Gone, "eks:DescribeCluster", message)
        })
    }

    /// A group of that name is there: begun by an earlier try of ours, or somebody else's.
    async fn adopt(&self, fault: Fault) -> Result<Progress, Fault> {
        let found = self.find().await?;
        match found.as_ref() {
            Some(group) if !self.is_ours(group) => {
                let help = format!("choose another name, or import the node group: its id is {}", self.call.id);
                Err(fault.code("name-taken").help(help))
            }
            Some(group) if group.status() == Some(&NodegroupStatus::CreateFailed) => self.clear().await,
            _ => self.created(0).await,
        }
    }

    /// This step made it, in this run or an earlier one; or some run that is not known any more, for the same role, and it was not ACTIVE yet.
    fn is_ours(&self, group: &Nodegroup) -> bool {
        let role = text(&self.call.planned, "node_role_arn");
        match read::mark(group) {
            Some(mark) if self.call.has_made(mark) => true,
            Some(_) => read::is_unfinished(group) && role.is_some() && role == group.node_role(),
            None => false,
        }
    }

    /// Removes a group of ours that failed to come up; it still occupies the name.
    async fn clear(&self) -> Result<Progress, Fault> {
        match self.send_delete().await {
            Err(fault) if !error::is_gone(&fault) && !error::is_busy(&fault) => Err(fault),
            _ => Ok(self.clearing()),
        }
    }

    fn clearing(&self) -> Progress {
        let handle = progress::counted(progress::CLEAR, 0);
        pending(handle, self.check_ms(), "removes the node group that failed, to make it again")
    }

    async fn cleared(&self) -> Result<Progress, Fault> {
        match self.find().await? {
            None => self.create(0, "-again").await,
            Some(group) if group.status() == Some(&NodegroupStatus::CreateFailed) => self.clear().await,
            Some(_) => Ok(self.clearing()),
        }
    }

    fn waiting(&self, status: &str, missing: i64) -> Progress {
        let message = format!("node group {} is {status}", self.name());
        pending(progress::counted(progress::CREATE, missing), self.check_ms(), &message)
    }

    async fn created(&self, missing: i64) -> Result<Progress, Fault> {
        let Some(group) = self.find().await? else {
            if missing < table().missing_polls(&self.call.step) {
                return Ok(self.waiting("not in answers yet", missing + 1));
            }
            let message = "the new node group is not there any more";
            return Err(Fault::new(FaultKind::Gone, "eks:DescribeNodegroup", message));
        };
        match group.status() {
            Some(NodegroupStatus::Active) => Ok(Progress::Done(self.shown(&group))),
            Some(NodegroupStatus::CreateFailed | NodegroupStatus::Deleting | NodegroupStatus::DeleteFailed) => {
                Err(self.failed(&group))
            }
            status => Ok(self.waiting(status.map_or("CREATING", NodegroupStatus::as_str), 0)),
        }
    }

    fn failed(&self, group: &Nodegroup) -> Fault {
        let status = group.status().map_or("CREATE_FAILED", NodegroupStatus::as_str);
        let (code, issues) = read::issues(group);
        let issues = if issues.is_empty() { "EKS gives no reason".to_owned() } else { issues };
        let message = format!("node group {} is {status}: {issues}", self.name());
        Fault::new(FaultKind::Conflict, "eks:DescribeNodegroup", message)
            .code(code.unwrap_or_else(|| "node-group-failed".to_owned()))
            .help("mend the reason and apply again: a group that never came up is removed and made anew")
    }

    async fn update(&self) -> Result<Progress, Fault> {
        let sent = match &*self.call.step {
            steps::UPDATE_VERSION => self.send_version().await,
            steps::UPDATE_CONFIG => self.send_config().await,
            _ => return Err(Fault::bug(self.call.step.clone(), "a node pool has no such step")),
        };
        match sent {
            Ok(Some(id)) => Ok(pending(progress::update(&id), self.check_ms(), "the update was taken")),
            Ok(None) => self.settled().await,
            Err(fault) if error::is_nothing_to_change(&fault) => self.settled().await,
            Err(fault) if error::is_busy(&fault) => Ok(self.busy()),
            Err(fault) => Err(fault),
        }
    }

    /// Sends only what changes: a version that is sent again would be judged again.
    async fn send_version(&self) -> Result<Option<String>, Fault> {
        let (pool, group) = (self.planned()?, self.must_find().await?);
        let changed = |wanted: Option<String>, now: Option<&str>| wanted.filter(|wanted| Some(wanted.as_str()) != now);
        let version = changed(pool.version, group.version());
        let release = changed(pool.release_version, group.release_version());
        let template = pool.launch_template.and_then(|wanted| {
            let now = group.launch_template().and_then(|template| template.version());
            let version = changed(wanted.version, now)?;
            Some(LaunchTemplateSpecification::builder().id(wanted.id).version(version).build())
        });
        if version.is_none() && release.is_none() && template.is_none() {
            return Ok(None);
        }
        let request = self.session.clients.eks.update_nodegroup_version();
        let request = request
            .cluster_name(self.cluster())
            .nodegroup_name(self.name())
            .set_version(version)
            .set_release_version(release)
            .set_launch_template(template)
            .client_request_token(&*self.call.token);
        let answer = self.session.send("eks:UpdateNodegroupVersion", || request.clone().send()).await?;
        Ok(update::open_id(answer.update))
    }

    async fn send_config(&self) -> Result<Option<String>, Fault> {
        let delta = Delta::between(&self.must_find().await?, &self.planned()?);
        if delta.is_empty() {
            return Ok(None);
        }
        let request = self.session.clients.eks.update_nodegroup_config();
        let request = request
            .cluster_name(self.cluster())
            .nodegroup_name(self.name())
            .set_labels(delta.labels)
            .set_taints(delta.taints)
            .set_scaling_config(delta.scaling)
            .set_update_config(delta.update)
            .client_request_token(&*self.call.token);
        let answer = self.session.send("eks:UpdateNodegroupConfig", || request.clone().send()).await?;
        Ok(update::open_id(answer.update))
    }

    async fn updating(&self, id: &str) -> Result<Progress, Fault> {
        let of = Of { cluster: self.cluster(), pool: Some(self.name()) };
        match update::state(self.session, of, id).await? {
            State::Done => self.settled().await,
            State::Running => Ok(pending(progress::update(id), self.check_ms(), "the update goes on")),
        }
    }

    /// The group as it is now, once it is at rest.
    async fn settled(&self) -> Result<Progress, Fault> {
        let group = self.must_find().await?;
        if group.status() == Some(&NodegroupStatus::Updating) {
            let handle = progress::counted(progress::SETTLE, 0);
            return Ok(pending(handle, self.check_ms(), "the node group is UPDATING"));
        }
        Ok(Progress::Done(self.shown(&group)))
    }

    /// Brings the tags to what is planned. It starts from what is there now, so it can be repeated.
    async fn tags(&self) -> Result<Progress, Fault> {
        let (wanted, group) = (self.planned()?.tags, self.must_find().await?);
        let before = group.tags().map(|tags| self.session.clients.tags.visible(tags)).unwrap_or_default();
        apply_tags(self.session, group.nodegroup_arn().unwrap_or_default(), &before, &wanted).await?;
        self.settled().await
    }

    async fn send_delete(&self) -> Result<(), Fault> {
        let request = self.session.clients.eks.delete_nodegroup();
        let request = request.cluster_name(self.cluster()).nodegroup_name(self.name());
        self.session.send("eks:DeleteNodegroup", || request.clone().send()).await.map(|_| ())
    }

    async fn delete(&self) -> Result<Progress, Fault> {
        match self.send_delete().await {
            Ok(()) => Ok(self.deleting("DELETING")),
            Err(fault) if error::is_gone(&fault) => Ok(Progress::Done(Value::NULL)),
            Err(fault) if error::is_busy(&fault) => Ok(self.busy()),
            Err(fault) => Err(fault),
        }
    }

    fn deleting(&self, status: &str) -> Progress {
        let message = format!("node group {} is {status}", self.name());
        pending(progress::counted(progress::DELETE, 0), self.check_ms(), &message)
    }

    async fn deleted(&self) -> Result<Progress, Fault> {
        match self.find().await? {
            None => Ok(Progress::Done(Value::NULL)),
            Some(group) if group.status() == Some(&NodegroupStatus::DeleteFailed) => Err(self.failed(&group)),
            Some(group) => Ok(self.deleting(group.status().map_or("DELETING", NodegroupStatus::as_str))),
        }
    }
}
