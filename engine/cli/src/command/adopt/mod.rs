//! `terrane adopt`: objects that something else made are found, written down, planned to nothing but imports, and, when
//! whoever runs it agrees, recorded. Until then it only reads; no object is ever changed.

pub mod files;
mod find;

use super::apply;
use super::planning::{self, Planning};
use crate::args::{AdoptEksArguments, AdoptFlags, AdoptTfstateArguments, PlanningArguments};
use crate::diag;
use crate::exit::{Ended, Failure, Outcome};
use crate::interrupts::Interrupts;
use crate::render::plan::PlanView;
use crate::voice::Voice;
use files::Files;
use find::Candidates;
use std::fmt::Write as _;
use terrane_core::{AddrPattern, Place};
use terrane_lang::inputs::Flag;
use terrane_plan::adopt::{self, Draft, Known};
use terrane_plan::plan::Plan;
use terrane_plan::planner::Selection;
use terrane_plan::state::State;
use terrane_provider::LeftAlone;
use terrane_runtime::{Configuration, Folder, Workspace};

/// Leaves that are named where a plan is not empty.
const NAMED: usize = 20;

/// Runs `adopt eks`.
///
/// # Errors
/// What prevents looking, planning or recording.
pub async fn eks(arguments: AdoptEksArguments, flags: Vec<Flag>, voice: &Voice) -> Outcome {
    let mut adoption = Adoption::begin(&arguments.adopt, flags, voice).await?;
    let candidates = adoption.eks(&arguments).await?;
    adoption.finish(candidates, "").await
}

/// Runs `adopt tfstate`.
///
/// # Errors
/// The file cannot be read, and those of `adopt eks`.
pub async fn tfstate(arguments: AdoptTfstateArguments, flags: Vec<Flag>, voice: &Voice) -> Outcome {
    let mut adoption = Adoption::begin(&arguments.adopt, flags, voice).await?;
    let (candidates, addresses) = adoption.tfstate(&arguments.file).await?;
    let mut text = format!(
        "\n{} is as it was. So that no two tools manage one object, take them out of it where it is kept:\n",
        arguments.file
    );
    for address in addresses {
        // Writing to a string does not fail.
        let _never = writeln!(text, "    terraform state rm '{address}'");
    }
    text.push_str("Remove their blocks there too, or the next apply makes them anew.");
    adoption.finish(candidates, &text).await
}

/// What both ways share.
struct Adoption<'v> {
    voice: &'v Voice,
    files: Files,
    folder: Folder,
    workspace: Workspace,
    /// `None` where the folder has no configuration yet.
    configuration: Option<Configuration>,
    state: State,
    planning: Planning,
    interrupts: Interrupts,
    flags: AdoptFlags,
}

impl<'v> Adoption<'v> {
    /// Looks at the folder. That a file is there already is told before anything is asked.
    async fn begin(flags: &AdoptFlags, given: Vec<Flag>, voice: &'v Voice) -> Result<Self, Failure> {
        super::refuse_without_lock(flags.run.lock)?;
        apply::check_consent(&flags.run, flags.auto_approve)?;
        let files = Files::of(flags.out.as_deref())?;
        let planning = PlanningArguments { refresh: true, ..PlanningArguments::default() };
        let planning = Planning::read(&planning, given, flags.run.parallelism)?;
        let folder = super::folder_in(&files.folder)?;
        let interrupts = Interrupts::listen()?;
        let configuration = configuration(&folder, &planning.flags, voice)?;
        let workspace = match &configuration {
            Some(found) => folder.again().workspace(found).await?,
            None => folder.again().workspace(&folder.load_backend(&planning.flags)).await?,
        };
        let (state, warnings) = workspace.state().await?;
        voice.problems(&warnings)?;
        Ok(Self { voice, files, folder, workspace, configuration, state, planning, interrupts, flags: flags.clone() })
    }

