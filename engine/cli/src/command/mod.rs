//! The commands: one file each. Each takes its arguments and gives back how it ended.

mod adopt;
mod apply;
mod demo;
mod drift;
mod fmt;
mod init;
mod output;
mod plan;
mod planning;
mod providers;
mod sandbox;
mod schemas;
mod show;
mod state;
mod validate;
mod version;

use crate::args::{AdoptCommand, Command, CommonArguments, RunArguments};
use crate::console::{Console, Form};
use crate::exit::{Failure, Outcome};
use crate::voice::{Voice, write_problems};
use std::mem::ManuallyDrop;
use std::path::Path;
use terrane_core::SourceMap;
use terrane_lang::inputs::Flag;
use terrane_runtime::{Environment, Workspace};

/// A value that the end of the process frees, all at once: freeing the parts of a large state or plan one by one takes
/// a tenth of a command's time. For what a command holds until its end, and nothing that has to be closed.
type UntilEnd<T> = ManuallyDrop<T>;

/// Runs a command to its exit code. `flags` are `-var` and `-var-file` in their order on the command line.
pub async fn run(command: Command, flags: Vec<Flag>) -> u8 {
    match command {
        Command::Plan(arguments) => {
            speaking(&arguments.run.clone(), async |voice| plan::run(arguments, flags, voice).await).await
        }
        Command::Apply(arguments) => {
            speaking(&arguments.run.clone(), async |voice| apply::run(arguments, flags, false, voice).await).await
        }
        Command::Destroy(arguments) => {
            speaking(&arguments.run.clone(), async |voice| apply::run(arguments, flags, true, voice).await).await
        }
        Command::Drift(arguments) => {
            speaking(&arguments.run.clone(), async |voice| drift::run(arguments, flags, voice).await).await
        }
        Command::Adopt(arguments) => match arguments.command {
            AdoptCommand::Eks(arguments) => {
                let run = arguments.adopt.run.clone();
                speaking(&run, async |voice| adopt::eks(arguments, flags, voice).await).await
            }
            AdoptCommand::Tfstate(arguments) => {
                let run = arguments.adopt.run.clone();
                speaking(&run, async |voice| adopt::tfstate(arguments, flags, voice).await).await
            }
        },
        Command::Init(arguments) => {
            quiet(&arguments.common.clone(), async |console| init::run(&arguments, console)).await
        }
        Command::Validate(arguments) => {
            quiet(&arguments.common.clone(), async |console| validate::run(&arguments, console)).await
        }
        Command::Fmt(arguments) => {
            quiet(&arguments.common.clone(), async |console| fmt::run(&arguments, console)).await
        }
        Command::Show(arguments) => {
            quiet(&arguments.common.clone(), async |console| show::run(&arguments, console).await).await
        }
        Command::Output(arguments) => {
            quiet(&arguments.common.clone(), async |console| output::run(&arguments, console).await).await
        }
        Command::State(arguments) => state::run(arguments.command).await,
        Command::Providers(arguments) => quiet(&arguments.common.clone(), async |_| providers::run(&arguments)).await,
        Command::Version(arguments) => quiet(&arguments.common.clone(), async |_| version::run(&arguments)).await,
        Command::Demo(arguments) => {
            quiet(&arguments.common.clone(), async |console| demo::run(&arguments, console).await).await
        }
        Command::Sandbox(arguments) => sandbox::run(arguments.command).await,
        Command::InternalSchemas(common) => quiet(&common, async |_| schemas::run()).await,
    }
}

/// A command that tells how it goes.
async fn speaking(run: &RunArguments, work: impl AsyncFnOnce(&Voice) -> Outcome) -> u8 {
    let mut console = Console::new(if run.json { Form::Json } else { Form::Text }, &run.common);
    console.can_ask = run.input && !run.json && is_input_wanted();
    console.has_compact_warnings = run.compact_warnings;
    match Voice::new(console) {
        Ok(voice) => {
            let outcome = work(&voice).await;
            voice.end(outcome)
        }
        Err(_) => 1,
    }
}

/// `TF_INPUT=0` is `-input=false`.
fn is_input_wanted() -> bool {
    !std::env::var("TF_INPUT").is_ok_and(|value| matches!(value.as_str(), "0" | "false"))
}

/// A command that gives one answer; problems go to standard error.
async fn quiet(common: &CommonArguments, work: impl AsyncFnOnce(Console) -> Outcome) -> u8 {
    let console = Console::new(Form::Text, common);
    match work(console).await {
        Ok(ended) => ended.code,
        Err(failure) => tell(console, &failure),
    }
}

/// Tells what stopped a command; the exit code.
pub fn tell(console: Console, failure: &Failure) -> u8 {
    failure.problems.iter().for_each(crate::log::problem);
    let none = SourceMap::default();
    // When standard error is gone, only the exit code is left to tell.
    let _untold = write_problems(console, &failure.problems, failure.sources.as_ref().unwrap_or(&none));
    failure.ended.code
}

/// The workspace in the current folder.
fn workspace() -> Result<Workspace, Failure> {
    workspace_in(Path::new("."))
}

/// The workspace in a folder.
fn workspace_in(folder: &Path) -> Result<Workspace, Failure> {
    Ok(Workspace::open(folder, crate::linked::registry(), Environment::of_process())?)
}
