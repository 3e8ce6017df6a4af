//! A provider of the cloud in memory: one type with many steps, one with one.

use super::cloud::{Cloud, Making, Object, Status};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use terrane_core::{ObjectId, Path, Schema, Scope, Text, Value};
use terrane_derive::Resource;
use terrane_provider::limits::Deadline;
use terrane_provider::typed::Secret;
use terrane_provider::{
    Actor, Async, CallContext, DataSource, Fault, FaultKind, Handle, Intent, Limits, Progress, Provider, Reader,
    Reading, Recovery, RefineInput, RefineOutcome, Refined, Resolution, ResourceType, StepCall, StepSpec, StepsInput,
    Target, Verb,
};

/// How long a cluster takes, in milliseconds.
const LONG_MS: u64 = 60_000;
/// After this long what was done shows for certain.
pub const SETTLE_MS: u64 = 10_000;

/// A cluster in memory.
#[derive(Resource)]
#[resource(type = "sim_cluster", version = 1)]
struct ClusterDeclaration {
    /// Identity.
    #[attr(computed)]
    id: Option<String>,
    /// Its name.
    #[attr(required, replaces)]
    name: String,
    /// How many.
    #[attr(optional, default = 1)]
    size: i64,
    /// Where.
    #[attr(optional, replaces)]
    zone: Option<String>,
    /// What the cloud chooses when nobody does.
    #[attr(optional_computed)]
    network: Option<String>,
    /// Marks.
    #[attr(optional)]
    tags: Option<BTreeMap<String, String>>,
    /// A secret that it is made with.
    #[attr(optional, secret)]
    password: Secret,
    /// Where it is reached, known when it is there.
    #[attr(computed)]
    endpoint: Option<String>,
}

/// Something in a cluster.
#[derive(Resource)]
#[resource(type = "sim_item", version = 1)]
struct ItemDeclaration {
    /// Identity.
    #[attr(computed)]
    id: Option<String>,
    /// Id of its cluster.
    #[attr(required, replaces)]
    cluster: String,
    /// Its name.
    #[attr(required, replaces)]
    name: String,
    /// A text.
    #[attr(optional)]
    note: Option<String>,
    /// What sort of item.
    #[attr(optional, refused = "an item stays what it is")]
    sort: Option<String>,
}

/// What the cloud knows of a cluster.
#[derive(Resource)]
#[resource(type = "sim_lookup", version = 1, kind = data)]
struct LookupDeclaration {
    /// Name of the cluster.
    #[attr(required)]
    name: String,
    /// Its size.
    #[attr(computed)]
    size: Option<i64>,
}

struct Lookup(Arc<Schema>, Side);

impl DataSource for Lookup {
    fn schema(&self) -> Arc<Schema> {
        self.0.clone()
    }

    fn read<'a>(&'a self, written: &'a Value, _cx: &'a CallContext<'a>) -> Async<'a, Result<Value, Fault>> {
        Box::pin(async move {
            let name = text(written, "name").unwrap_or_default();
            let cloud = locked(&self.1.0);
            let Some(found) = cloud.find("cluster", &name) else {
                return Err(Fault::new(FaultKind::Gone, "sim:lookup", "no such cluster"));
            };
            let size = found.attributes.get("size").cloned().unwrap_or(Value::NULL);
            Ok(Value::object(vec![("name".into(), Value::string(name)), ("size".into(), size)]))
        })
    }
}

/// The provider's own settings.
#[derive(Resource)]
#[resource(type = "sim", version = 1, kind = provider)]
struct Configuration {
    /// Anything.
    #[attr(optional)]
    note: Option<String>,
}

/// The cloud that all parts of the provider share.
pub type SharedCloud = Arc<Mutex<Cloud>>;

/// Locks the cloud.
pub fn locked(cloud: &SharedCloud) -> MutexGuard<'_, Cloud> {
    cloud.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The provider.
pub struct SimProvider(pub SharedCloud);

impl Provider for SimProvider {
    fn name(&self) -> &'static str {
        "sim"
    }

    fn schema(&self) -> Arc<Schema> {
        Arc::new(Configuration::schema())
    }

    fn resource_types(&self) -> Vec<Arc<dyn ResourceType>> {
        vec![
            Arc::new(SimType { schema: Arc::new(ClusterDeclaration::schema()), side: Side(self.0.clone(), "cluster") }),
            Arc::new(SimType { schema: Arc::new(ItemDeclaration::schema()), side: Side(self.0.clone(), "item") }),
        ]
    }

    fn data_sources(&self) -> Vec<Arc<dyn DataSource>> {
        let side = Side(self.0.clone(), "cluster");
        vec![Arc::new(Lookup(Arc::new(LookupDeclaration::schema()), side))]
    }

    fn limits(&self) -> Arc<Limits> {
        let deadline = |verb| Deadline { type_name: "sim_cluster".into(), verb, seconds: 3_600 };
        Arc::new(Limits {
            request_timeout_ms: 1_000,
            attempts: 1,
            backoff_ms: 1,
            backoff_cap_ms: 1,
            settle_ms: SETTLE_MS,
            rate_per_s: 1_000,
            burst: 1_000,
            parallel: 100,
            deadlines: [Verb::Create, Verb::Update, Verb::Delete].into_iter().map(deadline).collect(),
        })
    }
}

