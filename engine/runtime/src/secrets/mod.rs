//! Secrets: expressions that are evaluated inside one call, and never kept.
//!
//! Plan and state hold the expression; [`Secrets::reveal`] computes its text from the environment, files, commands
//! and sensitive variables. What must be compared is compared by keyed digest.

pub mod digest;

mod flag;
mod reveal;

pub use flag::SecretOverride;

use crate::environment::Environment;
use crate::sources::FolderSources;
use digest::UserKey;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use terrane_core::{Text, Value};
use terrane_provider::{Fault, FaultKind};

/// A secret in the clear. It cannot be shown or written down, and is wiped when dropped.
pub struct SecretText(secrecy::SecretString);

impl std::fmt::Debug for SecretText {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("(secret)")
    }
}

impl terrane_provider::call::Revealed for SecretText {
    fn expose(&self) -> &str {
        secrecy::ExposeSecret::expose_secret(&self.0)
    }
}

/// What secret expressions are evaluated with.
pub struct Secrets {
    folder: PathBuf,
    environment: Arc<Environment>,
    variables: BTreeMap<Text, Value>,
    key: Arc<UserKey>,
    sources: FolderSources,
    command_timeout_ms: u64,
}

impl std::fmt::Debug for Secrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Secrets").field("folder", &self.folder).finish_non_exhaustive()
    }
}

/// A command that gives a secret has so long.
const COMMAND_TIMEOUT_MS: u64 = 30_000;

impl Secrets {
    /// Secrets whose files and commands work in `folder`; digests are made with `key`.
    #[must_use]
    pub fn new(
        folder: &Path,
        environment: Arc<Environment>,
        variables: BTreeMap<Text, Value>,
        key: Arc<UserKey>,
    ) -> Self {
        let sources = FolderSources::new(folder, environment.clone(), 0);
        let folder = folder.to_owned();
        Self { folder, environment, variables, key, sources, command_timeout_ms: COMMAND_TIMEOUT_MS }
    }

    /// The text that an expression comes to.
    ///
    /// # Errors
    /// `Invalid` with the source that cannot be read; the value is in no error.
    pub async fn reveal(&self, secret: &Value) -> Result<SecretText, Fault> {
        let value = self.evaluate(secret).await?;
        let refused = |what: &str| fault("reveal", format!("the secret is {what}, not a text"));
        match value.kind() {
            terrane_core::Kind::String(text) => Ok(SecretText(secrecy::SecretString::from(&**text))),
            terrane_core::Kind::Number(number) => Ok(SecretText(number.to_string().into())),
            terrane_core::Kind::Bool(truth) => Ok(SecretText(truth.to_string().into())),
            terrane_core::Kind::Null => Err(refused("null")),
            _ => Err(refused("a collection")),
        }
    }

    /// The keyed digest of what an expression comes to; `None` without a key, or when it cannot be evaluated.
    pub async fn digest(&self, secret: &Value) -> Option<Text> {
        let key = self.key.get()?;
        let value = self.evaluate(secret).await.ok()?;
        let plain = zeroize::Zeroizing::new(match value.as_str() {
            Some(text) => text.to_owned(),
            None => terrane_core::codec::to_text(&unmarked(&value), &terrane_core::Type::Any),
        });
        Some(key.digest(&["secret", if value.as_str().is_some() { "text" } else { "value" }, &plain]))
    }
}

/// A secret that cannot be had.
fn fault(operation: impl Into<Text>, message: impl Into<Text>) -> Fault {
    Fault::new(FaultKind::Invalid { argument: None }, operation, message)
        .code("secret-unavailable")
        .help("Give the source of the secret again, or another one with -secret 'ADDRESS.path=env:NAME'")
}

/// `value` without marks: a marked one has no JSON form.
fn unmarked(value: &Value) -> Value {
    use terrane_core::Kind;
    let pairs = |entries: &terrane_core::Entries| entries.iter().map(|(k, v)| (k.clone(), unmarked(v))).collect();
    match value.kind() {
        Kind::Tuple(items) => Value::tuple(items.iter().map(unmarked).collect()),
        Kind::List(items) => Value::list(items.iter().map(unmarked).collect()),
        Kind::Set(items) => Value::set(items.iter().map(unmarked).collect()),
        Kind::Object(entries) => Value::object(pairs(entries)),
        Kind::Map(entries) => Value::map(pairs(entries)),
        Kind::Null | Kind::Bool(_) | Kind::Number(_) | Kind::String(_) | Kind::Unknown(_) => {
            value.clone().nonsensitive()
        }
    }
}

#[cfg(test)]
mod tests;
