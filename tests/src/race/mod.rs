//! Runs that race for one state: eight writers, a place whose requests are lost, late, repeated and straggling, runs
//! that are killed or stand still for longer than their lease; and then a look at the log.
//!
//! Every entry has a number of its own. Whatever went wrong, at the end each entry whose append was acknowledged is in
//! the log once and where it was said to be, any other at most once, and those of one writer in their order.
//! The same check runs on any [`Ground`].

pub mod faulty;
pub mod real;
pub mod round;
pub mod virtual_time;

pub use faulty::{Faulty, Mutant};
pub use real::Real;
pub use round::{Tally, race};
pub use virtual_time::VirtualTime;

use std::sync::Arc;
use terrane_runtime::clock::Clock;
use terrane_runtime::store::objects::Objects;
use terrane_runtime::store::objects::memory::MemoryObjects;

/// A place of objects to race on.
pub trait Ground: Send + Sync {
    /// The objects, as a new process would open them.
    fn objects(&self) -> Arc<dyn Objects>;
    /// The clock of this machine.
    fn clock(&self) -> Arc<dyn Clock>;
    /// How long a lock lives without a heartbeat.
    fn lease_ms(&self) -> u64;
}

/// Objects in memory, where time is virtual.
pub struct InMemory {
    objects: MemoryObjects,
    clock: Arc<VirtualTime>,
}

impl InMemory {
    /// An empty place.
    #[must_use]
    pub fn new(clock: Arc<VirtualTime>) -> Self {
        Self { objects: MemoryObjects::new(clock.clone()), clock }
    }
}

impl Ground for InMemory {
    fn objects(&self) -> Arc<dyn Objects> {
        Arc::new(self.objects.clone())
    }

    fn clock(&self) -> Arc<dyn Clock> {
        self.clock.clone()
    }

    fn lease_ms(&self) -> u64 {
        10_000
    }
}
