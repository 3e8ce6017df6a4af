//! What a run needs of the world, small enough that a test can stand in for it; and the real one.

use crate::remote::Remote;
use crate::store::{Grant, StateStore, StoreError};
use std::sync::{Arc, Mutex, PoisonError};
use terrane_core::{Text, Value};
use terrane_plan::state::Entry;
use terrane_provider::{Async, Fault, Handle, Intent, Progress, Reading, Resolution, Services, StepCall, Target};
use tokio::sync::Semaphore;

/// Clock, durable log and provider calls.
pub trait World: Send + Sync + 'static {
    /// Milliseconds since the Unix epoch.
    fn now_ms(&self) -> u64;
    /// Waits until a moment.
    fn wait_until(&self, ms: u64) -> Async<'_, ()>;
    /// Makes entries durable. They take their place in the order of the calls.
    fn append(&self, entries: Vec<Entry>) -> Async<'static, Result<(), Text>>;
    /// Whether a step is done at once, without a remote side.
    fn is_record_only(&self, call: &StepCall) -> bool;
    /// Reads an object.
    fn check<'a>(&'a self, target: &'a Target, configuration: &'a Value) -> Async<'a, Reading>;
    /// Finds out what became of an intent.
    fn resolve<'a>(&'a self, intent: &'a Intent, configuration: &'a Value) -> Async<'a, Resolution>;
    /// Starts a step.
    fn start<'a>(&'a self, call: &'a StepCall, configuration: &'a Value) -> Async<'a, Result<Progress, Fault>>;
    /// Asks how a running step stands.
    fn poll<'a>(
        &'a self,
        handle: &'a Handle,
        call: &'a StepCall,
        configuration: &'a Value,
    ) -> Async<'a, Result<Progress, Fault>>;
}

/// Provider calls under way at once, polls included. Budgets bound them further.
const CALLS: usize = 256;

/// The real world, under a lock.
pub struct LiveWorld {
    remote: Arc<Remote>,
    store: Arc<dyn StateStore>,
    grant: Grant,
    calls: Semaphore,
    failure: Arc<Mutex<Option<StoreError>>>,
}

impl LiveWorld {
    /// A world that writes to `store` with `grant`.
    pub fn new(remote: Arc<Remote>, store: Arc<dyn StateStore>, grant: Grant) -> Self {
        Self { remote, store, grant, calls: Semaphore::new(CALLS), failure: Arc::default() }
    }

    /// Why writing failed first.
    pub fn failure(&self) -> Option<StoreError> {
        self.failure.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// A place among the calls under way, held while the call lasts.
    async fn place(&self) -> Option<tokio::sync::SemaphorePermit<'_>> {
        // The semaphore is never closed; were it, budgets would bound the calls alone.
        self.calls.acquire().await.ok()
    }
}

impl World for LiveWorld {
    fn now_ms(&self) -> u64 {
        self.remote.services.now_ms()
    }

    fn wait_until(&self, ms: u64) -> Async<'_, ()> {
        let wait_ms = ms.saturating_sub(self.now_ms());
        if wait_ms == 0 { Box::pin(std::future::ready(())) } else { self.remote.services.clock.sleep(wait_ms) }
    }

    fn append(&self, entries: Vec<Entry>) -> Async<'static, Result<(), Text>> {
        let appended = self.store.append(&self.grant, &entries);
        let failure = self.failure.clone();
        Box::pin(async move {
            let Err(error) = appended.await else { return Ok(()) };
            let reason = reason(&error);
            failure.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
            Err(reason)
        })
    }

    fn is_record_only(&self, call: &StepCall) -> bool {
        self.remote.resource(&call.id.type_name).is_ok_and(|kind| kind.is_record_only())
    }

    fn check<'a>(&'a self, target: &'a Target, configuration: &'a Value) -> Async<'a, Reading> {
        Box::pin(async move {
            let _place = self.place().await;
            self.remote.get(target, configuration).await
        })
    }

    fn resolve<'a>(&'a self, intent: &'a Intent, configuration: &'a Value) -> Async<'a, Resolution> {
        Box::pin(self.remote.resolve(intent, configuration))
    }

    fn start<'a>(&'a self, call: &'a StepCall, configuration: &'a Value) -> Async<'a, Result<Progress, Fault>> {
        Box::pin(async move {
            let _place = self.place().await;
            self.remote.start(call, configuration).await
        })
    }

    fn poll<'a>(
        &'a self,
        handle: &'a Handle,
        call: &'a StepCall,
        configuration: &'a Value,
    ) -> Async<'a, Result<Progress, Fault>> {
        Box::pin(async move {
            let _place = self.place().await;
            self.remote.poll(handle, call, configuration).await
        })
    }
}

/// The reason that the schedule is given; people are told by the diagnostic of the store's error.
fn reason(error: &StoreError) -> Text {
    match error {
        StoreError::WriteFailed { reason }
        | StoreError::ReadFailed { reason }
        | StoreError::Damaged { reason }
        | StoreError::NoSuchPlace { reason }
        | StoreError::Unusable { reason }
        | StoreError::Denied { reason, .. }
        | StoreError::ClockSkew { reason } => reason.as_str().into(),
        StoreError::Locked(_) | StoreError::LeaseLost(_) | StoreError::OtherLock(_) => "the lock is lost".into(),
        StoreError::Sealed(_) => "it cannot be sealed".into(),
        StoreError::Newer { .. } => "the state is of a newer format".into(),
        StoreError::NotConditional => "the place overwrites where it should refuse".into(),
        StoreError::NoSuchSerial { .. } => "the state has no such serial".into(),
    }
}
