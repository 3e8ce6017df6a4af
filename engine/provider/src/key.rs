//! Services that keep keys: a data key goes in and comes back encrypted, under a key that never leaves the service.

use crate::{Async, Fault, Services};
use std::collections::BTreeMap;
use terrane_core::Text;

/// What is written in the block of a key, by name. It holds no secret.
pub type KeyArguments = BTreeMap<Text, Text>;

/// An argument of the block of a key.
#[derive(Clone, Copy, Debug)]
pub struct KeyArgument {
    /// Its name.
    pub name: &'static str,
    /// Whether it has to be written.
    pub is_required: bool,
    /// What it is, in a sentence.
    pub doc: &'static str,
}

/// A data key that was wrapped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wrapped {
    /// The name of the key at the service, whole: not an alias.
    pub key: Text,
    /// The data key, encrypted.
    pub bytes: Vec<u8>,
}

/// What came of unwrapping. It has no text form: it may hold a key.
pub enum Unwrapped {
    /// The data key.
    Key(Vec<u8>),
    /// It was wrapped under another key.
    OtherKey,
    /// It was changed, or was not made by Terrane.
    Broken,
}

/// A service that keeps keys.
pub trait KeyService: Send + Sync {
    /// The kind of key, as `key` blocks write it.
    fn name(&self) -> &'static str;

    /// What the block of such a key may hold.
    fn arguments(&self) -> &'static [KeyArgument];

    /// Encrypts a data key of 32 bytes under the key that `arguments` name, bound to being a data key of Terrane.
    ///
    /// # Errors
    /// Why the service did not: `Denied`, `Gone` for a key that is not there, `Invalid` for one that is disabled.
    fn wrap<'a>(
        &'a self,
        data_key: &'a [u8],
        arguments: &'a KeyArguments,
        services: &'a dyn Services,
    ) -> Async<'a, Result<Wrapped, Fault>>;

    /// The data key of [`Wrapped::bytes`].
    ///
    /// # Errors
    /// As [`KeyService::wrap`].
    fn unwrap<'a>(
        &'a self,
        wrapped: &'a [u8],
        arguments: &'a KeyArguments,
        services: &'a dyn Services,
    ) -> Async<'a, Result<Unwrapped, Fault>>;
}
