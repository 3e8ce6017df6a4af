//! What can keep a task from giving an answer, apart from the answer itself.

use std::fmt;
use std::path::{Path, PathBuf};

/// The answer of a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// All is as it should be.
    Good,
    /// Something was found; it has been printed.
    Bad,
}

impl Outcome {
    /// `Good` when `is_good`.
    #[must_use]
    pub fn of(is_good: bool) -> Self {
        if is_good { Self::Good } else { Self::Bad }
    }
}

/// A task that could not be done.
#[derive(Debug)]
pub enum Failure {
    /// The command line makes no sense; the text tells how to call.
    Usage(String),
    /// A file or folder.
    File { path: PathBuf, source: std::io::Error },
    /// A program that did not start.
    NotStarted { program: String, source: std::io::Error },
    /// A program that ended badly where its output was needed.
    Ended { program: String, code: Option<i32> },
    /// Output or a file that is not what it should be.
    Malformed { what: String, detail: String },
}

impl Failure {
    /// For `map_err` after an operation on `path`.
    pub fn file(path: &Path) -> impl FnOnce(std::io::Error) -> Self + '_ {
        move |source| Self::File { path: path.to_owned(), source }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Usage(text) => f.write_str(text),
            Self::File { path, source } => write!(f, "{}: {source}", path.display()),
            Self::NotStarted { program, source } => write!(f, "cannot start {program}: {source}"),
            Self::Ended { program, code: Some(code) } => write!(f, "{program} ended with code {code}"),
            Self::Ended { program, code: None } => write!(f, "{program} was killed"),
            Self::Malformed { what, detail } => write!(f, "{what}: {detail}"),
        }
    }
}
