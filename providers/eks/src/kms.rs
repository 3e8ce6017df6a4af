//! Keys at AWS KMS: a data key of Terrane goes in and comes back encrypted.
//!
//! # Source
//! AWS Key Management Service API Reference, "Encrypt" and "Decrypt" with their errors; Developer Guide, "Encryption
//! context" (2025-11).

use crate::client::{AnswerLimit, sdk_config, with_endpoint};
use crate::config::Credentials;
use crate::{error, limits};
use aws_sdk_kms::Client;
use aws_sdk_kms::primitives::Blob;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use std::error::Error;
use terrane_core::{Path, Text, Value};
use terrane_provider::key::{KeyArgument, KeyArguments, KeyService, Unwrapped, Wrapped};
use terrane_provider::{Access, Async, BudgetKey, CallContext, Fault, FaultKind, ProviderName, Services};

/// What every data key is bound to. KMS logs it, and policies can ask for it.
const CONTEXT: (&str, &str) = ("terrane", "data-key-1");

const ARGUMENTS: &[KeyArgument] = &[
    KeyArgument { name: "key_id", is_required: true, doc: "the ARN of the key, its id, or an alias" },
    KeyArgument { name: "region", is_required: false, doc: "the region of the key, where it is not in the ARN" },
    KeyArgument { name: "profile", is_required: false, doc: "a profile of the shared configuration files" },
    KeyArgument { name: "role_arn", is_required: false, doc: "a role to assume" },
    KeyArgument { name: "endpoint", is_required: false, doc: "where KMS is, in place of AWS's own address" },
];

/// KMS as a service that keeps keys.
pub struct Kms;

/// A client, and where it sends to.
struct Connection {
    client: Client,
    region: String,
    endpoint: String,
}

impl Connection {
    async fn open(arguments: &KeyArguments) -> Result<Self, Fault> {
        let text = |name: &str| arguments.get(name).map(ToString::to_string);
        let credentials =
            Credentials { profile: text("profile"), role_arn: text("role_arn"), ..Credentials::default() };
        let region = text("region").or_else(|| text("key_id").and_then(|key| region_of(&key)));
        let config = sdk_config(&credentials, region, None).await;
        let region = config.region().map(ToString::to_string).ok_or_else(|| {
            let argument = Some(Path::attr("region"));
            Fault::new(FaultKind::Invalid { argument }, "aws:region", "no region is written, nor in the environment")
                .code("no-region")
                .help("write the ARN of the key, or `region`, or set AWS_REGION")
        })?;
        let written = text("endpoint");
        let config = match &written {
            Some(url) => with_endpoint(config.to_builder(), url),
            None => config,
        };
        let of_environment = || std::env::var("AWS_ENDPOINT_URL_KMS").ok();
        let endpoint = written.or_else(of_environment).or_else(|| config.endpoint_url().map(str::to_owned));
        let endpoint = endpoint.unwrap_or_else(|| format!("https://kms.{region}.amazonaws.com"));
        let config = aws_sdk_kms::config::Builder::from(&config).interceptor(AnswerLimit).build();
        Ok(Self { client: Client::from_conf(config), region, endpoint })
    }

    async fn send<T, E, F>(
        &self,
        operation: &'static str,
        services: &dyn Services,
        mut send: impl FnMut() -> F,
    ) -> Result<T, Fault>
    where
        F: Future<Output = Result<T, SdkError<E, HttpResponse>>> + Send,
        E: ProvideErrorMetadata + Error + Send + Sync + 'static,
        T: Send,
    {
        let access = Access::of(ProviderName { name: "eks".into(), alias: None });
        let cx = CallContext { access: &access, configuration: &Value::NULL, account: "", services };
        let budget = BudgetKey { account: "".into(), region: self.region.as_str().into(), api: "kms".into() };
        let endpoint = self.endpoint.as_str();
        let attempt = || {
            let answer = send();
            async move { answer.await.map_err(|error| error::explain(operation, endpoint, &error)) }
        };
        cx.request(operation, &budget, &limits::table().limits(), attempt).await
    }
}

/// The region in the ARN of a key.
fn region_of(key: &str) -> Option<String> {
    let mut parts = key.split(':');
    let is_arn = parts.next() == Some("arn") && parts.nth(1) == Some("kms");
    parts.next().filter(|region| is_arn && !region.is_empty()).map(str::to_owned)
}

