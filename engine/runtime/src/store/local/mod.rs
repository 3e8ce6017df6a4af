//! The state in a folder: `log` with one line an entry, `snapshot` with one line a record, `lock`; `history/` has what
//! snapshots replaced.
//!
//! A snapshot of serial n replaces all entries up to n; the log says with which serial it begins, so a stop between
//! the two renames of a compaction loses nothing and repeats nothing.

mod files;
mod history;
mod lock;
mod sealing;
mod writer;

use super::format_of;
use super::frame::{self, Next};
use super::{Cut, Grant, LoadedState, LockHolder, LockRequest, StateStore, StoreError, Version};
use crate::clock::Clock;
use crate::seal::{Keyring, WrappedKey};
use lock::LockFile;
use serde::{Deserialize, Serialize};
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use terrane_core::Text;
use terrane_plan::state::read::RecordReader;
use terrane_plan::state::{Entry, FORMAT, State};
use terrane_provider::Async;
use writer::{Log, Writer};

/// A log below this size is never compacted.
const SMALLEST_COMPACTION: u64 = 4 * 1024 * 1024;

/// A state in a folder.
#[derive(Clone)]
pub struct LocalStore {
    folder: Arc<Path>,
    lock: LockFile,
    keyring: Keyring,
    open: Arc<Mutex<Open>>,
}

#[derive(Default)]
struct Open {
    writer: Option<Writer>,
    snapshot_bytes: u64,
}

/// A name for a new history of state: 32 hexadecimal digits by chance.
///
/// # Errors
/// The machine gives no random numbers.
pub fn random_lineage() -> Result<terrane_core::Text, StoreError> {
    let name = || Ok(format!("{}{}", files::random_name()?, files::random_name()?).into());
    name().map_err(files::write_failed)
}

/// The first record of a log.
#[derive(Clone, Serialize, Deserialize)]
struct LogHeader {
    format: u32,
    /// Serial of the state before the first entry.
    base_serial: u64,
    /// The lineage of that state, where the entries are sealed: they are bound to it.
    #[serde(default, skip_serializing_if = "str::is_empty")]
    lineage: Text,
    /// The key that opens the entries, where they are sealed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    key: Option<WrappedKey>,
}

impl LogHeader {
    fn of(base_serial: u64, lineage: &Text, sealing: Option<&sealing::Sealing>) -> Self {
        let key = sealing.map(|sealing| sealing.wrapped.clone());
        let lineage = if key.is_some() { lineage.clone() } else { "".into() };
        Self { format: FORMAT, base_serial, lineage, key }
    }
}

/// What stands in the folder.
struct Content {
    state: State,
    snapshot_bytes: u64,
    /// The key that the snapshot is sealed with.
    snapshot_key: Option<WrappedKey>,
    log: Option<LogContent>,
}

struct LogContent {
    bytes: Vec<u8>,
    /// How much of it can be read.
    good: usize,
    /// The first record, where it can be read.
    header: Option<LogHeader>,
    cut: Option<Cut>,
}

impl LocalStore {
    /// The state in `folder`. Nothing is made before the lock is taken.
    #[must_use]
    pub fn new(folder: &Path, clock: Arc<dyn Clock>) -> Self {
        let keyring = Keyring::default();
        Self { folder: folder.into(), lock: LockFile::new(folder, clock), keyring, open: Arc::default() }
    }

