//! The command line of `bench`.

use std::path::PathBuf;

use super::shape::Shape;
use crate::error::Failure;

/// What to measure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// Numbers of instances, ascending.
    pub sizes: Vec<usize>,
    /// Shapes in the order given.
    pub shapes: Vec<Shape>,
    /// Repetitions of each command that can be repeated.
    pub repetitions: usize,
    /// What is measured.
    pub subject: Subject,
    /// Whether to measure cold builds too.
    pub builds: Builds,
    /// Whether docs/bench.md is written.
    pub page: Page,
}

/// Which binaries are measured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subject {
    /// The release binary, built first.
    Release,
    /// This one.
    Binary(PathBuf),
    /// These two, in turns.
    Two(PathBuf, PathBuf),
}

/// Whether cold builds are measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Builds {
    /// No.
    Warm,
    /// Yes, into an empty folder: minutes.
    Cold,
}

/// What happens to docs/bench.md.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Page {
    /// It gets the new figures.
    Written,
    /// It stays.
    Kept,
}

impl Options {
    /// Reads the words after `bench`.
    ///
    /// # Errors
    /// When one of them makes no sense.
    pub fn parse(words: &[&str]) -> Result<Self, Failure> {
        let mut options = Self {
            sizes: vec![1000, 10_000, 100_000],
            shapes: Shape::ALL.to_vec(),
            repetitions: 3,
            subject: Subject::Release,
            builds: Builds::Warm,
            page: Page::Written,
        };
        let mut rest = words;
        loop {
            rest = match rest {
                [] => return Ok(options),
                ["--sizes", list, rest @ ..] => {
                    options.sizes = list.split(',').map(number).collect::<Result<_, _>>()?;
                    options.sizes.sort_unstable();
                    rest
                }
                ["--shapes", list, rest @ ..] => {
                    options.shapes = list.split(',').map(shape).collect::<Result<_, _>>()?;
                    rest
                }
                ["--reps", count, rest @ ..] => {
                    options.repetitions = number(count)?;
                    rest
                }
                ["--bin", path, rest @ ..] => {
                    options.subject = Subject::Binary(absolute(path)?);
                    rest
                }
                ["--compare", a, b, rest @ ..] => {
                    options.subject = Subject::Two(absolute(a)?, absolute(b)?);
                    rest
                }
                ["--cold-build", rest @ ..] => {
                    options.builds = Builds::Cold;
                    rest
                }
                ["--no-write", rest @ ..] => {
                    options.page = Page::Kept;
                    rest
                }
                [word, ..] => return Err(Failure::Usage(format!("bench does not understand `{word}`"))),
            };
        }
    }
}

fn number(text: &str) -> Result<usize, Failure> {
    let number = text.replace('_', "").parse::<usize>().ok().filter(|number| *number > 0);
    number.ok_or_else(|| Failure::Usage(format!("`{text}` is no number above 0")))
}

fn shape(text: &str) -> Result<Shape, Failure> {
    let found = Shape::ALL.into_iter().find(|shape| shape.name() == text);
    found.ok_or_else(|| Failure::Usage(format!("there is no shape `{text}`: flat, count, fleet, fleetmap")))
}

/// The commands run in other folders, so a path has to hold there too.
fn absolute(text: &str) -> Result<PathBuf, Failure> {
    let path = PathBuf::from(text);
    std::fs::canonicalize(&path).map_err(Failure::file(&path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_read() {
        let options =
            Options::parse(&["--sizes", "10_000,1000", "--shapes", "fleet,flat", "--reps", "1", "--no-write"]).unwrap();
        assert_eq!(options.sizes, [1000, 10_000]);
        assert_eq!(options.shapes, [Shape::Fleet, Shape::Flat]);
        assert_eq!((options.repetitions, options.page), (1, Page::Kept));
        assert_eq!(Options::parse(&[]).unwrap().sizes, [1000, 10_000, 100_000]);
    }

    #[test]
    fn nonsense_is_refused() {
        for words in [
            &["--sizes", "x"][..],
            &["--sizes", "0"],
            &["--shapes", "cube"],
            &["--reps"],
            &["more"],
            &["--bin", "/no/such"],
        ] {
            assert!(Options::parse(words).is_err(), "{words:?}");
        }
    }
}
