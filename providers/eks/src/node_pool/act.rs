//! Changing node pools: the half that only apply holds.

use super::delta::{self, Delta};
use super::read::{self, View};
use super::schema::NodePool;
use super::steps;
use crate::client::{Connections, Session};
use crate::cluster::{apply_tags, describe_cluster};
use crate::life::{self, Life, Stage, Steps};
use crate::role::OwnedRole;
use crate::tags::{self, Tags};
use crate::update::{self, Of};
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
            life::start(&Step { session: &session, call }).await
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
            life::poll(&Step { session: &session, call }, handle).await
        })
    }
}

struct Step<'a> {
    session: &'a Session<'a>,
    call: &'a StepCall,
}

impl Life for Step<'_> {
    type Remote = Nodegroup;
    const NOUN: &'static str = "node group";
    const DESCRIBE: &'static str = "eks:DescribeNodegroup";
    const FAILED: &'static str = "node-group-failed";
    const STEPS: Steps = Steps {
        create: steps::CREATE_NODE_GROUP,
        attach: steps::ATTACH_ROLE_POLICIES,
        delete: steps::DELETE_NODE_GROUP,
    };

    fn call(&self) -> &StepCall {
        self.call
    }

    fn session(&self) -> &Session<'_> {
        self.session
    }

    fn role(&self) -> OwnedRole<'_> {
        read::owned(self.session, self.owned_role())
    }

    fn marked(&self) -> Result<Tags, Fault> {
        Ok(tags::marked(&self.planned()?.tags, &self.call.intent))
    }

    fn of(&self) -> Of<'_> {
        Of { cluster: self.cluster(), pool: Some(self.name()) }
    }

    async fn find(&self) -> Result<Option<Nodegroup>, Fault> {
        read::describe(self.session, &self.call.id).await
    }

    async fn send_create(&self, token: &str) -> Result<(), Fault> {
        let request = self.create_request().await?.client_request_token(token);
        self.session.send("eks:CreateNodegroup", || request.clone().send()).await.map(|_| ())
    }

    async fn send_delete(&self) -> Result<(), Fault> {
        let request = self.session.clients.eks.delete_nodegroup();
        let request = request.cluster_name(self.cluster()).nodegroup_name(self.name());
        self.session.send("eks:DeleteNodegroup", || request.clone().send()).await.map(|_| ())
    }

    async fn send_update(&self) -> Result<Option<String>, Fault> {
        match &*self.call.step {
            steps::UPDATE_VERSION => self.send_version().await,
            steps::UPDATE_CONFIG => self.send_config().await,
            _ => Err(Fault::bug(self.call.step.clone(), "a node pool has no such step")),
        }
    }

    async fn send_tags(&self, group: &Nodegroup) -> Result<(), Fault> {
        let before = group.tags().map(|tags| self.session.clients.tags.visible(tags)).unwrap_or_default();
        apply_tags(self.session, group.nodegroup_arn().unwrap_or_default(), &before, &self.planned()?.tags).await
    }

    fn shown(&self, group: &Nodegroup) -> Value {
        let view = View { id: &self.call.id, tags: &self.session.clients.tags, owned_role: self.owned_role() };
        read::object(group, &view)
    }

    /// This step made it, in this run or an earlier one; or some run that is not known any more, for the same role, and
    /// it was not ACTIVE yet.
    fn is_ours(&self, group: &Nodegroup) -> bool {
        let role = text(&self.call.planned, "node_role_arn");
        match read::mark(group) {
            Some(mark) if self.call.has_made(mark) => true,
            Some(_) => read::is_unfinished(group) && role.is_some() && role == group.node_role(),
            None => false,
        }
    }

    fn stage<'r>(&self, group: &'r Nodegroup) -> (Stage, &'r str) {
        let stage = match group.status() {
            Some(NodegroupStatus::Active) => Stage::Active,
            Some(NodegroupStatus::Updating) => Stage::Changing,
            Some(NodegroupStatus::CreateFailed) => Stage::Broken,
            Some(NodegroupStatus::Deleting | NodegroupStatus::DeleteFailed) => Stage::Going,
            _ => Stage::Other,
        };
        (stage, group.status().map_or("CREATING", NodegroupStatus::as_str))
    }

    fn is_stuck(&self, group: &Nodegroup) -> bool {
        group.status() == Some(&NodegroupStatus::DeleteFailed)
    }

    fn issues(&self, group: &Nodegroup) -> (Option<String>, String) {
        read::issues(group)
    }
}

impl Step<'_> {
    fn cluster(&self) -> &str {
        &self.call.id.scope.parent
    }

    fn planned(&self) -> Result<NodePool, Fault> {
        NodePool::from_value(&self.call.planned).map_err(|error| Fault::bug(self.call.step.clone(), error.to_string()))
    }

    fn owned_role(&self) -> Option<&str> {
        text(&self.call.planned, "owned_role").or_else(|| text(&self.call.prior, "owned_role"))
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

    /// Sends only what changes: a version that is sent again would be judged again.
    async fn send_version(&self) -> Result<Option<String>, Fault> {
        let (pool, group) = (self.planned()?, life::must_find(self).await?);
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
        let delta = Delta::between(&life::must_find(self).await?, &self.planned()?);
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
}
