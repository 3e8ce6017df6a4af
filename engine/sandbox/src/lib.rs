//! Emulated remote sides on loopback.
//!
//! A [`Sandbox`] answers, over real HTTP on one port of 127.0.0.1, the parts of EKS, EC2, IAM and STS that a fleet of
//! clusters needs: with verified signatures, long-running operations on a clock that can run fast, quotas,
//! throttling, eventual consistency, a log of every request, injected faults and drift, and the power to kill its
//! client around a chosen request. It knows no provider and shares no code with one. It prints nothing and keeps
//! nothing on disk.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

mod aws;
mod clock;
mod config;
mod control;
mod error;
mod fault;
mod json;
mod kill;
mod log;
mod objects;
mod server;
mod throttle;
mod world;

pub use crate::config::{AccountSeed, ConsistencyLag, Durations, KubernetesEndpoint, Quotas, SandboxConfig, Throttle};
pub use crate::control::Denial;
pub use crate::error::SandboxError;
pub use crate::fault::{FaultEffect, FaultRule, RequestMatch};
pub use crate::kill::{KillMoment, KillPoint, Victim};
pub use crate::log::LogEntry;
pub use crate::objects::{Dialect, ObjectFault, ObjectSeed, ObjectServer};
pub use crate::world::{Drift, ObjectView};

use crate::clock::Clock;
use crate::fault::Faults;
use crate::kill::KillPoints;
use crate::log::RequestLog;
use crate::throttle::Buckets;
use crate::world::World;

/// Everything that changes while a sandbox runs.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) world: World,
    pub(crate) clock: Clock,
    pub(crate) log: RequestLog,
    pub(crate) faults: Faults,
    pub(crate) kills: KillPoints,
    pub(crate) buckets: Buckets,
    pub(crate) denials: Vec<Denial>,
}

impl State {
    fn new(config: SandboxConfig) -> Self {
        let clock = Clock::new(config.start_epoch_seconds, config.clock_rate);
        let world = World::new(config, clock.now());
        Self::of(world, clock)
    }

    /// A world that nobody has asked anything yet.
    fn of(world: World, clock: Clock) -> Self {
        let buckets = Buckets::new(world.config.throttle);
        Self {
            world,
            clock,
            log: RequestLog::default(),
            faults: Faults::default(),
            kills: KillPoints::default(),
            buckets,
            denials: Vec::new(),
        }
    }

    /// Back to the moment of the start: no objects but the seeded ones, no rules, an empty log.
    pub(crate) fn reset(&mut self) {
        *self = Self::new(self.world.config.clone());
    }
}

/// The one lock over all state.
#[derive(Debug)]
pub(crate) struct Shared {
    state: Mutex<State>,
}

