//! Calls to providers: each has a deadline, a panic becomes a fault, and `-secret` flags are put in.

use crate::secrets::SecretOverride;
use crate::services::{RunServices, refuse_far_endpoint};
use futures_util::FutureExt;
use std::any::Any;
use std::collections::BTreeMap;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;
use terrane_core::{InstanceAddr, Text, Value};
use terrane_plan::planner::recover::{Belief, believe, believe_reading};
use terrane_provider::{
    Access, CallContext, Discovered, Discovery, FactKey, Fault, FaultKind, Handle, Intent, Limits, Listing, ListingKey,
    Progress, Reading, Registry, Resolution, ResourceType, Search, Services, StepCall, Target, Unreadable, Verb,
};
use tracing::Instrument as _;

/// A read of one object may take so many requests.
const REQUESTS_OF_GET: u64 = 8;
/// A listing may take so many.
const REQUESTS_OF_LIST: u64 = 200;
/// A handful of waits at the most: each goes on until the moment at which the answer counts.
const SETTLE_ROUNDS: usize = 4;
const CLOCK_SET_BACK: &str =
    "the clock of this machine runs backwards, so it cannot be told whether the remote side has settled";

/// Providers and what they are given.
pub struct Remote {
    pub registry: Arc<Registry>,
    pub services: Arc<RunServices>,
    pub secrets: Vec<SecretOverride>,
    /// Seconds by instance, step and verb, as the plan says; the provider's table holds for what is not in it.
    pub deadlines: BTreeMap<(InstanceAddr, Text), u64>,
}

/// A context for one call: `context!(self, access, configuration, account)`.
macro_rules! context {
    ($remote:expr, $access:expr, $configuration:expr, $account:expr) => {
        CallContext { access: $access, configuration: $configuration, account: $account, services: &*$remote.services }
    };
}

impl Remote {
    pub fn resource(&self, type_name: &str) -> Result<&Arc<dyn ResourceType>, Fault> {
        self.registry
            .resource(type_name)
            .ok_or_else(|| Fault::bug("find", format!("no provider has the type {type_name}")))
    }

    fn limits(&self, type_name: &str) -> Option<Arc<Limits>> {
        let provider = self.registry.provider(self.registry.provider_of(type_name)?)?;
        Some(provider.limits())
    }

    /// How long a read of so many requests may take, in milliseconds. Requests take real time, so the clock rate
    /// does not count.
    fn read_timeout_ms(&self, type_name: &str, requests: u64) -> u64 {
        self.limits(type_name).map_or(600_000, |limits| self.timeout_ms(&limits)).saturating_mul(requests)
    }

    /// How long one request may take with all its attempts.
    fn timeout_ms(&self, limits: &Limits) -> u64 {
        u64::from(limits.attempts.max(1)) * (limits.request_timeout_ms + self.services.ours(limits.backoff_cap_ms))
    }

    fn step_timeout_ms(&self, call: &StepCall) -> u64 {
        let planned = self.deadlines.get(&(call.addr.clone(), call.step.clone())).copied();
        let seconds = planned.unwrap_or_else(|| self.table_deadline_s(&call.id.type_name, call.verb));
        self.services.ours(seconds.saturating_mul(1_000))
    }

    fn table_deadline_s(&self, type_name: &str, verb: Verb) -> u64 {
        self.limits(type_name).map_or(3_600, |limits| limits.deadline_s(type_name, verb))
    }

