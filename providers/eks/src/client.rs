//! Clients of AWS services: made once for each configuration, credentials and region, and kept.
//!
//! The SDKs' own retries are off: every request goes through the one retry layer of the contract, with a permit of
//! its budget. Credentials, regions and endpoints that are not written come from the usual AWS environment through
//! `aws-config`. Which account the credentials belong to is asked once for each client.

use crate::config::{Configuration, Credentials, Endpoints, credentials_of};
use crate::tags::TagRules;
use crate::web_identity::WebIdentity;
use crate::{error, limits};
use aws_config::provider_config::ProviderConfig;
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::context::BeforeDeserializationInterceptorContextMut;
use aws_smithy_runtime_api::client::interceptors::{Intercept, dyn_dispatch_hint};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::config_bag::ConfigBag;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use aws_types::origin::Origin;
use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use terrane_core::{Path, Text, Value};
use terrane_provider::{BudgetKey, CallContext, Fault, FaultKind, Limits};
use tokio::sync::OnceCell;

/// Clients that share configuration, credentials and region.
pub struct Clients {
    /// EKS.
    pub eks: aws_sdk_eks::Client,
    /// EC2.
    pub ec2: aws_sdk_ec2::Client,
    /// IAM.
    pub iam: aws_sdk_iam::Client,
    sts: aws_sdk_sts::Client,
    /// The region.
    pub region: String,
    /// Default and ignored tags.
    pub tags: TagRules,
    endpoints: Endpoints,
    standard_endpoint: Option<String>,
    allowed_accounts: BTreeSet<String>,
    limits: Limits,
    account: OnceCell<String>,
}

/// What clients are kept by: provider block, credentials, region.
type Key = (Value, Value, Text);

/// All clients of a run.
#[derive(Default)]
pub struct Connections {
    clients: Mutex<BTreeMap<Key, Arc<OnceCell<Arc<Clients>>>>>,
}

/// Clients for one call.
pub struct Session<'a> {
    /// The clients.
    pub clients: Arc<Clients>,
    cx: &'a CallContext<'a>,
}

impl Connections {
    /// Clients for this call, whatever account they belong to.
    ///
    /// # Errors
    /// `Invalid` for a configuration that makes no sense or without a region.
    pub async fn open<'a>(&self, cx: &'a CallContext<'a>) -> Result<Session<'a>, Fault> {
        let key = (cx.configuration.clone(), cx.access.credentials.clone(), cx.access.region.clone());
        let cell = {
            let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(clients.entry(key).or_default())
        };
        let clients = cell.get_or_try_init(|| make(cx)).await?;
        Ok(Session { clients: Arc::clone(clients), cx })
    }

    /// Clients for an object of `account`.
    ///
    /// # Errors
    /// `WrongScope` when the credentials belong to another account or to one that may not be touched.
    pub async fn open_for<'a>(&self, account: &str, cx: &'a CallContext<'a>) -> Result<Session<'a>, Fault> {
        let session = self.open(cx).await?;
        session.expect_account(account).await?;
        Ok(session)
    }
}

