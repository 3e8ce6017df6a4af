//! Budgets of requests: a token bucket for each account, region and API, slowed down by refusals.
//!
//! Who asks first goes first: each request is given a moment, and waits for it. A refusal halves the rate and holds the
//! whole budget back for as long as the remote side says; answers bring the rate back step by step.

use crate::clock::Clock;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use terrane_provider::call::Permit;
use terrane_provider::{BudgetKey, Feedback, Limits};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The rate never falls below this part of what the table allows.
const SLOWEST: u64 = 32;
/// So many answers in a row bring a halved rate back.
const RECOVERY_ANSWERS: u64 = 64;
/// Held back without a word from the remote side.
const DEFAULT_PAUSE_MS: u64 = 1_000;
/// Refusals that arrive together count once; a later one halves the rate again.
const ONE_REFUSAL_MS: u64 = 500;

/// Rate and pause of one budget, in microseconds of our time. Pure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bucket {
    /// Time between two requests at full rate.
    full_interval_us: u64,
    /// Time between two requests now.
    interval_us: u64,
    /// How far the moment of the next request may lie back: the burst.
    slack_us: u64,
    /// The moment of the next request.
    next_us: u64,
    /// Nothing is sent before.
    paused_until_us: u64,
    /// When the rate was halved last.
    halved_at_us: Option<u64>,
}

impl Bucket {
    /// A full bucket. `clock_rate` is by how much the remote clock runs faster.
    #[must_use]
    pub fn new(limits: &Limits, clock_rate: u32, now_us: u64) -> Self {
        let rate = u64::from(limits.rate_per_s.max(1)) * u64::from(clock_rate.max(1));
        let interval = (1_000_000 / rate).max(1);
        let slack = interval * u64::from(limits.burst.saturating_sub(1));
        Self {
            full_interval_us: interval,
            interval_us: interval,
            slack_us: slack,
            next_us: now_us.saturating_sub(slack),
            paused_until_us: 0,
            halved_at_us: None,
        }
    }

    /// The moment of a request that is asked for now.
    pub fn take(&mut self, now_us: u64) -> u64 {
        let at = self.next_us.max(now_us.saturating_sub(self.slack_us));
        self.next_us = at + self.interval_us;
        at.max(self.paused_until_us).max(now_us)
    }

    /// Until when everything is held back.
    #[must_use]
    pub fn paused_until_us(&self) -> u64 {
        self.paused_until_us
    }

    /// Takes in what came of a request.
    pub fn feedback(&mut self, feedback: Feedback, clock_rate: u32, now_us: u64) {
        match feedback {
            Feedback::Answered => {
                let step = (self.full_interval_us * (SLOWEST - 1) / RECOVERY_ANSWERS).max(1);
                self.interval_us = self.interval_us.saturating_sub(step).max(self.full_interval_us);
            }
            Feedback::Throttled { after_ms } => {
                let is_new = self
                    .halved_at_us
                    .is_none_or(|at| now_us >= at + ONE_REFUSAL_MS * 1_000 / u64::from(clock_rate.max(1)));
                if is_new {
                    self.interval_us = (self.interval_us * 2).min(self.full_interval_us * SLOWEST);
                    self.halved_at_us = Some(now_us);
                }
                let pause_us = after_ms.unwrap_or(DEFAULT_PAUSE_MS) * 1_000 / u64::from(clock_rate.max(1));
                self.paused_until_us = self.paused_until_us.max(now_us + pause_us);
                // The burst is spent: what follows comes at the rate.
                self.next_us = self.next_us.max(self.paused_until_us);
            }
        }
    }
}

/// One budget: its bucket, and how many requests may be under way.
struct Budget {
    bucket: Mutex<Bucket>,
    under_way: Arc<Semaphore>,
}

/// All budgets of a run.
pub struct Budgets {
    clock: Arc<dyn Clock>,
    budgets: Mutex<BTreeMap<BudgetKey, Arc<Budget>>>,
}

/// A request under way.
struct UnderWay(Option<OwnedSemaphorePermit>);

impl Permit for UnderWay {}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0 = None;
    }
}

