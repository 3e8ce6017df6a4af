//! A folder with a configuration, and what can be done with it: load, plan, and, under the lock, apply.
//!
//! This is what the command line talks to. Everything returns values; events go to a sink.

use crate::clock::{Clock, SystemClock};
use crate::diag;
use crate::discover::{Survey, Surveyed};
use crate::environment::Environment;
use crate::events::SharedSink;
use crate::remote::Remote;
use crate::secrets::digest::UserKey;
use crate::secrets::{SecretOverride, Secrets};
use crate::services::{Budgets, RunServices, clock_rate};
use crate::session::Session;
use crate::sources::FolderSources;
use crate::store::local::LocalStore;
use crate::store::{LoadedState, LockHolder, StateStore};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use terrane_core::{Diagnostic, InstanceAddr, SourceMap, Text, Value};
use terrane_lang::Program;
use terrane_lang::inputs::Flag;
use terrane_lang::program::Input;
use terrane_plan::planner::{Options, Outcome};
use terrane_plan::schemas::RegistrySchemas;
use terrane_plan::state::State;
use terrane_provider::Registry;
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

/// A folder, the providers that are linked, and the machine.
pub struct Workspace {
    pub(crate) folder: PathBuf,
    pub(crate) registry: Arc<Registry>,
    pub(crate) environment: Arc<Environment>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) clock_rate: u32,
    pub(crate) store: Arc<dyn StateStore>,
    pub(crate) budgets: Arc<Budgets>,
    pub(crate) key: Arc<UserKey>,
}

impl Workspace {
    /// The workspace in `folder`, with its state in the folder `terrane.state` beside the configuration.
    /// Nothing is read or made yet.
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
            store,
        })
    }

    /// The providers that are linked.
    #[must_use]
    pub fn registry(&self) -> &Arc<Registry> {
        &self.registry
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
        };
        if let Some(program) = &configuration.program {
            let given = terrane_lang::inputs::inputs(program, ".", &sources, flags, &mut configuration.sources);
            configuration.variables = sensitive_variables(program, &given.inputs);
            configuration.inputs = given.inputs;
            configuration.problems.extend(given.problems);
        }
        configuration
    }

    /// The state as it is now. The second part warns of a damaged journal.
    ///
    /// # Errors
    /// `state-newer`, `state-damaged`, `state-unreadable`.
    pub async fn state(&self) -> Result<(State, Vec<Diagnostic>), Box<Diagnostic>> {
        let LoadedState { state, cut } = self.store.load(None).await.map_err(|error| self.explain(error))?;
        // Somebody who holds the lock is appending: the end that cannot be read is an entry on its way.
        let is_growing = cut.is_some() && matches!(self.store.holder().await, Ok(Some(_)));
        let cut = cut.filter(|_| !is_growing).map(|cut| diag::journal_damaged(&cut));
        Ok((state, cut.into_iter().collect()))
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

    pub(crate) fn fresh_sources(&self) -> FolderSources {
        FolderSources::new(&self.folder, self.environment.clone(), self.clock.now_ms())
    }

    pub(crate) fn remote(
        &self,
        variables: &BTreeMap<Text, Value>,
        secrets: Vec<SecretOverride>,
        deadlines: BTreeMap<(InstanceAddr, Text), u64>,
        sink: &SharedSink,
    ) -> Arc<Remote> {
        let known = Secrets::new(&self.folder, self.environment.clone(), variables.clone(), self.key.clone());
        let services = RunServices {
            clock: self.clock.clone(),
            clock_rate: self.clock_rate,
            budgets: self.budgets.clone(),
            secrets: Arc::new(known),
            sink: sink.clone(),
        };
        Arc::new(Remote { registry: self.registry.clone(), services: Arc::new(services), secrets, deadlines })
    }

    pub(crate) fn explain(&self, error: crate::store::StoreError) -> Box<Diagnostic> {
        Box::new(diag::explain(error, &self.store.place()))
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
