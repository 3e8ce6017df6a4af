//! Changing clusters: the half that only apply holds.

use super::read::{self, LOGS, View};
use super::schema::Cluster;
use super::{refine, steps};
use crate::client::{Connections, Session};
use crate::life::{self, Life, Stage, Steps};
use crate::role::OwnedRole;
use crate::tags::{self, Tags};
use crate::update::{self, Of};
use crate::values::text;
use aws_sdk_eks::operation::update_cluster_config::builders::UpdateClusterConfigFluentBuilder;
use aws_sdk_eks::types::{
    AuthenticationMode, Cluster as Remote, ClusterStatus, ControlPlaneScalingConfig, CreateAccessConfigRequest,
    IpFamily, KubernetesNetworkConfigRequest, LogSetup, LogType, Logging, ProvisionedControlPlaneTier, SupportType,
    UpdateAccessConfigRequest, UpgradePolicyRequest, VpcConfigRequest, ZonalShiftConfigRequest,
};
use std::sync::Arc;
use terrane_core::Value;
use terrane_provider::typed::Typed;
use terrane_provider::{Actor, Async, CallContext, Fault, Handle, Progress, StepCall};

/// The acting half.
pub struct ClusterActor {
    connections: Arc<Connections>,
}

impl ClusterActor {
    /// An actor over these connections.
    pub fn new(connections: Arc<Connections>) -> Self {
        Self { connections }
    }
}

impl Actor for ClusterActor {
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
    type Remote = Remote;
    const NOUN: &'static str = "cluster";
    const DESCRIBE: &'static str = "eks:DescribeCluster";
    const FAILED: &'static str = "cluster-failed";
    const STEPS: Steps =
        Steps { create: steps::CREATE_CLUSTER, attach: steps::ATTACH_ROLE_POLICY, delete: steps::DELETE_CLUSTER };

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
        Of { cluster: self.name(), pool: None }
    }

    async fn find(&self) -> Result<Option<Remote>, Fault> {
        read::describe(self.session, self.name()).await
    }

    async fn send_create(&self, token: &str) -> Result<(), Fault> {
        let request = self.create_request()?.client_request_token(token);
        self.session.send("eks:CreateCluster", || request.clone().send()).await.map(|_| ())
    }

    async fn send_delete(&self) -> Result<(), Fault> {
        if let Some(fault) = refine::protected(&self.call.prior) {
            return Err(fault);
        }
        let request = self.session.clients.eks.delete_cluster().name(self.name());
        self.session.send("eks:DeleteCluster", || request.clone().send()).await.map(|_| ())
    }

    async fn send_update(&self) -> Result<Option<String>, Fault> {
        let cluster = self.planned()?;
        if &*self.call.step == steps::UPDATE_VERSION {
            return self.send_version(&cluster).await;
        }
        let Some(request) = self.config_request(&self.call.step, &cluster) else {
            return Err(Fault::bug(self.call.step.clone(), "a cluster has no such step"));
        };
        let answer = self.session.send("eks:UpdateClusterConfig", || request.clone().send()).await?;
        Ok(update::open_id(answer.update))
    }

    async fn send_tags(&self, cluster: &Remote) -> Result<(), Fault> {
        let before = cluster.tags().map(|tags| self.session.clients.tags.visible(tags)).unwrap_or_default();
        apply_tags(self.session, cluster.arn().unwrap_or_default(), &before, &self.planned()?.tags).await
    }

    fn shown(&self, cluster: &Remote) -> Value {
        read::object(
            cluster,
            &View {
                id: &self.call.id,
                access: &self.call.access,
                tags: &self.session.clients.tags,
                owned_role: self.owned_role(),
            },
        )
    }

    /// This step made it, in this run or an earlier one; or some run that is not known any more, for the same role, and
    /// it was not ACTIVE yet.
    fn is_ours(&self, cluster: &Remote) -> bool {
        let role = text(&self.call.planned, "role_arn");
        match read::mark(cluster) {
            Some(mark) if self.call.has_made(mark) => true,
            Some(_) => read::is_unfinished(cluster) && role.is_some() && role == cluster.role_arn(),
            None => false,
        }
    }

    fn stage<'r>(&self, cluster: &'r Remote) -> (Stage, &'r str) {
        let stage = match cluster.status() {
            Some(ClusterStatus::Active) => Stage::Active,
            Some(ClusterStatus::Updating | ClusterStatus::Pending) => Stage::Changing,
            Some(ClusterStatus::Failed) => Stage::Broken,
            Some(ClusterStatus::Deleting) => Stage::Going,
            _ => Stage::Other,
        };
        (stage, cluster.status().map_or("CREATING", ClusterStatus::as_str))
    }

    fn is_stuck(&self, cluster: &Remote) -> bool {
        cluster.status() == Some(&ClusterStatus::Failed)
    }

    fn issues(&self, cluster: &Remote) -> (Option<String>, String) {
        (None, read::issues(cluster))
    }
}

