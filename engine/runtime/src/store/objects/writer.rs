//! The one task that writes segments: everything that waits goes out as one.

use super::lease::{Lock, write_failed};
use super::log::aside;
use super::segment::{End, Frames};
use super::{Created, Objects, names};
use crate::clock::Clock;
use crate::store::history::{Version, Versions};
use crate::store::{Grant, StoreError};
use bytes::Bytes;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use terrane_core::Text;
use terrane_plan::state::State;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

/// Batches that may wait; a run has one under way at a time, or few.
const QUEUE: usize = 4_096;
/// What one segment takes at most, so that the first of a long queue does not wait for the last.
const LARGEST_SEGMENT: usize = 4 * 1024 * 1024;
/// After so long without a segment of ours, the number we want to write may be free because it was cleared away: far
/// below the time for which it is kept.
const LONGEST_SILENCE_MS: u64 = 24 * 3_600 * 1_000;

/// What the holder of a lock knows of it.
#[derive(Debug, Default)]
pub struct Held {
    /// When it was known to be ours last, by our clock, just before that was asked.
    checked_ms: AtomicU64,
    is_lost: AtomicBool,
}

impl Held {
    /// It was ours at that time.
    pub fn checked(&self, ms: u64) {
        self.checked_ms.fetch_max(ms, Ordering::SeqCst);
    }

    /// It is ours no more.
    pub fn lose(&self) {
        self.is_lost.store(true, Ordering::SeqCst);
    }
}

/// Entries that go out together, and who waits for them.
pub struct Batch {
    /// The entries.
    pub frames: Frames,
    /// The runs that begin in it, with their place among the entries, from 1.
    pub begins: Vec<Version>,
    /// The lineage that begins in it.
    pub lineage: Option<Text>,
    /// Hears when they are durable.
    pub done: oneshot::Sender<Result<u64, StoreError>>,
}

/// What the log has come to, for who asks meanwhile.
#[derive(Debug, Default)]
pub struct Tail {
    /// Length of the segments after the snapshot.
    pub bytes: AtomicU64,
    /// How many there are.
    pub segments: AtomicU64,
}

/// A log that is open for appending.
pub struct Open {
    /// The place.
    pub objects: Arc<dyn Objects>,
    /// The clock of this machine.
    pub clock: Arc<dyn Clock>,
    /// The lock.
    pub lock: Lock,
    /// How long it lives without a heartbeat.
    pub lease_ms: u64,
    /// What we know of it.
    pub held: Arc<Held>,
    /// The right to write.
    pub grant: Grant,
    /// Name of this writer.
    pub name: Text,
    /// Where the log ends.
    pub end: End,
    /// The runs that wrote.
    pub versions: Versions,
    /// What follows the snapshot.
    pub tail: Arc<Tail>,
    /// When the number we want to write next was free last, by our clock, just before that showed.
    pub seen_ms: u64,
    /// Why nothing is written any more.
    pub failed: Option<StoreError>,
}

/// The writing task.
pub struct Writer {
    queue: mpsc::Sender<Batch>,
    task: JoinHandle<Open>,
    /// The right to write.
    pub grant: Grant,
    /// What follows the snapshot.
    pub tail: Arc<Tail>,
}

impl Writer {
    /// Starts to write to `open`.
    pub fn start(open: Open) -> Self {
        let (queue, batches) = mpsc::channel(QUEUE);
        let (grant, tail) = (open.grant.clone(), open.tail.clone());
        Self { queue, task: tokio::spawn(run(open, batches)), grant, tail }
    }

    /// Puts a batch in the queue.
    pub fn append(&self, grant: &Grant, batch: Batch) -> Result<(), StoreError> {
        if *grant != self.grant {
            return Err(StoreError::LeaseLost(None));
        }
        self.queue.try_send(batch).map_err(|refused| match refused {
            mpsc::error::TrySendError::Full(_) => {
                StoreError::WriteFailed { reason: format!("{QUEUE} writes wait already") }
            }
            mpsc::error::TrySendError::Closed(_) => stopped(),
        })
    }

    /// Writes what waits, and gives the log back.
    pub async fn stop(self) -> Result<Open, StoreError> {
        drop(self.queue);
        self.task.await.map_err(|_| stopped())
    }
}

/// The answer of a writer that is not there any more.
pub fn stopped() -> StoreError {
    StoreError::WriteFailed { reason: "the log is not open for writing".to_owned() }
}

