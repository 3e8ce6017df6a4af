//! A cloud in memory. It allows what real ones allow: two objects of one name, answers that lag behind.

use std::collections::BTreeMap;
use terrane_core::{Text, Value};

/// What an object is doing.
#[derive(Clone, Debug, PartialEq)]
pub enum Status {
    /// Being made until that moment.
    Coming(u64),
    /// Being changed until that moment.
    Busy(u64),
    /// Nothing.
    Active,
    /// Being destroyed until that moment.
    Going(u64),
}

/// An object.
#[derive(Clone, Debug, PartialEq)]
pub struct Object {
    /// Number, never used again.
    pub number: u64,
    /// `cluster`, `item`, `role`.
    pub kind: &'static str,
    /// Name, unique only if callers see to it.
    pub name: Text,
    /// Settable attributes.
    pub attributes: BTreeMap<Text, Value>,
    /// The token of the request that made it.
    pub token: Text,
    /// The mark of the intent that made it.
    pub intent: Text,
    /// When it was made.
    pub made_ms: u64,
    /// What it is doing.
    pub status: Status,
}

/// Objects and their clock.
#[derive(Clone, Debug, Default)]
pub struct Cloud {
    /// Live objects.
    pub objects: Vec<Object>,
    /// Milliseconds since the Unix epoch.
    pub now_ms: u64,
    /// A new object is not seen for so long.
    pub lag_ms: u64,
    /// Secrets that were sent.
    pub secrets: Vec<String>,
    /// What the note of a new item comes out as, whatever was planned.
    pub note: Option<Value>,
    pub(super) next: u64,
}

/// What a request to make an object carries.
#[derive(Clone, Debug)]
pub struct Making {
    /// `cluster`, `item`, `role`.
    pub kind: &'static str,
    /// Its name.
    pub name: Text,
    /// Its attributes.
    pub attributes: BTreeMap<Text, Value>,
    /// Idempotency token; empty where the API has none.
    pub token: Text,
    /// Mark of the intent.
    pub intent: Text,
    /// How long it takes.
    pub takes_ms: u64,
}

impl Cloud {
    /// Lets time pass: what is done by then is done.
    pub fn advance(&mut self, to_ms: u64) {
        self.now_ms = self.now_ms.max(to_ms);
        let now = self.now_ms;
        self.objects.retain(|object| !matches!(object.status, Status::Going(until) if until <= now));
        for object in &mut self.objects {
            if matches!(object.status, Status::Coming(until) | Status::Busy(until) if until <= now) {
                object.status = Status::Active;
            }
        }
    }

    /// Makes an object, or gives the one that the same token made.
    pub fn make(&mut self, making: Making) -> u64 {
        let known = self.objects.iter().find(|object| !making.token.is_empty() && object.token == making.token);
        if let Some(known) = known {
            return known.number;
        }
        self.next += 1;
        let until = self.now_ms + making.takes_ms;
        self.objects.push(Object {
            number: self.next,
            kind: making.kind,
            name: making.name,
            attributes: making.attributes,
            token: making.token,
            intent: making.intent,
            made_ms: self.now_ms,
            status: if making.takes_ms == 0 { Status::Active } else { Status::Coming(until) },
        });
        self.next
    }

    /// The object of a kind and name that readers see.
    #[must_use]
    pub fn find(&self, kind: &str, name: &str) -> Option<&Object> {
        let is_seen = |object: &&Object| object.made_ms + self.lag_ms <= self.now_ms || self.lag_ms == 0;
        self.objects.iter().filter(is_seen).find(|object| object.kind == kind && *object.name == *name)
    }

    /// The object of a kind and name, however new.
    pub fn find_mut(&mut self, kind: &str, name: &str) -> Option<&mut Object> {
        self.objects.iter_mut().find(|object| object.kind == kind && *object.name == *name)
    }
}
