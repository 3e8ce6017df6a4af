//! Reading node pools: the half that cannot change anything.

use super::schema::{Disk, Instance, LaunchTemplate, NodePool, Size, Upgrade};
use super::{delta, steps};
use crate::client::{Connections, Session};
use crate::cluster::unreadable;
use crate::life::UPDATE_TAGS;
use crate::role::{CREATE_ROLE, DELETE_ROLE, OwnedRole, unclear};
use crate::tags::{INTENT_TAG, TagRules};
use crate::update::{self, Of, State};
use crate::values::text;
use crate::{error, iam, names, progress};
use aws_sdk_eks::types::{CapacityTypes, Nodegroup, NodegroupStatus};
use std::sync::Arc;
use terrane_core::{ObjectId, Path, Value};
use terrane_provider::typed::Typed;
use terrane_provider::{Async, CallContext, Fault, FaultKind, Intent, Reader, Reading, Resolution, Target};

/// The reading half.
pub struct NodePoolReader {
    connections: Arc<Connections>,
}

/// What an object shows beside what EKS says.
pub struct View<'a> {
    /// Its identity.
    pub id: &'a ObjectId,
    /// Which tags count.
    pub tags: &'a TagRules,
    /// The role that was made for it.
    pub owned_role: Option<&'a str>,
}

impl NodePoolReader {
    /// A reader over these connections.
    pub fn new(connections: Arc<Connections>) -> Self {
        Self { connections }
    }

    async fn read(&self, target: &Target, cx: &CallContext<'_>) -> Result<Reading, Fault> {
        let session = self.connections.open_for(&target.id.scope.account, cx).await?;
        let owned_role = text(&target.seen, "owned_role");
        let view = View { id: &target.id, tags: &session.clients.tags, owned_role };
        if let Some(group) = describe(&session, &target.id).await? {
            let is_recorded = text(&target.seen, "arn").is_some() || target.seen.is_null();
            if is_recorded || is_made_by_us(&group, owned_role) {
                return Ok(reading(&group, &view));
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
            steps::ATTACH_ROLE_POLICIES => of.role().resolve_attach().await,
            steps::CREATE_NODE_GROUP => of.created().await,
            steps::DELETE_NODE_GROUP => of.deleted().await,
            DELETE_ROLE => of.role().resolve_delete().await,
            UPDATE_TAGS => Ok(Resolution::NotDone),
            step => of.updated(step).await,
        }
    }
}

impl Reader for NodePoolReader {
    fn get<'a>(&'a self, target: &'a Target, cx: &'a CallContext<'a>) -> Async<'a, Reading> {
        Box::pin(async move { self.read(target, cx).await.unwrap_or_else(unreadable) })
    }

    fn resolve<'a>(&'a self, intent: &'a Intent, cx: &'a CallContext<'a>) -> Async<'a, Resolution> {
        Box::pin(async move { self.settle(intent, cx).await.unwrap_or_else(Resolution::Failed) })
    }
}

/// The role of a pool's nodes.
pub fn owned<'a>(session: &'a Session<'a>, name: Option<&'a str>) -> OwnedRole<'a> {
    OwnedRole {
        session,
        name,
        kind: iam::node_kind(),
        arn_attribute: "node_role_arn",
        attach_step: steps::ATTACH_ROLE_POLICIES,
    }
}

/// Whether some run of ours made a group that is not recorded yet: it has a mark and, where a role was made for it,
/// that role.
fn is_made_by_us(group: &Nodegroup, owned_role: Option<&str>) -> bool {
    let has_role = |name: &str| group.node_role().is_some_and(|arn| arn.rsplit('/').next() == Some(name));
    mark(group).is_some() && owned_role.is_none_or(has_role)
}

/// A group that never came to be ACTIVE is half made: the step that makes it waits on, or makes it again.
fn reading(group: &Nodegroup, view: &View<'_>) -> Reading {
    let seen = object(group, view);
    if !is_unfinished(group) {
        return Reading::Present(seen);
    }
    let role_steps = [CREATE_ROLE, steps::ATTACH_ROLE_POLICIES].map(terrane_core::Text::from);
    Reading::Partial { done: if view.owned_role.is_some() { role_steps.to_vec() } else { Vec::new() }, seen }
}

