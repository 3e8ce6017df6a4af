//! Reading clusters: the half that cannot change anything.

use super::schema::{Access as AccessBlock, Cluster, Endpoint, Network, UpgradePolicy};
use super::steps;
use crate::client::{Connections, Session};
use crate::config::Credentials;
use crate::life::UPDATE_TAGS;
use crate::role::{CREATE_ROLE, DELETE_ROLE, OwnedRole, unclear};
use crate::tags::{INTENT_TAG, TagRules};
use crate::update::{self, Of, State};
use crate::values::text;
use crate::{error, iam, progress};
use aws_sdk_eks::types::{Cluster as Remote, ClusterStatus, VpcConfigResponse};
use std::collections::BTreeSet;
use std::sync::Arc;
use terrane_core::{ObjectId, Path, Value};
use terrane_provider::typed::Typed;
use terrane_provider::{
    Access, Async, CallContext, FactKey, Fault, FaultKind, Intent, Reader, Reading, Resolution, Target, Unreadable,
};

/// Our words for control plane logs, and EKS's.
pub const LOGS: &[(&str, &str)] = &[
    ("api", "api"),
    ("audit", "audit"),
    ("authenticator", "authenticator"),
    ("controller_manager", "controllerManager"),
    ("scheduler", "scheduler"),
];

/// The reading half.
pub struct ClusterReader {
    connections: Arc<Connections>,
}

/// What an object shows beside what EKS says.
pub struct View<'a> {
    /// Its identity.
    pub id: &'a ObjectId,
    /// How it is reached.
    pub access: &'a Access,
    /// Which tags count.
    pub tags: &'a TagRules,
    /// The role that was made for it.
    pub owned_role: Option<&'a str>,
}

impl ClusterReader {
    /// A reader over these connections.
    pub fn new(connections: Arc<Connections>) -> Self {
        Self { connections }
    }

    async fn read(&self, target: &Target, cx: &CallContext<'_>) -> Result<Reading, Fault> {
        let session = self.connections.open_for(&target.id.scope.account, cx).await?;
        let owned_role = text(&target.seen, "owned_role");
        let view = View { id: &target.id, access: &target.access, tags: &session.clients.tags, owned_role };
        if let Some(cluster) = describe(&session, &target.id.key).await? {
            let is_recorded = text(&target.seen, "arn").is_some() || target.seen.is_null();
            if is_recorded || is_made_by_us(&cluster, owned_role) {
                return Ok(reading(&cluster, &view));
            }
        }
        let half = owned(&session, owned_role).half().await?;
        Ok(half.map_or(Reading::Absent, |(done, seen)| Reading::Partial { done, seen }))
    }

    async fn settle(&self, intent: &Intent, cx: &CallContext<'_>) -> Result<Resolution, Fault> {
        let session = self.connections.open_for(&intent.object.scope.account, cx).await?;
        let of = Found { session: &session, intent };
        match &*intent.step.name {
            CREATE_ROLE => of.role().resolve_create(&intent.id).await,
            steps::ATTACH_ROLE_POLICY => of.role().resolve_attach().await,
            steps::CREATE_CLUSTER => of.created().await,
            steps::DELETE_CLUSTER => of.deleted().await,
            DELETE_ROLE => of.role().resolve_delete().await,
            UPDATE_TAGS => Ok(Resolution::NotDone),
            step => of.updated(step).await,
        }
    }
}

/// Whether some run of ours made a cluster that is not recorded yet: it has a mark and, where a role was made for it,
/// that role.
fn is_made_by_us(cluster: &Remote, owned_role: Option<&str>) -> bool {
    let has_role = |name: &str| cluster.role_arn().is_some_and(|arn| arn.rsplit('/').next() == Some(name));
    mark(cluster).is_some() && owned_role.is_none_or(has_role)
}

/// A cluster that never came to be ACTIVE is half made: the step that makes it waits on, or makes it again.
fn reading(cluster: &Remote, view: &View<'_>) -> Reading {
    let seen = object(cluster, view);
    if !is_unfinished(cluster) {
        return Reading::Present(seen);
    }
    let role_steps = [CREATE_ROLE, steps::ATTACH_ROLE_POLICY].map(terrane_core::Text::from);
    Reading::Partial { done: if view.owned_role.is_some() { role_steps.to_vec() } else { Vec::new() }, seen }
}

/// Whether a cluster was begun and never ACTIVE.
pub fn is_unfinished(cluster: &Remote) -> bool {
    let has_endpoint = cluster.endpoint().is_some_and(|url| !url.is_empty());
    match cluster.status() {
        Some(ClusterStatus::Creating | ClusterStatus::Pending) => true,
        Some(ClusterStatus::Failed) => !has_endpoint,
        _ => false,
    }
}

