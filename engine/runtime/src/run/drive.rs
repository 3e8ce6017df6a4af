//! Carries out the effects of a schedule: entries are written together, calls run side by side, completions come
//! back one at a time, and what is told is told in order.

use super::steps::{StepKey, Steps};
use crate::events::SharedSink;
use crate::world::World;
use futures_util::stream::FuturesUnordered;
use futures_util::{FutureExt, StreamExt};
use std::any::Any;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use terrane_core::{Text, Value};
use terrane_plan::schedule::{Completed, Effect, End, Schedule, Ticket};
use terrane_plan::state::Entry;
use terrane_provider::{Async, Fault, Handle, Progress, Reading, Resolution, StepCall, Unreadable};
use tokio::sync::mpsc;
use tokio::task::{Id, JoinError, JoinSet};
use tracing::Instrument as _;

/// A wish to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// Ctrl-C: the first time running steps are finished and nothing new is started; the second time the run
    /// ends at once, with everything that is known written down.
    Interrupt,
    /// SIGTERM: running steps are given [`GRACE_MS`] to finish and nothing new is started; after another signal, or before
    /// it, the run ends at once.
    Terminate,
}

/// A state machine that hands out effects: a [`Schedule`].
pub trait Machine {
    /// Everything that can be done now.
    fn next(&mut self, now_ms: u64) -> Vec<Effect>;
    /// Takes in what came of an effect.
    fn record(&mut self, ticket: Ticket, completed: Completed, now_ms: u64);
    /// Starts nothing new from now on.
    fn stop(&mut self);
    /// How it ended.
    fn end(&self) -> Option<End>;
}

impl Machine for Schedule<'_> {
    fn next(&mut self, now_ms: u64) -> Vec<Effect> {
        Self::next(self, now_ms)
    }

    fn record(&mut self, ticket: Ticket, completed: Completed, now_ms: u64) {
        Self::record(self, ticket, completed, now_ms);
    }

    fn stop(&mut self) {
        Self::stop(self);
    }

    fn end(&self) -> Option<End> {
        Self::end(self)
    }
}

/// What whoever sends SIGTERM waits before SIGKILL is at least 10 s (a container runtime; a cluster waits 30 s). What is
/// not done by then is found again by its handle.
const GRACE_MS: u64 = 7_000;
/// When the run ends at once, entries under way are given so long to become durable.
const LAST_WRITE: Duration = Duration::from_secs(2);

type Written = (Vec<Ticket>, Result<(), Text>);

/// What a call was made for, in case it does not come back.
#[derive(Clone, Copy, Debug)]
enum Kind {
    Check,
    Resolve,
    Progress,
}

/// A call under way.
struct UnderWay {
    ticket: Ticket,
    kind: Kind,
    step: Option<StepKey>,
}

struct Run<'r, M, W> {
    machine: &'r mut M,
    world: &'r Arc<W>,
    sink: &'r SharedSink,
    calls: JoinSet<(Ticket, Completed)>,
    under_way: HashMap<Id, UnderWay>,
    steps: Steps,
    writes: FuturesUnordered<Async<'static, Written>>,
}

/// Drives `machine` to its end. `None` when it waits for nothing and has not ended, which is a mistake of it.
pub async fn drive<M: Machine, W: World>(
    machine: &mut M,
    world: &Arc<W>,
    sink: &SharedSink,
    mut signals: mpsc::Receiver<Signal>,
) -> Option<End> {
    let mut run = Run {
        machine,
        world,
        sink,
        calls: JoinSet::new(),
        under_way: HashMap::new(),
        steps: Steps::default(),
        writes: FuturesUnordered::new(),
    };
    let mut is_stopping = false;
    let mut is_heard = true;
    let mut give_up_ms: Option<u64> = None;
    loop {
        run.hand_out();
        if let Some(end) = run.machine.end() {
            return Some(end);
        }
        if run.calls.is_empty() && run.writes.is_empty() {
            return None;
        }
        tokio::select! {
            biased;
            signal = signals.recv(), if is_heard => match signal {
                Some(_) if is_stopping => return Some(run.abandon().await),
                Some(signal) => {
                    is_stopping = true;
                    give_up_ms = (signal == Signal::Terminate).then(|| run.world.now_ms() + GRACE_MS);
                    run.machine.stop();
                }
                None => is_heard = false,
            },
            () = until(&**run.world, give_up_ms) => return Some(run.abandon().await),
            Some(written) = run.writes.next(), if !run.writes.is_empty() => run.written(written),
            Some(called) = run.calls.join_next_with_id(), if !run.calls.is_empty() => run.called(called),
        }
        run.take_ready();
    }
}

/// Ends at that moment; never where there is none.
async fn until<W: World>(world: &W, moment_ms: Option<u64>) {
    match moment_ms {
        Some(ms) => world.wait_until(ms).await,
        None => std::future::pending().await,
    }
}

