//! What a step is called with: expressions of the plan, finished from what earlier steps have seen.

use super::Schedule;
use crate::diag;
use crate::plan::{Change, Phase};
use crate::planner::leaves;
use crate::state::{Partial, Recorded};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::Arc;
use terrane_core::{Diagnostic, InstanceAddr, ObjectId, Path, Residual, Text, Value};
use terrane_lang::eval::{self, ResolveContext};
use terrane_provider::complete::complete;
use terrane_provider::{
    Access, FactKey, Facts, Fault, Parent, ProviderName, RefineInput, RefineOutcome, StepCall, StepSpec, Verb,
};

/// Facts that the plan carries.
struct PlanFacts(BTreeMap<FactKey, Result<Value, Fault>>);

impl Facts for PlanFacts {
    fn get(&self, key: &FactKey) -> Option<&Result<Value, Fault>> {
        self.0.get(key)
    }
}

/// What functions of the moment of apply gave: the same call of an instance gives the same in all of its steps, and in
/// what is written as in what is made of it. Calls that look alike are told apart by their order.
#[derive(Default)]
pub(super) struct Moments(RefCell<BTreeMap<(InstanceAddr, Residual, usize), Value>>);

impl Moments {
    fn get(&self, key: (InstanceAddr, Residual, usize), cx: &ResolveContext<'_>) -> Option<Value> {
        if let Some(value) = self.0.borrow().get(&key) {
            return Some(value.clone());
        }
        let value = eval::at_apply(&key.1, cx).ok().flatten()?;
        self.0.borrow_mut().insert(key, value.clone());
        Some(value)
    }
}

