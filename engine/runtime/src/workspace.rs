//! A folder with a configuration, and what can be done with it: load, plan, and, under the lock, apply.
//!
//! This is what the command line talks to. Everything returns values; events go to a sink.

use crate::backend::{self, Given, Refusal, Remembered};
use crate::clock::{Clock, SystemClock};
use crate::diag;
use crate::discover::{Survey, Surveyed};
use crate::environment::Environment;
use crate::events::{EventSink, SharedSink};
use crate::remote::Remote;
use crate::revision::Compared;
use crate::seal::seen::Seen;
use crate::seal::{self, Keyring};
use crate::secrets::digest::UserKey;
use crate::secrets::{SecretOverride, Secrets};
use crate::services::{Budgets, RunServices, clock_rate};
use crate::session::Session;
use crate::sources::FolderSources;
use crate::store::local::LocalStore;
use crate::store::open::{Backend, OpenContext};
use crate::store::{self, Cut, LoadedState, LockHolder, StateStore, StoreError, Version};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use terrane_core::{Diagnostic, InstanceAddr, Place, SourceMap, Text, Value};
use terrane_lang::Program;
use terrane_lang::check::Packages;
use terrane_lang::inputs::Flag;
use terrane_lang::program::Input;
use terrane_lang::scope::{DEFAULT_WORKSPACE, Sources as _};
use terrane_plan::peek::Peek;
use terrane_plan::planner::{Changed, Options, Outcome};
use terrane_plan::schemas::RegistrySchemas;
use terrane_plan::state::State;
use terrane_provider::{Registry, Services};
use tracing::Instrument as _;

/// A checked configuration and what was given for its variables.
#[derive(Debug)]
pub struct Configuration {
    /// The program; `None` where there is an error.
    pub program: Option<Program>,
    /// What was given for the variables of the root module.
    pub inputs: Vec<Input>,
    /// Every file that was read, variables files included.
    pub sources: SourceMap,
    /// All problems, sorted by place.
    pub problems: Vec<Diagnostic>,
    /// Values of sensitive variables of the root module: what expressions in plan and state refer to.
    pub variables: BTreeMap<Text, Value>,
    /// Packages that its modules come from.
    pub packages: Packages,
}

/// How to plan.
#[derive(Clone, Debug, Default)]
pub struct PlanRequest {
    /// What the command line asks of the plan.
    pub options: Options,
    /// `-secret` flags.
    pub secrets: Vec<SecretOverride>,
    /// How many reads may be under way at once; 0 for the default.
    pub parallelism: usize,
}

/// A folder with a configuration, the providers that are linked, and the machine. Where the state is, nobody asked yet.
pub struct Folder {
    pub(crate) folder: PathBuf,
    pub(crate) registry: Arc<Registry>,
    pub(crate) environment: Arc<Environment>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) clock_rate: u32,
    pub(crate) budgets: Arc<Budgets>,
    pub(crate) key: Arc<UserKey>,
    pub(crate) keyring: Keyring,
}

impl Folder {
    /// Nothing is read or made yet.
    ///
    /// # Errors
    /// `clock-rate-refused`.
    pub fn open(folder: &Path, registry: Arc<Registry>, environment: Environment) -> Result<Self, Box<Diagnostic>> {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let clock_rate = clock_rate(&environment)?;
        let environment = Arc::new(environment);
        Ok(Self {
            folder: folder.to_owned(),
            registry,
            clock_rate,
            key: Arc::new(UserKey::of(environment.clone())),
            environment,
            budgets: Arc::new(Budgets::new(clock.clone())),
            clock,
            keyring: Keyring::default(),
        })
    }

    /// With the keys that the `encryption` block, or the variable in its place, names. None of them is read yet.
    ///
    /// # Errors
    /// What is wrong with the block or the variable.
    pub fn with_keys(mut self) -> Result<Self, Refusal> {
        let services: Arc<dyn Services> = Arc::new(self.services(&BTreeMap::new(), Arc::new(NoSink)));
        self.keyring = seal::keyring(&self.folder, &self.environment, &self.registry, &services)?;
        Ok(self)
    }

    /// What state and plans are sealed with and opened by.
    #[must_use]
    pub fn keyring(&self) -> &Keyring {
        &self.keyring
    }

    fn seen(&self) -> Seen {
        Seen::of(&crate::selection::data_folder(self))
    }

    fn services(&self, variables: &BTreeMap<Text, Value>, sink: SharedSink) -> RunServices {
        let known = Secrets::new(&self.folder, self.environment.clone(), variables.clone(), self.key.clone());
        RunServices {
            clock: self.clock.clone(),
            clock_rate: self.clock_rate,
            budgets: self.budgets.clone(),
            secrets: Arc::new(known),
            sink,
        }
    }

