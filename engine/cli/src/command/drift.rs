//! `terrane drift`: what others changed behind our back, as text and reports; and what is done about it.
//!
//! A look takes no lock, writes nothing and holds nothing that could change an object: exit 0 none, 2 drift, 1 an error
//! or an object that cannot be read. Only `-record` writes, and only when findings were told of first.

use super::UntilEnd;
use super::apply::{self, Work};
use super::planning::{self, Planning};
use super::saved::{self, Saving};
use crate::args::{DriftArguments, DriftCommand, GuardArguments, PlanningArguments, SaveArguments};
use crate::args::{SettleArguments, TrustArguments};
use crate::console::{self, Paint};
use crate::diag;
use crate::exit::{Ended, Failure, Outcome};
use crate::guard::{self, Guard, Judged};
use crate::interrupts::Interrupts;
use crate::render::plan::PlanView;
use crate::render::report::{self, Format, Report, model};
use crate::voice::Voice;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use terrane_core::{Diagnostic, Place};
use terrane_lang::inputs::Flag;
use terrane_plan::drift::{LeafPattern, Look};
use terrane_plan::plan::Plan;
use terrane_plan::planner::Task;
use terrane_runtime::Configuration;

/// Runs it.
///
/// # Errors
/// What prevents reading.
pub async fn run(mut arguments: DriftArguments, flags: Vec<Flag>, voice: &Voice) -> Outcome {
    match arguments.command.take() {
        Some(DriftCommand::Accept(settle)) => accept_or_revert(settle, flags, Task::Accept, voice).await,
        Some(DriftCommand::Revert(settle)) => accept_or_revert(settle, flags, Task::Revert, voice).await,
        None => look(arguments, flags, voice).await,
    }
}

async fn look(arguments: DriftArguments, flags: Vec<Flag>, voice: &Voice) -> Outcome {
    let wanted = Wanted::read(&arguments.report, voice.console.is_json)?;
    if arguments.record {
        super::refuse_without_lock(arguments.run.lock)?;
    }
    if wanted.on_output.is_some_and(|format| format != Format::Text) {
        voice.hush();
    }
    let of_look = PlanningArguments { target: arguments.target, refresh: true, ..PlanningArguments::default() };
    let mut planning = Planning::read(&of_look, flags, arguments.run.parallelism)?;
    planning.options.task = Task::Look;
    let folder = super::folder()?;
    let mut interrupts = Interrupts::listen()?;
    let configuration = UntilEnd::new(planning::load(&folder, &planning.flags, voice)?);
    let workspace = folder.workspace(&configuration).await?;
    let (look, mut problems) = if arguments.record {
        let timeout_ms = u64::try_from(arguments.run.lock_timeout.as_millis()).unwrap_or(u64::MAX);
        let mut session = tokio::select! {
            session = workspace.lock("drift -record", timeout_ms) => session?,
            _ = interrupts.next() => return Err(diag::INTERRUPTED.at(Place::Run).into()),
        };
        voice.problems(session.warnings())?;
        let state = session.state().clone();
        let looked = planning::look(&workspace, &configuration, &state, &planning, voice, &mut interrupts).await;
        let kept = match &looked {
            Ok((look, _)) => session.remember_drift(look).await,
            Err(_) => Ok(()),
        };
        let closed = session.close().await;
        let looked = looked?;
        kept?;
        closed?;
        looked
    } else {
        let (state, warnings) = workspace.state().await?;
        let state = UntilEnd::new(state);
        voice.problems(&warnings)?;
        planning::look(&workspace, &configuration, &state, &planning, voice, &mut interrupts).await?
    };
    let report = model::report(&look, surroundings(&configuration, arguments.not_ours));
    problems.extend(look.findings.iter().filter_map(|finding| finding.problem.as_deref().cloned()));
    terrane_core::diagnostic::tidy(&mut problems);
    voice.problems(&problems)?;
    tell(&report, &wanted, voice)?;
    Ok(ended(&look, &problems, arguments.detailed_exitcode))
}

fn ended(look: &Look, problems: &[Diagnostic], is_detailed: bool) -> Ended {
    let is_drift = look.findings.iter().any(terrane_plan::drift::Finding::counts);
    match (problems.iter().any(Diagnostic::is_error), is_drift, is_detailed) {
        (true, ..) => Ended::UNREADABLE,
        (false, true, true) => Ended::DRIFT,
        (false, true, false) => Ended::DRIFT_TOLD,
        (false, false, _) => Ended::OK,
    }
}

