//! Objects in Alibaba Cloud OSS.
//!
//! Making an object only where there is none is `x-oss-forbid-overwrite: true`. OSS ignores the header in a bucket whose
//! versioning is on or suspended, which the probe finds out. Credentials come from the arguments, else from
//! `ALIBABA_CLOUD_*` variables, OIDC (RRSA on ACK), and the RAM role of a machine.
//!
//! # Source
//! Alibaba Cloud OSS, "PutObject" (2026).

use super::bucket::{Bucket, Words};
use super::kinds::{Layout, given, joined, required};
use super::s3::half;
use super::{Objects, OpenError};
use crate::environment::Environment;
use crate::store::arguments::{Argument, Arguments, Form};
use opendal::services::Oss;
use std::sync::Arc;

const WORDS: Words = Words {
    read: "oss:GetObject",
    list: "oss:ListObjects",
    create: "oss:PutObject",
    write: "oss:PutObject",
    delete: "oss:DeleteObject",
};

/// What it takes.
pub(super) const ARGUMENTS: &[Argument] = &[
    Argument::required("bucket", "The bucket; it has to be there, without versioning."),
    Argument::optional("prefix", Form::Text, "Where in the bucket the states stand; `env:` by default."),
    Argument::optional("key", Form::Text, "The name of the state there; `terrane.state` by default."),
    Argument::optional("region", Form::Text, "The region of the bucket; `ALICLOUD_REGION` as well."),
    Argument::optional(
        "endpoint",
        Form::Text,
        "Another address than that of the region; `ALICLOUD_OSS_ENDPOINT` as well.",
    ),
    Argument::secret("access_key", "An access key; `ALICLOUD_ACCESS_KEY` as well."),
    Argument::secret("secret_key", "Its secret; `ALICLOUD_SECRET_KEY` as well."),
    Argument::secret("security_token", "The token of a session; `ALICLOUD_SECURITY_TOKEN` as well."),
    Argument::optional("role_arn", Form::Text, "A role to assume with these credentials."),
    Argument::optional("session_name", Form::Text, "The name of the session with that role."),
];

pub(super) fn layout(arguments: &Arguments) -> Layout {
    let key = joined(&[arguments.text("key").unwrap_or("terrane.state")]);
    let prefix = joined(&[arguments.text("prefix").unwrap_or("env:")]);
    let before = if prefix.is_empty() { prefix } else { format!("{prefix}/") };
    Layout { default: format!("{before}{key}"), before, after: format!("/{key}") }
}

pub(super) fn open(arguments: &Arguments, prefix: &str, cx: &Environment) -> Result<Arc<dyn Objects>, OpenError> {
    let bucket = required(arguments, "bucket")?;
    let region = given(arguments, "region", cx, &["ALICLOUD_REGION", "ALIBABA_CLOUD_REGION"]);
    let endpoint = match given(arguments, "endpoint", cx, &["ALICLOUD_OSS_ENDPOINT", "OSS_ENDPOINT"]) {
        Some(endpoint) => endpoint.trim_end_matches('/').to_owned(),
        None => format!("https://oss-{}.aliyuncs.com", region.ok_or_else(|| missing("ALICLOUD_REGION"))?),
    };
    let mut builder = Oss::default().bucket(bucket).endpoint(&endpoint).root(prefix);
    let key = given(arguments, "access_key", cx, &["ALICLOUD_ACCESS_KEY"]);
    let secret = given(arguments, "secret_key", cx, &["ALICLOUD_SECRET_KEY"]);
    builder = match (key, secret) {
        (Some(id), Some(secret)) => builder.access_key_id(&id).access_key_secret(&secret),
        (None, None) => builder,
        (Some(_), None) => return Err(half("secret_key")),
        (None, Some(_)) => return Err(half("access_key")),
    };
    if let Some(token) = given(arguments, "security_token", cx, &["ALICLOUD_SECURITY_TOKEN"]) {
        builder = builder.security_token(&token);
    }
    if let Some(role) = arguments.text("role_arn") {
        builder = builder.role_arn(role).role_session_name(arguments.text("session_name").unwrap_or("terrane"));
    }
    let place = format!("oss://{}", joined(&[bucket, prefix]));
    Ok(Arc::new(Bucket::new(builder, place, &WORDS)?))
}

/// Neither region nor endpoint.
pub(super) fn missing(variable: &str) -> OpenError {
    OpenError::Argument { name: "region", reason: format!("neither it nor `endpoint` nor {variable} is there") }
}
