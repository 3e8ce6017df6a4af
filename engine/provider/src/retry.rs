//! The one retry layer: every request of every provider goes through [`CallContext::request`].

use crate::{Attempt, BudgetKey, CallContext, Fault, FaultKind, Feedback, Limits};

impl CallContext<'_> {
    /// Sends a request until it is answered: takes a permit each time, waits between attempts as the remote side says
    /// or twice as long as before, and gives up after `limits.attempts`. `operation` is `api:Operation`; `send` builds
    /// one attempt, which must be harmless to repeat (a read, or a write with an idempotency token).
    ///
    /// # Errors
    /// The last fault. Faults that are not transient end it at once.
    pub async fn request<T, F>(
        &self,
        operation: &str,
        budget: &BudgetKey,
        limits: &Limits,
        mut send: impl FnMut() -> F,
    ) -> Result<T, Fault>
    where
        F: Future<Output = Result<T, Fault>> + Send,
        T: Send,
    {
        let mut pause_ms = limits.backoff_ms;
        let mut number = 1;
        loop {
            let mut permit = self.services.permit(Attempt { operation, budget, number }, limits).await;
            let answer = send().await;
            if let Err(fault) = &answer {
                permit.failed(fault);
            }
            drop(permit);
            let fault = match answer {
                Ok(value) => {
                    self.services.feedback(budget, Feedback::Answered);
                    return Ok(value);
                }
                Err(fault) => fault,
            };
            let after_ms = match fault.kind {
                FaultKind::Throttled { after_ms } => {
                    self.services.feedback(budget, Feedback::Throttled { after_ms });
                    after_ms
                }
                _ => None,
            };
            if !fault.is_transient() || number >= limits.attempts {
                return Err(fault);
            }
            // Spread by the budget and the attempt, not by chance: two accounts never beat in time, and a run repeats.
            let spread = (u64::from(number) * 37 + budget.account.bytes().map(u64::from).sum::<u64>()) % 50;
            self.services.pause(after_ms.unwrap_or(pause_ms + pause_ms * spread / 100)).await;
            pause_ms = (pause_ms * 2).min(limits.backoff_cap_ms);
            number += 1;
        }
    }
}