    /// With the keys that it is sealed with and opened by.
    #[must_use]
    pub fn with_keyring(mut self, keyring: Keyring) -> Self {
        self.keyring = keyring;
        self
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    fn open(&self) -> std::sync::MutexGuard<'_, Open> {
        // What is inside is replaced as a whole, so a panic elsewhere leaves it sound.
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn read(&self) -> Result<Content, StoreError> {
        // The log first: a compaction by another run between the two reads then shows as a log that the snapshot covers.
        let log = files::read(&self.path("log"))?;
        let (mut state, snapshot_bytes, snapshot_key) = match files::open(&self.path("snapshot"))? {
            Some((file, bytes)) => {
                let file = std::io::BufReader::with_capacity(1 << 18, file);
                let (state, key) = sealing::read_snapshot(file, &self.keyring)?;
                (state, bytes, key)
            }
            None => (State::default(), 0, None),
        };
        let is_sealed = (snapshot_bytes > 0).then_some(snapshot_key.is_some());
        let log = log.map(|bytes| self.replay(bytes, is_sealed, &mut state)).transpose()?;
        Ok(Content { state, snapshot_bytes, snapshot_key, log })
    }

    fn load_to_write(&self, grant: &Grant) -> Result<LoadedState, StoreError> {
        self.lock.check(grant)?;
        self.open().writer = None;
        // The write of a run that lost its lease ends before the log is read, or does not begin.
        let held = File::open(self.path("log")).ok();
        held.as_ref().map_or(Ok(()), lock::hold)?;
        let Content { state, mut snapshot_bytes, snapshot_key, log } = self.read()?;
        let sealing = sealing::Sealing::of(&self.keyring)?;
        let wanted = sealing.as_ref().map(|sealing| &sealing.wrapped);
        let mut cut = None;
        let mut kept = None;
        if let Some(mut log) = log {
            cut = log.cut.take();
            if let Some(cut) = &mut cut {
                cut.kept_in = Some(self.set_aside(&log, cut.serial)?);
            }
            let is_snapshot_right = snapshot_bytes == 0 || snapshot_key.as_ref() == wanted;
            match log.header {
                Some(header) if header.key.as_ref() == wanted && is_snapshot_right => {
                    kept = Some((log.good, header.lineage));
                }
                // Sealed otherwise than is wanted now: from here on all of it is as wanted.
                Some(_) if state.serial > 0 => {
                    self.keep().map_err(files::write_failed)?;
                    self.reseal_history(sealing.as_ref())?;
                    snapshot_bytes = self.put_state(grant, &state, sealing.as_ref())?;
                }
                _ => {}
            }
        }
        let (bytes, lineage) = match kept {
            Some(kept) => kept,
            None => (self.new_log(grant, &state, sealing.as_ref())?, state.lineage.clone()),
        };
        let file = OpenOptions::new().append(true).open(self.path("log")).map_err(files::write_failed)?;
        let log = Log {
            file,
            bytes: u64::try_from(bytes).unwrap_or(u64::MAX),
            serial: state.serial,
            syncs: 0,
            lock: self.lock.clone(),
            lock_path: self.path("lock"),
            grant: grant.clone(),
            sealing: sealing.map(|sealing| sealing.bound_to(lineage)),
        };
        let mut open = self.open();
        open.snapshot_bytes = snapshot_bytes;
        open.writer = Some(Writer::start(log)?);
        Ok(LoadedState { state, cut })
    }

    /// Moves what cannot be read to a file of its own; it is durable there before the log is cut.
    fn set_aside(&self, log: &LogContent, serial: u64) -> Result<String, StoreError> {
        let rest = log.bytes.get(log.good..).unwrap_or_default();
        let mut name = format!("log.damaged-{serial}");
        let mut attempt = 1;
        let mut file = loop {
            match files::new_file(&self.path(&name)) {
                Ok(file) => break file,
                Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists && attempt < 1_000 => {
                    attempt += 1;
                    name = format!("log.damaged-{serial}.{attempt}");
                }
                Err(error) => return Err(files::write_failed(error)),
            }
        };
        let mut cut = || {
            file.write_all(rest)?;
            file.sync_all()?;
            files::sync_folder(&self.folder)?;
            let log_file = OpenOptions::new().write(true).open(self.path("log"))?;
            log_file.set_len(u64::try_from(log.good).unwrap_or(u64::MAX))?;
            log_file.sync_all()
        };
        cut().map_err(files::write_failed)?;
        Ok(self.path(&name).display().to_string())
    }

    /// Puts a log without entries in place; gives its length.
    fn new_log(&self, grant: &Grant, state: &State, sealing: Option<&sealing::Sealing>) -> Result<usize, StoreError> {
        let mut header = Vec::new();
        frame::push(&LogHeader::of(state.serial, &state.lineage, sealing), &mut header)
            .map_err(|e| files::write_failed(e.into()))?;
        self.put_durably("log", grant, |file| file.write_all(&header))?;
        Ok(header.len())
    }

    /// A file is written, synced, renamed while the lease is ours, and the rename is synced.
    fn put_durably(
        &self,
        name: &str,
        grant: &Grant,
        write: impl FnOnce(&mut File) -> std::io::Result<()>,
    ) -> Result<(), StoreError> {
        let random = files::random_name().map_err(files::write_failed)?;
        let temporary = self.path(&format!("{name}.tmp-{random}"));
        let prepare = || {
            let mut file = files::new_file(&temporary)?;
            write(&mut file)?;
            file.sync_all()
        };
        let put = || {
            let _guard = self.lock.guard()?;
            self.lock.check(grant)?;
            let renamed = std::fs::rename(&temporary, self.path(name));
            renamed.and_then(|()| files::sync_folder(&self.folder)).map_err(files::write_failed)
        };
        let result = prepare().map_err(files::write_failed).and_then(|()| put());
        if result.is_err() {
            // It may be renamed already; the first error is the one to tell.
            let _ = std::fs::remove_file(&temporary);
        }
        result
    }

    /// Puts a snapshot in the place of the log, where `fits` says so of the last serial.
    fn put_snapshot(
        &self,
        grant: &Grant,
        state: &State,
        fits: impl FnOnce(u64) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let writer = self.open().writer.take().ok_or_else(writer::stopped)?;
        let mut log = writer.stop()?;
        self.lock.check(grant)?;
        if log.grant != *grant {
            return Err(StoreError::WriteFailed { reason: "the state was loaded under another lock".to_owned() });
        }
        if let Err(error) = fits(log.serial) {
            self.open().writer = Some(Writer::start(log)?);
            return Err(error);
        }
        self.keep().map_err(files::write_failed)?;
        log.serial = state.serial;
        let sealing = log.sealing.take();
        let bytes = self.put_state(grant, state, sealing.as_ref())?;
        log.bytes = u64::try_from(self.new_log(grant, state, sealing.as_ref())?).unwrap_or(u64::MAX);
        log.sealing = sealing.map(|sealing| sealing.bound_to(state.lineage.clone()));
        log.file = OpenOptions::new().append(true).open(self.path("log")).map_err(files::write_failed)?;
        let mut open = self.open();
        open.snapshot_bytes = bytes;
        open.writer = Some(Writer::start(log)?);
        drop(open);
        // History that stays too long harms nobody; the next compaction tries again.
        let _ = self.forget_old(self.lock.now_ms());
        Ok(())
    }

    /// Whether files can be made here.
    fn try_folder(&self) -> Result<(), StoreError> {
        let try_it = || {
            files::make_folder(&self.folder)?;
            let path = self.path(&format!("probe-{}", files::random_name()?));
            files::create_new(&path, b"probe")?;
            std::fs::remove_file(path)
        };
        try_it().map_err(|error| match error.kind() {
            std::io::ErrorKind::PermissionDenied => StoreError::Denied { action: "write", reason: error.to_string() },
            _ => files::write_failed(error),
        })
    }
}

impl LocalStore {
    /// Puts a snapshot in place; gives its length.
    fn put_state(&self, grant: &Grant, state: &State, sealing: Option<&sealing::Sealing>) -> Result<u64, StoreError> {
        let mut bytes = 0;
        self.put_durably("snapshot", grant, |file| {
            bytes = sealing::write_snapshot(state, std::io::BufWriter::with_capacity(1 << 20, file), sealing)?;
            Ok(())
        })?;
        Ok(bytes)
    }

