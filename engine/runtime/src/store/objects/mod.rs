//! State in a place that keeps objects: one protocol over one small set of requests.
//!
//! [`Objects`] is all that the protocol asks of a place: objects by name, of which one can be made only where there
//! is none. Each kind of place is a thin adapter to it; what makes a state safe is proved once, over the trait.

mod azurerm;
mod bucket;
pub mod contract;
mod cos;
mod gcs;
mod http;
pub mod kinds;
pub mod memory;
mod obs;
mod oss;
mod pg;
mod s3;
mod transport;
pub mod workspaces;

mod history;
mod lease;
mod log;
mod names;
mod patient;
mod segment;
mod snapshot;
mod store;
mod writer;

pub use store::ObjectStore;

use bytes::Bytes;
use terrane_provider::Async;

/// An object that was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Object {
    /// What is in it.
    pub bytes: Bytes,
    /// When it was written last, by the clock of the place, in milliseconds since the Unix epoch. Places that
    /// tell only seconds round down.
    pub modified_ms: u64,
}

/// An object that is listed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// Its whole name, prefix included.
    pub name: String,
    /// Its length.
    pub bytes: u64,
    /// As [`Object::modified_ms`].
    pub modified_ms: u64,
}

/// Whether an object was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Created {
    /// It is there now and was not before.
    Made,
    /// One of that name was there; it is as it was. After a lost reply it may be the one that we made.
    Exists,
}

/// Why a place did not do what it was asked.
///
/// Only [`ObjectsError::Throttled`] and [`ObjectsError::Unavailable`] are worth another try, and only after the latter
/// it is unknown whether the request took effect. Reasons are for people and hold no credentials.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ObjectsError {
    /// The bucket, container, table or host is not there.
    NoSuchPlace {
        /// What the place said.
        reason: String,
    },
    /// The right is missing.
    Denied {
        /// The right as the place calls it, `s3:GetObject`; where it has no name for it, what it is for.
        action: &'static str,
        /// What the place said.
        reason: String,
    },
    /// The place overwrites where it should refuse: two runs could both write the same entry.
    NotConditional,
    /// Our clock and that of the place are too far apart for it to accept our signature.
    ClockSkew {
        /// What the place said.
        reason: String,
    },
    /// Too many requests; this one did nothing.
    Throttled {
        /// What the place said.
        reason: String,
    },
    /// No answer, or that of a place which is not well. The request may have taken effect.
    Unavailable {
        /// What is known of it.
        reason: String,
    },
    /// The object cannot be sealed or opened; the place did its part.
    Sealed(crate::seal::SealError),
    /// Another answer that says no.
    Refused {
        /// What the place said.
        reason: String,
    },
}

/// Why a place cannot be used as it is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OpenError {
    /// An argument is missing, or says something that cannot be.
    Argument {
        /// Its name.
        name: &'static str,
        /// What is wrong, in words that hold no value of a secret.
        reason: String,
    },
    /// No place of this kind can refuse to make an object twice.
    NotConditional {
        /// Why.
        reason: &'static str,
    },
    /// The arguments do not go together.
    Unusable {
        /// Why.
        reason: String,
    },
}

/// A flat set of named objects that can be made only where there is none.
///
/// Names are relative to the place, of letters, digits, `/`, `.` and `-`. Whatever one request did, each later one
/// sees, listings included.
pub trait Objects: Send + Sync {
    /// Where it is, for people: `s3://bucket/prefix`.
    fn place(&self) -> String;

    /// Makes an object and never overwrites one.
    ///
    /// # Errors
    /// Any of [`ObjectsError`].
    fn create<'a>(&'a self, name: &'a str, bytes: Bytes) -> Async<'a, Result<Created, ObjectsError>>;

    /// Makes an object or overwrites it.
    ///
    /// # Errors
    /// Any of [`ObjectsError`].
    fn write<'a>(&'a self, name: &'a str, bytes: Bytes) -> Async<'a, Result<(), ObjectsError>>;

    /// The whole of an object; `None` where there is none.
    ///
    /// # Errors
    /// Any of [`ObjectsError`].
    fn read<'a>(&'a self, name: &'a str) -> Async<'a, Result<Option<Object>, ObjectsError>>;

    /// Every object whose name begins with `prefix` and stands after `after` in the order of bytes, in that order.
    /// Reads all pages. An empty `after` is before every name.
    ///
    /// # Errors
    /// Any of [`ObjectsError`].
    fn list<'a>(&'a self, prefix: &'a str, after: &'a str) -> Async<'a, Result<Vec<Listed>, ObjectsError>>;

    /// Takes an object away; one that is not there is no error.
    ///
    /// # Errors
    /// Any of [`ObjectsError`].
    fn delete<'a>(&'a self, name: &'a str) -> Async<'a, Result<(), ObjectsError>>;

    /// Seals every object anew, where objects are sealed; gives how many.
    ///
    /// # Errors
    /// Any of [`ObjectsError`].
    fn reseal(&self) -> Async<'_, Result<u64, ObjectsError>> {
        Box::pin(async { Ok(0) })
    }

    /// Tries with an object of its own whether the place can do all of it, above all refuse to make an object
    /// twice.
    ///
    /// # Errors
    /// [`ObjectsError::NotConditional`]; [`ObjectsError::Denied`] with the action; any other.
    fn probe(&self) -> Async<'_, Result<(), ObjectsError>> {
        Box::pin(probe(self))
    }
}

async fn probe<O: Objects + ?Sized>(objects: &O) -> Result<(), ObjectsError> {
    let random = super::random_name().map_err(|error| ObjectsError::Refused { reason: error.to_string() })?;
    let name = format!("probe/{random}");
    let (first, second) = (Bytes::from_static(b"first"), Bytes::from_static(b"second"));
    // After a lost reply the first can say `Exists` too; what counts is what is there after the second.
    objects.create(&name, first.clone()).await?;
    let again = objects.create(&name, second.clone()).await?;
    let kept = objects.read(&name).await?;
    let is_conditional = again == Created::Exists && kept.is_some_and(|object| object.bytes == first);
    let written = objects.write(&name, second.clone()).await;
    let listed = objects.list("probe/", "").await;
    // Taken away whatever the writing came to: the probe leaves nothing behind where it may delete.
    objects.delete(&name).await?;
    written?;
    let is_listed = listed?.iter().any(|listed| listed.name == name);
    if !is_conditional {
        return Err(ObjectsError::NotConditional);
    }
    if !is_listed {
        return Err(ObjectsError::Refused { reason: "it does not list what was written just before".to_owned() });
    }
    Ok(())
}

#[cfg(test)]
mod tests;