/// The role of a cluster.
pub fn owned<'a>(session: &'a Session<'a>, name: Option<&'a str>) -> OwnedRole<'a> {
    OwnedRole {
        session,
        name,
        kind: iam::cluster_kind(),
        arn_attribute: "role_arn",
        attach_step: steps::ATTACH_ROLE_POLICY,
    }
}

impl Reader for ClusterReader {
    fn get<'a>(&'a self, target: &'a Target, cx: &'a CallContext<'a>) -> Async<'a, Reading> {
        Box::pin(async move { self.read(target, cx).await.unwrap_or_else(unreadable) })
    }

    fn fact<'a>(&'a self, key: &'a FactKey, cx: &'a CallContext<'a>) -> Async<'a, Result<Value, Fault>> {
        Box::pin(async move {
            let session = self.connections.open(cx).await?;
            match &*key.name {
                "caller-account" => session.account().await.map(Value::string),
                "region" => Ok(Value::string(session.clients.region.as_str())),
                other => Err(Fault::bug(other, "eks_cluster answers no such question")),
            }
        })
    }

    fn resolve<'a>(&'a self, intent: &'a Intent, cx: &'a CallContext<'a>) -> Async<'a, Resolution> {
        Box::pin(async move { self.settle(intent, cx).await.unwrap_or_else(Resolution::Failed) })
    }
}

/// What a fault says about an object.
pub fn unreadable(fault: Fault) -> Reading {
    Reading::Unreadable(match fault.kind {
        FaultKind::WrongScope { .. } => Unreadable::WrongScope(fault),
        _ => Unreadable::Failed(fault),
    })
}

/// What became of an intent, asked piece by piece.
struct Found<'a> {
    session: &'a Session<'a>,
    intent: &'a Intent,
}

impl Found<'_> {
    fn role_name(&self) -> Option<&str> {
        text(&self.intent.planned, "owned_role").or_else(|| text(&self.intent.prior, "owned_role"))
    }

    fn shown(&self, cluster: &Remote) -> Value {
        object(
            cluster,
            &View {
                id: &self.intent.object,
                access: &self.intent.access,
                tags: &self.session.clients.tags,
                owned_role: self.role_name(),
            },
        )
    }

    fn role(&self) -> OwnedRole<'_> {
        owned(self.session, self.role_name())
    }

    async fn created(&self) -> Result<Resolution, Fault> {
        let name = &*self.intent.object.key;
        let Some(cluster) = describe(self.session, name).await? else { return Ok(Resolution::NotDone) };
        if !mark(&cluster).is_some_and(|mark| self.intent.has_made(mark)) {
            return Ok(Resolution::Unclear(unclear("EKS cluster", name)));
        }
        Ok(match cluster.status() {
            Some(ClusterStatus::Active) => Resolution::Done(self.shown(&cluster)),
            // A failed one too: the poll then tells why.
            _ => Resolution::Running(progress::counted(progress::CREATE, 0)),
        })
    }

    async fn deleted(&self) -> Result<Resolution, Fault> {
        Ok(match describe(self.session, &self.intent.object.key).await? {
            None => Resolution::Done(Value::NULL),
            Some(cluster) if cluster.status() == Some(&ClusterStatus::Deleting) => {
                Resolution::Running(progress::counted(progress::DELETE, 0))
            }
            Some(_) => Resolution::NotDone,
        })
    }

    async fn updated(&self, step: &str) -> Result<Resolution, Fault> {
        let name = &*self.intent.object.key;
        let of = Of { cluster: name, pool: None };
        let handle = self.intent.handle.as_ref().filter(|handle| &*handle.kind == progress::UPDATE);
        if let Some(handle) = handle {
            match update::state(self.session, of, progress::update_id(handle)).await {
                Ok(State::Done) => {}
                // A failed update too: the poll then tells why.
                Ok(State::Running) => return Ok(Resolution::Running(handle.clone())),
                Err(fault) if fault.is_transient() => return Err(fault),
                Err(_) => return Ok(Resolution::Running(handle.clone())),
            }
        }
        let Some(cluster) = describe(self.session, name).await? else { return Ok(Resolution::NotDone) };
        let shown = self.shown(&cluster);
        if is_as_planned(step, &shown, &self.intent.planned) {
            let is_active = cluster.status() == Some(&ClusterStatus::Active);
            let settling = || Resolution::Running(progress::counted(progress::SETTLE, 0));
            return Ok(if is_active { Resolution::Done(shown) } else { settling() });
        }
        let running = update::running(self.session, of, update_types(step)).await?;
        Ok(running.map_or(Resolution::NotDone, |id| Resolution::Running(progress::update(&id))))
    }
}

