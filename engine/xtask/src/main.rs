//! `cargo xtask`: the test entry point, the generators and the rules of the house.
//!
//! Uses no crate of this workspace: it sees the product as a user does, through the built binary and the
//! text of the repository, so it cannot be wrong in the same way.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a development tool that talks on the terminal")]

mod bench;
mod command;
mod error;
mod generate;
mod root;
mod test;
mod tidy;

use std::process::ExitCode;

use error::{Failure, Outcome};

const USAGE: &str = "\
usage: cargo xtask COMMAND

  test [--install]      everything that fits a commit; --install fetches missing parts first
  soak [--install]      the long suites whole; --install fetches parts that take long to make, too
  e2e NAME              one suite against real clusters
  gen [--check]         schemas/, docs/reference/ and the index of diagnostics, from the binary
  tidy                  the rules of the house
  bench [--sizes 1000,10000,100000] [--shapes flat,count,fleet,fleetmap] [--reps 3]
        [--bin PATH] [--cold-build] [--no-write]
        [--compare BIN_A BIN_B]
                        time and memory at scale, into docs/bench.md";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match run(&arguments) {
        Ok(Outcome::Good) => ExitCode::SUCCESS,
        Ok(Outcome::Bad) => ExitCode::FAILURE,
        Err(failure) => {
            eprintln!("xtask: {failure}");
            ExitCode::from(2)
        }
    }
}

fn run(arguments: &[String]) -> Result<Outcome, Failure> {
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["test"] => test::run(test::Parts::AsTheyAre),
        ["test", "--install"] => test::run(test::Parts::Install),
        ["soak"] => test::soak(test::Parts::AsTheyAre),
        ["soak", "--install"] => test::soak(test::Parts::Install),
        ["e2e", name] => test::e2e(name),
        ["gen"] => generate::run(generate::Mode::Write),
        ["gen", "--check"] => generate::run(generate::Mode::Check),
        ["tidy"] => tidy::run(),
        ["bench", rest @ ..] => bench::run(rest),
        _ => Err(Failure::Usage(USAGE.to_owned())),
    }
}