    /// The providers that are linked.
    #[must_use]
    pub fn registry(&self) -> &Arc<Registry> {
        &self.registry
    }

    /// The selected workspace.
    #[must_use]
    pub fn selected(&self) -> Text {
        crate::selection::selected(&self.folder, &self.environment)
    }

    /// Reads and checks the configuration and what is given for its variables.
    #[must_use]
    pub fn load(&self, flags: &[Flag]) -> Configuration {
        let sources = self.fresh_sources();
        let loaded = terrane_lang::check::load(&sources, ".", &RegistrySchemas(&self.registry));
        let mut configuration = Configuration {
            program: loaded.program,
            inputs: Vec::new(),
            sources: loaded.sources,
            problems: loaded.problems,
            variables: BTreeMap::new(),
            packages: loaded.packages,
        };
        if let Some(program) = &configuration.program {
            let given = terrane_lang::inputs::inputs(program, ".", &sources, flags, &mut configuration.sources);
            configuration.variables = sensitive_variables(program, &given.inputs);
            configuration.inputs = given.inputs;
            configuration.problems.extend(given.problems);
        }
        configuration
    }

    /// As [`Folder::load`], for a command that needs the configuration only to know where the state is: where no file
    /// holds the word `backend`, none is read further.
    #[must_use]
    pub fn load_backend(&self, flags: &[Flag]) -> Configuration {
        let sources = self.fresh_sources();
        let is_backend = |name: &String| {
            let bytes = if name.ends_with(".hcl") { sources.read(name).ok() } else { None };
            bytes.is_some_and(|bytes| bytes.windows(7).any(|word| word == b"backend"))
        };
        if sources.list(".").unwrap_or_default().iter().any(is_backend) {
            return self.load(flags);
        }
        Configuration {
            program: None,
            inputs: Vec::new(),
            sources: SourceMap::default(),
            problems: Vec::new(),
            variables: BTreeMap::new(),
            packages: Packages::new(),
        }
    }

    /// The workspace that is selected, its state in the backend that the configuration asks for.
    ///
    /// # Errors
    /// What is wrong with the backend; `backend-not-set-up`, `backend-changed`; `wrong-workspace-name`.
    pub async fn workspace(self, configuration: &Configuration) -> Result<Workspace, Refusal> {
        let name = self.selected();
        let backend = self.backend(configuration).await?;
        Ok(self.with_backend(&backend, &name)?)
    }

    /// The backend that `init` set up, if it is still the one that the configuration asks for.
    ///
    /// # Errors
    /// As for [`Folder::workspace`].
    pub async fn backend(&self, configuration: &Configuration) -> Result<Backend, Refusal> {
        let remembered = Remembered::read(self)?;
        let given = remembered.as_ref().map(|found| found.given.clone()).unwrap_or_default();
        if let (true, Some(found)) = (configuration.has_errors(), &remembered) {
            // What the block says cannot be known; what was agreed on can.
            return backend::remembered(self, configuration, found).await;
        }
        let block = configuration.program.as_ref().and_then(|program| program.settings.backend.as_ref());
        let place = block.map_or(Place::Run, |block| Place::Span(block.span));
        let told = |problem| configuration.refusal(problem);
        if block.is_none() {
            return match remembered {
                None => Ok(Backend::default()),
                Some(found) => {
                    Err(told(diag::BACKEND_CHANGED.at(place).with("set up", &found.kind).with("now", "none")))
                }
            };
        }
        let Some(found) = remembered else { return Err(told(diag::BACKEND_NOT_SET_UP.at(place))) };
        let Some(wanted) = backend::wanted(self, configuration, &given).await? else { return Ok(Backend::default()) };
        if found.is(&wanted) {
            return Ok(wanted);
        }
        let detail = backend::difference(&found, &wanted);
        Err(told(diag::BACKEND_CHANGED.at(place).detail(detail)))
    }

    /// The backend that the configuration and `-backend-config` ask for; `None` where there is no block.
    ///
    /// # Errors
    /// What is wrong with it.
    pub async fn wanted(&self, configuration: &Configuration, given: &[Given]) -> Result<Option<Backend>, Refusal> {
        backend::wanted(self, configuration, given).await
    }

    /// The backend that `init` set up before, whatever the configuration asks for now.
    ///
    /// # Errors
    /// A kind that this version does not have; files that cannot be read.
    pub async fn remembered(&self, configuration: &Configuration, found: &Remembered) -> Result<Backend, Refusal> {
        backend::remembered(self, configuration, found).await
    }