/// Whether the leaves that a step writes are as planned; leaves that were not known are left out.
fn is_as_planned(step: &str, seen: &Value, planned: &Value) -> bool {
    if step == steps::WIDEN_ACCESS_MODE {
        return text(seen, "access.authentication_mode") != Some("CONFIG_MAP");
    }
    steps::leaves(step).iter().all(|leaf| {
        let at = |value: &Value| value.at(&Path::dotted(leaf)).cloned().unwrap_or(Value::NULL);
        let wanted = at(planned);
        !wanted.is_wholly_known() || wanted.is_same(&at(seen))
    })
}

/// EKS's names for the updates that a step starts.
///
/// # Source
/// Amazon EKS API Reference, "Update", `type` (2025-11).
fn update_types(step: &str) -> &'static [&'static str] {
    match step {
        steps::UPDATE_VERSION => &["VersionUpdate"],
        steps::UPDATE_ENDPOINT => &["EndpointAccessUpdate"],
        steps::UPDATE_SUBNETS | steps::UPDATE_SECURITY_GROUPS => &["VpcConfigUpdate"],
        steps::UPDATE_LOGS => &["LoggingUpdate"],
        steps::WIDEN_ACCESS_MODE | steps::UPDATE_ACCESS_MODE => &["AccessConfigUpdate"],
        steps::UPDATE_UPGRADE_POLICY => &["UpgradePolicyUpdate"],
        steps::UPDATE_DELETION_PROTECTION => &["DeletionProtectionUpdate"],
        steps::UPDATE_TIER => &["ControlPlaneScalingConfigUpdate"],
        steps::UPDATE_ZONAL_SHIFT => &["ZonalShiftConfigUpdate"],
        _ => &[],
    }
}

/// Reads a cluster; `None` where the answer proves that there is none.
///
/// # Errors
/// Why it could not be read.
pub async fn describe(session: &Session<'_>, name: &str) -> Result<Option<Remote>, Fault> {
    let request = session.clients.eks.describe_cluster().name(name);
    match session.send("eks:DescribeCluster", || request.clone().send()).await {
        Err(fault) if error::is_gone(&fault) => Ok(None),
        Err(fault) => Err(fault),
        Ok(answer) => answer.cluster.map(Some).ok_or_else(|| {
            let message = "the answer holds no cluster";
            Fault::new(FaultKind::Unavailable, "eks:DescribeCluster", message).code("unexpected-answer")
        }),
    }
}

/// The intent that made a cluster.
pub fn mark(cluster: &Remote) -> Option<&str> {
    cluster.tags()?.get(INTENT_TAG).map(String::as_str)
}

/// Why a cluster is not well, in EKS's words.
pub fn issues(cluster: &Remote) -> String {
    let issues = cluster.health().map(|health| health.issues()).unwrap_or_default();
    let words = |issue: &aws_sdk_eks::types::ClusterIssue| {
        let code = issue.code().map_or("Unknown", |code| code.as_str());
        format!("{code}: {}", issue.message().unwrap_or_default())
    };
    issues.iter().map(words).collect::<Vec<_>>().join("; ")
}

/// A cluster as an object of our schema.
pub fn object(cluster: &Remote, view: &View<'_>) -> Value {
    let vpc = cluster.resources_vpc_config();
    let text = |text: Option<&str>| text.filter(|text| !text.is_empty()).map(str::to_owned);
    let role = view.owned_role.map(str::to_owned);
    let credentials = &view.access.credentials;
    let shown = Cluster {
        id: Some(view.id.to_string()),
        name: view.id.key.to_string(),
        region: Some(view.id.scope.region.to_string()),
        version: text(cluster.version()),
        role_arn: text(cluster.role_arn()),
        network: network(cluster, vpc),
        endpoint: vpc.map(endpoint),
        logs: logs(cluster),
        encryption: None,
        access: Some(AccessBlock {
            authentication_mode: cluster
                .access_config()
                .and_then(|access| access.authentication_mode())
                .map(|mode| mode.as_str().to_owned()),
            bootstrap_admin: cluster
                .access_config()
                .and_then(|access| access.bootstrap_cluster_creator_admin_permissions()),
        }),
        upgrade_policy: Some(UpgradePolicy {
            support_type: cluster
                .upgrade_policy()
                .and_then(|policy| policy.support_type())
                .map(|support| support.as_str().to_owned()),
        }),
        deletion_protection: cluster.deletion_protection().unwrap_or(false),
        tier: cluster.control_plane_scaling_config().and_then(|c| c.tier()).map(|tier| tier.as_str().to_owned()),
        zonal_shift: cluster.zonal_shift_config().and_then(|shift| shift.enabled()).unwrap_or(false),
        tags: cluster.tags().map(|tags| view.tags.visible(tags)).unwrap_or_default(),
        credentials: Option::<Credentials>::from_value(credentials).ok().flatten(),
        arn: text(cluster.arn()),
        endpoint_url: text(cluster.endpoint()),
        certificate_authority: text(cluster.certificate_authority().and_then(|ca| ca.data())),
        oidc_issuer: text(cluster.identity().and_then(|identity| identity.oidc()).and_then(|oidc| oidc.issuer())),
        platform_version: text(cluster.platform_version()),
        status: cluster.status().map(|status| status.as_str().to_owned()),
        vpc: text(vpc.and_then(|vpc| vpc.vpc_id())),
        cluster_security_group: text(vpc.and_then(|vpc| vpc.cluster_security_group_id())),
        created_at: progress::time(cluster.created_at()),
        owned_role: role,
    };
    shown.to_value()
}

