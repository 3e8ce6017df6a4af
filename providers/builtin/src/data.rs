//! `terrane_data`: an object that is nothing but its record.
//!
//! It carries a value from one run to the next, and `triggers_replace` makes it, and what is replaced with it, anew.

use std::sync::Arc;
use terrane_core::{InstanceAddr, ObjectId, Path, Schema, Scope, Type, Value};
use terrane_derive::Resource;
use terrane_provider::complete::unknown;
use terrane_provider::typed::Secret;
use terrane_provider::{
    Actor, Async, CallContext, Fault, Handle, Intent, Progress, Reader, Reading, Recovery, RefineInput, RefineOutcome,
    Refined, Resolution, ResourceType, StepCall, StepSpec, StepsInput, Target, Unreadable, Verb,
};

/// Name of the type.
pub const TYPE_NAME: &str = "terrane_data";

const STORE: &str = "store";
const FORGET: &str = "forget";

/// Stores a value in the state; there is no remote side.
#[derive(Resource)]
#[resource(type = "terrane_data", version = 1)]
struct Declaration {
    /// Identity, made when the object is created.
    #[attr(computed)]
    id: Option<String>,
    /// The value to store, of any type.
    #[attr(optional, example = "{ release = \"2026-11\" }")]
    input: Value,
    /// The stored value: equals `input`.
    #[attr(computed)]
    output: Value,
    /// When it changes, the object is replaced.
    #[attr(optional, replaces)]
    triggers_replace: Value,
    /// A text of which the state keeps only the expression and a keyed digest.
    #[attr(optional, secret, example = "env(\"TOKEN\")")]
    secret: Secret,
}

/// The type.
pub struct TerraneData {
    schema: Arc<Schema>,
    /// An identity without its key: a large fleet shares its texts.
    id: ObjectId,
    /// Attributes that are computed.
    computed: Computed,
}

struct Computed {
    id: Path,
    output: Path,
}

impl TerraneData {
    /// The type with its schema.
    pub fn new() -> Self {
        let computed = Computed { id: Path::attr("id"), output: Path::attr("output") };
        Self { schema: Arc::new(Declaration::schema()), id: object_id(""), computed }
    }
}

impl ResourceType for TerraneData {
    fn schema(&self) -> Arc<Schema> {
        Arc::clone(&self.schema)
    }

    fn refine(&self, input: &RefineInput<'_>) -> RefineOutcome {
        let stored = input.proposed.get("input").cloned().unwrap_or(Value::NULL);
        let output = if stored.is_wholly_known() {
            stored
        } else {
            unknown(input.instance, Path::attr("output"), Type::Any).marked_like(&stored)
        };
        let mut planned = input.proposed.with_at(&self.computed.output.0, output);
        if let Some(id) = input.prior.and_then(|prior| prior.get("id")) {
            planned = planned.with_at(&self.computed.id.0, id.clone());
        }
        // The record is filed under its address: the attribute `id` exists only after the create.
        let id = ObjectId { key: input.instance.to_string().into(), ..self.id.clone() };
        RefineOutcome::Refined(Box::new(Refined::plain(Some(id), planned)))
    }

    fn steps(&self, input: &StepsInput<'_>) -> Vec<StepSpec> {
        let name = match input.verb {
            Verb::Create | Verb::Update => STORE,
            Verb::Delete => FORGET,
        };
        vec![StepSpec::new(name, input.verb, Recovery::Retry)]
    }

    fn parse_id(&self, _text: &str) -> Result<ObjectId, String> {
        Err("terrane_data has no remote side, so there is nothing to import".to_owned())
    }

    fn is_record_only(&self) -> bool {
        true
    }

    fn reader(&self) -> Arc<dyn Reader> {
        Arc::new(Record)
    }

    fn actor(&self) -> Arc<dyn Actor> {
        Arc::new(Record)
    }
}

fn object_id(key: &str) -> ObjectId {
    let scope = Scope { provider: "terrane".into(), ..Scope::default() };
    ObjectId { type_name: TYPE_NAME.into(), scope, key: key.into() }
}

struct Record;

impl Reader for Record {
    fn get<'a>(&'a self, _target: &'a Target, _cx: &'a CallContext<'a>) -> Async<'a, Reading> {
        let fault = Fault::bug("terrane_data:read", "terrane_data is its record and is never read");
        Box::pin(async { Reading::Unreadable(Unreadable::Failed(fault)) })
    }

    fn resolve<'a>(&'a self, _intent: &'a Intent, _cx: &'a CallContext<'a>) -> Async<'a, Resolution> {
        Box::pin(async { Resolution::NotDone })
    }
}

impl Actor for Record {
    fn start<'a>(&'a self, call: &'a StepCall, _cx: &'a CallContext<'a>) -> Async<'a, Result<Progress, Fault>> {
        Box::pin(async move { Ok(Progress::Done(stored(call))) })
    }