    /// The workspace of that name, its state in `backend`.
    ///
    /// # Errors
    /// What makes the backend unusable; `wrong-workspace-name`.
    pub fn with_backend(self, backend: &Backend, name: &str) -> Result<Workspace, Box<Diagnostic>> {
        crate::selection::check_name(name)?;
        let store = store::open::open(backend, name, &self.open_context())
            .map_err(|error| Box::new(diag::explain(error, &backend.kind)))?;
        Ok(Workspace { base: self, store, name: name.into() })
    }

    /// The same folder once more, for another backend or workspace.
    #[must_use]
    pub fn again(&self) -> Self {
        Self {
            folder: self.folder.clone(),
            registry: self.registry.clone(),
            environment: self.environment.clone(),
            clock: self.clock.clone(),
            clock_rate: self.clock_rate,
            budgets: self.budgets.clone(),
            key: self.key.clone(),
            keyring: self.keyring.clone(),
        }
    }

    /// What stores are opened with.
    #[must_use]
    pub fn open_context(&self) -> OpenContext {
        OpenContext {
            folder: self.folder.clone(),
            environment: self.environment.clone(),
            clock: self.clock.clone(),
            clock_rate: self.clock_rate,
            keyring: self.keyring.clone(),
        }
    }

    pub(crate) fn fresh_sources(&self) -> FolderSources {
        FolderSources::new(&self.folder, self.environment.clone(), self.clock.now_ms())
    }
}

/// A folder and the state that is worked on.
pub struct Workspace {
    pub(crate) base: Folder,
    pub(crate) store: Arc<dyn StateStore>,
    name: Text,
}

impl Workspace {
    /// The workspace in `folder`, with its state in the folder `terrane.state` beside the configuration, whatever
    /// backend that asks for. Nothing is read or made yet.
    ///
    /// # Errors
    /// `clock-rate-refused`.
    pub fn open(folder: &Path, registry: Arc<Registry>, environment: Environment) -> Result<Self, Box<Diagnostic>> {
        let store = Arc::new(LocalStore::new(&folder.join("terrane.state"), Arc::new(SystemClock)));
        Self::with_store(folder, registry, environment, store)
    }

    /// As [`Workspace::open`], with the state in `store`.
    ///
    /// # Errors
    /// `clock-rate-refused`.
    pub fn with_store(
        folder: &Path,
        registry: Arc<Registry>,
        environment: Environment,
        store: Arc<dyn StateStore>,
    ) -> Result<Self, Box<Diagnostic>> {
        Ok(Self { base: Folder::open(folder, registry, environment)?, store, name: DEFAULT_WORKSPACE.into() })
    }

