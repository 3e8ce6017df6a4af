//! A plan and outcomes become effects, in the order that the plan's steps allow.
//!
//! The schedule chooses nothing: it runs the plan's steps, checks their preconditions, writes an intent before
//! and an outcome after each, polls what runs, and finishes expressions from what earlier steps have seen.
//! Whoever drives it carries out the effects and brings back what came of each.

mod begin;
mod conditions;
mod finish;
mod outcome;
mod values;

use crate::diag;
use crate::plan::{Phase, Plan};
use crate::state::{Entry, Recorded, State};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use terrane_core::event::Event;
use terrane_core::{Diagnostic, Place, Text, Value};
use terrane_lang::Sources;
use terrane_provider::{Fault, Handle, Intent, Progress, Reading, Registry, Resolution, StepCall, Target};

/// Names an effect, so that its completion finds back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Ticket(pub u64);

/// Something that whoever drives the schedule does now. Those with a ticket are answered by [`Schedule::record`].
#[derive(Clone, Debug)]
pub enum Effect {
    /// Make these entries durable, in this order, after all that were handed out before.
    Write {
        /// Answered by [`Completed::Written`].
        ticket: Ticket,
        /// The entries.
        entries: Vec<Entry>,
    },
    /// Read an object, to compare it with the preconditions of a step.
    Check {
        /// Answered by [`Completed::Checked`].
        ticket: Ticket,
        /// The object.
        target: Box<Target>,
        /// The provider block.
        configuration: Value,
    },
    /// Find out what became of an intent of an earlier run of this plan.
    Resolve {
        /// Answered by [`Completed::Resolved`].
        ticket: Ticket,
        /// The intent.
        intent: Arc<Intent>,
        /// The provider block.
        configuration: Value,
    },
    /// Start a step.
    Start {
        /// Answered by [`Completed::Progressed`].
        ticket: Ticket,
        /// The step.
        call: Box<StepCall>,
        /// The provider block.
        configuration: Value,
    },
    /// Ask how a running step stands, not earlier than `not_before_ms`.
    Poll {
        /// Answered by [`Completed::Progressed`].
        ticket: Ticket,
        /// The step.
        call: Box<StepCall>,
        /// What it is found by.
        handle: Handle,
        /// The provider block.
        configuration: Value,
        /// Milliseconds since the Unix epoch.
        not_before_ms: u64,
    },
    /// Tell what happened; nothing comes back. Handed out only when what it tells is durable.
    Tell(Box<Event>),
}

/// What came of an effect.
#[derive(Clone, Debug)]
pub enum Completed {
    /// The entries are durable, or writing failed and nothing more may be done.
    Written(Result<(), Text>),
    /// What is there.
    Checked(Reading),
    /// What became of the intent.
    Resolved(Resolution),
    /// How the step stands.
    Progressed(Result<Progress, Fault>),
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// Everything is done.
    Complete,
    /// Some steps failed or were not tried; the rest is done and recorded.
    Partial,
    /// The run was asked to stop.
    Interrupted,
    /// Writing the state failed; nothing was started after that.
    StateFailed,
}

/// Who runs it and how wide.
#[derive(Clone, Debug)]
pub struct RunOptions {
    /// How many steps may be under way at once (waiting for the remote side does not count).
    pub parallelism: usize,
    /// Who runs it, `user@host`.
    pub by: Text,
    /// When it began, RFC 3339.
    pub at: Text,
    /// The lineage to start, where the state is new.
    pub new_lineage: Text,
    /// By how much the remote side's clock runs faster than ours; 1 but in a sandbox.
    pub clock_rate: u32,
    /// Values of sensitive variables of the root module, for conditions that look at them.
    pub variables: BTreeMap<Text, Value>,
}

/// How far a step is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stand {
    /// It waits for other steps, or for a place.
    Waiting,
    /// It is under way.
    Running,
    /// It took effect.
    Done,
    /// It failed, or cannot be tried because another failed.
    Failed,
}

