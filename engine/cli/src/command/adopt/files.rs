//! The two files that adoption writes: new ones, or none.

use crate::diag;
use crate::exit::Failure;
use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use terrane_core::Place;
use terrane_plan::adopt::Draft;

const END: &str = ".hcl";
const STEM: &str = "adopted";

/// Where the files go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Files {
    /// The folder of the configuration.
    pub folder: PathBuf,
    /// The file with resource blocks, seen from the current folder.
    pub configuration: String,
    /// The file with import blocks.
    pub imports: String,
}

impl Files {
    /// Reads `-out`: a file that ends in `.hcl`, or a folder.
    ///
    /// # Errors
    /// `file-exists`.
    pub fn of(out: Option<&str>) -> Result<Self, Failure> {
        let files = Self::named(out.unwrap_or("."));
        expect_new(&files.configuration).and_then(|()| expect_new(&files.imports))?;
        Ok(files)
    }

    fn named(out: &str) -> Self {
        let (folder, stem) = match out.strip_suffix(END) {
            Some(start) => {
                let path = Path::new(start);
                let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
                let stem = path.file_name().map_or_else(|| STEM.to_owned(), |name| name.to_string_lossy().into_owned());
                (folder.unwrap_or_else(|| Path::new(".")).to_owned(), stem)
            }
            None => (PathBuf::from(out), STEM.to_owned()),
        };
        let at = |name: String| {
            let path = if folder == Path::new(".") { PathBuf::from(name) } else { folder.join(name) };
            path.display().to_string()
        };
        let (configuration, imports) = (at(format!("{stem}{END}")), at(format!("{stem}_imports{END}")));
        Self { folder, configuration, imports }
    }

    /// Writes both, or neither.
    ///
    /// # Errors
    /// `file-exists`, `file-not-written`.
    pub fn write(&self, draft: &Draft) -> Result<(), Failure> {
        std::fs::create_dir_all(&self.folder).map_err(|error| refused(&self.folder.display().to_string(), &error))?;
        create(&self.configuration, &draft.configuration)?;
        create(&self.imports, &draft.imports).inspect_err(|_| {
            // Half of it would only be in the way of the next try; that writing failed is what is told.
            let _left = std::fs::remove_file(&self.configuration);
        })
    }
}

/// Refuses a file that is there, before anything is asked because of it.
///
/// # Errors
/// `file-exists`.
pub fn expect_new(path: &str) -> Result<(), Failure> {
    match Path::new(path).symlink_metadata() {
        Ok(_) => Err(diag::FILE_EXISTS.at(Place::File(path.to_owned())).into()),
        Err(_) => Ok(()),
    }
}

/// Writes a file that is not there yet, whole or not at all.
///
/// # Errors
/// `file-exists`, `file-not-written`.
pub fn create(path: &str, text: &str) -> Result<(), Failure> {
    let mut file = OpenOptions::new().write(true).create_new(true).open(path).map_err(|error| refused(path, &error))?;
    let written = file.write_all(text.as_bytes()).and_then(|()| file.sync_all());
    written.map_err(|error| {
        let _left = std::fs::remove_file(path);
        refused(path, &error)
    })
}

fn refused(path: &str, error: &io::Error) -> Failure {
    let place = Place::File(path.to_owned());
    match error.kind() {
        io::ErrorKind::AlreadyExists => diag::FILE_EXISTS.at(place).into(),
        _ => diag::FILE_NOT_WRITTEN.at(place).detail(error.to_string()).into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn out_is_a_folder_or_a_file() {
        let names = |out: &str| {
            let files = Files::named(out);
            (files.folder.display().to_string(), files.configuration, files.imports)
        };
        let expect = |folder: &str, one: &str, two: &str| (folder.to_owned(), one.to_owned(), two.to_owned());
        assert_eq!(names("."), expect(".", "adopted.hcl", "adopted_imports.hcl"));
        assert_eq!(names("eks.hcl"), expect(".", "eks.hcl", "eks_imports.hcl"));
        assert_eq!(names("a/b.hcl"), expect("a", "a/b.hcl", "a/b_imports.hcl"));
        assert_eq!(names("live/eu"), expect("live/eu", "live/eu/adopted.hcl", "live/eu/adopted_imports.hcl"));
    }

    #[test]
    fn what_is_there_is_never_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path().join("x.hcl").display().to_string();
        let files = Files::of(Some(&out)).unwrap();
        std::fs::write(&files.imports, "mine").unwrap();
        let failure = Files::of(Some(&out)).unwrap_err();
        assert_eq!(failure.ended.reason, "file-exists");
        assert_eq!(files.write(&Draft::default()).unwrap_err().ended.reason, "file-exists");
        assert!(!Path::new(&files.configuration).exists(), "half of it is left");
        assert_eq!(std::fs::read_to_string(&files.imports).unwrap(), "mine");
    }
}
