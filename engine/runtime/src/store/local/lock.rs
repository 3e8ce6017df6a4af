//! The lock file of a local state: a lease with an owner, a heartbeat and a fencing number.
//!
//! The file is made with create-new. Every look-and-then-change of it happens under an advisory lock of the
//! folder that lasts microseconds, so that of two runs that find a dead lock one takes it over.

use super::files;
use crate::clock::{Clock, from_rfc3339, rfc3339};
use crate::store::{Grant, LEASE_MS, LockHolder, LockRequest, StoreError};
use rustix::fs::FlockOperation;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How long another run may take for a change of the lock file before it is given up.
const GUARD_TIMEOUT: Duration = Duration::from_secs(2);

/// The lock file of a folder.
#[derive(Clone)]
pub struct LockFile {
    folder: PathBuf,
    clock: Arc<dyn Clock>,
}

impl LockFile {
    /// That of `folder`.
    pub fn new(folder: &Path, clock: Arc<dyn Clock>) -> Self {
        Self { folder: folder.to_owned(), clock }
    }

    fn path(&self) -> PathBuf {
        self.folder.join("lock")
    }

    /// Who holds it. A file that cannot be read as a lock is somebody's, of whom nothing is known.
    pub fn holder(&self) -> io::Result<Option<LockHolder>> {
        match std::fs::read(self.path()) {
            Ok(bytes) => Ok(Some(serde_json::from_slice(&bytes).unwrap_or_else(|_| stranger()))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Takes it, or says who has it.
    pub fn take(&self, request: &LockRequest) -> Result<Grant, StoreError> {
        files::make_folder(&self.folder).map_err(files::write_failed)?;
        let _guard = self.guard()?;
        let held = self.holder().map_err(files::write_failed)?;
        if let Some(holder) = &held
            && !self.is_dead(holder)
        {
            return Err(StoreError::Locked(Box::new(holder.clone())));
        }
        let last = held.as_ref().map_or(0, |holder| holder.fencing).max(self.last_fencing());
        let now = rfc3339(self.clock.now_ms());
        let holder = LockHolder {
            id: files::random_name().map_err(files::write_failed)?.into(),
            owner: request.owner.clone(),
            operation: request.operation.clone(),
            created: now.clone(),
            heartbeat: now,
            fencing: last + 1,
            machine: machine().unwrap_or_default().into(),
            process: process(std::process::id()).unwrap_or_default().into(),
        };
        self.write(&holder, held.is_none()).map_err(files::write_failed)?;
        // The number outlives the lock file, so that it never shrinks.
        files::replace(&self.folder, "fencing", holder.fencing.to_string().as_bytes()).map_err(files::write_failed)?;
        Ok(Grant { id: holder.id, fencing: holder.fencing })
    }

    /// Renews the heartbeat.
    pub fn renew(&self, grant: &Grant) -> Result<(), StoreError> {
        let _guard = self.guard()?;
        let mut holder = self.check(grant)?;
        holder.heartbeat = rfc3339(self.clock.now_ms());
        self.write(&holder, false).map_err(files::write_failed)
    }

    /// Gives it back; one that is not ours is left alone.
    pub fn release(&self, grant: &Grant) -> Result<(), StoreError> {
        let _guard = self.guard()?;
        match self.check(grant) {
            Ok(_) => std::fs::remove_file(self.path()).map_err(files::write_failed),
            Err(StoreError::LeaseLost(_)) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Takes it away from its holder, who sees at the next write that the file is gone.
    pub fn break_it(&self, id: &str) -> Result<LockHolder, StoreError> {
        if !self.folder.is_dir() {
            return Err(StoreError::OtherLock(None));
        }
        let _guard = self.guard()?;
        match self.holder().map_err(files::write_failed)? {
            Some(holder) if *holder.id == *id => {
                std::fs::remove_file(self.path()).map_err(files::write_failed)?;
                Ok(holder)
            }
            other => Err(StoreError::OtherLock(other.map(Box::new))),
        }
    }

    /// Milliseconds since the Unix epoch, by the clock that leases go by.
    pub fn now_ms(&self) -> u64 {
        self.clock.now_ms()
    }

    /// Whether it is still ours.
    pub fn check(&self, grant: &Grant) -> Result<LockHolder, StoreError> {
        match self.holder().map_err(files::write_failed)? {
            Some(holder) if holder.id == grant.id && holder.fencing == grant.fencing => Ok(holder),
            other => Err(StoreError::LeaseLost(other.map(Box::new))),
        }
    }

    fn write(&self, holder: &LockHolder, is_new: bool) -> io::Result<()> {
        let text = serde_json::to_vec(holder)?;
        if is_new { files::create_new(&self.path(), &text) } else { files::replace(&self.folder, "lock", &text) }
    }

    fn last_fencing(&self) -> u64 {
        let text = std::fs::read_to_string(self.folder.join("fencing")).unwrap_or_default();
        text.trim().parse().unwrap_or(0)
    }

    fn is_dead(&self, holder: &LockHolder) -> bool {
        let is_expired = match from_rfc3339(&holder.heartbeat) {
            Some(heartbeat) => self.clock.now_ms().saturating_sub(heartbeat) >= LEASE_MS,
            // Half written by a run that died there, or by hand: the age of the file tells.
            None => age_ms(&self.path()).is_some_and(|age| age >= LEASE_MS),
        };
        let is_ours_to_tell = !holder.process.is_empty() && machine().is_some_and(|here| *here == *holder.machine);
        is_expired || (is_ours_to_tell && !is_alive(&holder.process))
    }

    /// Keeps other runs from changing the lock file until it is dropped.
    pub fn guard(&self) -> Result<File, StoreError> {
        let folder = File::open(&self.folder).map_err(files::write_failed)?;
        hold(&folder)?;
        Ok(folder)
    }
}

/// Takes the advisory lock of an open file; it lasts until the file is closed or [`let_go`].
pub fn hold(file: &File) -> Result<(), StoreError> {
    let begun = Instant::now();
    loop {
        match rustix::fs::flock(file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => return Ok(()),
            Err(rustix::io::Errno::WOULDBLOCK) if begun.elapsed() < GUARD_TIMEOUT => {
                std::thread::sleep(Duration::from_micros(200));
            }
            // Some network file systems know no advisory locks; create-new and the fencing number remain.
            Err(rustix::io::Errno::NOTSUP | rustix::io::Errno::NOSYS | rustix::io::Errno::NOLCK) => return Ok(()),
            Err(rustix::io::Errno::WOULDBLOCK) => {
                let reason = "another run is in the middle of a write and does not come to its end".to_owned();
                return Err(StoreError::WriteFailed { reason });
            }
            Err(error) => return Err(files::write_failed(error.into())),
        }
    }
}

/// Gives the advisory lock of a file back that stays open.
pub fn let_go(file: &File) {
    // A file that cannot be unlocked was not locked, or is about to be closed.
    let _ = rustix::fs::flock(file, FlockOperation::Unlock);
}

fn stranger() -> LockHolder {
    let unknown = || "unknown".into();
    LockHolder {
        id: unknown(),
        owner: unknown(),
        operation: unknown(),
        created: unknown(),
        heartbeat: unknown(),
        fencing: 0,
        machine: "".into(),
        process: "".into(),
    }
}

fn age_ms(path: &Path) -> Option<u64> {
    let age = std::fs::metadata(path).ok()?.modified().ok()?.elapsed().ok()?;
    u64::try_from(age.as_millis()).ok()
}

/// This boot of this machine and the process namespace: inside of it a process number means the same to all.
fn machine() -> Option<String> {
    let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
    let namespace = std::fs::read_link("/proc/self/ns/pid").ok()?;
    Some(format!("{} {}", boot.trim(), namespace.display()))
}

/// Number and moment of birth of a process: numbers come again, the pair does not.
fn process(pid: u32) -> Option<String> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name stands in parentheses and may hold anything; the 20th field after it is the moment of birth.
    let (_, after) = stat.rsplit_once(')')?;
    Some(format!("{pid} {}", after.split_whitespace().nth(19)?))
}

fn is_alive(identity: &str) -> bool {
    let pid = identity.split(' ').next().and_then(|pid| pid.parse().ok());
    pid.and_then(process).is_some_and(|found| found == identity)
}
