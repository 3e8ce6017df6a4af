//! Drives planner and schedule against the cloud in memory, and can stop at any effect.

use super::cloud::Cloud;
use super::provider::{SETTLE_MS, SharedCloud, SimProvider, locked};
use super::shelf::Shelf;
use crate::memory::MemorySources;
use std::future::Future;
use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use terrane_core::event::Event;
use terrane_core::{Diagnostic, InstanceAddr, SourceMap, Value};
use terrane_lang::check::{Loaded, load};
use terrane_lang::inputs::{Flag, inputs};
use terrane_lang::program::{Input, Program};
use terrane_plan::planner::Outcome as Planned;
use terrane_plan::planner::recover::{Belief, believe, believe_reading};
use terrane_plan::schedule::{End, RunOptions};
use terrane_plan::schemas::RegistrySchemas;
use terrane_plan::{
    Answer, Completed, Effect, Entry, Options, Plan, Planner, Progress, Question, Schedule, State, Ticket,
};
use terrane_provider::call::{Permit, Revealed};
use terrane_provider::{
    Access, Async, Attempt, BudgetKey, CallContext, Fault, Feedback, Intent, Limits, Reader, Reading, Registry,
    Services, Target,
};

/// The secret that no artefact may hold.
pub const SECRET: &str = "hunter2-of-the-simulator";

/// How long somebody reads a plan: longer than anything takes.
const READING_MS: u64 = 10_000_000;

/// The run stopped here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Crash;

/// Where a run stops: at the n-th point, counted from 1; every effect has one before and one after it, writes
/// one in the middle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CrashAt(pub u64);

/// A fault put into the engine's surroundings, to show that the invariants notice.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mutant {
    /// None.
    #[default]
    None,
    /// Intents are never written.
    NoIntent,
    /// Outcomes are said to be durable before they are.
    OutcomeNotSynced,
    /// Recovery believes at once that nothing was done.
    NoSettle,
}

struct SimServices;

struct SimPermit;
impl Permit for SimPermit {}

struct SimSecret;
impl Revealed for SimSecret {
    fn expose(&self) -> &str {
        SECRET
    }
}

impl Services for SimServices {
    fn permit<'a>(&'a self, _attempt: Attempt<'a>, _limits: &'a Limits) -> Async<'a, Box<dyn Permit>> {
        Box::pin(async { Box::new(SimPermit) as Box<dyn Permit> })
    }
    fn feedback(&self, _budget: &BudgetKey, _feedback: Feedback) {}
    fn pause(&self, _ms: u64) -> Async<'_, ()> {
        Box::pin(async {})
    }
    fn now_ms(&self) -> u64 {
        0
    }
    fn clock_rate(&self) -> u32 {
        1
    }
    fn reveal<'a>(&'a self, _secret: &'a Value) -> Async<'a, Result<Box<dyn Revealed>, Fault>> {
        Box::pin(async { Ok(Box::new(SimSecret) as Box<dyn Revealed>) })
    }
}

/// The result of a future that never waits.
fn at_once<T>(future: impl Future<Output = T>) -> T {
    let mut future = pin!(future);
    match future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => unreachable!("the simulated provider never waits"),
    }
}

/// Reads until the answer can be believed.
fn read(reader: &dyn Reader, target: &Target, cx: &CallContext<'_>, cloud: &SharedCloud) -> Reading {
    loop {
        let reading = at_once(reader.get(target, cx));
        let now_ms = locked(cloud).now_ms;
        match believe_reading(&reading, target, SETTLE_MS, now_ms) {
            Belief::Believe => return reading,
            Belief::AskAgain(at_ms) => locked(cloud).advance(at_ms),
        }
    }
}

/// A small generator of numbers: the same seed, the same numbers.
#[derive(Clone, Debug)]
pub struct Dice(pub u64);

impl Dice {
    /// A number below `bound`.
    pub fn roll(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound.max(1)
    }
}

