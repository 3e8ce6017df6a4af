//! Objects in Amazon S3, and in what speaks its protocol.
//!
//! Making an object only where there is none is `If-None-Match: *` (since August 2024). A compatible store that ignores
//! the header is found out by the probe.
//!
//! Credentials come from the arguments, else from environment, shared files, IAM Identity Center, web identity,
//! `credential_process`, the container's endpoint and the instance's metadata, in that order. Not covered: a role in a
//! profile that asks for a code of a second factor.
//!
//! # Source
//! Amazon S3 user guide, "How to prevent object overwrites with conditional writes" (2026).

use super::bucket::{Bucket, Words};
use super::kinds::{Layout, given, joined, required};
use super::{Objects, OpenError};
use crate::environment::Environment;
use crate::store::arguments::{Argument, Arguments, Form};
use opendal::services::S3;
use std::sync::Arc;

const WORDS: Words = Words {
    read: "s3:GetObject",
    list: "s3:ListBucket",
    create: "s3:PutObject",
    write: "s3:PutObject",
    delete: "s3:DeleteObject",
};

/// What it takes.
pub(super) const ARGUMENTS: &[Argument] = &[
    Argument::required("bucket", "The bucket; it has to be there."),
    Argument::required("key", "Where in the bucket the state of the default workspace stands."),
    Argument::optional("region", Form::Text, "The region of the bucket; `AWS_REGION` where it is not written."),
    Argument::optional("endpoint", Form::Text, "The address of a compatible store; `AWS_ENDPOINT_URL_S3` as well."),
    Argument::optional("endpoints", Form::Texts, "The same as `{ s3 = \"..\" }`."),
    Argument::optional("use_path_style", Form::Truth, "Whether the bucket stands in the path and not in the host."),
    Argument::optional("profile", Form::Text, "The profile of the shared files."),
    Argument::secret("access_key", "An access key."),
    Argument::secret("secret_key", "Its secret key."),
    Argument::secret("token", "The token of a session."),
    Argument::optional("role_arn", Form::Text, "A role to assume with these credentials."),
    Argument::optional("session_name", Form::Text, "The name of the session with that role."),
    Argument::optional("external_id", Form::Text, "The external id that the role asks for."),
    Argument::optional("encrypt", Form::Truth, "Whether S3 encrypts with a key of its own, `AES256`."),
    Argument::optional("kms_key_id", Form::Text, "The KMS key that S3 encrypts with."),
    Argument::optional("workspace_key_prefix", Form::Text, "Where the other workspaces stand; `env:` by default."),
];

pub(super) fn layout(arguments: &Arguments) -> Layout {
    let key = joined(&[arguments.text("key").unwrap_or_default()]);
    let others = arguments.text("workspace_key_prefix").unwrap_or("env:");
    let before = joined(&[others]);
    Layout {
        before: if before.is_empty() { before } else { format!("{before}/") },
        after: format!("/{key}"),
        default: key,
    }
}

pub(super) fn open(arguments: &Arguments, prefix: &str, cx: &Environment) -> Result<Arc<dyn Objects>, OpenError> {
    let bucket = required(arguments, "bucket")?;
    let region = given(arguments, "region", cx, &["AWS_REGION", "AWS_DEFAULT_REGION"]);
    let missing = || OpenError::Argument { name: "region", reason: "neither it nor AWS_REGION is there".to_owned() };
    let mut builder = S3::default().bucket(bucket).region(&region.ok_or_else(missing)?).root(prefix);
    let endpoint = arguments.text_in("endpoints", "s3").map(ToOwned::to_owned);
    let endpoint = endpoint.or_else(|| given(arguments, "endpoint", cx, &["AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"]));
    // A dot in a bucket's name fits no certificate, and nothing stands before an IP address.
    let is_address = endpoint.as_deref().is_some_and(is_ip_address);
    if !arguments.truth("use_path_style") && !bucket.contains('.') && !is_address {
        builder = builder.enable_virtual_host_style();
    }
    if let Some(endpoint) = endpoint {
        builder = builder.endpoint(endpoint.trim_end_matches('/'));
    }
    if let Some(profile) = given(arguments, "profile", cx, &[]) {
        builder = builder.profile(&profile);
    }
    builder = match (arguments.text("access_key"), arguments.text("secret_key")) {
        (Some(id), Some(secret)) => {
            let builder = builder.access_key_id(id).secret_access_key(secret);
            match arguments.text("token") {
                Some(token) => builder.session_token(token),
                None => builder,
            }
        }
        (None, None) => builder,
        (Some(_), None) => return Err(half("secret_key")),
        (None, Some(_)) => return Err(half("access_key")),
    };
    if let Some(role) = arguments.text("role_arn") {
        builder = builder.role_arn(role).role_session_name(arguments.text("session_name").unwrap_or("terrane"));
        if let Some(id) = arguments.text("external_id") {
            builder = builder.external_id(id);
        }
    }
    if let Some(key) = arguments.text("kms_key_id") {
        builder = builder.server_side_encryption_with_customer_managed_kms_key(key);
    } else if arguments.truth("encrypt") {
        builder = builder.server_side_encryption_with_s3_key();
    }
    let place = format!("s3://{}", joined(&[bucket, prefix]));
    Ok(Arc::new(Bucket::new(builder, place, &WORDS)?))
}

/// One of two that go together is missing.
pub(super) fn half(name: &'static str) -> OpenError {
    OpenError::Argument { name, reason: "the other half of the key is written, and this one is not".to_owned() }
}

fn is_ip_address(endpoint: &str) -> bool {
    let url: Option<reqwest::Url> = endpoint.parse().ok();
    let host = url.as_ref().and_then(reqwest::Url::host_str).unwrap_or_default();
    host.trim_matches(['[', ']']).parse::<std::net::IpAddr>().is_ok()
}
