//! Objects in a container of Azure Blob Storage.
//!
//! Making a blob only where there is none is `If-None-Match: *`. Credentials come from the arguments, else from
//! `AZURE_CLIENT_ID`, `AZURE_TENANT_ID` and `AZURE_CLIENT_SECRET` or a certificate, workload identity, Azure Pipelines,
//! the `az` command, and the managed identity of a machine.
//!
//! # Source
//! Microsoft, "Specifying conditional headers for Blob service operations" (2026).

use super::bucket::{Bucket, Words};
use super::kinds::{Layout, given, joined, required};
use super::{Objects, OpenError};
use crate::environment::Environment;
use crate::store::arguments::{Argument, Arguments, Form};
use opendal::services::Azblob;
use std::sync::Arc;

const WORDS: Words = Words {
    read: "Microsoft.Storage/storageAccounts/blobServices/containers/blobs/read",
    list: "Microsoft.Storage/storageAccounts/blobServices/containers/blobs/read",
    create: "Microsoft.Storage/storageAccounts/blobServices/containers/blobs/add/action",
    write: "Microsoft.Storage/storageAccounts/blobServices/containers/blobs/write",
    delete: "Microsoft.Storage/storageAccounts/blobServices/containers/blobs/delete",
};

/// What it takes.
pub(super) const ARGUMENTS: &[Argument] = &[
    Argument::required("storage_account_name", "The storage account."),
    Argument::required("container_name", "The container; it has to be there."),
    Argument::required("key", "Where in the container the state of the default workspace stands."),
    Argument::secret("access_key", "A key of the account; `ARM_ACCESS_KEY` as well."),
    Argument::secret("sas_token", "A token of a shared access signature; `ARM_SAS_TOKEN` as well."),
    Argument::optional("environment", Form::Text, "The cloud: `public`, `usgovernment` or `china`."),
    Argument::optional("endpoint", Form::Text, "Another address of the blob service than that of the cloud."),
];

pub(super) fn layout(arguments: &Arguments) -> Layout {
    let key = joined(&[arguments.text("key").unwrap_or_default()]);
    Layout { before: format!("{key}env:"), after: String::new(), default: key }
}

pub(super) fn open(arguments: &Arguments, prefix: &str, cx: &Environment) -> Result<Arc<dyn Objects>, OpenError> {
    let account = required(arguments, "storage_account_name")?;
    let container = required(arguments, "container_name")?;
    let endpoint = match arguments.text("endpoint") {
        Some(endpoint) => endpoint.trim_end_matches('/').to_owned(),
        None => format!("https://{account}.{}", suffix(arguments.text("environment").unwrap_or("public"))?),
    };
    let mut builder = Azblob::default().account_name(account).container(container).endpoint(&endpoint).root(prefix);
    if let Some(key) = given(arguments, "access_key", cx, &["ARM_ACCESS_KEY"]) {
        builder = builder.account_key(&key);
    } else if let Some(token) = given(arguments, "sas_token", cx, &["ARM_SAS_TOKEN"]) {
        builder = builder.sas_token(token.trim_start_matches('?'));
    }
    let place = format!("azblob://{}", joined(&[account, container, prefix]));
    Ok(Arc::new(Bucket::new(builder, place, &WORDS)?))
}

/// The end of the blob service's host.
///
/// # Source
/// Microsoft, "Compare Azure Government and global Azure" and "Azure China developer guide" (2026).
fn suffix(cloud: &str) -> Result<&'static str, OpenError> {
    match cloud {
        "public" => Ok("blob.core.windows.net"),
        "usgovernment" => Ok("blob.core.usgovcloudapi.net"),
        "china" => Ok("blob.core.chinacloudapi.cn"),
        _ => Err(OpenError::Argument {
            name: "environment",
            reason: "it is none of `public`, `usgovernment`, `china`".to_owned(),
        }),
    }
}
