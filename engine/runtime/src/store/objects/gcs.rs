//! Objects in Google Cloud Storage.
//!
//! Making an object only where there is none is `ifGenerationMatch=0`. Credentials come from the arguments, else from
//! `GOOGLE_APPLICATION_CREDENTIALS` (a service account, workload identity federation, an impersonated account), the
//! files of gcloud, and the metadata server of a machine or of workload identity on GKE.
//!
//! # Source
//! Cloud Storage documentation, "Request preconditions" (2026).

use super::bucket::{Bucket, Words};
use super::kinds::{Layout, given, joined, required};
use super::{Objects, OpenError};
use crate::environment::Environment;
use crate::store::arguments::{Argument, Arguments, Form};
use base64::Engine as _;
use opendal::services::Gcs;
use std::sync::Arc;

const WORDS: Words = Words {
    read: "storage.objects.get",
    list: "storage.objects.list",
    create: "storage.objects.create",
    // Overwriting takes the right to delete what was there.
    write: "storage.objects.delete",
    delete: "storage.objects.delete",
};

/// What it takes.
pub(super) const ARGUMENTS: &[Argument] = &[
    Argument::required("bucket", "The bucket; it has to be there."),
    Argument::optional("prefix", Form::Text, "Where in the bucket the states stand, one below it for each workspace."),
    Argument::secret("credentials", "A file of credentials, or what is in it; `GOOGLE_CREDENTIALS` as well."),
    Argument::secret("access_token", "A token that is used as it is; `GOOGLE_OAUTH_ACCESS_TOKEN` as well."),
    Argument::optional("storage_custom_endpoint", Form::Text, "Another address than `https://storage.googleapis.com`."),
];

pub(super) fn layout(arguments: &Arguments) -> Layout {
    let prefix = joined(&[arguments.text("prefix").unwrap_or_default()]);
    let before = if prefix.is_empty() { prefix } else { format!("{prefix}/") };
    Layout { default: format!("{before}default"), before, after: String::new() }
}

pub(super) fn open(arguments: &Arguments, prefix: &str, cx: &Environment) -> Result<Arc<dyn Objects>, OpenError> {
    let bucket = required(arguments, "bucket")?;
    let mut builder = Gcs::default().bucket(bucket).root(prefix);
    if let Some(endpoint) = given(arguments, "storage_custom_endpoint", cx, &["GOOGLE_STORAGE_CUSTOM_ENDPOINT"]) {
        builder = builder.endpoint(endpoint.trim_end_matches('/'));
    }
    if let Some(token) = given(arguments, "access_token", cx, &["GOOGLE_OAUTH_ACCESS_TOKEN"]) {
        builder = builder.token(token);
    } else if let Some(found) =
        given(arguments, "credentials", cx, &["GOOGLE_BACKEND_CREDENTIALS", "GOOGLE_CREDENTIALS"])
    {
        builder = if found.trim_start().starts_with('{') {
            builder.credential(&base64::engine::general_purpose::STANDARD.encode(found))
        } else {
            builder.credential_path(&found)
        };
    }
    let place = format!("gs://{}", joined(&[bucket, prefix]));
    Ok(Arc::new(Bucket::new(builder, place, &WORDS)?))
}
