//! One round: writers that race, and the look at what they left.

use super::Ground;
use super::faulty::{Faulty, Line, Mutant};
use crate::sim::driver::Dice;
use futures_util::future::join_all;
use std::collections::BTreeMap;
use std::fmt;
use std::ops::AddAssign;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use terrane_plan::state::{Entry, FORMAT, State};
use terrane_runtime::store::objects::ObjectStore;
use terrane_runtime::store::{Grant, LockRequest, StateStore, StoreError, Version};

/// Writers of a round.
pub const WRITERS: u64 = 8;
/// Turns of a writer, each a new process.
const TURNS: u64 = 3;
/// Tries to get the lock in one turn.
const TRIES: u64 = 40;

/// What rounds came to.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    /// Rounds.
    pub rounds: u64,
    /// Locks taken.
    pub locks: u64,
    /// Entries whose append was acknowledged.
    pub acknowledged: u64,
    /// Entries whose append was not, and that are in the log.
    pub landed: u64,
    /// Entries whose append was not, and that are not in the log.
    pub lost: u64,
    /// Runs that found their lock lost.
    pub fenced: u64,
    /// Runs that were killed with the lock in their hands.
    pub killed: u64,
    /// Runs that stood still for longer than a lease.
    pub stalled: u64,
    /// Snapshots.
    pub snapshots: u64,
    /// What is wrong.
    pub violations: Vec<String>,
}

impl AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        self.rounds += other.rounds;
        self.locks += other.locks;
        self.acknowledged += other.acknowledged;
        self.landed += other.landed;
        self.lost += other.lost;
        self.fenced += other.fenced;
        self.killed += other.killed;
        self.stalled += other.stalled;
        self.snapshots += other.snapshots;
        self.violations.extend(other.violations);
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} rounds of {WRITERS} writers: {} locks, {} entries acknowledged, {} more in the log, {} not, {} runs \
             fenced off, {} killed, {} stood still for longer than a lease, {} snapshots, {} violations",
            self.rounds,
            self.locks,
            self.acknowledged,
            self.landed,
            self.lost,
            self.fenced,
            self.killed,
            self.stalled,
            self.snapshots,
            self.violations.len()
        )
    }
}

/// An entry as its writer knows it: its name, and the serial where its append was acknowledged.
type Sent = (String, Option<u64>);

/// What the writers of a round share.
struct Round {
    ground: Arc<dyn Ground>,
    line: Line,
    mutant: Mutant,
    /// The greatest serial that was acknowledged.
    acknowledged: AtomicU64,
    tally: Mutex<Tally>,
}

/// Runs a round.
pub async fn race(ground: Arc<dyn Ground>, mutant: Mutant, seed: u64) -> Tally {
    let mut dice = Dice(seed);
    // Some rounds have a good line, so that runs get far; others hardly anything gets through.
    let one_in = [0, 4, 10, 30][usize::try_from(dice.roll(4)).unwrap_or_default()];
    let line = Line { one_in, longest_ms: ground.lease_ms() * 5 / 2 };
    let tally = Mutex::new(Tally { rounds: 1, ..Tally::default() });
    let round = Arc::new(Round { ground, line, mutant, acknowledged: AtomicU64::new(0), tally });
    let writers = (0..WRITERS).map(|writer| {
        let (round, seed) = (round.clone(), dice.roll(u64::MAX >> 32));
        tokio::spawn(async move { write(&round, writer, seed).await })
    });
    let mut sent: Vec<Vec<Sent>> = Vec::new();
    for written in join_all(writers.collect::<Vec<_>>()).await {
        match written {
            Ok(written) => sent.push(written),
            Err(error) => round.wrong(format!("a writer ended early: {error}")),
        }
    }
    // What straggles arrives.
    round.ground.clock().sleep(round.ground.lease_ms() * 3).await;
    look(&round, &sent).await;
    let mut tally = round.tally.lock().unwrap_or_else(PoisonError::into_inner).clone();
    for violation in &mut tally.violations {
        *violation = format!("seed {seed}, one fault in {one_in}: {violation}");
    }
    tally
}

impl Round {
    fn count(&self, count: impl FnOnce(&mut Tally)) {
        count(&mut self.tally.lock().unwrap_or_else(PoisonError::into_inner));
    }

    fn wrong(&self, what: String) {
        self.count(|tally| tally.violations.push(what));
    }

