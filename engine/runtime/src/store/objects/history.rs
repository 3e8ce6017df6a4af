//! Earlier states in a place of objects: which there are, reading one, and clearing away what is old.
//!
//! The serial after a segment grows with its number, so the segment of a serial is found by halving, and the snapshot
//! before it by its name. Nothing here is in the way of a load or an append.

use super::lease::{read_failed, write_failed};
use super::log::{Log, aside};
use super::segment;
use super::{names, snapshot};
use crate::store::history::{Version, to_forget};
use crate::store::{LoadedState, StoreError};
use futures_util::StreamExt;
use std::collections::BTreeMap;
use terrane_plan::state::State;
use terrane_plan::state::read::RecordReader;

/// Objects that one run clears away at most; the rest is left to the next.
const MOST_CLEARED: usize = 5_000;

/// What is kept.
struct Kept {
    /// Numbers of the snapshots that the whole log after them is kept of.
    snapshots: Vec<u64>,
    /// The first segment that can be played, and the last; the first is 1 or that after the oldest snapshot.
    first: u64,
    last: u64,
    /// The serials after segments that were read.
    serials: BTreeMap<u64, u64>,
}

impl Log {
    /// The runs that wrote, as far back as a state can be read.
    pub async fn versions(&self) -> Result<Vec<Version>, StoreError> {
        let read = self.read().await?;
        let oldest = match self.kept().await? {
            Some(mut kept) => self.oldest(&mut kept).await?,
            None => 0,
        };
        Ok(read.versions.into_vec().into_iter().filter(|version| version.serial >= oldest).collect())
    }

    /// The state after that serial.
    pub async fn read_at(&self, serial: u64) -> Result<LoadedState, StoreError> {
        let unknown = |oldest, newest| StoreError::NoSuchSerial { serial, oldest, newest };
        let Some(mut kept) = self.kept().await? else {
            return if serial == 0 { Ok(LoadedState::default()) } else { Err(unknown(0, 0)) };
        };
        let (oldest, last) = (self.oldest(&mut kept).await?, kept.last);
        let newest = self.serial_after(&mut kept, last).await?;
        if serial < oldest || serial > newest {
            return Err(unknown(oldest, newest));
        }
        // The last segment after which the state has no later serial; the number before the first where there is none.
        let (mut below, mut above) = (kept.first - 1, kept.last + 1);
        while below + 1 < above {
            let middle = below + (above - below) / 2;
            if self.serial_after(&mut kept, middle).await? <= serial { below = middle } else { above = middle }
        }
        let from = kept.snapshots.iter().copied().rfind(|number| *number <= below);
        let mut state = match from {
            Some(number) => self.snapshot(number).await?,
            None => State::default(),
        };
        let first = from.map_or(kept.first, |number| number + 1);
        let mut reader = RecordReader::default();
        let mut segments = std::pin::pin!(self.segments(first..=above.min(kept.last)));
        while let Some(read) = segments.next().await {
            let (number, bytes) = read?;
            let bytes = bytes.ok_or_else(|| segment::damaged(number, "is missing"))?;
            let (header, at) = segment::header(number, &bytes)?;
            if header.whole && header.base_serial <= serial {
                state = segment::whole(&header, &bytes, at)?;
            }
            segment::each_entry(&header, &bytes, at, |at, json| {
                if at == state.serial + 1 && at <= serial {
                    let damaged = |_| segment::damaged(number, "has an entry that this version does not know");
                    let text = std::str::from_utf8(json).map_err(|_| damaged(()))?;
                    state.apply(reader.entry(text).map_err(|_| damaged(()))?);
                }
                Ok(())
            })?;
        }
        // Serials that were passed over when a state was put in place mean none.
        if state.serial == serial { Ok(LoadedState { state, cut: None }) } else { Err(unknown(oldest, newest)) }
    }

    async fn snapshot(&self, number: u64) -> Result<State, StoreError> {
        let object = self.objects.read(&names::snapshot(number)).await.map_err(read_failed)?;
        let object =
            object.ok_or_else(|| StoreError::ReadFailed { reason: "the snapshot was cleared away".to_owned() })?;
        aside(object.bytes.len(), move || snapshot::read(number, &object.bytes)).await.map(|(_, state)| state)
    }

    /// What is kept; `None` where nothing was ever written.
    async fn kept(&self) -> Result<Option<Kept>, StoreError> {
        let snapshots = self.objects.list(names::SNAPSHOT, "").await.map_err(read_failed)?;
        let log = self.objects.list(names::LOG, "").await.map_err(read_failed)?;
        let numbers: Vec<u64> = names::numbered(names::LOG, log).into_iter().map(|(number, _)| number).collect();
        let Some(last) = numbers.last().copied() else { return Ok(None) };
        // What stands before a gap was left over when the rest was cleared away.
        let gap =
            numbers.windows(2).rposition(|pair| pair.first().copied().map(|number| number + 1) != pair.get(1).copied());
        let begin = numbers.get(gap.map_or(0, |at| at + 1)).copied().unwrap_or(last);
        let snapshots = names::numbered(names::SNAPSHOT, snapshots).into_iter().map(|(number, _)| number);
        let snapshots: Vec<u64> = snapshots.filter(|number| *number >= begin).collect();
        let first = if begin == 1 { 1 } else { snapshots.first().map_or(begin, |number| number + 1) };
        Ok(Some(Kept { snapshots, first, last, serials: BTreeMap::new() }))
    }

    /// The oldest serial of which the state can be read.
    async fn oldest(&self, kept: &mut Kept) -> Result<u64, StoreError> {
        if kept.first == 1 { Ok(0) } else { self.serial_after(kept, kept.first - 1).await }
    }

    async fn serial_after(&self, kept: &mut Kept, number: u64) -> Result<u64, StoreError> {
        if let Some(serial) = kept.serials.get(&number) {
            return Ok(*serial);
        }
        let object = self.objects.read(&names::log(number)).await.map_err(read_failed)?;
        let object = object.ok_or_else(|| segment::damaged(number, "is missing"))?;
        let (header, _) = segment::header(number, &object.bytes)?;
        let serial = header.base_serial.saturating_add(header.count);
        kept.serials.insert(number, serial);
        Ok(serial)
    }

    /// Clears away what is older than what is kept, oldest first: the snapshots, then the segments that stand on them.
    /// A stop in the middle leaves what nobody reads, because a gap or no snapshot stands before it.
    pub async fn clear_old(&self) -> Result<(), StoreError> {
        let snapshots = self.objects.list(names::SNAPSHOT, "").await.map_err(write_failed)?;
        let snapshots = names::numbered(names::SNAPSHOT, snapshots);
        // The newest was written just now, so its time is the time at the place.
        let modified: Vec<u64> = snapshots.iter().map(|(_, listed)| listed.modified_ms).collect();
        let count = to_forget(&modified, modified.last().copied().unwrap_or_default());
        let Some((oldest, _)) = snapshots.get(count).filter(|_| count > 0) else { return Ok(()) };
        let segments = self.objects.list(names::LOG, "").await.map_err(write_failed)?;
        // That with the number of the snapshot stays: the end of the log is told from it.
        let segments = names::numbered(names::LOG, segments).into_iter().filter(|(number, _)| number < oldest);
        let old = snapshots.iter().take(count).map(|(_, listed)| listed.name.clone());
        for name in old.chain(segments.map(|(_, listed)| listed.name)).take(MOST_CLEARED) {
            self.objects.delete(&name).await.map_err(write_failed)?;
        }
        Ok(())
    }
}
