//! Other programs: started in the repository's folder, their output passed on line by line or captured.

use std::ffi::{OsStr, OsString};
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use crate::error::Failure;
use crate::root::root;

/// A program with its arguments and what its environment has beyond ours.
#[derive(Clone, Debug)]
pub struct Program {
    name: OsString,
    arguments: Vec<OsString>,
    environment: Vec<(String, OsString)>,
    is_shielded: bool,
}

impl Program {
    /// `name`, to be found in PATH or by its path.
    #[must_use]
    pub fn new(name: impl AsRef<OsStr>) -> Self {
        let name = name.as_ref().to_owned();
        Self { name, arguments: Vec::new(), environment: Vec::new(), is_shielded: false }
    }

    /// The cargo that runs us.
    #[must_use]
    pub fn cargo() -> Self {
        Self::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
    }

    /// Adds arguments.
    #[must_use]
    pub fn arguments<A: AsRef<OsStr>>(mut self, arguments: impl IntoIterator<Item = A>) -> Self {
        self.arguments.extend(arguments.into_iter().map(|argument| argument.as_ref().to_owned()));
        self
    }

    /// Sets one variable of the environment.
    #[must_use]
    pub fn variable(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.environment.push((name.to_owned(), value.as_ref().to_owned()));
        self
    }

    /// Hides what the developer's own environment says about accounts and variables: tests must not see it.
    #[must_use]
    pub fn shielded(mut self) -> Self {
        self.is_shielded = true;
        self
    }

    /// How a person would write it.
    #[must_use]
    pub fn line(&self) -> String {
        let name = std::path::Path::new(&self.name).file_name().unwrap_or(&self.name);
        let words = std::iter::once(name).chain(self.arguments.iter().map(OsString::as_os_str));
        words.map(|word| word.to_string_lossy().into_owned()).collect::<Vec<_>>().join(" ")
    }

    /// The command, in the folder of the repository, without standard input.
    #[must_use]
    pub fn command(&self) -> Command {
        let mut command = Command::new(&self.name);
        command.args(&self.arguments).current_dir(root()).stdin(Stdio::null());
        if self.is_shielded {
            let hidden = |name: &str| SHIELDED.iter().any(|prefix| name.starts_with(prefix));
            for (name, _) in std::env::vars_os() {
                if name.to_str().is_some_and(hidden) {
                    command.env_remove(name);
                }
            }
        }
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        command
    }

    fn not_started(&self) -> impl FnOnce(std::io::Error) -> Failure + '_ {
        |source| Failure::NotStarted { program: self.line(), source }
    }
}

/// Beginnings of the names of variables that would make a test depend on who runs it.
const SHIELDED: &[&str] = &["AWS_", "TERRANE_", "TF_VAR_", "TF_CLI_"];

/// Runs to the end with our own output; true when it ended well.
///
/// # Errors
/// When it cannot be started.
pub fn passes(program: &Program) -> Result<bool, Failure> {
    let status = program.command().status().map_err(program.not_started())?;
    Ok(status.success())
}

/// Runs to the end, prints each line of its standard output and hands it to `each`; true when it ended well.
///
/// # Errors
/// When it cannot be started or its output not read.
pub fn passes_with_lines(program: &Program, mut each: impl FnMut(&str)) -> Result<bool, Failure> {
    let mut command = program.command();
    command.stdout(Stdio::piped());
    let mut child = command.spawn().map_err(program.not_started())?;
    if let Some(stdout) = child.stdout.take() {
        let mut lines = BufReader::new(stdout);
        let mut line = Vec::new();
        while lines.read_until(b'\n', &mut line).map_err(program.not_started())? > 0 {
            let text = String::from_utf8_lossy(&line);
            print!("{text}");
            each(text.trim_end());
            line.clear();
        }
    }
    let status = child.wait().map_err(program.not_started())?;
    Ok(status.success())
}

/// Runs to the end and gives its standard output.
///
/// # Errors
/// When it cannot be started, ends badly, or prints something that is not UTF-8.
pub fn capture(program: &Program) -> Result<String, Failure> {
    let output = program.command().stderr(Stdio::inherit()).output().map_err(program.not_started())?;
    if !output.status.success() {
        return Err(Failure::Ended { program: program.line(), code: output.status.code() });
    }
    String::from_utf8(output.stdout)
        .map_err(|error| Failure::Malformed { what: program.line(), detail: error.to_string() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn line_shows_name_and_arguments() {
        let program = Program::new("/usr/bin/env").arguments(["a", "b"]);
        assert_eq!(program.line(), "env a b");
    }

    #[test]
    fn lines_of_the_output_are_handed_over() {
        let mut seen = Vec::new();
        let program = Program::new("printf").arguments(["one\\ntwo\\n"]);
        assert!(passes_with_lines(&program, |line| seen.push(line.to_owned())).unwrap());
        assert_eq!(seen, ["one", "two"]);
    }

    #[test]
    fn bad_end_is_told() {
        assert!(!passes(&Program::new("false")).unwrap());
        assert!(matches!(capture(&Program::new("false")), Err(Failure::Ended { code: Some(1), .. })));
        assert!(matches!(passes(&Program::new("no-such-program")), Err(Failure::NotStarted { .. })));
    }
}
