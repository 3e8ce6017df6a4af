//! The one thread that writes the log: everything that waits goes out in one write and one sync.

use super::lock::{self, LockFile};
use super::sealing::Sealing;
use crate::store::{Grant, StoreError};
use std::fs::{File, Metadata};
use std::io::Write;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread::JoinHandle;
use tokio::sync::oneshot;

/// Batches that may wait; a run has one under way at a time, or few.
const QUEUE: usize = 4_096;
/// What one write takes at most, so that the first of a long queue does not wait for the last.
const LARGEST_WRITE: usize = 8 * 1024 * 1024;

/// Framed entries and who waits for them.
struct Batch {
    frames: Vec<u8>,
    entries: u64,
    done: oneshot::Sender<Result<u64, StoreError>>,
}

/// A log that is open for appending.
pub struct Log {
    /// The file, open for appending.
    pub file: File,
    /// Its length.
    pub bytes: u64,
    /// Serial of its last entry.
    pub serial: u64,
    /// How often it was synced.
    pub syncs: u64,
    /// The lock that guards it.
    pub lock: LockFile,
    /// The file of that lock.
    pub lock_path: PathBuf,
    /// The right to write.
    pub grant: Grant,
    /// What entries are sealed with, where they are.
    pub sealing: Option<Sealing>,
}

/// The writing thread.
pub struct Writer {
    queue: Option<SyncSender<Batch>>,
    thread: Option<JoinHandle<Log>>,
    bytes: Arc<AtomicU64>,
    grant: Grant,
}

impl Writer {
    /// Starts to write to `log`.
    pub fn start(log: Log) -> Result<Self, StoreError> {
        let (queue, batches) = sync_channel(QUEUE);
        let bytes = Arc::new(AtomicU64::new(log.bytes));
        let grant = log.grant.clone();
        let told = bytes.clone();
        let thread = std::thread::Builder::new()
            .name("terrane-log".to_owned())
            .spawn(move || run(log, &batches, &told))
            .map_err(super::files::write_failed)?;
        Ok(Self { queue: Some(queue), thread: Some(thread), bytes, grant })
    }

    /// Puts framed entries in the queue; the receiver hears when they are durable.
    pub fn append(
        &self,
        grant: &Grant,
        frames: Vec<u8>,
        entries: u64,
    ) -> Result<oneshot::Receiver<Result<u64, StoreError>>, StoreError> {
        if *grant != self.grant {
            return Err(StoreError::LeaseLost(None));
        }
        let (done, waits) = oneshot::channel();
        let queue = self.queue.as_ref().ok_or_else(stopped)?;
        match queue.try_send(Batch { frames, entries, done }) {
            Ok(()) => Ok(waits),
            Err(TrySendError::Full(_)) => {
                Err(StoreError::WriteFailed { reason: format!("{QUEUE} writes wait already") })
            }
            Err(TrySendError::Disconnected(_)) => Err(stopped()),
        }
    }

    /// Length of the log.
    pub fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Writes what waits, and gives the log back.
    pub fn stop(mut self) -> Result<Log, StoreError> {
        self.queue = None;
        self.thread.take().and_then(|thread| thread.join().ok()).ok_or_else(stopped)
    }
}

/// Waits for what is queued: what a caller was promised does not end with the store.
impl Drop for Writer {
    fn drop(&mut self) {
        self.queue = None;
        if let Some(thread) = self.thread.take() {
            // A writer that panicked has answered nobody; they hear that it stopped.
            let _ = thread.join();
        }
    }
}

/// The answer of a writer that is not there any more.
pub fn stopped() -> StoreError {
    StoreError::WriteFailed { reason: "the log is not open for writing".to_owned() }
}

