//! Values and a provider for the tests of this crate.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use terrane_core::schema::SchemaKind;
use terrane_core::{
    Attribute, Block, InstanceAddr, ObjectId, Path, Residual, Role, Schema, Scope, Shape, Text, Type, Value,
};
use terrane_plan::plan::Plan;
use terrane_plan::state::{Applying, OpenIntent, Partial, Recorded, RecordedOutput, State};
use terrane_provider::*;

pub fn addr(text: &str) -> InstanceAddr {
    text.parse().unwrap()
}

pub fn access() -> Access {
    Access::of(ProviderName { name: "fake".into(), alias: None })
}

pub fn object(key: &str) -> ObjectId {
    let scope = Scope { provider: "fake".into(), account: "1".into(), ..Scope::default() };
    ObjectId { type_name: "fake_thing".into(), scope, key: key.into() }
}

pub fn target(key: &str) -> Target {
    Target { id: object(key), access: access(), seen: Value::NULL, sent: Value::NULL, made_ms: 0, done: None }
}

pub fn recorded(at: &str) -> Recorded {
    let secret = Residual::Call { function: "env".into(), arguments: vec![Value::string("TOKEN")], is_spread: false };
    Recorded {
        addr: addr(at),
        deposed: None,
        id: object(at),
        access: access(),
        schema_version: 1,
        sent: Value::object(vec![("token".into(), Value::unknown(Type::String, secret).sensitive())]),
        seen: Value::object(vec![("sizes".into(), Value::list(vec![Value::int(3)]))]),
        made_ms: 0,
        owners: Vec::new(),
        secrets: Vec::new(),
        tainted: false,
        partial: Some(Partial {
            verb: Verb::Create,
            done: vec!["a".into()],
            next: "b".into(),
            begun: vec!["i".into()],
        }),
        dependencies: vec![addr("fake_thing.x")],
        prevent_destroy: true,
        create_before_destroy: false,
        timeouts: BTreeMap::from([("create".into(), 60)]),
    }
}

pub fn intent(key: &str, at_ms: u64) -> Intent {
    Intent {
        id: "intent-1".into(),
        addr: addr("fake_thing.a"),
        deposed: None,
        object: object(key),
        access: access(),
        step: StepSpec::new("make", Verb::Create, Recovery::Lookup),
        token: "token".into(),
        prior: Value::NULL,
        planned: Value::object(vec![("name".into(), Value::string("a"))]),
        seen: Value::NULL,
        at_ms,
        handle: Some(Handle { kind: "update".into(), data: Value::string("h") }),
        continues: vec!["intent-0".into()],
    }
}

/// A state with something in every part.
pub fn full_state() -> State {
    let record = recorded("module.m[\"k\"].fake_thing.a[0]");
    let aside = Recorded { deposed: Some("old".into()), ..record.clone() };
    let record_of_drift = record.clone();
    let key = |record: &Recorded| (record.addr.clone(), record.deposed.clone());
    State {
        lineage: "lineage".into(),
        serial: 12,
        objects: BTreeMap::from([(key(&record), Arc::new(record.clone())), (key(&aside), Arc::new(aside))]),
        intents: vec![OpenIntent {
            plan: "plan".into(),
            step: 3,
            record: Arc::new(record),
            intent: Arc::new(intent("a", 5)),
        }],
        outputs: BTreeMap::from([(
            "o".into(),
            RecordedOutput { value: Value::set(vec![Value::int(1)]), is_sensitive: false },
        )]),
        providers: BTreeMap::from([(access().provider, Value::object(vec![("region".into(), Value::string("r"))]))]),
        applying: Applying {
            plan: "plan".into(),
            base_serial: 4,
            base_notes: 1,
            done: BTreeSet::from([1, 2]),
            is_finished: false,
        },
        drift: BTreeMap::from([(key(&record_of_drift), BTreeMap::from([("f".into(), "2026-11-25T00:00:00Z".into())]))]),
        notes: 0,
    }
}