    /// Plays the entries of a log over `state`, as far as they can be read. `is_sealed` tells whether the snapshot
    /// is, where there is one.
    fn replay(&self, bytes: Vec<u8>, is_sealed: Option<bool>, state: &mut State) -> Result<LogContent, StoreError> {
        let mut log = LogContent { bytes, good: 0, header: None, cut: None };
        let mut entries = sealing::Entries::new(&self.keyring, is_sealed);
        let mut covered = 0;
        let mut reader = RecordReader::default();
        let reason = loop {
            match frame::next(&log.bytes, log.good) {
                Next::End => break log.header.is_none().then_some("it has no first record"),
                Next::Damaged(reason) => break Some(reason),
                Next::Record(body, after) => {
                    if log.header.is_none() {
                        let header = log_header(body)?;
                        covered = entries_in_snapshot(&header, state)?;
                        entries.begin(&header, Some(&state.lineage))?;
                        log.header = Some(header);
                    } else if covered > 0 {
                        covered -= 1;
                    } else {
                        // Its checksum is right, so it was written like this: not damage, and not ours to leave out.
                        let unknown = |why: &dyn std::fmt::Display| StoreError::Damaged {
                            reason: format!("the journal has an entry that this version does not know: {why}"),
                        };
                        let body = entries.open(body, state.serial + 1)?;
                        let text = std::str::from_utf8(&body).map_err(|error| unknown(&error))?;
                        state.apply(reader.entry(text).map_err(|error| unknown(&error))?);
                    }
                    log.good = after;
                }
            }
        };
        if let Some(reason) = reason {
            let bytes = u64::try_from(log.bytes.len() - log.good).unwrap_or(u64::MAX);
            log.cut = Some(Cut { serial: state.serial, bytes, kept_in: None, reason: reason.to_owned() });
        }
        Ok(log)
    }
}

fn log_header(header: &[u8]) -> Result<LogHeader, StoreError> {
    let damaged = || StoreError::Damaged { reason: "the journal has no header".to_owned() };
    let format = format_of(header).ok_or_else(damaged)?;
    if format > FORMAT {
        return Err(StoreError::Newer { found: format });
    }
    serde_json::from_slice(header).map_err(|_| damaged())
}

/// How many entries after this header are in the snapshot already.
fn entries_in_snapshot(header: &LogHeader, state: &State) -> Result<u64, StoreError> {
    let reason = "the journal begins after the snapshot ends: the snapshot is missing or older";
    let gap = || StoreError::Damaged { reason: reason.to_owned() };
    state.serial.checked_sub(header.base_serial).ok_or_else(gap)
}

impl StateStore for LocalStore {
    fn place(&self) -> String {
        self.folder.display().to_string()
    }

