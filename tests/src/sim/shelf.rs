//! The durable log of a simulated world in a place of objects, behind a bad line.
//!
//! A run takes the lock and the log over as the binary does; a stop leaves the lock behind, and what was on its way
//! arrives late or never. Time is virtual: waiting for the lease of a run that is gone takes none.

use super::driver::Dice;
use crate::race::VirtualTime;
use crate::race::faulty::{Faulty, Line};
use std::sync::Arc;
use terrane_plan::{Entry, State};
use terrane_runtime::clock::Clock;
use terrane_runtime::store::objects::ObjectStore;
use terrane_runtime::store::objects::memory::MemoryObjects;
use terrane_runtime::store::{Grant, LEASE_MS, LockRequest, StateStore, StoreError};
use tokio::runtime::Runtime;

/// One request of four goes wrong, by at most five seconds: bad, and not so bad that a run gives up.
const LINE: Line = Line { one_in: 4, longest_ms: 5_000 };
/// Tries to begin a run: each waits for a part of a lease.
const TRIES: u32 = 100;

/// A place of objects and who is at work in it.
pub struct Shelf {
    runtime: Runtime,
    objects: MemoryObjects,
    clock: Arc<VirtualTime>,
    dice: Dice,
    run: Option<Run>,
}

/// A run with the lock in its hands.
struct Run {
    process: Faulty,
    store: ObjectStore,
    grant: Grant,
}

/// A copy is another world from here on; what is on its way arrives in the first alone.
impl Clone for Shelf {
    fn clone(&self) -> Self {
        let copy = Self::at(self.clock.now_ms(), self.dice.clone());
        copy.objects.restore(self.objects.content());
        copy
    }
}

impl Shelf {
    /// An empty one.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self::at(1_700_000_000_000, Dice(seed))
    }

    fn at(now_ms: u64, dice: Dice) -> Self {
        let (clock, runtime) = VirtualTime::start(now_ms);
        Self { objects: MemoryObjects::new(clock.clone()), runtime, clock, dice, run: None }
    }

    fn process(&mut self, line: Line) -> (Faulty, ObjectStore) {
        let seed = self.dice.roll(u64::MAX >> 32);
        let process = Faulty::new(Arc::new(self.objects.clone()), self.clock.clone(), line, seed);
        let store = ObjectStore::seeded(Arc::new(process.clone()), self.clock.clone(), LEASE_MS, seed);
        (process, store)
    }

    /// Takes lock and log over, and gives the state.
    pub fn begin(&mut self) -> State {
        let request = LockRequest { owner: "sim@sim".into(), operation: "apply".into() };
        for _ in 0..TRIES {
            let (process, store) = self.process(LINE);
            let clock = self.clock.clone();
            let begun = self.runtime.block_on(async {
                match store.lock(&request).await {
                    Ok(grant) => store.load(Some(&grant)).await.map(|loaded| (grant, loaded.state)),
                    Err(error) => {
                        clock.sleep(LEASE_MS / 4).await;
                        Err(error)
                    }
                }
            });
            match begun {
                Ok((grant, state)) => {
                    self.run = Some(Run { process, store, grant });
                    return state;
                }
                Err(StoreError::Damaged { reason }) => unreachable!("the log is damaged: {reason}"),
                Err(_) => {}
            }
        }
        unreachable!("no run could begin")
    }

    /// Makes entries durable, or stops with them on their way.
    ///
    /// # Errors
    /// Why nothing more can be written.
    pub fn append(&mut self, entries: &[Entry], is_stopped: bool) -> Result<(), StoreError> {
        let stands_still = self.dice.roll(40) == 0;
        let Some(Run { process, store, grant }) = &self.run else { return Ok(()) };
        self.runtime.block_on(async {
            if stands_still {
                self.clock.sleep(2 * LEASE_MS).await;
            }
            let appended = store.append(grant, entries);
            if is_stopped {
                // The request is sent, and its sender gone.
                tokio::task::yield_now().await;
                tokio::task::yield_now().await;
                process.kill();
                return Ok(());
            }
            appended.await.map(|_| ())
        })
    }

    /// Ends a run that came to its end; some leave a snapshot.
    pub fn end(&mut self) {
        let Some(run) = self.run.take() else { return };
        let is_compacted = self.dice.roll(4) == 0;
        self.runtime.block_on(async {
            if is_compacted && let Ok(loaded) = run.store.load(None).await {
                // A snapshot too few harms nobody.
                let _ = run.store.compact(&run.grant, &loaded.state).await;
            }
            // If this fails, the next run waits for the lease.
            let _ = run.store.unlock(&run.grant).await;
        });
    }

    /// Ends a run in the middle.
    pub fn stop(&mut self) {
        let Some(run) = self.run.take() else { return };
        run.process.kill();
        let pause_ms = self.dice.roll(3) * LEASE_MS;
        self.runtime.block_on(self.clock.sleep(pause_ms));
    }

    /// What is durable.
    ///
    /// # Panics
    /// When it cannot be read.
    #[must_use]
    pub fn state(&self) -> State {
        let objects = Arc::new(self.objects.clone());
        let store = ObjectStore::seeded(objects, self.clock.clone(), LEASE_MS, 1);
        match self.runtime.block_on(store.load(None)) {
            Ok(loaded) => loaded.state,
            Err(error) => unreachable!("the state cannot be read: {error:?}"),
        }
    }

    /// All that is written, as text where it is text.
    #[must_use]
    pub fn artefacts(&self) -> String {
        self.objects.content().values().map(|object| String::from_utf8_lossy(&object.bytes).into_owned()).collect()
    }
}
