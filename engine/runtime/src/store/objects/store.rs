//! The state in a place of objects.

use super::lease::{Lock, read_failed, write_failed};
use super::log::{Log, aside};
use super::patient::Patient;
use super::segment::Frames;
use super::writer::{Batch, Held, Open, Tail, Writer, stopped};
use super::{Objects, names, snapshot};
use crate::clock::Clock;
use crate::store::history::Version;
use crate::store::{Grant, LoadedState, LockHolder, LockRequest, StateStore, StoreError, frame};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use terrane_core::Text;
use terrane_plan::state::{Entry, State};
use terrane_provider::Async;
use tokio::sync::oneshot;

/// A tail below this length is never compacted, unless it has too many segments.
const SMALLEST_COMPACTION: u64 = 1024 * 1024;
/// Segments after which a tail is compacted however short they are: each is a request of every load.
const MOST_SEGMENTS: u64 = 500;

/// A state in a place of objects.
#[derive(Clone)]
pub struct ObjectStore {
    objects: Arc<dyn Objects>,
    clock: Arc<dyn Clock>,
    lock: Lock,
    log: Log,
    lease_ms: u64,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    writer: Mutex<Option<Writer>>,
    held: Mutex<Option<(Grant, Arc<Held>)>>,
    snapshot_bytes: AtomicU64,
}

impl ObjectStore {
    /// The state in `objects`. Nothing is asked or made yet. A lock dies without a heartbeat for `lease_ms`.
    #[must_use]
    pub fn new(objects: Arc<dyn Objects>, clock: Arc<dyn Clock>, lease_ms: u64) -> Self {
        // Where no random numbers are to be had, taking the lock says so.
        let seed = super::super::random_name().ok().and_then(|name| u64::from_str_radix(&name, 16).ok());
        Self::seeded(objects, clock, lease_ms, seed.unwrap_or_default())
    }

    /// As [`ObjectStore::new`], with the pauses between two tries told by `seed`, so that a test can be run again.
    #[must_use]
    pub fn seeded(objects: Arc<dyn Objects>, clock: Arc<dyn Clock>, lease_ms: u64, seed: u64) -> Self {
        // A heartbeat that is tried for longer than this comes too late anyway.
        let objects: Arc<dyn Objects> = Arc::new(Patient::new(objects, clock.clone(), lease_ms / 4 * 3, seed));
        Self {
            lock: Lock::new(objects.clone(), clock.clone(), lease_ms),
            log: Log { objects: objects.clone() },
            objects,
            clock,
            lease_ms,
            shared: Arc::default(),
        }
    }

    fn writer(&self) -> MutexGuard<'_, Option<Writer>> {
        // What is inside is replaced as a whole, so a panic elsewhere leaves it sound.
        self.shared.writer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take_writer(&self) -> Option<Writer> {
        self.writer().take()
    }

    /// What is known of a lock of ours.
    fn known(&self, grant: &Grant) -> Option<Arc<Held>> {
        let known = self.shared.held.lock().unwrap_or_else(PoisonError::into_inner);
        known.as_ref().filter(|(of, _)| of == grant).map(|(_, held)| held.clone())
    }

    /// What is known of that lock, which was ours at that time.
    pub(super) fn held(&self, grant: &Grant, checked_ms: u64) -> Arc<Held> {
        let held = self.known(grant).unwrap_or_default();
        held.checked(checked_ms);
        *self.shared.held.lock().unwrap_or_else(PoisonError::into_inner) = Some((grant.clone(), held.clone()));
        held
    }

