//! A stretch of work under the lock: the only way to write the state.

use crate::clock::rfc3339;
use crate::diag;
use crate::events::SharedSink;
use crate::run::Signal;
use crate::secrets::SecretOverride;
use crate::store::local::random_lineage;
use crate::store::{Cut, Grant, LockRequest, StoreError};
use crate::workspace::{Configuration, Workspace};
use std::collections::BTreeMap;
use std::sync::Arc;
use terrane_core::{Diagnostic, Text, Value};
use terrane_plan::drift::Look;
use terrane_plan::plan::Plan;
use terrane_plan::schedule::End;
use terrane_plan::state::{Entry, RecordKey, State};
use tokio::sync::mpsc;
use tracing::Instrument as _;

/// How to apply.
#[derive(Clone, Debug, Default)]
pub struct ApplyRequest {
    /// Values of sensitive variables: [`Configuration::variables`].
    pub variables: BTreeMap<Text, Value>,
    /// `-secret` flags.
    pub secrets: Vec<SecretOverride>,
    /// How many steps may be started and unfinished at once; 0 for the default.
    pub parallelism: usize,
}

impl ApplyRequest {
    /// With the variables of a configuration.
    #[must_use]
    pub fn of(configuration: &Configuration) -> Self {
        Self { variables: configuration.variables.clone(), ..Self::default() }
    }
}

/// What applying came to.
#[derive(Clone, Debug)]
pub struct Applied {
    /// How it ended.
    pub end: End,
    /// All problems; each was told to the sink already.
    pub problems: Vec<Diagnostic>,
}

/// Work under the lock.
pub struct Session<'w> {
    pub(crate) workspace: &'w Workspace,
    pub(crate) grant: Grant,
    pub(crate) state: State,
    cut: Option<Cut>,
    warnings: Vec<Diagnostic>,
    heartbeat: Heartbeat,
}

impl<'w> Session<'w> {
    pub(crate) async fn begin(
        workspace: &'w Workspace,
        operation: &str,
        timeout_ms: u64,
    ) -> Result<Session<'w>, Box<Diagnostic>> {
        let session = Self::begin_anew(workspace, operation, timeout_ms).await?;
        let is_right = workspace.exists(&session.state);
        if let Err(problem) = is_right.and_then(|()| workspace.check_age(&session.state, session.cut.as_ref())) {
            session.heartbeat.stop();
            // Nothing of it is remembered, and the lock must not stay behind.
            let _ = workspace.store.unlock(&session.grant).await;
            return Err(problem);
        }
        Ok(session)
    }

    /// As [`Session::begin`], of a workspace that need not be there yet, and whose state may be an old one: what it is
    /// for replaces it, or looks itself.
    pub(crate) async fn begin_anew(
        workspace: &'w Workspace,
        operation: &str,
        timeout_ms: u64,
    ) -> Result<Session<'w>, Box<Diagnostic>> {
        let span = tracing::info_span!("lock", operation);
        let taken = take_lock(workspace, operation, timeout_ms).instrument(span).await;
        let grant = taken.map_err(|error| workspace.explain(error))?;
        let heartbeat = Heartbeat::start(workspace, grant.clone());
        let loaded = match workspace.store.load(Some(&grant)).await {
            Ok(loaded) => loaded,
            Err(error) => {
                heartbeat.stop();
                // The lock must not stay behind; that the load failed is what matters.
                let _ = workspace.store.unlock(&grant).await;
                return Err(workspace.explain(error));
            }
        };
        let warnings = loaded.cut.iter().map(diag::journal_damaged).collect();
        Ok(Self { workspace, grant, state: loaded.state, cut: loaded.cut, warnings, heartbeat })
    }

    /// The state as far as it is durable.
    #[must_use]
    pub fn state(&self) -> &State {
        &self.state
    }

    /// What loading the state warned of.
    #[must_use]
    pub fn warnings(&self) -> &[Diagnostic] {
        &self.warnings
    }

    /// Carries out a plan. Each message of `signals` is a wish to stop: see [`Signal`].
    ///
    /// # Errors
    /// The plan is stale or does not fit; nothing was done.
    pub async fn apply(
        &mut self,
        plan: Arc<Plan>,
        request: ApplyRequest,
        sink: &SharedSink,
        signals: mpsc::Receiver<Signal>,
    ) -> Result<Applied, Box<Diagnostic>> {
        let span = tracing::info_span!("apply", plan = &*plan.id);
        crate::run::apply(self, plan, request, sink, signals).instrument(span).await
    }

    /// Takes records out of the state; their objects stay.
    ///
    /// # Errors
    /// `record-not-found` when one of them is not there: then nothing is taken out; `lock-lost`,
    /// `state-write-failed`.
    pub async fn forget(&mut self, keys: &[RecordKey]) -> Result<(), Box<Diagnostic>> {
        if let Some((addr, deposed)) = keys.iter().find(|key| !self.state.objects.contains_key(key)) {
            return Err(Box::new(diag::record_not_found(addr, deposed.as_deref())));
        }
        let forget =
            |(addr, deposed): &RecordKey| Entry::Forget { step: None, addr: addr.clone(), deposed: deposed.clone() };
        let entries: Vec<Entry> = keys.iter().map(forget).collect();
        self.amend(&format!("state rm: {} removed", keys.len()), entries).await
    }

    /// Appends entries that change the state alone, as a run of their own in the history.
    ///
    /// # Errors
    /// `lock-lost`, `state-write-failed`.
    pub async fn amend(&mut self, summary: &str, entries: Vec<Entry>) -> Result<(), Box<Diagnostic>> {
        let plan = random_lineage().map_err(|error| self.workspace.explain(error))?;
        let base = &self.workspace.base;
        let mut all = Vec::with_capacity(entries.len() + 2);
        all.push(Entry::Begin {
            plan: plan.clone(),
            summary: summary.into(),
            at: rfc3339(base.clock.now_ms()),
            by: base.environment.owner().clone(),
        });
        all.extend(entries);
        all.push(Entry::Finish { plan });
        self.append(all).await
    }

    /// Begins the history of a state that has none.
    ///
    /// # Errors
    /// `lock-lost`, `state-write-failed`.
    pub async fn start(&mut self) -> Result<(), Box<Diagnostic>> {
        let lineage = random_lineage().map_err(|error| self.workspace.explain(error))?;
        self.append(vec![Entry::Start { format: terrane_plan::state::FORMAT, lineage }]).await
    }

    /// Puts a state that comes from elsewhere in the place of this one.
    ///
    /// # Errors
    /// `lock-lost`, `state-write-failed`.
    pub async fn put(&mut self, state: State) -> Result<(), Box<Diagnostic>> {
        let put = self.workspace.store.put(&self.grant, &state).await;
        put.map_err(|error| self.workspace.explain(error))?;
        self.state = state;
        Ok(())
    }

    /// Remembers when findings of drift were told of first, and forgets those that are over. Nothing is written where
    /// there is nothing new.
    ///
    /// # Errors
    /// `lock-lost`, `state-write-failed`.
    pub async fn remember_drift(&mut self, look: &Look) -> Result<(), Box<Diagnostic>> {
        let (found, over) = terrane_plan::drift::changed_marks(look, &self.state);
        if found.is_empty() && over.is_empty() {
            return Ok(());
        }
        let at = crate::clock::rfc3339(self.workspace.base.clock.now_ms());
        self.append(vec![Entry::Drift { at, found, over }]).await
    }

    /// Gives the lock back, after a snapshot where one is due.
    ///
    /// # Errors
    /// `state-write-failed`, `lock-lost`; the state is whole in any case.
    pub async fn close(self) -> Result<(), Box<Diagnostic>> {
        let store = &self.workspace.store;
        let compacted = if store.is_compaction_due() { store.compact(&self.grant, &self.state).await } else { Ok(()) };
        self.heartbeat.stop();
        let unlocked = store.unlock(&self.grant).await;
        self.workspace.remember(&self.state);
        compacted.and(unlocked).map_err(|error| self.workspace.explain(error))
    }

    async fn append(&mut self, entries: Vec<Entry>) -> Result<(), Box<Diagnostic>> {
        let appended = self.workspace.store.append(&self.grant, &entries).await;
        appended.map_err(|error| self.workspace.explain(error))?;
        for entry in entries {
            self.state.apply(entry);
        }
        Ok(())
    }
}

