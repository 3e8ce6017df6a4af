//! A program that applies as the binary does, with a fault in what makes recovery possible: the suite kills it at the
//! same points, and has to notice.
//!
//! The faults are put around the parts that the engine is given, a store and a provider; the engine itself is that of
//! the product. Without a fault the program passes.

use crate::around::{Around, Wrapped};
use serde_json::json;
use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use terrane_core::change::Action;
use terrane_core::event::Event;
use terrane_core::{Diagnostic, Schema, Text};
use terrane_plan::plan::Mode;
use terrane_plan::schedule::End;
use terrane_plan::state::Entry;
use terrane_plan::{Options, Plan};
use terrane_provider::{Async, DataSource, Limits, Provider, Registry, ResourceType};
use terrane_runtime::clock::SystemClock;
use terrane_runtime::store::local::LocalStore;
use terrane_runtime::store::{Grant, StateStore, StoreError};
use terrane_runtime::{ApplyRequest, Environment, EventSink, PlanRequest, Session, SharedSink, Workspace};

/// The environment variable that names the fault.
pub const VARIABLE: &str = "TERRANE_KILL_MUTANT";

/// How long it waits for the lock.
const LOCK_TIMEOUT_MS: u64 = 90_000;
/// Stages of one apply at most.
const MOST_STAGES: usize = 10;

/// A fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mutant {
    /// None.
    None,
    /// An intent is written together with its outcome, so nothing is durable before the world is touched.
    NoIntent,
    /// Outcomes are said to be durable, and are written when the run ends.
    OutcomeNotSynced,
    /// Recovery believes at once that nothing was done.
    NoSettle,
}

impl Mutant {
    const ALL: [Self; 4] = [Self::None, Self::NoIntent, Self::OutcomeNotSynced, Self::NoSettle];

    /// Its name, as in [`VARIABLE`].
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::NoIntent => "no-intent",
            Self::OutcomeNotSynced => "outcome-not-synced",
            Self::NoSettle => "no-settle",
        }
    }

    fn of(environment: &Environment) -> Option<Self> {
        let name = environment.get(VARIABLE)?;
        Self::ALL.into_iter().find(|mutant| mutant.name() == name)
    }
}

/// The whole program: `apply` or `destroy` in the current folder. Gives the exit code.
#[must_use]
pub fn main(words: &[String]) -> u8 {
    let environment = Environment::of_process();
    let Some(mutant) = Mutant::of(&environment) else { return told(&format!("{VARIABLE} names no fault")) };
    let mode = match words.first().map(String::as_str) {
        Some("apply") => Mode::Normal,
        Some("destroy") => Mode::Destroy,
        _ => return told("the command is apply or destroy"),
    };
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return told(&error.to_string()),
    };
    match runtime.block_on(work(environment, mutant, mode)) {
        Ok(()) => 0,
        Err(problems) => {
            let texts: Vec<String> =
                problems.iter().map(|p| format!("{} {:?} {}", p.kind.id, p.place, p.message())).collect();
            told(&texts.join("\n"))
        }
    }
}

fn told(problem: &str) -> u8 {
    // The exit code tells it too.
    let _unread = writeln!(std::io::stderr(), "{problem}");
    1
}

async fn work(environment: Environment, mutant: Mutant, mode: Mode) -> Result<(), Vec<Diagnostic>> {
    let folder = Path::new(".");
    let local = LocalStore::new(&folder.join("terrane.state"), Arc::new(SystemClock));
    let store = Arc::new(Wrapped(FaultyStore { inner: local, mutant, held: Mutex::default() }));
    let workspace = Workspace::with_store(folder, registry(mutant), environment, store).map_err(one)?;
    let mut session = workspace.lock("apply", LOCK_TIMEOUT_MS).await.map_err(one)?;
    let result = stages(&workspace, &mut session, mode).await;
    session.close().await.map_err(one)?;
    result
}

