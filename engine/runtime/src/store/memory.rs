//! A state in memory: for tests and simulation. It keeps entries as text, as a file would.

use super::history::{Version, Versions};
use super::{Grant, LEASE_MS, LoadedState, LockHolder, LockRequest, StateStore, StoreError};
use crate::clock::{Clock, from_rfc3339, rfc3339};
use std::sync::{Arc, Mutex, PoisonError};
use terrane_plan::state::{Entry, State};
use terrane_provider::Async;

/// A state in memory. Clones are handles on the same state, as two processes would have.
#[derive(Clone)]
pub struct MemoryStore {
    clock: Arc<dyn Clock>,
    shared: Arc<Mutex<Shared>>,
}

#[derive(Default)]
struct Shared {
    /// What the log stands on: a state that was put in place.
    base: State,
    log: Vec<String>,
    holder: Option<LockHolder>,
    fencing: u64,
}

impl MemoryStore {
    /// An empty one.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, shared: Arc::default() }
    }

    fn with<T>(&self, work: impl FnOnce(&mut Shared) -> T) -> T {
        work(&mut self.shared.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Shared {
    fn check(&self, grant: &Grant) -> Result<(), StoreError> {
        match &self.holder {
            Some(holder) if holder.id == grant.id => Ok(()),
            other => Err(StoreError::LeaseLost(other.clone().map(Box::new))),
        }
    }

    fn load(&self, grant: Option<&Grant>) -> Result<LoadedState, StoreError> {
        grant.map_or(Ok(()), |grant| self.check(grant))?;
        self.replay(&self.log)
    }

    fn serial(&self) -> u64 {
        self.base.serial + u64::try_from(self.log.len()).unwrap_or(u64::MAX)
    }

    fn put(&mut self, grant: &Grant, state: &State) -> Result<(), StoreError> {
        self.check(grant)?;
        if state.serial <= self.serial() {
            return Err(StoreError::put_behind(state, self.serial()));
        }
        self.base = state.clone();
        self.log.clear();
        Ok(())
    }

    fn load_at(&self, serial: u64) -> Result<LoadedState, StoreError> {
        let (oldest, newest) = (self.base.serial, self.serial());
        let count = serial.checked_sub(oldest).and_then(|count| usize::try_from(count).ok());
        let wanted = count.and_then(|count| self.log.get(..count));
        self.replay(wanted.ok_or(StoreError::NoSuchSerial { serial, oldest, newest })?)
    }

    fn replay(&self, log: &[String]) -> Result<LoadedState, StoreError> {
        let mut state = self.base.clone();
        for text in log {
            let entry =
                serde_json::from_str(text).map_err(|error| StoreError::Damaged { reason: error.to_string() })?;
            state.apply(entry);
        }
        Ok(LoadedState { state, cut: None })
    }

    fn versions(&self) -> Vec<Version> {
        let mut versions = Versions::default();
        self.log.iter().zip(self.base.serial + 1..).for_each(|(text, serial)| versions.entry(text.as_bytes(), serial));
        versions.into_vec()
    }

    fn break_lock(&mut self, id: &str) -> Result<LockHolder, StoreError> {
        match self.holder.take_if(|holder| *holder.id == *id) {
            Some(holder) => Ok(holder),
            None => Err(StoreError::OtherLock(self.holder.clone().map(Box::new))),
        }
    }

    fn append(&mut self, grant: &Grant, entries: &[Entry]) -> Result<u64, StoreError> {
        self.check(grant)?;
        for entry in entries {
            let text =
                serde_json::to_string(entry).map_err(|error| StoreError::WriteFailed { reason: error.to_string() })?;
            self.log.push(text);
        }
        Ok(self.serial())
    }

    fn lock(&mut self, request: &LockRequest, now_ms: u64) -> Result<Grant, StoreError> {
        if let Some(holder) = &self.holder
            && from_rfc3339(&holder.heartbeat).is_some_and(|last| now_ms.saturating_sub(last) < LEASE_MS)
        {
            return Err(StoreError::Locked(Box::new(holder.clone())));
        }
        self.fencing += 1;
        let now = rfc3339(now_ms);
        let holder = LockHolder {
            id: format!("memory-{}", self.fencing).into(),
            owner: request.owner.clone(),
            operation: request.operation.clone(),
            created: now.clone(),
            heartbeat: now,
            fencing: self.fencing,
            machine: "".into(),
            process: "".into(),
        };
        let grant = Grant { id: holder.id.clone(), fencing: holder.fencing };
        self.holder = Some(holder);
        Ok(grant)
    }
}

fn ready<T: Send + 'static>(result: T) -> Async<'static, T> {
    Box::pin(std::future::ready(result))
}

impl StateStore for MemoryStore {
    fn place(&self) -> String {
        "memory".to_owned()
    }

    fn load<'a>(&'a self, grant: Option<&'a Grant>) -> Async<'a, Result<LoadedState, StoreError>> {
        ready(self.with(|shared| shared.load(grant)))
    }

    fn append(&self, grant: &Grant, entries: &[Entry]) -> Async<'static, Result<u64, StoreError>> {
        ready(self.with(|shared| shared.append(grant, entries)))
    }

    fn is_compaction_due(&self) -> bool {
        false
    }

    fn compact<'a>(&'a self, grant: &'a Grant, _state: &'a State) -> Async<'a, Result<(), StoreError>> {
        ready(self.with(|shared| shared.check(grant)))
    }

    fn put<'a>(&'a self, grant: &'a Grant, state: &'a State) -> Async<'a, Result<(), StoreError>> {
        ready(self.with(|shared| shared.put(grant, state)))
    }

    fn lock<'a>(&'a self, request: &'a LockRequest) -> Async<'a, Result<Grant, StoreError>> {
        let now_ms = self.clock.now_ms();
        ready(self.with(|shared| shared.lock(request, now_ms)))
    }

    fn renew<'a>(&'a self, grant: &'a Grant) -> Async<'a, Result<(), StoreError>> {
        let now = rfc3339(self.clock.now_ms());
        ready(self.with(|shared| {
            shared.check(grant)?;
            if let Some(holder) = &mut shared.holder {
                holder.heartbeat = now;
            }
            Ok(())
        }))
    }

    fn unlock<'a>(&'a self, grant: &'a Grant) -> Async<'a, Result<(), StoreError>> {
        ready(self.with(|shared| {
            if shared.check(grant).is_ok() {
                shared.holder = None;
            }
            Ok(())
        }))
    }

    fn holder(&self) -> Async<'_, Result<Option<LockHolder>, StoreError>> {
        ready(self.with(|shared| Ok(shared.holder.clone())))
    }

    fn versions(&self) -> Async<'_, Result<Vec<Version>, StoreError>> {
        ready(self.with(|shared| Ok(shared.versions())))
    }

    fn load_at(&self, serial: u64) -> Async<'_, Result<LoadedState, StoreError>> {
        ready(self.with(|shared| shared.load_at(serial)))
    }

    fn break_lock<'a>(&'a self, id: &'a str) -> Async<'a, Result<LockHolder, StoreError>> {
        ready(self.with(|shared| shared.break_lock(id)))
    }

    fn probe(&self) -> Async<'_, Result<(), StoreError>> {
        ready(Ok(()))
    }
}
