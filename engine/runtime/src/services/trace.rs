//! What traces know of a request: one span an attempt, from the permit to the answer.
//!
//! Fields are names, numbers and what a fault says to people; never a value of a configuration or an object.

use terrane_provider::call::Permit;
use terrane_provider::{Attempt, Fault};
use tracing::Span;

/// A permit that is a span for as long as the request is under way.
pub struct Traced {
    _permit: Box<dyn Permit>,
    span: Span,
}

impl Traced {
    /// The span of `attempt`, below the span of whoever asks.
    pub fn new(permit: Box<dyn Permit>, attempt: Attempt<'_>) -> Self {
        let Attempt { operation, budget, number } = attempt;
        let span = tracing::info_span!(
            "request",
            otel.kind = "client",
            operation,
            account = &*budget.account,
            region = &*budget.region,
            attempt = number,
            fault = tracing::field::Empty,
            request_id = tracing::field::Empty,
            otel.status_code = tracing::field::Empty,
        );
        Self { _permit: permit, span }
    }
}

impl Permit for Traced {
    fn failed(&mut self, fault: &Fault) {
        note(&self.span, fault);
    }
}

/// Writes a fault into a span that has the fields for it.
pub fn note(span: &Span, fault: &Fault) {
    if span.is_disabled() {
        return;
    }
    span.record("fault", fault.kind.name());
    if let Some(id) = &fault.request_id {
        span.record("request_id", &**id);
    }
    span.record("otel.status_code", "ERROR");
}
