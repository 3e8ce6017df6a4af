//! What plan, apply, destroy and drift have in common: reading their arguments, loading, planning.

use crate::args::PlanningArguments;
use crate::diag;
use crate::exit::Failure;
use crate::interrupts::Interrupts;
use crate::voice::{Problems, Voice};
use std::str::FromStr;
use terrane_core::address::AddrError;
use terrane_core::{Diagnostic, Place, Selector};
use terrane_lang::inputs::Flag;
use terrane_plan::drift::Look;
use terrane_plan::plan::{Mode, Plan};
use terrane_plan::planner::imports::ToGenerate;
use terrane_plan::planner::{Options, Selection, Task};
use terrane_plan::state::State;
use terrane_runtime::{Configuration, Folder, PlanRequest, SecretOverride, Workspace};

/// What the command line asks of a plan, checked.
#[derive(Clone, Debug)]
pub struct Planning {
    /// `-var` and `-var-file`.
    pub flags: Vec<Flag>,
    /// What the planner takes.
    pub options: Options,
    /// `-secret`.
    pub secrets: Vec<SecretOverride>,
    /// `-only-changed-since`.
    pub since: Option<String>,
    /// How many reads may be under way at once.
    pub parallelism: u16,
}

impl Planning {
    /// Reads the arguments.
    ///
    /// # Errors
    /// Texts that are no addresses or secrets, flags that exclude each other.
    pub fn read(arguments: &PlanningArguments, flags: Vec<Flag>, parallelism: u16) -> Result<Self, Failure> {
        let mut problems = Vec::new();
        if arguments.destroy && arguments.refresh_only {
            let place = Place::Argument(String::from("-refresh-only"));
            problems.push(diag::USAGE.at(place).detail("-destroy and -refresh-only exclude each other"));
        }
        if arguments.refresh_only && !arguments.refresh {
            let place = Place::Argument(String::from("-refresh-only"));
            problems.push(diag::USAGE.at(place).detail("-refresh=false leaves nothing to do for -refresh-only"));
        }
        let targets = listed("-target", &arguments.target, &arguments.target_file, &mut problems);
        let excludes = listed("-exclude", &arguments.exclude, &arguments.exclude_file, &mut problems);
        if !targets.is_empty() && !excludes.is_empty() {
            let place = Place::Argument(String::from("-exclude"));
            problems.push(diag::USAGE.at(place).detail("-target and -exclude exclude each other"));
        }
        if arguments.only_changed_since.is_some() {
            let others =
                [("-target", !targets.is_empty()), ("-exclude", !excludes.is_empty()), ("-destroy", arguments.destroy)];
            for (flag, _) in others.iter().filter(|(_, is_given)| *is_given) {
                let place = Place::Argument(String::from("-only-changed-since"));
                let told = format!("-only-changed-since and {flag} exclude each other");
                problems.push(diag::USAGE.at(place).detail(told));
            }
        }
        let mode = match (arguments.destroy, arguments.refresh_only) {
            (true, _) => Mode::Destroy,
            (false, true) => Mode::RefreshOnly,
            (false, false) => Mode::Normal,
        };
        let selection = if excludes.is_empty() { Selection::only(targets) } else { Selection::all_but(excludes) };
        let options = Options {
            task: Task::Configuration,
            mode,
            selection,
            replace: addresses("-replace", &arguments.replace, &mut problems),
            allow_replace: addresses("-allow-replace", &arguments.allow_replace, &mut problems),
            allow_destroy: addresses("-allow-destroy", &arguments.allow_destroy, &mut problems),
            skip_refresh: !arguments.refresh,
            generate_config: false,
        };
        let secrets = secrets(&arguments.secret, &mut problems);
        if problems.is_empty() {
            Ok(Self { flags, options, secrets, since: arguments.only_changed_since.clone(), parallelism })
        } else {
            Err(Failure::new(problems))
        }
    }

    /// The request to the runtime.
    pub fn request(&self) -> PlanRequest {
        PlanRequest {
            options: self.options.clone(),
            secrets: self.secrets.clone(),
            parallelism: usize::from(self.parallelism),
        }
    }
}

/// The secrets that flags give; problems are added.
pub fn secrets(texts: &[String], problems: &mut Vec<Diagnostic>) -> Vec<SecretOverride> {
    let read = |text: &String| SecretOverride::parse(text).map_err(|problem| problems.push(*problem)).ok();
    texts.iter().filter_map(read).collect()
}

