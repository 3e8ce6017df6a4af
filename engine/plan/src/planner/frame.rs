//! Module instances and the values of what they declare.

use std::sync::Arc;
use terrane_core::{InstanceKey, ModulePath, Text, Value};
use terrane_lang::program::ModuleId;
use terrane_lang::scope::KeyForm;

/// Number of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct FrameId(pub usize);

/// Number of a vertex: an instance, or a join of many.
pub type Vertex = u32;

/// How far a declaration is.
#[derive(Clone, Debug, Default)]
pub enum Cell {
    /// Not evaluated yet.
    #[default]
    Pending,
    /// It has an error; what refers to it says nothing more.
    Broken,
    /// Its value, and the vertices that went into it.
    Ready(Value, Arc<[Vertex]>),
}

/// The keys of a repeated block.
#[derive(Clone, Debug, PartialEq)]
pub enum Keys {
    /// One instance without a key.
    Single,
    /// `count`.
    Count(usize),
    /// `for_each`: keys in order, with their values.
    Each(Arc<[(Text, Value)]>),
}

impl Keys {
    /// How many instances there are.
    pub fn len(&self) -> usize {
        match self {
            Self::Single => 1,
            Self::Count(count) => *count,
            Self::Each(pairs) => pairs.len(),
        }
    }

    /// The form of the keys.
    pub fn form(&self) -> KeyForm {
        match self {
            Self::Single => KeyForm::Single,
            Self::Count(_) => KeyForm::Index,
            Self::Each(_) => KeyForm::Name,
        }
    }

    /// The key of the instance at `position`.
    pub fn key(&self, position: usize) -> Option<InstanceKey> {
        match self {
            Self::Single => None,
            Self::Count(_) => Some(InstanceKey::Index(u64::try_from(position).unwrap_or(u64::MAX))),
            Self::Each(pairs) => pairs.get(position).map(|(key, _)| InstanceKey::Name(key.clone())),
        }
    }

    /// The position of the instance with `key`.
    pub fn position(&self, key: Option<&InstanceKey>) -> Option<usize> {
        match (self, key) {
            (Self::Single, None) => Some(0),
            (Self::Count(count), Some(InstanceKey::Index(index))) => {
                usize::try_from(*index).ok().filter(|index| index < count)
            }
            (Self::Each(pairs), Some(InstanceKey::Name(name))) => pairs.binary_search_by(|(key, _)| key.cmp(name)).ok(),
            _ => None,
        }
    }

    /// `each.key` and `each.value` of the instance at `position`.
    pub fn each(&self, position: usize) -> Option<(Value, Value)> {
        match self {
            Self::Each(pairs) => pairs.get(position).map(|(key, value)| (Value::string(key.clone()), value.clone())),
            Self::Single | Self::Count(_) => None,
        }
    }

    /// `count.index` of the instance at `position`.
    pub fn count_index(&self, position: usize) -> Option<Value> {
        match self {
            Self::Count(_) => i64::try_from(position).ok().map(Value::int),
            Self::Single | Self::Each(_) => None,
        }
    }
}

/// A resource block or module call of a frame.
#[derive(Clone, Debug, Default)]
pub enum Slot {
    /// Its keys are not known yet.
    #[default]
    Pending,
    /// It has an error.
    Broken,
    /// Its instances stand one after the other from `first`.
    Ready {
        /// Their keys.
        keys: Keys,
        /// The first: a vertex of an instance, or the number of a frame.
        first: usize,
    },
}

/// One module instance.
#[derive(Debug)]
pub struct Frame {
    /// The static module.
    pub module: ModuleId,
    /// Its address.
    pub path: ModulePath,
    /// The frame of the caller.
    pub parent: Option<FrameId>,
    /// `each` of the call, for its arguments.
    pub each: Option<(Value, Value)>,
    /// `count.index` of the call, for its arguments.
    pub count_index: Option<Value>,
    /// What the call depends on: everything inside waits for it.
    pub waits_for: Arc<[Vertex]>,
    /// Variables, by number.
    pub variables: Vec<Cell>,
    /// Locals, by number.
    pub locals: Vec<Cell>,
    /// Outputs, by number.
    pub outputs: Vec<Cell>,
    /// Resources, by number.
    pub resources: Vec<Slot>,
    /// Module calls, by number.
    pub calls: Vec<Slot>,
}
