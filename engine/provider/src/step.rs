//! Steps: what apply does, one remote change at a time, each with its way to recover.

use crate::{Access, Fault, Verb};
use serde::{Deserialize, Serialize};
use terrane_core::{InstanceAddr, ObjectId, Path, Text, Value};

/// How it is found out after a crash whether a step took effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Recovery {
    /// Doing it again is harmless.
    Retry,
    /// The remote side knows the idempotency token.
    Token,
    /// It is found by name or by our mark.
    Lookup,
    /// Nobody can tell: an operator has to look.
    Operator,
}

/// A step that a change consists of. The plan shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepSpec {
    /// Its name, unique inside the change: `create-cluster`.
    pub name: Text,
    /// What it belongs to.
    pub verb: Verb,
    /// How it recovers.
    pub recovery: Recovery,
    /// Leaves whose actual value it relies on or changes: its preconditions.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub leaves: Vec<Path>,
    /// How long it usually takes, in seconds; 0 for at once.
    #[serde(default)]
    pub expected_s: u32,
    /// What it disrupts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disrupts: Option<Text>,
}

impl StepSpec {
    /// A step with nothing but a name, a verb and a recovery class.
    #[must_use]
    pub fn new(name: &str, verb: Verb, recovery: Recovery) -> Self {
        Self { name: name.into(), verb, recovery, leaves: Vec::new(), expected_s: 0, disrupts: None }
    }

    /// Sets how long it usually takes.
    #[must_use]
    pub fn takes(mut self, seconds: u32) -> Self {
        self.expected_s = seconds;
        self
    }

    /// Adds leaves that it reads or writes, as dotted paths.
    #[must_use]
    pub fn touching(mut self, paths: &[&str]) -> Self {
        self.leaves.extend(paths.iter().map(|path| Path::dotted(path)));
        self
    }
}

/// What a type lists the steps of.
#[derive(Clone, Copy, Debug)]
pub struct StepsInput<'a> {
    /// What is done.
    pub verb: Verb,
    /// What is there; null before a create.
    pub prior: &'a Value,
    /// What will be; null for a delete.
    pub planned: &'a Value,
    /// Leaves that change; empty for create and delete.
    pub changed: &'a [Path],
}

/// One step to be done.
#[derive(Clone, Debug)]
pub struct StepCall {
    /// Name of the step.
    pub step: Text,
    /// What it belongs to.
    pub verb: Verb,
    /// The instance it is done for.
    pub addr: InstanceAddr,
    /// The object.
    pub id: ObjectId,
    /// How it is reached.
    pub access: Access,
    /// What is there, as planned against; null before a create.
    pub prior: Value,
    /// What will be, everything known but computed attributes of this object; secrets are expressions for
    /// [`crate::Services::reveal`]. Null for a delete.
    pub planned: Value,
    /// What was seen so far in this change, earlier steps included.
    pub seen: Value,
    /// Id of the durable intent: the value of the tag `terrane:intent`.
    pub intent: Text,
    /// The idempotency token of this step: the same each time it is tried.
    pub token: Text,
    /// Whether an earlier try may have taken effect.
    pub is_repeated: bool,
    /// Intents of earlier runs that began this step.
    pub continues: Vec<Text>,
}

impl StepCall {
    /// Whether an object with this mark was made by this step, in this run or an earlier one.
    #[must_use]
    pub fn has_made(&self, mark: &str) -> bool {
        mark == &*self.intent || self.continues.iter().any(|intent| mark == &**intent)
    }
}

/// What a running step can be found again by. It is journaled, so it holds no secret.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Handle {
    /// What kind of handle it is, in the provider's words: `update`.
    pub kind: Text,
    /// Its contents.
    pub data: Value,
}

/// How a step stands.
#[derive(Clone, Debug, PartialEq)]
pub enum Progress {
    /// It goes on at the remote side; ask again.
    Pending {
        /// What it is found by.
        handle: Handle,
        /// Ask again after so many milliseconds of the remote side's time.
        check_after_ms: u64,
        /// How far it is, where the remote side tells.
        percent: Option<u8>,
        /// What it waits for.
        message: Text,
    },
    /// It is done. Attributes that were seen are laid over what was seen before; after the last step of a
    /// create or update the whole object has been seen. Null after a delete.
    Done(Value),
}

/// What is durable before a step touches the world.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Intent {
    /// Its id, unique in the state.
    pub id: Text,
    /// The instance.
    pub addr: InstanceAddr,
    /// Set where the step belongs to a deposed object.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deposed: Option<Text>,
    /// The object.
    pub object: ObjectId,
    /// How it is reached.
    pub access: Access,
    /// The step.
    pub step: StepSpec,
    /// The idempotency token.
    pub token: Text,
    /// What is there.
    pub prior: Value,
    /// What will be, secrets as expressions.
    pub planned: Value,
    /// What was seen so far in this change.
    pub seen: Value,
    /// When it was written, milliseconds since the Unix epoch.
    pub at_ms: u64,
    /// What the running step is found by, once that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub handle: Option<Handle>,
    /// Intents of earlier runs that began this step.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub continues: Vec<Text>,
}

impl Intent {
    /// Whether an object with this mark was made by this step, in this run or an earlier one.
    #[must_use]
    pub fn has_made(&self, mark: &str) -> bool {
        mark == &*self.id || self.continues.iter().any(|intent| mark == &**intent)
    }

    /// This intent and those that it continues.
    #[must_use]
    pub fn begun(&self) -> Vec<Text> {
        self.continues.iter().chain([&self.id]).cloned().collect()
    }
}

/// What became of an intent.
#[derive(Clone, Debug, PartialEq)]
pub enum Resolution {
    /// It took effect; what is seen now.
    Done(Value),
    /// It did not. Before the settle time is over the engine does not believe it.
    NotDone,
    /// It is still going on.
    Running(Handle),
    /// It cannot be told; what to look at.
    Unclear(Text),
    /// Asking failed.
    Failed(Fault),
}
