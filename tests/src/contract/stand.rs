//! One resource type under test: its configuration, an emulated remote side, a state in memory.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a broken harness ends the suite; figures are printed")]

use super::store::{Stop, StoppingStore};
use crate::around::Wrapped;
use crate::place::Place;
use crate::seen;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Command;
use std::sync::{Arc, Mutex, PoisonError};
use terrane_core::event::Event;
use terrane_core::{Diagnostic, InstanceAddr};
use terrane_plan::plan::{Change, Plan};
use terrane_plan::planner::{Options, Outcome};
use terrane_plan::schedule::End;
use terrane_plan::state::{Recorded, State};
use terrane_provider::Registry;
use terrane_provider::contract::{Contract, SECRETS};
use terrane_runtime::environment::Environment;
use terrane_runtime::events::SharedSink;
use terrane_runtime::session::ApplyRequest;
use terrane_runtime::workspace::{PlanRequest, Workspace};
use terrane_sandbox::{Drift, SandboxConfig};
use tokio::sync::mpsc;

/// Emulated seconds in one second.
const CLOCK_RATE: u32 = 1_000;
/// What the secrets of the cases are; no artefact may hold either.
const SECRET_VALUES: [&str; 2] = ["first-secret-of-the-contract", "second-secret-of-the-contract"];

/// The providers under test.
#[must_use]
pub fn registry() -> Arc<Registry> {
    Arc::new(Registry::new(vec![terrane_builtin::provider(), terrane_eks::provider()]))
}

/// Environment variable that names the file of the profiles. The SDK reads it from the process alone.
const PROFILES: &str = "AWS_CONFIG_FILE";
/// Keys of the profiles of this process, each at its own sandbox, by name.
static KEYS: Mutex<BTreeMap<String, String>> = Mutex::new(BTreeMap::new());

/// Runs a test of this program again in a process that has a file of profiles of its own; true in that process.
///
/// # Panics
/// When it fails there.
#[must_use]
pub fn is_inside(test: &str) -> bool {
    const MARK: &str = "TERRANE_CONTRACT_INSIDE";
    if std::env::var_os(MARK).is_some() {
        return true;
    }
    let folder = tempfile::tempdir().unwrap();
    let mut child = Command::new(std::env::current_exe().unwrap());
    child.args([test, "--exact", "--nocapture"]);
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("AWS_")) {
        child.env_remove(name);
    }
    child.env(MARK, "1").env(PROFILES, folder.path().join("config"));
    child.env("AWS_SHARED_CREDENTIALS_FILE", folder.path().join("none")).env("AWS_EC2_METADATA_DISABLED", "true");
    let output = child.output().unwrap();
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{out}\n{err}");
    // Only the figures: the rest would be taken for results of this process.
    for line in out.lines().filter(|line| line.contains(" cases, ")) {
        println!("{line}");
    }
    false
}

/// A resource type under test.
pub struct Stand {
    /// Its cases.
    pub contract: &'static Contract,
    /// Folder and remote side.
    pub place: Place,
    /// The state.
    pub store: Arc<StoppingStore>,
    profile: String,
    artefacts: Arc<Mutex<String>>,
}

impl Stand {
    /// An empty world with the configuration of the cases.
    pub async fn start(contract: &'static Contract) -> Self {
        let place = Place::start(SandboxConfig { clock_rate: CLOCK_RATE, ..SandboxConfig::default() }).await;
        let port = place.sandbox.endpoint().rsplit(':').next().unwrap_or_default();
        let profile = format!("stand-{port}");
        let stand = Self { contract, place, store: Arc::default(), profile, artefacts: Arc::default() };
        stand.use_account(0);
        if contract.object.is_some() {
            stand.place.write("provider.hcl", &format!("provider \"eks\" {{\n  profile = \"{}\"\n}}\n", stand.profile));
        }
        stand.write(contract.configuration);
        stand
    }

    /// Exchanges the configuration.
    pub fn write(&self, text: &str) {
        self.place.write("main.hcl", text);
    }