/// A step that is under way.
#[derive(Clone, Debug)]
struct Running {
    call: Box<StepCall>,
    intent: Option<Arc<Intent>>,
    record: Box<Recorded>,
    configuration: Value,
    started_ms: u64,
    handle: Option<Handle>,
    /// Whether it takes one of the places that `parallelism` allows.
    has_place: bool,
}

/// What goes on when entries are durable.
#[derive(Clone, Debug)]
enum Then {
    /// The run has begun.
    Begun,
    /// The step is called.
    Call(u32),
    /// The running step is polled.
    Poll(u32, u64),
    /// The step took effect.
    Done(u32),
    /// The step failed for good.
    Failed(u32),
    /// The step is tried anew.
    Again(u32),
    /// The run is over.
    Finished,
}

/// What an outstanding effect belongs to.
#[derive(Clone, Debug)]
enum Pending {
    Write(Vec<(usize, Then)>, Vec<Entry>),
    Step(u32),
    Resolve(u32),
}

/// A run of a plan.
pub struct Schedule<'a> {
    plan: Arc<Plan>,
    state: State,
    registry: &'a Registry,
    sources: &'a dyn Sources,
    options: RunOptions,
    stands: Vec<Stand>,
    open: Vec<u32>,
    dependents: Vec<Vec<u32>>,
    weight: Vec<u64>,
    ready: BTreeSet<(Reverse<u64>, u32)>,
    running: BTreeMap<u32, Running>,
    places: usize,
    pending: BTreeMap<Ticket, Pending>,
    next_ticket: u64,
    entries: Vec<Entry>,
    thens: Vec<(usize, Then)>,
    outbox: Vec<Effect>,
    problems: Vec<Diagnostic>,
    has_begun: bool,
    /// Whether it is durable, or known to have failed, that the run began.
    is_under_way: bool,
    is_stopping: bool,
    has_lost_state: bool,
    is_finishing: bool,
    end: Option<End>,
    phase_started: BTreeMap<(u32, Phase), u64>,
    /// Whether something that is done does not meet a condition.
    has_broken_condition: bool,
    /// Outputs of the root module whose preconditions do not hold.
    refused_outputs: BTreeSet<Text>,
    moments: values::Moments,
}

impl<'a> Schedule<'a> {
    /// A run of `plan` over `state`, which holds what earlier runs of the same plan did.
    ///
    /// # Errors
    /// Why the plan is stale.
    pub fn new(
        plan: Arc<Plan>,
        state: State,
        registry: &'a Registry,
        sources: &'a dyn Sources,
        options: RunOptions,
    ) -> Result<Self, Box<Diagnostic>> {
        check_fresh(&plan, &state)?;
        let count = plan.steps.len();
        let mut schedule = Self {
            stands: vec![Stand::Waiting; count],
            open: vec![0; count],
            dependents: vec![Vec::new(); count],
            weight: vec![0; count],
            ready: BTreeSet::new(),
            running: BTreeMap::new(),
            places: 0,
            pending: BTreeMap::new(),
            next_ticket: 0,
            entries: Vec::new(),
            thens: Vec::new(),
            outbox: Vec::new(),
            problems: Vec::new(),
            has_begun: false,
            is_under_way: false,
            is_stopping: false,
            has_lost_state: false,
            is_finishing: false,
            end: None,
            phase_started: BTreeMap::new(),
            has_broken_condition: false,
            refused_outputs: BTreeSet::new(),
            moments: values::Moments::default(),
            plan,
            state,
            registry,
            sources,
            options,
        };
        schedule.prepare();
        Ok(schedule)
    }