/// Whether a group was begun and never ACTIVE.
pub fn is_unfinished(group: &Nodegroup) -> bool {
    matches!(group.status(), Some(NodegroupStatus::Creating | NodegroupStatus::CreateFailed))
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

    fn role(&self) -> OwnedRole<'_> {
        owned(self.session, self.role_name())
    }

    fn shown(&self, group: &Nodegroup) -> Value {
        let view = View { id: &self.intent.object, tags: &self.session.clients.tags, owned_role: self.role_name() };
        object(group, &view)
    }

    async fn created(&self) -> Result<Resolution, Fault> {
        let Some(group) = describe(self.session, &self.intent.object).await? else { return Ok(Resolution::NotDone) };
        if !mark(&group).is_some_and(|mark| self.intent.has_made(mark)) {
            return Ok(Resolution::Unclear(unclear("EKS node group", &self.intent.object.key)));
        }
        Ok(match group.status() {
            Some(NodegroupStatus::Active) => Resolution::Done(self.shown(&group)),
            // A failed one too: the poll then tells why.
            _ => Resolution::Running(progress::counted(progress::CREATE, 0)),
        })
    }

    async fn deleted(&self) -> Result<Resolution, Fault> {
        Ok(match describe(self.session, &self.intent.object).await? {
            None => Resolution::Done(Value::NULL),
            Some(group) if group.status() == Some(&NodegroupStatus::Deleting) => {
                Resolution::Running(progress::counted(progress::DELETE, 0))
            }
            Some(_) => Resolution::NotDone,
        })
    }

    async fn updated(&self, step: &str) -> Result<Resolution, Fault> {
        let id = &self.intent.object;
        let of = Of { cluster: &id.scope.parent, pool: Some(&id.key) };
        let handle = self.intent.handle.as_ref().filter(|handle| &*handle.kind == progress::UPDATE);
        if let Some(handle) = handle {
            match update::state(self.session, of, progress::update_id(handle)).await {
                Ok(State::Done) => {}
                Err(fault) if fault.is_transient() => return Err(fault),
                // A failed update too: the poll then tells why.
                Ok(State::Running) | Err(_) => return Ok(Resolution::Running(handle.clone())),
            }
        }
        let Some(group) = describe(self.session, id).await? else { return Ok(Resolution::NotDone) };
        let shown = self.shown(&group);
        if is_as_planned(step, &shown, &self.intent.planned) {
            let is_updating = group.status() == Some(&NodegroupStatus::Updating);
            let settling = || Resolution::Running(progress::counted(progress::SETTLE, 0));
            return Ok(if is_updating { settling() } else { Resolution::Done(shown) });
        }
        let types: &[&str] = if step == steps::UPDATE_VERSION { &["VersionUpdate"] } else { &["ConfigUpdate"] };
        let running = update::running(self.session, of, types).await?;
        Ok(running.map_or(Resolution::NotDone, |id| Resolution::Running(progress::update(&id))))
    }
}

/// Whether the leaves that a step writes are as planned; what was not known, and the number that an autoscaler moves,
/// are left out.
fn is_as_planned(step: &str, seen: &Value, planned: &Value) -> bool {
    let at = |value: &Value, leaf: &str| value.at(&Path::dotted(leaf)).cloned().unwrap_or(Value::NULL);
    let is_scaled = at(planned, "size.min") != at(planned, "size.max");
    let mut leaves = steps::leaves(step).iter().filter(|leaf| !(is_scaled && **leaf == "size.desired"));
    leaves.all(|leaf| {
        let wanted = at(planned, leaf);
        !wanted.is_wholly_known() || wanted.is_same(&at(seen, leaf))
    })
}

/// Reads a node group; `None` where the answer proves that there is none.
///
/// # Errors
/// Why it could not be read.
pub async fn describe(session: &Session<'_>, id: &ObjectId) -> Result<Option<Nodegroup>, Fault> {
    let request = session.clients.eks.describe_nodegroup().cluster_name(&*id.scope.parent).nodegroup_name(&*id.key);
    match session.send("eks:DescribeNodegroup", || request.clone().send()).await {
        Err(fault) if error::is_gone(&fault) => Ok(None),
        Err(fault) => Err(fault),
        Ok(answer) => answer.nodegroup.map(Some).ok_or_else(|| {
            let message = "the answer holds no node group";
            Fault::new(FaultKind::Unavailable, "eks:DescribeNodegroup", message).code("unexpected-answer")
        }),
    }
}

/// The intent that made a group.
pub fn mark(group: &Nodegroup) -> Option<&str> {
    group.tags()?.get(INTENT_TAG).map(String::as_str)
}

/// Why a group is not well: the first code, and all in EKS's words.
pub fn issues(group: &Nodegroup) -> (Option<String>, String) {
    let issues = group.health().map(|health| health.issues()).unwrap_or_default();
    let code = |issue: &aws_sdk_eks::types::Issue| issue.code().map(|code| code.as_str().to_owned());
    let words = |issue: &aws_sdk_eks::types::Issue| {
        let code = code(issue).unwrap_or_else(|| "Unknown".to_owned());
        let of = match issue.resource_ids() {
            [] => String::new(),
            ids => format!(" ({})", ids.join(", ")),
        };
        format!("{code}: {}{of}", issue.message().unwrap_or_default())
    };
    (issues.first().and_then(code), issues.iter().map(words).collect::<Vec<_>>().join("; "))
}

