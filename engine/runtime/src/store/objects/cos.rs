//! Objects in Tencent Cloud COS.
//!
//! Making an object only where there is none is `x-cos-forbid-overwrite: true`. A bucket that ignores it, as one with
//! versioning may, is found out by the probe. Credentials come from the arguments, else from `TENCENTCLOUD_SECRET_ID` and
//! `TENCENTCLOUD_SECRET_KEY`, and web identity on TKE. Not covered: the role of a machine.
//!
//! # Source
//! Tencent Cloud COS, "PUT Object" (2024-09-26) and "Error codes".

use super::bucket::{Bucket, Words};
use super::kinds::{Layout, given, joined, required};
use super::oss::missing;
use super::s3::half;
use super::{Objects, OpenError};
use crate::environment::Environment;
use crate::store::arguments::{Argument, Arguments, Form};
use opendal::services::Cos;
use std::sync::Arc;

const WORDS: Words = Words {
    read: "name/cos:GetObject",
    list: "name/cos:GetBucket",
    create: "name/cos:PutObject",
    write: "name/cos:PutObject",
    delete: "name/cos:DeleteObject",
};

/// What it takes.
pub(super) const ARGUMENTS: &[Argument] = &[
    Argument::required("bucket", "The bucket with the number of its account, `fleet-1250000000`; without versioning."),
    Argument::optional("prefix", Form::Text, "Where in the bucket the states stand."),
    Argument::optional("key", Form::Text, "The name of the state there; `terrane.state` by default."),
    Argument::optional("region", Form::Text, "The region of the bucket; `TENCENTCLOUD_REGION` as well."),
    Argument::optional("endpoint", Form::Text, "Another address than that of the region."),
    Argument::secret("secret_id", "The id of a key; `TENCENTCLOUD_SECRET_ID` as well."),
    Argument::secret("secret_key", "Its secret; `TENCENTCLOUD_SECRET_KEY` as well."),
    Argument::secret("security_token", "The token of a session; `TENCENTCLOUD_SECURITY_TOKEN` as well."),
];

pub(super) fn layout(arguments: &Arguments) -> Layout {
    let key = joined(&[arguments.text("key").unwrap_or("terrane.state")]);
    let prefix = joined(&[arguments.text("prefix").unwrap_or_default()]);
    let before = if prefix.is_empty() { prefix } else { format!("{prefix}/") };
    Layout { default: format!("{before}{key}"), before, after: format!("/{key}") }
}

pub(super) fn open(arguments: &Arguments, prefix: &str, cx: &Environment) -> Result<Arc<dyn Objects>, OpenError> {
    let bucket = required(arguments, "bucket")?;
    let region = given(arguments, "region", cx, &["TENCENTCLOUD_REGION"]);
    let endpoint = match arguments.text("endpoint") {
        Some(endpoint) => endpoint.trim_end_matches('/').to_owned(),
        None => format!("https://cos.{}.myqcloud.com", region.ok_or_else(|| missing("TENCENTCLOUD_REGION"))?),
    };
    let mut builder = Cos::default().bucket(bucket).endpoint(&endpoint).root(prefix);
    let id = given(arguments, "secret_id", cx, &["TENCENTCLOUD_SECRET_ID"]);
    let secret = given(arguments, "secret_key", cx, &["TENCENTCLOUD_SECRET_KEY"]);
    builder = match (id, secret) {
        (Some(id), Some(secret)) => builder.secret_id(&id).secret_key(&secret),
        (None, None) => builder,
        (Some(_), None) => return Err(half("secret_key")),
        (None, Some(_)) => return Err(half("secret_id")),
    };
    if let Some(token) = given(arguments, "security_token", cx, &["TENCENTCLOUD_SECURITY_TOKEN"]) {
        builder = builder.security_token(&token);
    }
    let place = format!("cos://{}", joined(&[bucket, prefix]));
    Ok(Arc::new(Bucket::new(builder, place, &WORDS)?))
}
