//! Runs phases, kills runs, and lets the next run finish.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a broken harness ends the suite")]

use super::look;
use super::shot::{Request, Shot, any_request};
use super::{Fleet, Home, Mutant, Phase};
use crate::place::{Place, binary};
use std::os::unix::process::ExitStatusExt as _;
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::time::{Duration, Instant};
use terrane_sandbox::{KillPoint, SandboxConfig, Victim};
use tokio::io::AsyncReadExt as _;

/// A run that takes longer is stuck.
const DEADLINE: Duration = Duration::from_secs(120);
/// SIGKILL.
const KILLED: i32 = 9;
/// A second kill strikes among so many requests of the run after the first one.
const SECOND_WITHIN: u64 = 6;

/// What is run and killed.
#[derive(Clone, Debug)]
pub struct Program {
    path: PathBuf,
    mutant: Option<Mutant>,
}

impl Program {
    /// The binary.
    #[must_use]
    pub fn real() -> Self {
        Self { path: binary(), mutant: None }
    }

    /// The program at `path` with a fault, or without one.
    #[must_use]
    pub fn subject(path: &str, mutant: Mutant) -> Self {
        Self { path: path.into(), mutant: Some(mutant) }
    }
}

/// A phase of one fleet, and the fleet as it is before it.
pub struct Stage {
    /// The phase.
    pub phase: Phase,
    /// How many changing requests it makes when nobody disturbs it.
    pub requests: u64,
    /// How long it takes then.
    pub length: Duration,
    before: Fleet,
}

/// What came of a shot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Hit {
    /// The run came to its end before the moment came.
    Missed,
    /// It was killed; what was wrong after the next run, nothing when all is well.
    Killed(Vec<String>),
}

/// How a run is killed.
#[derive(Clone, Copy, Debug)]
enum Kill {
    Never,
    Around(Request),
    After(Duration),
}

/// How a run ended.
struct Ran {
    status: ExitStatus,
    out: String,
    err: String,
}

impl Ran {
    fn is_killed(&self) -> bool {
        self.status.signal() == Some(KILLED)
    }
}

/// Lives through some phases undisturbed, and keeps the fleet as it was before each.
///
/// # Panics
/// When anything is wrong without a kill.
pub async fn stages(config: SandboxConfig, home: Home, program: &Program, phases: &[Phase]) -> Vec<Stage> {
    let mut stages = Vec::new();
    let empty = Fleet::start(config, home).await;
    let mut fleet = empty.fork().await;
    for phase in phases.iter().copied() {
        let before = if phase == Phase::Saved { empty.fork().await } else { fleet };
        phase.write(&before.place).await;
        let after = before.fork().await;
        let begun = Instant::now();
        let ran = run(&after.place, program, phase, Kill::Never).await;
        let length = begun.elapsed();
        assert!(ran.status.success(), "{} without a kill:\n{}\n{}", phase.name(), ran.out, ran.err);
        let violations = look::violations(&after, phase).await;
        assert!(violations.is_empty(), "{} without a kill: {violations:#?}", phase.name());
        let requests = after.place.sandbox.mutating_requests();
        stages.push(Stage { phase, requests, length, before });
        fleet = after;
    }
    stages
}

/// Kills a run of one of these stages, runs it again, and looks.
///
/// # Panics
/// When there is no such stage.
pub async fn fire(stages: &[Stage], program: &Program, shot: &Shot) -> Hit {
    let (stage, kills) = aim(stages, shot);
    // A fault shows where the next run looks at once.
    let pause = if program.mutant.is_some() { Duration::ZERO } else { pause(shot, stage) };
    let fleet = stage.before.fork().await;
    let (mut found, mut stories, mut killed) = (Vec::new(), String::new(), 0);
    for kill in kills.into_iter().chain([Kill::Never]) {
        let ran = run(&fleet.place, program, stage.phase, kill).await;
        stories.push_str(&format!("{kill:?}, {}:\n{}{}", ran.status, look::story(&ran.out), ran.err));
        if !ran.is_killed() {
            found.extend((!ran.status.success()).then(|| format!("a run ended with {}", ran.status)));
            break;
        }
        killed += 1;
        tokio::time::sleep(pause).await;
        found.extend(look::told_and_lost(&fleet, &ran.out).await);
    }
    found.extend(look::violations(&fleet, stage.phase).await);
    if found.is_empty() && killed == 0 {
        return Hit::Missed;
    }
    if !found.is_empty() {
        found.push(stories);
    }
    Hit::Killed(found)
}

/// The stage of a shot and its kills, one for each run: some of the runs after the first one are killed too.
fn aim<'s>(stages: &'s [Stage], shot: &Shot) -> (&'s Stage, Vec<Kill>) {
    let mut dice = shot.dice();
    match shot {
        Shot::Around(phase, at) => {
            let stage = stages.iter().find(|stage| stage.phase == *phase).expect("the stage of the shot");
            let is_double = dice.roll(4) == 0;
            let second = Kill::Around(any_request(&mut dice, SECOND_WITHIN));
            (stage, std::iter::once(Kill::Around(*at)).chain(is_double.then_some(second)).collect())
        }
        Shot::AnyTime(_) => {
            // Once all of a plan file is done, there is nothing to go on with.
            let stages: Vec<&Stage> = stages.iter().filter(|stage| stage.phase != Phase::Saved).collect();
            let drawn = dice.roll(u64::try_from(stages.len()).unwrap());
            let stage = *stages.get(usize::try_from(drawn).unwrap()).expect("a stage");
            let runs = if dice.roll(3) == 0 { 2 } else { 1 };
            let mut moment = || stage.length * u32::try_from(dice.roll(1_000)).unwrap() / 1_000;
            (stage, (0..runs).map(|_| Kill::After(moment())).collect())
        }
    }
}

/// How long it takes somebody to run it again: often no time, sometimes so long that what was begun is at its end.
fn pause(shot: &Shot, stage: &Stage) -> Duration {
    let mut dice = shot.dice();
    dice.0 = dice.0.rotate_left(32);
    if dice.roll(3) > 0 {
        return Duration::ZERO;
    }
    stage.length * u32::try_from(dice.roll(1_000)).unwrap() / 1_000
}

async fn run(place: &Place, program: &Program, phase: Phase, kill: Kill) -> Ran {
    let mut command = place.command_of(&program.path, &phase.words());
    if let Some(mutant) = program.mutant {
        command.env(super::subject::VARIABLE, mutant.name());
    }
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let pid = i32::try_from(child.id().unwrap()).unwrap();
    if let Kill::Around(at) = kill {
        // A run reads before it changes anything, so the kill is armed in time.
        let point = KillPoint { nth: at.number, when: at.when, victim: Victim::Process(pid) };
        place.sandbox.arm_kill(point).unwrap();
    }
    let (mut stdout, mut stderr) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let end = async {
        if let Kill::After(delay) = kill
            && tokio::time::timeout(delay, child.wait()).await.is_err()
        {
            child.start_kill().unwrap();
        }
        child.wait().await.unwrap()
    };
    let all = async { tokio::join!(end, stdout.read_to_end(&mut out), stderr.read_to_end(&mut err)) };
    let (status, ..) = tokio::time::timeout(DEADLINE, all).await.expect("the run ends in time");
    place.sandbox.clear_kills();
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    Ran { status, out: text(out), err: text(err) }
}