impl Schedule<'_> {
    /// `value` with everything filled in that is known by now. Secrets stay expressions.
    pub(super) fn finished(&self, value: &Value, addr: &InstanceAddr) -> Result<Value, Box<Diagnostic>> {
        if value.is_wholly_known() {
            return Ok(value.clone());
        }
        let schema = self.registry.resource_schema(&addr.resource.type_name);
        let secrets = schema.iter().flat_map(|schema| &schema.body.attributes).filter(|attribute| attribute.is_secret);
        let secrets: Vec<Path> = secrets.map(|attribute| Path::attr(attribute.name.clone())).collect();
        let (mut open, mut kept) = (value.clone(), Vec::new());
        for path in secrets {
            if let Some(secret) = value.at(&path).filter(|secret| !secret.is_wholly_known()) {
                kept.push((path.clone(), self.filled(secret, addr, false)?));
                open = open.with_at(&path.0, Value::NULL);
            }
        }
        let value = self.filled(&open, addr, true)?;
        Ok(kept.into_iter().fold(value, |value, (path, secret)| value.with_at(&path.0, secret)))
    }

    fn filled(&self, value: &Value, addr: &InstanceAddr, computes: bool) -> Result<Value, Box<Diagnostic>> {
        let cx = ResolveContext { sources: self.sources, module_folder: "." };
        let asked = RefCell::new(BTreeMap::<Residual, usize>::new());
        let known = |residual: &Residual| match residual {
            Residual::Attribute { instance, path } if instance != addr => {
                self.state.record(instance)?.seen.at(path).cloned()
            }
            call if computes && eval::is_of_apply(call) => {
                let mut asked = asked.borrow_mut();
                let times = asked.entry(call.clone()).or_default();
                *times += 1;
                self.moments.get((addr.clone(), call.clone(), *times), &cx)
            }
            _ => None,
        };
        let value = eval::resolve(value, &known, &cx).map_err(Box::new)?;
        let mut missing = None;
        leaves::visit(&value, &mut |residual| {
            if let Residual::Attribute { instance, path } = residual
                && instance != addr
            {
                missing = Some(format!("{instance}.{path}"));
            }
        });
        match missing {
            None => Ok(value),
            Some(what) => Err(Box::new(diag::STEP_VALUE_UNKNOWN.at(addr.clone()).with("value", what))),
        }
    }

    /// The provider block that an access names.
    pub(super) fn configuration(&self, name: &ProviderName) -> Value {
        let planned = self.plan.providers.iter().find(|(known, _)| known == name).map(|(_, value)| value);
        planned.or_else(|| self.state.providers.get(name)).cloned().unwrap_or(Value::NULL)
    }

    /// The record of the object that `cluster` names. A cluster that the plan could not know comes from a reference, so
    /// it is among what the instance refers to.
    fn parent(&self, change: &Change, written: &Value) -> Option<&Recorded> {
        let text = written.get("cluster").and_then(Value::as_str)?;
        let is_it = |record: &&Arc<Recorded>| record.id.to_string() == text;
        let named = change.dependencies.iter().filter_map(|addr| self.state.record(addr));
        let of_blocks =
            change.dependencies.iter().filter(|addr| addr.key.is_none()).flat_map(|addr| {
                self.state.objects.values().filter(move |record| record.addr.resource == addr.resource)
            });
        named.chain(of_blocks).find(is_it).map(|record| &**record)
    }

    /// Identity of the object that will be, when the plan could not know it.
    fn identify(&self, change: &Change, written: &Value, access: &Access) -> Option<ObjectId> {
        let type_name = &change.addr.resource.type_name;
        let kind = self.registry.resource(type_name)?;
        let schema = self.registry.resource_schema(type_name)?;
        let configuration = self.configuration(&access.provider);
        let facts = PlanFacts(self.plan.facts.iter().map(|fact| (fact.key.clone(), Ok(fact.value.clone()))).collect());
        let above = self.parent(change, written);
        let proposed = complete(&schema.body, written, None, &change.addr);
        let outcome = kind.refine(&RefineInput {
            instance: &change.addr,
            access,
            configuration: &configuration,
            prior: None,
            written,
            proposed: &proposed,
            parent: above.map(|record| Parent { id: &record.id, value: &record.seen }),
            facts: &facts,
        });
        match outcome {
            RefineOutcome::Refined(refined) => refined.id,
            RefineOutcome::Need(_) | RefineOutcome::Refused(_) => None,
        }
    }

    /// How the object that will be is reached: as planned, with region, credentials and cluster as they are known now.
    fn access_of(&self, change: &Change, written: &Value) -> Access {
        let planned = change.after_access.clone().or_else(|| change.before_access.clone());
        let mut access = planned.unwrap_or_else(|| Access::of(ProviderName { name: "".into(), alias: None }));
        if access.region.is_empty()
            && let Some(above) = self.parent(change, written)
        {
            access.region = above.access.region.clone();
            access.credentials = above.access.credentials.clone();
        }
        if let Some(region) = written.get("region").and_then(Value::as_text) {
            access.region = region.clone();
        }
        if let Some(credentials) = written.get("credentials").filter(|v| !v.is_null() && v.is_wholly_known()) {
            access.credentials = credentials.clone();
        }
        access
    }

    /// The mark of the object that a replacement leaves behind.
    pub(super) fn deposed_mark(&self, number: u32) -> Text {
        let digest = crate::file::digest(format!("{}/{number}", self.plan.id).as_bytes());
        digest.get(..8).unwrap_or("00000000").into()
    }

    /// Which record a phase of a change works on.
    pub(super) fn record_place(&self, number: u32, change: &Change, phase: Phase) -> Option<Text> {
        match phase {
            Phase::Destroy if change.action == terrane_core::change::Action::CreateThenDelete => {
                Some(self.deposed_mark(number))
            }
            Phase::Destroy => change.deposed.clone(),
            Phase::Make => None,
        }
    }

    /// The call of a step, and the record as it will be when the step is done.
    pub(super) fn prepare_call(
        &self,
        step: u32,
        number: u32,
    ) -> Result<(Box<StepCall>, Box<Recorded>), Box<Diagnostic>> {
        let plan = self.plan.clone();
        let (Some(planned_step), Some(change)) = (plan.steps.get(super::at(step)), plan.changes.get(super::at(number)))
        else {
            return Err(Box::new(diag::FAULT_BUG.at(terrane_core::Place::Run).detail("a step without a change")));
        };
        let deposed = self.record_place(number, change, planned_step.phase);
        let recorded = self.state.objects.get(&(change.addr.clone(), deposed.clone())).cloned();
        let continues = begun(recorded.as_deref(), &planned_step.spec);
        let is_destroy = planned_step.phase == Phase::Destroy;
        let record = match (is_destroy, recorded) {
            (true, Some(recorded)) => (*recorded).clone(),
            (true, None) => {
                return Err(Box::new(diag::STEP_VALUE_UNKNOWN.at(change.addr.clone()).with("value", "record")));
            }
            (false, recorded) => self.record_to_be(change, recorded.as_deref())?,
        };
        let planned = if is_destroy { Value::NULL } else { self.finished(&change.after, &change.addr)? };
        let prior = if planned_step.spec.verb == Verb::Create { Value::NULL } else { change.before.clone() };
        let intent: Text = format!("{}-{step}", plan.id.get(..16).unwrap_or(&plan.id)).into();
        let token = crate::file::digest(format!("token/{}/{step}", plan.id).as_bytes());
        let call = StepCall {
            step: planned_step.spec.name.clone(),
            verb: planned_step.spec.verb,
            addr: change.addr.clone(),
            id: record.id.clone(),
            access: record.access.clone(),
            prior,
            planned,
            seen: record.seen.clone(),
            intent,
            token: token.get(..36).unwrap_or(&token).into(),
            is_repeated: false,
            continues,
        };
        let record = Recorded { partial: self.partial_after(step, &planned_step.spec, change), ..record };
        Ok((Box::new(call), Box::new(record)))
    }

    fn record_to_be(&self, change: &Change, recorded: Option<&Recorded>) -> Result<Recorded, Box<Diagnostic>> {
        let written = self.finished(&change.written, &change.addr)?;
        let access = self.access_of(change, &written);
        let id = change.after_id.clone().or_else(|| self.identify(change, &written, &access));
        let Some(id) = id else {
            return Err(Box::new(diag::STEP_VALUE_UNKNOWN.at(change.addr.clone()).with("value", "id")));
        };
        let seen = match recorded {
            Some(recorded) => recorded.seen.clone(),
            None if change.done.is_empty() => Value::NULL,
            None => change.before.clone(),
        };
        Ok(Recorded {
            addr: change.addr.clone(),
            deposed: None,
            id,
            access,
            schema_version: change.schema_version,
            sent: written,
            seen,
            made_ms: recorded.map_or(0, |recorded| recorded.made_ms),
            owners: change.owners.clone(),
            secrets: change.secrets.clone(),
            tainted: false,
            partial: None,
            dependencies: change.dependencies.clone(),
            prevent_destroy: change.prevent_destroy,
            create_before_destroy: change.create_before_destroy,
            timeouts: change.timeouts.clone(),
        })
    }

    /// How far creation or destruction is when the step is done; an empty `next` means complete.
    fn partial_after(&self, step: u32, spec: &StepSpec, change: &Change) -> Option<Partial> {
        if spec.verb == Verb::Update {
            return None;
        }
        let chain = self.chain(step);
        let before = if spec.verb == Verb::Create { change.done.clone() } else { Vec::new() };
        let position = chain.iter().position(|number| *number == step)?;
        let name = |number: &u32| self.plan.steps.get(super::at(*number)).map(|step| step.spec.name.clone());
        let done = before.into_iter().chain(chain.iter().take(position + 1).filter_map(name)).collect();
        let next = chain.get(position + 1).and_then(name).unwrap_or_else(|| "".into());
        Some(Partial { verb: spec.verb, done, next, begun: Vec::new() })
    }

    /// The steps of the phase that `step` belongs to: they stand one after the other.
    fn chain(&self, step: u32) -> Vec<u32> {
        let is_same = |number: u32| {
            let (a, b) = (self.plan.steps.get(super::at(step)), self.plan.steps.get(super::at(number)));
            matches!((a, b), (Some(a), Some(b)) if a.change == b.change && a.phase == b.phase)
        };
        let first = (0..=step).rev().take_while(|number| is_same(*number)).last().unwrap_or(step);
        (first..).take_while(|number| is_same(*number)).collect()
    }
}

/// Intents of earlier runs that began this very step.
fn begun(recorded: Option<&Recorded>, spec: &StepSpec) -> Vec<Text> {
    let partial = recorded.and_then(|recorded| recorded.partial.as_ref());
    let same = partial.filter(|partial| partial.verb == spec.verb && partial.next == spec.name);
    same.map(|partial| partial.begun.clone()).unwrap_or_default()
}
