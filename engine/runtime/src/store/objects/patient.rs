//! The one layer that gives requests a deadline and asks again.
//!
//! A request without an answer may have taken effect, and may yet: whoever asks through this layer has to be right in
//! both cases. The protocol is, because it makes objects only where there are none and looks at who made them.

use super::{Created, Listed, Object, Objects, ObjectsError};
use crate::clock::Clock;
use bytes::Bytes;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use terrane_provider::Async;

/// How long one request may take, in milliseconds, beside the time for what it carries.
const DEADLINE_MS: u64 = 30_000;
/// How much longer a read may take: what it brings can be a large snapshot.
const READ_FACTOR: u64 = 10;
/// The slowest line that is waited for, in bytes a millisecond.
const SLOWEST: u64 = 64;
/// The first pause between two tries; doubles up to [`LONGEST_PAUSE_MS`].
const FIRST_PAUSE_MS: u64 = 100;
const LONGEST_PAUSE_MS: u64 = 5_000;
/// Tries of one request.
const MOST_TRIES: u32 = 20;

/// Objects that are asked for with patience.
pub struct Patient {
    objects: Arc<dyn Objects>,
    clock: Arc<dyn Clock>,
    /// How long one request is tried again, in milliseconds.
    budget_ms: u64,
    /// How long one request may take, in milliseconds, beside the time for what it carries.
    deadline_ms: u64,
    /// Where the pauses of this process come from: many that were throttled together come back apart.
    dice: AtomicU64,
}

impl Patient {
    /// Asks `objects`, and again for `budget_ms`.
    pub fn new(objects: Arc<dyn Objects>, clock: Arc<dyn Clock>, budget_ms: u64, seed: u64) -> Self {
        Self { objects, clock, budget_ms, deadline_ms: DEADLINE_MS, dice: AtomicU64::new(seed) }
    }

    async fn ask<'a, T>(
        &'a self,
        deadline_ms: u64,
        request: impl Fn() -> Async<'a, Result<T, ObjectsError>>,
    ) -> Result<T, ObjectsError> {
        let begun_ms = self.clock.now_ms();
        let mut pause_ms = FIRST_PAUSE_MS;
        let mut tries = 0;
        loop {
            tries += 1;
            // The deadline goes by the machine and not by the clock of leases, which jumps when a machine wakes up.
            let answered = tokio::time::timeout(Duration::from_millis(deadline_ms), request()).await;
            let error = match answered {
                Ok(Err(error @ (ObjectsError::Throttled { .. } | ObjectsError::Unavailable { .. }))) => error,
                Ok(other) => return other,
                Err(_) => ObjectsError::Unavailable { reason: format!("no answer within {} s", deadline_ms / 1_000) },
            };
            let spent_ms = self.clock.now_ms().saturating_sub(begun_ms).saturating_add(pause_ms);
            if tries >= MOST_TRIES || spent_ms > self.budget_ms {
                return Err(error);
            }
            self.clock.sleep(self.jittered(pause_ms)).await;
            pause_ms = (pause_ms * 2).min(LONGEST_PAUSE_MS);
        }
    }

    fn deadline_of(&self, bytes: &Bytes) -> u64 {
        self.deadline_ms + u64::try_from(bytes.len()).unwrap_or(u64::MAX) / SLOWEST
    }

    /// Between a half and the whole of a pause.
    fn jittered(&self, pause_ms: u64) -> u64 {
        let step = |last: u64| last.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let rolled = step(self.dice.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::Relaxed)) >> 33;
        pause_ms / 2 + rolled % (pause_ms / 2 + 1)
    }
}

impl Objects for Patient {
    fn place(&self) -> String {
        self.objects.place()
    }

    fn create<'a>(&'a self, name: &'a str, bytes: Bytes) -> Async<'a, Result<Created, ObjectsError>> {
        Box::pin(async move { self.ask(self.deadline_of(&bytes), || self.objects.create(name, bytes.clone())).await })
    }

    fn write<'a>(&'a self, name: &'a str, bytes: Bytes) -> Async<'a, Result<(), ObjectsError>> {
        Box::pin(async move { self.ask(self.deadline_of(&bytes), || self.objects.write(name, bytes.clone())).await })
    }

