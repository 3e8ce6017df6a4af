//! The log as objects: reading it, and the fence that takes it over.
//!
//! Segments are numbered without a gap, each made where there was none, so of two runs that want to write number n one
//! does, and the other learns of it. A run begins with a fence, a segment with its fencing number and nothing else. An
//! older run, wherever it was held up and whatever it takes the time to be, wants to write the number after the last
//! it knows of: that is the fence's, or one before it, and it is taken. So the fence has to stay for as long as such a
//! run may come back; what is cleared away is cleared away by [`super::history`] and [`super::writer`] minds it.

use super::lease::{Lock, read_failed, write_failed};
use super::segment::{self, End, Frames, Header, damaged};
use super::{Created, Objects, names, snapshot};
use crate::store::history::Versions;
use crate::store::{Grant, StoreError};
use bytes::Bytes;
use futures_util::StreamExt;
use std::sync::Arc;
use terrane_core::Text;
use terrane_plan::state::State;
use terrane_plan::state::read::RecordReader;

/// Segments that are read at once.
pub const READS: usize = 16;
/// Bytes of a snapshot over which work is long.
const LONG_WORK: usize = 64 * 1024;
/// How often a read begins anew because what it listed was cleared away meanwhile.
const MOST_READS: u32 = 3;
/// Segments of others that a fence comes behind before it is given up: a run that has lost its lease notices with
/// its next heartbeat.
const MOST_COLLISIONS: u32 = 1_000;

/// The log of a place.
#[derive(Clone)]
pub struct Log {
    pub(super) objects: Arc<dyn Objects>,
}

/// What reading came to.
pub struct Read {
    /// The state.
    pub state: State,
    /// Where the log ends.
    pub end: End,
    /// Number of the snapshot that it was read from; 0 for none.
    pub snapshot: u64,
    /// Its length.
    pub snapshot_bytes: u64,
    /// Length of the segments after it.
    pub tail_bytes: u64,
    /// The runs that wrote.
    pub versions: Versions,
    reader: RecordReader,
}

impl Read {
    fn of(found: Option<(snapshot::Header, State, u64)>) -> Self {
        let (state, end, snapshot_bytes, versions) = match found {
            Some((header, state, bytes)) => {
                (state, snapshot::end(&header), bytes, Versions::of(header.versions, header.serial))
            }
            None => (State::default(), End::default(), 0, Versions::default()),
        };
        let snapshot = end.segment;
        Self { state, end, snapshot, snapshot_bytes, tail_bytes: 0, versions, reader: RecordReader::default() }
    }

    /// Plays a segment, which has to follow from what was read.
    fn play(&mut self, number: u64, bytes: &[u8]) -> Result<(), StoreError> {
        let (header, at) = segment::header(number, bytes)?;
        follows(&self.end, &header)?;
        if header.whole {
            self.state = segment::whole(&header, bytes, at)?;
        }
        segment::each_entry(&header, bytes, at, |serial, json| {
            // Its checksum is right, so it was written like this: not damage, and not ours to leave out.
            let unknown = |error: &dyn std::fmt::Display| StoreError::Damaged {
                reason: format!("the journal has an entry that this version does not know: {error}"),
            };
            let text = std::str::from_utf8(json).map_err(|error| unknown(&error))?;
            let entry = self.reader.entry(text).map_err(|error| unknown(&error))?;
            self.versions.typed(&entry, serial);
            self.state.apply(entry);
            Ok(())
        })?;
        if self.state.lineage != header.lineage {
            return Err(damaged(number, "is of another lineage"));
        }
        self.end = End::after(&header, bytes);
        self.tail_bytes += u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        Ok(())
    }
}

/// Whether a segment comes next at an end.
///
/// # Errors
/// [`StoreError::Damaged`] with what is wrong.
pub fn follows(end: &End, header: &Header) -> Result<(), StoreError> {
    let number = header.segment;
    if number != end.segment + 1 {
        return Err(damaged(end.segment + 1, "is missing"));
    }
    if header.previous != end.digest {
        return Err(damaged(number, "does not follow from the one before it, which is another than it was"));
    }
    let fits = if header.whole { header.base_serial > end.serial } else { header.base_serial == end.serial };
    if !fits {
        return Err(damaged(number, "begins with another serial"));
    }
    if header.fencing < end.fencing {
        return Err(damaged(number, "is of a run that had lost its lock"));
    }
    Ok(())
}

impl Log {
    /// Reads everything: the newest whole snapshot and the segments after it.
    pub async fn read(&self) -> Result<Read, StoreError> {
        for _ in 0..MOST_READS {
            if let Some(read) = self.read_once().await? {
                return Ok(read);
            }
        }
        let reason = "what was listed was cleared away before it could be read".to_owned();
        Err(StoreError::ReadFailed { reason })
    }

