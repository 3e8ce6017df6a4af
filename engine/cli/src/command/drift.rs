//! `terrane drift`: what others changed behind our back. Changes nothing: exit 0 none, 2 drift, 1 error.

use super::planning::{self, Planning};
use crate::args::{DriftArguments, PlanningArguments};
use crate::console;
use crate::exit::{Ended, Outcome};
use crate::interrupts::Interrupts;
use crate::render::plan::{PlanView, write_drift};
use crate::voice::Voice;
use std::io::Write as _;
use terrane_lang::inputs::Flag;

/// Runs it.
///
/// # Errors
/// What prevents reading.
pub async fn run(arguments: DriftArguments, flags: Vec<Flag>, voice: &Voice) -> Outcome {
    let refresh = PlanningArguments {
        target: arguments.target,
        refresh: true,
        refresh_only: true,
        ..PlanningArguments::default()
    };
    let planning = Planning::read(&refresh, flags, arguments.run.parallelism)?;
    let folder = super::folder()?;
    let mut interrupts = Interrupts::listen()?;
    let configuration = planning::load(&folder, &planning.flags, voice)?;
    let workspace = folder.workspace(&configuration).await?;
    let (state, warnings) = workspace.state().await?;
    voice.problems(&warnings)?;
    let plan = planning::plan(&workspace, &configuration, &state, &planning, voice, &mut interrupts).await?;
    let view = PlanView { plan: &plan, registry: workspace.registry(), paint: voice.console.out };
    if voice.console.is_json {
        voice.plan(view)?;
    } else {
        let mut out = console::stdout();
        write_drift(view, &mut out)?;
        out.flush()?;
    }
    Ok(if plan.drift.is_empty() { Ended::OK } else { Ended::DRIFT })
}
