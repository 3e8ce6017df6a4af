//! Changing clusters: the half that only apply holds.

use super::read::{self, LOGS, View};
use super::schema::Cluster;
use super::{refine, steps};
use crate::client::{Connections, Session};
use crate::error;
use crate::limits::table;
use crate::progress::{self, pending};
use crate::role::{CREATE_ROLE, DELETE_ROLE, OwnedRole};
use crate::tags::{self, Tags};
use crate::update::{self, Of, State};
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
use terrane_provider::{Actor, Async, CallContext, Fault, FaultKind, Handle, Progress, StepCall};

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
            let step = Step { session: &session, call };
            match &*call.step {
                CREATE_ROLE => step.role().create(&step.marked()?, 0).await,
                steps::ATTACH_ROLE_POLICY => step.role().attach(0).await,
                steps::CREATE_CLUSTER => step.create(0).await,
                steps::DELETE_CLUSTER => step.delete().await,
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
                (progress::RETRY, steps::CREATE_CLUSTER) => step.create(count).await,
                (progress::RETRY, steps::DELETE_CLUSTER) => step.delete().await,
                (progress::RETRY, CREATE_ROLE) => step.role().create(&step.marked()?, count).await,
                (progress::RETRY, steps::ATTACH_ROLE_POLICY) => step.role().attach(count).await,
                (progress::RETRY, DELETE_ROLE) => step.role().delete(count).await,
                (progress::RETRY, _) => step.update().await,
                (other, _) => {
                    Err(Fault::bug(call.step.clone(), format!("no step of a cluster leaves a handle {other}")))
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
    fn name(&self) -> &str {
        &self.call.id.key
    }

    fn planned(&self) -> Result<Cluster, Fault> {
        Cluster::from_value(&self.call.planned).map_err(|error| Fault::bug(self.call.step.clone(), error.to_string()))
    }

    fn owned_role(&self) -> Option<&str> {
        text(&self.call.planned, "owned_role").or_else(|| text(&self.call.prior, "owned_role"))
    }

    fn role(&self) -> OwnedRole<'_> {
        read::owned(self.session, self.owned_role())
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

    fn check_ms(&self) -> u64 {
        table().check_ms(&self.call.step)
    }

    /// Tags that a create sends.
    fn marked(&self) -> Result<Tags, Fault> {
        Ok(tags::marked(&self.planned()?.tags, &self.call.intent))
    }

    /// Sends CreateCluster; while a role is not known everywhere, that is tried again.
    async fn create(&self, tries: i64) -> Result<Progress, Fault> {
        self.send_create(tries, "").await
    }

    /// `suffix` sets the token apart from that of a request whose cluster was removed again.
    async fn send_create(&self, tries: i64, suffix: &str) -> Result<Progress, Fault> {
        let request = self.create_request()?.client_request_token(format!("{}{suffix}", self.call.token));
        match self.session.send("eks:CreateCluster", || request.clone().send()).await {
            Ok(_) => Ok(self.waiting("CREATING", 0)),
            Err(fault) if error::is_taken(&fault) => self.adopt(fault).await,
            Err(fault) if error::is_propagating(&fault) && tries < table().propagation_tries() => {
                let handle = progress::counted(progress::RETRY, tries + 1);
                Ok(pending(handle, table().waits.propagation_check_ms, "the role is not known to EKS yet"))
            }
            Err(fault) => Err(fault),
        }
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

    /// A cluster of that name is there: begun by an earlier try of ours, or somebody else's.
    async fn adopt(&self, fault: Fault) -> Result<Progress, Fault> {
        let found = read::describe(self.session, self.name()).await?;
        match found.as_ref() {
            Some(cluster) if !self.is_ours(cluster) => {
                let help = format!("choose another name, or import the cluster: its id is {}", self.call.id);
                Err(fault.code("name-taken").help(help))
            }
            Some(cluster) if cluster.status() == Some(&ClusterStatus::Failed) => self.clear().await,
            _ => self.created(0).await,
        }
    }

    /// This step made it, in this run or an earlier one; or some run that is not known any more, for the same role, and it was not ACTIVE yet.
    fn is_ours(&self, cluster: &Remote) -> bool {
        let role = text(&self.call.planned, "role_arn");
        match read::mark(cluster) {
            Some(mark) if self.call.has_made(mark) => true,
            Some(_) => read::is_unfinished(cluster) && role.is_some() && role == cluster.role_arn(),
            None => false,
        }
    }

    /// Removes a cluster of ours that failed to come up; it still occupies the name.
    async fn clear(&self) -> Result<Progress, Fault> {
        let request = self.session.clients.eks.delete_cluster().name(self.name());
        match self.session.send("eks:DeleteCluster", || request.clone().send()).await {
            Err(fault) if !error::is_gone(&fault) && !error::is_busy(&fault) => Err(fault),
            _ => Ok(self.clearing()),
        }
    }

    fn clearing(&self) -> Progress {
        let handle = progress::counted(progress::CLEAR, 0);
        pending(handle, self.check_ms(), "removes the cluster that failed, to make it again")
    }

    async fn cleared(&self) -> Result<Progress, Fault> {
        match read::describe(self.session, self.name()).await? {
            None => self.send_create(0, "-again").await,
            Some(cluster) if cluster.status() == Some(&ClusterStatus::Failed) => self.clear().await,
            Some(_) => Ok(self.clearing()),
        }
    }

    fn waiting(&self, status: &str, missing: i64) -> Progress {
        let message = format!("cluster {} is {status}", self.name());
        pending(progress::counted(progress::CREATE, missing), self.check_ms(), &message)
    }

    async fn created(&self, missing: i64) -> Result<Progress, Fault> {
        let Some(cluster) = read::describe(self.session, self.name()).await? else {
            if missing < table().missing_polls(&self.call.step) {
                return Ok(self.waiting("not in answers yet", missing + 1));
            }
            let message = "the new cluster is not there any more";
            return Err(Fault::new(FaultKind::Gone, "eks:DescribeCluster", message));
        };
        match cluster.status() {
            Some(ClusterStatus::Active) => Ok(Progress::Done(self.shown(&cluster))),
            Some(ClusterStatus::Failed | ClusterStatus::Deleting) => Err(self.failed(&cluster)),
            status => Ok(self.waiting(status.map_or("CREATING", ClusterStatus::as_str), 0)),
        }
    }

    fn failed(&self, cluster: &Remote) -> Fault {
        let status = cluster.status().map_or("FAILED", ClusterStatus::as_str);
        let issues = match read::issues(cluster) {
            text if text.is_empty() => "EKS gives no reason".to_owned(),
            text => text,
        };
        let message = format!("cluster {} is {status}: {issues}", self.name());
        Fault::new(FaultKind::Conflict, "eks:DescribeCluster", message)
            .code("cluster-failed")
            .help("mend the reason and apply again: a cluster that never came up is removed and made anew")
    }

    /// Sends an update of one kind.
    async fn update(&self) -> Result<Progress, Fault> {
        let cluster = self.planned()?;
        let sent = match &*self.call.step {
            steps::UPDATE_VERSION => self.send_version(&cluster).await,
            step => match self.config_request(step, &cluster) {
                Some(request) => self.send_config(request).await,
                None => return Err(Fault::bug(self.call.step.clone(), "a cluster has no such step")),
            },
        };
        match sent {
            Ok(Some(id)) => Ok(pending(progress::update(&id), self.check_ms(), "the update was taken")),
            Ok(None) => self.settled().await,
            Err(fault) if error::is_nothing_to_change(&fault) => self.settled().await,
            Err(fault) if error::is_busy(&fault) => {
                let handle = progress::counted(progress::RETRY, 0);
                Ok(pending(handle, table().waits.busy_check_ms, "waits for another change of the cluster"))
            }
            Err(fault) => Err(fault),
        }
    }

    async fn send_version(&self, cluster: &Cluster) -> Result<Option<String>, Fault> {
        let request = self.session.clients.eks.update_cluster_version().name(self.name());
        let request = request.set_version(cluster.version.clone()).client_request_token(&*self.call.token);
        let answer = self.session.send("eks:UpdateClusterVersion", || request.clone().send()).await?;
        Ok(update::open_id(answer.update))
    }

    async fn send_config(&self, request: UpdateClusterConfigFluentBuilder) -> Result<Option<String>, Fault> {
        let answer = self.session.send("eks:UpdateClusterConfig", || request.clone().send()).await?;
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

    async fn updating(&self, id: &str) -> Result<Progress, Fault> {
        let of = Of { cluster: self.name(), pool: None };
        match update::state(self.session, of, id).await? {
            State::Done => self.settled().await,
            State::Running => Ok(pending(progress::update(id), self.check_ms(), "the update goes on")),
        }
    }

    /// The cluster as it is now, once it is at rest.
    async fn settled(&self) -> Result<Progress, Fault> {
        let Some(cluster) = read::describe(self.session, self.name()).await? else {
            return Err(Fault::new(FaultKind::Gone, "eks:DescribeCluster", "the cluster is not there any more"));
        };
        match cluster.status() {
            Some(ClusterStatus::Updating | ClusterStatus::Pending) => {
                Ok(pending(progress::counted(progress::SETTLE, 0), self.check_ms(), "the cluster is UPDATING"))
            }
            Some(ClusterStatus::Failed) => Err(self.failed(&cluster)),
            _ => Ok(Progress::Done(self.shown(&cluster))),
        }
    }

    /// Brings the tags to what is planned. It starts from what is there now, so it can be repeated.
    async fn tags(&self) -> Result<Progress, Fault> {
        let wanted = self.planned()?.tags;
        let Some(cluster) = read::describe(self.session, self.name()).await? else {
            return Err(Fault::new(FaultKind::Gone, "eks:DescribeCluster", "the cluster is not there any more"));
        };
        let before = cluster.tags().map(|tags| self.session.clients.tags.visible(tags)).unwrap_or_default();
        apply_tags(self.session, cluster.arn().unwrap_or_default(), &before, &wanted).await?;
        self.settled().await
    }

    async fn delete(&self) -> Result<Progress, Fault> {
        if let Some(fault) = refine::protected(&self.call.prior) {
            return Err(fault);
        }
        let request = self.session.clients.eks.delete_cluster().name(self.name());
        match self.session.send("eks:DeleteCluster", || request.clone().send()).await {
            Ok(_) => Ok(self.deleting("DELETING")),
            Err(fault) if error::is_gone(&fault) => Ok(Progress::Done(Value::NULL)),
            Err(fault) if error::is_busy(&fault) => {
                let handle = progress::counted(progress::RETRY, 0);
                Ok(pending(handle, table().waits.busy_check_ms, "waits for another change of the cluster"))
            }
            Err(fault) => Err(fault),
        }
    }

    fn deleting(&self, status: &str) -> Progress {
        let message = format!("cluster {} is {status}", self.name());
        pending(progress::counted(progress::DELETE, 0), self.check_ms(), &message)
    }

    async fn deleted(&self) -> Result<Progress, Fault> {
        match read::describe(self.session, self.name()).await? {
            None => Ok(Progress::Done(Value::NULL)),
            Some(cluster) if cluster.status() == Some(&ClusterStatus::Failed) => Err(self.failed(&cluster)),
            Some(cluster) => Ok(self.deleting(cluster.status().map_or("DELETING", ClusterStatus::as_str))),
        }
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