async fn run(mut open: Open, mut batches: mpsc::Receiver<Batch>) -> Open {
    while let Some(first) = batches.recv().await {
        let mut size = first.frames.bytes.len();
        let mut together = vec![first];
        while size < LARGEST_SEGMENT
            && let Ok(next) = batches.try_recv()
        {
            size += next.frames.bytes.len();
            together.push(next);
        }
        let mut serial = open.end.serial;
        if open.failed.is_none() {
            open.failed = open.write(&together).await.err();
        }
        for batch in together {
            serial += batch.frames.count;
            // Nobody has to wait for it.
            let _ = batch.done.send(open.failed.clone().map_or(Ok(serial), Err));
        }
    }
    open
}

impl Open {
    async fn write(&mut self, batches: &[Batch]) -> Result<(), StoreError> {
        self.check().await?;
        let frames = Frames {
            bytes: batches.iter().flat_map(|batch| batch.frames.bytes.iter().copied()).collect(),
            count: batches.iter().map(|batch| batch.frames.count).sum(),
        };
        let lineage = batches.iter().filter_map(|batch| batch.lineage.as_ref()).next_back();
        let (bytes, end) = self.end.next(self.grant.fencing, &self.name, lineage, &frames)?;
        let mut serial = self.end.serial;
        self.make(bytes, end).await?;
        for batch in batches {
            self.versions.batch(serial, &batch.begins, batch.frames.count);
            serial += batch.frames.count;
        }
        Ok(())
    }

    /// Puts a state in the place of all before it. After an error that leaves the log unsure nothing more is written.
    pub async fn replace(&mut self, state: &State) -> Result<(), StoreError> {
        if let Some(failed) = &self.failed {
            return Err(failed.clone());
        }
        if state.serial <= self.end.serial {
            return Err(StoreError::put_behind(state, self.end.serial));
        }
        self.check().await?;
        let (state, end) = (state.clone(), self.end.clone());
        let (fencing, name) = (self.grant.fencing, self.name.clone());
        // A record takes some hundred bytes; the text of it all is not there to be measured.
        let guess = state.objects.len().saturating_mul(512);
        let (bytes, end) = aside(guess, move || end.replaced(fencing, &name, &state)).await?;
        let made = self.make(bytes, end).await;
        self.failed = made.clone().err();
        made
    }

    /// Makes the segment that comes next, and moves the end behind it.
    async fn make(&mut self, bytes: Bytes, end: End) -> Result<(), StoreError> {
        let asked_ms = self.clock.now_ms();
        let name = names::log(end.segment);
        match self.objects.create(&name, bytes.clone()).await.map_err(write_failed)? {
            Created::Made => {}
            Created::Exists => {
                let there = self.objects.read(&name).await.map_err(write_failed)?;
                // Ours, where the reply to an earlier try was lost. Anything else is the fence of the next run, or
                // what came before it.
                if there.is_none_or(|there| there.bytes != bytes) {
                    self.held.lose();
                    return Err(self.lock.lost().await);
                }
            }
        }
        self.is_no_void(end.segment).await?;
        self.seen_ms = asked_ms;
        self.tail.bytes.fetch_add(u64::try_from(bytes.len()).unwrap_or_default(), Ordering::SeqCst);
        self.tail.segments.fetch_add(1, Ordering::SeqCst);
        self.end = end;
        Ok(())
    }

    /// Refuses where the lock is known to be lost, and looks where it may be.
    ///
    /// A run that was stopped for longer than a lease comes back here. The log would fence it off too, but only once
    /// the next run has read it: until then this look keeps it from writing.
    async fn check(&self) -> Result<(), StoreError> {
        if self.held.is_lost.load(Ordering::SeqCst) {
            return Err(self.lock.lost().await);
        }
        let now_ms = self.clock.now_ms();
        if now_ms.saturating_sub(self.held.checked_ms.load(Ordering::SeqCst)) < self.lease_ms {
            return Ok(());
        }
        match self.lock.renew(&self.grant).await {
            Ok(()) => {
                self.held.checked(now_ms);
                Ok(())
            }
            Err(error) => {
                if matches!(error, StoreError::LeaseLost(_)) {
                    self.held.lose();
                }
                Err(error)
            }
        }
    }

    /// Whether the segment that we made is the end of the log and no hole in what was cleared away of it.
    ///
    /// A run that was stopped for a month finds its number free again, for want of the fence that stood there. Nothing
    /// is cleared away without a later snapshot, so a look for one tells. The answer is late: the segment is made. It
    /// is below the snapshots and nobody reads it.
    async fn is_no_void(&self, segment: u64) -> Result<(), StoreError> {
        if self.clock.now_ms().saturating_sub(self.seen_ms) < LONGEST_SILENCE_MS {
            return Ok(());
        }
        let later = self.objects.list(names::SNAPSHOT, &names::snapshot(segment)).await.map_err(write_failed)?;
        if later.is_empty() {
            return Ok(());
        }
        self.held.lose();
        Err(self.lock.lost().await)
    }
}