    /// Counts what each step waits for, and weighs it by the time of the longest way behind it.
    fn prepare(&mut self) {
        let plan = self.plan.clone();
        let is_same = self.state.applying.plan == plan.id;
        for (number, step) in (0_u32..).zip(&plan.steps) {
            for before in &step.after {
                if let Some(dependents) = self.dependents.get_mut(at(*before)) {
                    dependents.push(number);
                }
            }
            if let Some(open) = self.open.get_mut(at(number)) {
                *open = u32::try_from(step.after.len()).unwrap_or(u32::MAX);
            }
        }
        for number in (0..plan.steps.len()).rev() {
            let own = plan.steps.get(number).map_or(0, |step| u64::from(step.spec.expected_s) + 1);
            let behind =
                self.dependents.get(number).into_iter().flatten().filter_map(|d| self.weight.get(at(*d))).max();
            let weight = own + behind.copied().unwrap_or(0);
            if let Some(place) = self.weight.get_mut(number) {
                *place = weight;
            }
        }
        let done: Vec<u32> = if is_same { self.state.applying.done.iter().copied().collect() } else { Vec::new() };
        for number in done {
            self.set(number, Stand::Done);
        }
        for number in (0..plan.steps.len()).filter_map(|n| u32::try_from(n).ok()) {
            if self.stand(number) == Stand::Done {
                self.let_go_on(number);
            }
        }
        for number in (0..plan.steps.len()).filter_map(|n| u32::try_from(n).ok()) {
            self.offer(number);
        }
    }

    fn stand(&self, step: u32) -> Stand {
        self.stands.get(at(step)).copied().unwrap_or(Stand::Failed)
    }

    fn set(&mut self, step: u32, stand: Stand) {
        if let Some(place) = self.stands.get_mut(at(step)) {
            *place = stand;
        }
    }

    /// Takes a done step off what its dependents wait for.
    fn release(&mut self, step: u32) {
        for dependent in self.dependents.get(at(step)).cloned().unwrap_or_default() {
            if let Some(open) = self.open.get_mut(at(dependent)) {
                *open = open.saturating_sub(1);
            }
            self.offer(dependent);
        }
    }

    /// Puts a step among the ready ones when nothing is left to wait for.
    fn offer(&mut self, step: u32) {
        if self.stand(step) == Stand::Waiting && self.open.get(at(step)) == Some(&0) {
            let weight = self.weight.get(at(step)).copied().unwrap_or(0);
            self.ready.insert((Reverse(weight), step));
        }
    }

    fn ticket(&mut self, pending: Pending) -> Ticket {
        let ticket = Ticket(self.next_ticket);
        self.next_ticket += 1;
        self.pending.insert(ticket, pending);
        ticket
    }

    /// Entries to write, and what goes on when they are durable.
    fn write(&mut self, entries: impl IntoIterator<Item = Entry>, then: Then) {
        self.entries.extend(entries);
        self.thens.push((self.entries.len(), then));
    }

    fn tell(&mut self, event: Event) {
        self.outbox.push(Effect::Tell(Box::new(event)));
    }

    /// Everything that can be done now.
    pub fn next(&mut self, now_ms: u64) -> Vec<Effect> {
        if !self.has_begun {
            self.has_begun = true;
            self.begin(now_ms);
        }
        while self.is_under_way
            && !self.is_stopping
            && !self.has_lost_state
            && self.places < self.options.parallelism.max(1)
        {
            let Some((_, step)) = self.ready.pop_first() else { break };
            if self.stand(step) == Stand::Waiting {
                self.start_step(step, now_ms);
            }
        }
        self.finish_if_idle();
        if !self.entries.is_empty() || !self.thens.is_empty() {
            let entries = std::mem::take(&mut self.entries);
            let thens = std::mem::take(&mut self.thens);
            let ticket = self.ticket(Pending::Write(thens, entries.clone()));
            self.outbox.push(Effect::Write { ticket, entries });
        }
        std::mem::take(&mut self.outbox)
    }

