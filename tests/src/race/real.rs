//! A real place to race on, where time is the machine's.

use super::Ground;
use std::sync::Arc;
use terrane_runtime::clock::{Clock, SystemClock};
use terrane_runtime::store::objects::Objects;

/// Opens the objects as a new process would.
pub type Open = Box<dyn Fn() -> Arc<dyn Objects> + Send + Sync>;

/// A place of objects on some server.
pub struct Real {
    /// How it is opened.
    pub open: Open,
    /// How long a lock lives there without a heartbeat.
    pub lease_ms: u64,
}

impl Ground for Real {
    fn objects(&self) -> Arc<dyn Objects> {
        (self.open)()
    }

    fn clock(&self) -> Arc<dyn Clock> {
        Arc::new(SystemClock)
    }

    fn lease_ms(&self) -> u64 {
        self.lease_ms
    }
}
