//! The driver against machines and worlds that a test writes down.

use super::drive::{Machine, Signal, drive};
use crate::events::{SharedSink, nowhere};
use crate::testing::{access, addr, intent, object};
use crate::world::World;
use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use terrane_core::event::Event;
use terrane_core::{Text, Value};
use terrane_plan::schedule::{Completed, Effect, End, Ticket};
use terrane_plan::state::Entry;
use terrane_provider::{Async, Fault, Handle, Intent, Progress, Reading, Resolution, StepCall, Target, Verb};
use tokio::sync::mpsc;

/// Hands out one round of effects after the other; each waits until all of the one before are answered.
struct Script {
    rounds: VecDeque<Vec<Effect>>,
    open: usize,
    recorded: Vec<(u64, String)>,
    is_stopped: bool,
    never_ends: bool,
}

impl Script {
    fn new(rounds: Vec<Vec<Effect>>) -> Self {
        Self { rounds: rounds.into(), open: 0, recorded: Vec::new(), is_stopped: false, never_ends: false }
    }

    fn recorded(&self) -> Vec<(u64, &str)> {
        self.recorded.iter().map(|(ticket, what)| (*ticket, what.as_str())).collect()
    }
}

impl Machine for Script {
    fn next(&mut self, _now_ms: u64) -> Vec<Effect> {
        if self.open > 0 || self.is_stopped {
            return Vec::new();
        }
        let round = self.rounds.pop_front().unwrap_or_default();
        self.open = round.iter().filter(|effect| !matches!(effect, Effect::Tell(_))).count();
        round
    }

    fn record(&mut self, ticket: Ticket, completed: Completed, _now_ms: u64) {
        self.open -= 1;
        let what = match completed {
            Completed::Written(Ok(())) => "written".to_owned(),
            Completed::Written(Err(why)) => format!("not written: {why}"),
            Completed::Progressed(Ok(Progress::Done(_))) => "done".to_owned(),
            Completed::Progressed(Ok(Progress::Pending { .. })) => "pending".to_owned(),
            Completed::Progressed(Err(fault)) => format!("{:?}", fault.kind),
            Completed::Checked(_) => "checked".to_owned(),
            Completed::Resolved(_) => "resolved".to_owned(),
        };
        self.recorded.push((ticket.0, what));
    }

    fn stop(&mut self) {
        self.is_stopped = true;
    }

    fn end(&self) -> Option<End> {
        let is_over = self.open == 0 && (self.rounds.is_empty() || self.is_stopped) && !self.never_ends;
        is_over.then_some(if self.is_stopped { End::Interrupted } else { End::Complete })
    }
}

/// A world in which calls do what the name of their step says.
#[derive(Default)]
struct Stage {
    now_ms: AtomicU64,
    appends: Mutex<Vec<usize>>,
    is_full: bool,
}

impl World for Stage {
    fn now_ms(&self) -> u64 {
        self.now_ms.load(Ordering::SeqCst)
    }

    fn wait_until(&self, ms: u64) -> Async<'_, ()> {
        self.now_ms.fetch_max(ms, Ordering::SeqCst);
        Box::pin(std::future::ready(()))
    }

    fn append(&self, entries: Vec<Entry>) -> Async<'static, Result<(), Text>> {
        self.appends.lock().unwrap().push(entries.len());
        let result = if self.is_full { Err("no space".into()) } else { Ok(()) };
        Box::pin(async move {
            tokio::task::yield_now().await;
            result
        })
    }

    fn is_record_only(&self, call: &StepCall) -> bool {
        &*call.step == "store"
    }

    fn check<'a>(&'a self, _: &'a Target, _: &'a Value) -> Async<'a, Reading> {
        Box::pin(async { Reading::Absent })
    }

    fn resolve<'a>(&'a self, _: &'a Intent, _: &'a Value) -> Async<'a, Resolution> {
        Box::pin(async { Resolution::NotDone })
    }

    fn start<'a>(&'a self, call: &'a StepCall, _: &'a Value) -> Async<'a, Result<Progress, Fault>> {
        Box::pin(async move {
            match &*call.step {
                "panic" => panic!("on purpose"),
                "hang" => std::future::pending().await,
                "slow" => tokio::task::yield_now().await,
                _ => {}
            }
            Ok(Progress::Done(Value::NULL))
        })
    }

    fn poll<'a>(&'a self, _: &'a Handle, call: &'a StepCall, cx: &'a Value) -> Async<'a, Result<Progress, Fault>> {
        self.start(call, cx)
    }
}

fn call(step: &str) -> Box<StepCall> {
    Box::new(StepCall {
        step: step.into(),
        verb: Verb::Create,
        addr: addr("fake_thing.a"),
        id: object("a"),
        access: access(),
        prior: Value::NULL,
        planned: Value::NULL,
        seen: Value::NULL,
        intent: "i".into(),
        token: "t".into(),
        is_repeated: false,
        continues: Vec::new(),
    })
}

fn start(ticket: u64, step: &str) -> Effect {
    Effect::Start { ticket: Ticket(ticket), call: call(step), configuration: Value::NULL }
}

fn write(ticket: u64, count: usize) -> Effect {
    Effect::Write { ticket: Ticket(ticket), entries: crate::store::contract::entries(count) }
}

fn tell(done: usize) -> Effect {
    Effect::Tell(Box::new(Event::Phase { name: "t", done, total: 0 }))
}

