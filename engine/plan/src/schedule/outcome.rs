//! What comes of a step, written down before anybody is told.

use super::begin::action_of;
use super::{Running, Schedule, Stand, Then};
use crate::diag;
use crate::plan::Phase;
use crate::planner::recover::{after_step, overlaid};
use crate::state::{Entry, Recorded, StepResult};
use terrane_core::event::Event;
use terrane_core::{Diagnostic, Text, Value};
use terrane_provider::{Fault, FaultKind, Handle, Intent, Progress, Resolution, Verb};

impl Schedule<'_> {
    /// Goes on when entries are durable.
    pub(super) fn go_on(&mut self, then: Then, now_ms: u64) {
        match then {
            Then::Begun => {}
            Then::Call(step) => self.call(step, None, now_ms),
            Then::Poll(step, wait_ms) => {
                let handle = self.running.get(&step).and_then(|running| running.handle.clone());
                if let Some(handle) = handle {
                    self.call(step, Some((handle, wait_ms)), now_ms);
                }
            }
            Then::Done(step) => self.done(step, now_ms),
            Then::Failed(step) => {
                self.drop_running(step);
            }
            Then::Again(step) => {
                self.drop_running(step);
                self.set(step, Stand::Waiting);
                self.offer(step);
            }
            Then::Finished => self.finished_writing(),
        }
    }

    /// Takes in how a step stands.
    pub(super) fn progressed(&mut self, step: u32, result: Result<Progress, Fault>, now_ms: u64) {
        match result {
            Ok(Progress::Done(seen)) => self.took_effect(step, &seen, now_ms),
            Ok(Progress::Pending { handle, check_after_ms, percent, message }) => {
                self.waits(step, handle, (check_after_ms, percent, message), now_ms);
            }
            Err(fault) => self.faulted(step, &fault, now_ms),
        }
    }

    fn took_effect(&mut self, step: u32, seen: &Value, now_ms: u64) {
        let Some(mut running) = self.running.get(&step).cloned() else { return };
        if running.call.verb == Verb::Create && running.intent.is_some() {
            running.record.made_ms = now_ms;
        }
        let seen = overlaid(&running.call.seen, seen);
        self.check_result(step, &running, &seen);
        let record = after_step(&running.record, seen);
        let entry = match (&running.intent, record) {
            (Some(intent), record) => Entry::Outcome { intent: intent.id.clone(), result: StepResult::Done, record },
            (None, Some(record)) => Entry::Record { step: Some(step), record },
            (None, None) => Entry::Forget {
                step: Some(step),
                addr: running.record.addr.clone(),
                deposed: running.record.deposed.clone(),
            },
        };
        // A step with an intent put the old object aside when that was written.
        let mut entries = if running.intent.is_none() { self.put_aside(step) } else { Vec::new() };
        entries.push(entry);
        self.write(entries, Then::Done(step));
    }

    /// An object that came out other than planned is a mistake of its provider: it is recorded and told.
    fn check_result(&mut self, step: u32, running: &Running, seen: &Value) {
        let is_last =
            self.plan.steps.get(super::at(step)).is_some_and(|step| step.is_last && step.phase == Phase::Make);
        let Some(schema) = self.registry.resource_schema(&running.call.addr.resource.type_name) else { return };
        if !is_last {
            return;
        }
        let wanted = |attribute: &terrane_core::Attribute| {
            attribute.is_writable() && !attribute.is_secret && attribute.role != terrane_core::Role::WriteOnly
        };
        let found = crate::planner::differences(&schema.body, &running.call.planned, seen, &wanted);
        let is_foreign = |path: &terrane_core::Path| running.record.owners.iter().any(|(at, _)| path.starts_with(at));
        if let Some(found) = found.into_iter().find(|d| d.left.is_wholly_known() && !is_foreign(&d.path)) {
            let problem = diag::INCONSISTENT_RESULT.at(running.call.addr.clone()).with("argument", &found.path);
            let problem = problem.with("planned", format!("{:?}", found.left));
            self.problems.push(problem.with("came out as", format!("{:?}", found.right)));
        }
    }

    fn waits(&mut self, step: u32, handle: Handle, how: (u64, Option<u8>, Text), now_ms: u64) {
        let (check_after_ms, percent, message) = how;
        let rate = u64::from(self.options.clock_rate.max(1));
        let Some(running) = self.running.get_mut(&step) else { return };
        let elapsed_ms = now_ms.saturating_sub(running.started_ms);
        let is_new = running.handle.as_ref() != Some(&handle);
        running.handle = Some(handle.clone());
        if running.has_place {
            running.has_place = false;
            self.places = self.places.saturating_sub(1);
        }
        let (addr, name) = (running.call.addr.clone(), running.call.step.clone());
        let intent = running.intent.clone();
        let action = self.action(step);
        let deadline_ms = self.plan.steps.get(super::at(step)).map_or(0, |s| s.deadline_s.saturating_mul(1_000)) / rate;
        if elapsed_ms > deadline_ms {
            let problem = diag::STEP_DEADLINE.at(addr).with("step", name).with("waited for", message);
            let problem = problem.with("seconds", elapsed_ms.saturating_mul(rate) / 1_000);
            self.fail(step, problem, now_ms);
            return;
        }
        self.tell(Event::StepWaiting { addr, action, step: name, message, percent, elapsed_ms });
        let wait_ms = check_after_ms / rate;
        match (is_new, intent) {
            (true, Some(intent)) => {
                let entry = Entry::Running { intent: intent.id.clone(), handle };
                self.write([entry], Then::Poll(step, wait_ms));
            }
            _ => self.call(step, Some((handle, wait_ms)), now_ms),
        }
    }

    /// A fault that says that nothing was done closes the intent; any other leaves it open, and the next run
    /// finds out.
    fn faulted(&mut self, step: u32, fault: &Fault, now_ms: u64) {
        let Some(running) = self.running.get(&step).cloned() else { return };
        let problem = diag::fault(fault, running.call.addr.clone().into());
        let problem = problem.with("step", &running.call.step).with("object", &running.call.id);
        let is_refused = matches!(
            fault.kind,
            FaultKind::Denied { .. }
                | FaultKind::Invalid { .. }
                | FaultKind::Quota
                | FaultKind::Conflict
                | FaultKind::WrongScope { .. }
                | FaultKind::Gone
        );
        self.failed(step, problem, now_ms);
        let Some(intent) = running.intent.as_ref().filter(|_| is_refused) else {
            self.drop_running(step);
            return;
        };
        let key = (intent.addr.clone(), intent.deposed.clone());
        let entry = if running.handle.is_some() && running.call.verb != Verb::Update {
            let record = Some(half_made(&running.record, &running.call.seen, intent));
            Entry::Outcome { intent: intent.id.clone(), result: StepResult::Failed, record }
        } else {
            let record = self.state.objects.get(&key).map(|record| Box::new((**record).clone()));
            Entry::Outcome { intent: intent.id.clone(), result: StepResult::NotDone, record }
        };
        self.write([entry], Then::Failed(step));
    }

    /// Takes in what became of an intent of an earlier run of this plan.
    pub(super) fn resolved(&mut self, step: u32, resolution: Resolution, now_ms: u64) {
        let Some(running) = self.running.get(&step).cloned() else { return };
        match resolution {
            Resolution::Done(seen) => self.took_effect(step, &seen, now_ms),
            Resolution::Running(handle) => {
                if let Some(running) = self.running.get_mut(&step) {
                    running.handle = Some(handle.clone());
                }
                match &running.intent {
                    Some(intent) => {
                        let entry = Entry::Running { intent: intent.id.clone(), handle };
                        self.write([entry], Then::Poll(step, 0));
                    }
                    None => self.call(step, Some((handle, 0)), now_ms),
                }
            }
            Resolution::NotDone => {
                let Some(intent) = &running.intent else { return };
                let key = (intent.addr.clone(), intent.deposed.clone());
                let record = self.state.objects.get(&key).map(|record| Box::new((**record).clone()));
                let entry = Entry::Outcome { intent: intent.id.clone(), result: StepResult::NotDone, record };
                self.write([entry], Then::Again(step));
            }
            Resolution::Unclear(what) => {
                let problem = diag::RECOVERY_UNCLEAR.at(running.call.addr.clone()).with("object", &running.call.id);
                self.fail(step, problem.with("step", &running.call.step).detail(&*what), now_ms);
            }
            Resolution::Failed(fault) => {
                let problem = diag::fault(&fault, running.call.addr.clone().into());
                self.fail(step, problem.with("step", &running.call.step), now_ms);
            }
        }
    }

    fn action(&self, step: u32) -> terrane_core::change::Action {
        let planned = self.plan.steps.get(super::at(step));
        let change = planned.and_then(|step| self.plan.changes.get(super::at(step.change?)));
        match (planned, change) {
            (Some(planned), Some(change)) => action_of(planned.phase, change.action),
            _ => terrane_core::change::Action::NoOp,
        }
    }

    /// The step took effect and that is durable.
    fn done(&mut self, step: u32, now_ms: u64) {
        let Some(running) = self.drop_running(step) else { return };
        let action = self.action(step);
        let addr = running.call.addr.clone();
        self.tell(Event::StepDone { addr: addr.clone(), action, step: running.call.step.clone() });
        let planned = self.plan.clone();
        if let Some(planned) = planned.steps.get(super::at(step)).filter(|planned| planned.is_last) {
            let started = planned.change.and_then(|change| self.phase_started.get(&(change, planned.phase)).copied());
            let elapsed_ms = started.map_or(0, |started| now_ms.saturating_sub(started));
            let id = self.shown_id(&running);
            self.tell(Event::ChangeDone { addr, action, id, elapsed_ms });
        }
        self.set(step, Stand::Done);
        self.let_go_on(step);
    }

    /// The `id` attribute where the object has one, else its identity.
    fn shown_id(&self, running: &Running) -> Option<Text> {
        let record = self.state.record(&running.call.addr).filter(|_| running.call.verb != Verb::Delete);
        let attribute = record.and_then(|record| record.seen.get("id")).and_then(Value::as_text).cloned();
        attribute.or_else(|| Some(running.call.id.to_string().into()))
    }

    /// The step cannot go on, and nothing about it is to be written.
    pub(super) fn fail(&mut self, step: u32, problem: Diagnostic, now_ms: u64) {
        self.failed(step, problem, now_ms);
        self.drop_running(step);
    }

    /// Marks a step and everything behind it as failed, and tells.
    fn failed(&mut self, step: u32, problem: Diagnostic, now_ms: u64) {
        let plan = self.plan.clone();
        let planned = plan.steps.get(super::at(step));
        let number = planned.and_then(|planned| planned.change);
        if let (Some(planned), Some(change)) = (planned, number.and_then(|n| plan.changes.get(super::at(n)))) {
            let started = number.and_then(|number| self.phase_started.get(&(number, planned.phase)).copied());
            self.tell(Event::ChangeFailed {
                addr: change.addr.clone(),
                action: action_of(planned.phase, change.action),
                id: change.before_id.as_ref().map(|id| id.to_string().into()),
                elapsed_ms: started.map_or(0, |started| now_ms.saturating_sub(started)),
            });
            let span = change.origin.clone();
            let problem = match span {
                Some(origin) => problem.with("declared at", format!("{}:{}", origin.file, origin.line)),
                None => problem,
            };
            self.tell(Event::Problem(Box::new(problem.clone())));
            self.problems.push(problem);
        } else {
            self.problems.push(problem);
        }
        self.fail_from(step);
    }

    /// Marks a step and everything behind it as failed; what is done stays done.
    pub(super) fn fail_from(&mut self, step: u32) {
        let mut stack = vec![step];
        while let Some(step) = stack.pop() {
            if matches!(self.stand(step), Stand::Waiting | Stand::Running) {
                self.set(step, Stand::Failed);
                stack.extend(self.dependents.get(super::at(step)).into_iter().flatten().copied());
            }
        }
    }
}

/// The record of an object whose step failed half way.
fn half_made(record: &Recorded, seen: &Value, intent: &Intent) -> Box<Recorded> {
    let mut record = record.clone();
    record.seen = seen.clone();
    if let Some(partial) = &mut record.partial {
        partial.done.retain(|name| *name != intent.step.name);
        partial.next = intent.step.name.clone();
        partial.begun = intent.begun();
    }
    Box::new(record)
}
