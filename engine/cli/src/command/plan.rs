//! `terrane plan`: what apply would do. Reads, changes nothing, takes no lock.

use super::UntilEnd;
use super::adopt::files;
use super::planning::{self, Planning};
use crate::args::PlanArguments;
use crate::diag;
use crate::exit::{Ended, Failure, Outcome};
use crate::interrupts::Interrupts;
use crate::render::plan::PlanView;
use crate::voice::Voice;
use std::io::Write as _;
use std::path::Path;
use terrane_core::Place;
use terrane_lang::inputs::Flag;
use terrane_plan::adopt::{self, Known};
use terrane_plan::plan::Plan;

/// Runs it.
///
/// # Errors
/// What prevents a plan.
pub async fn run(arguments: PlanArguments, flags: Vec<Flag>, voice: &Voice) -> Outcome {
    let mut planning = Planning::read(&arguments.planning, flags, arguments.run.parallelism)?;
    if let Some(path) = &arguments.generate_config_out {
        files::expect_new(path)?;
        planning.options.generate_config = true;
    }
    let folder = super::folder()?;
    let mut interrupts = Interrupts::listen()?;
    let configuration = UntilEnd::new(planning::load(&folder, &planning.flags, voice)?);
    let workspace = folder.workspace(&configuration).await?;
    let (state, warnings) = workspace.state().await?;
    let state = UntilEnd::new(state);
    voice.problems(&warnings)?;
    let (plan, to_generate) =
        planning::generating(&workspace, &configuration, &state, &planning, voice, &mut interrupts).await?;
    let mut plan = UntilEnd::new(plan);
    voice.plan(PlanView { plan: &plan, registry: workspace.registry(), paint: voice.console.out })?;
    if let Some(path) = arguments.generate_config_out.as_ref().filter(|_| !to_generate.is_empty()) {
        let known = Known::of(&state, configuration.program.as_ref());
        files::create(path, &adopt::generated(&to_generate, &known))?;
        voice.say(&format!("\nWrote blocks for {} imports: {path}", to_generate.len()))?;
    }
    if let Some(path) = &arguments.out {
        plan.seal();
        save(&plan, path)?;
        voice.say(&format!(
            "\nSaved the plan to: {path}\n\nTo perform exactly these actions, run:\n    terrane apply \"{path}\""
        ))?;
    }
    Ok(if arguments.detailed_exitcode && !plan.is_empty() { Ended::CHANGES } else { Ended::OK })
}

/// Writes a plan file, readable by its owner alone, whole or not at all.
fn save(plan: &Plan, path: &str) -> Result<(), Failure> {
    use std::os::unix::fs::OpenOptionsExt as _;
    let failed = |error: std::io::Error| {
        Failure::from(diag::FILE_NOT_WRITTEN.at(Place::File(path.to_owned())).detail(error.to_string()))
    };
    let part = format!("{path}.{}.part", std::process::id());
    let write = || {
        let file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&part)?;
        let mut out = std::io::BufWriter::new(&file);
        plan.write_to(&mut out)?;
        out.flush()?;
        file.sync_all()?;
        std::fs::rename(&part, path)
    };
    let written = write().map_err(failed);
    if written.is_err() && Path::new(&part).exists() {
        // The half file is of no use to anybody; that writing failed is what is told.
        let _left = std::fs::remove_file(&part);
    }
    written
}

/// Reads a plan file.
///
/// # Errors
/// It is not there, damaged, or of a newer version.
pub fn read(path: &str) -> Result<Plan, Failure> {
    let place = || Place::File(path.to_owned());
    let text =
        std::fs::read_to_string(path).map_err(|error| diag::FILE_NOT_READ.at(place()).detail(error.to_string()))?;
    terrane_plan::file::from_text(&text).map_err(|mut problem| {
        problem.place = place();
        problem.into()
    })
}
