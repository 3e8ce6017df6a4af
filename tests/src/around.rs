//! A state store with something put around its writes.

use terrane_plan::state::{Entry, State};
use terrane_provider::Async;
use terrane_runtime::store::{Grant, LoadedState, LockHolder, LockRequest, StateStore, StoreError, Version};

/// What is put around a store.
pub trait Around: Send + Sync {
    /// The store.
    fn inner(&self) -> &dyn StateStore;
    /// Appends, in another way than the store does.
    fn append(&self, grant: &Grant, entries: &[Entry]) -> Async<'static, Result<u64, StoreError>>;
    /// Gives the lock back.
    fn unlock<'a>(&'a self, grant: &'a Grant) -> Async<'a, Result<(), StoreError>> {
        self.inner().unlock(grant)
    }
}

/// The store with that around it. It is never compacted: the log is what the suites look at.
pub struct Wrapped<T>(pub T);

impl<T: Around> StateStore for Wrapped<T> {
    fn place(&self) -> String {
        self.0.inner().place()
    }

    fn lease_ms(&self) -> u64 {
        self.0.inner().lease_ms()
    }

    fn load<'a>(&'a self, grant: Option<&'a Grant>) -> Async<'a, Result<LoadedState, StoreError>> {
        self.0.inner().load(grant)
    }

    fn append(&self, grant: &Grant, entries: &[Entry]) -> Async<'static, Result<u64, StoreError>> {
        self.0.append(grant, entries)
    }

    fn is_compaction_due(&self) -> bool {
        false
    }

    fn compact<'a>(&'a self, grant: &'a Grant, state: &'a State) -> Async<'a, Result<(), StoreError>> {
        self.0.inner().compact(grant, state)
    }

    fn put<'a>(&'a self, grant: &'a Grant, state: &'a State) -> Async<'a, Result<(), StoreError>> {
        self.0.inner().put(grant, state)
    }

    fn lock<'a>(&'a self, request: &'a LockRequest) -> Async<'a, Result<Grant, StoreError>> {
        self.0.inner().lock(request)
    }

    fn renew<'a>(&'a self, grant: &'a Grant) -> Async<'a, Result<(), StoreError>> {
        self.0.inner().renew(grant)
    }

    fn unlock<'a>(&'a self, grant: &'a Grant) -> Async<'a, Result<(), StoreError>> {
        self.0.unlock(grant)
    }

    fn holder(&self) -> Async<'_, Result<Option<LockHolder>, StoreError>> {
        self.0.inner().holder()
    }

    fn versions(&self) -> Async<'_, Result<Vec<Version>, StoreError>> {
        self.0.inner().versions()
    }

    fn load_at(&self, serial: u64) -> Async<'_, Result<LoadedState, StoreError>> {
        self.0.inner().load_at(serial)
    }

    fn break_lock<'a>(&'a self, id: &'a str) -> Async<'a, Result<LockHolder, StoreError>> {
        self.0.inner().break_lock(id)
    }

    fn probe(&self) -> Async<'_, Result<(), StoreError>> {
        self.0.inner().probe()
    }
}
