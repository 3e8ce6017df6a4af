//! A plan and outcomes become effects, in the order that the plan's steps allow.
//!
//! The schedule chooses nothing: it runs the plan's steps, checks their preconditions, writes an intent before
//! and an outcome after each, polls what runs, and finishes expressions from what earlier steps have seen.
//! Whoever drives it carries out the effects and brings back what came of each.

use crate::plan::Plan;
use crate::state::{Entry, State};
use std::sync::Arc;
use terrane_core::event::Event;
use terrane_core::{Diagnostic, Text, Value};
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
#[derive(Clone, Debug, PartialEq, Eq)]
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

/// A run of a plan.
pub struct Schedule<'a> {
    marker: std::marker::PhantomData<&'a ()>,
}

/// Who runs it and how wide.
#[derive(Clone, Debug)]
pub struct RunOptions {
    /// How many steps may be started and unfinished at once (waiting for the remote side does not count).
    pub parallelism: usize,
    /// Who runs it, `user@host`.
    pub by: Text,
    /// When it began, RFC 3339.
    pub at: Text,
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
        let _ = (plan, state, registry, sources, options);
        Ok(Self { marker: std::marker::PhantomData })
    }

    /// Everything that can be done now.
    pub fn next(&mut self, now_ms: u64) -> Vec<Effect> {
        let _ = now_ms;
        Vec::new()
    }

    /// Takes in what came of an effect.
    pub fn record(&mut self, ticket: Ticket, completed: Completed, now_ms: u64) {
        let _ = (ticket, completed, now_ms);
    }

    /// Starts nothing new from now on; what runs is finished.
    pub fn stop(&mut self) {}

    /// How it ended; `None` while effects are outstanding.
    #[must_use]
    pub fn end(&self) -> Option<End> {
        None
    }

    /// The state as far as it is durable.
    #[must_use]
    pub fn state(&self) -> &State {
        unreachable!()
    }

    /// Problems so far.
    #[must_use]
    pub fn problems(&self) -> &[Diagnostic] {
        &[]
    }
}
