//! Earlier states of a folder: `history/` keeps each snapshot that was replaced, and the log that came after it.
//!
//! Both are hard links of the files that a compaction takes out of use, so keeping them copies nothing. A stop in the
//! middle leaves a link too many, which says the same as the file that is still in use.

use super::sealing::{self, Sealing};
use super::{LocalStore, LogHeader, files};
use crate::store::frame::{self, Next};
use crate::store::history::{Version, Versions, to_forget};
use crate::store::{LoadedState, StoreError};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufReader, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};
use terrane_plan::state::State;
use terrane_plan::state::read::RecordReader;

/// What the first lines of a log or snapshot take at most.
const LONGEST_HEADER: u64 = 4_096;

/// The files that tell earlier states.
struct Files {
    /// By the serial of the state in it.
    snapshots: BTreeMap<u64, PathBuf>,
    /// By the serial before its first entry.
    logs: BTreeMap<u64, PathBuf>,
}

impl LocalStore {
    fn history(&self) -> PathBuf {
        self.folder.join("history")
    }

    /// Keeps the snapshot and the log that a compaction is about to replace.
    pub(super) fn keep(&self) -> io::Result<()> {
        let history = self.history();
        files::make_folder(&history)?;
        if let Some(serial) = snapshot_serial(&self.path("snapshot"))? {
            link(&self.path("snapshot"), &history.join(format!("{serial:020}.snapshot")))?;
        }
        if let Some(base) = log_base(&self.path("log"))? {
            link(&self.path("log"), &history.join(format!("{base:020}.log")))?;
        }
        files::sync_folder(&history)
    }