impl Session<'_> {
    /// Sends a request until it is answered. `send` builds one attempt; `operation` is `api:Operation`.
    ///
    /// # Errors
    /// Why it failed, classified.
    pub async fn send<T, E, F>(&self, operation: &'static str, mut send: impl FnMut() -> F) -> Result<T, Fault>
    where
        F: Future<Output = Result<T, SdkError<E, HttpResponse>>> + Send,
        E: ProvideErrorMetadata + Error + Send + Sync + 'static,
        T: Send,
    {
        let api = operation.split(':').next().unwrap_or_default();
        let endpoint = self.clients.endpoint(api);
        let endpoint = endpoint.as_str();
        let budget = self.budget(api);
        let attempt = || {
            let answer = send();
            async move { answer.await.map_err(|error| error::explain(operation, endpoint, &error)) }
        };
        self.cx.request(operation, &budget, &self.clients.limits, attempt).await
    }

    fn budget(&self, api: &str) -> BudgetKey {
        let known = self.clients.account.get().map(String::as_str);
        let account = known.unwrap_or(self.cx.account);
        let region = if api == "iam" { "" } else { self.clients.region.as_str() };
        BudgetKey { account: account.into(), region: region.into(), api: api.into() }
    }

    /// The account of the credentials, asked once.
    ///
    /// # Errors
    /// Why it could not be asked; `WrongScope` where the account may not be touched.
    pub async fn account(&self) -> Result<&str, Fault> {
        let ask = || async {
            let identity = self.send("sts:GetCallerIdentity", || self.clients.sts.get_caller_identity().send()).await?;
            let account = identity.account.filter(|account| !account.is_empty());
            account.ok_or_else(|| {
                let message = "the answer names no account";
                Fault::new(FaultKind::Unavailable, "sts:GetCallerIdentity", message).code("unexpected-answer")
            })
        };
        let account = self.clients.account.get_or_try_init(ask).await?;
        let allowed = &self.clients.allowed_accounts;
        if allowed.is_empty() || allowed.contains(account) {
            return Ok(account);
        }
        let expected: Vec<&str> = allowed.iter().map(String::as_str).collect();
        Err(wrong_scope(&expected.join(", "), account, "`allowed_accounts` of the provider does not list it"))
    }

    async fn expect_account(&self, expected: &str) -> Result<(), Fault> {
        let found = self.account().await?;
        if expected.is_empty() || expected == found {
            return Ok(());
        }
        Err(wrong_scope(expected, found, "the object is recorded in another account"))
    }
}

fn wrong_scope(expected: &str, found: &str, why: &str) -> Fault {
    let kind = FaultKind::WrongScope { expected: expected.into(), found: found.into() };
    Fault::new(kind, "sts:GetCallerIdentity", format!("the credentials belong to account {found}: {why}"))
        .code("wrong-scope")
        .help(format!(
            "use credentials of account {expected}, through `credentials`, the provider block or the environment"
        ))
}

impl Clients {
    /// Where a service is, for messages.
    fn endpoint(&self, api: &str) -> String {
        let written = match api {
            "eks" => &self.endpoints.eks,
            "ec2" => &self.endpoints.ec2,
            "iam" => &self.endpoints.iam,
            _ => &self.endpoints.sts,
        };
        let of_environment = || std::env::var(format!("AWS_ENDPOINT_URL_{}", api.to_ascii_uppercase())).ok();
        let found = written.clone().or_else(of_environment).or_else(|| self.standard_endpoint.clone());
        found.unwrap_or_else(|| match api {
            "iam" => "https://iam.amazonaws.com".to_owned(),
            _ => format!("https://{api}.{}.amazonaws.com", self.region),
        })
    }
}

async fn make(cx: &CallContext<'_>) -> Result<Arc<Clients>, Fault> {
    let configuration = Configuration::read(cx.configuration)?;
    let credentials = configuration.credentials(&credentials_of(cx)?);
    let wanted = Some(cx.access.region.to_string()).filter(|region| !region.is_empty()).or(configuration.region);
    let endpoints = configuration.endpoints.unwrap_or_default();
    let config = sdk_config(&credentials, wanted, endpoints.sts.as_deref()).await;
    let region = config.region().map(ToString::to_string).ok_or_else(|| {
        let argument = Some(Path::attr("region"));
        Fault::new(FaultKind::Invalid { argument }, "aws:region", "no region is written, nor in the environment")
            .code("no-region")
            .help("write `region`, or set AWS_REGION")
    })?;
    let mut limits = limits::table().limits();
    if let Some(rate) = &configuration.rate {
        limits.rate_per_s = rate.per_second.unwrap_or(limits.rate_per_s);
        limits.burst = rate.burst.unwrap_or(limits.burst);
        limits.parallel = rate.parallel.unwrap_or(limits.parallel);
    }
    let at = |url: &Option<String>| match url {
        Some(url) => with_endpoint(config.to_builder(), url),
        None => config.clone(),
    };
    let eks = aws_sdk_eks::config::Builder::from(&at(&endpoints.eks)).interceptor(AnswerLimit).build();
    let ec2 = aws_sdk_ec2::config::Builder::from(&at(&endpoints.ec2)).interceptor(AnswerLimit).build();
    let iam = aws_sdk_iam::config::Builder::from(&at(&endpoints.iam)).interceptor(AnswerLimit).build();
    let sts = aws_sdk_sts::config::Builder::from(&at(&endpoints.sts)).interceptor(AnswerLimit).build();
    Ok(Arc::new(Clients {
        eks: aws_sdk_eks::Client::from_conf(eks),
        ec2: aws_sdk_ec2::Client::from_conf(ec2),
        iam: aws_sdk_iam::Client::from_conf(iam),
        sts: aws_sdk_sts::Client::from_conf(sts),
        region,
        tags: TagRules::new(configuration.tags, configuration.ignore_tags),
        standard_endpoint: config.endpoint_url().map(str::to_owned),
        endpoints,
        allowed_accounts: configuration.allowed_accounts,
        limits,
        account: OnceCell::new(),
    }))
}