impl Shared {
    /// Runs something under the lock; a panic of another holder leaves the state usable.
    pub(crate) fn with<T>(&self, run: impl FnOnce(&mut State) -> T) -> T {
        run(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// A running sandbox; it stops when dropped.
#[derive(Debug)]
pub struct Sandbox {
    shared: Arc<Shared>,
    endpoint: String,
    stop: watch::Sender<bool>,
    accepting: Option<JoinHandle<()>>,
}

impl Sandbox {
    /// Starts on the current tokio runtime.
    /// # Errors
    /// `Config` when the configuration contradicts itself, `Listen` when no loopback port can be opened.
    pub async fn start(config: SandboxConfig) -> Result<Self, SandboxError> {
        config.check()?;
        let port = config.port;
        Self::listen(State::new(config), port).await
    }

    /// A second sandbox that holds the same objects at the same moment, on a free port; from here on neither knows of
    /// the other. Its log is empty, and it has no faults, kill points, denials or limits but those of the start.
    /// # Errors
    /// `Listen` when no loopback port can be opened.
    pub async fn fork(&self) -> Result<Self, SandboxError> {
        let state = self.shared.with(|state| State::of(state.world.clone(), state.clock.clone()));
        Self::listen(state, 0).await
    }

    async fn listen(state: State, port: u16) -> Result<Self, SandboxError> {
        let listener = TcpListener::bind(("127.0.0.1", port)).await;
        let listener = listener.map_err(|source| SandboxError::Listen { source })?;
        let address = listener.local_addr().map_err(|source| SandboxError::Listen { source })?;
        let shared = Arc::new(Shared { state: Mutex::new(state) });
        let (stop, stopped) = watch::channel(false);
        let accepting = tokio::spawn(server::serve(listener, Arc::clone(&shared), stopped));
        Ok(Self { shared, endpoint: format!("http://{address}"), stop, accepting: Some(accepting) })
    }

    /// URL of all services, without a final slash.
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// Environment of a client of an account (by position, from 0; the first one when there is none) and region.
    pub fn environment(&self, account_index: usize, region: &str) -> Vec<(String, String)> {
        let (rate, seed) = self.shared.with(|state| {
            let accounts = &state.world.config.accounts;
            (state.world.config.clock_rate.max(1), accounts.get(account_index).or(accounts.first()).cloned())
        });
        let mut pairs: Vec<(&str, String)> = vec![
            ("AWS_REGION", region.to_owned()),
            ("AWS_ENDPOINT_URL", self.endpoint.clone()),
            ("AWS_EC2_METADATA_DISABLED", "true".to_owned()),
            ("TERRANE_CLOCK_RATE", rate.to_string()),
            ("TERRANE_SANDBOX", self.endpoint.clone()),
        ];
        if let Some(seed) = seed {
            pairs.push(("AWS_ACCESS_KEY_ID", seed.access_key_id));
            pairs.push(("AWS_SECRET_ACCESS_KEY", seed.secret_access_key));
        }
        pairs.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
    }

    /// Text that serves as shared configuration and as shared credentials file: profiles `account-a`, `account-b`, ..
    /// with keys, region and endpoint, and `account-a-deployer`, .. that assume the deployer role of each account.
    ///
    /// In a configuration file a profile's heading needs the word `profile`, in a credentials file it must not have it;
    /// the text has both headings, and each reader takes its own.
    pub fn aws_profiles_text(&self) -> String {
        let (accounts, region) = self.shared.with(|state| {
            let config = &state.world.config;
            (config.accounts.clone(), config.regions.first().cloned())
        });
        let region = region.unwrap_or_else(|| "us-east-1".to_owned());
        let mut text = String::new();
        for (letter, account) in ('a'..='z').zip(&accounts) {
            for heading in [format!("account-{letter}"), format!("profile account-{letter}")] {
                text.push_str(&format!(
                    "[{heading}]\naws_access_key_id = {}\naws_secret_access_key = {}\nregion = {region}\n\
                     endpoint_url = {}\n\n",
                    account.access_key_id, account.secret_access_key, self.endpoint
                ));
            }
            text.push_str(&format!(
                "[profile account-{letter}-deployer]\nrole_arn = arn:aws:iam::{}:role/terrane-deployer\n\
                 source_profile = account-{letter}\nregion = {region}\nendpoint_url = {}\n\n",
                account.id, self.endpoint
            ));
        }
        text
    }

    /// Every request so far, oldest first.
    pub fn log(&self) -> Vec<LogEntry> {
        self.shared.with(|state| state.log.since(0))
    }

    /// Changing requests so far: the number that kill points count.
    pub fn mutating_requests(&self) -> u64 {
        self.shared.with(|state| state.kills.count())
    }

    /// Every live object.
    pub fn objects(&self) -> Vec<ObjectView> {
        self.shared.with(|state| {
            state.world.settle(state.clock.now());
            state.world.objects()
        })
    }

    /// Adds a fault.
    /// # Errors
    /// `Instruction` when there are a thousand rules already.
    pub fn inject(&self, rule: FaultRule) -> Result<(), SandboxError> {
        let is_added = self.shared.with(|state| state.faults.add(rule));
        let full = || SandboxError::Instruction { problem: "there are too many fault rules".to_owned() };
        is_added.then_some(()).ok_or_else(full)
    }

    /// Forgets all faults.
    pub fn clear_faults(&self) {
        self.shared.with(|state| state.faults.clear());
    }

    /// Changes an object behind the client's back.
    /// # Errors
    /// `NotFound` when there is no such object, or nothing at the pointer to change.
    pub fn drift(&self, drift: Drift) -> Result<(), SandboxError> {
        let what = format!("object or pointer for {drift:?}");
        let is_done = self.shared.with(|state| {
            state.world.settle(state.clock.now());
            state.world.drift(drift)
        });
        is_done.then_some(()).ok_or(SandboxError::NotFound { what })
    }

    /// Arms a kill point; it counts from now.
    /// # Errors
    /// `Instruction` when the victim is the sandbox itself, init or a process group.
    pub fn arm_kill(&self, point: KillPoint) -> Result<(), SandboxError> {
        if !point.victim.is_allowed() {
            let problem = format!("{:?} is no allowed victim", point.victim);
            return Err(SandboxError::Instruction { problem });
        }
        self.shared.with(|state| state.kills.arm(point));
        Ok(())
    }

    /// Forgets all kill points.
    pub fn clear_kills(&self) {
        self.shared.with(|state| state.kills.clear());
    }

    /// Refuses actions from now on.
    pub fn deny(&self, denial: Denial) {
        self.shared.with(|state| state.denials.push(denial));
    }

    /// Allows everything again.
    pub fn clear_denials(&self) {
        self.shared.with(|state| state.denials.clear());
    }

    /// Limits one service (`eks`, `ec2`, `iam`, `kms`, `sts`) or all; `None` takes the limit away.
    pub fn throttle(&self, service: Option<&str>, limit: Option<Throttle>) {
        self.shared.with(|state| state.buckets.limit(service, limit));
    }

    /// Moves the emulated clock forward.
    pub fn advance_clock(&self, by: Duration) {
        self.shared.with(|state| state.clock.advance(by));
    }

    /// Ends all session credentials that STS has given out.
    pub fn expire_sessions(&self) {
        self.shared.with(|state| state.world.expire_sessions());
    }

    /// Back to the moment of the start.
    pub fn reset(&self) {
        self.shared.with(State::reset);
    }

    /// The document of one object, as [`Sandbox::objects`] shows it.
    pub fn object(&self, object_type: &str, name: &str) -> Option<Value> {
        let mut objects = self.objects().into_iter();
        let found = objects.find(|object| object.object_type == object_type && object.name == name);
        found.map(|object| object.value)
    }

    /// Closes the port and all connections.
    pub async fn stop(mut self) {
        self.stop.send_replace(true);
        if let Some(accepting) = self.accepting.take() {
            // The task only ends early when the runtime does.
            let _ended = accepting.await;
        }
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        self.stop.send_replace(true);
    }
}

#[cfg(test)]
mod tests;
