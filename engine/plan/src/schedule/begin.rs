//! The beginning of a run and of each step.

use super::{Effect, Pending, Running, Schedule, Stand, Then};
use crate::diag;
use crate::plan::{Change, Mode, Phase};
use crate::planner::recover::overlaid;
use crate::state::{Entry, FORMAT, Partial, Recorded};
use std::collections::BTreeSet;
use std::sync::Arc;
use terrane_core::change::{Action, Reason};
use terrane_core::event::Event;
use terrane_core::{Diagnostic, InstanceAddr, Path, Text, Value};
use terrane_provider::{Intent, Reading, Target, Unreadable, Verb};

impl Schedule<'_> {
    /// Writes down that the run begins, what was found out about earlier runs, and what needs no step.
    pub(super) fn begin(&mut self, now_ms: u64) {
        let plan = self.plan.clone();
        let mut entries = Vec::new();
        if self.state.is_new() {
            entries.push(Entry::Start { format: FORMAT, lineage: self.options.new_lineage.clone() });
        }
        let counts = plan.counts();
        entries.push(Entry::Begin {
            plan: plan.id.clone(),
            summary: format!("{} to add, {} to change, {} to destroy", counts.add, counts.change, counts.destroy)
                .into(),
            at: self.options.at.clone(),
            by: self.options.by.clone(),
        });
        for found in &plan.recovered {
            if self.state.intents.iter().any(|open| open.intent.id == found.intent) {
                entries.extend(found.entries.iter().cloned());
            }
        }
        for (name, configuration) in &plan.providers {
            if self.state.providers.get(name) != Some(configuration) {
                entries.push(Entry::Provider { name: name.clone(), configuration: configuration.clone() });
            }
        }
        let mut has_step = vec![false; plan.changes.len()];
        for number in plan.steps.iter().filter_map(|step| step.change) {
            if let Some(has_step) = has_step.get_mut(super::at(number)) {
                *has_step = true;
            }
        }
        let mut records = Vec::new();
        for (change, has_step) in plan.changes.iter().zip(has_step) {
            records.extend(self.adopted(change, has_step));
            let without = if has_step { None } else { self.without_step(change) };
            records.extend(self.moved(change, without));
        }
        entries.extend(self.remember_drift(&records));
        entries.extend(records);
        self.write(entries, Then::Begun);
        self.resume(now_ms);
    }

    /// The record of an object that was there already, before anything is done to it.
    fn adopted(&self, change: &Change, has_step: bool) -> Option<Entry> {
        change.importing.as_ref()?;
        if self.state.record(&change.addr).is_some() {
            return None;
        }
        let id = change.before_id.clone()?;
        let access = change.after_access.clone().or_else(|| change.before_access.clone())?;
        let schema = self.registry.resource_schema(&change.addr.resource.type_name)?;
        let secrets = schema.body.attributes.iter().filter(|attribute| attribute.is_secret && has_step);
        // A secret is sent by a step, and counts as sent only then.
        let sent = secrets
            .fold(change.written.clone(), |sent, secret| sent.with_at(&Path::attr(secret.name.clone()).0, Value::NULL));
        Some(Entry::Record {
            step: None,
            record: Box::new(Recorded {
                addr: change.addr.clone(),
                deposed: None,
                id,
                access,
                schema_version: change.schema_version,
                sent,
                seen: if has_step { change.before.clone() } else { seen_without_step(change) },
                made_ms: 0,
                owners: change.owners.clone(),
                secrets: if has_step { Vec::new() } else { change.secrets.clone() },
                tainted: false,
                partial: None,
                dependencies: change.dependencies.clone(),
                prevent_destroy: change.prevent_destroy,
                create_before_destroy: change.create_before_destroy,
                timeouts: change.timeouts.clone(),
            }),
        })
    }

    /// What is written of a change besides its steps: the record where it is from now on, then the old one taken out. A
    /// run that stops in between leaves both, which the next plan knows by their identity.
    fn moved(&self, change: &Change, without: Option<Entry>) -> Vec<Entry> {
        let old = change.moved_from.as_ref().map(|from| (from.clone(), change.deposed.clone()));
        let Some((key, recorded)) = old.and_then(|key| Some((key.clone(), self.state.objects.get(&key)?))) else {
            return without.into_iter().collect();
        };
        let (addr, deposed) = key;
        let forget = Entry::Forget { step: None, addr, deposed };
        let is_there = self.state.objects.contains_key(&(change.addr.clone(), change.deposed.clone()));
        match without {
            _ if change.action == Action::Forget => vec![forget],
            Some(entry) => vec![entry, forget],
            None if is_there => vec![forget],
            None => {
                let record = Recorded {
                    addr: change.addr.clone(),
                    dependencies: change.dependencies.clone(),
                    ..(**recorded).clone()
                };
                vec![Entry::Record { step: None, record: Box::new(record) }, forget]
            }
        }
    }

    /// The entry that remembers the drift that the plan tells of. What a record of this run ends at once is left out.
    fn remember_drift(&self, records: &[Entry]) -> Option<Entry> {
        let ended: BTreeSet<(&InstanceAddr, &Option<Text>)> = records
            .iter()
            .filter_map(|entry| match entry {
                Entry::Record { record, .. } => Some((&record.addr, &record.deposed)),
                Entry::Forget { addr, deposed, .. } => Some((addr, deposed)),
                _ => None,
            })
            .collect();
        let mut found = crate::drift::new_marks(&self.plan.drift, &self.state);
        found.retain(|mark| !ended.contains(&(&mark.addr, &mark.deposed)));
        (!found.is_empty()).then(|| Entry::Drift { at: self.options.at.clone(), found, over: Vec::new() })
    }

    /// The entry of a change that no step belongs to.
    fn without_step(&self, change: &Change) -> Option<Entry> {
        let key = (change.addr.clone(), change.deposed.clone());
        match change.action {
            Action::Forget => self.state.objects.contains_key(&key).then(|| Entry::Forget {
                step: None,
                addr: change.addr.clone(),
                deposed: change.deposed.clone(),
            }),
            Action::NoOp | Action::Update if change.is_rerecorded || change.action == Action::Update => {
                let recorded = self.state.objects.get(&key).or_else(|| {
                    let from = change.moved_from.clone()?;
                    self.state.objects.get(&(from, change.deposed.clone()))
                })?;
                let sent =
                    if self.plan.mode == Mode::RefreshOnly { recorded.sent.clone() } else { change.written.clone() };
                Some(Entry::Record {
                    step: None,
                    record: Box::new(Recorded {
                        addr: change.addr.clone(),
                        id: change.after_id.clone().unwrap_or_else(|| recorded.id.clone()),
                        access: change.after_access.clone().unwrap_or_else(|| recorded.access.clone()),
                        schema_version: change.schema_version,
                        sent,
                        seen: seen_without_step(change),
                        owners: change.owners.clone(),
                        secrets: if change.secrets.is_empty() {
                            recorded.secrets.clone()
                        } else {
                            change.secrets.clone()
                        },
                        partial: self.left_over(change),
                        dependencies: change.dependencies.clone(),
                        prevent_destroy: change.prevent_destroy,
                        create_before_destroy: change.create_before_destroy,
                        timeouts: change.timeouts.clone(),
                        ..(**recorded).clone()
                    }),
                })
            }
            _ => None,
        }
    }

    /// What is left of an object that somebody else took away in part, where that is accepted.
    fn left_over(&self, change: &Change) -> Option<Partial> {
        let left = change.reasons.iter().find_map(|reason| match reason {
            Reason::Incomplete { done, next } => Some((done.clone(), next.clone())),
            _ => None,
        });
        let (done, next) = left.filter(|_| self.plan.mode == Mode::RefreshOnly)?;
        Some(Partial { verb: Verb::Create, done, next, begun: Vec::new() })
    }

    /// Asks about the intents that an earlier run of this plan left open.
    fn resume(&mut self, now_ms: u64) {
        for open in self.state.intents.clone() {
            let step = open.step;
            if open.plan != self.plan.id || self.stand(step) != Stand::Waiting {
                continue;
            }
            let Some(number) = self.plan.steps.get(super::at(step)).and_then(|step| step.change) else { continue };
            let Ok((mut call, _)) = self.prepare_call(step, number) else { continue };
            call.is_repeated = true;
            let configuration = self.configuration(&open.intent.access.provider);
            let running = Running {
                call,
                intent: Some(open.intent.clone()),
                record: Box::new((*open.record).clone()),
                configuration: configuration.clone(),
                started_ms: now_ms,
                handle: open.intent.handle.clone(),
                has_place: false,
            };
            self.running.insert(step, running);
            self.set(step, Stand::Running);
            let ticket = self.ticket(Pending::Resolve(step));
            self.outbox.push(Effect::Resolve { ticket, intent: open.intent.clone(), configuration });
        }
    }

    /// Begins a step whose turn it is.
    pub(super) fn start_step(&mut self, step: u32, now_ms: u64) {
        let plan = self.plan.clone();
        let Some(planned) = plan.steps.get(super::at(step)) else { return };
        if let Some(problem) = self.not_met(&planned.preconditions).into_iter().next() {
            self.fail(step, problem, now_ms);
            return;
        }
        let Some(number) = planned.change else {
            self.set(step, Stand::Done);
            self.let_go_on(step);
            return;
        };
        let Some(change) = plan.changes.get(super::at(number)) else { return };
        let (call, record) = match self.prepare_call(step, number) {
            Ok(prepared) => prepared,
            Err(problem) => {
                self.fail(step, *problem, now_ms);
                return;
            }
        };
        self.tell_start(step, number, change, &call, now_ms);
        let configuration = self.configuration(&call.access.provider);
        let is_record_only =
            self.registry.resource(&call.addr.resource.type_name).is_some_and(|kind| kind.is_record_only());
        let target = Target {
            id: call.id.clone(),
            access: call.access.clone(),
            seen: call.seen.clone(),
            sent: record.sent.clone(),
            // A create reads to find that nothing is in its way: what it has made itself need not show yet.
            made_ms: if planned.spec.verb == Verb::Create { 0 } else { record.made_ms },
            done: record.steps_of_creation(),
        };
        let started_ms = now_ms;
        let running = Running {
            call,
            intent: None,
            record,
            configuration: configuration.clone(),
            started_ms,
            handle: None,
            has_place: true,
        };
        self.running.insert(step, running);
        self.set(step, Stand::Running);
        self.places += 1;
        if is_record_only {
            self.call(step, None, now_ms);
            return;
        }
        let ticket = self.ticket(Pending::Step(step));
        self.outbox.push(Effect::Check { ticket, target: Box::new(target), configuration });
    }

    fn tell_start(&mut self, step: u32, number: u32, change: &Change, call: &terrane_provider::StepCall, now_ms: u64) {
        let plan = self.plan.clone();
        let Some(planned) = plan.steps.get(super::at(step)) else { return };
        let action = action_of(planned.phase, change.action);
        if let std::collections::btree_map::Entry::Vacant(place) = self.phase_started.entry((number, planned.phase)) {
            place.insert(now_ms);
            let id = (planned.spec.verb != Verb::Create).then(|| call.id.to_string().into());
            self.tell(Event::ChangeStarted { addr: call.addr.clone(), action, id });
        }
        self.tell(Event::StepStarted {
            addr: call.addr.clone(),
            action,
            step: call.step.clone(),
            expected_s: planned.spec.expected_s,
        });
    }

    /// Compares what is there with what the step relies on; goes on to the intent, or stops the step.
    pub(super) fn checked(&mut self, step: u32, reading: Reading, now_ms: u64) {
        let plan = self.plan.clone();
        let Some(running) = self.running.get(&step).cloned() else { return };
        let Some(planned) = plan.steps.get(super::at(step)) else { return };
        let verb = planned.spec.verb;
        let problem = match (&reading, verb) {
            (Reading::Unreadable(Unreadable::WrongScope(fault) | Unreadable::Failed(fault)), _) => {
                Some(diag::fault(fault, running.call.addr.clone().into()))
            }
            (Reading::Unreadable(Unreadable::NotYetReachable), _) => None,
            (Reading::Absent | Reading::Partial { .. }, Verb::Create) => None,
            (Reading::Present(_), Verb::Create) if !running.call.continues.is_empty() => None,
            (Reading::Present(_), Verb::Create)
                if running.record.partial.as_ref().is_some_and(|p| p.done.len() > 1) =>
            {
                None
            }
            (Reading::Present(_), Verb::Create) => {
                Some(diag::OBJECT_EXISTS.at(running.call.addr.clone()).with("object", &running.call.id))
            }
            (Reading::Absent, Verb::Update) => {
                let problem = diag::PRECONDITION_FAILED.at(running.call.addr.clone());
                Some(problem.with("object", &running.call.id).detail("the object is gone"))
            }
            (Reading::Present(actual), Verb::Update) => self.differs(step, actual, &running),
            (Reading::Partial { .. }, Verb::Update) => None,
            (Reading::Absent | Reading::Present(_) | Reading::Partial { .. }, Verb::Delete) => None,
        };
        match problem {
            Some(problem) => self.fail(step, problem, now_ms),
            None => self.intend(step, &reading, now_ms),
        }
    }

    /// The first leaf of a step's preconditions that is no more as it was when the plan was made.
    fn differs(&self, step: u32, actual: &Value, running: &Running) -> Option<Diagnostic> {
        let planned = self.plan.steps.get(super::at(step))?;
        let change = self.plan.changes.get(super::at(planned.change?))?;
        for path in &planned.spec.leaves {
            let then = change.before.at(path).unwrap_or(&Value::NULL);
            let wanted = running.call.planned.at(path).unwrap_or(&Value::NULL);
            let now = actual.at(path).unwrap_or(&Value::NULL);
            if !now.is_same(then) && !now.is_same(wanted) {
                let problem = diag::PRECONDITION_FAILED.at(running.call.addr.clone());
                let problem = problem.with("argument", path).with("when planned", format!("{then:?}"));
                return Some(problem.with("now", format!("{now:?}")));
            }
        }
        None
    }

    /// Makes the intent durable before the world is touched.
    fn intend(&mut self, step: u32, reading: &Reading, now_ms: u64) {
        let plan = self.plan.clone();
        let (Some(running), Some(planned)) = (self.running.get(&step).cloned(), plan.steps.get(super::at(step))) else {
            return;
        };
        let Some(number) = planned.change else { return };
        let Some(change) = plan.changes.get(super::at(number)) else { return };
        let mut call = running.call.clone();
        if let (Reading::Present(actual) | Reading::Partial { seen: actual, .. }, false) =
            (reading, planned.spec.verb == Verb::Create)
        {
            call.seen = actual.clone();
        }
        let deposed = self.record_place(number, change, planned.phase);
        let intent = Intent {
            id: call.intent.clone(),
            addr: call.addr.clone(),
            deposed,
            object: call.id.clone(),
            access: call.access.clone(),
            step: planned.spec.clone(),
            token: call.token.clone(),
            prior: call.prior.clone(),
            planned: call.planned.clone(),
            seen: call.seen.clone(),
            at_ms: now_ms,
            handle: None,
            continues: call.continues.clone(),
        };
        let mut entries = self.depose(number, change, planned.phase);
        entries.push(Entry::Intent { step, intent: Box::new(intent.clone()), record: running.record.clone() });
        if let Some(running) = self.running.get_mut(&step) {
            running.call = call;
            running.intent = Some(Arc::new(intent));
        }
        self.write(entries, Then::Call(step));
    }

    /// A replacement that is made first puts the old object aside.
    fn depose(&self, number: u32, change: &Change, phase: Phase) -> Vec<Entry> {
        if change.action != Action::CreateThenDelete || phase != Phase::Make {
            return Vec::new();
        }
        let mark = self.deposed_mark(number);
        let is_aside = self.state.objects.contains_key(&(change.addr.clone(), Some(mark.clone())));
        match self.state.record(&change.addr) {
            Some(old) if !is_aside => vec![
                Entry::Record { step: None, record: Box::new(Recorded { deposed: Some(mark), ..(**old).clone() }) },
                Entry::Forget { step: None, addr: change.addr.clone(), deposed: None },
            ],
            _ => Vec::new(),
        }
    }

    /// What puts the old object of a step aside, where it is made anew first.
    pub(super) fn put_aside(&self, step: u32) -> Vec<Entry> {
        let planned = self.plan.steps.get(super::at(step));
        let of = planned.and_then(|planned| Some((planned.change?, planned.phase)));
        let found = of.and_then(|(number, phase)| Some((number, phase, self.plan.changes.get(super::at(number))?)));
        found.map(|(number, phase, change)| self.depose(number, change, phase)).unwrap_or_default()
    }

    /// Calls the provider.
    pub(super) fn call(&mut self, step: u32, handle: Option<(terrane_provider::Handle, u64)>, now_ms: u64) {
        let Some(running) = self.running.get(&step).cloned() else { return };
        let ticket = self.ticket(Pending::Step(step));
        let (call, configuration) = (running.call, running.configuration);
        self.outbox.push(match handle {
            None => Effect::Start { ticket, call, configuration },
            Some((handle, wait_ms)) => {
                Effect::Poll { ticket, call, handle, configuration, not_before_ms: now_ms.saturating_add(wait_ms) }
            }
        });
    }
}

/// What is seen of an object that nothing is done to: leaves that no step writes, as `credentials`, only say how it is
/// reached, and are from now on as they are written.
fn seen_without_step(change: &Change) -> Value {
    let names: BTreeSet<&Text> = change.leaves.iter().filter_map(|leaf| leaf.path.first_name()).collect();
    let written = names.into_iter().filter_map(|name| Some((name.clone(), change.after.get(name)?.clone())));
    let written: Vec<(Text, Value)> = written.filter(|(_, value)| value.is_wholly_known()).collect();
    if written.is_empty() { change.before.clone() } else { overlaid(&change.before, &Value::object(written)) }
}

/// What people are told that a phase does.
pub(super) fn action_of(phase: Phase, action: Action) -> Action {
    match (phase, action) {
        (Phase::Destroy, _) => Action::Delete,
        (Phase::Make, Action::Update) => Action::Update,
        (Phase::Make, _) => Action::Create,
    }
}
