//! A11: kill the run around any request that changes something, run again, and look: nothing is lost, nothing is made
//! twice, nothing is left open, and there is nothing left to plan.
//!
//! The whole suite runs in `soak` (TERRANE_SOAK=1); `test` takes a seeded sample. TERRANE_KILL=create:12:after-effect
//! fires that shot alone. It exists because no other suite ends a process; what a run does without being killed
//! belongs elsewhere.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a broken harness ends the suite; figures are printed")]

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;
use terrane_sandbox::{ConsistencyLag, Durations, KillMoment, SandboxConfig};
use terrane_tests::kill::run::Hit;
use terrane_tests::kill::shot::MOMENTS;
use terrane_tests::kill::{Home, Moto, Mutant, Phase, Program, Request, Shot, Stage, fire, stages};
use terrane_tests::sim::driver::Dice;
use tokio::runtime::Runtime;

/// Shots under way at once where a state is in its folder; in a bucket, most of a shot is waiting for a lease.
const WORKERS: (usize, usize) = (2, 6);
/// Kills at any time in the whole suite.
const ANY_TIME: u64 = 50;

/// One test at a time: the machine is shared with the processes that it starts.
static TURN: Mutex<()> = Mutex::new(());

fn turn() -> MutexGuard<'static, ()> {
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A sandbox in which a cluster takes less than a second.
fn fast() -> SandboxConfig {
    SandboxConfig {
        clock_rate: 300,
        durations: Durations {
            cluster_create: 120.0,
            cluster_delete: 60.0,
            config_update: 30.0,
            version_update: 60.0,
            node_group_create: 60.0,
            node_group_delete: 60.0,
        },
        lag: ConsistencyLag { eks: 5.0, iam: 5.0, iam_propagation: 10.0 },
        ..SandboxConfig::default()
    }
}

/// A sandbox whose answers lag behind by more than it takes to start the next run.
fn lagging() -> SandboxConfig {
    SandboxConfig {
        clock_rate: 30,
        durations: Durations { cluster_create: 30.0, node_group_create: 30.0, ..fast().durations },
        lag: ConsistencyLag { eks: 25.0, iam: 25.0, iam_propagation: 25.0 },
        ..fast()
    }
}

/// A sandbox beside a place that tells whole seconds, on a machine that may be busy: a lease takes five seconds.
fn leasing() -> SandboxConfig {
    let fast = fast();
    SandboxConfig {
        clock_rate: 12,
        durations: Durations {
            cluster_create: 12.0,
            cluster_delete: 6.0,
            config_update: 6.0,
            version_update: 6.0,
            node_group_create: 6.0,
            node_group_delete: 6.0,
        },
        lag: ConsistencyLag { eks: 1.0, iam: 1.0, iam_propagation: 1.0 },
        ..fast
    }
}

fn is_soak() -> bool {
    std::env::var("TERRANE_SOAK").is_ok_and(|value| value == "1")
}

/// The shots that the environment asks for; all of `otherwise` where it asks for none.
fn wanted(otherwise: Vec<Shot>) -> Vec<Shot> {
    match std::env::var("TERRANE_KILL") {
        Ok(text) => text.split(',').map(|shot| shot.parse().unwrap()).collect(),
        Err(_) => otherwise,
    }
}

/// Every shot around a request of these stages.
fn all_around(stages: &[Stage]) -> Vec<Shot> {
    let around = |stage: &Stage| {
        let (phase, requests) = (stage.phase, stage.requests);
        (1..=requests).flat_map(move |number| MOMENTS.map(|when| Shot::Around(phase, Request { number, when })))
    };
    stages.iter().flat_map(around).collect()
}

/// One of the shots of each phase and moment, by chance.
fn some_of(shots: &[Shot], dice: &mut Dice) -> Vec<Shot> {
    let mut sample = Vec::new();
    for (phase, moment) in Phase::ALL.into_iter().flat_map(|phase| MOMENTS.map(|moment| (phase, moment))) {
        let is_meant = |shot: &&Shot| matches!(shot, Shot::Around(p, at) if *p == phase && at.when == moment);
        let pile: Vec<&Shot> = shots.iter().filter(is_meant).collect();
        let drawn = usize::try_from(dice.roll(u64::try_from(pile.len()).unwrap())).unwrap();
        sample.extend(pile.get(drawn).copied());
    }
    sample
}

/// Fires all shots, a few at a time; what came of each, in their order.
fn fire_all(stages: &[Stage], program: &Program, shots: &[Shot], workers: usize) -> Vec<(Shot, Hit)> {
    let next = AtomicUsize::new(0);
    let hits: Mutex<Vec<(usize, Hit)>> = Mutex::default();
    std::thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                let runtime = runtime();
                while let Some((at, shot)) = pick(&next, shots) {
                    let hit = runtime.block_on(fire(stages, program, shot));
                    hits.lock().unwrap().push((at, hit));
                }
            });
        }
    });
    let mut hits = hits.into_inner().unwrap();
    hits.sort_by_key(|(at, _)| *at);
    hits.into_iter().map(|(at, hit)| (shots[at], hit)).collect()
}

fn pick<'s>(next: &AtomicUsize, shots: &'s [Shot]) -> Option<(usize, &'s Shot)> {
    let at = next.fetch_add(1, Ordering::Relaxed);
    shots.get(at).map(|shot| (at, shot))
}

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

/// The shots after which something is wrong, with what it is.
fn wrong(hits: &[(Shot, Hit)]) -> Vec<(Shot, String)> {
    let wrong = |(shot, hit): &(Shot, Hit)| match hit {
        Hit::Killed(found) if !found.is_empty() => Some((*shot, found.join("\n"))),
        _ => None,
    };
    hits.iter().filter_map(wrong).collect()
}