fn key_id(arguments: &KeyArguments) -> String {
    arguments.get("key_id").map(ToString::to_string).unwrap_or_default()
}

/// With what to do about a key that cannot be used.
fn advised(fault: Fault, key: &str) -> Fault {
    match (&fault.kind, &*fault.code) {
        (FaultKind::Gone, _) => fault.help(format!("give the ARN of a key that is there, in place of {key}")),
        (_, "DisabledException" | "KMSInvalidStateException") => {
            fault.help(format!("enable {key} again, or cancel its deletion: without it what it sealed stays sealed"))
        }
        _ => fault,
    }
}

impl KeyService for Kms {
    fn name(&self) -> &'static str {
        "aws_kms"
    }

    fn arguments(&self) -> &'static [KeyArgument] {
        ARGUMENTS
    }

    fn wrap<'a>(
        &'a self,
        data_key: &'a [u8],
        arguments: &'a KeyArguments,
        services: &'a dyn Services,
    ) -> Async<'a, Result<Wrapped, Fault>> {
        Box::pin(async move {
            let operation = "kms:Encrypt";
            let key = key_id(arguments);
            let connection = Connection::open(arguments).await?;
            let send = || {
                let request = connection.client.encrypt().key_id(&key).plaintext(Blob::new(data_key));
                request.encryption_context(CONTEXT.0, CONTEXT.1).send()
            };
            let answer = connection.send(operation, services, send).await.map_err(|fault| advised(fault, &key))?;
            let bytes = answer.ciphertext_blob.map(Blob::into_inner).filter(|bytes| !bytes.is_empty());
            let (Some(bytes), Some(key)) = (bytes, answer.key_id) else {
                let message = "the answer has no ciphertext or no key";
                return Err(Fault::new(FaultKind::Unavailable, operation, message).code("unexpected-answer"));
            };
            Ok(Wrapped { key: key.into(), bytes })
        })
    }

    fn unwrap<'a>(
        &'a self,
        wrapped: &'a [u8],
        arguments: &'a KeyArguments,
        services: &'a dyn Services,
    ) -> Async<'a, Result<Unwrapped, Fault>> {
        Box::pin(async move {
            let operation = "kms:Decrypt";
            let key = key_id(arguments);
            let connection = Connection::open(arguments).await?;
            let send = || {
                let request = connection.client.decrypt().key_id(&key).ciphertext_blob(Blob::new(wrapped));
                request.encryption_context(CONTEXT.0, CONTEXT.1).send()
            };
            match connection.send(operation, services, send).await {
                Ok(answer) => match answer.plaintext.map(Blob::into_inner) {
                    Some(bytes) => Ok(Unwrapped::Key(bytes)),
                    None => Ok(Unwrapped::Broken),
                },
                Err(fault) => refused(fault, &key),
            }
        })
    }
}

/// What it means that a data key was not unwrapped.
fn refused(fault: Fault, key: &str) -> Result<Unwrapped, Fault> {
    let code: Text = fault.code.clone();
    match &*code {
        "IncorrectKeyException" => Ok(Unwrapped::OtherKey),
        "InvalidCiphertextException" => Ok(Unwrapped::Broken),
        _ => Err(advised(fault, key)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_region_of_a_key_is_in_its_arn() {
        let arn = "arn:aws:kms:eu-west-1:111122223333:key/1234";
        assert_eq!(region_of(arn).as_deref(), Some("eu-west-1"));
        assert_eq!((region_of("alias/x"), region_of("arn:aws:iam::1:role/x")), (None, None));
    }

    // A10
    #[test]
    fn another_key_is_told_from_a_changed_one() {
        let fault =
            |code: &'static str| Fault::new(FaultKind::Invalid { argument: None }, "kms:Decrypt", "no").code(code);
        assert!(matches!(refused(fault("IncorrectKeyException"), "k"), Ok(Unwrapped::OtherKey)));
        assert!(matches!(refused(fault("InvalidCiphertextException"), "k"), Ok(Unwrapped::Broken)));
        let disabled = refused(fault("DisabledException"), "k");
        assert!(disabled.is_err_and(|fault| fault.help.is_some_and(|help| help.contains("enable k"))));
    }
}