impl Step<'_> {
    fn planned(&self) -> Result<Cluster, Fault> {
        Cluster::from_value(&self.call.planned).map_err(|error| Fault::bug(self.call.step.clone(), error.to_string()))
    }

    fn owned_role(&self) -> Option<&str> {
        text(&self.call.planned, "owned_role").or_else(|| text(&self.call.prior, "owned_role"))
    }

    fn create_request(
        &self,
    ) -> Result<aws_sdk_eks::operation::create_cluster::builders::CreateClusterFluentBuilder, Fault> {
        let cluster = self.planned()?;
        let role = text(&self.call.seen, "role_arn").map(str::to_owned).or(cluster.role_arn.clone());
        let upgrade = cluster.upgrade_policy.as_ref().and_then(|policy| policy.support_type.as_deref());
        let upgrade = upgrade.map(|kind| UpgradePolicyRequest::builder().support_type(SupportType::from(kind)).build());
        let shift = cluster.zonal_shift.then(|| ZonalShiftConfigRequest::builder().enabled(true).build());
        Ok(self
            .session
            .clients
            .eks
            .create_cluster()
            .name(self.name())
            .set_version(cluster.version.clone())
            .set_role_arn(role)
            .resources_vpc_config(vpc_request(&cluster))
            .set_kubernetes_network_config(network_request(&cluster))
            .set_logging((!cluster.logs.is_empty()).then(|| logging(&cluster)))
            .set_access_config(access_request(&cluster))
            .set_upgrade_policy(upgrade)
            .set_deletion_protection(cluster.deletion_protection.then_some(true))
            .set_control_plane_scaling_config(cluster.tier.as_deref().map(tier))
            .set_zonal_shift_config(shift)
            .set_tags(Some(self.marked()?.into_iter().collect())))
    }

    async fn send_version(&self, cluster: &Cluster) -> Result<Option<String>, Fault> {
        let request = self.session.clients.eks.update_cluster_version().name(self.name());
        let request = request.set_version(cluster.version.clone()).client_request_token(&*self.call.token);
        let answer = self.session.send("eks:UpdateClusterVersion", || request.clone().send()).await?;
        Ok(update::open_id(answer.update))
    }

    fn config_request(&self, step: &str, cluster: &Cluster) -> Option<UpdateClusterConfigFluentBuilder> {
        let request = self.session.clients.eks.update_cluster_config();
        let request = request.name(self.name()).client_request_token(&*self.call.token);
        let network = &cluster.network;
        let mode =
            |mode: &str| UpdateAccessConfigRequest::builder().authentication_mode(AuthenticationMode::from(mode));
        Some(match step {
            steps::UPDATE_ENDPOINT => {
                request.resources_vpc_config(endpoint(VpcConfigRequest::builder(), cluster).build())
            }
            steps::UPDATE_SUBNETS => {
                let subnets = Some(network.subnets.iter().cloned().collect());
                request.resources_vpc_config(VpcConfigRequest::builder().set_subnet_ids(subnets).build())
            }
            steps::UPDATE_SECURITY_GROUPS => {
                let groups = Some(network.security_groups.iter().cloned().collect());
                request.resources_vpc_config(VpcConfigRequest::builder().set_security_group_ids(groups).build())
            }
            steps::UPDATE_LOGS => request.logging(logging(cluster)),
            steps::WIDEN_ACCESS_MODE => request.access_config(mode("API_AND_CONFIG_MAP").build()),
            steps::UPDATE_ACCESS_MODE => {
                request.access_config(mode(cluster.access.as_ref()?.authentication_mode.as_deref()?).build())
            }
            steps::UPDATE_UPGRADE_POLICY => {
                let support = SupportType::from(cluster.upgrade_policy.as_ref()?.support_type.as_deref()?);
                request.upgrade_policy(UpgradePolicyRequest::builder().support_type(support).build())
            }
            steps::UPDATE_DELETION_PROTECTION => request.deletion_protection(cluster.deletion_protection),
            steps::UPDATE_TIER => request.control_plane_scaling_config(tier(cluster.tier.as_deref()?)),
            steps::UPDATE_ZONAL_SHIFT => {
                request.zonal_shift_config(ZonalShiftConfigRequest::builder().enabled(cluster.zonal_shift).build())
            }
            _ => return None,
        })
    }
}

