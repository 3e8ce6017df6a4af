//! What is there, how it is reached, and what its type says of it.

use super::ask::About;
use super::decide::{Facts, ignoring};
use super::frame::Cell;
use super::stages::Cause;
use super::walk::Walk;
use crate::diag;
use crate::question::{Answer, Question};
use crate::state::Recorded;
use std::sync::Arc;
use terrane_core::{ObjectId, Span, Text, Value};
use terrane_lang::program::Resource;
use terrane_provider::complete::complete;
use terrane_provider::{
    Access, FactKey, Facts as _, Parent, ProviderName, Reading, RefineInput, RefineOutcome, Refined, Target, Unreadable,
};

/// Why an instance is not decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// An answer, or something it refers to, is missing.
    Wait,
    /// There is an error, and it was told.
    Broken,
    /// It takes no part.
    LeftOut,
    /// It waits for a later stage, because of this.
    Deferred(Cause),
}

/// What is there of an object.
#[derive(Clone, Debug, PartialEq)]
pub enum Actual {
    /// Nothing was recorded.
    None,
    /// It is there.
    Present(Value),
    /// Parts of it are there.
    Partial {
        /// Steps of its creation that are done.
        done: Vec<Text>,
        /// What is seen.
        seen: Value,
    },
    /// It was recorded, and is not there.
    Gone,
}

/// How an object is reached, and what it lives in.
#[derive(Clone, Debug)]
pub struct Surroundings {
    /// How it is reached.
    pub access: Access,
    /// The object that `cluster` names, with its value.
    pub parent: Option<(ObjectId, Value)>,
}