    /// Takes in what came of an effect.
    pub fn record(&mut self, ticket: Ticket, completed: Completed, now_ms: u64) {
        match (self.pending.remove(&ticket), completed) {
            (Some(Pending::Write(thens, entries)), Completed::Written(result)) => {
                self.written(thens, entries, result, now_ms);
            }
            (Some(Pending::Step(step)), Completed::Checked(reading)) => self.checked(step, reading, now_ms),
            (Some(Pending::Step(step)), Completed::Progressed(result)) => self.progressed(step, result, now_ms),
            (Some(Pending::Resolve(step)), Completed::Resolved(resolution)) => self.resolved(step, resolution, now_ms),
            (pending, _) => {
                let problem = diag::FAULT_BUG.at(Place::Run).with("ticket", ticket.0);
                self.problems.push(problem.detail(format!("a completion does not fit its effect {pending:?}")));
            }
        }
    }

    fn written(&mut self, thens: Vec<(usize, Then)>, entries: Vec<Entry>, result: Result<(), Text>, now_ms: u64) {
        self.is_under_way |= thens.iter().any(|(_, then)| matches!(then, Then::Begun));
        if let Err(reason) = result {
            if !self.has_lost_state {
                self.problems.push(diag::STATE_NOT_WRITTEN.at(Place::State).detail(&*reason));
            }
            self.has_lost_state = true;
            for (_, then) in &thens {
                if let Then::Call(step)
                | Then::Poll(step, _)
                | Then::Done(step)
                | Then::Failed(step)
                | Then::Again(step) = then
                {
                    self.drop_running(*step);
                    self.set(*step, Stand::Failed);
                }
            }
            return;
        }
        let mut entries = entries.into_iter();
        let mut applied = 0;
        for (until, then) in thens {
            for entry in entries.by_ref().take(until - applied) {
                self.state.apply(entry);
            }
            applied = until;
            self.go_on(then, now_ms);
        }
        for entry in entries {
            self.state.apply(entry);
        }
    }

    fn drop_running(&mut self, step: u32) -> Option<Running> {
        let running = self.running.remove(&step)?;
        if running.has_place {
            self.places = self.places.saturating_sub(1);
        }
        Some(running)
    }

    /// Starts nothing new from now on; what runs is finished.
    pub fn stop(&mut self) {
        self.is_stopping = true;
    }

    /// How it ended; `None` while there is more to do.
    #[must_use]
    pub fn end(&self) -> Option<End> {
        self.end
    }

    /// The state as far as it is durable.
    #[must_use]
    pub fn state(&self) -> &State {
        &self.state
    }

    /// Problems so far.
    #[must_use]
    pub fn problems(&self) -> &[Diagnostic] {
        &self.problems
    }
}

fn at(index: u32) -> usize {
    usize::try_from(index).unwrap_or(usize::MAX)
}

/// Whether the plan fits the state: nothing but entries of this very plan came after it was made.
fn check_fresh(plan: &Plan, state: &State) -> Result<(), Box<Diagnostic>> {
    let stale = |why: &str| {
        let problem = diag::PLAN_STALE.at(Place::State).detail(why);
        Err(Box::new(problem.with("plan's serial", plan.serial).with("state's serial", state.serial)))
    };
    let is_ours = state.applying.plan == plan.id;
    if is_ours && state.applying.is_finished {
        return stale("it was applied already");
    }
    if state.is_new() && plan.lineage.is_empty() {
        return Ok(());
    }
    let is_started_by_us = plan.lineage.is_empty() && is_ours && state.applying.base_serial <= 1;
    if plan.lineage != state.lineage && !is_started_by_us {
        return stale("it was made against another state (the lineage differs)");
    }
    // What only remembers drift changes nothing that a plan is made from.
    let fits = |serial: u64, notes: u64| (serial.saturating_sub(notes)..=serial).contains(&plan.serial);
    let goes_on = is_ours && fits(state.applying.base_serial, state.applying.base_notes);
    if fits(state.serial, state.notes) || is_started_by_us || goes_on {
        return Ok(());
    }
    stale("the state changed since it was made")
}