    /// Writes, plans, asks, records.
    async fn finish(&mut self, candidates: Candidates, after: &str) -> Outcome {
        let known = Known::of(&self.state, self.configuration.as_ref().and_then(|found| found.program.as_ref()));
        let Candidates { candidates, mut left_alone } = candidates;
        let (old, new): (Vec<_>, Vec<_>) =
            candidates.into_iter().partition(|candidate| known.recorded_at(&candidate.found.id).is_some());
        for candidate in &old {
            if let Some(addr) = known.recorded_at(&candidate.found.id) {
                let what = format!("{} {}", candidate.found.id.type_name, candidate.found.id).into();
                left_alone.push(LeftAlone { what, reason: format!("it is recorded already, as {addr}").into() });
            }
        }
        let draft = adopt::draft(self.workspace.registry(), &new, &known);
        self.voice.stream(|stream| stream.adoption(&draft.adopted, &left_alone))?;
        self.voice.say(&found_text(&draft, &left_alone))?;
        if draft.adopted.is_empty() {
            return Ok(Ended::NOTHING_TO_ADOPT);
        }
        self.files.write(&draft)?;
        self.voice.say(&format!("\nWrote {} and {}.\n", self.files.configuration, self.files.imports))?;
        let ended = self.record(&draft).await?;
        if ended.code == 0 && !after.is_empty() {
            self.voice.say(after)?;
        }
        Ok(ended)
    }

    async fn record(&mut self, draft: &Draft) -> Outcome {
        // What else would change in the folder is not this command's business.
        let is_alone = self.configuration.is_none() && self.state.objects.is_empty();
        if !is_alone {
            let addrs = draft.adopted.iter().map(|adopted| AddrPattern::Resource(adopted.addr.clone()).into());
            self.planning.options.selection = Selection::only(addrs.collect());
        }
        let configuration = planning::load(&self.folder, &self.planning.flags, self.voice)?;
        let (workspace, voice) = (&self.workspace, self.voice);
        let planned =
            planning::plan(workspace, &configuration, &self.state, &self.planning, voice, &mut self.interrupts);
        let plan = planned.await?;
        voice.plan(PlanView { plan: &plan, registry: workspace.registry(), paint: voice.console.out })?;
        if let Some(problem) = more_than_imports(&plan) {
            return Err(problem);
        }
        let run = apply::Recording {
            workspace,
            configuration,
            planning: self.planning.clone(),
            voice,
            lock_timeout: self.flags.run.lock_timeout,
            is_approved: self.flags.auto_approve,
        };
        run.carry_out(plan, &mut self.interrupts).await
    }
}

/// The configuration of the folder; `None` where there is none yet.
fn configuration(folder: &Folder, flags: &[Flag], voice: &Voice) -> Result<Option<Configuration>, Failure> {
    let loaded = folder.load(flags);
    let is_empty = |id: &str| id == terrane_lang::diag::NO_CONFIGURATION.id;
    if loaded.program.is_none() && loaded.problems.iter().all(|problem| is_empty(problem.kind.id)) {
        return Ok(None);
    }
    planning::load(folder, flags, voice).map(Some)
}

/// What was found, for people.
fn found_text(draft: &Draft, left_alone: &[LeftAlone]) -> String {
    let mut text = match draft.adopted.len() {
        0 => String::from("Nothing to adopt.\n"),
        1 => String::from("Found 1 object to adopt:\n"),
        count => format!("Found {count} objects to adopt:\n"),
    };
    // Writing to a string does not fail.
    for adopted in &draft.adopted {
        let _never = writeln!(text, "  {} [id={}]", adopted.addr, adopted.id);
        for path in &adopted.left_out {
            let _never = writeln!(text, "    without {path}, which is secret or not known: write it yourself");
        }
    }
    if !left_alone.is_empty() {
        text.push_str("\nLeft alone:\n");
    }
    for left in left_alone {
        let _never = writeln!(text, "  {}: {}", left.what, left.reason);
    }
    text.truncate(text.trim_end().len());
    text
}

/// Whether a plan would do more than record what is there: the leaves that it would change.
fn more_than_imports(plan: &Plan) -> Option<Failure> {
    let mut named = Vec::new();
    for change in plan.changes.iter().filter(|change| change.action.is_change()) {
        match change.leaves.as_slice() {
            [] => named.push(format!("{} ({})", change.addr, change.action)),
            leaves => named.extend(leaves.iter().map(|leaf| format!("{}: {}", change.addr, leaf.path))),
        }
    }
    named.extend(plan.outputs.iter().filter(|o| o.action.is_change()).map(|output| format!("output.{}", output.name)));
    named.extend(plan.deferred.iter().map(|deferred| format!("{} (deferred)", deferred.addr)));
    if named.is_empty() {
        return None;
    }
    let more = named.len().saturating_sub(NAMED);
    named.truncate(NAMED);
    let more = if more > 0 { format!(", and {more} more") } else { String::new() };
    let problem = diag::ADOPT_NOT_EMPTY.at(Place::Run).with("differs", format!("{}{more}", named.join(", ")));
    Some(problem.into())
}
