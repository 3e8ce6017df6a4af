//! A plan: complete data. Apply decides nothing beyond it.

use crate::condition::Condition;
use crate::outline::Outline;
use crate::state::SecretDigest;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;
use terrane_core::change::{Action, Owner, Reason};
use terrane_core::{AddrPattern, InstanceAddr, ObjectId, Path, Selector, Text, Value};
use terrane_provider::{Access, FactKey, ProviderName, StepSpec};

/// Version of the format of plan files.
pub const FORMAT: u32 = 3;

/// What kind of plan it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Make the world as it is written.
    #[default]
    Normal,
    /// Destroy everything recorded.
    Destroy,
    /// Only take into the state what is seen.
    RefreshOnly,
}

/// A plan.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// Version of the format.
    pub format: u32,
    /// Version of Terrane that made it.
    pub terrane_version: Text,
    /// SHA-256 over everything else, hexadecimal: what consent, signatures and recovery refer to. Empty until
    /// the plan is sealed, which saving and applying do.
    pub id: Text,
    /// When it was made, RFC 3339 in UTC. Not part of `id`.
    pub made_at: Text,
    /// Until when it may be applied, RFC 3339 in UTC; empty for a plan that is not saved. Not part of `id`.
    #[serde(default, skip_serializing_if = "str::is_empty")]
    pub expires_at: Text,
    /// What kind of plan it is.
    pub mode: Mode,
    /// Lineage of the state it was made against; empty for a new state.
    pub lineage: Text,
    /// Serial of the state it was made against.
    pub serial: u64,
    /// What it was made from.
    pub fingerprint: Fingerprint,
    /// What alone takes part; empty for everything.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub targets: Vec<Selector>,
    /// The version of the configuration that it is limited to the difference from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<Text>,
    /// What `-exclude` leaves out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub left_out: Vec<LeftOut>,
    /// Values of the root variables; sensitive ones as expressions.
    pub variables: BTreeMap<Text, Value>,
    /// Provider configurations, secrets as expressions.
    pub providers: Vec<(ProviderName, Value)>,
    /// What happens to each instance, in the order of addresses. Instances that do not change are listed
    /// without values in the text form.
    #[serde(serialize_with = "crate::file::light")]
    pub changes: Vec<Arc<Change>>,
    /// What somebody else changed, whether or not the plan does something about it.
    pub drift: Vec<Drift>,
    /// Outputs of the root module.
    pub outputs: Vec<OutputChange>,
    /// Conditions of the configuration, sorted by what they are about.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub conditions: Vec<Condition>,
    /// Steps, each after those it names.
    pub steps: Vec<Step>,
    /// What waits for a later stage.
    pub deferred: Vec<Deferred>,
    /// What became of intents of an earlier run; apply writes it down first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub recovered: Vec<Recovered>,
    /// Answers of the remote side that the plan relies on.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub facts: Vec<FactDigest>,
    /// The blocks that it was made from, for readers.
    #[serde(default, skip_serializing_if = "Outline::is_empty")]
    pub outline: Outline,
    /// What kept planning from its end. A plan with errors says nothing else, and is never applied.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<PlanError>,
}

/// A problem that kept planning from its end, as people read it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanError {
    /// Id of the diagnostic.
    pub id: Text,
    /// Its summary.
    pub summary: Text,
    /// What happened here, with names and values; empty where the summary says it all.
    #[serde(default, skip_serializing_if = "str::is_empty")]
    pub detail: Text,
    /// The instance, where it is about one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub addr: Option<InstanceAddr>,
    /// Where it is written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<Origin>,
}

/// What a plan was made from.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fingerprint {
    /// SHA-256 of the configuration files.
    pub configuration: Text,
    /// Digests of files and environment variables that expressions read, by name; keyed where they are secret.
    pub sources: BTreeMap<Text, Text>,
}

/// An answer that planning relied on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FactDigest {
    /// The question.
    pub key: FactKey,
    /// SHA-256 of the answer.
    pub digest: Text,
    /// The answer: what an identity that is known only after apply is completed with.
    pub value: Value,
}