fn run(mut log: Log, batches: &Receiver<Batch>, bytes: &AtomicU64) -> Log {
    let mut lease = Lease { seen: None };
    let mut failed: Option<StoreError> = None;
    while let Ok(first) = batches.recv() {
        let mut together = vec![first];
        let mut size = together.iter().map(|batch| batch.frames.len()).sum::<usize>();
        while size < LARGEST_WRITE
            && let Ok(next) = batches.try_recv()
        {
            size += next.frames.len();
            together.push(next);
        }
        if failed.is_none() {
            failed = write(&mut log, &mut lease, &together).err();
        }
        bytes.store(log.bytes, Ordering::Relaxed);
        for batch in together {
            let answer = match &failed {
                Some(error) => Err(error.clone()),
                None => {
                    log.serial += batch.entries;
                    Ok(log.serial)
                }
            };
            // Nobody has to wait for it.
            let _ = batch.done.send(answer);
        }
    }
    log
}

/// Writes under the advisory lock of the log: who takes the lease over reads the log under it too, so a run that is
/// held up between the look at its lease and the write cannot write behind the back of the next one.
fn write(log: &mut Log, lease: &mut Lease, batches: &[Batch]) -> Result<(), StoreError> {
    lock::hold(&log.file)?;
    let written = write_held(log, lease, batches);
    lock::let_go(&log.file);
    written
}

fn write_held(log: &mut Log, lease: &mut Lease, batches: &[Batch]) -> Result<(), StoreError> {
    lease.check(log)?;
    let is_ours = log.file.metadata().is_ok_and(|found| found.len() == log.bytes);
    if !is_ours {
        // Another run has appended; it holds the lock, or held it.
        return Err(StoreError::LeaseLost(log.lock.holder().ok().flatten().map(Box::new)));
    }
    let frames: Vec<u8> = match batches {
        [one] => one.frames.clone(),
        many => many.iter().flat_map(|batch| batch.frames.iter().copied()).collect(),
    };
    let frames = match &log.sealing {
        Some(sealing) => sealing.frames(&frames, log.serial).map_err(super::files::write_failed)?,
        None => frames,
    };
    let written = log.file.write_all(&frames).and_then(|()| log.file.sync_data());
    match written {
        Ok(()) => {
            log.bytes += u64::try_from(frames.len()).unwrap_or_default();
            log.syncs += 1;
            Ok(())
        }
        Err(error) => {
            // A part of a record at the end would be left out at the next load anyway; best that it is not there.
            let _ = log.file.set_len(log.bytes);
            Err(super::files::write_failed(error))
        }
    }
}

/// What the lock file looked like when it was ours: while it looks the same, it need not be read again.
struct Lease {
    seen: Option<(u64, u64, i64, i64)>,
}

impl Lease {
    fn check(&mut self, log: &Log) -> Result<(), StoreError> {
        let look = |found: Metadata| (found.ino(), found.size(), found.mtime(), found.mtime_nsec());
        let now = std::fs::metadata(&log.lock_path).ok().map(look);
        if now.is_none() || now != self.seen {
            log.lock.check(&log.grant)?;
            self.seen = now;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::StateStore;
    use crate::store::contract::{entries, request};
    use crate::store::frame;
    use crate::store::local::LocalStore;

    #[tokio::test]
    async fn all_that_wait_share_one_sync() {
        let folder = tempfile::tempdir().unwrap();
        let store = LocalStore::new(&folder.path().join("state"), Arc::new(crate::clock::SystemClock));
        let grant = store.lock(&request("a@one")).await.unwrap();
        store.load(Some(&grant)).await.unwrap();
        let log = store.open().writer.take().unwrap().stop().unwrap();
        let (queue, batches) = sync_channel(QUEUE);
        let mut waits = Vec::new();
        for entry in entries(99) {
            let mut frames = Vec::new();
            frame::push(&entry, &mut frames).unwrap();
            let (done, wait) = oneshot::channel();
            queue.send(Batch { frames, entries: 1, done }).unwrap();
            waits.push(wait);
        }
        drop(queue);
        let log = run(log, &batches, &AtomicU64::new(0));
        assert_eq!((log.syncs, log.serial), (1, 100));
        for (wait, serial) in waits.iter_mut().zip(1..) {
            assert_eq!(wait.try_recv().unwrap(), Ok(serial));
        }
        assert_eq!(store.load(None).await.unwrap().state.serial, 100);
    }
}
