//! Planning and applying: the loops that bring the questions and effects of the state machines to the world.

mod drive;
mod steps;

pub use drive::{Machine, Signal, drive};

use crate::answer::Answerer;
use crate::clock::rfc3339;
use crate::diag;
use crate::events::{EventSink, SharedSink};
use crate::session::{Applied, ApplyRequest, Session};
use crate::store::local::random_lineage;
use crate::workspace::{Configuration, PlanRequest, Workspace};
use crate::world::LiveWorld;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use terrane_core::event::Event;
use terrane_core::{Diagnostic, InstanceAddr, Place, Text};
use terrane_lang::Sources;
use terrane_plan::plan::Plan;
use terrane_plan::planner::{Outcome, Planner};
use terrane_plan::question::Progress;
use terrane_plan::schedule::{End, RunOptions, Schedule};
use terrane_plan::state::State;
use tokio::sync::mpsc;

/// Steps under way at once, where the command line says nothing: as Terraform's.
const DEFAULT_PARALLELISM: usize = 10;
/// A planner asks in waves, one for each link of the longest chain of references; no fleet is deeper.
const MOST_WAVES: usize = 10_000;
/// What planning is told under.
const PHASE: &str = "Planning";

/// Plans: see [`Workspace::plan`].
pub(crate) async fn plan(
    workspace: &Workspace,
    configuration: &Configuration,
    state: &State,
    request: PlanRequest,
    sink: &SharedSink,
) -> Outcome {
    let Some(program) = &configuration.program else {
        return Outcome { plan: None, problems: configuration.problems.clone(), to_generate: Vec::new(), look: None };
    };
    let remote = workspace.remote(&configuration.variables, request.secrets, BTreeMap::new(), sink);
    let answerer = Answerer::new(remote, sink.clone(), request.parallelism);
    let sources = workspace.base.fresh_sources().keyed(workspace.base.key.clone());
    let seen: &dyn Sources = &sources;
    let mut planner = Planner::new(program, &configuration.inputs, workspace.registry(), state, seen, request.options);
    let mut outcome = None;
    for wave in 0..MOST_WAVES {
        sink.event(Event::Phase { name: PHASE, done: wave, total: 0 });
        match planner.advance() {
            Progress::Done(done) => {
                outcome = Some(*done);
                break;
            }
            Progress::Ask(questions) if questions.is_empty() => break,
            Progress::Ask(questions) => planner.supply(answerer.answer_all(questions).await),
        }
    }
    let stuck = || Outcome {
        plan: None,
        problems: vec![diag::PLANNER_WAITS.at(Place::Run)],
        to_generate: Vec::new(),
        look: None,
    };
    let mut outcome = outcome.unwrap_or_else(stuck);
    if let Some(plan) = &mut outcome.plan {
        plan.fingerprint.sources = sources.digests();
    }
    if let Some(why) = workspace.base.key.failure() {
        // Which secrets cannot be compared follows from it.
        outcome.problems.retain(|problem| problem.kind.id != terrane_plan::diag::SECRET_NOT_COMPARABLE.id);
        outcome.problems.push(diag::DIGEST_KEY_UNUSABLE.at(Place::Run).detail(why));
    }
    outcome
}

/// The plan with its id. A plan that nobody keeps or applies needs none, and it costs as much as writing the plan.
fn sealed(plan: Arc<Plan>) -> Arc<Plan> {
    if !plan.id.is_empty() {
        return plan;
    }
    let mut plan = Arc::unwrap_or_clone(plan);
    plan.seal();
    Arc::new(plan)
}

/// Applies: see [`Session::apply`].
pub(crate) async fn apply(
    session: &mut Session<'_>,
    plan: Arc<Plan>,
    request: ApplyRequest,
    sink: &SharedSink,
    signals: mpsc::Receiver<Signal>,
) -> Result<Applied, Box<Diagnostic>> {
    let workspace = session.workspace;
    let parallelism = if request.parallelism == 0 { DEFAULT_PARALLELISM } else { request.parallelism };
    let options = RunOptions {
        parallelism,
        by: workspace.base.environment.owner().clone(),
        at: rfc3339(workspace.base.clock.now_ms()),
        new_lineage: random_lineage().map_err(|error| workspace.explain(error))?,
        clock_rate: workspace.base.clock_rate,
        variables: request.variables.clone(),
    };
    let sources = workspace.base.fresh_sources();
    let remote = workspace.remote(&request.variables, request.secrets, deadlines(workspace, &plan), sink);
    let mut schedule = Schedule::new(sealed(plan), session.state.clone(), workspace.registry(), &sources, options)?;
    let world = Arc::new(LiveWorld::new(remote, workspace.store.clone(), session.grant.clone()));
    let told = Arc::new(Told { sink: sink.clone(), problems: Mutex::default() });
    let noting: SharedSink = told.clone();
    let end = drive(&mut schedule, &world, &noting, signals).await;
    session.state = schedule.state().clone();
    let mut problems = schedule.problems().to_vec();
    if let Some(error) = world.failure() {
        // The schedule knows only that it could not write; the store knows why.
        problems.retain(|problem| problem.kind.id != terrane_plan::diag::STATE_NOT_WRITTEN.id);
        problems.push(*workspace.explain(error));
    }
    if end.is_none() {
        problems.push(diag::SCHEDULE_WAITS.at(Place::Run));
    }
    for problem in &problems {
        told.tell_once(problem);
    }
    Ok(Applied { end: end.unwrap_or(End::Partial), problems })
}

/// A sink that remembers which problems went through it.
struct Told {
    sink: SharedSink,
    problems: Mutex<Vec<Diagnostic>>,
}

impl EventSink for Told {
    fn event(&self, event: Event) {
        if let Event::Problem(problem) = &event {
            self.problems.lock().unwrap_or_else(PoisonError::into_inner).push((**problem).clone());
        }
        self.sink.event(event);
    }
}

impl Told {
    fn tell_once(&self, problem: &Diagnostic) {
        let is_told = self.problems.lock().unwrap_or_else(PoisonError::into_inner).contains(problem);
        if !is_told {
            self.sink.event(Event::Problem(Box::new(problem.clone())));
        }
    }
}

/// Deadlines of the steps of a plan, in seconds. Types without a remote side need none.
fn deadlines(workspace: &Workspace, plan: &Plan) -> BTreeMap<(InstanceAddr, Text), u64> {
    let mut deadlines = BTreeMap::new();
    for step in &plan.steps {
        let change = step.change.and_then(|number| plan.changes.get(usize::try_from(number).ok()?));
        let Some(change) = change else { continue };
        let kind = workspace.registry().resource(&change.addr.resource.type_name);
        if kind.is_some_and(|kind| !kind.is_record_only()) {
            deadlines.insert((change.addr.clone(), step.spec.name.clone()), step.deadline_s);
        }
    }
    deadlines
}

#[cfg(test)]
mod tests;