/// The addresses that a flag gives; problems are added.
pub fn addresses<A: FromStr<Err = AddrError>>(flag: &str, texts: &[String], problems: &mut Vec<Diagnostic>) -> Vec<A> {
    let mut read = |text: &String| match text.parse() {
        Ok(pattern) => Some(pattern),
        Err(error) => {
            let place = Place::Argument(format!("{flag} {text}").trim().to_owned());
            problems.push(diag::INVALID_ADDRESS.at(place).detail(format!("{error}")));
            None
        }
    };
    texts.iter().filter_map(&mut read).collect()
}

/// The addresses that a flag gives and those in files, one a line; empty lines and those that begin with # are nothing.
fn listed(flag: &str, texts: &[String], files: &[String], problems: &mut Vec<Diagnostic>) -> Vec<Selector> {
    let mut all = addresses(flag, texts, problems);
    for file in files {
        match std::fs::read_to_string(file) {
            Ok(text) => {
                let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
                let lines: Vec<String> = lines.map(str::to_owned).collect();
                all.extend(addresses(&format!("{flag}-file={file}"), &lines, problems));
            }
            Err(error) => {
                problems.push(diag::FILE_NOT_READ.at(Place::File(file.clone())).detail(error.to_string()));
            }
        }
    }
    all
}

/// Loads the configuration; its warnings are told.
///
/// # Errors
/// Its errors.
pub fn load(folder: &Folder, flags: &[Flag], voice: &Voice) -> Result<Configuration, Failure> {
    let mut configuration = folder.load(flags);
    voice.know(&configuration.sources);
    let problems = std::mem::take(&mut configuration.problems);
    if configuration.program.is_none() || problems.iter().any(Diagnostic::is_error) {
        return Err(Failure::new(problems));
    }
    voice.problems(&problems)?;
    Ok(configuration)
}

/// Plans; warnings are told.
///
/// # Errors
/// What prevents a plan, or a signal.
pub async fn plan(
    workspace: &Workspace,
    configuration: &Configuration,
    state: &State,
    planning: &Planning,
    voice: &Voice,
    interrupts: &mut Interrupts,
) -> Result<Plan, Failure> {
    generating(workspace, configuration, state, planning, voice, interrupts).await.map(|(plan, _)| plan)
}

/// As [`plan`]; with the imported objects that have no block.
///
/// # Errors
/// As [`plan`].
pub async fn generating(
    workspace: &Workspace,
    configuration: &Configuration,
    state: &State,
    planning: &Planning,
    voice: &Voice,
    interrupts: &mut Interrupts,
) -> Result<(Plan, Vec<ToGenerate>), Failure> {
    let sink = voice.sink(Problems::Collected);
    let planned = async {
        let mut request = planning.request();
        if let Some(since) = &planning.since {
            let changed = workspace.changed_since(configuration, &planning.flags, since).await?;
            request.options.selection = Selection::Changed(changed);
        }
        Ok::<_, Box<Diagnostic>>(workspace.plan(configuration, state, request, &sink).await)
    };
    let outcome = tokio::select! {
        outcome = planned => outcome?,
        _ = interrupts.next() => return Err(diag::INTERRUPTED.at(Place::Run).into()),
    };
    voice.settle();
    match outcome.plan {
        Some(plan) if !outcome.problems.iter().any(Diagnostic::is_error) => {
            voice.problems(&outcome.problems)?;
            Ok((plan, outcome.to_generate))
        }
        _ => Err(Failure::new(outcome.problems)),
    }
}

/// Looks at what is recorded. Problems are given back, with those of objects that cannot be read in the findings.
///
/// # Errors
/// What prevents a look at all, or a signal.
pub async fn look(
    workspace: &Workspace,
    configuration: &Configuration,
    state: &State,
    planning: &Planning,
    voice: &Voice,
    interrupts: &mut Interrupts,
) -> Result<(Look, Vec<Diagnostic>), Failure> {
    let sink = voice.sink(Problems::Collected);
    let outcome = tokio::select! {
        outcome = workspace.plan(configuration, state, planning.request(), &sink) => outcome,
        _ = interrupts.next() => return Err(diag::INTERRUPTED.at(Place::Run).into()),
    };
    voice.settle();
    match outcome.look {
        Some(look) => Ok((look, outcome.problems)),
        None => Err(Failure::new(outcome.problems)),
    }
}