    async fn load_to_write(&self, grant: &Grant) -> Result<LoadedState, StoreError> {
        if let Some(writer) = self.take_writer() {
            // What it could not write its callers have heard.
            let _ = writer.stop().await;
        }
        let checked_ms = self.clock.now_ms();
        self.lock.check(grant).await?;
        let held = self.held(grant, checked_ms);
        let name = writer_name()?;
        let read = self.log.take_over(grant, &name, &self.lock).await?;
        let tail =
            Tail { bytes: AtomicU64::new(read.tail_bytes), segments: AtomicU64::new(read.end.segment - read.snapshot) };
        let open = Open {
            objects: self.objects.clone(),
            clock: self.clock.clone(),
            lock: self.lock.clone(),
            lease_ms: self.lease_ms,
            held,
            grant: grant.clone(),
            name,
            end: read.end,
            versions: read.versions,
            tail: Arc::new(tail),
            seen_ms: checked_ms,
            failed: None,
        };
        self.shared.snapshot_bytes.store(read.snapshot_bytes, Ordering::SeqCst);
        *self.writer() = Some(Writer::start(open));
        Ok(LoadedState { state: read.state, cut: None })
    }

    async fn put_snapshot(&self, grant: &Grant, state: &State) -> Result<(), StoreError> {
        let open = self.take_writer().ok_or_else(stopped)?.stop().await?;
        let put = self.put_snapshot_of(&open, grant, state).await;
        if let Ok(bytes) = put {
            self.shared.snapshot_bytes.store(bytes, Ordering::SeqCst);
            open.tail.bytes.store(0, Ordering::SeqCst);
            open.tail.segments.store(0, Ordering::SeqCst);
        }
        *self.writer() = Some(Writer::start(open));
        put?;
        // History that stays too long harms nobody; the next compaction tries again.
        let _ = self.log.clear_old().await;
        Ok(())
    }

    async fn put_in_place(&self, grant: &Grant, state: &State) -> Result<(), StoreError> {
        let mut open = self.take_writer().ok_or_else(stopped)?.stop().await?;
        let put = if open.grant == *grant { open.replace(state).await } else { Err(StoreError::LeaseLost(None)) };
        *self.writer() = Some(Writer::start(open));
        put
    }

    /// Gives the length.
    async fn put_snapshot_of(&self, open: &Open, grant: &Grant, state: &State) -> Result<u64, StoreError> {
        if open.grant != *grant {
            return Err(StoreError::LeaseLost(None));
        }
        if let Some(failed) = &open.failed {
            return Err(failed.clone());
        }
        if open.end.serial != state.serial {
            return Err(StoreError::WriteFailed { reason: "the snapshot is not of the last serial".to_owned() });
        }
        self.lock.check(grant).await?;
        let (state, end, versions) = (state.clone(), open.end.clone(), open.versions.clone().into_vec());
        // A record takes some hundred bytes; the text of it all is not there to be measured.
        let guess = state.objects.len().saturating_mul(512);
        let bytes = aside(guess, move || snapshot::write(&state, &end, versions)).await?;
        let length = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        // The segment of this number is ours and no other run's, so a snapshot of this number is of the same state,
        // whoever made it when: one that comes late, after the lock was lost, says what is true all the same.
        self.objects.create(&names::snapshot(open.end.segment), bytes).await.map_err(write_failed)?;
        Ok(length)
    }

    /// The queued entries; the receiver hears when they are durable.
    fn queue(
        &self,
        grant: &Grant,
        entries: &[Entry],
    ) -> Result<oneshot::Receiver<Result<u64, StoreError>>, StoreError> {
        let (done, waits) = oneshot::channel();
        let mut batch = Batch { frames: Frames::default(), begins: Vec::new(), lineage: None, done };
        batch.frames.bytes.reserve(entries.len().saturating_mul(512));
        for entry in entries {
            let framed = frame::push(entry, &mut batch.frames.bytes);
            framed.map_err(|error| StoreError::WriteFailed { reason: error.to_string() })?;
            batch.frames.count += 1;
            batch.begins.extend(Version::of(entry, batch.frames.count));
            if let Entry::Start { lineage, .. } = entry {
                batch.lineage = Some(lineage.clone());
            }
        }
        self.writer().as_ref().ok_or_else(stopped)?.append(grant, batch)?;
        Ok(waits)
    }

    async fn broken(&self, id: &str) -> Result<LockHolder, StoreError> {
        let (holder, grant) = self.lock.take_from(id).await?;
        let fenced = self.log.fence_off(&grant, &writer_name()?, &self.lock).await;
        let released = self.lock.release(&grant).await;
        fenced.and(released).map(|()| holder)
    }
}