/// A world: cloud, durable log, clock.
#[derive(Clone)]
pub struct Simulation {
    /// The cloud.
    pub cloud: Cloud,
    /// What is durable.
    pub log: Vec<Entry>,
    /// Points passed in this run.
    pub points: u64,
    /// Where to stop.
    pub crash_at: Option<CrashAt>,
    /// A fault of the surroundings.
    pub mutant: Mutant,
    /// The plan of the run that stopped, as a plan file would keep it.
    pub saved: Option<Arc<Plan>>,
    /// What was told to be done in this run.
    pub told: Vec<(InstanceAddr, terrane_core::change::Action)>,
    /// Variables on the command line.
    pub flags: Vec<Flag>,
    /// The texts that the last plan was made from.
    pub map: SourceMap,
    dice: Dice,
    unsynced: Vec<Entry>,
    /// Where the log is kept; in `log` where it is nowhere else, and then `log` tells what was sent.
    shelf: Option<Shelf>,
}

impl Simulation {
    /// An empty world.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        let cloud = Cloud { now_ms: 1_000_000, lag_ms: SETTLE_MS / 2, ..Cloud::default() };
        Self {
            cloud,
            log: Vec::new(),
            points: 0,
            crash_at: None,
            mutant: Mutant::None,
            saved: None,
            told: Vec::new(),
            flags: Vec::new(),
            map: SourceMap::default(),
            dice: Dice(seed),
            unsynced: Vec::new(),
            shelf: None,
        }
    }

    /// An empty world whose state is in a place of objects, behind a line that loses, delays and repeats requests.
    #[must_use]
    pub fn on_objects(seed: u64) -> Self {
        Self { shelf: Some(Shelf::new(seed)), ..Self::new(seed) }
    }

    /// What the log says.
    #[must_use]
    pub fn state(&self) -> State {
        if let Some(shelf) = &self.shelf {
            return shelf.state();
        }
        let mut state = State::default();
        for entry in &self.log {
            state.apply(entry.clone());
        }
        state
    }

    fn point(&mut self) -> Result<(), Crash> {
        self.points += 1;
        if self.crash_at.is_some_and(|at| at.0 == self.points) { Err(Crash) } else { Ok(()) }
    }

    /// Takes the cloud out, runs something with a shared one, and puts it back.
    fn shared<T>(&mut self, run: impl FnOnce(&mut Self, &SharedCloud, &Registry) -> T) -> T {
        let shared = Arc::new(Mutex::new(std::mem::take(&mut self.cloud)));
        let registry = Registry::new(vec![Arc::new(SimProvider(shared.clone())), terrane_builtin::provider()]);
        let result = run(self, &shared, &registry);
        self.cloud = locked(&shared).clone();
        result
    }

    /// Plans.
    ///
    /// # Errors
    /// The problems that prevent a plan.
    pub fn plan(&mut self, sources: &MemorySources, options: &Options) -> Result<Plan, Vec<Diagnostic>> {
        let outcome = self.outcome(sources, options);
        outcome.plan.ok_or(outcome.problems)
    }

    /// The program that a configuration means, where it means one.
    pub fn program(&mut self, sources: &MemorySources) -> Option<Program> {
        self.shared(|_, _, registry| load(sources, ".", &RegistrySchemas(registry)).program)
    }

    /// Plans, with all that comes of it: warnings of what was read too.
    pub fn outcome(&mut self, sources: &MemorySources, options: &Options) -> Planned {
        let nothing = |problems| Planned { plan: None, problems, to_generate: Vec::new(), look: None };
        self.shared(|sim, cloud, registry| {
            let Loaded { program, sources: map, mut problems, .. } = load(sources, ".", &RegistrySchemas(registry));
            sim.map = map;
            let Some(program) = program else { return nothing(problems) };
            let given = inputs(&program, ".", sources, &sim.flags, &mut sim.map);
            problems.extend(given.problems);
            if problems.iter().any(Diagnostic::is_error) {
                return nothing(problems);
            }
            let state = sim.state();
            let inputs = &given.inputs;
            let mut planned = sim.planned((&program, inputs), sources, registry, (cloud, &state), options);
            problems.append(&mut planned.problems);
            Planned { problems, ..planned }
        })
    }

    fn planned(
        &mut self,
        (program, inputs): (&Program, &[Input]),
        sources: &MemorySources,
        registry: &Registry,
        (cloud, state): (&SharedCloud, &State),
        options: &Options,
    ) -> Planned {
        let mut planner = Planner::new(program, inputs, registry, state, sources, options.clone());
        for _ in 0..100 {
            match planner.advance() {
                Progress::Done(mut outcome) => {
                    outcome.plan.iter_mut().for_each(Plan::seal);
                    return *outcome;
                }
                Progress::Ask(questions) => {
                    let mut answers = Vec::new();
                    for asked in questions {
                        answers.push((asked.id, self.answer(asked.question, registry, cloud)));
                    }
                    if self.dice.roll(2) == 1 {
                        answers.reverse();
                    }
                    planner.supply(answers);
                }
            }
        }
        Planned { plan: None, problems: Vec::new(), to_generate: Vec::new(), look: None }
    }

    fn answer(&mut self, question: Question, registry: &Registry, cloud: &SharedCloud) -> Answer {
        let reader = |name: &str| registry.resource(name).map(|kind| kind.reader());
        match question {
            Question::Read { target, configuration, .. } => {
                let cx = context(&target.access, &configuration);
                match reader(&target.id.type_name) {
                    Some(reader) => Answer::Read(read(&*reader, &target, &cx, cloud)),
                    None => Answer::Read(Reading::Absent),
                }
            }
            Question::Resolve { intent, configuration } => {
                Answer::Resolve(self.resolve(&intent, &configuration, registry, cloud))
            }
            Question::Digest { .. } => Answer::Digest(Some("digest".into())),
            Question::Data { addr, access, configuration, written } => {
                let source = registry.data(&addr.resource.type_name);
                let cx = context(&access, &configuration);
                Answer::Data(source.map_or_else(
                    || Err(Fault::bug("sim", "no such data source")),
                    |source| at_once(source.read(&written, &cx)),
                ))
            }
            Question::Fact { .. } => Answer::Fact(Err(Fault::bug("sim", "no facts"))),
        }
    }

    fn resolve(
        &mut self,
        intent: &Intent,
        configuration: &Value,
        registry: &Registry,
        cloud: &SharedCloud,
    ) -> terrane_provider::Resolution {
        let settle_ms = if self.mutant == Mutant::NoSettle { 0 } else { SETTLE_MS };
        let cx = context(&intent.access, configuration);
        // The call can have been made up to the moment of the stop, long after its intent was written.
        let asked_ms = locked(cloud).now_ms.max(intent.at_ms);
        loop {
            let Some(kind) = registry.resource(&intent.object.type_name) else {
                return terrane_provider::Resolution::Unclear("no such type".into());
            };
            let resolution = at_once(kind.reader().resolve(intent, &cx));
            let now_ms = locked(cloud).now_ms;
            match believe(&resolution, asked_ms, settle_ms, now_ms) {
                Belief::Believe => return resolution,
                Belief::AskAgain(at_ms) => locked(cloud).advance(at_ms),
            }
        }
    }

    /// Plans and applies, or goes on with the saved plan of a run that stopped.
    ///
    /// # Errors
    /// Where the run was told to stop.
    pub fn apply(&mut self, sources: &MemorySources, options: &Options, goes_on: bool) -> Result<Outcome, Crash> {
        self.points = 0;
        self.told.clear();
        self.shared(|sim, cloud, registry| {
            let program = match program(sources, registry) {
                Ok(program) => program,
                Err(problems) => return Ok(Outcome { end: None, problems }),
            };
            let state = match &mut sim.shelf {
                Some(shelf) => shelf.begin(),
                None => sim.state(),
            };
            let saved = sim.saved.clone().filter(|plan| goes_on && is_fresh(plan, &state, registry, sources));
            let plan = match saved {
                Some(plan) => plan,
                None => {
                    let given = inputs(&program, ".", sources, &sim.flags, &mut SourceMap::default()).inputs;
                    let planned = sim.planned((&program, &given), sources, registry, (cloud, &state), options);
                    match planned.plan {
                        Some(plan) => Arc::new(plan),
                        None => return Ok(Outcome { end: None, problems: planned.problems }),
                    }
                }
            };
            let findings = terrane_plan::audit::findings(&plan);
            assert!(findings.is_empty(), "the audit of a plan found {findings:?}");
            sim.saved = Some(plan.clone());
            // Somebody reads the plan; what was under way may come to its end meanwhile.
            if sim.dice.roll(2) == 0 {
                let now_ms = locked(cloud).now_ms;
                locked(cloud).advance(now_ms + READING_MS);
            }
            sim.run(plan, state, (registry, sources), cloud)
        })
        .inspect(|_| {
            if let Some(shelf) = &mut self.shelf {
                shelf.end();
            }
        })
    }

    fn run(
        &mut self,
        plan: Arc<Plan>,
        state: State,
        (registry, sources): (&Registry, &MemorySources),
        cloud: &SharedCloud,
    ) -> Result<Outcome, Crash> {
        let mut schedule = match Schedule::new(plan, state, registry, sources, run_options()) {
            Ok(schedule) => schedule,
            Err(problem) => return Ok(Outcome { end: None, problems: vec![*problem] }),
        };
        let mut waiting: Vec<Effect> = Vec::new();
        loop {
            let now_ms = locked(cloud).now_ms;
            waiting.extend(schedule.next(now_ms));
            if waiting.is_empty() {
                return Ok(Outcome { end: schedule.end(), problems: schedule.problems().to_vec() });
            }
            let effect = self.pick(&mut waiting, cloud);
            self.point()?;
            if let Some((ticket, completed)) = self.carry_out(effect, registry, cloud)? {
                let now_ms = locked(cloud).now_ms;
                self.point()?;
                schedule.record(ticket, completed, now_ms);
            }
        }
    }

    /// Any effect that can be carried out now; writes keep their order. Time passes only when nothing else is left.
    fn pick(&mut self, waiting: &mut Vec<Effect>, cloud: &SharedCloud) -> Effect {
        let now_ms = locked(cloud).now_ms;
        let is_due = |effect: &Effect| !matches!(effect, Effect::Poll { not_before_ms, .. } if *not_before_ms > now_ms);
        let first_write = waiting.iter().position(|effect| matches!(effect, Effect::Write { .. }));
        let mut candidates: Vec<usize> = (0..waiting.len())
            .filter(|at| {
                let effect = &waiting[*at];
                is_due(effect) && (!matches!(effect, Effect::Write { .. }) || Some(*at) == first_write)
            })
            .collect();
        if candidates.is_empty() {
            let soonest = waiting.iter().filter_map(|effect| match effect {
                Effect::Poll { not_before_ms, .. } => Some(*not_before_ms),
                _ => None,
            });
            locked(cloud).advance(soonest.min().unwrap_or(now_ms));
            candidates = vec![0];
            let now_ms = locked(cloud).now_ms;
            if let Some(at) =
                waiting.iter().position(|e| matches!(e, Effect::Poll { not_before_ms, .. } if *not_before_ms <= now_ms))
            {
                candidates = vec![at];
            }
        }
        let chosen = usize::try_from(self.dice.roll(candidates.len() as u64)).unwrap_or(0);
        waiting.remove(candidates[chosen])
    }

    fn carry_out(
        &mut self,
        effect: Effect,
        registry: &Registry,
        cloud: &SharedCloud,
    ) -> Result<Option<(Ticket, Completed)>, Crash> {
        let actor = |name: &str| registry.resource(name).map(|kind| kind.actor());
        Ok(match effect {
            Effect::Write { ticket, entries } => {
                self.persist(entries)?;
                Some((ticket, Completed::Written(Ok(()))))
            }
            Effect::Check { ticket, target, configuration } => {
                let cx = context(&target.access, &configuration);
                registry
                    .resource(&target.id.type_name)
                    .map(|kind| (ticket, Completed::Checked(read(&*kind.reader(), &target, &cx, cloud))))
            }
            Effect::Resolve { ticket, intent, configuration } => {
                let resolution = self.resolve(&intent, &configuration, registry, cloud);
                Some((ticket, Completed::Resolved(resolution)))
            }
            Effect::Start { ticket, call, configuration } => {
                let cx = context(&call.access, &configuration);
                actor(&call.id.type_name).map(|actor| (ticket, Completed::Progressed(at_once(actor.start(&call, &cx)))))
            }
            Effect::Poll { ticket, call, handle, configuration, .. } => {
                let cx = context(&call.access, &configuration);
                actor(&call.id.type_name)
                    .map(|actor| (ticket, Completed::Progressed(at_once(actor.poll(&handle, &call, &cx)))))
            }
            Effect::Tell(event) => {
                if let Event::ChangeDone { addr, action, .. } = *event {
                    self.told.push((addr, action));
                }
                None
            }
        })
    }

    /// Makes entries durable, one after the other; a stop in the middle keeps a prefix.
    fn persist(&mut self, entries: Vec<Entry>) -> Result<(), Crash> {
        if self.shelf.is_some() {
            return self.persist_on_objects(entries);
        }
        let middle = entries.len() / 2;
        for (at, entry) in entries.into_iter().enumerate() {
            if at == middle {
                self.point()?;
            }
            match (self.mutant, &entry) {
                (Mutant::NoIntent, Entry::Intent { .. }) => {}
                (Mutant::OutcomeNotSynced, Entry::Outcome { .. }) => self.unsynced.push(entry),
                _ => {
                    self.log.append(&mut self.unsynced);
                    self.log.push(entry);
                }
            }
        }
        Ok(())
    }

    /// As [`Simulation::persist`]; there entries that go out together are durable together. A stop in the middle is
    /// one with the request on its way.
    fn persist_on_objects(&mut self, entries: Vec<Entry>) -> Result<(), Crash> {
        let stopped = self.point();
        let (mut through, mut held) = (Vec::new(), Vec::new());
        for entry in entries {
            match (self.mutant, &entry) {
                (Mutant::NoIntent, Entry::Intent { .. }) => {}
                (Mutant::OutcomeNotSynced, Entry::Outcome { .. }) => held.push(entry),
                _ => through.push(entry),
            }
        }
        if !through.is_empty() {
            through.splice(..0, std::mem::take(&mut self.unsynced));
        }
        self.unsynced.extend(held);
        self.log.extend(through.iter().cloned());
        let appended = self.shelf.as_mut().map_or(Ok(()), |shelf| shelf.append(&through, stopped.is_err()));
        // A run that cannot write stops, as if it were killed.
        stopped.and(appended.map_err(|_| Crash))
    }

    /// Forgets what was not durable, as a stop does.
    pub fn lose_memory(&mut self) {
        if let Some(shelf) = &mut self.shelf {
            shelf.stop();
        }
        self.unsynced.clear();
        self.crash_at = None;
    }

    /// Why a saved plan would not be applied now: the id of the problem.
    pub fn refusal(&mut self, plan: Plan, sources: &MemorySources) -> Option<&'static str> {
        let state = self.state();
        self.shared(|_, _, registry| {
            let schedule = Schedule::new(Arc::new(plan), state, registry, sources, run_options());
            schedule.err().map(|problem| problem.kind.id)
        })
    }

    /// The log in short, for messages.
    #[must_use]
    pub fn history(&self) -> String {
        let line = |entry: &Entry| match entry {
            Entry::Intent { intent, .. } => format!("intent {} {} {}", intent.id, intent.addr, intent.step.name),
            Entry::Outcome { intent, result, record } => {
                format!("outcome {intent} {result:?} {:?}", record.as_ref().map(|r| r.partial.clone()))
            }
            Entry::Running { intent, .. } => format!("running {intent}"),
            Entry::Begin { plan, .. } => format!("begin {}", plan.get(..16).unwrap_or_default()),
            Entry::Forget { addr, .. } => format!("forget {addr}"),
            Entry::Record { record, .. } => format!("record {}", record.addr),
            _ => "other".into(),
        };
        self.log.iter().map(|entry| format!("  {}\n", line(entry))).collect()
    }

    /// Everything that is written anywhere, for a search for secrets.
    #[must_use]
    pub fn artefacts(&self) -> String {
        let mut text = serde_json::to_string(&self.log).unwrap_or_default();
        text.extend(self.shelf.iter().map(Shelf::artefacts));
        if let Some(plan) = &self.saved {
            text.push_str(&serde_json::to_string(&**plan).unwrap_or_default());
        }
        text
    }
}

/// How a run ended.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The end; `None` where there was no run.
    pub end: Option<End>,
    /// Problems.
    pub problems: Vec<Diagnostic>,
}

fn run_options() -> RunOptions {
    RunOptions {
        parallelism: 4,
        by: "sim@sim".into(),
        at: "2026-01-01T00:00:00Z".into(),
        new_lineage: "lineage-of-the-simulator".into(),
        clock_rate: 1,
        variables: std::collections::BTreeMap::new(),
    }
}

fn is_fresh(plan: &Arc<Plan>, state: &State, registry: &Registry, sources: &MemorySources) -> bool {
    Schedule::new(plan.clone(), state.clone(), registry, sources, run_options()).is_ok()
}

fn context<'c>(access: &'c Access, configuration: &'c Value) -> CallContext<'c> {
    CallContext { access, configuration, account: "acct", services: &SimServices }
}

fn program(sources: &MemorySources, registry: &Registry) -> Result<Program, Vec<Diagnostic>> {
    let loaded = load(sources, ".", &RegistrySchemas(registry));
    loaded.program.ok_or(loaded.problems)
}