    /// From now on, works with the keys of another account (by position).
    pub fn use_account(&self, account: usize) {
        let environment = self.place.sandbox.environment(account, "eu-west-1");
        let of = |name: &str| environment.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value);
        let (key, secret) = (of("AWS_ACCESS_KEY_ID"), of("AWS_SECRET_ACCESS_KEY"));
        let endpoint = self.place.sandbox.endpoint();
        let text = format!(
            "[profile {}]\naws_access_key_id = {key}\naws_secret_access_key = {secret}\nregion = eu-west-1\nendpoint_url = {endpoint}\n",
            self.profile
        );
        let mut keys = KEYS.lock().unwrap_or_else(PoisonError::into_inner);
        keys.insert(self.profile.clone(), text);
        let path = PathBuf::from(std::env::var_os(PROFILES).unwrap());
        // Others read it while it is written, so it is exchanged as a whole.
        let fresh = path.with_extension("new");
        std::fs::write(&fresh, keys.values().map(String::as_str).collect::<Vec<_>>().join("\n")).unwrap();
        std::fs::rename(fresh, path).unwrap();
    }

    /// The address of the instance that the cases are about.
    #[must_use]
    pub fn address(&self) -> InstanceAddr {
        self.contract.address.parse().unwrap()
    }

    fn workspace(&self) -> Workspace {
        let mut variables = self.place.environment.clone();
        variables.extend(SECRETS.iter().zip(SECRET_VALUES).map(|(name, value)| ((*name).into(), value.into())));
        // The key of digests, so that nothing is written to anybody's home.
        variables.push(("TERRANE_DIGEST_KEY".into(), "key-of-the-contract-suite-32-bytes".into()));
        let environment = Environment::new("contract@here", variables);
        let store = Arc::new(Wrapped(self.store.clone()));
        Workspace::with_store(self.place.path(), registry(), environment, store).unwrap()
    }

    fn sink(&self) -> SharedSink {
        let artefacts = self.artefacts.clone();
        Arc::new(move |event: Event| {
            artefacts.lock().unwrap_or_else(PoisonError::into_inner).push_str(&format!("{event:?}\n"));
        })
    }

    /// Plans.
    pub async fn plan(&self, options: Options) -> Outcome {
        let workspace = self.workspace();
        let (state, _) = workspace.state().await.unwrap();
        let configuration = workspace.load(&[]);
        let request = PlanRequest { options, ..PlanRequest::default() };
        let outcome = workspace.plan(&configuration, &state, request, &self.sink()).await;
        if let Some(plan) = &outcome.plan {
            let mut text = Vec::new();
            plan.write_to(&mut text).unwrap();
            let text = String::from_utf8_lossy(&text);
            self.artefacts.lock().unwrap_or_else(PoisonError::into_inner).push_str(&text);
        }
        outcome
    }

    /// Applies a plan; `Err` where it is refused.
    ///
    /// # Errors
    /// The refusal.
    pub async fn apply(&self, plan: Plan) -> Result<Option<(End, Vec<Diagnostic>)>, Box<Diagnostic>> {
        let workspace = self.workspace();
        let configuration = workspace.load(&[]);
        let mut session = workspace.lock("apply", 0).await?;
        let request = ApplyRequest::of(&configuration);
        let (sink, silence) = (self.sink(), mpsc::channel(1).1);
        let applied = tokio::select! {
            applied = session.apply(Arc::new(plan), request, &sink, silence) => applied,
            () = self.store.stopped() => return Ok(None),
        };
        session.close().await?;
        applied.map(|applied| Some((applied.end, applied.problems)))
    }

    /// Plans and applies, up to `stop`; what is wrong with that, or whether it came to its end.
    ///
    /// # Errors
    /// What went wrong.
    pub async fn converge(&self, options: Options, stop: Option<Stop>) -> Result<bool, String> {
        self.store.begin(stop);
        let outcome = self.plan(options).await;
        let Some(plan) = outcome.plan else { return Err(format!("no plan: {}", shown(&outcome.problems))) };
        match self.apply(plan).await {
            Ok(None) => Ok(false),
            Ok(Some((End::Complete, _))) => Ok(true),
            Ok(Some((end, problems))) => Err(format!("ended as {end:?}: {}", shown(&problems))),
            Err(refusal) => Err(format!("refused: {}", shown(&[*refusal]))),
        }
    }

    /// Plans and says why that plan is not empty.
    ///
    /// # Errors
    /// What it would do.
    pub async fn expect_empty(&self) -> Result<(), String> {
        let outcome = self.plan(Options::default()).await;
        match outcome.plan {
            None => Err(format!("no next plan: {}", shown(&outcome.problems))),
            Some(plan) if !plan.is_empty() => Err(format!("the next plan is not empty: {}", changes(&plan))),
            Some(plan) if !plan.drift.is_empty() => Err(format!("the next plan sees drift: {:?}", plan.drift)),
            Some(_) => Ok(()),
        }
    }

    /// The state.
    pub async fn state(&self) -> State {
        self.workspace().state().await.unwrap().0
    }

    /// The record of the instance.
    pub async fn record(&self) -> Option<Recorded> {
        self.state().await.record(&self.address()).map(|record| (**record).clone())
    }

    /// The change of the instance.
    #[must_use]
    pub fn change<'p>(&self, plan: &'p Plan) -> Option<&'p Change> {
        let address = self.address();
        plan.changes.iter().map(|change| &**change).find(|change| change.addr == address)
    }

    /// The emulated objects that the cases made.
    #[must_use]
    pub fn objects(&self) -> Vec<String> {
        seen::made(&self.place.sandbox)
    }

    /// Sets a leaf of the emulated object.
    ///
    /// # Errors
    /// There is none.
    pub fn set_outside(&self, pointer: &str, value: &str) -> Result<(), String> {
        let object = self.contract.object.ok_or("the type has no remote side")?;
        let value = serde_json::from_str(value).map_err(|error| error.to_string())?;
        let drift = Drift::Set {
            object_type: object.kind.into(),
            account: object.account.into(),
            region: object.region.into(),
            name: object.name.into(),
            pointer: pointer.into(),
            value,
        };
        self.place.sandbox.drift(drift).map_err(|error| error.to_string())
    }

    /// Takes the emulated object away.
    ///
    /// # Errors
    /// There is none.
    pub fn delete_outside(&self) -> Result<(), String> {
        let object = self.contract.object.ok_or("the type has no remote side")?;
        let drift = Drift::Delete {
            object_type: object.kind.into(),
            account: object.account.into(),
            region: object.region.into(),
            name: object.name.into(),
        };
        self.place.sandbox.drift(drift).map_err(|error| error.to_string())
    }

    /// The value at a pointer of the emulated object.
    #[must_use]
    pub fn outside(&self, pointer: &str) -> Option<serde_json::Value> {
        let object = self.contract.object?;
        self.place.sandbox.object(object.kind, object.name)?.pointer(pointer).cloned()
    }

    /// Secrets that are found in plans, entries or events.
    #[must_use]
    pub fn leaked(&self) -> Vec<&'static str> {
        let artefacts = self.artefacts.lock().unwrap_or_else(PoisonError::into_inner);
        let written = self.store.written();
        SECRET_VALUES.into_iter().filter(|secret| artefacts.contains(secret) || written.contains(secret)).collect()
    }
}

/// Problems in one line each.
#[must_use]
pub fn shown(problems: &[Diagnostic]) -> String {
    problems.iter().map(|problem| format!("[{}] {}; ", problem.kind.id, problem.message())).collect()
}

/// What a plan does, in short.
#[must_use]
pub fn changes(plan: &Plan) -> String {
    let outputs = plan.outputs.iter().filter(|output| output.action.is_change()).map(|output| output.name.to_string());
    let changes = plan.changes.iter().filter(|change| change.is_change());
    let changes = changes.map(|change| format!("{} {} {:?}", change.action, change.addr, change.leaves));
    changes
        .chain(outputs)
        .chain(plan.recovered.iter().map(|found| found.finding.to_string()))
        .collect::<Vec<_>>()
        .join("; ")
}