/// A provider of `fake_thing`: read one by one or from a listing, as the test says.
#[derive(Default)]
pub struct Fake {
    pub is_listed: bool,
    pub lists: AtomicUsize,
    pub gets: AtomicUsize,
    pub facts: AtomicUsize,
    /// What resolve answers, the last first; `Done` when there is none left.
    pub resolutions: Mutex<Vec<Resolution>>,
    pub settle_ms: u64,
    /// What a get answers, the last first; the object when there is none left.
    pub readings: Mutex<Vec<Reading>>,
    /// Keys whose read panics, and keys whose read never ends.
    pub panics: BTreeSet<Text>,
    pub hangs: BTreeSet<Text>,
    pub list_denied: bool,
    /// Keys that a listing does not show.
    pub unlisted: Mutex<BTreeSet<Text>>,
}

pub struct FakeProvider(pub Arc<Fake>);
struct Thing(Arc<Fake>, &'static str);

impl FakeProvider {
    pub fn registry(fake: Fake) -> (Arc<Fake>, Arc<Registry>) {
        let fake = Arc::new(fake);
        (fake.clone(), Arc::new(Registry::new(vec![Arc::new(Self(fake))])))
    }
}

fn schema(name: &str, kind: SchemaKind) -> Arc<Schema> {
    let attributes = vec![Attribute::new("name", Shape::Value(Type::String), Role::Optional)];
    Arc::new(Schema {
        type_name: name.into(),
        kind,
        version: 1,
        doc: "".into(),
        body: Block { attributes },
        rules: Vec::new(),
        gone: terrane_core::DriftSeverity::High,
    })
}

impl Provider for FakeProvider {
    fn name(&self) -> &'static str {
        "fake"
    }

    fn schema(&self) -> Arc<Schema> {
        schema("fake", SchemaKind::Provider)
    }

    fn resource_types(&self) -> Vec<Arc<dyn ResourceType>> {
        vec![Arc::new(Thing(self.0.clone(), "fake_thing")), Arc::new(Thing(self.0.clone(), "fake_record"))]
    }

    fn data_sources(&self) -> Vec<Arc<dyn DataSource>> {
        Vec::new()
    }

    fn limits(&self) -> Arc<Limits> {
        Arc::new(Limits {
            request_timeout_ms: 1,
            attempts: 1,
            backoff_ms: 1,
            backoff_cap_ms: 0,
            settle_ms: self.0.settle_ms,
            rate_per_s: 1_000,
            burst: 1_000,
            parallel: 1_000,
            deadlines: Vec::new(),
        })
    }
}

impl ResourceType for Thing {
    fn schema(&self) -> Arc<Schema> {
        schema(self.1, SchemaKind::Resource)
    }

    fn refine(&self, input: &RefineInput<'_>) -> RefineOutcome {
        RefineOutcome::Refined(Box::new(Refined::plain(None, input.proposed.clone())))
    }

    fn steps(&self, input: &StepsInput<'_>) -> Vec<StepSpec> {
        vec![StepSpec::new("make", input.verb, Recovery::Retry)]
    }

    fn parse_id(&self, text: &str) -> Result<ObjectId, String> {
        Ok(object(text))
    }

    fn is_record_only(&self) -> bool {
        self.1 == "fake_record"
    }

    fn listing(&self, target: &Target) -> Option<ListingKey> {
        self.0.is_listed.then(|| ListingKey { access: target.access.clone(), what: "things".into(), of: "".into() })
    }

    fn extract(&self, listing: &Listing, target: &Target) -> Reading {
        match listing.0.downcast_ref::<Text>() {
            Some(_) if self.0.unlisted.lock().unwrap().contains(&target.id.key) => Reading::Absent,
            Some(text) => Reading::Present(Value::string(format!("{text} {}", target.id.key))),
            None => Reading::Absent,
        }
    }

    fn reader(&self) -> Arc<dyn Reader> {
        Arc::new(Thing(self.0.clone(), self.1))
    }