    /// What state and plans are sealed with and opened by.
    #[must_use]
    pub fn keyring(&self) -> &Keyring {
        &self.base.keyring
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &Text {
        &self.name
    }

    /// Where its state is, for people.
    #[must_use]
    pub fn place(&self) -> String {
        self.store.place()
    }

    /// The providers that are linked.
    #[must_use]
    pub fn registry(&self) -> &Arc<Registry> {
        self.base.registry()
    }

    /// Reads and checks the configuration: see [`Folder::load`].
    #[must_use]
    pub fn load(&self, flags: &[Flag]) -> Configuration {
        self.base.load(flags)
    }

    /// The state as it is now. The second part warns of a damaged journal.
    ///
    /// # Errors
    /// `state-newer`, `state-damaged`, `state-unreadable`; `no-such-workspace`.
    pub async fn state(&self) -> Result<(State, Vec<Diagnostic>), Box<Diagnostic>> {
        let LoadedState { state, cut } = self.store.load(None).await.map_err(|error| self.explain(error))?;
        self.exists(&state)?;
        self.check_age(&state, cut.as_ref())?;
        // Somebody who holds the lock is appending: the end that cannot be read is an entry on its way.
        let is_growing = cut.is_some() && matches!(self.store.holder().await, Ok(Some(_)));
        let cut = cut.filter(|_| !is_growing).map(|cut| diag::journal_damaged(&cut));
        Ok((state, cut.into_iter().collect()))
    }

    /// Refuses a state that is older than one that was seen from this folder, and remembers any other.
    pub(crate) fn check_age(&self, state: &State, cut: Option<&Cut>) -> Result<(), Box<Diagnostic>> {
        // What is missing from a torn journal is told by itself. Of a sealed one it may be made to look torn.
        if cut.is_none() || self.base.keyring.for_state().is_some() {
            self.base.seen().check(state).map_err(|older| Box::new(diag::older(state, older)))?;
        }
        self.remember(state);
        Ok(())
    }

    /// Remembers how far a state has come; an old one teaches nothing.
    pub(crate) fn remember(&self, state: &State) {
        if self.base.seen().check(state).is_err() {
            return;
        }
        // Where nothing can be written nothing is remembered: reading a state works in a folder that is not ours.
        let _ = self.base.seen().note(state);
    }

    /// Takes the state as it is for the newest, though a newer one was seen; gives its serial.
    ///
    /// # Errors
    /// Those of [`Workspace::state`] but for `state-older-than-seen`; `file-not-written`.
    pub async fn accept_older(&self) -> Result<u64, Box<Diagnostic>> {
        let LoadedState { state, .. } = self.store.load(None).await.map_err(|error| self.explain(error))?;
        self.exists(&state)?;
        self.base.seen().note(&state).map_err(|error| {
            let place = Place::File(crate::selection::data_folder(&self.base).display().to_string());
            Box::new(diag::STATE_WRITE_FAILED.at(place).detail(error.to_string()))
        })?;
        Ok(state.serial)
    }

    /// Seals the state and its history anew, under the current key and a new data key.
    ///
    /// # Errors
    /// `no-encryption`; those of a key and of [`Workspace::lock`].
    pub async fn rekey(&self, timeout_ms: u64) -> Result<(), Box<Diagnostic>> {
        let explain = |error| Box::new(diag::seal(error, Place::State));
        let none = || Box::new(diag::NO_ENCRYPTION.at(Place::Run));
        let sealer = self.base.keyring.for_state().ok_or_else(none)?;
        sealer.renew().await.map_err(explain)?;
        let session = self.lock("state rekey", timeout_ms).await?;
        let done = self.store.reseal(&session.grant, session.state()).await;
        let closed = session.close().await;
        done.map_err(|error| self.explain(error))?;
        closed
    }

    /// Who holds the lock.
    ///
    /// # Errors
    /// `state-unreadable`.
    pub async fn lock_holder(&self) -> Result<Option<LockHolder>, Box<Diagnostic>> {
        self.store.holder().await.map_err(|error| self.explain(error))
    }

    /// Takes the lock for `operation`, waiting at most `timeout_ms`, and loads the state under it.
    ///
    /// # Errors
    /// `state-locked`, and those of [`Workspace::state`].
    pub async fn lock(&self, operation: &str, timeout_ms: u64) -> Result<Session<'_>, Box<Diagnostic>> {
        Session::begin(self, operation, timeout_ms).await
    }