/// What a report says about the run, beside the findings.
fn surroundings(configuration: &Configuration, has_foreign: bool) -> model::Surroundings {
    let folder = std::env::current_dir().unwrap_or_default();
    let repository = folder.ancestors().find(|above| above.join(".git").exists());
    let inside = repository.and_then(|above| folder.strip_prefix(above).ok()).map(Path::to_owned).unwrap_or_default();
    let is_configuration = |name: &&str| name.ends_with(".hcl") && !name.contains('/');
    let names = configuration.sources.files().iter().map(|file| file.name.as_str());
    model::Surroundings {
        at: crate::render::events::now_in_seconds(),
        folder: inside.to_string_lossy().into_owned(),
        first_file: names.filter(is_configuration).min().unwrap_or("main.hcl").to_owned(),
        has_foreign,
    }
}

/// The reports that are asked for.
struct Wanted {
    on_output: Option<Format>,
    files: Vec<(Format, PathBuf)>,
}

impl Wanted {
    fn read(texts: &[String], is_json: bool) -> Result<Self, Failure> {
        let (mut on_output, mut files, mut problems) = (Vec::new(), Vec::new(), Vec::new());
        for text in texts {
            let (name, file) = text.split_once('=').map_or((text.as_str(), None), |(name, file)| (name, Some(file)));
            match (Format::named(name), file) {
                (Some(format), None) => on_output.push(format),
                (Some(_), Some("")) | (None, _) => problems.push(wrong(text, name)),
                (Some(format), Some(file)) => files.push((format, PathBuf::from(file))),
            }
        }
        if on_output.len() > 1 || (is_json && !on_output.is_empty()) {
            let detail = if is_json { "-json has it already" } else { "one report at most goes there" };
            let problem = diag::USAGE.at(Place::Argument(String::from("-report")));
            let problem = problem.detail(format!("Standard output is taken: {detail}"));
            problems.push(problem.help("Write it into a file with -report=FORMAT=FILE"));
        }
        if problems.is_empty() { Ok(Self { on_output: on_output.pop(), files }) } else { Err(Failure::new(problems)) }
    }
}

fn wrong(text: &str, name: &str) -> Diagnostic {
    let names: Vec<&str> = Format::ALL.iter().map(|format| format.name()).collect();
    let problem = diag::USAGE.at(Place::Argument(format!("-report={text}")));
    let problem = problem.detail(format!("A report is FORMAT or FORMAT=FILE; the formats are {}", names.join(", ")));
    match terrane_core::diagnostic::suggestion(name, names) {
        Some(help) => problem.help(help),
        None => problem,
    }
}

/// Writes every report; what cannot be written is told together at the end.
fn tell(report: &Report, wanted: &Wanted, voice: &Voice) -> Result<(), Failure> {
    if voice.console.is_json {
        voice.stream(|stream| stream.drift(report))?;
    } else {
        let mut out = console::stdout();
        report::write(wanted.on_output.unwrap_or(Format::Text), report, voice.console.out, &mut out)?;
        out.flush()?;
    }
    let mut problems = Vec::new();
    for (format, path) in &wanted.files {
        if let Err(error) = save(report, *format, path) {
            let place = Place::File(path.display().to_string());
            problems.push(diag::FILE_NOT_WRITTEN.at(place).detail(error.to_string()));
        }
    }
    if problems.is_empty() { Ok(()) } else { Err(Failure::new(problems)) }
}

/// Writes a report whole or not at all.
fn save(report: &Report, format: Format, path: &Path) -> std::io::Result<()> {
    let mut part = path.as_os_str().to_owned();
    part.push(format!(".{}.part", std::process::id()));
    let write = || {
        let file = std::fs::OpenOptions::new().write(true).create_new(true).open(&part)?;
        let mut out = std::io::BufWriter::new(&file);
        report::write(format, report, Paint::PLAIN, &mut out)?;
        out.flush()?;
        std::fs::rename(&part, path)
    };
    let written = write();
    if written.is_err() {
        // The half file is of no use to anybody; that writing failed is what is told.
        let _left = std::fs::remove_file(&part);
    }
    written
}

