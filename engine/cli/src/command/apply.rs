//! `terrane apply` and `terrane destroy`: plan, show, ask, carry out, stage by stage; or a saved plan as it is.

use super::UntilEnd;
use super::planning::{self, Planning};
use super::saved;
use crate::args::{ApplyArguments, GuardArguments, PlanningArguments, RunArguments, TrustArguments};
use crate::diag;
use crate::exit::{Ended, Failure, Outcome};
use crate::guard::{self, Guard, Judged};
use crate::interrupts::Interrupts;
use crate::prompt::{self, Answer};
use crate::render::events::applied_operation;
use crate::render::plan::PlanView;
use crate::voice::{Problems, Voice};
use std::sync::Arc;
use terrane_core::{Diagnostic, Place};
use terrane_lang::inputs::Flag;
use terrane_plan::plan::{Counts, Mode, Plan};
use terrane_plan::saved::SavedPlan;
use terrane_plan::schedule::End;
use terrane_plan::state::State;
use terrane_runtime::admission::admit;
use terrane_runtime::signature::AnyOf;
use terrane_runtime::{ApplyRequest, Configuration, Folder, SecretOverride, Session, Workspace};
use tokio::sync::mpsc;

/// Stages that one apply goes through at most.
const MOST_STAGES: usize = 50;

/// Runs it; `destroys` for `terrane destroy`.
///
/// # Errors
/// What prevents it; what went wrong on the way is told and shows in the end.
pub async fn run(mut arguments: ApplyArguments, flags: Vec<Flag>, destroys: bool, voice: &Voice) -> Outcome {
    check(&arguments, &flags, destroys)?;
    let guard = Guard::read(&arguments.guard)?;
    let required = saved::required(&arguments.trust)?;
    arguments.planning.destroy |= destroys;
    super::refuse_without_lock(arguments.run.lock)?;
    let folder = super::folder()?;
    let saved = match &arguments.plan_file {
        Some(path) => Some((path.clone(), saved::read(path, folder.keyring()).await?)),
        None => None,
    };
    let planning = Planning::read(&arguments.planning, flags, arguments.run.parallelism)?;
    let operation = if destroys { "destroy" } else { "apply" };
    let lock_timeout = arguments.run.lock_timeout;
    let is_approved = arguments.auto_approve;
    carry(Work { folder, planning, saved, guard, required, operation, lock_timeout, is_approved }, voice).await
}

/// What is to be carried out under the lock.
pub struct Work {
    /// Where the configuration is.
    pub folder: Folder,
    /// How to plan.
    pub planning: Planning,
    /// A plan that was made before, and the name of its file.
    pub saved: Option<(String, SavedPlan)>,
    /// What a plan has to keep to.
    pub guard: Guard,
    /// Whose signatures a plan needs.
    pub required: Vec<AnyOf>,
    /// What the holder of the lock is doing.
    pub operation: &'static str,
    /// How long to wait for the lock.
    pub lock_timeout: std::time::Duration,
    /// Whether nobody is asked.
    pub is_approved: bool,
}

/// Takes the lock, plans where there is no plan yet, asks, carries out.
///
/// # Errors
/// What prevents it.
pub async fn carry(work: Work, voice: &Voice) -> Outcome {
    let Work { folder, planning, saved, guard, required, operation, lock_timeout, is_approved } = work;
    if saved.is_none() {
        check_unsigned(&required)?;
    }
    let mut interrupts = Interrupts::listen()?;
    let configuration = UntilEnd::new(match saved {
        // A saved plan has all but the values of sensitive variables; problems of the text are no matter then.
        Some(_) => folder.load(&planning.flags),
        None => planning::load(&folder, &planning.flags, voice)?,
    });
    voice.know(&configuration.sources);
    if let Some((file, plan)) = &saved {
        admit(plan, &configuration, &required).map_err(|problem| saved::at(file, problem))?;
    }
    let workspace = folder.workspace(&configuration).await?;
    let timeout_ms = u64::try_from(lock_timeout.as_millis()).unwrap_or(u64::MAX);
    let mut session = tokio::select! {
        session = workspace.lock(operation, timeout_ms) => session?,
        _ = interrupts.next() => return Err(diag::INTERRUPTED.at(Place::Run).into()),
    };
    voice.problems(session.warnings())?;
    let (workspace, interrupts) = (&workspace, &mut interrupts);
    let mut run = Run { workspace, configuration, planning, guard, destroyed: 0, voice, interrupts, is_approved };
    let outcome = match saved {
        Some((file, saved)) => match session.check_expiry(&saved.plan) {
            Ok(()) => run.saved(&mut session, saved.plan).await,
            Err(problem) => Err(saved::at(&file, problem)),
        },
        None => run.stages(&mut session).await,
    };
    closed(session, outcome).await
}

