//! The recorded state as a fold over its log: entries go in, what is known comes out.
//!
//! Every store keeps the entries; this module alone says what they mean. Replaying the same entries gives
//! the same state.

pub mod read;

use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use terrane_core::change::Owner;
use terrane_core::{InstanceAddr, ObjectId, Path, ResourceAddr, Text, Value};
use terrane_provider::{Access, Handle, Intent, ProviderName, Verb};

/// Version of the format of entries and snapshots.
pub const FORMAT: u32 = 1;

/// An object that an earlier run left half made or half destroyed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Partial {
    /// What was going on.
    pub verb: Verb,
    /// Steps that are done, in order.
    pub done: Vec<Text>,
    /// The step that comes next.
    pub next: Text,
    /// Intents of that step that were begun: what bears the mark of one of them was made by us, whenever it shows.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub begun: Vec<Text>,
}

impl Recorded {
    /// Steps of its creation that are done, where it is recorded in part; `None` where it is whole.
    #[must_use]
    pub fn steps_of_creation(&self) -> Option<Vec<Text>> {
        self.partial.as_ref().map(|partial| match partial.verb {
            Verb::Create => partial.done.clone(),
            // Nothing is to be expected of an object that was being destroyed.
            Verb::Update | Verb::Delete => Vec::new(),
        })
    }
}

/// A keyed digest of a secret leaf.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SecretDigest {
    /// The leaf.
    pub path: Path,
    /// HMAC-SHA256, hexadecimal; its key is never in the state.
    pub digest: Text,
}

/// An object as it is recorded.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Recorded {
    /// The instance it belongs to.
    pub addr: InstanceAddr,
    /// Set on a replaced object that is still to be destroyed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deposed: Option<Text>,
    /// What it is.
    pub id: ObjectId,
    /// How it is reached.
    pub access: Access,
    /// Version of the schema that `sent` and `seen` follow.
    pub schema_version: u32,
    /// What was written in the configuration when it was applied last; secrets as expressions.
    pub sent: Value,
    /// What was seen of the object last.
    pub seen: Value,
    /// When it was made, in milliseconds since the Unix epoch; 0 where nobody knows.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub made_ms: u64,
    /// Owners that differ from the rule "written is ours, omitted is the remote side's".
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub owners: Vec<(Path, Owner)>,
    /// Digests of secret leaves.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub secrets: Vec<SecretDigest>,
    /// Set by somebody who wants it made anew.
    #[serde(default, skip_serializing_if = "is_false")]
    pub tainted: bool,
    /// Set while it is half made or half destroyed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub partial: Option<Partial>,
    /// Instances it refers to directly.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub dependencies: Vec<InstanceAddr>,
    /// `prevent_destroy`, kept when the block is gone.
    #[serde(default, skip_serializing_if = "is_false")]
    pub prevent_destroy: bool,
    /// `create_before_destroy`, which orphans need too.
    #[serde(default, skip_serializing_if = "is_false")]
    pub create_before_destroy: bool,
    /// The `timeouts` block: seconds by verb.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub timeouts: BTreeMap<Text, u64>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_false(value: &bool) -> bool {
    !*value
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_zero(value: &u64) -> bool {
    *value == 0
}

/// A recorded output. A sensitive one keeps its expression, never its value.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RecordedOutput {
    /// The value; unknown with its expression where it is sensitive.
    pub value: Value,
    /// Whether it is sensitive.
    #[serde(default, skip_serializing_if = "is_false")]
    pub is_sensitive: bool,
}

/// What a step came to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StepResult {
    /// It took effect.
    Done,
    /// It did not take effect, and will not.
    NotDone,
    /// It failed; what it did is in the record.
    Failed,
}

