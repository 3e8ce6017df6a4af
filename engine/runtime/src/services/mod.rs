//! What providers are given while they run: permits, pauses, the time, secrets.

mod budget;
mod rate;
pub(crate) mod trace;

pub use budget::{Bucket, Budgets};
pub use rate::{clock_rate, is_loopback, refuse_far_endpoint};

use crate::clock::Clock;
use crate::events::SharedSink;
use crate::secrets::Secrets;
use std::sync::Arc;
use terrane_core::Value;
use terrane_core::event::Event;
use terrane_provider::call::{Permit, Revealed};
use terrane_provider::{Async, Attempt, BudgetKey, Fault, Feedback, Limits, Services};

/// A wait for a budget is told from this on.
const WORTH_TELLING_MS: u64 = 1_000;

/// The services of one run.
pub struct RunServices {
    /// The clock of this machine.
    pub clock: Arc<dyn Clock>,
    /// By how much the remote clock runs faster.
    pub clock_rate: u32,
    /// Budgets, shared with other runs of the process.
    pub budgets: Arc<Budgets>,
    /// What secrets are evaluated with.
    pub secrets: Arc<Secrets>,
    /// Where it is told that a request is held back.
    pub sink: SharedSink,
}

impl RunServices {
    /// So much of the remote side's time, in milliseconds of ours.
    #[must_use]
    pub fn ours(&self, remote_ms: u64) -> u64 {
        remote_ms.div_ceil(u64::from(self.clock_rate.max(1)))
    }
}

impl Services for RunServices {
    fn permit<'a>(&'a self, attempt: Attempt<'a>, limits: &'a Limits) -> Async<'a, Box<dyn Permit>> {
        let budget = attempt.budget;
        let tell = move |wait_ms| {
            if wait_ms >= WORTH_TELLING_MS {
                let budget = budget.to_string().into();
                self.sink.event(Event::Held { budget, why: "the budget of requests is spent".into(), wait_ms });
            }
        };
        Box::pin(async move {
            let permit = self.budgets.permit(budget, limits, self.clock_rate, tell).await;
            Box::new(trace::Traced::new(permit, attempt)) as Box<dyn Permit>
        })
    }

    fn feedback(&self, budget: &BudgetKey, feedback: Feedback) {
        self.budgets.feedback(budget, feedback, self.clock_rate);
    }

    fn pause(&self, ms: u64) -> Async<'_, ()> {
        self.clock.sleep(self.ours(ms))
    }

    fn now_ms(&self) -> u64 {
        self.clock.now_ms()
    }

    fn clock_rate(&self) -> u32 {
        self.clock_rate
    }

    fn reveal<'a>(&'a self, secret: &'a Value) -> Async<'a, Result<Box<dyn Revealed>, Fault>> {
        Box::pin(async move { Ok(Box::new(self.secrets.reveal(secret).await?) as Box<dyn Revealed>) })
    }
}
