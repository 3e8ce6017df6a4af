//! Files that are whole or not there, readable by their owner only.

pub(crate) use crate::store::random_name;

use crate::store::StoreError;
use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;

/// Makes the folder, open to its owner only, where it is not there.
pub fn make_folder(folder: &Path) -> io::Result<()> {
    if folder.is_dir() {
        return Ok(());
    }
    DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

/// Opens a file that must not be there yet.
pub fn new_file(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)
}

/// Writes a file that must not be there yet.
pub fn create_new(path: &Path, content: &[u8]) -> io::Result<()> {
    new_file(path)?.write_all(content)
}

/// Puts `content` in the place of a file, without a moment at which there is only a part of it. It may be
/// lost when the machine stops; [`sync_folder`] and a synced file prevent that where it matters.
pub fn replace(folder: &Path, name: &str, content: &[u8]) -> io::Result<()> {
    let temporary = folder.join(format!("{name}.tmp-{}", random_name()?));
    let written = create_new(&temporary, content).and_then(|()| std::fs::rename(&temporary, folder.join(name)));
    if written.is_err() {
        // Nothing more can be done about it than to say the first error.
        let _ = std::fs::remove_file(&temporary);
    }
    written
}

/// Makes renames inside the folder durable.
pub fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// The whole of a file; `None` where there is none.
pub fn read(path: &Path) -> Result<Option<Vec<u8>>, StoreError> {
    match std::fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(StoreError::ReadFailed { reason: error.to_string() }),
    }
}

/// A file to read and its length; `None` where there is none.
pub fn open(path: &Path) -> Result<Option<(File, u64)>, StoreError> {
    let opened = File::open(path).and_then(|file| file.metadata().map(|found| (file, found.len())));
    match opened {
        Ok(found) => Ok(Some(found)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(StoreError::ReadFailed { reason: error.to_string() }),
    }
}

/// The error of a failed write.
#[expect(clippy::needless_pass_by_value, reason = "stands in map_err")]
pub fn write_failed(error: io::Error) -> StoreError {
    StoreError::WriteFailed { reason: error.to_string() }
}
