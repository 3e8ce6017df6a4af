//! A segment of the log: a header and the entries that went out together, each a framed line.
//!
//! The header ties it to the segment before it, to its place among the serials and to the run that wrote it. A segment
//! without entries is a fence: the first thing that a run writes.

use crate::store::StoreError;
use crate::store::format_of;
use crate::store::frame::{self, Next};
use aws_lc_rs::digest::{SHA256, digest};
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use terrane_core::Text;
use terrane_plan::state::{FORMAT, State};

/// The first line of a segment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    /// Version of the format.
    pub format: u32,
    /// Number of the segment, from 1.
    pub segment: u64,
    /// Lineage of the state after its entries.
    pub lineage: Text,
    /// Serial of the state before its first entry.
    pub base_serial: u64,
    /// How many entries there are.
    pub count: u64,
    /// Fencing number of the run that wrote it.
    pub fencing: u64,
    /// Random name of the writer: no two writers make the same bytes, so a reader can tell whose they are.
    pub writer: Text,
    /// SHA-256 of the segment before it, hexadecimal; empty for the first.
    pub previous: Text,
    /// Whether it holds no entries but a whole state, of `base_serial`, which stands in the place of all before it.
    #[serde(default, skip_serializing_if = "is_false")]
    pub whole: bool,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_false(value: &bool) -> bool {
    !*value
}

/// Where the log ends: all that the next segment follows from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct End {
    /// Number of the last segment; 0 where there is none.
    pub segment: u64,
    /// Lineage of the state.
    pub lineage: Text,
    /// Serial of the last entry.
    pub serial: u64,
    /// The greatest fencing number that wrote.
    pub fencing: u64,
    /// SHA-256 of the last segment, hexadecimal.
    pub digest: Text,
}

impl End {
    /// The segment that comes next, and the end after it.
    ///
    /// # Errors
    /// The header has no JSON form.
    pub fn next(
        &self,
        fencing: u64,
        writer: &Text,
        lineage: Option<&Text>,
        frames: &Frames,
    ) -> Result<(Bytes, Self), StoreError> {
        let header = Header {
            format: FORMAT,
            segment: self.segment + 1,
            lineage: lineage.unwrap_or(&self.lineage).clone(),
            base_serial: self.serial,
            count: frames.count,
            fencing,
            writer: writer.clone(),
            previous: self.digest.clone(),
            whole: false,
        };
        let mut bytes = Vec::with_capacity(frames.bytes.len() + 512);
        frame::push(&header, &mut bytes).map_err(|error| StoreError::WriteFailed { reason: error.to_string() })?;
        bytes.extend_from_slice(&frames.bytes);
        let end = Self::after(&header, &bytes);
        Ok((bytes.into(), end))
    }

    /// A segment that puts a state in the place of all before it, and the end after it.
    ///
    /// # Errors
    /// The state cannot be packed.
    pub fn replaced(&self, fencing: u64, writer: &Text, state: &State) -> Result<(Bytes, Self), StoreError> {
        let header = Header {
            format: FORMAT,
            segment: self.segment + 1,
            lineage: state.lineage.clone(),
            base_serial: state.serial,
            count: 0,
            fencing,
            writer: writer.clone(),
            previous: self.digest.clone(),
            whole: true,
        };
        let mut bytes = Vec::new();
        let packed = frame::push(&header, &mut bytes).map_err(std::io::Error::from);
        packed
            .and_then(|()| super::snapshot::pack(state, bytes))
            .map(|bytes| {
                let end = Self::after(&header, &bytes);
                (bytes.into(), end)
            })
            .map_err(|error| StoreError::WriteFailed { reason: error.to_string() })
    }

    /// The end after a segment.
    pub fn after(header: &Header, bytes: &[u8]) -> Self {
        Self {
            segment: header.segment,
            lineage: header.lineage.clone(),
            serial: header.base_serial.saturating_add(header.count),
            fencing: header.fencing,
            digest: sha256(bytes),
        }
    }
}

/// Framed entries.
#[derive(Clone, Debug, Default)]
pub struct Frames {
    /// Their bytes.
    pub bytes: Vec<u8>,
    /// How many there are.
    pub count: u64,
}

/// SHA-256, hexadecimal.
pub fn sha256(bytes: &[u8]) -> Text {
    let hexadecimal: String = digest(&SHA256, bytes).as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    hexadecimal.into()
}

/// The header of a segment, and where its first entry begins.
///
/// # Errors
/// [`StoreError::Newer`]; [`StoreError::Damaged`].
pub fn header(number: u64, bytes: &[u8]) -> Result<(Header, usize), StoreError> {
    let Next::Record(text, after) = frame::next(bytes, 0) else { return Err(damaged(number, "has no header")) };
    let format = format_of(text).ok_or_else(|| damaged(number, "has no header"))?;
    if format > FORMAT {
        return Err(StoreError::Newer { found: format });
    }
    let header: Header = serde_json::from_slice(text).map_err(|_| damaged(number, "has no header"))?;
    if header.segment != number {
        return Err(damaged(number, "has the content of another"));
    }
    Ok((header, after))
}

/// Calls `work` with serial and JSON of each entry.
///
/// # Errors
/// [`StoreError::Damaged`] where an entry cannot be read or their number is another; what `work` returns.
pub fn each_entry(
    header: &Header,
    bytes: &[u8],
    mut at: usize,
    mut work: impl FnMut(u64, &[u8]) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    if header.whole {
        return Ok(());
    }
    let mut serial = header.base_serial;
    loop {
        match frame::next(bytes, at) {
            Next::Record(body, after) => {
                serial = serial.saturating_add(1);
                work(serial, body)?;
                at = after;
            }
            Next::End if serial == header.base_serial.saturating_add(header.count) => return Ok(()),
            Next::End => return Err(damaged(header.segment, "does not have all of its entries")),
            Next::Damaged(reason) => return Err(damaged(header.segment, &format!("is damaged: {reason}"))),
        }
    }
}

/// The state in a segment that holds a whole one.
///
/// # Errors
/// [`StoreError::Damaged`].
pub fn whole(header: &Header, bytes: &[u8], at: usize) -> Result<State, StoreError> {
    let state = super::snapshot::unpack(bytes.get(at..).unwrap_or_default());
    let state = state.map_err(|error| match error {
        StoreError::Damaged { reason } => damaged(header.segment, &format!("is damaged: {reason}")),
        other => other,
    })?;
    if state.serial != header.base_serial || state.lineage != header.lineage {
        return Err(damaged(header.segment, "holds another state than it says"));
    }
    Ok(state)
}

/// The error of a segment that is not what it has to be.
pub fn damaged(number: u64, what: &str) -> StoreError {
    StoreError::Damaged { reason: format!("segment {number} of the journal {what}") }
}