/// Sets an address that is written. The SDKs let the environment win over an address that does not say that it comes
/// from code.
pub(crate) fn with_endpoint(mut builder: aws_types::sdk_config::Builder, url: &str) -> SdkConfig {
    builder.insert_origin("endpoint_url", Origin::shared_config());
    builder.endpoint_url(url).build()
}

/// The usual chain, with what is written laid over it.
pub(crate) async fn sdk_config(credentials: &Credentials, region: Option<String>, sts: Option<&str>) -> SdkConfig {
    let requests = &limits::table().requests;
    let timeouts = TimeoutConfig::builder()
        .connect_timeout(Duration::from_millis(requests.connect_timeout_ms))
        .operation_attempt_timeout(Duration::from_millis(requests.timeout_ms))
        .operation_timeout(Duration::from_millis(requests.timeout_ms))
        .build();
    let mut loader = aws_config::defaults(BehaviorVersion::latest())
        .retry_config(RetryConfig::disabled())
        .timeout_config(timeouts.clone());
    if let Some(region) = &region {
        loader = loader.region(Region::new(region.clone()));
    }
    if let Some(profile) = &credentials.profile {
        // A profile that is named wins over keys in the environment, as in every AWS tool.
        let conf = ProviderConfig::default()
            .with_region(region.map(Region::new))
            .with_retry_config(RetryConfig::disabled())
            .with_timeout_config(timeouts.clone());
        let provider = aws_config::profile::ProfileFileCredentialsProvider::builder();
        let provider = provider.profile_name(profile).configure(&conf).build();
        loader = loader.profile_name(profile).credentials_provider(provider);
    }
    let base = loader.load().await;
    match &credentials.role_arn {
        Some(role) => with_role(base, role, credentials, sts).await,
        None => base,
    }
}

async fn with_role(base: SdkConfig, role: &str, credentials: &Credentials, sts: Option<&str>) -> SdkConfig {
    let session_name = credentials.session_name.as_deref().unwrap_or("terrane");
    let at = sts.map_or_else(|| base.clone(), |url| with_endpoint(base.to_builder(), url));
    let provider = match &credentials.web_identity_token_file {
        Some(file) => SharedCredentialsProvider::new(WebIdentity {
            sts: aws_sdk_sts::Client::new(&at),
            role: role.to_owned(),
            session_name: session_name.to_owned(),
            file: PathBuf::from(file),
        }),
        None => {
            let mut provider = aws_config::sts::AssumeRoleProvider::builder(role).session_name(session_name);
            if let Some(id) = &credentials.external_id {
                provider = provider.external_id(id);
            }
            SharedCredentialsProvider::new(provider.configure(&at).build().await)
        }
    };
    base.into_builder().credentials_provider(provider).build()
}

/// Stops reading an answer that is larger than any real one.
#[derive(Debug)]
pub(crate) struct AnswerLimit;

#[dyn_dispatch_hint]
impl Intercept for AnswerLimit {
    fn name(&self) -> &'static str {
        "AnswerLimit"
    }

    fn modify_before_deserialization(
        &self,
        context: &mut BeforeDeserializationInterceptorContextMut<'_>,
        _components: &RuntimeComponents,
        _bag: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let most = limits::table().requests.most_answer_bytes;
        let body = context.response_mut().take_body();
        let limited =
            body.map_preserve_contents(move |body| SdkBody::from_body_1_x(http_body_util::Limited::new(body, most)));
        *context.response_mut().body_mut() = limited;
        Ok(())
    }
}
