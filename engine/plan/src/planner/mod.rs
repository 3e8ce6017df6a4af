//! Program, recorded state and answers about the world become a plan.
//!
//! [`Planner::advance`] goes as far as it can and says what it has to know; [`Planner::supply`] takes in any of
//! the answers in any order; the plan does not depend on that order. First it is found out what became of open
//! intents, then recorded objects are read, then the program is walked, and at the end orphans, drift,
//! outputs and the order of steps are put together.

mod ask;
mod assemble;
mod blocks;
pub mod changed;
mod conditions;
mod decide;
mod diff;
mod drift;
mod excludes;
pub use blocks::provider_blocks;
pub(crate) use diff::differences;
pub use selection::{Changed, Selection};
pub(crate) mod frame;
pub mod imports;
mod judge;
pub(crate) mod keys;
pub mod leaves;
mod moves;
mod order;
pub mod recover;
mod scope;
mod selection;
mod settle;
mod stages;
pub(crate) mod targets;
mod walk;

use crate::diag;
use crate::drift::{LeafPattern, Look};
use crate::plan::{Mode, Plan, Recovered};
use crate::question::{Answer, Progress, QuestionId};
use crate::state::State;
use terrane_core::{Diagnostic, Place, Selector};
use terrane_lang::Sources;
use terrane_lang::program::{Input, Program};
use terrane_provider::Registry;
use walk::Walk;

/// What a plan is about.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Task {
    /// The configuration.
    #[default]
    Configuration,
    /// A look at what is recorded, which becomes [`Outcome::look`]. Nothing of the configuration is evaluated, and what
    /// cannot be read is a finding and no error.
    Look,
    /// The records become as the objects are, in these leaves.
    Accept(Vec<LeafPattern>),
    /// The objects become as they are recorded, in these leaves.
    Revert(Vec<LeafPattern>),
}

/// What the command line asks of a plan.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// What it is about.
    pub task: Task,
    /// What kind of plan.
    pub mode: Mode,
    /// Which part it is about.
    pub selection: Selection,
    /// Replace these.
    pub replace: Vec<Selector>,
    /// Replacing a cluster is allowed here.
    pub allow_replace: Vec<Selector>,
    /// Destroying what `prevent_destroy` protects is allowed here.
    pub allow_destroy: Vec<Selector>,
    /// Do not read: what was seen last is taken as what is.
    pub skip_refresh: bool,
    /// Imports may have no block: what is there is given back, so that one can be generated.
    pub generate_config: bool,
}

/// What planning came to.
#[derive(Debug)]
pub struct Outcome {
    /// The plan; missing where an error prevents one.
    pub plan: Option<Plan>,
    /// Errors and warnings, sorted by place.
    pub problems: Vec<Diagnostic>,
    /// Imported objects that have no block yet, where [`Options::generate_config`] is set.
    pub to_generate: Vec<imports::ToGenerate>,
    /// What a look came to, where one was asked for.
    pub look: Option<Look>,
}

/// How far a planner is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// Nothing was asked yet.
    New,
    /// Open intents are being resolved.
    Resolving,
    /// The program is being walked.
    Walking,
}

/// The planner.
pub struct Planner<'a> {
    walk: Walk<'a>,
    stage: Stage,
    recovered: Vec<Recovered>,
}

impl<'a> Planner<'a> {
    /// A planner over these inputs.
    #[must_use]
    pub fn new(
        program: &'a Program,
        inputs: &'a [Input],
        registry: &'a Registry,
        state: &'a State,
        sources: &'a dyn Sources,
        mut options: Options,
    ) -> Self {
        if let Task::Accept(leaves) | Task::Revert(leaves) = &options.task {
            options.selection = Selection::Only(leaves.iter().map(|leaf| leaf.pattern.clone().into()).collect());
        }
        let walk = Walk::new(program, inputs, registry, state, sources, options);
        Self { walk, stage: Stage::New, recovered: Vec::new() }
    }

    /// Goes on as far as the answers allow.
    pub fn advance(&mut self) -> Progress {
        if self.stage == Stage::New {
            recover::ask(&mut self.walk);
            self.stage = Stage::Resolving;
        }
        if self.stage == Stage::Resolving {
            if !self.walk.asker.is_settled() {
                return Progress::Ask(self.walk.asker.take());
            }
            self.recovered = recover::take_in(&mut self.walk);
            // What is done about drift is done where it is recorded.
            if self.walk.options.task == Task::Configuration {
                moves::apply(&mut self.walk);
            }
            targets::select(&mut self.walk);
            self.ask_reads();
            self.stage = Stage::Walking;
            if !self.walk.asker.is_settled() {
                return Progress::Ask(self.walk.asker.take());
            }
        }
        let mut is_done = self.walk.run();
        while excludes::need(&mut self.walk)
            || (is_done && self.walk.asker.is_settled() && targets::widen(&mut self.walk))
        {
            is_done = self.walk.run();
        }
        let questions = self.walk.asker.take();
        if !questions.is_empty() || !self.walk.asker.is_settled() {
            return Progress::Ask(questions);
        }
        // Accepting and reverting use what is recorded of a provider that waits for an object.
        let is_stuck = !is_done && self.walk.options.task == Task::Configuration;
        if is_stuck && !self.walk.problems.iter().any(Diagnostic::is_error) {
            self.walk.problems.push(diag::PLANNER_STUCK.at(Place::Run));
        }
        // Kept: reverting may ask for facts, and comes again.
        let recovered = self.recovered.clone();
        let (mut plan, mut look) = (None, None);
        match self.walk.options.task {
            Task::Configuration => plan = assemble::plan(&mut self.walk, recovered),
            Task::Accept(_) | Task::Revert(_) => plan = settle::plan(&mut self.walk, recovered),
            Task::Look => look = Some(drift::look(&mut self.walk)),
        }
        let questions = self.walk.asker.take();
        if !questions.is_empty() {
            return Progress::Ask(questions);
        }
        let mut problems = std::mem::take(&mut self.walk.problems);
        terrane_core::diagnostic::tidy(&mut problems);
        let has_error = problems.iter().any(Diagnostic::is_error);
        let to_generate = std::mem::take(&mut self.walk.imports.to_generate);
        Progress::Done(Box::new(Outcome { plan: plan.filter(|_| !has_error), problems, to_generate, look }))
    }

    /// Takes in answers, any subset in any order.
    pub fn supply(&mut self, answers: Vec<(QuestionId, Answer)>) {
        self.walk.asker.supply(answers);
    }

    /// Asks about every recorded object that takes part.
    fn ask_reads(&mut self) {
        if self.walk.options.skip_refresh {
            return;
        }
        let records: Vec<_> = self.walk.state.objects.values().cloned().collect();
        for record in records {
            if self.walk.moves.forgotten.contains(&(record.addr.clone(), record.deposed.clone())) {
                continue;
            }
            let is_remote =
                self.walk.registry.resource(&record.id.type_name).is_some_and(|kind| !kind.is_record_only());
            if is_remote && targets::takes_part(&self.walk, &record.addr) {
                let configuration = self.walk.configuration(&record.access.provider);
                let key = (record.addr.clone(), record.deposed.clone());
                self.walk.asker.ask(ask::About::Record(key), || judge::read_question(&record, configuration));
            }
        }
    }
}