/// Every shot after which something is wrong with the command that fires it again, and the first ones in full.
fn told(wrong: &[(Shot, String)]) -> String {
    let replay = "cargo test -p terrane-tests --test kill no_kill";
    let lines = wrong.iter().map(|(shot, _)| format!("replay: TERRANE_KILL={shot} {replay}\n"));
    lines.chain(wrong.iter().take(3).map(|(shot, found)| format!("\n{shot}:\n{found}\n"))).collect()
}

/// Kills runs of the fleet that lives there, at every point, or in a sample at one point of each phase and moment but
/// only every `sample.0`th of them, and `sample.1` at any time; gives what came of each shot.
fn kill_at(config: SandboxConfig, home: Home, sample: (usize, u64)) -> Vec<(Shot, Hit)> {
    let (program, begun) = (Program::real(), Instant::now());
    let workers = if matches!(home, Home::Folder) { WORKERS.0 } else { WORKERS.1 };
    // Its servers rest while shots are fired at forks of them.
    let runtime = runtime();
    let stages = runtime.block_on(stages(config, home, &program, &Phase::ALL));
    let all = all_around(&stages);
    let of_each = || some_of(&all, &mut Dice(11)).into_iter().step_by(sample.0).collect();
    let (around, any_time): (Vec<Shot>, _) = if is_soak() { (all.clone(), ANY_TIME) } else { (of_each(), sample.1) };
    let shots = wanted(around.into_iter().chain((1..=any_time).map(Shot::AnyTime)).collect());
    let hits = fire_all(&stages, &program, &shots, workers);
    for stage in &stages {
        let is_meant = |shot: &Shot| matches!(shot, Shot::Around(phase, _) if *phase == stage.phase);
        let fired = hits.iter().filter(|(shot, hit)| is_meant(shot) && *hit != Hit::Missed).count();
        let (name, ms) = (stage.phase.name(), stage.length.as_millis());
        println!("{name}: {} changing requests in {ms} ms, {fired} kill points", stage.requests);
    }
    let is_around = |shot: &&Shot| matches!(shot, Shot::Around(..));
    let left_out = all.len().saturating_sub(shots.iter().filter(is_around).count());
    println!("{left_out} points around requests were left out; {} s", begun.elapsed().as_secs());
    hits
}

/// Fails when anything is wrong after a kill.
fn judge(hits: &[(Shot, Hit)]) {
    let killed = hits.iter().filter(|(_, hit)| *hit != Hit::Missed).count();
    let wrong = wrong(hits);
    println!("{killed} kill points, {} with a violation; {} shots came too late", wrong.len(), hits.len() - killed);
    assert!(wrong.is_empty(), "\n{}", told(&wrong));
    assert!(killed > 0, "nothing was killed");
}

#[test]
fn no_kill_loses_or_doubles_anything() {
    let _turn = turn();
    judge(&kill_at(fast(), Home::Folder, (1, 3)));
}

// A6, A11
#[test]
fn no_kill_loses_or_doubles_anything_where_the_state_is_in_s3() {
    let _turn = turn();
    let home = runtime();
    let Some(moto) = home.block_on(Moto::start(5)) else {
        println!("left out: moto is not installed");
        return;
    };
    let hits = kill_at(leasing(), Home::S3(moto.clone()), (4, 1));
    println!("the line: {}", moto.line.told());
    judge(&hits);
}

/// Shots at which mutants show: the first request makes something, and late ones come when some was told to be done.
fn telling(stage: &Stage) -> Vec<Shot> {
    let points = [(1, KillMoment::AfterEffect), (stage.requests * 3 / 4, KillMoment::AfterReply)];
    points.map(|(number, when)| Shot::Around(stage.phase, Request { number, when })).to_vec()
}

fn subject(mutant: Mutant) -> Program {
    Program::subject(env!("CARGO_BIN_EXE_terrane-subject"), mutant)
}

/// Fires at a mutant until it is noticed. That an answer lags shows only where the next run begins soon after the kill,
/// which a busy machine may prevent once.
fn rounds(stages: &[Stage], mutant: Mutant, shots: &[Shot]) -> Vec<(Shot, String)> {
    let most = if mutant == Mutant::NoSettle { 4 } else { 1 };
    let mut found = Vec::new();
    for _ in 0..most {
        let hits = fire_all(stages, &subject(mutant), shots, WORKERS.0);
        let killed = hits.iter().filter(|(_, hit)| *hit != Hit::Missed).count();
        found = wrong(&hits);
        println!("{}: noticed at {} of {killed} kill points", mutant.name(), found.len());
        if !found.is_empty() {
            break;
        }
    }
    found
}

#[test]
fn each_mutant_is_noticed() {
    let _turn = turn();
    let home = runtime();
    // Where answers lag, most requests are the same one, sent until it is heard.
    for (config, stride, mutants) in
        [(fast(), 1, &[Mutant::NoIntent, Mutant::OutcomeNotSynced][..]), (lagging(), 5, &[Mutant::NoSettle])]
    {
        let stages = home.block_on(stages(config, Home::Folder, &subject(Mutant::None), &[Phase::Create]));
        let all = all_around(&stages).into_iter().step_by(stride);
        let shots: Vec<Shot> = if is_soak() { all.collect() } else { stages.iter().flat_map(telling).collect() };
        for mutant in [Mutant::None].iter().chain(mutants) {
            let wrong = rounds(&stages, *mutant, &shots);
            if *mutant == Mutant::None {
                assert!(wrong.is_empty(), "\n{}", told(&wrong));
            } else {
                assert!(!wrong.is_empty(), "{} goes unnoticed", mutant.name());
            }
        }
    }
}