    fn load<'a>(&'a self, grant: Option<&'a Grant>) -> Async<'a, Result<LoadedState, StoreError>> {
        let (store, grant) = (self.clone(), grant.cloned());
        aside(move || match grant {
            Some(grant) => store.load_to_write(&grant),
            None => store
                .read()
                .map(|content| LoadedState { state: content.state, cut: content.log.and_then(|log| log.cut) }),
        })
    }

    fn append(&self, grant: &Grant, entries: &[Entry]) -> Async<'static, Result<u64, StoreError>> {
        let mut frames = Vec::with_capacity(entries.len().saturating_mul(512));
        let framed = entries.iter().try_for_each(|entry| frame::push(entry, &mut frames));
        let count = u64::try_from(entries.len()).unwrap_or(u64::MAX);
        let queued = framed.map_err(|error| files::write_failed(error.into())).and_then(|()| {
            let open = self.open();
            open.writer.as_ref().ok_or_else(writer::stopped)?.append(grant, frames, count)
        });
        Box::pin(async move { queued?.await.unwrap_or_else(|_| Err(writer::stopped())) })
    }

    fn is_compaction_due(&self) -> bool {
        let open = self.open();
        let log = open.writer.as_ref().map_or(0, Writer::bytes);
        log > SMALLEST_COMPACTION && log > open.snapshot_bytes
    }

    fn compact<'a>(&'a self, grant: &'a Grant, state: &'a State) -> Async<'a, Result<(), StoreError>> {
        let (store, grant, state) = (self.clone(), grant.clone(), state.clone());
        aside(move || {
            let wrong = || StoreError::WriteFailed { reason: "the snapshot is not of the last serial".to_owned() };
            store.put_snapshot(&grant, &state, |last| if last == state.serial { Ok(()) } else { Err(wrong()) })
        })
    }

    fn put<'a>(&'a self, grant: &'a Grant, state: &'a State) -> Async<'a, Result<(), StoreError>> {
        let (store, grant, state) = (self.clone(), grant.clone(), state.clone());
        aside(move || {
            let fits = |last| if state.serial > last { Ok(()) } else { Err(StoreError::put_behind(&state, last)) };
            store.put_snapshot(&grant, &state, fits)
        })
    }

    fn reseal<'a>(&'a self, _: &'a Grant, _: &'a State) -> Async<'a, Result<(), StoreError>> {
        // Loading with a grant left nothing that is sealed otherwise.
        Box::pin(async { Ok(()) })
    }

    fn lock<'a>(&'a self, request: &'a LockRequest) -> Async<'a, Result<Grant, StoreError>> {
        let (lock, request) = (self.lock.clone(), request.clone());
        aside(move || lock.take(&request))
    }

    fn renew<'a>(&'a self, grant: &'a Grant) -> Async<'a, Result<(), StoreError>> {
        let (lock, grant) = (self.lock.clone(), grant.clone());
        aside(move || lock.renew(&grant))
    }

    fn unlock<'a>(&'a self, grant: &'a Grant) -> Async<'a, Result<(), StoreError>> {
        let (store, grant) = (self.clone(), grant.clone());
        aside(move || {
            // What waits is written while the lock is still ours.
            store.open().writer = None;
            store.lock.release(&grant)
        })
    }

    fn holder(&self) -> Async<'_, Result<Option<LockHolder>, StoreError>> {
        let lock = self.lock.clone();
        aside(move || lock.holder().map_err(|error| StoreError::ReadFailed { reason: error.to_string() }))
    }

    fn versions(&self) -> Async<'_, Result<Vec<Version>, StoreError>> {
        let store = self.clone();
        aside(move || store.read_versions())
    }

    fn load_at(&self, serial: u64) -> Async<'_, Result<LoadedState, StoreError>> {
        let store = self.clone();
        aside(move || store.read_at(serial))
    }

    fn break_lock<'a>(&'a self, id: &'a str) -> Async<'a, Result<LockHolder, StoreError>> {
        let (lock, id) = (self.lock.clone(), id.to_owned());
        aside(move || lock.break_it(&id))
    }

    fn probe(&self) -> Async<'_, Result<(), StoreError>> {
        let store = self.clone();
        aside(move || store.try_folder())
    }
}

/// Runs work on files where it may block.
fn aside<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
) -> Async<'static, Result<T, StoreError>> {
    Box::pin(async move {
        match tokio::task::spawn_blocking(work).await {
            Ok(result) => result,
            Err(error) => Err(StoreError::ReadFailed { reason: format!("a task of the store ended early: {error}") }),
        }
    })
}

#[cfg(test)]
mod tests;
