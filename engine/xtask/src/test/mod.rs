//! `test`, `soak` and `e2e`: every stage runs, whatever the ones before it said; the last line counts.

mod count;
mod hcl_suite;
mod parts;
mod report_schemas;

use std::path::{Path, PathBuf};

use crate::command::{Program, passes, passes_with_lines};
use crate::error::{Failure, Outcome};
use crate::{generate, root, tidy};
use count::Count;

/// What to do about parts that are not there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Parts {
    /// Name them and go on without.
    AsTheyAre,
    /// Fetch them first.
    Install,
}

/// What the stages found so far.
#[derive(Debug, Default)]
struct Report {
    count: Count,
    failed: Vec<String>,
    left_out: Vec<String>,
}

impl Report {
    /// Runs one stage; a stage that could not run has failed.
    fn stage(&mut self, name: &str, stage: impl FnOnce(&mut Count) -> Result<bool, Failure>) {
        println!("\n== {name}");
        let failures_before = self.count.failed;
        let is_good = stage(&mut self.count).unwrap_or_else(|failure| {
            println!("{failure}");
            false
        });
        if !is_good {
            self.failed.push(name.to_owned());
            if self.count.failed == failures_before {
                self.count.failed += 1; // a stage that counts nothing itself still counts as one
            }
        }
    }

    /// Tells the tests where the parts are, and the summary which are not there.
    fn with_parts(&mut self, mut program: Program) -> Program {
        for part in parts::PARTS {
            match part.found() {
                Some(path) => program = program.variable(part.variable, path),
                None => self.left_out.push(part.missing()),
            }
        }
        program
    }

    fn close(mut self) -> Outcome {
        println!();
        for left_out in &self.left_out {
            println!("left out: {left_out}");
            self.count.skipped += 1;
        }
        for failed in &self.failed {
            println!("failed: {failed}");
        }
        println!("{}", self.count);
        Outcome::of(self.failed.is_empty() && self.count.failed == 0)
    }
}

/// Everything that a commit has to pass.
///
/// # Errors
/// When cargo itself cannot be asked.
pub fn run(parts: Parts) -> Result<Outcome, Failure> {
    let mut report = Report::default();
    if parts == Parts::Install {
        report.stage("parts", |_| parts::install(false));
    }
    report.stage("fmt", |_| passes(&Program::cargo().arguments(["fmt", "--all", "--check"])));
    report.stage("tidy", |_| tidy::run().map(|outcome| outcome == Outcome::Good));
    report.stage("clippy", |_| passes(&clippy()));
    report.stage("build", |_| passes(&build()));
    report.stage("gen --check", |_| generate::run(generate::Mode::Check).map(|outcome| outcome == Outcome::Good));
    let program = report.with_parts(tests(&binary()?, Suite::Sample));
    let program = program.arguments(["test", "--workspace", "--no-fail-fast"]);
    report.stage("test", |count| passes_with_lines(&program, |line| count.take(line)));
    Ok(report.close())
}

/// The long suites whole.
///
/// # Errors
/// When cargo itself cannot be asked.
pub fn soak(parts: Parts) -> Result<Outcome, Failure> {
    let mut report = Report::default();
    if parts == Parts::Install {
        report.stage("parts", |_| parts::install(true));
    }
    report.stage("build", |_| passes(&build()));
    // With what passing tests print: how many points were tried belongs to the result. Of the whole workspace: apart,
    // the suites would get other features of shared crates, and those would be built anew.
    let words = ["test", "--workspace", "--test", "*", "--no-fail-fast", "--", "--show-output"];
    let program = report.with_parts(tests(&binary()?, Suite::Whole).arguments(words));
    report.stage("soak", |count| passes_with_lines(&program, |line| count.take(line)));
    // Without the clouds: the feature changes crates below them, and they would all be built anew.
    let words = ["test", "--package", "terrane", "--no-default-features", "--features", "builtin,otlp", "log::otlp"];
    let traces = Program::cargo().arguments(words);
    report.stage("traces", |count| passes_with_lines(&traces, |line| count.take(line)));
    Ok(report.close())
}