    /// As [`Workspace::lock`], of a workspace that need not be there yet.
    ///
    /// # Errors
    /// As for [`Workspace::lock`].
    pub async fn lock_anew(&self, operation: &str, timeout_ms: u64) -> Result<Session<'_>, Box<Diagnostic>> {
        Session::begin_anew(self, operation, timeout_ms).await
    }

    /// Takes the lock of that id away from whoever holds it.
    ///
    /// # Errors
    /// `lock-not-that`; those of reading and writing.
    pub async fn break_lock(&self, id: &str) -> Result<LockHolder, Box<Diagnostic>> {
        self.store.break_lock(id).await.map_err(|error| self.explain(error))
    }

    /// For how long nobody renewed a lock, in seconds; `None` where its heartbeat cannot be read.
    #[must_use]
    pub fn heartbeat_age_s(&self, holder: &LockHolder) -> Option<u64> {
        let last = crate::clock::from_rfc3339(&holder.heartbeat)?;
        Some(self.base.clock.now_ms().saturating_sub(last) / 1_000)
    }

    /// The runs that wrote, oldest first.
    ///
    /// # Errors
    /// As for [`Workspace::state`].
    pub async fn versions(&self) -> Result<Vec<Version>, Box<Diagnostic>> {
        self.store.versions().await.map_err(|error| self.explain(error))
    }

    /// The state as it was at a serial.
    ///
    /// # Errors
    /// `state-serial-unknown`; as for [`Workspace::state`].
    pub async fn state_at(&self, serial: u64) -> Result<State, Box<Diagnostic>> {
        self.store.load_at(serial).await.map(|loaded| loaded.state).map_err(|error| self.explain(error))
    }

    /// Tries whether the place can keep a state.
    ///
    /// # Errors
    /// What it cannot do: the place missing, a right missing, no conditional create.
    pub async fn probe(&self) -> Result<(), Box<Diagnostic>> {
        self.store.probe().await.map_err(|error| self.explain(error))
    }

    /// Plans. A configuration without a program gives its problems back.
    pub async fn plan(
        &self,
        configuration: &Configuration,
        state: &State,
        request: PlanRequest,
        sink: &SharedSink,
    ) -> Outcome {
        let span = tracing::info_span!("plan");
        crate::run::plan(self, configuration, state, request, sink).instrument(span).await
    }

    /// What the difference of the configuration from a git revision touches. `flags` are those it was loaded with.
    ///
    /// # Errors
    /// `changes-unknown`.
    pub async fn changed_since(
        &self,
        configuration: &Configuration,
        flags: &[Flag],
        revision: &str,
    ) -> Result<Changed, Box<Diagnostic>> {
        let Some(program) = &configuration.program else { return Ok(Changed::default()) };
        let (folder, environment) = (&*self.base.folder, &*self.base.environment);
        Compared { folder, environment, program, flags }.with(revision).await
    }

    /// Looks at the values of a configuration as the state knows them; nobody else is asked. `None` where there is no
    /// program.
    pub fn peek<R>(
        &self,
        configuration: &Configuration,
        state: &State,
        look: impl FnOnce(&Program, &Peek<'_>) -> R,
    ) -> Option<R> {
        let program = configuration.program.as_ref()?;
        let sources = self.base.fresh_sources();
        Some(look(program, &Peek::new(program, &configuration.inputs, state, &sources)))
    }

    /// Looks for objects that nothing knows yet. It only reads.
    ///
    /// # Errors
    /// Why it could not be looked, or what is wrong with the provider block.
    pub async fn survey(
        &self,
        configuration: Option<&Configuration>,
        state: &State,
        survey: &Survey,
        sink: &SharedSink,
    ) -> Result<Surveyed, Vec<Diagnostic>> {
        crate::discover::survey(self, configuration, state, survey, sink).await
    }

    /// Whether this workspace is there: every one but the first begins with `workspace new`.
    pub(crate) fn exists(&self, state: &State) -> Result<(), Box<Diagnostic>> {
        if !state.is_new() || &*self.name == DEFAULT_WORKSPACE {
            return Ok(());
        }
        Err(Box::new(diag::NO_SUCH_WORKSPACE.at(Place::Argument(self.name.to_string())).with("state", self.place())))
    }

    pub(crate) fn remote(
        &self,
        variables: &BTreeMap<Text, Value>,
        secrets: Vec<SecretOverride>,
        deadlines: BTreeMap<(InstanceAddr, Text), u64>,
        sink: &SharedSink,
    ) -> Arc<Remote> {
        let services = self.base.services(variables, sink.clone());
        Arc::new(Remote { registry: self.base.registry.clone(), services: Arc::new(services), secrets, deadlines })
    }

    pub(crate) fn explain(&self, error: StoreError) -> Box<Diagnostic> {
        let holder = match &error {
            StoreError::Locked(holder) => Some(holder.clone()),
            _ => None,
        };
        let told = diag::explain(error, &self.store.place());
        let Some(holder) = holder else { return Box::new(told) };
        let told = match holder.owner.split_once('@') {
            Some((_, host)) => told.with("host", host),
            None => told,
        };
        Box::new(match self.heartbeat_age_s(&holder) {
            Some(age) => told.with("age", format!("{age} s")),
            None => told,
        })
    }
}

/// What a key service has to tell while it waits is of no interest to anybody.
struct NoSink;

impl EventSink for NoSink {
    fn event(&self, _: terrane_core::event::Event) {}
}

impl Configuration {
    /// Whether it cannot be used.
    #[must_use]
    pub fn has_errors(&self) -> bool {
        self.program.is_none() && self.problems.iter().any(Diagnostic::is_error)
    }

    /// A problem together with the texts that its place is in.
    pub(crate) fn refusal(&self, problem: Diagnostic) -> Refusal {
        Refusal { problems: vec![problem], sources: self.sources.clone() }
    }
}

fn sensitive_variables(program: &Program, inputs: &[Input]) -> BTreeMap<Text, Value> {
    let Some(root) = program.modules.first() else { return BTreeMap::new() };
    // Problems of the values are told when the plan evaluates them.
    let mut problems = Vec::new();
    let sensitive = root.variables.iter().filter(|variable| variable.is_sensitive);
    sensitive
        .filter_map(|variable| {
            let input = inputs.iter().find(|input| input.name == variable.name);
            let value = terrane_lang::inputs::variable_value(variable, input, &mut problems)?;
            Some((variable.name.clone(), value.sensitive()))
        })
        .collect()
}