    fn actor(&self) -> Arc<dyn Actor> {
        Arc::new(Thing(self.0.clone(), self.1))
    }
}

impl Reader for Thing {
    fn list<'a>(&'a self, _: &'a ListingKey, _: &'a CallContext<'a>) -> Async<'a, Result<Listing, Fault>> {
        self.0.lists.fetch_add(1, Ordering::SeqCst);
        let denied = Fault::new(FaultKind::Denied { permission: None }, "fake:List", "no");
        let is_denied = self.0.list_denied;
        Box::pin(async move { if is_denied { Err(denied) } else { Ok(Listing(Arc::new(Text::from("listed")))) } })
    }

    fn get<'a>(&'a self, target: &'a Target, cx: &'a CallContext<'a>) -> Async<'a, Reading> {
        self.0.gets.fetch_add(1, Ordering::SeqCst);
        Box::pin(async move {
            assert_eq!(cx.account, "1");
            assert!(!self.0.panics.contains(&target.id.key), "fake panic");
            if self.0.hangs.contains(&target.id.key) {
                std::future::pending::<()>().await;
            }
            let next = self.0.readings.lock().unwrap().pop();
            next.unwrap_or_else(|| Reading::Present(Value::string(format!("got {}", target.id.key))))
        })
    }

    fn fact<'a>(&'a self, _: &'a FactKey, _: &'a CallContext<'a>) -> Async<'a, Result<Value, Fault>> {
        self.0.facts.fetch_add(1, Ordering::SeqCst);
        Box::pin(async { Ok(Value::int(7)) })
    }

    fn resolve<'a>(&'a self, _: &'a Intent, _: &'a CallContext<'a>) -> Async<'a, Resolution> {
        let next = self.0.resolutions.lock().unwrap().pop();
        Box::pin(async move { next.unwrap_or(Resolution::Done(Value::NULL)) })
    }
}

impl Actor for Thing {
    fn start<'a>(&'a self, call: &'a StepCall, _: &'a CallContext<'a>) -> Async<'a, Result<Progress, Fault>> {
        Box::pin(async move { Ok(Progress::Done(call.planned.clone())) })
    }

    fn poll<'a>(
        &'a self,
        _: &'a Handle,
        call: &'a StepCall,
        cx: &'a CallContext<'a>,
    ) -> Async<'a, Result<Progress, Fault>> {
        self.start(call, cx)
    }
}

/// A plan that creates so many `fake_record`, against a new state.
pub fn plan_of_records(count: usize) -> Plan {
    let change = |at: usize| {
        serde_json::json!({
            "addr": format!("fake_record.r[{at}]"),
            "action": "create",
            "after_id": { "type": "fake_record", "scope": { "provider": "fake" }, "key": format!("r{at}") },
            "after_access": { "provider": { "name": "fake" } },
            "after": { "name": format!("record {at}") },
            "written": { "name": format!("record {at}") },
            "schema_version": 1,
        })
    };
    let step = |at: usize| {
        let spec = StepSpec::new("store", Verb::Create, Recovery::Retry);
        serde_json::json!({ "change": at, "phase": "make", "spec": spec, "is_last": true, "deadline_s": 60 })
    };
    let mut plan: Plan = serde_json::from_value(serde_json::json!({
        "format": 1, "terrane_version": "0", "id": "", "made_at": "", "mode": "normal", "lineage": "", "serial": 0,
        "fingerprint": { "configuration": "", "sources": {} }, "variables": {}, "providers": [], "drift": [],
        "outputs": [], "deferred": [],
        "changes": (0..count).map(change).collect::<Vec<_>>(),
        "steps": (0..count).map(step).collect::<Vec<_>>(),
    }))
    .unwrap();
    plan.seal();
    plan
}

/// The attribute `path` of an object that is not there yet.
pub fn later(path: &str) -> Value {
    let instance = addr("fake_thing.later");
    Value::unknown(Type::String, Residual::Attribute { instance, path: Path::attr(path) })
}