impl Budgets {
    /// None yet.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, budgets: Mutex::default() }
    }

    fn budget(&self, key: &BudgetKey, limits: &Limits, clock_rate: u32) -> Arc<Budget> {
        let mut budgets = self.budgets.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(budget) = budgets.get(key) {
            return budget.clone();
        }
        let parallel = usize::try_from(limits.parallel.max(1)).unwrap_or(1);
        let budget = Arc::new(Budget {
            bucket: Mutex::new(Bucket::new(limits, clock_rate, self.now_us())),
            under_way: Arc::new(Semaphore::new(parallel)),
        });
        budgets.insert(key.clone(), budget.clone());
        budget
    }

    fn now_us(&self) -> u64 {
        self.clock.now_ms().saturating_mul(1_000)
    }

    /// Waits for room. `tell` hears how long a wait will be, in milliseconds.
    pub async fn permit(
        &self,
        key: &BudgetKey,
        limits: &Limits,
        clock_rate: u32,
        tell: impl Fn(u64) + Send,
    ) -> Box<dyn Permit> {
        let budget = self.budget(key, limits, clock_rate);
        // The semaphore is never closed; were it, the bucket alone would hold.
        let place = budget.under_way.clone().acquire_owned().await.ok();
        let mut at_us = with(&budget.bucket, |bucket| bucket.take(self.now_us()));
        loop {
            let now_us = self.now_us();
            if at_us <= now_us {
                return Box::new(UnderWay(place));
            }
            let wait_ms = (at_us - now_us).div_ceil(1_000);
            tell(wait_ms);
            self.clock.sleep(wait_ms).await;
            // A refusal in the meantime holds back those that wait too.
            at_us = at_us.max(with(&budget.bucket, |bucket| bucket.paused_until_us()));
        }
    }

    /// Takes in what came of a request.
    pub fn feedback(&self, key: &BudgetKey, feedback: Feedback, clock_rate: u32) {
        let budget = self.budgets.lock().unwrap_or_else(PoisonError::into_inner).get(key).cloned();
        if let Some(budget) = budget {
            with(&budget.bucket, |bucket| bucket.feedback(feedback, clock_rate, self.now_us()));
        }
    }
}

fn with<T>(bucket: &Mutex<Bucket>, work: impl FnOnce(&mut Bucket) -> T) -> T {
    work(&mut bucket.lock().unwrap_or_else(PoisonError::into_inner))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::fake::FakeClock;

    fn limits(rate: u32, burst: u32, parallel: u32) -> Limits {
        Limits {
            request_timeout_ms: 1_000,
            attempts: 3,
            backoff_ms: 100,
            backoff_cap_ms: 1_000,
            settle_ms: 0,
            rate_per_s: rate,
            burst,
            parallel,
            deadlines: Vec::new(),
        }
    }

    fn moments(bucket: &mut Bucket, now_us: u64, count: usize) -> Vec<u64> {
        (0..count).map(|_| bucket.take(now_us) / 1_000).collect()
    }

    #[test]
    fn a_burst_goes_at_once_and_the_rest_at_the_rate() {
        let mut bucket = Bucket::new(&limits(10, 3, 9), 1, 1_000_000);
        assert_eq!(moments(&mut bucket, 1_000_000, 5), [1_000, 1_000, 1_000, 1_100, 1_200]);
    }

    #[test]
    fn a_fast_clock_shortens_every_wait() {
        let mut bucket = Bucket::new(&limits(10, 1, 9), 100, 0);
        assert_eq!(moments(&mut bucket, 0, 3), [0, 1, 2]);
        bucket.feedback(Feedback::Throttled { after_ms: Some(1_000) }, 100, 0);
        assert_eq!(bucket.paused_until_us(), 10_000);
    }

    #[test]
    fn a_refusal_pauses_and_halves_and_answers_bring_the_rate_back() {
        let mut bucket = Bucket::new(&limits(10, 5, 9), 1, 0);
        let full = bucket.interval_us;
        bucket.feedback(Feedback::Throttled { after_ms: Some(2_000) }, 1, 0);
        bucket.feedback(Feedback::Throttled { after_ms: Some(2_000) }, 1, 100_000);
        assert_eq!(bucket.interval_us, 2 * full, "refusals that arrive together count once");
        assert_eq!(moments(&mut bucket, 100_000, 2), [2_100, 2_300]);
        let mut answers = 0;
        while bucket.interval_us > full {
            bucket.feedback(Feedback::Answered, 1, 3_000_000);
            answers += 1;
        }
        assert!((2..=i32::try_from(RECOVERY_ANSWERS).unwrap()).contains(&answers), "{answers}");
    }

    #[test]
    fn the_rate_never_falls_to_nothing() {
        let mut bucket = Bucket::new(&limits(10, 1, 9), 1, 0);
        for second in 0..100 {
            bucket.feedback(Feedback::Throttled { after_ms: Some(0) }, 1, second * 1_000_000);
        }
        assert_eq!(bucket.interval_us, bucket.full_interval_us * SLOWEST);
    }

    #[tokio::test]
    async fn permits_come_back_when_dropped_and_waits_are_told() {
        let clock = Arc::new(FakeClock::default());
        let budgets = Arc::new(Budgets::new(clock.clone()));
        let key = BudgetKey { account: "1".into(), region: "r".into(), api: "eks".into() };
        let told = Mutex::new(Vec::new());
        let first = budgets.permit(&key, &limits(1, 1, 1), 1, |_| {}).await;
        let limits_of_one = limits(1, 1, 1);
        let second = budgets.permit(&key, &limits_of_one, 1, |ms| told.lock().unwrap().push(ms));
        tokio::pin!(second);
        assert!(futures_util::poll!(&mut second).is_pending(), "one at a time");
        drop(first);
        second.await;
        assert_eq!(*told.lock().unwrap(), [1_000]);
        assert_eq!(clock.now_ms(), 1_000);
    }
}
