//! The snapshot: a header line, one line a record, and a last line that proves that it is whole.

use crate::store::StoreError;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::io::{self, BufRead, Write};
use std::sync::Arc;
use terrane_core::{Text, Value};
use terrane_plan::state::read::{RecordReader, RecordText};
use terrane_plan::state::{Applying, FORMAT, OpenIntent, Recorded, RecordedOutput, RememberedDrift, State};
use terrane_provider::ProviderName;

/// The first line.
#[derive(Debug, Serialize, Deserialize)]
struct Header {
    format: u32,
    lineage: Text,
    serial: u64,
}

/// Any line between the first and the last.
#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
enum LineOut<'a> {
    Object(&'a Recorded),
    Intent(&'a OpenIntent),
    Outputs(&'a BTreeMap<Text, RecordedOutput>),
    Provider(&'a ProviderName, &'a Value),
    Applying(&'a Applying),
    Drift(RememberedDrift),
    End { checksum: u32 },
}

/// A line that is read; `R` is a record.
#[derive(Deserialize)]
#[serde(rename_all = "snake_case", bound(deserialize = "R: Deserialize<'de>"))]
enum LineIn<R> {
    Object(Box<R>),
    Intent(Box<OpenIntent>),
    Outputs(BTreeMap<Text, RecordedOutput>),
    Provider(ProviderName, Value),
    Applying(Applying),
    Drift(RememberedDrift),
    End { checksum: u32 },
}

/// Counts the bytes that go through, and their checksum.
struct Counted<W> {
    inner: W,
    checksum: crc32fast::Hasher,
    bytes: u64,
}

impl<W: Write> Write for Counted<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.inner.write(bytes)?;
        self.checksum.update(bytes.get(..written).unwrap_or_default());
        self.bytes += u64::try_from(written).unwrap_or_default();
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

/// Writes `state` and gives the number of bytes.
///
/// # Errors
/// Those of `out`.
pub fn write(state: &State, out: impl Write) -> io::Result<u64> {
    let mut out = Counted { inner: out, checksum: crc32fast::Hasher::new(), bytes: 0 };
    line(&mut out, &Header { format: FORMAT, lineage: state.lineage.clone(), serial: state.serial })?;
    line(&mut out, &LineOut::Applying(&state.applying))?;
    line(&mut out, &LineOut::Outputs(&state.outputs))?;
    for (name, configuration) in &state.providers {
        line(&mut out, &LineOut::Provider(name, configuration))?;
    }
    for record in state.objects.values() {
        line(&mut out, &LineOut::Object(record))?;
    }
    for intent in &state.intents {
        line(&mut out, &LineOut::Intent(intent))?;
    }
    for remembered in state.remembered_drift() {
        line(&mut out, &LineOut::Drift(remembered))?;
    }
    let checksum = out.checksum.clone().finalize();
    line(&mut out, &LineOut::End { checksum })?;
    out.flush()?;
    Ok(out.bytes)
}

fn line(out: &mut impl Write, content: &impl Serialize) -> io::Result<()> {
    serde_json::to_writer(&mut *out, content)?;
    out.write_all(b"\n")
}

/// The serial in the first line of a snapshot, where it is one.
pub fn serial_of(first_line: &[u8]) -> Option<u64> {
    serde_json::from_slice::<Header>(first_line).ok().map(|header| header.serial)
}

/// Reads a snapshot.
///
/// # Errors
/// [`StoreError::Newer`]; [`StoreError::Damaged`] when it is not whole; [`StoreError::ReadFailed`].
pub fn read(from: impl BufRead) -> Result<State, StoreError> {
    let mut lines = Lines { from, line: Vec::new(), checksum: crc32fast::Hasher::new() };
    let first = lines.next()?.ok_or_else(|| damaged("the snapshot is empty"))?;
    let format = super::format_of(first.as_bytes()).ok_or_else(|| damaged("the snapshot has no header"))?;
    if format > FORMAT {
        return Err(StoreError::Newer { found: format });
    }
    let header: Header = serde_json::from_str(first).map_err(|_| damaged("the snapshot has no header"))?;
    let mut state = State { lineage: header.lineage, serial: header.serial, ..State::default() };
    let mut objects = Vec::new();
    let mut reader = RecordReader::default();
    loop {
        let before = lines.checksum.clone();
        let Some(text) = lines.next()? else { return Err(damaged("the snapshot has no end")) };
        match line_of(text, &mut reader)
            .map_err(|error| damaged(&format!("the snapshot has a line that cannot be read: {error}")))?
        {
            LineIn::Object(record) => objects.push(((record.addr.clone(), record.deposed.clone()), Arc::from(record))),
            LineIn::Intent(intent) => state.intents.push(*intent),
            LineIn::Outputs(outputs) => state.outputs = outputs,
            LineIn::Provider(name, configuration) => {
                state.providers.insert(name, configuration);
            }
            LineIn::Applying(applying) => state.applying = applying,
            LineIn::Drift(remembered) => state.remember_drift(remembered),
            LineIn::End { checksum } => {
                if before.finalize() != checksum || !lines.is_at_end()? {
                    return Err(damaged("the snapshot does not have its checksum"));
                }
                // They stand in order, so this builds the map in one go.
                state.objects = objects.into_iter().collect();
                return Ok(state);
            }
        }
    }
}

/// What a line says. Records are read so that they share what is equal, where they have the form for it.
fn line_of(text: &str, reader: &mut RecordReader) -> Result<LineIn<Recorded>, serde_json::Error> {
    Ok(match serde_json::from_str::<LineIn<RecordText<'_>>>(text) {
        Ok(LineIn::Object(record)) => LineIn::Object(Box::new(reader.read(*record)?)),
        Ok(LineIn::Intent(intent)) => LineIn::Intent(intent),
        Ok(LineIn::Outputs(outputs)) => LineIn::Outputs(outputs),
        Ok(LineIn::Provider(name, configuration)) => LineIn::Provider(name, configuration),
        Ok(LineIn::Applying(applying)) => LineIn::Applying(applying),
        Ok(LineIn::Drift(remembered)) => LineIn::Drift(remembered),
        Ok(LineIn::End { checksum }) => LineIn::End { checksum },
        Err(_) => serde_json::from_str(text)?,
    })
}

/// The error of a failed read of a file that may be sealed.
pub fn read_failed(error: &io::Error) -> StoreError {
    if error.kind() == io::ErrorKind::InvalidData {
        let reason = "the contents do not fit the key, the name or each other";
        return StoreError::Sealed(crate::seal::SealError::Tampered { reason });
    }
    StoreError::ReadFailed { reason: error.to_string() }
}

fn damaged(reason: &str) -> StoreError {
    StoreError::Damaged { reason: reason.to_owned() }
}

/// Lines that end, one at a time: a large snapshot is never in memory as a whole. What stands after the last line
/// feed is none.
struct Lines<R> {
    from: R,
    line: Vec<u8>,
    /// Of all lines so far.
    checksum: crc32fast::Hasher,
}

impl<R: BufRead> Lines<R> {
    fn next(&mut self) -> Result<Option<&str>, StoreError> {
        self.line.clear();
        let read = self.from.read_until(b'\n', &mut self.line);
        read.map_err(|error| read_failed(&error))?;
        self.checksum.update(&self.line);
        // A JSON text holds no line feed, so the line is what one value takes.
        let Some((b'\n', text)) = self.line.split_last() else { return Ok(None) };
        std::str::from_utf8(text).map(Some).map_err(|_| damaged("the snapshot has a line that is no text"))
    }

    fn is_at_end(&mut self) -> Result<bool, StoreError> {
        let rest = self.from.fill_buf().map_err(|error| read_failed(&error))?;
        Ok(rest.is_empty())
    }
}