/// Drives a script; the signals are all there from the beginning.
async fn driven(script: &mut Script, stage: Stage, signals: &[Signal], sink: &SharedSink) -> (Option<End>, Arc<Stage>) {
    let stage = Arc::new(stage);
    let (sender, receiver) = mpsc::channel(8);
    for signal in signals {
        sender.send(*signal).await.unwrap();
    }
    (drive(script, &stage, sink, receiver).await, stage)
}

#[tokio::test]
async fn entries_of_a_round_and_of_record_only_steps_are_one_append() {
    let rounds = vec![vec![start(0, "store"), start(1, "store")], vec![write(2, 0), write(3, 1)], vec![write(4, 0)]];
    let mut script = Script::new(rounds);
    let (end, stage) = driven(&mut script, Stage::default(), &[], &nowhere()).await;
    assert_eq!(end, Some(End::Complete));
    assert_eq!(*stage.appends.lock().unwrap(), [3, 1]);
    let expected = [(0, "done"), (1, "done"), (2, "written"), (3, "written"), (4, "written")];
    assert_eq!(script.recorded(), expected);
}

#[tokio::test]
async fn events_come_in_order() {
    let told = Arc::new(Mutex::new(Vec::new()));
    let sink: SharedSink = {
        let told = told.clone();
        Arc::new(move |event| {
            if let Event::Phase { done, .. } = event {
                told.lock().unwrap().push(done);
            }
        })
    };
    let mut script = Script::new(vec![vec![tell(1), start(0, "slow"), tell(2)], vec![write(1, 0)], vec![tell(3)]]);
    driven(&mut script, Stage::default(), &[], &sink).await;
    assert_eq!(*told.lock().unwrap(), [1, 2, 3]);
}

#[tokio::test]
async fn a_call_that_panics_is_a_fault_of_its_own_step_only() {
    let mut script = Script::new(vec![vec![start(0, "panic"), start(1, "slow")]]);
    let (end, _) = driven(&mut script, Stage::default(), &[], &nowhere()).await;
    assert_eq!(end, Some(End::Complete));
    script.recorded.sort();
    assert_eq!(script.recorded(), [(0, "Bug"), (1, "done")]);
}

#[tokio::test]
async fn a_poll_waits_for_its_moment() {
    let poll = Effect::Poll {
        ticket: Ticket(0),
        call: call("slow"),
        handle: Handle { kind: "h".into(), data: Value::NULL },
        configuration: Value::NULL,
        not_before_ms: 9_000,
    };
    let resolve = Effect::Resolve { ticket: Ticket(1), intent: Arc::new(intent("a", 0)), configuration: Value::NULL };
    let mut script = Script::new(vec![vec![poll], vec![resolve]]);
    let (_, stage) = driven(&mut script, Stage::default(), &[], &nowhere()).await;
    assert_eq!(stage.now_ms(), 9_000);
    assert_eq!(script.recorded(), [(0, "done"), (1, "resolved")]);
}

#[tokio::test]
async fn the_first_interrupt_finishes_what_runs_and_starts_nothing() {
    let mut script = Script::new(vec![vec![start(0, "slow")], vec![start(1, "slow")]]);
    let (end, _) = driven(&mut script, Stage::default(), &[Signal::Interrupt], &nowhere()).await;
    assert_eq!(end, Some(End::Interrupted));
    assert_eq!(script.recorded(), [(0, "done")]);
}

#[tokio::test]
async fn an_interrupt_and_a_request_to_end_are_two() {
    for signals in [[Signal::Interrupt, Signal::Terminate], [Signal::Terminate, Signal::Interrupt]] {
        let mut script = Script::new(vec![vec![start(0, "hang"), write(1, 0)]]);
        let (end, _) = driven(&mut script, Stage::default(), &signals, &nowhere()).await;
        assert_eq!((end, script.recorded()), (Some(End::Interrupted), vec![(1, "written")]));
    }
}

#[tokio::test]
async fn a_request_to_end_waits_for_what_runs_but_not_for_long() {
    let mut script = Script::new(vec![vec![start(0, "hang")]]);
    let (end, stage) = driven(&mut script, Stage::default(), &[Signal::Terminate], &nowhere()).await;
    assert_eq!((end, stage.now_ms()), (Some(End::Interrupted), 7_000));
}

#[tokio::test]
async fn the_second_interrupt_ends_at_once_and_what_is_being_written_is_kept() {
    let mut script = Script::new(vec![vec![start(0, "hang"), write(1, 0)]]);
    let signals = [Signal::Interrupt, Signal::Interrupt];
    let (end, stage) = driven(&mut script, Stage::default(), &signals, &nowhere()).await;
    assert_eq!(end, Some(End::Interrupted));
    assert_eq!(*stage.appends.lock().unwrap(), [1]);
    assert_eq!(script.recorded(), [(1, "written")]);
}

#[tokio::test]
async fn a_failed_write_is_told_to_all_that_wait_for_it() {
    let mut script = Script::new(vec![vec![write(0, 0), write(1, 0)]]);
    driven(&mut script, Stage { is_full: true, ..Stage::default() }, &[], &nowhere()).await;
    assert_eq!(script.recorded(), [(0, "not written: no space"), (1, "not written: no space")]);
}

#[tokio::test]
async fn a_machine_that_waits_for_nothing_is_given_up() {
    let mut script = Script::new(vec![vec![tell(1)]]);
    script.never_ends = true;
    assert_eq!(driven(&mut script, Stage::default(), &[], &nowhere()).await.0, None);
}
