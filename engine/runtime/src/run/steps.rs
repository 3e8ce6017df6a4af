//! The span of each step under way: from its start to its outcome, over all the polls in between.

use crate::services::trace;
use std::collections::HashMap;
use terrane_core::{InstanceAddr, Text};
use terrane_provider::{Fault, StepCall};
use tracing::{Level, Span};

/// What a step is found by.
pub type StepKey = (InstanceAddr, Text);

/// Spans of steps; empty where nobody listens.
#[derive(Default)]
pub struct Steps(HashMap<StepKey, Span>);

impl Steps {
    /// The span of a step, begun where there is none: it is started, or goes on from an earlier run.
    pub fn span(&mut self, call: &StepCall) -> (Span, Option<StepKey>) {
        if !tracing::span_enabled!(Level::INFO) {
            return (Span::none(), None);
        }
        let key = (call.addr.clone(), call.step.clone());
        if let Some(span) = self.0.get(&key) {
            return (span.clone(), Some(key));
        }
        let span = tracing::info_span!(
            "step",
            addr = %call.addr,
            step = &*call.step,
            verb = call.verb.name(),
            fault = tracing::field::Empty,
            request_id = tracing::field::Empty,
            otel.status_code = tracing::field::Empty,
        );
        self.0.insert(key.clone(), span.clone());
        (span, Some(key))
    }

    /// The step has its outcome.
    pub fn end(&mut self, key: &StepKey, fault: Option<&Fault>) {
        if let Some(span) = self.0.remove(key)
            && let Some(fault) = fault
        {
            trace::note(&span, fault);
        }
    }
}
