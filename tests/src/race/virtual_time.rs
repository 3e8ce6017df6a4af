//! Time that passes when nobody has anything to do: a second of waiting takes no time, and the same seed gives the
//! same run.
//!
//! The runtime has one thread and tells when it is about to sleep. Then the clock moves to the next moment that
//! somebody waits for. Nothing may wait for anything else: no socket, no file, no other thread.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use terrane_provider::Async;
use terrane_runtime::clock::Clock;
use tokio::runtime::Runtime;

/// The clock.
#[derive(Debug)]
pub struct VirtualTime(Mutex<Time>);

#[derive(Debug)]
struct Time {
    now_ms: u64,
    /// Who waits, by the moment and the order in which they came.
    waiting: BTreeMap<(u64, u64), Waker>,
    came: u64,
}

impl VirtualTime {
    /// A clock that shows that moment, and the runtime that it is the clock of.
    ///
    /// # Panics
    /// When the machine has no thread left.
    #[must_use]
    pub fn start(now_ms: u64) -> (Arc<Self>, Runtime) {
        let clock = Arc::new(Self(Mutex::new(Time { now_ms, waiting: BTreeMap::new(), came: 0 })));
        let idle = clock.clone();
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_time().on_thread_park(move || idle.advance()).build();
        let Ok(runtime) = runtime else { unreachable!("a runtime of this thread needs nothing") };
        (clock, runtime)
    }

    fn time(&self) -> MutexGuard<'_, Time> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Moves to the next moment that somebody waits for, and wakes who came first.
    fn advance(&self) {
        let mut time = self.time();
        let Some(((due_ms, _), waker)) = time.waiting.pop_first() else { return };
        time.now_ms = time.now_ms.max(due_ms);
        drop(time);
        waker.wake();
    }
}

impl Clock for VirtualTime {
    fn now_ms(&self) -> u64 {
        self.time().now_ms
    }

    fn sleep(&self, ms: u64) -> Async<'_, ()> {
        let mut time = self.time();
        time.came += 1;
        let key = (time.now_ms.saturating_add(ms), time.came);
        Box::pin(Sleep { clock: self, key })
    }
}

struct Sleep<'c> {
    clock: &'c VirtualTime,
    key: (u64, u64),
}

impl Future for Sleep<'_> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let mut time = self.clock.time();
        if time.now_ms >= self.key.0 {
            return Poll::Ready(());
        }
        time.waiting.insert(self.key, cx.waker().clone());
        Poll::Pending
    }
}

impl Drop for Sleep<'_> {
    fn drop(&mut self) {
        self.clock.time().waiting.remove(&self.key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_passes_at_once_and_in_its_order() {
        let (clock, runtime) = VirtualTime::start(0);
        let order = Arc::new(Mutex::new(Vec::new()));
        runtime.block_on(async {
            let wait = |ms: u64| {
                let (clock, order) = (clock.clone(), order.clone());
                tokio::spawn(async move {
                    clock.sleep(ms).await;
                    order.lock().unwrap_or_else(PoisonError::into_inner).push((ms, clock.now_ms()));
                })
            };
            let waits = [86_400_000, 5, 1_000].map(wait);
            futures_util::future::join_all(waits).await;
        });
        assert_eq!(
            *order.lock().unwrap_or_else(PoisonError::into_inner),
            [(5, 5), (1_000, 1_000), (86_400_000, 86_400_000)]
        );
    }
}