impl Walk<'_> {
    /// What is there of a recorded object. `span` is its block, where there is one.
    pub fn actual(&mut self, record: Option<&Arc<Recorded>>, span: Option<Span>) -> Result<Actual, Stop> {
        let Some(record) = record else { return Ok(Actual::None) };
        let is_record_only = match self.registry.resource(&record.id.type_name) {
            Some(kind) => kind.is_record_only(),
            None => {
                let problem = diag::TYPE_NOT_LINKED.at(record.addr.clone()).with("type", &record.id.type_name);
                self.problems.push(problem);
                return Err(Stop::Broken);
            }
        };
        if is_record_only || self.options.skip_refresh {
            return Ok(match &record.partial {
                Some(partial) if partial.verb == terrane_provider::Verb::Create => {
                    Actual::Partial { done: partial.done.clone(), seen: record.seen.clone() }
                }
                _ => Actual::Present(record.seen.clone()),
            });
        }
        let key = (record.addr.clone(), record.deposed.clone());
        let configuration = self.configuration(&record.access.provider);
        let answer = self.asker.ask(About::Record(key), || read_question(record, configuration));
        let unreadable = match answer {
            None => return Err(Stop::Wait),
            Some(Answer::Read(Reading::Present(value))) => return Ok(Actual::Present(value.clone())),
            Some(Answer::Read(Reading::Partial { done, seen })) => {
                return Ok(Actual::Partial { done: done.clone(), seen: seen.clone() });
            }
            Some(Answer::Read(Reading::Absent)) => return Ok(Actual::Gone),
            Some(Answer::Read(Reading::Unreadable(unreadable))) => unreadable,
            Some(_) => return Err(Stop::Broken),
        };
        let fault = match unreadable {
            Unreadable::NotYetReachable => return Ok(Actual::Gone),
            Unreadable::WrongScope(fault) | Unreadable::Failed(fault) => fault,
        };
        let problem = diag::fault(fault, record.addr.clone().into()).from_span(span).with("object", &record.id);
        self.problems.push(problem);
        Err(Stop::Broken)
    }

    /// How an object is reached: by what is written, else as its cluster is.
    pub fn surroundings(&mut self, resource: &Resource, written: &Value) -> Result<Surroundings, Stop> {
        let parent = match written.get("cluster") {
            Some(cluster) if cluster.is_known() && resource.schema.body.attribute("cluster").is_some() => {
                cluster.as_str().and_then(|text| self.parent(&resource.provider.name, text))
            }
            _ => None,
        };
        let known_text = |name: &str| written.get(name).filter(|v| v.is_known()).and_then(Value::as_text).cloned();
        let mut access =
            Access::of(ProviderName { name: resource.provider.name.clone(), alias: resource.provider.alias.clone() });
        if let Some((id, above)) = parent.as_ref().map(|(id, _, above)| (id, above)) {
            access.region = id.scope.region.clone();
            if let Some(above) = above {
                access.credentials = above.credentials.clone();
                if access.provider.alias.is_none() {
                    access.provider = above.provider.clone();
                }
            }
        }
        if let Some(region) = known_text("region") {
            access.region = region;
        }
        if let Some(credentials) = written.get("credentials").filter(|v| v.is_wholly_known() && !v.is_null()) {
            access.credentials = credentials.clone();
        }
        Ok(Surroundings { access, parent: parent.map(|(id, value, _)| (id, value)) })
    }

    /// The object with the id `text`, among desired ones, then among recorded ones; else just its identity.
    fn parent(&mut self, provider: &Text, text: &str) -> Option<(ObjectId, Value, Option<Access>)> {
        if let Some((id, vertex)) = self.by_id.get(&(provider.clone(), text.into())) {
            let instance = usize::try_from(*vertex).ok().and_then(|vertex| self.instances.get(vertex))?;
            let access = instance.decision.as_ref().and_then(|decision| decision.change.after_access.clone());
            if let Cell::Ready(value, _) = &instance.value {
                return Some((id.clone(), value.clone(), access));
            }
        }
        let type_name = format!("{provider}_cluster");
        let id = self.registry.resource(&type_name)?.parse_id(text).ok()?;
        Some(match self.recorded(&id) {
            Some(record) => (id, record.seen.clone(), Some(record.access.clone())),
            None => (id, Value::NULL, None),
        })
    }

    /// The record of an object. The index is made once: open intents are taken in before anybody asks.
    pub fn recorded(&mut self, id: &ObjectId) -> Option<Arc<Recorded>> {
        if self.recorded_by_id.is_none() {
            let all = self.state.objects.values().filter(|record| record.deposed.is_none());
            self.recorded_by_id = Some(all.map(|record| (record.id.clone(), record.clone())).collect());
        }
        self.recorded_by_id.as_ref()?.get(id).cloned()
    }

    /// The judgement of the type, with `prior` as what is there.
    pub fn judge(&mut self, facts: &Facts<'_>, prior: Option<&Value>) -> Result<Refined, Stop> {
        let mut proposed = complete(&facts.resource.schema.body, facts.written, prior, facts.addr);
        if let Some(prior) = prior {
            // What is computed from an ignored argument follows the value that it has, not the one that is written.
            proposed = ignoring(&facts.resource.lifecycle.ignore_changes, proposed, prior);
        }
        let configuration = self.configuration(&facts.around.access.provider);
        let input = RefineInput {
            instance: facts.addr,
            access: &facts.around.access,
            configuration: &configuration,
            prior,
            written: facts.written,
            proposed: &proposed,
            parent: facts.around.parent.as_ref().map(|(id, value)| Parent { id, value }),
            facts: &self.asker,
        };
        match facts.kind.refine(&input) {
            RefineOutcome::Refined(refined) => {
                for warning in &refined.warnings {
                    let span = facts.resource.body.span_of(&warning.path).unwrap_or(facts.resource.span);
                    let problem = diag::TYPE_WARNS.at(span).with("instance", facts.addr).with("rule", &warning.rule);
                    let problem = problem.detail(warning.detail.clone()).help(warning.help.clone());
                    if !self.problems.contains(&problem) {
                        self.problems.push(problem);
                    }
                }
                Ok(*refined)
            }
            RefineOutcome::Refused(refusals) => {
                for refusal in refusals {
                    let span = facts.resource.body.span_of(&refusal.path).unwrap_or(facts.resource.span);
                    let kind = diag::refusal(&refusal.rule);
                    let problem = kind.at(span).with("instance", facts.addr).with("rule", &refusal.rule);
                    self.problems.push(problem.detail(refusal.detail).help(refusal.help));
                }
                Err(Stop::Broken)
            }
            RefineOutcome::Need(keys) => self.need(keys, facts, &configuration),
        }
    }

    fn need(&mut self, keys: Vec<FactKey>, facts: &Facts<'_>, configuration: &Value) -> Result<Refined, Stop> {
        let mut stop = Stop::Wait;
        for key in keys {
            if let Some(Err(fault)) = self.asker.get(&key) {
                let place = facts.addr.clone().into();
                let problem = diag::fault(fault, place).from_span(Some(facts.resource.span));
                self.problems.push(problem);
                stop = Stop::Broken;
                continue;
            }
            let question = || Question::Fact { key: key.clone(), configuration: configuration.clone() };
            self.asker.ask(About::Fact(key.clone()), question);
        }
        Err(stop)
    }
}

/// The question what is there of a recorded object.
pub fn read_question(record: &Recorded, configuration: Value) -> Question {
    Question::Read {
        addr: record.addr.clone(),
        target: Box::new(Target {
            id: record.id.clone(),
            access: record.access.clone(),
            seen: record.seen.clone(),
            sent: record.sent.clone(),
            made_ms: record.made_ms,
            done: record.steps_of_creation(),
        }),
        configuration,
    }
}