/// One entry of the log.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "entry")]
pub enum Entry {
    /// The first entry.
    Start {
        /// Version of the format.
        format: u32,
        /// Name of this history; two states with one lineage belong together.
        lineage: Text,
    },
    /// A plan begins to be applied, or goes on.
    Begin {
        /// Id of the plan.
        plan: Text,
        /// The plan in short, for history.
        summary: Text,
        /// When, RFC 3339.
        at: Text,
        /// Who, `user@host`.
        by: Text,
    },
    /// A step is about to touch the world.
    Intent {
        /// Number of the step in the plan.
        step: u32,
        /// The intent.
        intent: Box<Intent>,
        /// The record as it will be when the step is done, but for what is seen: a run that finds the
        /// step done needs nothing else.
        record: Box<Recorded>,
    },
    /// The step runs at the remote side, and is found by this handle.
    Running {
        /// Id of the intent.
        intent: Text,
        /// What it is found by.
        handle: Handle,
    },
    /// What became of an intent, and the object after it.
    Outcome {
        /// Id of the intent.
        intent: Text,
        /// What it came to.
        result: StepResult,
        /// The record to keep; missing where there is none any more.
        record: Option<Box<Recorded>>,
    },
    /// A record is put in, without touching the world.
    Record {
        /// The step that this ends, where the object is nothing but its record.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        step: Option<u32>,
        /// The record.
        record: Box<Recorded>,
    },
    /// A record is taken out, without touching the world.
    Forget {
        /// The step that this ends, where the object is nothing but its record.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        step: Option<u32>,
        /// The instance.
        addr: InstanceAddr,
        /// Set for a deposed object.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        deposed: Option<Text>,
    },
    /// The outputs of the root module, all of them.
    Outputs {
        /// By name.
        outputs: BTreeMap<Text, RecordedOutput>,
    },
    /// A provider configuration, secrets as expressions: what destroy uses when the block is gone.
    Provider {
        /// Name and alias.
        name: ProviderName,
        /// The configuration.
        configuration: Value,
    },
    /// Drift that was told of: findings by their fingerprint. Nothing else is said of the objects.
    Drift {
        /// When, RFC 3339 in UTC.
        at: Text,
        /// Told of for the first time.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        found: Vec<DriftMark>,
        /// Not there any more.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        over: Vec<DriftMark>,
    },
    /// All steps of the plan are done.
    Finish {
        /// Id of the plan.
        plan: Text,
    },
}

/// A finding of drift, as the state remembers it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct DriftMark {
    /// The instance.
    pub addr: InstanceAddr,
    /// Set for a deposed object.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deposed: Option<Text>,
    /// What tells it from other findings: see [`crate::drift::fingerprint`].
    pub fingerprint: Text,
}

/// A finding that is remembered, with the moment when it was told of first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RememberedDrift {
    /// The finding.
    #[serde(flatten)]
    pub mark: DriftMark,
    /// RFC 3339 in UTC.
    pub first_seen: Text,
}

/// An intent whose outcome is not known.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OpenIntent {
    /// Id of the plan that wrote it.
    pub plan: Text,
    /// Number of the step in that plan.
    pub step: u32,
    /// The record as it will be when the step is done, but for what is seen.
    pub record: Arc<Recorded>,
    /// The intent, with its handle where one is known.
    pub intent: Arc<Intent>,
}

/// The plan that was applied last, and how far it came.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Applying {
    /// Id of the plan.
    pub plan: Text,
    /// Serial of the state before its first entry.
    pub base_serial: u64,
    /// How many entries before that only remember drift.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub base_notes: u64,
    /// Steps that are done.
    pub done: BTreeSet<u32>,
    /// Whether all of it is done.
    pub is_finished: bool,
}

/// A place in the state: an instance and, for a replaced object, its mark.
pub type RecordKey = (InstanceAddr, Option<Text>);

/// What the log says.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct State {
    /// Name of this history; empty before the first entry.
    pub lineage: Text,
    /// Number of entries.
    pub serial: u64,
    /// Recorded objects.
    pub objects: BTreeMap<RecordKey, Arc<Recorded>>,
    /// Intents without an outcome, in the order they were written.
    pub intents: Vec<OpenIntent>,
    /// Outputs of the root module.
    pub outputs: BTreeMap<Text, RecordedOutput>,
    /// Provider configurations.
    pub providers: BTreeMap<ProviderName, Value>,
    /// The plan that was applied last.
    pub applying: Applying,
    /// When which finding of drift was told of first, by object and fingerprint. A record that is written anew ends
    /// those of its object: from there on drift is counted from what it says.
    pub drift: BTreeMap<RecordKey, BTreeMap<Text, Text>>,
    /// How many of the last entries only remember drift: they make no plan stale. A snapshot does not keep it, so a
    /// plan may go stale after one that need not.
    pub notes: u64,
}

impl State {
    /// Whether nothing was ever recorded.
    #[must_use]
    pub fn is_new(&self) -> bool {
        self.lineage.is_empty()
    }

    /// The record of an instance.
    #[must_use]
    pub fn record(&self, addr: &InstanceAddr) -> Option<&Arc<Recorded>> {
        self.objects.get(&(addr.clone(), None))
    }

