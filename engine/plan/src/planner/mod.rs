//! Program, recorded state and answers about the world become a plan.

use crate::plan::{Mode, Plan};
use crate::question::{Answer, Progress, QuestionId};
use crate::state::State;
use terrane_core::{AddrPattern, Diagnostic};
use terrane_lang::program::{Input, Program};
use terrane_lang::Sources;
use terrane_provider::Registry;

/// What the command line asks of a plan.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// What kind of plan.
    pub mode: Mode,
    /// Only these and what they depend on; empty for everything.
    pub targets: Vec<AddrPattern>,
    /// Replace these.
    pub replace: Vec<AddrPattern>,
    /// Replacing a cluster is allowed here.
    pub allow_replace: Vec<AddrPattern>,
    /// Destroying what `prevent_destroy` protects is allowed here.
    pub allow_destroy: Vec<AddrPattern>,
    /// Do not read: what was seen last is taken as what is.
    pub skip_refresh: bool,
}

/// What planning came to.
#[derive(Debug)]
pub struct Outcome {
    /// The plan; missing where an error prevents one.
    pub plan: Option<Plan>,
    /// Errors and warnings.
    pub problems: Vec<Diagnostic>,
}

/// The planner.
pub struct Planner<'a> {
    marker: std::marker::PhantomData<&'a ()>,
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
        options: Options,
    ) -> Self {
        let _ = (program, inputs, registry, state, sources, options);
        Self { marker: std::marker::PhantomData }
    }

    /// Goes on as far as the answers allow.
    pub fn advance(&mut self) -> Progress {
        Progress::Ask(Vec::new())
    }

    /// Takes in answers, any subset in any order.
    pub fn supply(&mut self, answers: Vec<(QuestionId, Answer)>) {
        let _ = answers;
    }
}