fn writer_name() -> Result<Text, StoreError> {
    let name = super::super::random_name().map_err(|error| StoreError::WriteFailed { reason: error.to_string() })?;
    Ok(name.into())
}

impl StateStore for ObjectStore {
    fn place(&self) -> String {
        self.objects.place()
    }

    fn lease_ms(&self) -> u64 {
        self.lease_ms
    }

    fn load<'a>(&'a self, grant: Option<&'a Grant>) -> Async<'a, Result<LoadedState, StoreError>> {
        Box::pin(async move {
            match grant {
                Some(grant) => self.load_to_write(grant).await,
                None => self.log.read().await.map(|read| LoadedState { state: read.state, cut: None }),
            }
        })
    }

    fn append(&self, grant: &Grant, entries: &[Entry]) -> Async<'static, Result<u64, StoreError>> {
        let queued = self.queue(grant, entries);
        Box::pin(async move { queued?.await.unwrap_or_else(|_| Err(stopped())) })
    }

    fn is_compaction_due(&self) -> bool {
        let writer = self.writer();
        let Some(writer) = &*writer else { return false };
        let (bytes, segments) = (writer.tail.bytes.load(Ordering::SeqCst), writer.tail.segments.load(Ordering::SeqCst));
        let snapshot = self.shared.snapshot_bytes.load(Ordering::SeqCst);
        bytes > SMALLEST_COMPACTION.max(snapshot / 4) || segments > MOST_SEGMENTS
    }

    fn compact<'a>(&'a self, grant: &'a Grant, state: &'a State) -> Async<'a, Result<(), StoreError>> {
        Box::pin(self.put_snapshot(grant, state))
    }

    fn put<'a>(&'a self, grant: &'a Grant, state: &'a State) -> Async<'a, Result<(), StoreError>> {
        Box::pin(self.put_in_place(grant, state))
    }

    fn reseal<'a>(&'a self, _: &'a Grant, _: &'a State) -> Async<'a, Result<(), StoreError>> {
        Box::pin(async move { self.objects.reseal().await.map(|_| ()).map_err(write_failed) })
    }

    fn lock<'a>(&'a self, request: &'a LockRequest) -> Async<'a, Result<Grant, StoreError>> {
        Box::pin(async move {
            let asked_ms = self.clock.now_ms();
            let grant = self.lock.take(request).await?;
            self.held(&grant, asked_ms);
            Ok(grant)
        })
    }

    fn renew<'a>(&'a self, grant: &'a Grant) -> Async<'a, Result<(), StoreError>> {
        Box::pin(async move {
            let asked_ms = self.clock.now_ms();
            let renewed = self.lock.renew(grant).await;
            if let Some(held) = self.known(grant) {
                match &renewed {
                    Ok(()) => held.checked(asked_ms),
                    Err(StoreError::LeaseLost(_)) => held.lose(),
                    Err(_) => {}
                }
            }
            renewed
        })
    }

    fn unlock<'a>(&'a self, grant: &'a Grant) -> Async<'a, Result<(), StoreError>> {
        Box::pin(async move {
            // What waits is written while the lock is still ours.
            if let Some(writer) = self.take_writer() {
                let _ = writer.stop().await;
            }
            self.lock.release(grant).await
        })
    }

    fn holder(&self) -> Async<'_, Result<Option<LockHolder>, StoreError>> {
        Box::pin(self.lock.holder())
    }

    fn versions(&self) -> Async<'_, Result<Vec<Version>, StoreError>> {
        Box::pin(self.log.versions())
    }

    fn load_at(&self, serial: u64) -> Async<'_, Result<LoadedState, StoreError>> {
        Box::pin(self.log.read_at(serial))
    }

    fn break_lock<'a>(&'a self, id: &'a str) -> Async<'a, Result<LockHolder, StoreError>> {
        Box::pin(self.broken(id))
    }

    fn probe(&self) -> Async<'_, Result<(), StoreError>> {
        Box::pin(async move { self.objects.probe().await.map_err(read_failed) })
    }
}
