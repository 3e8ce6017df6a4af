//! Where events of a run go.

use std::sync::Arc;
use terrane_core::event::Event;

/// Takes the events of a run, in the order they happen. It must not block: a slow one slows the run.
pub trait EventSink: Send + Sync {
    /// Takes one event.
    fn event(&self, event: Event);
}

/// A sink that many parts of a run share.
pub type SharedSink = Arc<dyn EventSink>;

impl<F: Fn(Event) + Send + Sync> EventSink for F {
    fn event(&self, event: Event) {
        self(event);
    }
}

/// A sink that forgets everything.
#[must_use]
pub fn nowhere() -> SharedSink {
    Arc::new(|_| {})
}
