//! The program that the kill suite kills in the place of the binary: see `terrane_tests::kill::subject`.

use std::process::ExitCode;

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    ExitCode::from(terrane_tests::kill::subject::main(&words))
}