async fn accept_or_revert(
    arguments: SettleArguments,
    flags: Vec<Flag>,
    task: fn(Vec<LeafPattern>) -> Task,
    voice: &Voice,
) -> Outcome {
    if arguments.out.is_none() {
        super::refuse_without_lock(arguments.run.lock)?;
        apply::check_consent(&arguments.run, arguments.auto_approve)?;
    }
    let of_plan = PlanningArguments { refresh: true, secret: arguments.secret.clone(), ..PlanningArguments::default() };
    let mut planning = Planning::read(&of_plan, flags, arguments.run.parallelism)?;
    planning.options.task = task(leaves(&arguments.leaves)?);
    let operation = match planning.options.task {
        Task::Revert(_) => "drift revert",
        Task::Accept(_) | Task::Configuration | Task::Look => "drift accept",
    };
    // What is reviewed elsewhere counts here too: the folder of policies, and what the environment asks for.
    let guard = Guard::read(&GuardArguments::default())?;
    let Some(path) = &arguments.out else {
        let (lock_timeout, is_approved) = (arguments.run.lock_timeout, arguments.auto_approve);
        let required = saved::required(&TrustArguments::default())?;
        let work = Work {
            folder: super::folder()?,
            planning,
            saved: None,
            guard,
            required,
            operation,
            lock_timeout,
            is_approved,
        };
        return apply::carry(work, voice).await;
    };
    let folder = super::folder()?;
    let mut interrupts = Interrupts::listen()?;
    let configuration = UntilEnd::new(planning::load(&folder, &planning.flags, voice)?);
    let workspace = folder.workspace(&configuration).await?;
    let (state, warnings) = workspace.state().await?;
    let state = UntilEnd::new(state);
    voice.problems(&warnings)?;
    let mut plan = planning::plan(&workspace, &configuration, &state, &planning, voice, &mut interrupts).await?;
    voice.plan(PlanView { plan: &plan, registry: workspace.registry(), paint: voice.console.out })?;
    if is_told_only(&planning.options.task, &plan, voice)? {
        return Ok(Ended::OK);
    }
    let registry = workspace.registry();
    let judged = guard.judge(Judged { plan: &plan, state: Some(&state), registry, destroyed: 0 }).await?;
    voice.problems(&guard::settled(judged)?)?;
    let save = SaveArguments { out: Some(path.clone()), ..SaveArguments::default() };
    if let Some(saving) = Saving::read(&save)? {
        saving.save(&mut plan, workspace.keyring()).await?;
    }
    voice.say(&format!(
        "\nSaved the plan to: {path}\n\nTo perform exactly these actions, run:\n    terrane apply \"{path}\""
    ))?;
    Ok(Ended::OK)
}

fn leaves(texts: &[String]) -> Result<Vec<LeafPattern>, Failure> {
    let mut problems = Vec::new();
    let mut read = |text: &String| match text.parse() {
        Ok(leaf) => Some(leaf),
        Err(error) => {
            let error: terrane_core::address::AddrError = error;
            problems.push(diag::INVALID_ADDRESS.at(Place::Argument(text.clone())).detail(error.to_string()));
            None
        }
    };
    let found = texts.iter().filter_map(&mut read).collect();
    if problems.is_empty() { Ok(found) } else { Err(Failure::new(problems)) }
}

/// Says what else there is to know of a plan about drift; `true` where there is nothing to carry out.
pub fn is_told_only(task: &Task, plan: &Plan, voice: &Voice) -> std::io::Result<bool> {
    match task {
        Task::Configuration | Task::Look => return Ok(false),
        Task::Accept(_) | Task::Revert(_) if plan.drift.is_empty() => {
            voice.say("\nThere is no drift at these addresses.")?;
            return Ok(true);
        }
        Task::Revert(_) => {}
        Task::Accept(_) => {
            for line in advice(plan) {
                voice.say(&line)?;
            }
        }
    }
    Ok(false)
}

/// What the configuration has to say so that the next plan does not put back what is accepted.
fn advice(plan: &Plan) -> Vec<String> {
    let mut lines = vec![String::from(
        "\nAccepting changes what is recorded, not the configuration. So that the next apply does not put it back:",
    )];
    for drift in &plan.drift {
        if drift.is_gone {
            lines.push(format!("  {}: take the block out, or the object is made anew", drift.addr));
        }
        for leaf in &drift.leaves {
            let value = model::one_line(&leaf.after);
            let how = match &leaf.origin {
                Some(origin) => format!("write {value} at {}:{}", origin.file, origin.line),
                None => format!("write {value} into its block; it is not written there"),
            };
            lines.push(format!("  {}.{}: {how}", drift.addr, leaf.path));
        }
    }
    lines
}