/// Where something is written: file and line, for people.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    /// The file, relative to the root folder.
    pub file: Text,
    /// Line, from 1.
    pub line: u32,
}

/// What happens to one instance.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Change {
    /// The instance.
    pub addr: InstanceAddr,
    /// Set for a replaced object that is still to be destroyed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deposed: Option<Text>,
    /// What happens.
    pub action: Action,
    /// Id of the object, where it was there and is recorded from now on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub importing: Option<Text>,
    /// Address under which the object was recorded so far, where that is another one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub moved_from: Option<InstanceAddr>,
    /// Why, the main reason first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reasons: Vec<Reason>,
    /// Where the block stands; missing where there is none any more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<Origin>,
    /// Identity of the object that is there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before_id: Option<ObjectId>,
    /// Identity of the object that will be; missing while it is not known, and where there will be none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after_id: Option<ObjectId>,
    /// How the object that is there is reached.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before_access: Option<Access>,
    /// How the object that will be is reached.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after_access: Option<Access>,
    /// What is there; null where nothing is.
    #[serde(default = "null", skip_serializing_if = "Value::is_null")]
    pub before: Value,
    /// What will be, with expressions for what is not known yet; null where nothing will be.
    #[serde(default = "null", skip_serializing_if = "Value::is_null")]
    pub after: Value,
    /// What is written, with expressions: it is recorded as sent.
    #[serde(default = "null", skip_serializing_if = "Value::is_null")]
    pub written: Value,
    /// Leaves that change.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub leaves: Vec<LeafChange>,
    /// Leaves that change hands without changing their value, with the new owner.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub handed_over: Vec<(Path, Owner)>,
    /// Whether the record changes though the object does not; people need not be told.
    #[serde(default)]
    pub is_rerecorded: bool,
    /// Owners that differ from the rule.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub owners: Vec<(Path, Owner)>,
    /// Digests of secret leaves.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub secrets: Vec<SecretDigest>,
    /// Steps of the half-made object that are done already.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub done: Vec<Text>,
    /// Version of the schema.
    pub schema_version: u32,
    /// Instances it refers to directly.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub dependencies: Vec<InstanceAddr>,
    /// `prevent_destroy` after this plan.
    #[serde(default)]
    pub prevent_destroy: bool,
    /// `create_before_destroy` after this plan.
    #[serde(default)]
    pub create_before_destroy: bool,
    /// The `timeouts` block: seconds by verb.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub timeouts: BTreeMap<Text, u64>,
}

fn null() -> Value {
    Value::NULL
}

impl Change {
    /// A change of an instance with nothing in it.
    #[must_use]
    pub fn new(addr: InstanceAddr, action: Action) -> Self {
        Self {
            addr,
            deposed: None,
            action,
            importing: None,
            moved_from: None,
            reasons: Vec::new(),
            origin: None,
            before_id: None,
            after_id: None,
            before_access: None,
            after_access: None,
            before: Value::NULL,
            after: Value::NULL,
            written: Value::NULL,
            leaves: Vec::new(),
            handed_over: Vec::new(),
            is_rerecorded: false,
            owners: Vec::new(),
            secrets: Vec::new(),
            done: Vec::new(),
            schema_version: 0,
            dependencies: Vec::new(),
            prevent_destroy: false,
            create_before_destroy: false,
            timeouts: BTreeMap::new(),
        }
    }

    /// Whether people have to be told of it: something happens to the object, or to where it is recorded.
    #[must_use]
    pub fn is_change(&self) -> bool {
        self.action.is_change() || self.importing.is_some() || self.moved_from.is_some()
    }
}

/// A leaf that changes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LeafChange {
    /// The leaf.
    pub path: Path,
    /// What is there; null where nothing is.
    pub before: Value,
    /// What will be.
    pub after: Value,
    /// Why it replaces the object, where it does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replaces: Option<Text>,
    /// Whether somebody else changed it and the plan puts it back.
    #[serde(default)]
    pub is_repair: bool,
    /// Whether it is a secret: values are expressions, and only that it changes is known.
    #[serde(default)]
    pub is_secret: bool,
    /// Where it is written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<Origin>,
}

