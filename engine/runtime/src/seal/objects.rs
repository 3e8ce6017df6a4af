//! A place that keeps objects, with every object in it sealed.
//!
//! The name of an object is authenticated with it. Only segments and snapshots are sealed. What is read for its time and
//! owner (locks, heartbeats, probes) is left as it is: it holds nothing secret, and who does not have the key must be
//! able to see who holds a lock.

use super::keyring::Keyring;
use super::{SealError, Subject};
use crate::store::objects::{Created, Listed, Object, Objects, ObjectsError};
use bytes::Bytes;
use std::sync::Arc;
use terrane_provider::Async;

/// What is recorded stands below these.
const RECORDED: &[&str] = &["log/", "snapshot/"];

/// Objects that are sealed on their way in and opened on their way out.
pub struct Sealed<O: ?Sized> {
    keyring: Keyring,
    inner: Arc<O>,
}

impl<O: Objects + ?Sized> Sealed<O> {
    /// The objects of `inner`, sealed with these keys.
    #[must_use]
    pub fn new(inner: Arc<O>, keyring: Keyring) -> Self {
        Self { keyring, inner }
    }

    fn is_open(name: &str) -> bool {
        !RECORDED.iter().any(|prefix| name.starts_with(prefix))
    }

    async fn seal(&self, name: &str, bytes: Bytes) -> Result<Bytes, ObjectsError> {
        match self.keyring.for_state().filter(|_| !Self::is_open(name)) {
            Some(sealer) => {
                let sealed = sealer.seal(&bytes, &Subject::of("object").named(name)).await;
                sealed.map(Bytes::from).map_err(ObjectsError::Sealed)
            }
            None => Ok(bytes),
        }
    }

    async fn open(&self, name: &str, object: Object) -> Result<Object, ObjectsError> {
        if Self::is_open(name) {
            return Ok(object);
        }
        let is_enforced = self.keyring.is_enforced && self.keyring.seals_state;
        let subject = Subject::of("object").named(name);
        let opened: Result<Vec<u8>, SealError> = self.keyring.open(&object.bytes, &subject, is_enforced).await;
        let bytes = opened.map_err(ObjectsError::Sealed)?.into();
        Ok(Object { bytes, ..object })
    }
}

impl<O: Objects + ?Sized> Objects for Sealed<O> {
    fn place(&self) -> String {
        self.inner.place()
    }

    fn create<'a>(&'a self, name: &'a str, bytes: Bytes) -> Async<'a, Result<Created, ObjectsError>> {
        Box::pin(async move { self.inner.create(name, self.seal(name, bytes).await?).await })
    }

    fn write<'a>(&'a self, name: &'a str, bytes: Bytes) -> Async<'a, Result<(), ObjectsError>> {
        Box::pin(async move { self.inner.write(name, self.seal(name, bytes).await?).await })
    }

    fn read<'a>(&'a self, name: &'a str) -> Async<'a, Result<Option<Object>, ObjectsError>> {
        Box::pin(async move {
            match self.inner.read(name).await? {
                Some(object) => self.open(name, object).await.map(Some),
                None => Ok(None),
            }
        })
    }

    fn list<'a>(&'a self, prefix: &'a str, after: &'a str) -> Async<'a, Result<Vec<Listed>, ObjectsError>> {
        self.inner.list(prefix, after)
    }

    fn delete<'a>(&'a self, name: &'a str) -> Async<'a, Result<(), ObjectsError>> {
        self.inner.delete(name)
    }
    fn probe(&self) -> Async<'_, Result<(), ObjectsError>> {
        self.inner.probe()
    }

    fn reseal(&self) -> Async<'_, Result<u64, ObjectsError>> {
        Box::pin(async move {
            let mut count = 0;
            for listed in self.inner.list("", "").await?.iter().filter(|listed| !Self::is_open(&listed.name)) {
                // One object after the other: each is whole at any moment, under the old key or the new one.
                if let Some(object) = self.read(&listed.name).await? {
                    self.write(&listed.name, object.bytes).await?;
                    count += 1;
                }
            }
            Ok(count)
        })
    }
}

#[cfg(test)]
mod tests;