/// Refuses what does not go together.
fn check(arguments: &ApplyArguments, flags: &[Flag], destroys: bool) -> Result<(), Failure> {
    let Some(file) = &arguments.plan_file else { return check_consent(&arguments.run, arguments.auto_approve) };
    if destroys {
        let place = Place::Argument(file.clone());
        return Err(diag::USAGE.at(place).detail("destroy takes no plan file; apply one of `plan -destroy`").into());
    }
    let wrong = planning_flags(&arguments.planning, flags);
    if wrong.is_empty() {
        return Ok(());
    }
    let refuse = |flag: &&str| diag::PLANNING_FLAG_WITH_PLAN.at(Place::Argument(String::from(*flag)));
    Err(Failure::new(wrong.iter().map(refuse).collect()))
}

/// Refuses a plan that was not saved where only signed ones may be applied.
fn check_unsigned(required: &[AnyOf]) -> Result<(), Failure> {
    if required.is_empty() {
        return Ok(());
    }
    let problem = terrane_runtime::diag::PLAN_UNSIGNED.at(Place::Run);
    Err(problem.detail("only a plan that was saved and signed may be applied here").into())
}

/// Refuses a command that would have to ask and cannot.
pub fn check_consent(run: &RunArguments, is_approved: bool) -> Result<(), Failure> {
    if run.json && !is_approved {
        let place = Place::Argument(String::from("-json"));
        return Err(diag::CONSENT_IMPOSSIBLE.at(place).detail("-json asks nothing").into());
    }
    Ok(())
}

/// The flags that only planning can heed.
fn planning_flags(planning: &PlanningArguments, flags: &[Flag]) -> Vec<&'static str> {
    let given = [
        ("-var", flags.iter().any(|flag| matches!(flag, Flag::Var(_)))),
        ("-var-file", flags.iter().any(|flag| matches!(flag, Flag::VarFile(_)))),
        ("-target", !planning.target.is_empty()),
        ("-target-file", !planning.target_file.is_empty()),
        ("-exclude", !planning.exclude.is_empty()),
        ("-exclude-file", !planning.exclude_file.is_empty()),
        ("-replace", !planning.replace.is_empty()),
        ("-refresh", !planning.refresh),
        ("-refresh-only", planning.refresh_only),
        ("-destroy", planning.destroy),
        ("-allow-replace", !planning.allow_replace.is_empty()),
        ("-allow-destroy", !planning.allow_destroy.is_empty()),
    ];
    given.into_iter().filter(|(_, is_given)| *is_given).map(|(flag, _)| flag).collect()
}

/// A plan that was shown already, to be carried out as it is once somebody agrees: what adoption records.
pub struct Recording<'w> {
    /// The workspace.
    pub workspace: &'w Workspace,
    /// What the plan was made from.
    pub configuration: Configuration,
    /// How it was made.
    pub planning: Planning,
    /// How the command speaks.
    pub voice: &'w Voice,
    /// How long the lock is waited for.
    pub lock_timeout: std::time::Duration,
    /// Whether nobody has to be asked.
    pub is_approved: bool,
}

impl Recording<'_> {
    /// Asks, takes the lock and carries it out. The lock is not held while somebody thinks: a state that moves meanwhile
    /// makes the plan stale.
    ///
    /// # Errors
    /// No consent, no lock, a stale plan.
    pub async fn carry_out(self, plan: Plan, interrupts: &mut Interrupts) -> Outcome {
        let Self { workspace, configuration, planning, voice, lock_timeout, is_approved } = self;
        let configuration = UntilEnd::new(configuration);
        check_unsigned(&saved::required(&TrustArguments::default())?)?;
        let guard = Guard::read(&GuardArguments::default())?;
        let mut run = Run { workspace, configuration, planning, guard, destroyed: 0, voice, interrupts, is_approved };
        if let Some(ended) = run.consent(&plan).await? {
            return Ok(ended);
        }
        let timeout_ms = u64::try_from(lock_timeout.as_millis()).unwrap_or(u64::MAX);
        let mut session = tokio::select! {
            session = workspace.lock("adopt", timeout_ms) => session?,
            _ = run.interrupts.next() => return Err(diag::INTERRUPTED.at(Place::Run).into()),
        };
        let outcome = run.saved(&mut session, plan).await;
        closed(session, outcome).await
    }
}

/// Gives the lock back.
async fn closed(session: Session<'_>, outcome: Outcome) -> Outcome {
    match (outcome, session.close().await) {
        (Ok(ended), Err(problem)) if ended.code != 1 => Err((*problem).into()),
        (outcome, _) => outcome,
    }
}