    fn process(&self, line: Line, dice: &mut Dice) -> (Faulty, Arc<dyn StateStore>) {
        let seed = dice.roll(u64::MAX >> 32);
        let (clock, lease_ms) = (self.ground.clock(), self.ground.lease_ms());
        let faulty = Faulty::new(self.ground.objects(), clock.clone(), line, seed).with(self.mutant);
        let store = ObjectStore::seeded(Arc::new(faulty.clone()), clock, lease_ms, seed);
        (faulty, Arc::new(store))
    }
}

/// One writer: some processes, one after the other.
async fn write(round: &Round, writer: u64, seed: u64) -> Vec<Sent> {
    let mut dice = Dice(seed);
    let mut sent = Vec::new();
    for _ in 0..TURNS {
        let (process, store) = round.process(round.line, &mut dice);
        let Some(grant) = lock(round, &*store, writer, &mut dice).await else { continue };
        let known = round.acknowledged.load(Ordering::SeqCst);
        let state = match store.load(Some(&grant)).await {
            Ok(loaded) => loaded.state,
            Err(error) => {
                give_up(round, &*store, &grant, &error).await;
                continue;
            }
        };
        if state.serial < known {
            round.wrong(format!("writer {writer} loaded serial {} after {known} was acknowledged", state.serial));
        }
        let turn = Turn { round, writer, process, store, grant };
        turn.run(state, &mut dice, &mut sent).await;
    }
    sent
}

async fn lock(round: &Round, store: &dyn StateStore, writer: u64, dice: &mut Dice) -> Option<Grant> {
    let request = LockRequest { owner: format!("writer-{writer}@here").into(), operation: "apply".into() };
    for _ in 0..TRIES {
        match store.lock(&request).await {
            Ok(grant) => {
                round.count(|tally| tally.locks += 1);
                return Some(grant);
            }
            Err(StoreError::Locked(_) | StoreError::WriteFailed { .. } | StoreError::ReadFailed { .. }) => {}
            Err(error) => round.wrong(format!("writer {writer} asked for the lock and heard {error:?}")),
        }
        round.ground.clock().sleep(1 + dice.roll(round.ground.lease_ms() / 4)).await;
    }
    None
}

/// After an error a run writes nothing more; it gives the lock back where it can.
async fn give_up(round: &Round, store: &dyn StateStore, grant: &Grant, error: &StoreError) {
    match error {
        StoreError::LeaseLost(_) => round.count(|tally| tally.fenced += 1),
        StoreError::WriteFailed { .. } | StoreError::ReadFailed { .. } => {}
        other => round.wrong(format!("fencing {}: {other:?}", grant.fencing)),
    }
    // It dies after a lease otherwise.
    let _ = store.unlock(grant).await;
}

/// A process with the lock in its hands.
struct Turn<'r> {
    round: &'r Round,
    writer: u64,
    process: Faulty,
    store: Arc<dyn StateStore>,
    grant: Grant,
}

