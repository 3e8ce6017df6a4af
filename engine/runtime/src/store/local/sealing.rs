//! What is sealed of a state in a folder: the snapshot as a whole, and each entry of the log by itself.
//!
//! The first record of a log says which key opens its entries, and a snapshot says its lineage and serial before its
//! contents; that and the lengths of entries stay in the clear. An entry is bound to its serial and to the lineage that
//! the log began with.

use super::LogHeader;
use crate::seal::envelope::{self, Opening, SealedWriter};
use crate::seal::{DataKey, Keyring, SealError, Subject, WrappedKey, is_sealed};
use crate::store::StoreError;
use crate::store::frame::{self, Next};
use crate::store::snapshot::{self, read_failed};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use std::borrow::Cow;
use std::io::{self, BufRead, Write};
use std::sync::Arc;
use terrane_core::Text;
use terrane_plan::state::State;

/// What a log and a snapshot are sealed with.
pub struct Sealing {
    data_key: Arc<DataKey>,
    /// The data key as it stands in headers.
    pub wrapped: WrappedKey,
    lineage: Text,
}

impl Sealing {
    /// That of a keyring; `None` where states are not sealed. Blocks; a key may come from afar.
    pub fn of(keyring: &Keyring) -> Result<Option<Self>, StoreError> {
        let Some(sealer) = keyring.for_state() else { return Ok(None) };
        let (data_key, wrapped) = wait(sealer.writing())?;
        Ok(Some(Self { data_key, wrapped, lineage: "".into() }))
    }

    /// For the entries of a log that begins with this lineage.
    pub fn bound_to(mut self, lineage: Text) -> Self {
        self.lineage = lineage;
        self
    }

    /// Framed entries after `serial`, each sealed.
    pub fn frames(&self, frames: &[u8], serial: u64) -> io::Result<Vec<u8>> {
        self.frames_of(frames, serial, &self.lineage)
    }

    /// As [`Sealing::frames`], of a log that begins with another lineage.
    pub fn frames_of(&self, frames: &[u8], serial: u64, lineage: &str) -> io::Result<Vec<u8>> {
        let mut out = Vec::with_capacity(frames.len() + frames.len() / 2);
        let (mut at, mut serial) = (0, serial);
        while let Next::Record(body, after) = frame::next(frames, at) {
            serial += 1;
            let sealed = envelope::seal_record(body, &self.data_key, &entry(lineage, serial))?;
            frame::push(&STANDARD.encode(sealed), &mut out)?;
            at = after;
        }
        Ok(out)
    }
}

fn entry(lineage: &str, serial: u64) -> Subject {
    Subject::of("entry").at(lineage, serial)
}

/// Waits where it may block.
fn wait<T>(answer: impl Future<Output = Result<T, SealError>>) -> Result<T, StoreError> {
    let handle = tokio::runtime::Handle::try_current();
    let handle = handle.map_err(|error| StoreError::ReadFailed { reason: error.to_string() })?;
    handle.block_on(answer).map_err(StoreError::Sealed)
}

/// Reads a snapshot, sealed or not, and the key it is sealed with.
pub fn read_snapshot(mut file: impl BufRead, keyring: &Keyring) -> Result<(State, Option<WrappedKey>), StoreError> {
    let start = file.fill_buf().map_err(|error| read_failed(&error))?;
    if !is_sealed(start) {
        if is_refused(keyring) {
            return Err(StoreError::Sealed(SealError::NotSealed));
        }
        return Ok((snapshot::read(file)?, None));
    }
    let opening = Opening::read(&mut file).map_err(|error| read_failed(&error))?.map_err(StoreError::Sealed)?;
    let wrapped = opening.key().clone();
    let data_key = wait(keyring.open_key(&wrapped))?;
    let subject = opening.subject("snapshot");
    let contents = opening.contents(file, &data_key, &subject).map_err(StoreError::Sealed)?;
    Ok((snapshot::read(io::BufReader::with_capacity(1 << 16, contents))?, Some(wrapped)))
}

/// The serial of a snapshot, sealed or not, by its first lines; `None` where there is none that can be read.
pub fn serial_of(mut start: &[u8]) -> Option<u64> {
    if !is_sealed(start) {
        let line = start.split(|byte| *byte == b'\n').next()?;
        return snapshot::serial_of(line);
    }
    let opening = Opening::read(&mut start).ok()?.ok()?;
    Some(opening.subject("snapshot").serial)
}

/// Writes a snapshot and gives the number of bytes before they were sealed.
pub fn write_snapshot(state: &State, mut out: impl Write, sealing: Option<&Sealing>) -> io::Result<u64> {
    let Some(sealing) = sealing else { return snapshot::write(state, out) };
    let subject = Subject::of("snapshot").at(&state.lineage, state.serial);
    let mut sealed = SealedWriter::new(&mut out, &sealing.data_key, &sealing.wrapped, &subject)?;
    let bytes = snapshot::write(state, &mut sealed)?;
    sealed.finish()?;
    out.flush()?;
    Ok(bytes)
}

fn is_refused(keyring: &Keyring) -> bool {
    keyring.is_enforced && keyring.seals_state
}

/// Entries of a log on their way into the state.
pub struct Entries<'a> {
    keyring: &'a Keyring,
    lineage: Text,
    /// Whether the snapshot is sealed, where there is one.
    is_snapshot_sealed: Option<bool>,
    data_key: Option<Arc<DataKey>>,
}

impl<'a> Entries<'a> {
    /// Entries of a log. `is_snapshot_sealed` tells whether the snapshot is, where there is one.
    pub fn new(keyring: &'a Keyring, is_snapshot_sealed: Option<bool>) -> Self {
        Self { keyring, lineage: "".into(), is_snapshot_sealed, data_key: None }
    }

    /// Takes in the first record. `lineage` is that of the snapshot, where one was read.
    pub fn begin(&mut self, header: &LogHeader, lineage: Option<&Text>) -> Result<(), StoreError> {
        self.data_key = header.key.as_ref().map(|key| wait(self.keyring.open_key(key))).transpose()?;
        if self.data_key.is_some() && lineage.is_some_and(|lineage| *lineage != header.lineage) {
            // A snapshot that replaced the log, just before a stop, knows the lineage that the log began without.
            if !header.lineage.is_empty() {
                let reason = "the journal is of another lineage than the snapshot";
                return Err(StoreError::Sealed(SealError::Tampered { reason }));
            }
        }
        self.lineage = header.lineage.clone();
        Ok(())
    }

    /// The text of an entry.
    pub fn open<'b>(&self, body: &'b [u8], serial: u64) -> Result<Cow<'b, [u8]>, StoreError> {
        let tampered = |reason| StoreError::Sealed(SealError::Tampered { reason });
        // A change of what is sealed is never half done: entries after a snapshot are sealed as it is.
        if self.is_snapshot_sealed.is_some_and(|is_sealed| is_sealed != self.data_key.is_some()) {
            return Err(tampered("the journal and the snapshot are not sealed alike"));
        }
        let Some(data_key) = &self.data_key else {
            if is_refused(self.keyring) {
                return Err(StoreError::Sealed(SealError::NotSealed));
            }
            return Ok(Cow::Borrowed(body));
        };
        let sealed = serde_json::from_slice::<&str>(body).ok().and_then(|text| STANDARD.decode(text).ok());
        let sealed = sealed.ok_or_else(|| tampered("an entry is not sealed"))?;
        let opened = envelope::open_record(&sealed, data_key, &entry(&self.lineage, serial));
        opened.map(Cow::Owned).map_err(StoreError::Sealed)
    }
}

#[cfg(test)]
mod tests;
