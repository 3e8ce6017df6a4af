//! `terrane policy test`: policies without a plan.

use crate::args::{PolicyCommand, PolicyTestArguments};
use crate::console;
use crate::diag;
use crate::exit::{Ended, Outcome};
use crate::policy::{self, Policies};
use std::io::Write as _;
use terrane_core::Place;

/// Runs it.
pub async fn run(command: PolicyCommand) -> u8 {
    let PolicyCommand::Test(arguments) = command;
    super::quiet(&arguments.common.clone(), async |_| test(&arguments).await).await
}

async fn test(arguments: &PolicyTestArguments) -> Outcome {
    let mut policies = Policies::default();
    policies.add(&arguments.folder)?;
    let tested = policy::test(&policies).await?;
    let mut out = console::stdout();
    for test in &tested {
        writeln!(out, "{} {}", if test.is_passed { "PASS" } else { "FAIL" }, test.rule)?;
    }
    let failed: Vec<&str> = tested.iter().filter(|test| !test.is_passed).map(|test| test.rule.as_str()).collect();
    writeln!(out, "{} passed, {} failed", tested.len() - failed.len(), failed.len())?;
    out.flush()?;
    if failed.is_empty() {
        return Ok(Ended::OK);
    }
    let place = Place::File(arguments.folder.clone());
    Err(diag::POLICY_TEST_FAILED.at(place).with("failed", failed.join(", ")).into())
}