impl Turn<'_> {
    async fn run(self, mut state: State, dice: &mut Dice, sent: &mut Vec<Sent>) {
        let lease_ms = self.round.ground.lease_ms();
        for _ in 0..=dice.roll(5) {
            match dice.roll(16) {
                0 => {
                    self.round.count(|tally| tally.killed += 1);
                    return self.die(&state, dice, sent).await;
                }
                1 | 2 => {
                    self.round.count(|tally| tally.stalled += 1);
                    self.round.ground.clock().sleep(lease_ms + dice.roll(lease_ms * 3 / 2)).await;
                }
                3 => {
                    // A snapshot that cannot be written is one less.
                    let put = self.store.compact(&self.grant, &state).await;
                    self.round.count(|tally| tally.snapshots += u64::from(put.is_ok()));
                }
                4..=7 => {
                    // Whether the lease is lost shows at the next append.
                    let _ = self.store.renew(&self.grant).await;
                }
                _ => self.round.ground.clock().sleep(dice.roll(lease_ms / 10)).await,
            }
            if let Err(error) = self.append(&mut state, dice.roll(4), sent).await {
                return give_up(self.round, &*self.store, &self.grant, &error).await;
            }
        }
        // Where this fails the lock dies after a lease.
        let _ = self.store.unlock(&self.grant).await;
    }

    /// Appends that many entries and one more without waiting in between, as a run with several steps does.
    async fn append(&self, state: &mut State, more: u64, sent: &mut Vec<Sent>) -> Result<(), StoreError> {
        let mut waits = Vec::new();
        for _ in 0..=more {
            let entries = self.entries(state.is_new() && waits.is_empty(), sent.len());
            waits.push((sent.len(), self.store.append(&self.grant, &entries)));
            sent.push((name(self.writer, sent.len()), None));
            entries.into_iter().for_each(|entry| state.apply(entry));
        }
        let mut failed = None;
        for (at, wait) in waits {
            match wait.await {
                Ok(serial) => {
                    self.round.acknowledged.fetch_max(serial, Ordering::SeqCst);
                    if failed.is_some() {
                        self.round
                            .wrong(format!("{} was acknowledged after a failure before it", name(self.writer, at)));
                    }
                    if let Some(entry) = sent.get_mut(at) {
                        entry.1 = Some(serial);
                    }
                }
                Err(error) => failed = failed.or(Some(error)),
            }
        }
        failed.map_or(Ok(()), Err)
    }

    /// Is killed, with an append on its way or without.
    async fn die(self, state: &State, dice: &mut Dice, sent: &mut Vec<Sent>) {
        if dice.roll(2) == 0 {
            let entries = self.entries(state.is_new(), sent.len());
            // Nobody is there any more to hear of it, wherever on its way it is.
            drop(self.store.append(&self.grant, &entries));
            sent.push((name(self.writer, sent.len()), None));
            self.round.ground.clock().sleep(dice.roll(2)).await;
        }
        self.process.kill();
    }

    fn entries(&self, is_first: bool, number: usize) -> Vec<Entry> {
        let start = is_first.then(|| Entry::Start { format: FORMAT, lineage: "lineage".into() });
        let begin = Entry::Begin {
            plan: name(self.writer, number).into(),
            summary: "".into(),
            at: "2026-01-01T00:00:00Z".into(),
            by: "writer@here".into(),
        };
        start.into_iter().chain([begin]).collect()
    }
}

fn name(writer: u64, number: usize) -> String {
    format!("{writer}-{number}")
}

/// Looks at the log that a round left.
async fn look(round: &Round, sent: &[Vec<Sent>]) {
    let (_, store) = round.process(Line { one_in: 0, longest_ms: 0 }, &mut Dice(1));
    let versions = match store.versions().await {
        Ok(versions) => versions,
        Err(error) => return round.wrong(format!("the log cannot be read: {error:?}")),
    };
    let mut found: BTreeMap<&str, Vec<u64>> = BTreeMap::new();
    for version in &versions {
        found.entry(&version.plan).or_default().push(version.serial);
    }
    for (name, serial) in sent.iter().flatten() {
        let there = found.get(name.as_str()).map(Vec::as_slice).unwrap_or_default();
        match (serial, there) {
            (Some(serial), [one]) if one == serial => round.count(|tally| tally.acknowledged += 1),
            (Some(serial), there) => {
                round.wrong(format!("{name} was acknowledged at {serial}, and the log has it at {there:?}"));
            }
            (None, []) => round.count(|tally| tally.lost += 1),
            (None, [_]) => round.count(|tally| tally.landed += 1),
            (None, there) => round.wrong(format!("{name} is in the log at {there:?}")),
        }
    }
    let known = sent.iter().map(Vec::len).sum::<usize>();
    if found.len() > known {
        round.wrong(format!("the log has {} entries, and {known} were sent", found.len()));
    }
    for written in sent {
        let serials = written.iter().filter_map(|(name, _)| found.get(name.as_str())?.first());
        if !serials.is_sorted() {
            round.wrong(format!("the entries of a writer are out of order: {written:?}"));
        }
    }
    look_at_states(round, &*store, &versions).await;
}

/// The state has to be what the log says, now and at any serial.
async fn look_at_states(round: &Round, store: &dyn StateStore, versions: &[Version]) {
    let newest = match store.load(None).await {
        Ok(loaded) => loaded.state,
        Err(error) => return round.wrong(format!("the state cannot be read: {error:?}")),
    };
    let last = versions.last().map_or(0, |version| version.serial);
    if newest.serial != last {
        round.wrong(format!("the state has serial {}, the log {last}", newest.serial));
    }
    for version in versions.iter().step_by(7) {
        match store.load_at(version.serial).await {
            Ok(at) if at.state.serial == version.serial && at.state.applying.plan == version.plan => {}
            other => round.wrong(format!("at serial {} stands {other:?}", version.serial)),
        }
    }
}