    /// The block as the records have it, where there is one: addresses that share their block are compared by key alone.
    #[must_use]
    pub fn shared_block(&self, block: Arc<ResourceAddr>) -> Arc<ResourceAddr> {
        let first = (InstanceAddr::new(block, None), None);
        match self.objects.range(&first..).next() {
            Some(((addr, _), _)) if addr.resource == first.0.resource => addr.resource.clone(),
            _ => first.0.resource,
        }
    }

    /// When a finding was told of first, RFC 3339; `None` where it is not remembered.
    #[must_use]
    pub fn first_seen(&self, key: &RecordKey, fingerprint: &str) -> Option<&Text> {
        self.drift.get(key)?.get(fingerprint)
    }

    /// Every finding that is remembered, in order.
    pub fn remembered_drift(&self) -> impl Iterator<Item = RememberedDrift> {
        self.drift.iter().flat_map(|((addr, deposed), found)| {
            found.iter().map(|(fingerprint, first_seen)| RememberedDrift {
                mark: DriftMark { addr: addr.clone(), deposed: deposed.clone(), fingerprint: fingerprint.clone() },
                first_seen: first_seen.clone(),
            })
        })
    }

    /// Remembers a finding. The first moment counts.
    pub fn remember_drift(&mut self, remembered: RememberedDrift) {
        let RememberedDrift { mark, first_seen } = remembered;
        let found = self.drift.entry((mark.addr, mark.deposed)).or_default();
        found.entry(mark.fingerprint).or_insert(first_seen);
    }

    /// Takes in the next entry.
    pub fn apply(&mut self, entry: Entry) {
        let notes = std::mem::replace(&mut self.notes, 0);
        match entry {
            Entry::Start { lineage, .. } => self.lineage = lineage,
            Entry::Begin { plan, .. } => {
                if self.applying.plan != plan || self.applying.is_finished {
                    self.applying =
                        Applying { plan, base_serial: self.serial, base_notes: notes, ..Applying::default() };
                }
            }
            Entry::Intent { step, intent, record } => self.intents.push(OpenIntent {
                plan: self.applying.plan.clone(),
                step,
                record: (*record).into(),
                intent: (*intent).into(),
            }),
            Entry::Running { intent, handle } => {
                if let Some(open) = self.intents.iter_mut().find(|open| open.intent.id == intent) {
                    Arc::make_mut(&mut open.intent).handle = Some(handle);
                }
            }
            Entry::Outcome { intent, result, record } => self.close(&intent, &result, record),
            Entry::Record { step, record } => {
                self.applying.done.extend(step);
                self.put(*record);
            }
            Entry::Forget { step, addr, deposed } => {
                self.applying.done.extend(step);
                self.take_out(&(addr, deposed));
            }
            Entry::Drift { at, found, over } => {
                self.notes = notes + 1;
                for mark in over {
                    self.forget_drift(mark);
                }
                for mark in found {
                    self.remember_drift(RememberedDrift { mark, first_seen: at.clone() });
                }
            }
            Entry::Outputs { outputs } => self.outputs = outputs,
            Entry::Provider { name, configuration } => {
                self.providers.insert(name, configuration);
            }
            Entry::Finish { plan } => {
                if self.applying.plan == plan {
                    self.applying.is_finished = true;
                }
            }
        }
        self.serial += 1;
    }

    fn put(&mut self, record: Recorded) {
        let key = (record.addr.clone(), record.deposed.clone());
        self.drift.remove(&key);
        self.objects.insert(key, Arc::new(record));
    }

    fn take_out(&mut self, key: &RecordKey) {
        self.drift.remove(key);
        self.objects.remove(key);
    }

    fn forget_drift(&mut self, mark: DriftMark) {
        let key = (mark.addr, mark.deposed);
        if let Some(found) = self.drift.get_mut(&key) {
            found.remove(&mark.fingerprint);
            if found.is_empty() {
                self.drift.remove(&key);
            }
        }
    }

    fn close(&mut self, intent: &str, result: &StepResult, record: Option<Box<Recorded>>) {
        let Some(at) = self.intents.iter().position(|open| &*open.intent.id == intent) else { return };
        let open = self.intents.remove(at);
        if *result == StepResult::Done && open.plan == self.applying.plan {
            self.applying.done.insert(open.step);
        }
        match record {
            Some(record) => self.put(*record),
            None if *result == StepResult::NotDone => {}
            None => self.take_out(&(open.intent.addr.clone(), open.intent.deposed.clone())),
        }
    }
}
