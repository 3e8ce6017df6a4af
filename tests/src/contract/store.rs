//! A state store that stops its run at a chosen write, as a machine that loses power would.

use crate::around::Around;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use terrane_plan::state::Entry;
use terrane_provider::Async;
use terrane_runtime::clock::{Clock, SystemClock};
use terrane_runtime::store::memory::MemoryStore;
use terrane_runtime::store::{Grant, LEASE_MS, StateStore, StoreError};
use tokio::sync::Notify;

/// Where a run stops.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stop {
    /// The n-th write of the run, from 1.
    pub write: u64,
    /// Whether that write is durable.
    pub is_durable: bool,
}

/// A clock for leases, ahead of the machine's by what tests add.
#[derive(Default)]
struct LeaseClock(AtomicU64);

impl Clock for LeaseClock {
    fn now_ms(&self) -> u64 {
        SystemClock.now_ms() + self.0.load(Ordering::SeqCst)
    }

    fn sleep(&self, ms: u64) -> Async<'_, ()> {
        Box::pin(tokio::time::sleep(std::time::Duration::from_millis(ms)))
    }
}

#[derive(Default)]
struct Run {
    writes: u64,
    stop: Option<Stop>,
    is_stopped: bool,
}

/// A state in memory that can stop a run.
pub struct StoppingStore {
    inner: MemoryStore,
    clock: Arc<LeaseClock>,
    run: Mutex<Run>,
    stopped: Notify,
    written: Mutex<String>,
}

impl Default for StoppingStore {
    fn default() -> Self {
        let clock = Arc::new(LeaseClock::default());
        Self {
            inner: MemoryStore::new(clock.clone()),
            clock,
            run: Mutex::default(),
            stopped: Notify::new(),
            written: Mutex::default(),
        }
    }
}

impl StoppingStore {
    /// Begins a run that stops there, or not at all. Whoever held the lock is gone.
    pub fn begin(&self, stop: Option<Stop>) {
        self.clock.0.fetch_add(LEASE_MS, Ordering::SeqCst);
        *self.run() = Run { stop, ..Run::default() };
    }

    /// Ends when the run has come to its stop.
    pub async fn stopped(&self) {
        self.stopped.notified().await;
    }

    /// Writes of this run so far.
    pub fn writes(&self) -> u64 {
        self.run().writes
    }

    /// Every entry that was ever written, as text.
    pub fn written(&self) -> String {
        self.written.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn run(&self) -> std::sync::MutexGuard<'_, Run> {
        self.run.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether this write becomes durable, and whether its caller lives to see it.
    fn next(&self) -> (bool, bool) {
        let mut run = self.run();
        if run.is_stopped {
            return (false, false);
        }
        run.writes += 1;
        match run.stop {
            Some(stop) if stop.write == run.writes => {
                run.is_stopped = true;
                self.stopped.notify_one();
                (stop.is_durable, false)
            }
            _ => (true, true),
        }
    }
}

impl Around for Arc<StoppingStore> {
    fn inner(&self) -> &dyn StateStore {
        &self.inner
    }

    fn append(&self, grant: &Grant, entries: &[Entry]) -> Async<'static, Result<u64, StoreError>> {
        let (is_durable, is_seen) = self.next();
        let never = || -> Async<'static, Result<u64, StoreError>> { Box::pin(std::future::pending()) };
        if !is_durable {
            return never();
        }
        let text: String = entries.iter().filter_map(|entry| serde_json::to_string(entry).ok()).collect();
        self.written.lock().unwrap_or_else(PoisonError::into_inner).push_str(&text);
        let appended = self.inner.append(grant, entries);
        if is_seen { appended } else { never() }
    }
}
