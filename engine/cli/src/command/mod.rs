//! The commands: one file each. Each takes its arguments and gives back how it ended.

mod adopt;
mod apply;
mod completion;
mod demo;
mod drift;
mod evaluate;
mod fmt;
mod graph;
mod init;
mod lock;
mod output;
mod plan;
mod planning;
mod policy;
mod providers;
mod sandbox;
mod saved;
mod schemas;
mod show;
mod sign;
mod state;
mod validate;
mod version;
mod workspace;

use crate::args::{
    AdoptCommand, Command, CommonArguments, DriftCommand, LockArguments, LockCommand, RunArguments, TaintArguments,
    WorkspaceArguments,
};
use crate::console::{Console, Form};
use crate::diag;
use crate::exit::{Failure, Outcome};
use crate::voice::{Voice, write_problems};
use std::mem::ManuallyDrop;
use std::path::Path;
use terrane_core::{Place, SourceMap};
use terrane_lang::inputs::Flag;
use terrane_runtime::{Environment, Folder, Workspace};

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
            let of_run = match &arguments.command {
                None => arguments.run.clone(),
                Some(DriftCommand::Accept(settle) | DriftCommand::Revert(settle)) => settle.run.clone(),
            };
            speaking(&of_run, async |voice| drift::run(arguments, flags, voice).await).await
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
            let common = arguments.write.place.common.clone();
            quiet(&common, async |console| init::run(&arguments, &flags, console).await).await
        }
        Command::Validate(arguments) => {
            quiet(&arguments.common.clone(), async |console| validate::run(&arguments, console)).await
        }
        Command::Fmt(arguments) => {
            quiet(&arguments.common.clone(), async |console| fmt::run(&arguments, console)).await
        }
        Command::Show(arguments) => {
            quiet(&arguments.place.common.clone(), async |console| show::run(&arguments, &flags, console).await).await
        }
        Command::Sign(arguments) => quiet(&arguments.common.clone(), async |_| sign::run(&arguments).await).await,
        Command::Policy(arguments) => policy::run(arguments.command).await,
        Command::Output(arguments) => {
            quiet(&arguments.place.common.clone(), async |console| output::run(&arguments, &flags, console).await).await
        }
        Command::State(arguments) => state::run(arguments.command, flags).await,
        Command::Taint(arguments) => taint(arguments, state::Mark::Set, &flags).await,
        Command::Untaint(arguments) => taint(arguments, state::Mark::Removed, &flags).await,
        Command::Lock(LockArguments { command }) => {
            let LockCommand::Show(arguments) = &command;
            quiet(&arguments.place.common.clone(), async |_| lock::show(&command, &flags).await).await
        }
        Command::ForceUnlock(arguments) => {
            let common = arguments.place.common.clone();
            quiet(&common, async |console| lock::force(&arguments, &flags, console).await).await
        }
        Command::Workspace(WorkspaceArguments { command }) => {
            quiet(&CommonArguments::default(), async |_| workspace::run(&command, &flags).await).await
        }
        Command::Providers(arguments) => quiet(&arguments.common.clone(), async |_| providers::run(&arguments)).await,
        Command::Console(arguments) => {
            quiet(&arguments.place.common.clone(), async |console| evaluate::run(&flags, console).await).await
        }
        Command::Graph(arguments) => quiet(&arguments.common.clone(), async |_| graph::run(&arguments)).await,
        Command::Completion(arguments) => quiet(&arguments.common.clone(), async |_| completion::run(&arguments)).await,
        Command::Version(arguments) => quiet(&arguments.common.clone(), async |_| version::run(&arguments)).await,
        Command::Demo(arguments) => {
            quiet(&arguments.common.clone(), async |console| demo::run(&arguments, console).await).await
        }
        Command::Sandbox(arguments) => sandbox::run(arguments.command).await,
        Command::InternalSchemas(common) => quiet(&common, async |_| schemas::run()).await,
    }
}

async fn taint(arguments: TaintArguments, mark: state::Mark, flags: &[Flag]) -> u8 {
    let common = arguments.write.place.common.clone();
    quiet(&common, async |_| state::taint(&arguments, mark, flags).await).await
}

/// A command that tells how it goes.
async fn speaking(run: &RunArguments, work: impl AsyncFnOnce(&Voice) -> Outcome) -> u8 {
    let mut console = Console::new(if run.json { Form::Json } else { Form::Text }, &run.common);
    console.can_ask = run.input && !run.json && is_input_wanted();
    console.has_compact_warnings = run.compact_warnings;
    let voice = Voice::new(console).and_then(|voice| match &run.json_into {
        Some(path) => voice.with_copy(path),
        None => Ok(voice),
    });
    match voice {
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

/// Refuses `-lock=false` of what writes a state.
fn refuse_without_lock(is_wanted: bool) -> Result<(), Failure> {
    if is_wanted {
        return Ok(());
    }
    Err(diag::LOCK_ALWAYS_HELD.at(Place::Argument(String::from("-lock=false"))).into())
}

/// The current folder.
fn folder() -> Result<Folder, Failure> {
    folder_in(Path::new("."))
}

/// A folder.
fn folder_in(folder: &Path) -> Result<Folder, Failure> {
    Ok(Folder::open(folder, crate::linked::registry(), Environment::of_process())?.with_keys()?)
}

/// The selected workspace, for a command that needs no more of the configuration than where the state is.
async fn workspace(flags: &[Flag]) -> Result<Workspace, Failure> {
    let folder = folder()?;
    let configuration = folder.load_backend(flags);
    Ok(folder.workspace(&configuration).await?)
}
