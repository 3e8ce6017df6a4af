//! The highest serial of each history that this folder has seen: an old copy of a state is not taken for the state.
//!
//! Sealing cannot tell an old state from the newest, both are authentic. `.terrane/seen.json` beside the configuration
//! can, for whoever planned or applied from this folder before. Where it cannot be written, nothing is remembered.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use terrane_core::Text;
use terrane_plan::state::State;

/// Version of the format of the file.
const FORMAT: u32 = 1;
/// Histories that are remembered; the one that was seen longest ago goes first.
const MOST: usize = 64;

/// What this folder has seen.
#[derive(Clone, Debug)]
pub struct Seen {
    path: PathBuf,
}

#[derive(Default, Serialize, Deserialize)]
struct File {
    format: u32,
    /// Serial by lineage.
    serials: BTreeMap<Text, u64>,
    /// Lineages, the one seen last at the end.
    order: Vec<Text>,
}

/// A state that is older than one that was seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Older {
    /// The serial that was seen.
    pub seen: u64,
}

impl Seen {
    /// What is remembered in the folder `data`, `.terrane`.
    #[must_use]
    pub fn of(data: &Path) -> Self {
        Self { path: data.join("seen.json") }
    }

    fn read(&self) -> File {
        // A file that cannot be read is as good as none: it protects, and must not be in the way.
        let text = std::fs::read_to_string(&self.path).unwrap_or_default();
        let file = serde_json::from_str::<File>(&text).ok();
        file.filter(|file| file.format == FORMAT).unwrap_or_default()
    }

    /// Whether `state` is older than one of its history that was seen.
    ///
    /// # Errors
    /// [`Older`].
    pub fn check(&self, state: &State) -> Result<(), Older> {
        match self.read().serials.get(&state.lineage) {
            Some(seen) if *seen > state.serial => Err(Older { seen: *seen }),
            _ => Ok(()),
        }
    }

    /// Remembers a state. A new one, and one that was seen already, write nothing.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn note(&self, state: &State) -> io::Result<()> {
        if state.is_new() {
            return Ok(());
        }
        let mut file = self.read();
        if file.serials.get(&state.lineage).is_some_and(|seen| *seen == state.serial) {
            return Ok(());
        }
        file.format = FORMAT;
        file.serials.insert(state.lineage.clone(), state.serial);
        file.order.retain(|lineage| *lineage != state.lineage);
        file.order.push(state.lineage.clone());
        while file.order.len() > MOST {
            let oldest = file.order.remove(0);
            file.serials.remove(&oldest);
        }
        self.write(&file)
    }

    fn write(&self, file: &File) -> io::Result<()> {
        let folder = self.path.parent().ok_or_else(|| io::Error::other("it has no folder"))?;
        std::fs::create_dir_all(folder)?;
        let part = folder.join(format!("seen.json.{}.part", std::process::id()));
        let mut options = std::fs::OpenOptions::new();
        let mut out = options.write(true).create(true).truncate(true).mode(0o600).open(&part)?;
        let written = serde_json::to_vec(file).map_err(io::Error::from).and_then(|text| out.write_all(&text));
        let put = written.and_then(|()| std::fs::rename(&part, &self.path));
        if put.is_err() {
            // That it could not be written is what is told.
            let _left = std::fs::remove_file(&part);
        }
        put
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state(lineage: &str, serial: u64) -> State {
        State { lineage: lineage.into(), serial, ..State::default() }
    }

    // A10
    #[test]
    fn an_older_state_of_a_known_history_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let seen = Seen::of(&folder.path().join(".terrane"));
        assert_eq!(seen.check(&state("a", 1)), Ok(()));
        seen.note(&state("", 0)).unwrap();
        assert!(!folder.path().join(".terrane").exists());
        seen.note(&state("a", 5)).unwrap();
        assert_eq!(seen.check(&state("a", 4)), Err(Older { seen: 5 }));
        assert_eq!((seen.check(&state("a", 5)), seen.check(&state("b", 1))), (Ok(()), Ok(())));
        seen.note(&state("a", 4)).unwrap();
        assert_eq!(seen.check(&state("a", 4)), Ok(()));
    }

    #[test]
    fn a_file_that_cannot_be_read_is_as_good_as_none() {
        let folder = tempfile::tempdir().unwrap();
        let seen = Seen::of(folder.path());
        seen.note(&state("a", 5)).unwrap();
        std::fs::write(&seen.path, "{").unwrap();
        assert_eq!(seen.check(&state("a", 1)), Ok(()));
        for number in 0..100 {
            seen.note(&state(&number.to_string(), 2)).unwrap();
        }
        assert_eq!(seen.read().serials.len(), MOST);
    }
}
