//! Module instances and the values of what they declare.

use super::stages::Cause;
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
    /// It needs objects that take no part and are not recorded: these, among others.
    LeftOut(Arc<[Vertex]>),
    /// It waits for a later stage, because of this.
    Deferred(Cause),
    /// Its value, and the vertices that went into it.
    Ready(Value, Arc<[Vertex]>),
}

impl Cell {
    /// The same, after these too.
    pub fn touching(self, more: Vec<Vertex>) -> Self {
        match self {
            Self::Ready(value, touched) => {
                let mut touched: Vec<Vertex> = touched.iter().copied().chain(more).collect();
                touched.sort_unstable();
                touched.dedup();
                Self::Ready(value, touched.into())
            }
            other => other,
        }
    }
}

/// The keys of a block.
#[derive(Clone, Debug)]
pub struct Keys {
    /// The keys.
    pub set: KeySet,
    /// What they come from.
    pub over: Over,
}

/// Keys, by what the block says of them.
#[derive(Clone, Debug, PartialEq)]
pub enum KeySet {
    /// One instance without a key.
    Single,
    /// `count`.
    Count(usize),
    /// `for_each`: keys in order, with their values.
    Each(Arc<[(Text, Value)]>),
}

/// What the `count` or `for_each` of a block refers to.
#[derive(Clone, Debug)]
pub enum Over {
    /// These vertices, each instance to all of them.
    All(Arc<[Vertex]>),
    /// All instances of another `for_each` block: each instance to the one of its own key. They stand one after the
    /// other from this vertex.
    SameKey(usize),
}

/// What makes one instance of a repeated block another than its neighbours.
#[derive(Clone, Debug, Default)]
pub struct Repeated {
    /// `each.key` and `each.value`.
    pub each: Option<(Value, Value)>,
    /// `count.index`.
    pub count_index: Option<Value>,
    /// Vertices that its repetition refers to.
    pub over: Arc<[Vertex]>,
}

impl Keys {
    /// How many instances there are.
    pub fn len(&self) -> usize {
        match &self.set {
            KeySet::Single => 1,
            KeySet::Count(count) => *count,
            KeySet::Each(pairs) => pairs.len(),
        }
    }

    /// The form of the keys.
    pub fn form(&self) -> KeyForm {
        match self.set {
            KeySet::Single => KeyForm::Single,
            KeySet::Count(_) => KeyForm::Index,
            KeySet::Each(_) => KeyForm::Name,
        }
    }

    /// The key of the instance at `position`.
    pub fn key(&self, position: usize) -> Option<InstanceKey> {
        match &self.set {
            KeySet::Single => None,
            KeySet::Count(_) => Some(InstanceKey::Index(u64::try_from(position).unwrap_or(u64::MAX))),
            KeySet::Each(pairs) => pairs.get(position).map(|(key, _)| InstanceKey::Name(key.clone())),
        }
    }

    /// The position of the instance with `key`.
    pub fn position(&self, key: Option<&InstanceKey>) -> Option<usize> {
        match (&self.set, key) {
            (KeySet::Single, None) => Some(0),
            (KeySet::Count(count), Some(InstanceKey::Index(index))) => {
                usize::try_from(*index).ok().filter(|index| index < count)
            }
            (KeySet::Each(pairs), Some(InstanceKey::Name(name))) => {
                pairs.binary_search_by(|(key, _)| key.cmp(name)).ok()
            }
            _ => None,
        }
    }

    /// What makes the instance at `position` another than its neighbours.
    pub fn repeated(&self, position: usize) -> Repeated {
        let (each, count_index) = match &self.set {
            KeySet::Single => (None, None),
            KeySet::Count(_) => (None, i64::try_from(position).ok().map(Value::int)),
            KeySet::Each(pairs) => {
                (pairs.get(position).map(|(key, value)| (Value::string(key.clone()), value.clone())), None)
            }
        };
        let over = match &self.over {
            Over::All(vertices) => vertices.clone(),
            Over::SameKey(first) => Vertex::try_from(first + position).into_iter().collect(),
        };
        Repeated { each, count_index, over }
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
    /// Its keys need objects that take no part and are not recorded.
    LeftOut(Arc<[Vertex]>),
    /// Its keys wait for a later stage, because of this; the vertex stands for its instances.
    Deferred(Cause, Vertex),
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
    /// What `each` and `count` are for the arguments of the call.
    pub repeated: Repeated,
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