    /// Forgets what is old enough, oldest first. Snapshots go before the logs that stand on them: a log without its
    /// snapshot tells nothing, and the next time it goes too.
    pub(super) fn forget_old(&self, now_ms: u64) -> io::Result<()> {
        let Files { snapshots, logs } = self.kept_files()?;
        // Logs from the beginning stand on a snapshot that nobody wrote, that of an empty state.
        let mut begins: Vec<(u64, PathBuf)> = snapshots.into_iter().collect();
        if let Some(first) = logs.get(&0) {
            begins.insert(0, (0, first.clone()));
        }
        let modified: Vec<u64> = begins.iter().map(|(_, path)| modified_ms(path)).collect();
        let count = to_forget(&modified, now_ms);
        let Some((oldest, _)) = begins.get(count) else { return Ok(()) };
        let old_logs = logs.range(..oldest).map(|(_, path)| path.clone());
        let old: Vec<PathBuf> = begins.iter().take(count).map(|(_, path)| path.clone()).chain(old_logs).collect();
        for path in old.iter().filter(|path| path.starts_with(self.history())) {
            match std::fs::remove_file(path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        Ok(())
    }

    /// The files of `history/`.
    fn history_files(&self) -> io::Result<Files> {
        let mut found = Files { snapshots: BTreeMap::new(), logs: BTreeMap::new() };
        match std::fs::read_dir(self.history()) {
            Ok(entries) => {
                for entry in entries {
                    let path = entry?.path();
                    let serial = path.file_stem().and_then(|stem| stem.to_str()).and_then(|stem| stem.parse().ok());
                    match (serial, path.extension().and_then(|extension| extension.to_str())) {
                        (Some(serial), Some("snapshot")) => found.snapshots.insert(serial, path),
                        (Some(base), Some("log")) => found.logs.insert(base, path),
                        _ => None,
                    };
                }
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        Ok(found)
    }

    /// Those, and the files that are in use.
    fn kept_files(&self) -> io::Result<Files> {
        let mut found = self.history_files()?;
        if let Some(serial) = snapshot_serial(&self.path("snapshot"))? {
            found.snapshots.insert(serial, self.path("snapshot"));
        }
        if let Some(base) = log_base(&self.path("log"))? {
            found.logs.insert(base, self.path("log"));
        }
        Ok(found)
    }

    pub(super) fn read_versions(&self) -> Result<Vec<Version>, StoreError> {
        let Files { snapshots, logs } = self.kept_files().map_err(read_failed)?;
        let oldest = oldest(&snapshots, &logs);
        let mut versions = Versions::default();
        let mut serial = oldest;
        for (base, path) in logs.range(oldest..) {
            self.each_entry(path, *base, |at, json| {
                // Two logs hold the same entry after a stop in the middle of a compaction.
                if at > serial {
                    versions.entry(json, at);
                    serial = at;
                }
                Ok(true)
            })?;
        }
        Ok(versions.into_vec())
    }

    pub(super) fn read_at(&self, wanted: u64) -> Result<LoadedState, StoreError> {
        let Files { snapshots, logs } = self.kept_files().map_err(read_failed)?;
        let oldest = oldest(&snapshots, &logs);
        let mut state = match snapshots.range(..=wanted).next_back() {
            Some((_, path)) => {
                let file = BufReader::with_capacity(1 << 18, File::open(path).map_err(read_failed)?);
                sealing::read_snapshot(file, &self.keyring)?.0
            }
            None => State::default(),
        };
        let mut reader = RecordReader::default();
        for (base, path) in logs.range(..=wanted) {
            if *base > state.serial {
                break;
            }
            self.each_entry(path, *base, |at, json| {
                if at == state.serial + 1 && at <= wanted {
                    let unknown = |error: &dyn std::fmt::Display| StoreError::Damaged {
                        reason: format!("the journal has an entry that this version does not know: {error}"),
                    };
                    let text = std::str::from_utf8(json).map_err(|error| unknown(&error))?;
                    state.apply(reader.entry(text).map_err(|error| unknown(&error))?);
                }
                Ok(state.serial < wanted)
            })?;
        }
        if state.serial == wanted && wanted >= oldest {
            return Ok(LoadedState { state, cut: None });
        }
        let newest = self.read()?.state.serial;
        Err(StoreError::NoSuchSerial { serial: wanted, oldest, newest })
    }

    /// Calls `work` with serial and JSON of each entry that can be read, until it says that it has enough.
    fn each_entry(
        &self,
        path: &Path,
        base: u64,
        mut work: impl FnMut(u64, &[u8]) -> Result<bool, StoreError>,
    ) -> Result<(), StoreError> {
        let bytes = files::read(path)?.unwrap_or_default();
        let (mut at, mut serial) = (0, base);
        let mut entries = sealing::Entries::new(&self.keyring, None);
        while let Next::Record(body, after) = frame::next(&bytes, at) {
            if at == 0 {
                entries.begin(&super::log_header(body)?, None)?;
            } else {
                serial += 1;
                if !work(serial, &entries.open(body, serial)?)? {
                    return Ok(());
                }
            }
            at = after;
        }
        Ok(())
    }

    /// Seals what is kept of earlier states as `sealing` says. A stop in the middle leaves files that are sealed in
    /// two ways; each says how, and the next time all of them are looked at again.
    pub(super) fn reseal_history(&self, sealing: Option<&Sealing>) -> Result<(), StoreError> {
        let Files { snapshots, logs } = self.history_files().map_err(read_failed)?;
        for path in snapshots.values() {
            let file = BufReader::with_capacity(1 << 18, File::open(path).map_err(read_failed)?);
            let (state, key) = sealing::read_snapshot(file, &self.keyring)?;
            if key.as_ref() != sealing.map(|sealing| &sealing.wrapped) {
                rewrite(path, |file| sealing::write_snapshot(&state, file, sealing).map(|_| ()))?;
            }
        }
        for (base, path) in &logs {
            let bytes = files::read(path)?.unwrap_or_default();
            let Next::Record(body, _) = frame::next(&bytes, 0) else { continue };
            let header = super::log_header(body)?;
            if header.key.as_ref() == sealing.map(|sealing| &sealing.wrapped) {
                continue;
            }
            let mut plain = Vec::with_capacity(bytes.len());
            self.each_entry(path, *base, |_, json| {
                let json: &serde_json::value::RawValue = serde_json::from_slice(json).map_err(no_entry)?;
                frame::push(&json, &mut plain).map_err(no_entry)?;
                Ok(true)
            })?;
            let mut out = Vec::with_capacity(bytes.len());
            let lineage = header.lineage;
            frame::push(&LogHeader::of(*base, &lineage, sealing), &mut out).map_err(no_entry)?;
            let framed = sealing.map(|sealing| sealing.frames_of(&plain, *base, &lineage)).transpose();
            out.extend(framed.map_err(files::write_failed)?.unwrap_or(plain));
            rewrite(path, |file| io::Write::write_all(file, &out))?;
        }
        Ok(())
    }
}

#[expect(clippy::needless_pass_by_value, reason = "stands in map_err")]
fn no_entry(error: serde_json::Error) -> StoreError {
    StoreError::Damaged { reason: format!("the journal has an entry that is no JSON: {error}") }
}

/// Puts other contents in the place of a file, which keeps its time.
fn rewrite(path: &Path, write: impl FnOnce(&mut File) -> io::Result<()>) -> Result<(), StoreError> {
    let put = || {
        let modified = std::fs::metadata(path)?.modified()?;
        let temporary = path.with_extension(format!("tmp-{}", files::random_name()?));
        let mut file = files::new_file(&temporary)?;
        let written = write(&mut file).and_then(|()| file.set_modified(modified)).and_then(|()| file.sync_all());
        let put = written.and_then(|()| std::fs::rename(&temporary, path));
        if put.is_err() {
            // The first error is the one to tell.
            let _ = std::fs::remove_file(&temporary);
        }
        put
    };
    put().map_err(files::write_failed)
}

/// The oldest serial of which the state can be told.
fn oldest(snapshots: &BTreeMap<u64, PathBuf>, logs: &BTreeMap<u64, PathBuf>) -> u64 {
    if logs.contains_key(&0) { 0 } else { snapshots.keys().next().copied().unwrap_or_default() }
}

/// The serial of a snapshot; `None` where there is none that can be read.
fn snapshot_serial(path: &Path) -> io::Result<Option<u64>> {
    let Some(start) = first_bytes(path)? else { return Ok(None) };
    Ok(sealing::serial_of(&start))
}

fn log_base(path: &Path) -> io::Result<Option<u64>> {
    let Some(line) = first_bytes(path)? else { return Ok(None) };
    let Next::Record(header, _) = frame::next(&line, 0) else { return Ok(None) };
    Ok(serde_json::from_slice::<LogHeader>(header).ok().map(|header| header.base_serial))
}

fn first_bytes(path: &Path) -> io::Result<Option<Vec<u8>>> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let mut start = Vec::new();
    file.take(LONGEST_HEADER).read_to_end(&mut start)?;
    Ok(Some(start))
}

fn modified_ms(path: &Path) -> u64 {
    let modified = std::fs::metadata(path).and_then(|found| found.modified());
    // What cannot be looked at is taken for new, and stays.
    let since = modified.map(|modified| modified.duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO));
    since.map_or(u64::MAX, |since| u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

/// A second name for a file. Where one of that name is another file, it is from a compaction without an entry
/// before it, and says less.
fn link(from: &Path, to: &Path) -> io::Result<()> {
    let inode = |path: &Path| std::fs::metadata(path).map(|found| (found.dev(), found.ino())).ok();
    if inode(to).is_some_and(|there| Some(there) == inode(from)) {
        return Ok(());
    }
    let temporary = to.with_extension(format!("tmp-{}", files::random_name()?));
    match std::fs::hard_link(from, &temporary) {
        Ok(()) => {}
        // Some file systems know no second names.
        Err(_) => {
            std::fs::copy(from, &temporary)?;
        }
    }
    std::fs::rename(&temporary, to)
}

fn read_failed(error: io::Error) -> StoreError {
    StoreError::ReadFailed { reason: error.to_string() }
}