async fn stages(workspace: &Workspace, session: &mut Session<'_>, mode: Mode) -> Result<(), Vec<Diagnostic>> {
    let configuration = workspace.load(&[]);
    let sink: SharedSink = Arc::new(Lines);
    for _ in 0..MOST_STAGES {
        let request = PlanRequest { options: Options { mode, ..Options::default() }, ..PlanRequest::default() };
        let state = session.state().clone();
        let planned = workspace.plan(&configuration, &state, request, &sink).await;
        let plan: Plan =
            planned.plan.filter(|_| !planned.problems.iter().any(Diagnostic::is_error)).ok_or(planned.problems)?;
        let is_last = plan.deferred.is_empty();
        let (_signals, none) = tokio::sync::mpsc::channel(1);
        let request = ApplyRequest::of(&configuration);
        let applied = session.apply(Arc::new(plan), request, &sink, none).await.map_err(one)?;
        if applied.end != End::Complete || applied.problems.iter().any(Diagnostic::is_error) {
            return Err(applied.problems);
        }
        if is_last {
            break;
        }
    }
    Ok(())
}

fn one(problem: impl std::ops::Deref<Target = Diagnostic>) -> Vec<Diagnostic> {
    vec![problem.clone()]
}

/// Tells what is done in the lines that the checks read.
struct Lines;

impl EventSink for Lines {
    fn event(&self, event: Event) {
        if let Event::ChangeDone { addr, action, .. } = event {
            let action = if action == Action::Delete { "delete" } else { "make" };
            let hook = json!({ "resource": { "addr": addr }, "action": action });
            let mut out = std::io::stdout().lock();
            // Nobody has to read it.
            let _unread =
                writeln!(out, "{}", json!({ "type": "apply_complete", "hook": hook })).and_then(|()| out.flush());
        }
    }
}

fn registry(mutant: Mutant) -> Arc<Registry> {
    let eks = terrane_eks::provider();
    let eks = if mutant == Mutant::NoSettle { Arc::new(Hasty(eks)) } else { eks };
    Arc::new(Registry::new(vec![terrane_builtin::provider(), eks]))
}

/// A provider whose remote side is taken to show everything at once.
struct Hasty(Arc<dyn Provider>);

impl Provider for Hasty {
    fn name(&self) -> &'static str {
        self.0.name()
    }

    fn schema(&self) -> Arc<Schema> {
        self.0.schema()
    }

    fn resource_types(&self) -> Vec<Arc<dyn ResourceType>> {
        self.0.resource_types()
    }

    fn data_sources(&self) -> Vec<Arc<dyn DataSource>> {
        self.0.data_sources()
    }

    fn limits(&self) -> Arc<Limits> {
        Arc::new(Limits { settle_ms: 0, ..(*self.0.limits()).clone() })
    }
}

/// A local store that keeps entries back.
struct FaultyStore {
    inner: LocalStore,
    mutant: Mutant,
    held: Mutex<Held>,
}

#[derive(Default)]
struct Held {
    /// By intent: it, and the handle it runs under.
    intents: BTreeMap<Text, Vec<Entry>>,
    outcomes: Vec<Entry>,
}

impl FaultyStore {
    /// What is written now.
    fn through(&self, entries: &[Entry]) -> Vec<Entry> {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let mut through = Vec::new();
        for entry in entries.iter().cloned() {
            match (self.mutant, &entry) {
                (Mutant::NoIntent, Entry::Intent { intent, .. }) => {
                    held.intents.insert(intent.id.clone(), vec![entry]);
                }
                (Mutant::NoIntent, Entry::Running { intent, .. }) if held.intents.contains_key(intent) => {
                    held.intents.entry(intent.clone()).or_default().push(entry);
                }
                (Mutant::NoIntent, Entry::Outcome { intent, .. }) => {
                    through.extend(held.intents.remove(intent).unwrap_or_default());
                    through.push(entry);
                }
                (Mutant::OutcomeNotSynced, Entry::Outcome { .. }) => held.outcomes.push(entry),
                _ => through.push(entry),
            }
        }
        through
    }
}

impl Around for FaultyStore {
    fn inner(&self) -> &dyn StateStore {
        &self.inner
    }

    fn append(&self, grant: &Grant, entries: &[Entry]) -> Async<'static, Result<u64, StoreError>> {
        self.inner.append(grant, &self.through(entries))
    }

    fn unlock<'a>(&'a self, grant: &'a Grant) -> Async<'a, Result<(), StoreError>> {
        let outcomes = std::mem::take(&mut self.held.lock().unwrap_or_else(PoisonError::into_inner).outcomes);
        Box::pin(async move {
            self.inner.append(grant, &outcomes).await?;
            self.inner.unlock(grant).await
        })
    }
}