/// Sets and removes tags by ARN.
///
/// # Errors
/// Why that failed.
pub async fn apply_tags(session: &Session<'_>, arn: &str, before: &Tags, after: &Tags) -> Result<(), Fault> {
    let (set, gone) = tags::difference(before, after);
    if !set.is_empty() {
        let request = session.clients.eks.tag_resource().resource_arn(arn).set_tags(Some(set.into_iter().collect()));
        session.send("eks:TagResource", || request.clone().send()).await?;
    }
    if !gone.is_empty() {
        let request = session.clients.eks.untag_resource().resource_arn(arn).set_tag_keys(Some(gone));
        session.send("eks:UntagResource", || request.clone().send()).await?;
    }
    Ok(())
}

fn vpc_request(cluster: &Cluster) -> VpcConfigRequest {
    let network = &cluster.network;
    let groups = (!network.security_groups.is_empty()).then(|| network.security_groups.iter().cloned().collect());
    let request = VpcConfigRequest::builder().set_subnet_ids(Some(network.subnets.iter().cloned().collect()));
    endpoint(request.set_security_group_ids(groups), cluster).build()
}

/// All three settings together, as EKS takes them in one call.
fn endpoint(
    request: aws_sdk_eks::types::builders::VpcConfigRequestBuilder,
    cluster: &Cluster,
) -> aws_sdk_eks::types::builders::VpcConfigRequestBuilder {
    let Some(endpoint) = &cluster.endpoint else { return request };
    let ranges = endpoint.allowed_cidrs.as_ref().filter(|ranges| !ranges.is_empty());
    request
        .endpoint_public_access(endpoint.public)
        .endpoint_private_access(endpoint.private)
        .set_public_access_cidrs(ranges.map(|ranges| ranges.iter().cloned().collect()))
}

fn network_request(cluster: &Cluster) -> Option<KubernetesNetworkConfigRequest> {
    let range = cluster.network.service_cidrs.as_ref().and_then(|ranges| ranges.first()).cloned();
    let family = cluster.network.ip_family.as_deref().map(IpFamily::from);
    if range.is_none() && family.is_none() {
        return None;
    }
    Some(KubernetesNetworkConfigRequest::builder().set_service_ipv4_cidr(range).set_ip_family(family).build())
}

fn access_request(cluster: &Cluster) -> Option<CreateAccessConfigRequest> {
    let access = cluster.access.as_ref()?;
    let mode = access.authentication_mode.as_deref().map(AuthenticationMode::from);
    if mode.is_none() && access.bootstrap_admin.is_none() {
        return None;
    }
    let request = CreateAccessConfigRequest::builder().set_authentication_mode(mode);
    Some(request.set_bootstrap_cluster_creator_admin_permissions(access.bootstrap_admin).build())
}

fn tier(name: &str) -> ControlPlaneScalingConfig {
    ControlPlaneScalingConfig::builder().tier(ProvisionedControlPlaneTier::from(name)).build()
}

/// Every kind of log, on or off: what a request leaves out stays as it was.
fn logging(cluster: &Cluster) -> Logging {
    let entry = |is_on: bool| {
        let kinds = LOGS.iter().filter(|(ours, _)| cluster.logs.contains(*ours) == is_on);
        let kinds: Vec<LogType> = kinds.map(|(_, theirs)| LogType::from(*theirs)).collect();
        (!kinds.is_empty()).then(|| LogSetup::builder().set_types(Some(kinds)).enabled(is_on).build())
    };
    Logging::builder().set_cluster_logging(Some([entry(true), entry(false)].into_iter().flatten().collect())).build()
}