impl<M: Machine, W: World> Run<'_, M, W> {
    /// Hands out effects until there are none that can be done at once. Entries of all rounds go out together.
    fn hand_out(&mut self) {
        let mut tickets = Vec::new();
        let mut entries = Vec::new();
        loop {
            let effects = self.machine.next(self.world.now_ms());
            let mut has_more = false;
            for effect in effects {
                has_more |= self.carry_out(effect, &mut tickets, &mut entries);
            }
            if !has_more {
                break;
            }
        }
        if !tickets.is_empty() {
            let appended = self.world.append(entries);
            self.writes.push(Box::pin(async move { (tickets, appended.await) }));
        }
    }

    /// Whether the effect is done already, so that there may be more.
    fn carry_out(&mut self, effect: Effect, tickets: &mut Vec<Ticket>, entries: &mut Vec<Entry>) -> bool {
        let world = self.world.clone();
        match effect {
            Effect::Write { ticket, entries: more } => {
                tickets.push(ticket);
                entries.extend(more);
            }
            Effect::Tell(event) => self.sink.event(*event),
            Effect::Check { ticket, target, configuration } => {
                let call = async move { Completed::Checked(world.check(&target, &configuration).await) };
                self.call(UnderWay { ticket, kind: Kind::Check, step: None }, call.in_current_span());
            }
            Effect::Resolve { ticket, intent, configuration } => {
                let call = async move { Completed::Resolved(world.resolve(&intent, &configuration).await) };
                self.call(UnderWay { ticket, kind: Kind::Resolve, step: None }, call.in_current_span());
            }
            Effect::Start { ticket, call, configuration } => return self.start(ticket, call, configuration),
            Effect::Poll { ticket, call, handle, configuration, not_before_ms } => {
                let (span, step) = self.steps.span(&call);
                let poll = async move {
                    world.wait_until(not_before_ms).await;
                    Completed::Progressed(poll(&*world, &handle, &call, &configuration).await)
                };
                self.call(UnderWay { ticket, kind: Kind::Progress, step }, poll.instrument(span));
            }
        }
        false
    }

    fn start(&mut self, ticket: Ticket, call: Box<StepCall>, configuration: Value) -> bool {
        let world = self.world.clone();
        let (span, step) = self.steps.span(&call);
        if world.is_record_only(&call)
            && let Some(result) = span.in_scope(|| world.start(&call, &configuration).now_or_never())
        {
            self.step_ended(step.as_ref(), &result);
            self.machine.record(ticket, Completed::Progressed(result), world.now_ms());
            return true;
        }
        let start = async move { Completed::Progressed(world.start(&call, &configuration).await) };
        self.call(UnderWay { ticket, kind: Kind::Progress, step }, start.instrument(span));
        false
    }

    fn call(&mut self, under_way: UnderWay, call: impl Future<Output = Completed> + Send + 'static) {
        let ticket = under_way.ticket;
        let handle = self.calls.spawn(async move { (ticket, call.await) });
        self.under_way.insert(handle.id(), under_way);
    }

    /// Closes the span of a step that has an outcome.
    fn step_ended(&mut self, step: Option<&StepKey>, result: &Result<Progress, Fault>) {
        if let Some(step) = step
            && !matches!(result, Ok(Progress::Pending { .. }))
        {
            self.steps.end(step, result.as_ref().err());
        }
    }

    fn written(&mut self, (tickets, result): Written) {
        let now_ms = self.world.now_ms();
        for ticket in tickets {
            self.machine.record(ticket, Completed::Written(result.clone()), now_ms);
        }
    }

    fn called(&mut self, called: Result<(Id, (Ticket, Completed)), JoinError>) {
        let now_ms = self.world.now_ms();
        match called {
            Ok((id, (ticket, completed))) => {
                let step = self.under_way.remove(&id).and_then(|under_way| under_way.step);
                if let Completed::Progressed(result) = &completed {
                    self.step_ended(step.as_ref(), result);
                }
                self.machine.record(ticket, completed, now_ms);
            }
            Err(error) => {
                if let Some(UnderWay { ticket, kind, step }) = self.under_way.remove(&error.id()) {
                    let completed = lost(kind, error);
                    if let Completed::Progressed(result) = &completed {
                        self.step_ended(step.as_ref(), result);
                    }
                    self.machine.record(ticket, completed, now_ms);
                }
            }
        }
    }

    /// Takes in what is there already, so that what it leads to is handed out together.
    fn take_ready(&mut self) {
        while let Some(Some(written)) = self.writes.next().now_or_never() {
            self.written(written);
        }
        while let Some(called) = self.calls.try_join_next_with_id() {
            self.called(called);
        }
    }

    /// Ends at once: what runs is found again by its handle, what is being written becomes durable.
    async fn abandon(&mut self) -> End {
        self.machine.stop();
        self.calls.abort_all();
        let last = async {
            while let Some(written) = self.writes.next().await {
                self.written(written);
            }
        };
        // Too slow a disk must not hold a run that is to end; what was not written is found by recovery.
        let _ = tokio::time::timeout(LAST_WRITE, last).await;
        self.machine.end().unwrap_or(End::Interrupted)
    }
}

async fn poll<W: World>(world: &W, handle: &Handle, call: &StepCall, configuration: &Value) -> Result<Progress, Fault> {
    world.poll(handle, call, configuration).await
}

/// What a call comes to that did not come back.
fn lost(kind: Kind, error: JoinError) -> Completed {
    let fault = Fault::bug("call", panic_text(error));
    match kind {
        Kind::Check => Completed::Checked(Reading::Unreadable(Unreadable::Failed(fault))),
        Kind::Resolve => Completed::Resolved(Resolution::Failed(fault)),
        Kind::Progress => Completed::Progressed(Err(fault)),
    }
}

fn panic_text(error: JoinError) -> String {
    let Ok(panic) = error.try_into_panic() else { return "the call was ended".to_owned() };
    let panic: &(dyn Any + Send) = &*panic;
    let text = panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    format!("the call stopped in the middle: {}", text.unwrap_or("without a message"))
}
