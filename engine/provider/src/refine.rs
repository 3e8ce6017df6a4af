//! From what is written to what is planned: the pure judgement of a resource type.

use crate::{Access, FactKey, Fault};
use terrane_core::change::Owner;
use terrane_core::{InstanceAddr, ObjectId, Path, Text, Value};

/// Answers to facts, as far as they are there.
pub trait Facts {
    /// The answer; `None` when it was not asked yet.
    fn get(&self, key: &FactKey) -> Option<&Result<Value, Fault>>;
}

/// The object that `cluster` names.
#[derive(Clone, Copy, Debug)]
pub struct Parent<'a> {
    /// Its identity.
    pub id: &'a ObjectId,
    /// Its planned value, or what was seen of it last.
    pub value: &'a Value,
}

/// What a type judges by.
pub struct RefineInput<'a> {
    /// The instance that is planned: unknown attributes refer to it.
    pub instance: &'a InstanceAddr,
    /// How it is reached.
    pub access: &'a Access,
    /// The provider block, null where there is none.
    pub configuration: &'a Value,
    /// What is there now; `None` where the object is to be made (also as a replacement).
    pub prior: Option<&'a Value>,
    /// What is written, null where nothing is.
    pub written: &'a Value,
    /// `written`, completed from schema defaults and `prior`: see [`crate::complete::complete`].
    pub proposed: &'a Value,
    /// The object that `cluster` names, where there is one.
    pub parent: Option<Parent<'a>>,
    /// Answers of the remote side.
    pub facts: &'a dyn Facts,
}

/// A judgement.
#[derive(Clone, Debug)]
pub enum RefineOutcome {
    /// Ask these first, then come again.
    Need(Vec<FactKey>),
    /// This is what would be.
    Refined(Box<Refined>),
    /// It cannot be, for these reasons.
    Refused(Vec<Refusal>),
}

/// What would be.
#[derive(Clone, Debug)]
pub struct Refined {
    /// Identity of the object; `None` while a part of it is not known.
    pub id: Option<ObjectId>,
    /// The whole object as it will be, unknown attributes included.
    pub planned: Value,
    /// Leaves that force a replacement beyond what the schema says, with the reason.
    pub replaces: Vec<(Path, Text)>,
    /// Owners that differ from the rule "written is ours, omitted is the remote side's".
    pub owners: Vec<(Path, Owner)>,
    /// What is worth a warning.
    pub warnings: Vec<Refusal>,
}

impl Refined {
    /// The proposed value as it is.
    #[must_use]
    pub fn plain(id: Option<ObjectId>, planned: Value) -> Self {
        Self { id, planned, replaces: Vec::new(), owners: Vec::new(), warnings: Vec::new() }
    }
}

/// Something a type refuses or warns about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Which rule, in kebab-case: `version-skip`.
    pub rule: Text,
    /// The leaf it is about.
    pub path: Path,
    /// What is wrong, with names and values.
    pub detail: String,
    /// What to do.
    pub help: String,
}
