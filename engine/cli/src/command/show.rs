//! `terrane show`: a saved plan, or the state; for people or as JSON.

use super::{UntilEnd, saved};
use crate::args::ShowArguments;
use crate::console::{self, Console};
use crate::exit::{Ended, Outcome};
use crate::render::json_plan::JsonPlan;
use crate::render::json_state::JsonState;
use crate::render::markdown::Markdown;
use crate::render::plan::{self, PlanView};
use crate::render::state;
use crate::voice::write_problems;
use std::io::Write as _;
use terrane_lang::inputs::Flag;

/// Runs it.
///
/// # Errors
/// A plan or state that cannot be read.
pub async fn run(arguments: &ShowArguments, flags: &[Flag], console: Console) -> Outcome {
    let registry = crate::linked::registry();
    let registry = &registry;
    let saved = match &arguments.plan_file {
        Some(path) => Some(saved::read(path, super::folder()?.keyring()).await?),
        None => None,
    };
    if let (Some(saved), Some(path)) = (&saved, &arguments.plan_file) {
        terrane_runtime::signature::check(saved, &[]).map_err(|problem| saved::at(path, problem))?;
    }
    let plan = saved.map(|saved| UntilEnd::new(saved.plan));
    let read = match super::workspace(flags).await {
        Ok(workspace) => workspace.state().await.map_err(Into::into),
        Err(failure) => Err(failure),
    };
    let (state, warnings) = match read {
        Ok(read) => read,
        // A plan is complete: where its state is out of reach, only what does not change is shown without values.
        Err(_) if plan.is_some() => Default::default(),
        Err(failure) => return Err(failure),
    };
    let state = UntilEnd::new(state);
    write_problems(console, &warnings, &terrane_core::SourceMap::default())?;
    let mut out = console::stdout();
    match plan {
        Some(plan) if arguments.markdown => {
            out.write_all(Markdown { plan: &plan, registry, problems: &[] }.text().as_bytes())?;
        }
        Some(plan) if arguments.json => {
            // Only the state that the plan was made against says something about it.
            let state = Some(&*state).filter(|state| state.lineage == plan.lineage && state.serial == plan.serial);
            serde_json::to_writer(&mut out, &JsonPlan { plan: &plan, state, registry })
                .map_err(std::io::Error::from)?;
            writeln!(out)?;
        }
        Some(plan) => plan::write(PlanView { plan: &plan, registry, paint: console.out }, &mut out)?,
        None if arguments.json => {
            serde_json::to_writer(&mut out, &JsonState { state: &state, registry }).map_err(std::io::Error::from)?;
            writeln!(out)?;
        }
        None => state::write_all(&state, registry, console.out, &mut out)?,
    }
    out.flush()?;
    Ok(Ended::OK)
}