fn network(cluster: &Remote, vpc: Option<&VpcConfigResponse>) -> Network {
    let ranges = cluster.kubernetes_network_config();
    let range = ranges.and_then(|ranges| ranges.service_ipv4_cidr().or_else(|| ranges.service_ipv6_cidr()));
    Network {
        subnets: vpc.map(|vpc| vpc.subnet_ids().iter().cloned().collect()).unwrap_or_default(),
        security_groups: vpc.map(|vpc| vpc.security_group_ids().iter().cloned().collect()).unwrap_or_default(),
        service_cidrs: range.map(|range| vec![range.to_owned()]),
        ip_family: ranges.and_then(|ranges| ranges.ip_family()).map(|family| family.as_str().to_owned()),
    }
}

fn endpoint(vpc: &VpcConfigResponse) -> Endpoint {
    Endpoint {
        public: vpc.endpoint_public_access(),
        private: vpc.endpoint_private_access(),
        allowed_cidrs: Some(vpc.public_access_cidrs().iter().cloned().collect()),
    }
}

fn logs(cluster: &Remote) -> BTreeSet<String> {
    let setups = cluster.logging().map(|logging| logging.cluster_logging()).unwrap_or_default();
    let on = setups.iter().filter(|setup| setup.enabled() == Some(true)).flat_map(|setup| setup.types());
    let ours = on.map(|kind| {
        let theirs = kind.as_str();
        LOGS.iter().find(|(_, name)| *name == theirs).map_or(theirs, |(name, _)| name).to_owned()
    });
    ours.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::names::cluster_id;
    use aws_sdk_eks::types::{LogSetup, LogType, Logging};
    use terrane_provider::ProviderName;

    fn shown(cluster: &Remote) -> Value {
        let access = Access::of(ProviderName { name: "eks".into(), alias: None });
        let id = cluster_id("111122223333", "eu-west-1", "core");
        object(cluster, &View { id: &id, access: &access, tags: &TagRules::default(), owned_role: Some("r") })
    }

    #[test]
    fn a_reading_has_our_words_and_every_default() {
        let setup = LogSetup::builder().types(LogType::ControllerManager).types(LogType::Api).enabled(true).build();
        let vpc =
            VpcConfigResponse::builder().subnet_ids("subnet-b").subnet_ids("subnet-a").endpoint_public_access(true);
        let cluster = Remote::builder()
            .name("core")
            .logging(Logging::builder().cluster_logging(setup).build())
            .resources_vpc_config(vpc.build())
            .tags(INTENT_TAG, "i1")
            .tags("team", "platform")
            .build();
        let value = shown(&cluster);
        let set = |items: &[&str]| Value::set(items.iter().map(|item| Value::string(*item)).collect());
        assert_eq!(value.get("logs"), Some(&set(&["api", "controller_manager"])));
        assert_eq!(value.at(&Path::dotted("network.subnets")), Some(&set(&["subnet-a", "subnet-b"])));
        assert_eq!(value.get("deletion_protection"), Some(&Value::bool(false)));
        assert_eq!(value.get("tags").and_then(Value::entries).map(terrane_core::Entries::len), Some(1));
        assert_eq!(text(&value, "id"), Some("111122223333/eu-west-1/core"));
        assert_eq!(text(&value, "owned_role"), Some("r"));
    }

    #[test]
    fn a_step_is_done_when_its_leaves_are_as_planned() {
        let seen = shown(&Remote::builder().version("1.34").build());
        let planned = crate::values::put(&seen, "version", Value::string("1.35"));
        assert!(!is_as_planned(steps::UPDATE_VERSION, &seen, &planned));
        assert!(is_as_planned(steps::UPDATE_LOGS, &seen, &planned));
    }
}
