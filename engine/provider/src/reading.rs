//! What reading yields.

use crate::{Access, Fault};
use serde::{Deserialize, Serialize};
use std::any::Any;
use std::fmt;
use std::sync::Arc;
use terrane_core::{ObjectId, Text, Value};

/// What is to be read.
#[derive(Clone, Debug, PartialEq)]
pub struct Target {
    /// The object.
    pub id: ObjectId,
    /// How it is reached.
    pub access: Access,
    /// What was seen of it last; null where nothing was.
    pub seen: Value,
    /// What was sent last; null where nothing was.
    pub sent: Value,
    /// When it was made, in milliseconds since the Unix epoch; 0 where that is long ago. That it is not there is
    /// believed only when the provider's settle time has passed since.
    pub made_ms: u64,
    /// Steps of its creation that are recorded as done, where it is recorded in part; `None` where it is whole.
    pub done: Option<Vec<Text>>,
}

impl Target {
    /// Whether a reading shows less of the object than is recorded of it.
    #[must_use]
    pub fn is_more_than(&self, reading: &Reading) -> bool {
        let shown: &[Text] = match reading {
            Reading::Absent => &[],
            Reading::Partial { done, .. } => done,
            Reading::Present(_) | Reading::Unreadable(_) => return false,
        };
        self.done.as_ref().is_none_or(|recorded| !recorded.iter().all(|step| shown.contains(step)))
    }
}

/// What one read says of one object.
#[derive(Clone, Debug, PartialEq)]
pub enum Reading {
    /// It is there: an object of the schema's type, computed attributes included.
    Present(Value),
    /// Only parts of it are there: the steps of its creation that are done, and what is seen of it.
    Partial {
        /// Names of the steps.
        done: Vec<Text>,
        /// What is seen.
        seen: Value,
    },
    /// It is not there, and the answer proves it.
    Absent,
    /// Nothing can be said.
    Unreadable(Unreadable),
}

/// Why nothing can be said about an object.
#[derive(Clone, Debug, PartialEq)]
pub enum Unreadable {
    /// The credentials belong to another account.
    WrongScope(Fault),
    /// What it lives in is not there yet.
    NotYetReachable,
    /// The read failed.
    Failed(Fault),
}

/// A listing that tells about many objects at once.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ListingKey {
    /// How it is reached.
    pub access: Access,
    /// What is listed, `clusters`.
    pub what: Text,
    /// Inside of what; empty where that does not apply.
    pub of: Text,
}

/// The answer of a listing, of a type that only its provider knows.
#[derive(Clone)]
pub struct Listing(pub Arc<dyn Any + Send + Sync>);

impl fmt::Debug for Listing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Listing")
    }
}

/// Expected requests of the two ways to read `wanted` objects of one listing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReadCost {
    /// Requests of the listing.
    pub list: usize,
    /// Requests to get each object.
    pub get: usize,
}

/// Something that planning has to ask the remote side. Cached for the run; the digest of the answer
/// is a precondition of the plan.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct FactKey {
    /// How it is asked.
    pub access: Access,
    /// The type whose reader answers.
    #[serde(rename = "type")]
    pub type_name: Text,
    /// The question, `caller-account`.
    pub name: Text,
    /// Its arguments.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub arguments: Vec<Text>,
}
