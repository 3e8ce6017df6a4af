//! Where the state is kept: a log of entries behind one trait, and the lock over it.
//!
//! A store appends entries durably and gives them back folded into a [`State`]. It knows nothing of what the
//! entries mean beyond [`State::apply`]. Every store passes the suite in [`contract`].

pub mod arguments;
pub mod contract;
pub mod frame;
pub mod history;
pub mod local;
pub mod memory;
pub mod objects;
pub mod open;

mod snapshot;

pub use history::Version;

use serde::{Deserialize, Serialize};
use std::io;
use terrane_core::Text;
use terrane_plan::state::{Entry, State};
use terrane_provider::Async;

/// Sixteen hexadecimal digits by chance.
pub(crate) fn random_name() -> io::Result<String> {
    let mut bytes = [0; 8];
    aws_lc_rs::rand::fill(&mut bytes).map_err(|_| io::Error::other("the machine gives no random numbers"))?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// The `format` of the first line of a file.
fn format_of(header: &[u8]) -> Option<u32> {
    #[derive(Deserialize)]
    struct Format {
        format: u32,
    }
    serde_json::from_slice::<Format>(header).ok().map(|header| header.format)
}

/// How long a lock lives without a heartbeat, in milliseconds.
pub const LEASE_MS: u64 = 60_000;

/// Who wants the lock, and what for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LockRequest {
    /// `user@host`.
    pub owner: Text,
    /// The operation, `apply`.
    pub operation: Text,
}

/// A lock as it is held.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LockHolder {
    /// Unique name of this lock.
    pub id: Text,
    /// `user@host`.
    pub owner: Text,
    /// The operation, `apply`.
    pub operation: Text,
    /// When it was taken, RFC 3339.
    pub created: Text,
    /// When it was renewed last, RFC 3339.
    pub heartbeat: Text,
    /// Grows each time the lock is taken: what has a smaller number is from a run that lost its lock.
    pub fencing: u64,
    /// The machine, its boot and its process namespace; empty where that cannot be told.
    #[serde(default, skip_serializing_if = "str::is_empty")]
    pub machine: Text,
    /// The process on that machine, and when it began; empty where that cannot be told.
    #[serde(default, skip_serializing_if = "str::is_empty")]
    pub process: Text,
}

/// The right to write, until the lock is lost or given back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// Name of the lock.
    pub id: Text,
    /// Its fencing number.
    pub fencing: u64,
}

/// What was left out of a log because it cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cut {
    /// Serial of the last entry that was kept.
    pub serial: u64,
    /// How many bytes were left out.
    pub bytes: u64,
    /// Where they are kept now; `None` where the log was only read.
    pub kept_in: Option<String>,
    /// What is wrong with them.
    pub reason: String,
}

/// A state, and what could not be read of it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LoadedState {
    /// The state of everything that could be read.
    pub state: State,
    /// What was left out.
    pub cut: Option<Cut>,
}

/// Why a store cannot do something.
#[derive(Clone, Debug, PartialEq)]
pub enum StoreError {
    /// Somebody else holds the lock.
    Locked(Box<LockHolder>),
    /// The lock is not ours any more; who has it, where somebody has.
    LeaseLost(Option<Box<LockHolder>>),
    /// A newer version of Terrane wrote it.
    Newer {
        /// The version of its format.
        found: u32,
    },
    /// It cannot be read and nothing can be cut off to make it readable.
    Damaged {
        /// What is wrong.
        reason: String,
    },
    /// It cannot be sealed or opened.
    Sealed(crate::seal::SealError),
    /// Reading failed.
    ReadFailed {
        /// Why.
        reason: String,
    },
    /// Writing failed. What was written before is durable, nothing after it is.
    WriteFailed {
        /// Why.
        reason: String,
    },
    /// The bucket, container, table or host is not there.
    NoSuchPlace {
        /// What the place said.
        reason: String,
    },
    /// A right is missing at the place.
    Denied {
        /// What for: `read`, `list`, `create`, `write`, `delete`.
        action: &'static str,
        /// What the place said.
        reason: String,
    },
    /// The place overwrites where it should refuse, so it cannot keep a state.
    NotConditional,
    /// The backend cannot be used as it is written.
    Unusable {
        /// Why, in words that hold no secret.
        reason: String,
    },
    /// Our clock and that of the place are too far apart.
    ClockSkew {
        /// What the place said.
        reason: String,
    },
    /// The history has no state of that serial.
    NoSuchSerial {
        /// The serial that was asked for.
        serial: u64,
        /// The oldest that is kept.
        oldest: u64,
        /// The last.
        newest: u64,
    },
    /// Another lock than the named one is held; none, where nothing is.
    OtherLock(Option<Box<LockHolder>>),
}

impl StoreError {
    /// A state that cannot be put over one with the serial `last`.
    pub(crate) fn put_behind(state: &State, last: u64) -> Self {
        Self::WriteFailed { reason: format!("the serial {} is not above the last one, {last}", state.serial) }
    }
}

