//! A snapshot as an object: a framed header line, then the snapshot that every store writes, compressed.
//!
//! It is written and read as a stream: the text of a large state, ten times as long, is never in memory.

use super::segment::End;
use crate::store::frame::{self, Next};
use crate::store::history::Version;
use crate::store::{StoreError, format_of};
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use std::io::{BufReader, BufWriter};
use terrane_core::Text;
use terrane_plan::state::{FORMAT, State};

/// Strength of the compression: the fastest that still takes out what records repeat.
const LEVEL: i32 = 3;

/// The first line of a snapshot.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Header {
    /// Version of the format.
    pub format: u32,
    /// Number of the last segment in it.
    pub segment: u64,
    /// Lineage of the state.
    pub lineage: Text,
    /// Serial of the state.
    pub serial: u64,
    /// The greatest fencing number that had written by then.
    pub fencing: u64,
    /// SHA-256 of that segment, hexadecimal: what the segment after it has to name.
    pub digest: Text,
    /// The last runs that wrote before it, oldest first.
    #[serde(default)]
    pub versions: Vec<Version>,
}

/// The bytes of a snapshot of `state`, which is what the log comes to at `end`.
///
/// # Errors
/// [`StoreError::WriteFailed`].
pub fn write(state: &State, end: &End, versions: Vec<Version>) -> Result<Bytes, StoreError> {
    let header = Header {
        format: FORMAT,
        segment: end.segment,
        lineage: end.lineage.clone(),
        serial: end.serial,
        fencing: end.fencing,
        digest: end.digest.clone(),
        versions,
    };
    let written = || {
        let mut bytes = Vec::new();
        frame::push(&header, &mut bytes)?;
        pack(state, bytes)
    };
    written().map(Bytes::from).map_err(|error: std::io::Error| StoreError::WriteFailed { reason: error.to_string() })
}

/// `bytes`, and behind them a state, compressed.
///
/// # Errors
/// Those of the compression.
pub fn pack(state: &State, bytes: Vec<u8>) -> std::io::Result<Vec<u8>> {
    let mut compressed = zstd::stream::write::Encoder::new(bytes, LEVEL)?;
    crate::store::snapshot::write(state, BufWriter::with_capacity(1 << 17, &mut compressed))?;
    compressed.finish()
}

/// The state that was packed.
///
/// # Errors
/// [`StoreError::Newer`]; [`StoreError::Damaged`].
pub fn unpack(compressed: &[u8]) -> Result<State, StoreError> {
    let damaged = |reason: String| StoreError::Damaged { reason };
    let unpacked = zstd::stream::read::Decoder::with_buffer(compressed).map_err(|error| damaged(error.to_string()))?;
    // What cannot be unpacked is damage of the object; there is no disk that could fail here.
    crate::store::snapshot::read(BufReader::with_capacity(1 << 17, unpacked)).map_err(|error| match error {
        StoreError::ReadFailed { reason } => damaged(format!("it cannot be unpacked: {reason}")),
        other => other,
    })
}

/// Reads a snapshot.
///
/// # Errors
/// [`StoreError::Newer`]; [`StoreError::Damaged`].
pub fn read(number: u64, bytes: &[u8]) -> Result<(Header, State), StoreError> {
    let damaged = |what: &str| StoreError::Damaged { reason: format!("snapshot {number} {what}") };
    let Next::Record(text, after) = frame::next(bytes, 0) else { return Err(damaged("has no header")) };
    let format = format_of(text).ok_or_else(|| damaged("has no header"))?;
    if format > FORMAT {
        return Err(StoreError::Newer { found: format });
    }
    let header: Header = serde_json::from_slice(text).map_err(|_| damaged("has no header"))?;
    let state = unpack(bytes.get(after..).unwrap_or_default()).map_err(|error| match error {
        StoreError::Damaged { reason } => damaged(&format!("is damaged: {reason}")),
        other => other,
    })?;
    if header.segment != number || state.serial != header.serial || state.lineage != header.lineage {
        return Err(damaged("has the content of another"));
    }
    Ok((header, state))
}

/// The end of the log that a snapshot stands for.
pub fn end(header: &Header) -> End {
    End {
        segment: header.segment,
        lineage: header.lineage.clone(),
        serial: header.serial,
        fencing: header.fencing,
        digest: header.digest.clone(),
    }
}