/// First pause between two tries to get the lock; doubles up to [`LONGEST_PAUSE_MS`].
const FIRST_PAUSE_MS: u64 = 50;
const LONGEST_PAUSE_MS: u64 = 2_000;

async fn take_lock(workspace: &Workspace, operation: &str, timeout_ms: u64) -> Result<Grant, StoreError> {
    let request = LockRequest { owner: workspace.base.environment.owner().clone(), operation: operation.into() };
    let clock = &workspace.base.clock;
    let until = clock.now_ms().saturating_add(timeout_ms);
    let mut pause_ms = FIRST_PAUSE_MS;
    loop {
        let refused = match workspace.store.lock(&request).await {
            Err(refused @ StoreError::Locked(_)) => refused,
            other => return other,
        };
        let left_ms = until.saturating_sub(clock.now_ms());
        if left_ms == 0 {
            return Err(refused);
        }
        clock.sleep(pause_ms.min(left_ms)).await;
        pause_ms = (pause_ms * 2).min(LONGEST_PAUSE_MS);
    }
}

/// Heartbeats in the life of a lock: several may fail before it dies.
const HEARTBEATS: u64 = 12;

/// Renews the lock until it is stopped, dropped or refused.
struct Heartbeat(tokio::task::JoinHandle<()>);

impl Heartbeat {
    fn start(workspace: &Workspace, grant: Grant) -> Self {
        let (store, clock) = (workspace.store.clone(), workspace.base.clock.clone());
        Self(tokio::spawn(async move {
            loop {
                clock.sleep((store.lease_ms() / HEARTBEATS).max(1)).await;
                // A lease that is lost shows at the next append; a failure to write is tried again.
                match store.renew(&grant).await {
                    Ok(()) => {}
                    Err(StoreError::LeaseLost(_)) => {
                        tracing::error!("the lock is lost");
                        return;
                    }
                    Err(_) => tracing::warn!("the lock could not be renewed; it is tried again"),
                }
            }
        }))
    }

    fn stop(&self) {
        self.0.abort();
    }
}

impl Drop for Heartbeat {
    fn drop(&mut self) {
        self.stop();
    }
}

#[cfg(test)]
mod tests;