/// One suite against real clusters: the ignored tests of `tests/tests/e2e_NAME.rs`. It sees the accounts of
/// whoever runs it.
///
/// # Errors
/// When there is no such suite or cargo itself cannot be asked.
pub fn e2e(name: &str) -> Result<Outcome, Failure> {
    let suite = format!("e2e_{name}");
    let file = root::root().join("tests/tests").join(&suite).with_extension("rs");
    if !file.is_file() {
        return Err(Failure::Usage(format!(
            "there is no end-to-end suite `{name}`: tests/tests/{suite}.rs is missing"
        )));
    }
    let mut report = Report::default();
    report.stage("build", |_| passes(&build()));
    let arguments = ["test", "--package", "terrane-tests", "--test", &suite, "--", "--ignored"];
    let program = Program::cargo().arguments(arguments).variable("TERRANE_BIN", binary()?);
    report.stage(&suite, |count| passes_with_lines(&program, |line| count.take(line)));
    Ok(report.close())
}

/// How much of the long suites runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Suite {
    Sample,
    Whole,
}

/// Cargo with the environment that every test sees.
fn tests(binary: &Path, suite: Suite) -> Program {
    let program = Program::cargo().shielded().variable("TERRANE_BIN", binary);
    match suite {
        Suite::Sample => program,
        Suite::Whole => program.variable("TERRANE_SOAK", "1"),
    }
}

fn binary() -> Result<PathBuf, Failure> {
    Ok(root::target_dir()?.join("debug").join("terrane"))
}

fn clippy() -> Program {
    let arguments = ["clippy", "--workspace", "--all-targets"];
    Program::cargo().arguments(arguments).arguments(one_at_a_time()).arguments(["--", "-D", "warnings"])
}

/// The binary together with all tests: built apart they would get other features of shared crates, and
/// the large ones would be compiled twice.
fn build() -> Program {
    let arguments = ["build", "--workspace", "--all-targets", "--keep-going"];
    Program::cargo().arguments(arguments).arguments(one_at_a_time())
}

/// Builds all of it; false when that fails.
///
/// # Errors
/// When cargo itself cannot be asked.
pub fn is_built() -> Result<bool, Failure> {
    passes(&build())
}

/// The compiler needs 7 to 8 GB for aws-sdk-ec2 alone: with less than 16 GiB nothing runs beside it.
fn one_at_a_time() -> &'static [&'static str] {
    let meminfo = std::fs::read_to_string("/proc/meminfo").unwrap_or_default();
    match memory_gib(&meminfo) {
        Some(gib) if gib < 15 => &["-j", "1"],
        _ => &[],
    }
}

/// Total memory in whole GiB, from the text of /proc/meminfo.
fn memory_gib(meminfo: &str) -> Option<u64> {
    let line = meminfo.lines().find(|line| line.starts_with("MemTotal:"))?;
    let kib: u64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kib / (1024 * 1024))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stage_that_counts_nothing_still_fails() {
        let mut report = Report::default();
        report.stage("a", |_| Ok(true));
        report.stage("b", |_| Ok(false));
        report.stage("c", |count| {
            count.take("test result: FAILED. 3 passed; 2 failed; 1 ignored; 0 measured; 0 filtered out");
            Ok(false)
        });
        report.stage("d", |_| Err(Failure::Usage("x".to_owned())));
        assert_eq!(report.failed, ["b", "c", "d"]);
        assert_eq!(report.count, Count { passed: 3, failed: 4, skipped: 1 });
        assert_eq!(report.close(), Outcome::Bad);
    }

    #[test]
    fn memory_is_read_in_gib() {
        assert_eq!(memory_gib("MemTotal:       24689764 kB\nMemFree: 1 kB\n"), Some(23));
        assert_eq!(memory_gib("nothing"), None);
    }
}
