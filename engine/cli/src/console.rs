//! Standard output and standard error: who is at the other end, and writers that outlive it.
//!
//! Data goes to standard output, talk to standard error. A reader that goes away (`| head`) ends no command: what
//! would be written after that is dropped, and the exit code is what it would have been.

use crate::args::CommonArguments;
use std::io::{self, BufWriter, IsTerminal as _, Write};

/// Colours, or their absence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Paint {
    is_on: bool,
}

/// What colour says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hue {
    /// Something is made, something went well.
    Green,
    /// Something is destroyed, something failed.
    Red,
    /// Something changes, a warning.
    Yellow,
    /// Something is read.
    Cyan,
    /// A heading.
    Bold,
    /// An aside.
    Dim,
}

impl Paint {
    /// Without colour.
    pub const PLAIN: Self = Self { is_on: false };

    /// With colour.
    #[cfg(test)]
    pub const COLOURED: Self = Self { is_on: true };

    /// Whether there is colour.
    pub fn is_on(self) -> bool {
        self.is_on
    }

    /// What switches the colour on.
    pub fn start(self, hue: Hue) -> &'static str {
        if !self.is_on {
            return "";
        }
        match hue {
            Hue::Green => "\u{1b}[32m",
            Hue::Red => "\u{1b}[31m",
            Hue::Yellow => "\u{1b}[33m",
            Hue::Cyan => "\u{1b}[36m",
            Hue::Bold => "\u{1b}[1m",
            Hue::Dim => "\u{1b}[2m",
        }
    }

    /// What switches it off.
    pub fn end(self) -> &'static str {
        if self.is_on { "\u{1b}[0m" } else { "" }
    }

    /// `text` in a colour.
    pub fn text(self, hue: Hue, text: &str) -> String {
        format!("{}{text}{}", self.start(hue), self.end())
    }
}

/// For whom a command writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// For people.
    Text,
    /// For programs, a stream of JSON lines.
    Json,
}

/// How this run talks.
#[derive(Clone, Copy, Debug)]
pub struct Console {
    /// Everything is JSON on standard output.
    pub is_json: bool,
    /// Colours of standard output.
    pub out: Paint,
    /// Colours of standard error.
    pub err: Paint,
    /// Whether progress may move on the screen: standard output is a terminal.
    pub is_live: bool,
    /// Whether somebody can be asked.
    pub can_ask: bool,
    /// Warnings as one line each.
    pub has_compact_warnings: bool,
}

impl Console {
    /// What the terminal, the environment and the flags allow.
    pub fn new(form: Form, common: &CommonArguments) -> Self {
        let is_json = form == Form::Json;
        let is_refused = common.no_color
            || std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty())
            || std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        let paint = |is_terminal: bool| Paint { is_on: is_terminal && !is_refused };
        Self {
            is_json,
            out: paint(io::stdout().is_terminal()),
            err: paint(io::stderr().is_terminal()),
            is_live: io::stdout().is_terminal() && !is_refused && !is_json,
            can_ask: !is_json,
            has_compact_warnings: false,
        }
    }
}

/// Standard output, buffered.
pub fn stdout() -> BufWriter<Tolerant<io::StdoutLock<'static>>> {
    BufWriter::with_capacity(1 << 16, Tolerant::new(io::stdout().lock()))
}

/// Standard error, buffered.
pub fn stderr() -> BufWriter<Tolerant<io::StderrLock<'static>>> {
    BufWriter::new(Tolerant::new(io::stderr().lock()))
}

/// A writer that takes what nobody reads any more.
#[derive(Debug)]
pub struct Tolerant<W> {
    inner: W,
    is_gone: bool,
}

impl<W: Write> Tolerant<W> {
    /// Writes to `inner` as long as somebody reads.
    pub fn new(inner: W) -> Self {
        Self { inner, is_gone: false }
    }

    fn keep<T>(&mut self, result: io::Result<T>, nothing: T) -> io::Result<T> {
        match result {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {
                self.is_gone = true;
                Ok(nothing)
            }
            other => other,
        }
    }
}

impl<W: Write> Write for Tolerant<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.is_gone {
            return Ok(bytes.len());
        }
        let result = self.inner.write(bytes);
        self.keep(result, bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.is_gone {
            return Ok(());
        }
        let result = self.inner.flush();
        self.keep(result, ())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Gone;

    impl Write for Gone {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::BrokenPipe.into())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_reader_that_goes_away_is_no_error() {
        let mut out = Tolerant::new(Gone);
        assert!(writeln!(out, "x").is_ok() && writeln!(out, "y").is_ok() && out.flush().is_ok());
    }
}