/// A place that keeps one state.
///
/// Whoever writes first takes the lock, then loads with the grant: only then is the store ready for [`append`].
///
/// [`append`]: StateStore::append
pub trait StateStore: Send + Sync {
    /// Where it is, for people.
    fn place(&self) -> String;

    /// How long a lock lives without a heartbeat, in milliseconds.
    fn lease_ms(&self) -> u64 {
        LEASE_MS
    }

    /// Reads everything. Without a grant nothing is changed; with one, what cannot be read is moved aside.
    ///
    /// # Errors
    /// [`StoreError::Newer`], [`StoreError::Damaged`], [`StoreError::ReadFailed`]; with a grant also
    /// [`StoreError::LeaseLost`] and [`StoreError::WriteFailed`].
    fn load<'a>(&'a self, grant: Option<&'a Grant>) -> Async<'a, Result<LoadedState, StoreError>>;

    /// Appends entries. They take their place in the order of the calls, not of the waits; the future ends
    /// when they are durable, with the serial of the last. Entries of many callers share one write.
    ///
    /// # Errors
    /// [`StoreError::LeaseLost`], [`StoreError::WriteFailed`]. After either nothing more is written.
    fn append(&self, grant: &Grant, entries: &[Entry]) -> Async<'static, Result<u64, StoreError>>;

    /// Whether [`StateStore::compact`] is worth its cost now.
    fn is_compaction_due(&self) -> bool;

    /// Puts a snapshot in the place of the log. `state` is what all appended entries come to.
    ///
    /// # Errors
    /// As [`StateStore::append`]; the state is whole in any case.
    fn compact<'a>(&'a self, grant: &'a Grant, state: &'a State) -> Async<'a, Result<(), StoreError>>;

    /// Puts a state that comes from elsewhere in the place of what is there, with its lineage and its serial. It is
    /// durable and whole, or what was there stays; either way the earlier states stay in the history.
    ///
    /// # Errors
    /// As [`StateStore::append`]; [`StoreError::WriteFailed`] where the serial is not above the last one here: no
    /// serial ever means two states.
    fn put<'a>(&'a self, grant: &'a Grant, state: &'a State) -> Async<'a, Result<(), StoreError>>;

    /// Seals everything that is kept with the keys that are current now. Where loading with a grant did it already,
    /// nothing is left to do.
    ///
    /// # Errors
    /// As [`StateStore::compact`].
    fn reseal<'a>(&'a self, grant: &'a Grant, state: &'a State) -> Async<'a, Result<(), StoreError>> {
        self.compact(grant, state)
    }

    /// Takes the lock, at once or not at all. A lock without a heartbeat for [`LEASE_MS`], or whose process is
    /// gone from this machine, is taken over.
    ///
    /// # Errors
    /// [`StoreError::Locked`], [`StoreError::WriteFailed`].
    fn lock<'a>(&'a self, request: &'a LockRequest) -> Async<'a, Result<Grant, StoreError>>;

    /// The heartbeat of a lock.
    ///
    /// # Errors
    /// [`StoreError::LeaseLost`], [`StoreError::WriteFailed`].
    fn renew<'a>(&'a self, grant: &'a Grant) -> Async<'a, Result<(), StoreError>>;

    /// Gives the lock back. One that is not ours any more is left alone.
    ///
    /// # Errors
    /// [`StoreError::WriteFailed`].
    fn unlock<'a>(&'a self, grant: &'a Grant) -> Async<'a, Result<(), StoreError>>;

    /// Who holds the lock.
    ///
    /// # Errors
    /// [`StoreError::ReadFailed`].
    fn holder(&self) -> Async<'_, Result<Option<LockHolder>, StoreError>>;

    /// The runs that wrote, oldest first, as far back as history is kept.
    ///
    /// # Errors
    /// As [`StateStore::load`] without a grant.
    fn versions(&self) -> Async<'_, Result<Vec<Version>, StoreError>>;

    /// The state as it was after the entry of that serial; 0 is before the first.
    ///
    /// # Errors
    /// [`StoreError::NoSuchSerial`]; as [`StateStore::load`] without a grant.
    fn load_at(&self, serial: u64) -> Async<'_, Result<LoadedState, StoreError>>;

    /// Takes the lock of that id away from whoever holds it, and gives it back for anybody to take. The run that held
    /// it is fenced off as one whose lease was taken over. Gives the lock as it was.
    ///
    /// # Errors
    /// [`StoreError::OtherLock`]; [`StoreError::ReadFailed`], [`StoreError::WriteFailed`].
    fn break_lock<'a>(&'a self, id: &'a str) -> Async<'a, Result<LockHolder, StoreError>>;

    /// Tries whether the place can keep a state, without changing one.
    ///
    /// # Errors
    /// [`StoreError::NoSuchPlace`], [`StoreError::Denied`], [`StoreError::NotConditional`], [`StoreError::ClockSkew`],
    /// [`StoreError::WriteFailed`].
    fn probe(&self) -> Async<'_, Result<(), StoreError>>;
}