struct SimType {
    schema: Arc<Schema>,
    side: Side,
}

#[derive(Clone)]
struct Side(SharedCloud, &'static str);

fn text(value: &Value, name: &str) -> Option<Text> {
    value.get(name).and_then(Value::as_text).cloned()
}

impl ResourceType for SimType {
    fn schema(&self) -> Arc<Schema> {
        self.schema.clone()
    }

    fn refine(&self, input: &RefineInput<'_>) -> RefineOutcome {
        let id = match (self.side.1, text(input.proposed, "name"), text(input.proposed, "cluster")) {
            ("cluster", Some(name), _) => Some(cluster_id(&name)),
            ("item", Some(name), Some(cluster)) => Some(item_id(&cluster, &name)),
            _ => None,
        };
        let mut planned = input.proposed.clone();
        if let Some(id) = &id {
            planned = planned.with_at(&Path::attr("id").0, Value::string(id.to_string()));
        }
        RefineOutcome::Refined(Box::new(Refined::plain(id, planned)))
    }

    fn steps(&self, input: &StepsInput<'_>) -> Vec<StepSpec> {
        let is_cluster = self.side.1 == "cluster";
        match (input.verb, is_cluster) {
            (Verb::Create, true) => vec![
                StepSpec::new("create-role", Verb::Create, Recovery::Lookup),
                StepSpec::new("create-cluster", Verb::Create, Recovery::Token).takes(60),
            ],
            (Verb::Create, false) => vec![StepSpec::new("create-item", Verb::Create, Recovery::Lookup)],
            (Verb::Update, true) => {
                let touches =
                    |name: &str| input.changed.iter().any(|path| path.first_name().is_some_and(|n| &**n == name));
                let mut steps = Vec::new();
                if touches("size") {
                    steps.push(StepSpec::new("resize", Verb::Update, Recovery::Retry).takes(60).touching(&["size"]));
                }
                if touches("tags") || touches("network") || touches("password") {
                    steps.push(StepSpec::new("edit", Verb::Update, Recovery::Retry).touching(&["tags", "network"]));
                }
                steps
            }
            (Verb::Update, false) => vec![StepSpec::new("edit", Verb::Update, Recovery::Retry).touching(&["note"])],
            (Verb::Delete, true) => vec![
                StepSpec::new("delete-cluster", Verb::Delete, Recovery::Lookup).takes(30),
                StepSpec::new("delete-role", Verb::Delete, Recovery::Lookup),
            ],
            (Verb::Delete, false) => vec![StepSpec::new("delete-item", Verb::Delete, Recovery::Lookup)],
        }
    }

    fn parse_id(&self, text: &str) -> Result<ObjectId, String> {
        match text.split('/').collect::<Vec<_>>().as_slice() {
            [_, _, name] => Ok(cluster_id(name)),
            [_, _, cluster, name] => Ok(item_id(&format!("acct/r1/{cluster}"), name)),
            _ => Err("account/region/name".into()),
        }
    }

    fn reader(&self) -> Arc<dyn Reader> {
        Arc::new(self.side.clone())
    }

    fn actor(&self) -> Arc<dyn Actor> {
        Arc::new(self.side.clone())
    }
}

fn scope(parent: &str) -> Scope {
    Scope { provider: "sim".into(), account: "acct".into(), region: "r1".into(), parent: parent.into() }
}

fn cluster_id(name: &str) -> ObjectId {
    ObjectId { type_name: "sim_cluster".into(), scope: scope(""), key: name.into() }
}

fn item_id(cluster: &str, name: &str) -> ObjectId {
    let parent = cluster.rsplit('/').next().unwrap_or(cluster);
    ObjectId { type_name: "sim_item".into(), scope: scope(parent), key: name.into() }
}

/// The name under which the cloud files an object.
fn filed(id: &ObjectId) -> Text {
    if id.scope.parent.is_empty() { id.key.clone() } else { format!("{}/{}", id.scope.parent, id.key).into() }
}

fn seen(object: &Object, id: &ObjectId) -> Value {
    let mut pairs: Vec<(Text, Value)> = object.attributes.iter().map(|(k, v)| (k.clone(), v.clone())).collect();
    pairs.push(("id".into(), Value::string(id.to_string())));
    if object.kind == "cluster" {
        pairs.push(("endpoint".into(), Value::string(format!("https://{}", object.name))));
    }
    Value::object(pairs)
}

fn attributes(planned: &Value, object: &str) -> BTreeMap<Text, Value> {
    let names: &[&str] = if object == "cluster" {
        &["name", "size", "zone", "network", "tags"]
    } else {
        &["name", "cluster", "note", "sort"]
    };
    let value = |name: &&str| {
        let value = planned.get(name).cloned().unwrap_or(Value::NULL);
        let value = if value.is_known() { value } else { Value::string("chosen-by-the-cloud") };
        (Text::from(*name), value)
    };
    names.iter().map(value).collect()
}

fn pending(what: &str, until: u64, now: u64) -> Progress {
    Progress::Pending {
        handle: Handle { kind: what.into(), data: Value::NULL },
        check_after_ms: until.saturating_sub(now).max(1_000) / 2 + 1,
        percent: None,
        message: what.into(),
    }
}

impl Side {
    fn name(&self, call: &StepCall) -> Text {
        filed(&call.id)
    }

    fn make(&self, call: &StepCall, kind: &'static str, takes_ms: u64) -> Result<Progress, Fault> {
        let mut cloud = locked(&self.0);
        let has_token = kind == "cluster";
        if has_token && cloud.find(kind, &self.name(call)).is_some_and(|object| call.has_made(&object.intent)) {
            drop(cloud);
            return self.stand(call, kind);
        }
        let mut attributes = if kind == "role" { BTreeMap::new() } else { attributes(&call.planned, kind) };
        if let (Some(note), "item") = (&cloud.note, kind) {
            attributes.insert("note".into(), note.clone());
        }
        cloud.make(Making {
            kind,
            name: self.name(call),
            attributes,
            token: if has_token { call.token.clone() } else { "".into() },
            intent: call.intent.clone(),
            takes_ms,
        });
        drop(cloud);
        self.stand(call, kind)
    }

    fn change(&self, call: &StepCall, names: &[&str], takes_ms: u64) -> Result<Progress, Fault> {
        let mut cloud = locked(&self.0);
        let now = cloud.now_ms;
        let name = self.name(call);
        let Some(object) = cloud.find_mut(self.1, &name) else {
            return Err(Fault::new(FaultKind::Gone, "sim:change", "no such object"));
        };
        for name in names {
            let value = call.planned.get(name).cloned().unwrap_or(Value::NULL);
            object.attributes.insert((*name).into(), value);
        }
        if takes_ms > 0 {
            object.status = Status::Busy(now + takes_ms);
        }
        drop(cloud);
        self.stand(call, self.1)
    }

    fn destroy(&self, call: &StepCall, kind: &'static str, takes_ms: u64) -> Result<Progress, Fault> {
        let mut cloud = locked(&self.0);
        let now = cloud.now_ms;
        let name = self.name(call);
        if takes_ms == 0 {
            // One object of that name goes: if there are two, somebody made one too many.
            if let Some(at) = cloud.objects.iter().position(|object| object.kind == kind && object.name == name) {
                cloud.objects.remove(at);
            }
            return Ok(Progress::Done(Value::NULL));
        }
        match cloud.find_mut(kind, &name) {
            None => Ok(Progress::Done(Value::NULL)),
            Some(object) => {
                if !matches!(object.status, Status::Going(_)) {
                    object.status = Status::Going(now + takes_ms);
                }
                Ok(pending("going", now + takes_ms, now))
            }
        }
    }

    /// How an object that is made or changed stands.
    fn stand(&self, call: &StepCall, kind: &str) -> Result<Progress, Fault> {
        let cloud = locked(&self.0);
        let name = self.name(call);
        let object = cloud.objects.iter().find(|object| object.kind == kind && object.name == name);
        Ok(match object {
            None if call.verb == Verb::Delete => Progress::Done(Value::NULL),
            None => return Err(Fault::new(FaultKind::Gone, "sim:stand", "no such object")),
            Some(object) => match object.status {
                Status::Coming(until) | Status::Busy(until) => pending("busy", until, cloud.now_ms),
                Status::Going(until) => pending("going", until, cloud.now_ms),
                Status::Active if kind == "role" => Progress::Done(Value::NULL),
                Status::Active => Progress::Done(seen(object, &call.id)),
            },
        })
    }

    fn read(&self, id: &ObjectId) -> Reading {
        let cloud = locked(&self.0);
        let name = filed(id);
        match cloud.find(self.1, &name) {
            Some(object) if matches!(object.status, Status::Coming(_)) => {
                Reading::Partial { done: vec!["create-role".into()], seen: seen(object, id) }
            }
            Some(object) => Reading::Present(seen(object, id)),
            None if self.1 == "cluster" && cloud.find("role", &name).is_some() => {
                Reading::Partial { done: vec!["create-role".into()], seen: Value::NULL }
            }
            None => Reading::Absent,
        }
    }

    fn made(&self, intent: &Intent, kind: &str) -> Resolution {
        let cloud = locked(&self.0);
        match cloud.find(kind, &filed(&intent.object)) {
            None => Resolution::NotDone,
            Some(object) if !intent.has_made(&object.intent) => {
                Resolution::Unclear("an object of that name is not ours".into())
            }
            Some(object) => match object.status {
                Status::Coming(_) | Status::Busy(_) => {
                    Resolution::Running(Handle { kind: "busy".into(), data: Value::NULL })
                }
                Status::Active | Status::Going(_) if kind == "role" => Resolution::Done(Value::NULL),
                Status::Active | Status::Going(_) => Resolution::Done(seen(object, &intent.object)),
            },
        }
    }

    fn changed(&self, intent: &Intent) -> Resolution {
        let cloud = locked(&self.0);
        let Some(object) = cloud.find(self.1, &filed(&intent.object)) else { return Resolution::NotDone };
        let is_done = intent.step.leaves.iter().all(|leaf| {
            let wanted = intent.planned.at(leaf).cloned().unwrap_or(Value::NULL);
            object.attributes.get(&*leaf.to_string()).is_some_and(|value| value.is_same(&wanted))
        });
        match object.status {
            _ if !is_done => Resolution::NotDone,
            Status::Coming(_) | Status::Busy(_) => {
                Resolution::Running(Handle { kind: "busy".into(), data: Value::NULL })
            }
            Status::Active | Status::Going(_) => Resolution::Done(seen(object, &intent.object)),
        }
    }

    fn gone(&self, intent: &Intent, kind: &str) -> Resolution {
        let cloud = locked(&self.0);
        let name = filed(&intent.object);
        match cloud.objects.iter().find(|object| object.kind == kind && object.name == name) {
            None => Resolution::Done(Value::NULL),
            Some(object) if matches!(object.status, Status::Going(_)) => {
                Resolution::Running(Handle { kind: "going".into(), data: Value::NULL })
            }
            Some(_) => Resolution::NotDone,
        }
    }
}

impl Reader for Side {
    fn get<'a>(&'a self, target: &'a Target, _cx: &'a CallContext<'a>) -> Async<'a, Reading> {
        Box::pin(async move { self.read(&target.id) })
    }

    fn resolve<'a>(&'a self, intent: &'a Intent, _cx: &'a CallContext<'a>) -> Async<'a, Resolution> {
        Box::pin(async move {
            match &*intent.step.name {
                "create-role" => self.made(intent, "role"),
                "create-cluster" | "create-item" => self.made(intent, self.1),
                "delete-role" => self.gone(intent, "role"),
                "delete-cluster" | "delete-item" => self.gone(intent, self.1),
                _ => self.changed(intent),
            }
        })
    }
}

impl Actor for Side {
    fn start<'a>(&'a self, call: &'a StepCall, cx: &'a CallContext<'a>) -> Async<'a, Result<Progress, Fault>> {
        Box::pin(async move {
            if let Some(secret) = call.planned.get("password").filter(|secret| !secret.is_null()) {
                let revealed = cx.services.reveal(secret).await?;
                locked(&self.0).secrets.push(revealed.expose().to_owned());
            }
            match &*call.step {
                "create-role" => self.make(call, "role", 0),
                "create-cluster" => self.make(call, "cluster", LONG_MS),
                "create-item" => self.make(call, "item", 0),
                "resize" => self.change(call, &["size"], LONG_MS),
                "edit" if self.1 == "cluster" => self.change(call, &["tags", "network"], 0),
                "edit" => self.change(call, &["note"], 0),
                "delete-cluster" => self.destroy(call, "cluster", LONG_MS / 2),
                "delete-role" => self.destroy(call, "role", 0),
                "delete-item" => self.destroy(call, "item", 0),
                other => Err(Fault::bug(other, "no such step")),
            }
        })
    }

    fn poll<'a>(
        &'a self,
        _handle: &'a Handle,
        call: &'a StepCall,
        _cx: &'a CallContext<'a>,
    ) -> Async<'a, Result<Progress, Fault>> {
        Box::pin(async move { self.stand(call, self.1) })
    }
}