    fn poll<'a>(
        &'a self,
        _handle: &'a Handle,
        call: &'a StepCall,
        _cx: &'a CallContext<'a>,
    ) -> Async<'a, Result<Progress, Fault>> {
        Box::pin(async move { Ok(Progress::Done(stored(call))) })
    }
}

/// The object after the step; null after a delete.
fn stored(call: &StepCall) -> Value {
    if call.verb == Verb::Delete {
        return Value::NULL;
    }
    let input = call.planned.get("input").cloned().unwrap_or(Value::NULL);
    let id = match call.planned.get("id").filter(|id| id.is_known() && !id.is_null()) {
        Some(id) => id.clone(),
        None => Value::string(made_id(&call.addr, &call.intent)),
    };
    call.planned.with_at(&Path::attr("output").0, input).with_at(&Path::attr("id").0, id)
}

/// An id in the form of a UUID. It comes from the address and the intent, so a step that is repeated makes it again.
fn made_id(addr: &InstanceAddr, intent: &str) -> String {
    // FNV-1a, 128 bits: no secrecy is needed, only that two creates differ.
    let start: u128 = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d;
    let prime: u128 = 0x0000_0000_0100_0000_0000_0000_0000_013b;
    let text = format!("{addr}\n{intent}");
    let hash = text.bytes().fold(start, |hash, byte| (hash ^ u128::from(byte)).wrapping_mul(prime));
    let part = |shift: u32, digits: u32| (hash >> shift) & ((1_u128 << (digits * 4)) - 1);
    format!("{:08x}-{:04x}-{:04x}-{:04x}-{:012x}", part(96, 8), part(80, 4), part(64, 4), part(48, 4), part(0, 12))
}

#[cfg(test)]
mod tests {
    use super::*;
    use terrane_core::Residual;
    use terrane_core::schema::{OnChange, Role};
    use terrane_provider::complete::complete;
    use terrane_provider::{Access, FactKey, Facts, ProviderName};

    struct NoFacts;
    impl Facts for NoFacts {
        fn get(&self, _key: &FactKey) -> Option<&Result<Value, Fault>> {
            None
        }
    }

    fn addr() -> InstanceAddr {
        "terrane_data.a".parse().expect("an address")
    }

    fn access() -> Access {
        Access::of(ProviderName { name: "terrane".into(), alias: None })
    }

    fn planned(written: &Value, prior: Option<&Value>) -> Value {
        let ty = TerraneData::new();
        let (instance, access) = (addr(), access());
        let proposed = complete(&ty.schema.body, written, prior, &instance);
        let input = RefineInput {
            instance: &instance,
            access: &access,
            configuration: &Value::NULL,
            prior,
            written,
            proposed: &proposed,
            parent: None,
            facts: &NoFacts,
        };
        match ty.refine(&input) {
            RefineOutcome::Refined(refined) => refined.planned,
            RefineOutcome::Need(_) | RefineOutcome::Refused(_) => panic!("refined"),
        }
    }

    fn call(planned: Value, intent: &str) -> StepCall {
        StepCall {
            step: STORE.into(),
            verb: Verb::Create,
            addr: addr(),
            id: object_id("terrane_data.a"),
            access: access(),
            prior: Value::NULL,
            planned,
            seen: Value::NULL,
            intent: intent.into(),
            token: "t".into(),
            is_repeated: false,
            continues: Vec::new(),
        }
    }

    #[test]
    fn the_schema_says_what_a_change_means() {
        let schema = Declaration::schema();
        let change = |name: &str| schema.body.attribute(name).map(|a| a.change.clone());
        assert_eq!(change("triggers_replace"), Some(OnChange::Replaces));
        assert_eq!(change("input"), Some(OnChange::InPlace));
        assert!(schema.body.attribute("secret").is_some_and(|a| a.is_secret && a.role == Role::Optional));
    }

    #[test]
    fn output_is_unknown_while_input_is() {
        let written = Value::object(vec![("input".into(), Value::unknown(Type::String, Residual::Local(0)))]);
        let value = planned(&written, None);
        let expected = Residual::Attribute { instance: addr(), path: Path::attr("output") };
        let output = value.get("output").and_then(Value::as_unknown);
        assert!(output.is_some_and(|unknown| unknown.residual == expected));
        assert!(value.get("id").is_some_and(|id| !id.is_known()));
    }

    #[test]
    fn storing_twice_gives_the_same_object_and_an_update_keeps_the_id() {
        let written = Value::object(vec![("input".into(), Value::int(1))]);
        let first = stored(&call(planned(&written, None), "i1"));
        assert_eq!(first, stored(&call(planned(&written, None), "i1")));
        assert_ne!(first.get("id"), stored(&call(planned(&written, None), "i2")).get("id"));
        assert!(first.get("id").and_then(Value::as_str).is_some_and(|id| id.len() == 36));
        let next = planned(&Value::object(vec![("input".into(), Value::int(2))]), Some(&first));
        assert_eq!(stored(&call(next.clone(), "i3")).get("id"), first.get("id"));
        assert_eq!(next.get("output"), Some(&Value::int(2)));
    }
}
