//! `terrane plan`: what apply would do. Reads, changes nothing, takes no lock.

use super::UntilEnd;
use super::adopt::files;
use super::planning::{self, Planning};
use super::saved::{self, Saving};
use crate::args::PlanArguments;
use crate::diag;
use crate::exit::{Ended, Failure, Outcome};
use crate::guard::{self, Guard, Judged};
use crate::interrupts::Interrupts;
use crate::render::markdown::Markdown;
use crate::render::plan::PlanView;
use crate::voice::Voice;
use terrane_lang::inputs::Flag;
use terrane_plan::adopt::{self, Known};
use terrane_plan::plan::Plan;
use terrane_plan::state::State;
use terrane_runtime::Folder;
use terrane_runtime::clock::{Clock as _, SystemClock, rfc3339};

/// Runs it.
///
/// # Errors
/// What prevents a plan, and what a plan that is shown and saved does not keep to.
pub async fn run(arguments: PlanArguments, flags: Vec<Flag>, voice: &Voice) -> Outcome {
    let saving = Saving::read(&arguments.save)?;
    let guard = Guard::read(&arguments.guard)?;
    let mut planning = Planning::read(&arguments.planning, flags, arguments.run.parallelism)?;
    if let Some(path) = &arguments.generate_config_out {
        files::expect_new(path)?;
        planning.options.generate_config = true;
    }
    let folder = super::folder()?;
    let (mut plan, state) = match make(folder.again(), &arguments, &planning, voice).await {
        Ok((plan, state)) => (UntilEnd::new(plan), UntilEnd::new(state)),
        Err(failure) => return Err(keep_errors(failure, &arguments, saving.as_ref(), &folder, voice).await),
    };
    let registry = &crate::linked::registry();
    let judged = guard.judge(Judged { plan: &plan, state: Some(&state), registry, destroyed: 0 }).await;
    let problems = judged.as_ref().map_or_else(|failure| failure.problems.as_slice(), Vec::as_slice);
    if let Some(saving) = &saving {
        saving.save(&mut plan, folder.keyring()).await?;
    }
    if let Some(path) = &arguments.save.markdown {
        write_markdown(path, &Markdown { plan: &plan, registry, problems })?;
    }
    voice.problems(&guard::settled(judged?)?)?;
    if let Some(saving) = &saving {
        let path = saving.path();
        voice.say(&format!(
            "\nSaved the plan to: {path}\n\nTo perform exactly these actions, run:\n    terrane apply \"{path}\""
        ))?;
    }
    Ok(if arguments.detailed_exitcode && !plan.is_empty() { Ended::CHANGES } else { Ended::OK })
}

/// Plans and shows the plan.
async fn make(
    folder: Folder,
    arguments: &PlanArguments,
    planning: &Planning,
    voice: &Voice,
) -> Result<(Plan, State), Failure> {
    let mut interrupts = Interrupts::listen()?;
    let configuration = UntilEnd::new(planning::load(&folder, &planning.flags, voice)?);
    let workspace = folder.workspace(&configuration).await?;
    let (state, warnings) = workspace.state().await?;
    voice.problems(&warnings)?;
    let (plan, to_generate) =
        planning::generating(&workspace, &configuration, &state, planning, voice, &mut interrupts).await?;
    voice.plan(PlanView { plan: &plan, registry: workspace.registry(), paint: voice.console.out })?;
    if let Some(path) = arguments.generate_config_out.as_ref().filter(|_| !to_generate.is_empty()) {
        let known = Known::of(&state, configuration.program.as_ref());
        files::create(path, &adopt::generated(&to_generate, &known))?;
        voice.say(&format!("\nWrote blocks for {} imports: {path}", to_generate.len()))?;
    }
    Ok((plan, state))
}

/// Leaves what prevented a plan where the plan would have been, for whoever reads it later.
async fn keep_errors(
    failure: Failure,
    arguments: &PlanArguments,
    saving: Option<&Saving<'_>>,
    folder: &Folder,
    voice: &Voice,
) -> Failure {
    let is_interrupted = failure.problems.iter().any(|problem| problem.kind.id == diag::INTERRUPTED.id);
    if is_interrupted || (saving.is_none() && arguments.save.markdown.is_none()) {
        return failure;
    }
    let made_at = rfc3339(SystemClock.now_ms());
    let mut plan = Plan::errored(made_at, voice.with_sources(|sources| saved::errors(&failure, sources)));
    let keep = async {
        match saving {
            Some(saving) => saving.save(&mut plan, folder.keyring()).await,
            None => Ok(()),
        }
    };
    let kept = keep.await.and_then(|()| {
        let Some(path) = &arguments.save.markdown else { return Ok(()) };
        write_markdown(path, &Markdown { plan: &plan, registry: &crate::linked::registry(), problems: &[] })
    });
    match kept {
        Ok(()) => failure,
        // Both are told; why there is no plan comes first.
        Err(unkept) => Failure { problems: failure.problems.into_iter().chain(unkept.problems).collect(), ..failure },
    }
}

fn write_markdown(path: &str, markdown: &Markdown<'_>) -> Result<(), Failure> {
    saved::write_file(path, |out| out.write_all(markdown.text().as_bytes()))
}
