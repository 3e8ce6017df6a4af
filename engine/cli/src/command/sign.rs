//! `terrane sign`: puts a signature into a plan file that was reviewed.

use super::saved;
use crate::args::SignArguments;
use crate::console;
use crate::diag;
use crate::exit::{Ended, Outcome};
use std::io::Write as _;
use terrane_core::Place;
use terrane_runtime::signature::{self, SigningKey};

/// Runs it.
///
/// # Errors
/// A key or a plan that cannot be used, a file that cannot be written.
pub async fn run(arguments: &SignArguments) -> Outcome {
    let path = &arguments.plan_file;
    let key = SigningKey::read(&arguments.key)?;
    let folder = super::folder()?;
    let bytes = saved::read_bytes(path, folder.keyring()).await?;
    let at = |problem| saved::at(path, problem);
    let plan = terrane_plan::saved::read(&bytes).map_err(at)?;
    // A signature that does not count is no company for one that does.
    signature::check(&plan, &[]).map_err(at)?;
    if let Some(error) = plan.plan.errors.first() {
        let problem = terrane_runtime::diag::PLAN_ERRORED.at(Place::File(path.clone()));
        return Err(problem.with("first", &error.summary).into());
    }
    let signature = key
        .sign(&plan.message())
        .map_err(|error| diag::FILE_NOT_WRITTEN.at(Place::File(path.clone())).detail(error.to_string()))?;
    let (id, by) = (plan.plan.id.clone(), signature.key.clone());
    let signed = terrane_plan::saved::with_signature(&bytes, plan, signature).map_err(at)?;
    saved::write_plan(path, folder.keyring(), |out| out.write_all(&signed)).await?;
    let mut out = console::stdout();
    writeln!(out, "Signed plan {id} with the key {by}.")?;
    out.flush()?;
    Ok(Ended::OK)
}