/// A node group as an object of our schema.
pub fn object(group: &Nodegroup, view: &View<'_>) -> Value {
    let text = |text: Option<&str>| text.filter(|text| !text.is_empty()).map(str::to_owned);
    let scope = &view.id.scope;
    let sizes = group.scaling_config();
    let scaling_groups = group.resources().map(|resources| resources.auto_scaling_groups());
    let shown = NodePool {
        id: Some(view.id.to_string()),
        cluster: names::cluster_id(&scope.account, &scope.region, &scope.parent).to_string(),
        name: view.id.key.to_string(),
        version: text(group.version()),
        release_version: text(group.release_version()),
        size: Size {
            min: sizes.and_then(|sizes| sizes.min_size()),
            max: sizes.and_then(|sizes| sizes.max_size()),
            desired: sizes.and_then(|sizes| sizes.desired_size()),
        },
        instance: Some(Instance {
            types: Some(group.instance_types().to_vec()).filter(|types| !types.is_empty()),
            image: group.ami_type().map(|image| image.as_str().to_owned()),
            spot: group.capacity_type() == Some(&CapacityTypes::Spot),
        }),
        disk: Some(Disk { size_gib: group.disk_size() }),
        subnets: Some(group.subnets().iter().cloned().collect()),
        labels: group.labels().into_iter().flatten().map(|(key, value)| (key.clone(), value.clone())).collect(),
        taints: delta::seen_taints(group),
        upgrade: Some(Upgrade { max_unavailable: max_unavailable(group) }),
        tags: group.tags().map(|tags| view.tags.visible(tags)).unwrap_or_default(),
        node_role_arn: text(group.node_role()),
        launch_template: group.launch_template().map(|template| LaunchTemplate {
            id: template.id().unwrap_or_default().to_owned(),
            version: text(template.version()),
        }),
        arn: text(group.nodegroup_arn()),
        status: group.status().map(|status| status.as_str().to_owned()),
        autoscaling_groups: scaling_groups
            .map(|groups| groups.iter().filter_map(|group| group.name().map(str::to_owned)).collect()),
        created_at: progress::time(group.created_at()),
        owned_role: view.owned_role.map(str::to_owned),
    };
    shown.to_value()
}

fn max_unavailable(group: &Nodegroup) -> Value {
    let config = group.update_config();
    let nodes = config.and_then(|config| config.max_unavailable()).map(|nodes| Value::int(i64::from(nodes)));
    let percent = config.and_then(|config| config.max_unavailable_percentage());
    nodes.or_else(|| percent.map(|part| Value::string(format!("{part}%")))).unwrap_or(Value::NULL)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::names::pool_id;
    use crate::values::put;
    use aws_sdk_eks::types::{NodegroupScalingConfig, NodegroupUpdateConfig};

    fn shown(group: &Nodegroup) -> Value {
        let id = pool_id("111122223333", "eu-west-1", "core", "workers");
        object(group, &View { id: &id, tags: &TagRules::default(), owned_role: None })
    }

    fn group() -> Nodegroup {
        let sizes = NodegroupScalingConfig::builder().min_size(1).max_size(3).desired_size(2).build();
        let update = NodegroupUpdateConfig::builder().max_unavailable_percentage(10).build();
        Nodegroup::builder().scaling_config(sizes).update_config(update).capacity_type(CapacityTypes::Spot).build()
    }

    #[test]
    fn a_reading_has_our_words() {
        let value = shown(&group());
        assert_eq!(text(&value, "cluster"), Some("111122223333/eu-west-1/core"));
        assert_eq!(text(&value, "id"), Some("111122223333/eu-west-1/core/workers"));
        assert_eq!(text(&value, "upgrade.max_unavailable"), Some("10%"));
        assert_eq!(value.at(&Path::dotted("instance.spot")), Some(&Value::bool(true)));
        assert_eq!(value.get("taints"), Some(&Value::set(Vec::new())));
    }

    #[test]
    fn the_autoscalers_number_does_not_say_whether_an_update_is_done() {
        let seen = shown(&group());
        let other = put(&seen, "size.desired", Value::int(3));
        assert!(is_as_planned(steps::UPDATE_CONFIG, &seen, &other));
        let fixed = put(&put(&other, "size.min", Value::int(3)), "size.max", Value::int(3));
        assert!(!is_as_planned(steps::UPDATE_CONFIG, &seen, &fixed));
    }

    #[test]
    fn a_group_that_never_came_up_is_half_made() {
        let failed = Nodegroup::builder().status(NodegroupStatus::CreateFailed).build();
        let id = pool_id("111122223333", "eu-west-1", "core", "workers");
        let view = View { id: &id, tags: &TagRules::default(), owned_role: Some("r") };
        let Reading::Partial { done, .. } = reading(&failed, &view) else { panic!("half made") };
        assert_eq!(done.len(), 2);
    }
}