/// What somebody else changed on one object.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Drift {
    /// The instance.
    pub addr: InstanceAddr,
    /// The object.
    pub id: ObjectId,
    /// Set for a replaced object that is still to be destroyed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deposed: Option<Text>,
    /// Whether the whole object is gone.
    pub is_gone: bool,
    /// Leaves of ours that differ: `before` as recorded, `after` as it is.
    pub leaves: Vec<LeafChange>,
}

/// What happens to an output of the root module.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OutputChange {
    /// Its name.
    pub name: Text,
    /// Create, update, delete or no-op.
    pub action: Action,
    /// The recorded value; null where there is none.
    pub before: Value,
    /// The value that will be, with expressions.
    pub after: Value,
    /// Whether it is sensitive.
    pub is_sensitive: bool,
}

/// Which object of a change a step works on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// The object that will be.
    Make,
    /// The object that is there.
    Destroy,
}

/// One step of the plan.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Step {
    /// Number of its change; missing for a join, which does nothing but to keep an order and to find out conditions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub change: Option<u32>,
    /// Which object of the change it works on.
    pub phase: Phase,
    /// What the provider does.
    pub spec: StepSpec,
    /// Whether it is the last of its phase.
    pub is_last: bool,
    /// Numbers of the steps that come before, smaller than its own.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub after: Vec<u32>,
    /// Given up after so many seconds.
    pub deadline_s: u64,
    /// Numbers of the conditions that have to hold before it begins.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub preconditions: Vec<u32>,
    /// Numbers of the conditions that have to hold when it is done, for what comes after it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub postconditions: Vec<u32>,
}

/// Something that waits for a later stage.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deferred {
    /// What waits.
    pub addr: AddrPattern,
    /// Why: `keys-known-after-apply`, `data-known-after-apply`, `depends-on-deferred`, `used-by-deferred`.
    pub reason: Text,
    /// Because of which other thing that waits, where it is not the first to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub because: Option<AddrPattern>,
    /// What it waits for.
    pub waits_for: Vec<InstanceAddr>,
}

/// An instance that takes no part.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeftOut {
    /// The instance.
    pub addr: InstanceAddr,
    /// What it depends on, or what depends on it, that is left out; none where it is named itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub because: Option<InstanceAddr>,
}

/// What became of an intent of an earlier run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Recovered {
    /// The instance.
    pub addr: InstanceAddr,
    /// Id of the intent.
    pub intent: Text,
    /// Name of the step.
    pub step: Text,
    /// In words, for people.
    pub finding: Text,
    /// Entries that apply writes first.
    pub entries: Vec<crate::state::Entry>,
}

/// How many instances meet which fate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Made, replacements included.
    pub add: usize,
    /// Changed in place.
    pub change: usize,
    /// Destroyed, replacements included.
    pub destroy: usize,
    /// Forgotten.
    pub forget: usize,
    /// Imported, whatever else happens to them.
    pub import: usize,
}

impl Plan {
    /// How many instances meet which fate.
    #[must_use]
    pub fn counts(&self) -> Counts {
        let mut counts = Counts::default();
        for change in &self.changes {
            counts.import += usize::from(change.importing.is_some());
            match change.action {
                Action::NoOp | Action::Read => {}
                Action::Create => counts.add += 1,
                Action::Update => counts.change += 1,
                Action::DeleteThenCreate | Action::CreateThenDelete => {
                    counts.add += 1;
                    counts.destroy += 1;
                }
                Action::Delete => counts.destroy += 1,
                Action::Forget => counts.forget += 1,
            }
        }
        counts
    }

    /// A plan that says why there is none.
    #[must_use]
    pub fn errored(made_at: Text, errors: Vec<PlanError>) -> Self {
        Self { format: FORMAT, terrane_version: env!("CARGO_PKG_VERSION").into(), made_at, errors, ..Self::default() }
    }

    /// Whether apply has something to do: a change of an object, of an output, or something to write down.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        !self.changes.iter().any(|change| change.is_change())
            && !self.outputs.iter().any(|output| output.action.is_change())
            && self.recovered.is_empty()
            && self.deferred.is_empty()
            && (self.mode != Mode::RefreshOnly || self.drift.is_empty())
    }
}