/// One run under the lock.
struct Run<'w> {
    workspace: &'w Workspace,
    configuration: UntilEnd<Configuration>,
    planning: Planning,
    guard: Guard,
    /// Objects that earlier stages destroyed.
    destroyed: usize,
    voice: &'w Voice,
    interrupts: &'w mut Interrupts,
    is_approved: bool,
}

impl Run<'_> {
    /// Carries out a saved plan: its stage, no other.
    async fn saved(&mut self, session: &mut Session<'_>, plan: Plan) -> Outcome {
        let plan = Arc::new(plan);
        self.judge(&plan, session.state()).await?;
        let ended = self.carry_out(session, &plan).await?;
        if ended.code == 0 && !plan.deferred.is_empty() {
            self.voice.say("\nWhat was deferred can be planned now:\n    terrane plan")?;
            return Ok(Ended::DEFERRED);
        }
        Ok(ended)
    }

    /// Plans and carries out, until nothing is deferred any more.
    async fn stages(&mut self, session: &mut Session<'_>) -> Outcome {
        let mut waiting = None;
        for stage in 0..MOST_STAGES {
            let state = session.state().clone();
            let plan = planning::plan(
                self.workspace,
                &self.configuration,
                &state,
                &self.planning,
                self.voice,
                self.interrupts,
            )
            .await?;
            self.voice.plan(PlanView {
                plan: &plan,
                registry: self.workspace.registry(),
                paint: self.voice.console.out,
            })?;
            if super::drift::is_told_only(&self.planning.options.task, &plan, self.voice)? {
                return Ok(Ended::OK);
            }
            self.judge(&plan, &state).await?;
            if stage > 0 && self.is_approved && plan.changes.iter().any(|change| change.action.destroys()) {
                self.voice.say(
                    "\nThis stage destroys objects, so it is not applied unseen. To go on, run:\n    terrane apply",
                )?;
                return Ok(Ended::DEFERRED);
            }
            if waiting.as_ref() == Some(&plan.deferred) && !plan.changes.iter().any(|change| change.is_change()) {
                return Err(stuck(&plan).into());
            }
            if needs_consent(&plan)
                && let Some(ended) = self.consent(&plan).await?
            {
                return Ok(ended);
            }
            let plan = Arc::new(plan);
            let ended = self.carry_out(session, &plan).await?;
            self.destroyed += plan.counts().destroy;
            if ended.code != 0 || plan.deferred.is_empty() {
                return Ok(ended);
            }
            self.voice.say("\nThe next stage can be planned now.\n")?;
            waiting = Some(plan.deferred.clone());
        }
        Err(diag::STAGES_WITHOUT_END.at(Place::Run).with("stages", MOST_STAGES).into())
    }

    /// Refuses a plan that does not keep to what it has to; warnings are told.
    async fn judge(&self, plan: &Plan, state: &State) -> Result<(), Failure> {
        // Only the state that the plan was made against says something about it.
        let state = Some(state).filter(|state| state.lineage == plan.lineage && state.serial == plan.serial);
        let registry = self.workspace.registry();
        let problems = self.guard.judge(Judged { plan, state, registry, destroyed: self.destroyed }).await?;
        Ok(self.voice.problems(&guard::settled(problems)?)?)
    }

    /// Asks; an end where the answer is no.
    async fn consent(&mut self, plan: &Plan) -> Result<Option<Ended>, Failure> {
        if self.is_approved {
            return Ok(None);
        }
        if !self.voice.console.can_ask {
            return Err(diag::CONSENT_IMPOSSIBLE.at(Place::Argument(String::from("-input=false"))).into());
        }
        match prompt::ask(prompt::question(plan), self.interrupts).await? {
            Answer::Yes => Ok(None),
            Answer::No => {
                self.voice.problems(&[diag::DECLINED.at(Place::Run)])?;
                Ok(Some(Ended::DECLINED))
            }
            Answer::Interrupted => Err(diag::INTERRUPTED.at(Place::Run).into()),
        }
    }

    async fn carry_out(&mut self, session: &mut Session<'_>, plan: &Arc<Plan>) -> Outcome {
        let voice = self.voice;
        voice.count_anew();
        let request = ApplyRequest {
            variables: self.configuration.variables.clone(),
            secrets: self.planning.secrets.iter().map(SecretOverride::clone).collect(),
            parallelism: usize::from(self.planning.parallelism),
        };
        let (sender, receiver) = mpsc::channel(8);
        let sink = voice.sink(Problems::AsTheyCome);
        let interrupts = &mut *self.interrupts;
        let forward = async {
            loop {
                let signal = interrupts.next().await;
                // Neither a lost line nor a run that ended already matters here.
                let _unsaid =
                    voice.say("\nStopping: what runs is finished, nothing new is started. Again to leave at once.");
                let _ended = sender.send(signal).await;
            }
        };
        let applied = tokio::select! {
            applied = session.apply(Arc::clone(plan), request, &sink, receiver) => applied?,
            () = forward => return Ok(Ended::INTERRUPTED),
        };
        voice.settle();
        if !voice.console.is_json {
            voice.problems(&applied.problems)?;
        }
        self.tell(session, plan, &applied.end, &applied.problems)
    }

    fn tell(&self, session: &Session<'_>, plan: &Plan, end: &End, problems: &[Diagnostic]) -> Outcome {
        let voice = self.voice;
        let planned = plan.counts();
        let counts = match end {
            End::Complete => planned,
            // What needs no step was written down before the first one began.
            End::Partial | End::Interrupted => {
                Counts { import: planned.import, forget: planned.forget, ..voice.applied() }
            }
            End::StateFailed => voice.applied(),
        };
        let line = complete_line(plan.mode, end, counts);
        voice.stream(|stream| stream.summary(counts, applied_operation(plan.mode), line.clone()))?;
        voice.say(&format!("\n{line}"))?;
        if *end == End::Complete {
            voice.stream(|stream| stream.outputs(session.state()))?;
            if !session.state().outputs.is_empty() && !voice.console.is_json {
                voice.say(&format!("\nOutputs:\n\n{}", super::output::text(session.state())))?;
            }
        }
        Ok(match end {
            End::Complete if problems.iter().any(Diagnostic::is_error) => Ended::PARTIAL,
            End::Complete if !plan.deferred.is_empty() => Ended::DEFERRED,
            End::Complete => Ended::OK,
            End::Partial => Ended::PARTIAL,
            End::Interrupted => Ended::INTERRUPTED,
            End::StateFailed => Ended::STATE_FAILED,
        })
    }
}