    fn read<'a>(&'a self, name: &'a str) -> Async<'a, Result<Option<Object>, ObjectsError>> {
        Box::pin(self.ask(self.deadline_ms * READ_FACTOR, || self.objects.read(name)))
    }

    fn list<'a>(&'a self, prefix: &'a str, after: &'a str) -> Async<'a, Result<Vec<Listed>, ObjectsError>> {
        Box::pin(self.ask(self.deadline_ms * READ_FACTOR, || self.objects.list(prefix, after)))
    }

    fn delete<'a>(&'a self, name: &'a str) -> Async<'a, Result<(), ObjectsError>> {
        Box::pin(self.ask(self.deadline_ms, || self.objects.delete(name)))
    }

    fn reseal(&self) -> Async<'_, Result<u64, ObjectsError>> {
        // Many requests in one: asking again for all of them would seal anew what is sealed already.
        self.objects.reseal()
    }

    // Places that can probe better than with the other requests do.
    fn probe(&self) -> Async<'_, Result<(), ObjectsError>> {
        Box::pin(self.ask(self.deadline_ms * READ_FACTOR, || self.objects.probe()))
    }
}

#[cfg(test)]
mod tests {
    use super::super::memory::{Fault, Faults, MemoryObjects, Verb};
    use super::*;
    use crate::clock::fake::FakeClock;

    /// So many requests come to nothing.
    struct Failing(AtomicU64, ObjectsError);

    impl Faults for Failing {
        fn next(&self, _verb: Verb, _name: &str) -> Fault {
            match self.0.load(Ordering::SeqCst) {
                0 => Fault::None,
                left => {
                    self.0.store(left - 1, Ordering::SeqCst);
                    Fault::Refused(self.1.clone())
                }
            }
        }
    }

    async fn tried(failures: u64, error: ObjectsError) -> (Result<Created, ObjectsError>, u64) {
        let clock = Arc::new(FakeClock::default());
        let failing = MemoryObjects::new(clock.clone()).with_faults(Arc::new(Failing(AtomicU64::new(failures), error)));
        let patient = Patient::new(Arc::new(failing), clock.clone(), 45_000, 1);
        let created = patient.create("a", Bytes::new()).await;
        (created, clock.now_ms())
    }

    #[tokio::test]
    async fn trouble_that_passes_is_waited_for_and_lasting_trouble_is_told() {
        let throttled = || ObjectsError::Throttled { reason: "slow down".to_owned() };
        let (created, waited_ms) = tried(5, throttled()).await;
        assert!(created == Ok(Created::Made) && (1_550..=3_100).contains(&waited_ms), "{waited_ms}");
        let (created, waited_ms) = tried(u64::MAX, throttled()).await;
        assert!(created == Err(throttled()) && waited_ms <= 45_000, "{waited_ms}");
        let denied = ObjectsError::Denied { action: "create", reason: String::new() };
        assert_eq!(tried(1, denied.clone()).await, (Err(denied), 0), "no is no");
    }

    #[tokio::test]
    async fn an_answer_that_never_comes_is_not_waited_for() {
        struct Silent;
        impl Objects for Silent {
            fn place(&self) -> String {
                "silent".to_owned()
            }
            fn create<'a>(&'a self, _name: &'a str, _bytes: Bytes) -> Async<'a, Result<Created, ObjectsError>> {
                Box::pin(std::future::pending())
            }
            fn write<'a>(&'a self, _name: &'a str, _bytes: Bytes) -> Async<'a, Result<(), ObjectsError>> {
                Box::pin(std::future::pending())
            }
            fn read<'a>(&'a self, _name: &'a str) -> Async<'a, Result<Option<Object>, ObjectsError>> {
                Box::pin(std::future::pending())
            }
            fn list<'a>(&'a self, _prefix: &'a str, _after: &'a str) -> Async<'a, Result<Vec<Listed>, ObjectsError>> {
                Box::pin(std::future::pending())
            }
            fn delete<'a>(&'a self, _name: &'a str) -> Async<'a, Result<(), ObjectsError>> {
                Box::pin(std::future::pending())
            }
        }
        let patient = Patient::new(Arc::new(Silent), Arc::new(FakeClock::default()), 1_000, 1);
        let patient = Patient { deadline_ms: 1, ..patient };
        assert!(matches!(patient.delete("a").await, Err(ObjectsError::Unavailable { .. })));
    }
}