    /// `None` where something that was listed is not there any more.
    async fn read_once(&self) -> Result<Option<Read>, StoreError> {
        let listed = self.objects.list(names::SNAPSHOT, "").await.map_err(read_failed)?;
        let mut first_damage = None;
        let mut found = None;
        for (number, listed) in names::numbered(names::SNAPSHOT, listed).into_iter().rev() {
            let Some(object) = self.objects.read(&listed.name).await.map_err(read_failed)? else { return Ok(None) };
            let bytes = object.bytes.len();
            match aside(bytes, move || snapshot::read(number, &object.bytes)).await {
                Ok((header, state)) => {
                    found = Some((header, state, u64::try_from(bytes).unwrap_or(u64::MAX)));
                    break;
                }
                // An older one and a longer tail say the same.
                Err(damage @ StoreError::Damaged { .. }) => first_damage = first_damage.or(Some(damage)),
                Err(error) => return Err(error),
            }
        }
        let mut read = Read::of(found);
        let after = if read.end.segment == 0 { String::new() } else { names::log(read.end.segment) };
        // Listed after the snapshot was: the log is at least as new, and numbers have no gaps.
        let tail = self.objects.list(names::LOG, &after).await.map_err(read_failed)?;
        let tail = names::numbered(names::LOG, tail);
        if let (Some(damage), Some((first, _))) = (first_damage, tail.first())
            && *first != read.end.segment + 1
        {
            return Err(damage);
        }
        let mut segments = std::pin::pin!(self.segments(tail.into_iter().map(|(number, _)| number)));
        while let Some(segment) = segments.next().await {
            let (number, bytes) = segment?;
            let Some(bytes) = bytes else { return Ok(None) };
            read.play(number, &bytes)?;
        }
        Ok(Some(read))
    }

    /// Segments, in the order of their numbers; `None` for one that is not there.
    pub fn segments(
        &self,
        numbers: impl Iterator<Item = u64>,
    ) -> impl futures_util::Stream<Item = Result<(u64, Option<Bytes>), StoreError>> {
        let read = |number: u64| async move {
            let object = self.objects.read(&names::log(number)).await.map_err(read_failed)?;
            Ok((number, object.map(|object| object.bytes)))
        };
        futures_util::stream::iter(numbers.map(read).collect::<Vec<_>>()).buffered(READS)
    }

    /// Where the log ends, without what is in it.
    pub async fn end(&self) -> Result<End, StoreError> {
        let snapshots = self.objects.list(names::SNAPSHOT, "").await.map_err(read_failed)?;
        let newest = names::numbered(names::SNAPSHOT, snapshots).last().map_or(0, |(number, _)| *number);
        // The segment that a snapshot ends with is kept as long as the snapshot, so there is a last one.
        let after = if newest == 0 { String::new() } else { names::log(newest - 1) };
        let listed = self.objects.list(names::LOG, &after).await.map_err(read_failed)?;
        let Some((number, listed)) = names::numbered(names::LOG, listed).pop() else { return Ok(End::default()) };
        let object = self.objects.read(&listed.name).await.map_err(read_failed)?;
        let object = object.ok_or_else(|| damaged(number, "is missing"))?;
        let (header, _) = segment::header(number, &object.bytes)?;
        Ok(End::after(&header, &object.bytes))
    }

    /// Reads and takes the log over: gives what was read up to our fence.
    pub async fn take_over(&self, grant: &Grant, writer: &Text, lock: &Lock) -> Result<Read, StoreError> {
        let mut read = self.read().await?;
        let mut end = read.end.clone();
        for _ in 0..MOST_COLLISIONS {
            match self.fence(&mut end, grant, writer, lock).await? {
                Some((number, bytes)) => read.play(number, &bytes)?,
                None => {
                    read.end = end;
                    return Ok(read);
                }
            }
        }
        Err(outrun())
    }

    /// Fences off whoever writes with a smaller number, whatever is in the log.
    pub async fn fence_off(&self, grant: &Grant, writer: &Text, lock: &Lock) -> Result<(), StoreError> {
        let mut end = self.end().await?;
        for _ in 0..MOST_COLLISIONS {
            if self.fence(&mut end, grant, writer, lock).await?.is_none() {
                return Ok(());
            }
        }
        Err(outrun())
    }

    /// Makes a fence at `end`, and moves the end behind it. Where another segment stands there, moves the end behind
    /// that one and gives it.
    ///
    /// An older run may be writing at full speed, and we come one number after it each time: it has to stop at
    /// its next heartbeat, so the number of collisions is bounded.
    async fn fence(
        &self,
        end: &mut End,
        grant: &Grant,
        writer: &Text,
        lock: &Lock,
    ) -> Result<Option<(u64, Bytes)>, StoreError> {
        if end.fencing > grant.fencing {
            return Err(lock.lost().await);
        }
        let (bytes, next) = end.next(grant.fencing, writer, None, &Frames::default())?;
        let name = names::log(next.segment);
        if self.objects.create(&name, bytes.clone()).await.map_err(write_failed)? == Created::Exists {
            let there = self.objects.read(&name).await.map_err(write_failed)?;
            let there = there.ok_or_else(|| damaged(next.segment, "is there and is not"))?;
            // Ours, where the reply to an earlier try was lost.
            if there.bytes != bytes {
                let (header, _) = segment::header(next.segment, &there.bytes)?;
                follows(end, &header)?;
                *end = End::after(&header, &there.bytes);
                return Ok(Some((header.segment, there.bytes)));
            }
        }
        *end = next;
        Ok(None)
    }
}

fn outrun() -> StoreError {
    StoreError::WriteFailed { reason: "a run that has lost its lock goes on writing".to_owned() }
}

/// Runs work over that many bytes: here where it is little, else where it may take long.
pub async fn aside<T: Send + 'static>(
    bytes: usize,
    work: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
) -> Result<T, StoreError> {
    if bytes < LONG_WORK {
        return work();
    }
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(error) => Err(StoreError::ReadFailed { reason: format!("a task of the store ended early: {error}") }),
    }
}