/// `Apply complete! Resources: 1 added, 0 changed, 0 destroyed.`
fn complete_line(mode: Mode, end: &End, counts: Counts) -> String {
    let imported = if counts.import > 0 { format!("{} imported, ", counts.import) } else { String::new() };
    let all =
        format!("Resources: {imported}{} added, {} changed, {} destroyed", counts.add, counts.change, counts.destroy);
    let forgotten = if counts.forget > 0 { format!(", {} forgotten", counts.forget) } else { String::new() };
    match (end, mode) {
        (End::Complete, Mode::Destroy) => {
            format!("Destroy complete! Resources: {} destroyed{forgotten}.", counts.destroy)
        }
        (End::Complete, Mode::Normal | Mode::RefreshOnly) => format!("Apply complete! {all}{forgotten}."),
        (End::Partial, _) => format!("Apply is incomplete. {all}{forgotten}."),
        (End::Interrupted, _) => format!("Apply was interrupted. {all}{forgotten}. Run apply again to go on."),
        (End::StateFailed, _) => format!("Apply stopped, the state cannot be written. {all}{forgotten}."),
    }
}

/// Whether a plan does anything that people have to agree to. Writing down anew what was recorded is not.
fn needs_consent(plan: &Plan) -> bool {
    let changes = plan.changes.iter().any(|change| change.is_change());
    let outputs = plan.outputs.iter().any(|output| output.action.is_change());
    changes || outputs || (plan.mode == Mode::RefreshOnly && !plan.drift.is_empty())
}

fn stuck(plan: &Plan) -> Diagnostic {
    let names: Vec<String> = plan.deferred.iter().map(|deferred| deferred.addr.to_string()).collect();
    diag::STAGES_WITHOUT_END.at(Place::Run).with("deferred", names.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_line_is_terraforms() {
        let counts = Counts { add: 1, change: 2, destroy: 3, ..Counts::default() };
        let line = |mode, end: &End| complete_line(mode, end, counts);
        assert_eq!(line(Mode::Normal, &End::Complete), "Apply complete! Resources: 1 added, 2 changed, 3 destroyed.");
        assert_eq!(line(Mode::Destroy, &End::Complete), "Destroy complete! Resources: 3 destroyed.");
    }

    #[test]
    fn a_saved_plan_takes_no_planning_flags() {
        let planning = PlanningArguments { refresh: true, target: vec![String::from("t.r")], ..Default::default() };
        assert_eq!(planning_flags(&planning, &[Flag::Var(String::from("a=1"))]), ["-var", "-target"]);
    }
}