    /// Makes a call. A panic is caught in the making of the future too.
    async fn guarded<T, F: Future<Output = T> + Send>(
        &self,
        operation: &str,
        timeout_ms: u64,
        configuration: &Value,
        call: impl FnOnce() -> F + Send,
    ) -> Result<T, Fault> {
        if self.services.clock_rate > 1 {
            refuse_far_endpoint(configuration)?;
        }
        let span = tracing::debug_span!("call", operation);
        let caught = AssertUnwindSafe(async move { call().await }).catch_unwind().instrument(span);
        match tokio::time::timeout(Duration::from_millis(timeout_ms), caught).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(panic)) => Err(Fault::bug(operation, panic_text(&*panic))),
            Err(_) => {
                let message = format!("it was not done within {} s", timeout_ms.div_ceil(1_000));
                Err(Fault::new(FaultKind::Unavailable, operation, message).code("deadline"))
            }
        }
    }

    /// Reads an object. That less of it is there than is recorded is believed only when the settle time is over.
    pub async fn get(&self, target: &Target, configuration: &Value) -> Reading {
        let settle_ms = self.settle_ms(&target.id.type_name);
        for _ in 0..SETTLE_ROUNDS {
            let asked_at_ms = self.services.now_ms();
            let reading = self.get_once(target, configuration).await;
            match believe_reading(&reading, target, settle_ms, asked_at_ms) {
                Belief::Believe => return reading,
                Belief::AskAgain(at_ms) => self.settle(at_ms, settle_ms).await,
            }
        }
        let fault = Fault::new(FaultKind::Unavailable, format!("{}:read", target.id.type_name), CLOCK_SET_BACK);
        Reading::Unreadable(Unreadable::Failed(fault))
    }

    /// Whether what a listing shows of an object can be believed now.
    pub fn is_believed(&self, reading: &Reading, target: &Target) -> bool {
        let settle_ms = self.settle_ms(&target.id.type_name);
        believe_reading(reading, target, settle_ms, self.services.now_ms()) == Belief::Believe
    }

    fn settle_ms(&self, type_name: &str) -> u64 {
        self.limits(type_name).map_or(0, |limits| self.services.ours(limits.settle_ms))
    }

    /// Waits until an answer counts. A clock that was set back must not make the wait longer than the settle time.
    async fn settle(&self, at_ms: u64, settle_ms: u64) {
        self.services.clock.sleep(at_ms.saturating_sub(self.services.now_ms()).min(settle_ms)).await;
    }

    async fn get_once(&self, target: &Target, configuration: &Value) -> Reading {
        let type_name = &target.id.type_name;
        let reader = match self.resource(type_name) {
            Ok(kind) => kind.reader(),
            Err(fault) => return Reading::Unreadable(Unreadable::Failed(fault)),
        };
        let cx = context!(self, &target.access, configuration, &target.id.scope.account);
        let timeout_ms = self.read_timeout_ms(type_name, REQUESTS_OF_GET);
        let read =
            self.guarded(&format!("{type_name}:read"), timeout_ms, configuration, || reader.get(target, &cx)).await;
        read.unwrap_or_else(|fault| Reading::Unreadable(Unreadable::Failed(fault)))
    }

    pub async fn list(
        &self,
        type_name: &str,
        key: &ListingKey,
        account: &str,
        configuration: &Value,
    ) -> Result<Listing, Fault> {
        let reader = self.resource(type_name)?.reader();
        let cx = context!(self, &key.access, configuration, account);
        let timeout_ms = self.read_timeout_ms(type_name, REQUESTS_OF_LIST);
        self.guarded(&format!("{type_name}:list {}", key.what), timeout_ms, configuration, || reader.list(key, &cx))
            .await?
    }

    /// What a listing says of one object. Pure, but a provider's code all the same.
    pub fn extract(&self, listing: &Listing, target: &Target) -> Reading {
        let extracted = self.resource(&target.id.type_name).and_then(|kind| {
            std::panic::catch_unwind(AssertUnwindSafe(|| kind.extract(listing, target)))
                .map_err(|panic| Fault::bug(format!("{}:extract", target.id.type_name), panic_text(&*panic)))
        });
        extracted.unwrap_or_else(|fault| Reading::Unreadable(Unreadable::Failed(fault)))
    }

    pub async fn fact(&self, key: &FactKey, configuration: &Value) -> Result<Value, Fault> {
        let reader = self.resource(&key.type_name)?.reader();
        let cx = context!(self, &key.access, configuration, "");
        let timeout_ms = self.read_timeout_ms(&key.type_name, REQUESTS_OF_LIST);
        let operation = format!("{}:{}", key.type_name, key.name);
        self.guarded(&operation, timeout_ms, configuration, || reader.fact(key, &cx)).await?
    }

    pub async fn data(
        &self,
        type_name: &str,
        access: &Access,
        written: &Value,
        configuration: &Value,
    ) -> Result<Value, Fault> {
        let missing = || Fault::bug("find", format!("no provider has the data source {type_name}"));
        let source = self.registry.data(type_name).ok_or_else(missing)?;
        let cx = context!(self, access, configuration, "");
        let timeout_ms = self.read_timeout_ms(type_name, REQUESTS_OF_LIST);
        self.guarded(&format!("data.{type_name}:read"), timeout_ms, configuration, || source.read(written, &cx)).await?
    }

    /// Names of the roots that a search is about.
    pub async fn roots(&self, search: &Search, access: &Access, configuration: &Value) -> Result<Vec<Text>, Fault> {
        let (discovery, timeout_ms) = self.discovery(&access.provider.name)?;
        let cx = context!(self, access, configuration, "");
        let operation = format!("{}:roots", access.provider.name);
        self.guarded(&operation, timeout_ms, configuration, || discovery.roots(search, &cx)).await?
    }

    /// Looks at one root and everything in it.
    pub async fn look(&self, root: &Text, access: &Access, configuration: &Value) -> Result<Discovered, Fault> {
        let (discovery, timeout_ms) = self.discovery(&access.provider.name)?;
        let cx = context!(self, access, configuration, "");
        let operation = format!("{}:look {root}", access.provider.name);
        self.guarded(&operation, timeout_ms, configuration, || discovery.look(root, &cx)).await?
    }

    fn discovery(&self, provider: &str) -> Result<(Arc<dyn Discovery>, u64), Fault> {
        let found = self.registry.provider(provider);
        let discovery = found.and_then(|found| Some((found.discovery()?, self.timeout_ms(&found.limits()))));
        let missing = || Fault::bug("find", format!("the provider {provider} finds nothing"));
        let (discovery, one_ms) = discovery.ok_or_else(missing)?;
        Ok((discovery, one_ms.saturating_mul(REQUESTS_OF_LIST)))
    }

    /// What became of an intent. That it did nothing is believed only when the settle time is over.
    pub async fn resolve(&self, intent: &Intent, configuration: &Value) -> Resolution {
        let type_name = &intent.object.type_name;
        let reader = match self.resource(type_name) {
            Ok(kind) => kind.reader(),
            Err(fault) => return Resolution::Failed(fault),
        };
        let intent = self.with_secrets_in_intent(intent);
        let cx = context!(self, &intent.access, configuration, &intent.object.scope.account);
        let settle_ms = self.settle_ms(type_name);
        let timeout_ms = self.read_timeout_ms(type_name, REQUESTS_OF_GET);
        let operation = format!("{type_name}:resolve {}", intent.step.name);
        // The call can have been made up to the moment of the stop, long after its intent was written: the settle time
        // counts from the first question.
        let first_ms = self.services.now_ms().max(intent.at_ms);
        for _ in 0..SETTLE_ROUNDS {
            let asked_at_ms = self.services.now_ms();
            let answer = self.guarded(&operation, timeout_ms, configuration, || reader.resolve(&intent, &cx)).await;
            let answer = answer.unwrap_or_else(Resolution::Failed);
            match believe(&answer, first_ms, settle_ms, asked_at_ms) {
                Belief::Believe => return answer,
                Belief::AskAgain(at_ms) => self.settle(at_ms, settle_ms).await,
            }
        }
        Resolution::Unclear(CLOCK_SET_BACK.into())
    }

    pub async fn start(&self, call: &StepCall, configuration: &Value) -> Result<Progress, Fault> {
        let actor = self.resource(&call.id.type_name)?.actor();
        let call = self.with_secrets(call);
        let cx = context!(self, &call.access, configuration, &call.id.scope.account);
        self.guarded(&operation(&call), self.step_timeout_ms(&call), configuration, || actor.start(&call, &cx)).await?
    }

    pub async fn poll(&self, handle: &Handle, call: &StepCall, configuration: &Value) -> Result<Progress, Fault> {
        let actor = self.resource(&call.id.type_name)?.actor();
        let call = self.with_secrets(call);
        let cx = context!(self, &call.access, configuration, &call.id.scope.account);
        self.guarded(&operation(&call), self.step_timeout_ms(&call), configuration, || actor.poll(handle, &call, &cx))
            .await?
    }

    fn with_secrets(&self, call: &StepCall) -> StepCall {
        let mut call = call.clone();
        for flag in self.secrets.iter().filter(|flag| flag.addr == call.addr) {
            call.prior = flag.put_in(&call.prior);
            call.planned = flag.put_in(&call.planned);
            call.access.credentials = credentials(flag, &call.access.credentials);
        }
        call
    }

    fn with_secrets_in_intent(&self, intent: &Intent) -> Intent {
        let mut intent = intent.clone();
        for flag in self.secrets.iter().filter(|flag| flag.addr == intent.addr) {
            intent.prior = flag.put_in(&intent.prior);
            intent.planned = flag.put_in(&intent.planned);
            intent.access.credentials = credentials(flag, &intent.access.credentials);
        }
        intent
    }

    /// The target with `-secret` flags of its instance put in.
    pub fn with_secrets_in_target(&self, addr: &InstanceAddr, mut target: Target) -> Target {
        for flag in self.secrets.iter().filter(|flag| flag.addr == *addr) {
            target.sent = flag.put_in(&target.sent);
            target.access.credentials = credentials(flag, &target.access.credentials);
        }
        target
    }
}

/// The `credentials` argument is kept apart from the object; a flag reaches it by its path all the same.
fn credentials(flag: &SecretOverride, credentials: &Value) -> Value {
    let whole = Value::object(vec![("credentials".into(), credentials.clone())]);
    flag.put_in(&whole).get("credentials").cloned().unwrap_or(Value::NULL)
}

fn operation(call: &StepCall) -> String {
    format!("{}:{}", call.id.type_name, call.step)
}

fn panic_text(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    format!("the provider stopped in mid-call: {}", text.unwrap_or("without a message"))
}
