//! Values of the language: known, unknown with what is left to compute, and marked sensitive.
//!
//! A value is small and shared: cloning costs a counter. Whether anything inside is unknown or sensitive
//! is kept as bits, so asking costs nothing. Objects and maps are sorted by key, sets are sorted by value.

use crate::{InstanceAddr, Number, Path, PathStep, Text, Type};
use std::cmp::Ordering;
use std::fmt;
use std::sync::Arc;

const SENSITIVE: u8 = 1;
const HAS_SENSITIVE: u8 = 2;
const HAS_UNKNOWN: u8 = 4;

/// A value with its marks.
#[derive(Clone)]
pub struct Value {
    kind: Kind,
    marks: u8,
}

/// What a value is.
#[derive(Clone)]
pub enum Kind {
    /// No value.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// An exact number.
    Number(Number),
    /// Text, NFC-normalised by whoever made it.
    String(Text),
    /// Values in order, each of its own type: what `[a, b]` makes.
    Tuple(Arc<[Value]>),
    /// Values of one type in order.
    List(Arc<[Value]>),
    /// Values of one type, sorted, each once.
    Set(Arc<[Value]>),
    /// Attributes with a type each: what `{ a = b }` makes.
    Object(Entries),
    /// Values of one type by key.
    Map(Entries),
    /// Not known yet.
    Unknown(Arc<Unknown>),
}

/// Entries of an object or map, sorted by key, each key once.
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Entries(Arc<[(Text, Value)]>);

impl Entries {
    /// Sorts `pairs`; of equal keys the last stays.
    #[must_use]
    pub fn new(mut pairs: Vec<(Text, Value)>) -> Self {
        if !pairs.windows(2).all(|w| matches!(w, [a, b] if a.0 < b.0)) {
            pairs.sort_by(|a, b| a.0.cmp(&b.0));
            pairs.reverse();
            pairs.dedup_by(|a, b| a.0 == b.0);
            pairs.reverse();
        }
        Self(pairs.into())
    }

    /// Takes the pairs from `start` on out of `pairs`; of equal keys the last stays.
    pub(crate) fn taken(pairs: &mut Vec<(Text, Value)>, start: usize) -> Self {
        let is_sorted = pairs.get(start..).is_some_and(|new| new.is_sorted_by(|a, b| a.0 < b.0));
        if is_sorted {
            Self(pairs.drain(start..).collect())
        } else {
            Self::new(pairs.split_off(start.min(pairs.len())))
        }
    }

    /// The value of `key`.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Value> {
        let at = self.0.binary_search_by(|(k, _)| (**k).cmp(key)).ok()?;
        self.0.get(at).map(|(_, value)| value)
    }

    /// Key and value in order of keys.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (&Text, &Value)> + ExactSizeIterator {
        self.0.iter().map(|(key, value)| (key, value))
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// These entries with `key` set to `value`.
    #[must_use]
    pub fn with(&self, key: impl Into<Text>, value: Value) -> Self {
        let key = key.into();
        let mut pairs = self.0.to_vec();
        match self.0.binary_search_by(|(k, _)| k.cmp(&key)) {
            Ok(at) => {
                if let Some((_, place)) = pairs.get_mut(at) {
                    *place = value;
                }
            }
            Err(at) => pairs.insert(at, (key, value)),
        }
        Self(pairs.into())
    }

    /// These entries without `key`.
    #[must_use]
    pub fn without(&self, key: &str) -> Self {
        Self(self.0.iter().filter(|(k, _)| &**k != key).cloned().collect())
    }
}

impl FromIterator<(Text, Value)> for Entries {
    fn from_iter<I: IntoIterator<Item = (Text, Value)>>(pairs: I) -> Self {
        Self::new(pairs.into_iter().collect())
    }
}

/// A value that is not known yet: its type as far as it is known, and how to compute it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Unknown {
    /// Type, `Any` where it is open.
    pub ty: Type,
    /// What is left to compute.
    pub residual: Residual,
}

/// What is left of an expression once everything known has been put in. Operands are values, and may
/// be unknown in turn. A plan stores residuals, so that apply computes exactly what was reviewed.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Residual {
    /// An attribute that an object will have once it is made or read.
    Attribute {
        /// The instance.
        instance: InstanceAddr,
        /// Path inside the object.
        path: Path,
    },
    /// A variable whose value stays outside of plan and state.
    Variable(Text),
    /// A function of the language, or a source of secrets (`env`, `file`, `exec`).
    Call {
        /// Name of the function.
        function: Text,
        /// Arguments.
        arguments: Vec<Value>,
        /// Whether the last argument is spread (`f(list...)`).
        is_spread: bool,
    },
    /// An operator with one or two operands.
    Operation {
        /// The operator.
        operator: Operator,
        /// Operands in order.
        operands: Vec<Value>,
    },
    /// `condition ? yes : no`.
    Conditional {
        /// The condition.
        condition: Value,
        /// When true.
        yes: Value,
        /// When false.
        no: Value,
    },
    /// Parts of a template, joined as text.
    Template(Vec<Value>),
    /// An attribute, key or position of a collection.
    Index {
        /// The collection.
        collection: Value,
        /// The key.
        key: Value,
    },
    /// A conversion to a type.
    Convert {
        /// The value.
        value: Value,
        /// The wanted type.
        ty: Type,
    },
    /// A `for` expression or splat over a collection that is not known.
    For(Box<ForResidual>),
    /// The loop variable of an enclosing [`Residual::For`].
    Local(u32),
}

/// A `for` expression whose collection, or a part of whose body, is not known.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ForResidual {
    /// What is walked.
    pub collection: Value,
    /// Number of the [`Residual::Local`] that stands for the key.
    pub key_local: u32,
    /// Number of the [`Residual::Local`] that stands for the value.
    pub value_local: u32,
    /// The filter.
    pub condition: Option<Value>,
    /// For an object result: the key.
    pub result_key: Option<Value>,
    /// The element.
    pub result: Value,
    /// Whether values of one key are gathered in a list (`...`).
    pub is_grouped: bool,
    /// Whether this is a splat: null gives nothing, a single value gives one element.
    pub is_splat: bool,
}

/// Operators of the language.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Operator {
    /// `a + b`
    Add,
    /// `a - b`
    Subtract,
    /// `a * b`
    Multiply,
    /// `a / b`
    Divide,
    /// `a % b`
    Remainder,
    /// `a == b`
    Equal,
    /// `a != b`
    NotEqual,
    /// `a < b`
    Less,
    /// `a <= b`
    LessEqual,
    /// `a > b`
    Greater,
    /// `a >= b`
    GreaterEqual,
    /// `a && b`
    And,
    /// `a || b`
    Or,
    /// `!a`
    Not,
    /// `-a`
    Negate,
}

impl Operator {
    /// The operator as it is written.
    #[must_use]
    pub fn symbol(self) -> &'static str {
        match self {
            Self::Add => "+",
            Self::Subtract | Self::Negate => "-",
            Self::Multiply => "*",
            Self::Divide => "/",
            Self::Remainder => "%",
            Self::Equal => "==",
            Self::NotEqual => "!=",
            Self::Less => "<",
            Self::LessEqual => "<=",
            Self::Greater => ">",
            Self::GreaterEqual => ">=",
            Self::And => "&&",
            Self::Or => "||",
            Self::Not => "!",
        }
    }
}

fn deep_marks<'a>(parts: impl Iterator<Item = &'a Value>) -> u8 {
    parts.fold(0, |marks, part| {
        marks
            | (part.marks & (HAS_SENSITIVE | HAS_UNKNOWN))
            | if part.marks & SENSITIVE != 0 { HAS_SENSITIVE } else { 0 }
    })
}

impl From<Kind> for Value {
    fn from(kind: Kind) -> Self {
        let marks = match &kind {
            Kind::Null | Kind::Bool(_) | Kind::Number(_) | Kind::String(_) => 0,
            Kind::Tuple(items) | Kind::List(items) | Kind::Set(items) => deep_marks(items.iter()),
            Kind::Object(entries) | Kind::Map(entries) => deep_marks(entries.iter().map(|(_, v)| v)),
            Kind::Unknown(_) => HAS_UNKNOWN,
        };
        Self { kind, marks }
    }
}

impl Value {
    /// No value.
    pub const NULL: Self = Self { kind: Kind::Null, marks: 0 };

    /// `true` or `false`.
    #[must_use]
    pub fn bool(value: bool) -> Self {
        Kind::Bool(value).into()
    }

    /// A whole number.
    #[must_use]
    pub fn int(value: i64) -> Self {
        Kind::Number(Number::Int(value)).into()
    }

    /// A number.
    #[must_use]
    pub fn number(value: Number) -> Self {
        Kind::Number(value).into()
    }

    /// A text.
    #[must_use]
    pub fn string(value: impl Into<Text>) -> Self {
        Kind::String(value.into()).into()
    }

    /// A tuple.
    #[must_use]
    pub fn tuple(items: Vec<Value>) -> Self {
        Kind::Tuple(items.into()).into()
    }

    /// A list. The elements have one type already.
    #[must_use]
    pub fn list(items: Vec<Value>) -> Self {
        Kind::List(items.into()).into()
    }

    /// A set: sorted, each value once.
    #[must_use]
    pub fn set(mut items: Vec<Value>) -> Self {
        items.sort();
        items.dedup();
        Kind::Set(items.into()).into()
    }

    /// An object.
    #[must_use]
    pub fn object(pairs: Vec<(Text, Value)>) -> Self {
        Kind::Object(Entries::new(pairs)).into()
    }

    /// A map. The values have one type already.
    #[must_use]
    pub fn map(pairs: Vec<(Text, Value)>) -> Self {
        Kind::Map(Entries::new(pairs)).into()
    }

    /// A value that is not known yet.
    #[must_use]
    pub fn unknown(ty: Type, residual: Residual) -> Self {
        Kind::Unknown(Arc::new(Unknown { ty, residual })).into()
    }

    /// What the value is.
    #[must_use]
    pub fn kind(&self) -> &Kind {
        &self.kind
    }

    /// This value, marked sensitive.
    #[must_use]
    pub fn sensitive(mut self) -> Self {
        self.marks |= SENSITIVE | HAS_SENSITIVE;
        self
    }

    /// This value without its own mark; marks inside stay.
    #[must_use]
    pub fn nonsensitive(self) -> Self {
        Self::from(self.kind)
    }

    /// This value, marked sensitive when `other` is.
    #[must_use]
    pub fn marked_like(self, other: &Value) -> Self {
        if other.is_sensitive() { self.sensitive() } else { self }
    }

    /// Whether the value itself is marked.
    #[must_use]
    pub fn is_sensitive(&self) -> bool {
        self.marks & SENSITIVE != 0
    }

    /// Whether the value or anything inside is marked.
    #[must_use]
    pub fn has_sensitive(&self) -> bool {
        self.marks & HAS_SENSITIVE != 0
    }

    /// Whether the value itself is known (its parts may not be).
    #[must_use]
    pub fn is_known(&self) -> bool {
        !matches!(self.kind, Kind::Unknown(_))
    }

    /// Whether the value and everything inside is known.
    #[must_use]
    pub fn is_wholly_known(&self) -> bool {
        self.marks & HAS_UNKNOWN == 0
    }

    /// Whether there is no value.
    #[must_use]
    pub fn is_null(&self) -> bool {
        matches!(self.kind, Kind::Null)
    }

    /// The text of a string.
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        match &self.kind {
            Kind::String(text) => Some(text),
            _ => None,
        }
    }

    /// The shared text of a string.
    #[must_use]
    pub fn as_text(&self) -> Option<&Text> {
        match &self.kind {
            Kind::String(text) => Some(text),
            _ => None,
        }
    }

    /// The truth of a bool.
    #[must_use]
    pub fn as_bool(&self) -> Option<bool> {
        match &self.kind {
            Kind::Bool(value) => Some(*value),
            _ => None,
        }
    }

    /// The number.
    #[must_use]
    pub fn as_number(&self) -> Option<&Number> {
        match &self.kind {
            Kind::Number(number) => Some(number),
            _ => None,
        }
    }

    /// The number, when it is whole and fits.
    #[must_use]
    pub fn as_i64(&self) -> Option<i64> {
        self.as_number().and_then(Number::to_i64)
    }

    /// The items of a tuple, list or set.
    #[must_use]
    pub fn items(&self) -> Option<&[Value]> {
        match &self.kind {
            Kind::Tuple(items) | Kind::List(items) | Kind::Set(items) => Some(items),
            _ => None,
        }
    }

    /// The entries of an object or map.
    #[must_use]
    pub fn entries(&self) -> Option<&Entries> {
        match &self.kind {
            Kind::Object(entries) | Kind::Map(entries) => Some(entries),
            _ => None,
        }
    }

    /// What is not known about it.
    #[must_use]
    pub fn as_unknown(&self) -> Option<&Arc<Unknown>> {
        match &self.kind {
            Kind::Unknown(unknown) => Some(unknown),
            _ => None,
        }
    }

    /// The attribute or key `name`; `None` where there is none or the value has no entries.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.entries().and_then(|entries| entries.get(name))
    }

    /// What stands at `path`.
    #[must_use]
    pub fn at(&self, path: &Path) -> Option<&Value> {
        path.0.iter().try_fold(self, |value, step| match step {
            PathStep::Name(name) => value.get(name),
            PathStep::Index(index) => value.items()?.get(usize::try_from(*index).ok()?),
        })
    }

    /// This value with what stands at `path` put in its place. Missing objects on the way are made;
    /// a step into anything else leaves the value as it is.
    #[must_use]
    pub fn with_at(&self, path: &[PathStep], put: Value) -> Value {
        let Some((first, rest)) = path.split_first() else { return put };
        let rebuilt: Value = match (first, &self.kind) {
            (PathStep::Name(name), Kind::Object(entries)) => {
                let inner = entries.get(name).cloned().unwrap_or(Self::NULL).with_at(rest, put);
                Kind::Object(entries.with(name.clone(), inner)).into()
            }
            (PathStep::Name(name), Kind::Map(entries)) => {
                let inner = entries.get(name).cloned().unwrap_or(Self::NULL).with_at(rest, put);
                Kind::Map(entries.with(name.clone(), inner)).into()
            }
            (PathStep::Name(name), Kind::Null) => Value::object(vec![(name.clone(), Self::NULL.with_at(rest, put))]),
            (PathStep::Index(index), Kind::List(items) | Kind::Tuple(items)) => {
                let mut items = items.to_vec();
                if let Some(item) = usize::try_from(*index).ok().and_then(|i| items.get_mut(i)) {
                    *item = item.with_at(rest, put);
                }
                if matches!(self.kind, Kind::List(_)) { Self::list(items) } else { Self::tuple(items) }
            }
            _ => return self.clone(),
        };
        rebuilt.marked_like(self)
    }

    /// The type of the value; collections take it from their first element.
    #[must_use]
    pub fn type_of(&self) -> Type {
        let first = |items: &[Value]| Box::new(items.first().map_or(Type::Any, Value::type_of));
        match &self.kind {
            Kind::Null => Type::Any,
            Kind::Bool(_) => Type::Bool,
            Kind::Number(_) => Type::Number,
            Kind::String(_) => Type::String,
            Kind::Tuple(items) => Type::Tuple(items.iter().map(Value::type_of).collect()),
            Kind::List(items) => Type::List(first(items)),
            Kind::Set(items) => Type::Set(first(items)),
            Kind::Object(entries) => Type::Object(
                entries.iter().map(|(k, v)| (k.clone(), crate::types::Field::required(v.type_of()))).collect(),
            ),
            Kind::Map(entries) => Type::map(entries.iter().next().map_or(Type::Any, |(_, v)| v.type_of())),
            Kind::Unknown(unknown) => unknown.ty.clone(),
        }
    }

    /// Whether two values mean the same to a remote side: lists and tuples alike, maps and objects alike,
    /// an attribute that is null like one that is missing, marks ignored.
    #[must_use]
    pub fn is_same(&self, other: &Value) -> bool {
        match (&self.kind, &other.kind) {
            (Kind::Tuple(a) | Kind::List(a), Kind::Tuple(b) | Kind::List(b)) | (Kind::Set(a), Kind::Set(b)) => {
                Arc::ptr_eq(a, b) || a.len() == b.len() && a.iter().zip(b.iter()).all(|(a, b)| a.is_same(b))
            }
            (Kind::Object(a) | Kind::Map(a), Kind::Object(b) | Kind::Map(b)) => {
                let missing = |x: &Entries, y: &Entries| {
                    x.iter().all(|(key, value)| value.is_null() || y.get(key).is_some_and(|v| !v.is_null()))
                };
                (Arc::ptr_eq(&a.0, &b.0))
                    || (missing(b, a) && a.iter().all(|(k, v)| v.is_null() || b.get(k).is_some_and(|w| v.is_same(w))))
            }
            _ => self == other,
        }
    }

    /// Whether nothing can tell the two apart: kinds and marks are equal all through. Unknown values are
    /// identical only to themselves.
    #[must_use]
    pub fn is_identical(&self, other: &Value) -> bool {
        let are_items = |a: &Arc<[Value]>, b: &Arc<[Value]>| {
            Arc::ptr_eq(a, b) || (a.len() == b.len() && a.iter().zip(b.iter()).all(|(a, b)| a.is_identical(b)))
        };
        let are_entries = |a: &Entries, b: &Entries| {
            let is_entry = |((k, v), (l, w)): ((&Text, &Value), (&Text, &Value))| {
                (Arc::ptr_eq(k, l) || k == l) && v.is_identical(w)
            };
            Arc::ptr_eq(&a.0, &b.0) || (a.len() == b.len() && a.iter().zip(b.iter()).all(is_entry))
        };
        self.marks == other.marks
            && match (&self.kind, &other.kind) {
                (Kind::Null, Kind::Null) => true,
                (Kind::Bool(a), Kind::Bool(b)) => a == b,
                (Kind::Number(a), Kind::Number(b)) => a == b,
                (Kind::String(a), Kind::String(b)) => Arc::ptr_eq(a, b) || a == b,
                (Kind::Tuple(a), Kind::Tuple(b)) | (Kind::List(a), Kind::List(b)) | (Kind::Set(a), Kind::Set(b)) => {
                    are_items(a, b)
                }
                (Kind::Object(a), Kind::Object(b)) | (Kind::Map(a), Kind::Map(b)) => are_entries(a, b),
                (Kind::Unknown(a), Kind::Unknown(b)) => Arc::ptr_eq(a, b),
                _ => false,
            }
    }

    /// This value, with `other` or its attributes in the place of what is identical, so that the memory is taken once
    /// and comparing the two costs little.
    #[must_use]
    pub fn sharing(self, other: &Value) -> Value {
        if self.is_identical(other) {
            return other.clone();
        }
        let (Kind::Object(mine), Kind::Object(theirs)) = (&self.kind, &other.kind) else { return self };
        let shared = |(key, value): (&Text, &Value)| match theirs.get(key).filter(|found| value.is_identical(found)) {
            Some(found) => (key.clone(), found.clone()),
            None => (key.clone(), value.clone()),
        };
        Value { kind: Kind::Object(Entries(mine.iter().map(shared).collect())), marks: self.marks }
    }

    fn rank(&self) -> u8 {
        match self.kind {
            Kind::Null => 0,
            Kind::Bool(_) => 1,
            Kind::Number(_) => 2,
            Kind::String(_) => 3,
            Kind::Tuple(_) => 4,
            Kind::List(_) => 5,
            Kind::Set(_) => 6,
            Kind::Object(_) => 7,
            Kind::Map(_) => 8,
            Kind::Unknown(_) => 9,
        }
    }
}

impl PartialEq for Value {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Value {}

impl PartialOrd for Value {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// A total order by kind, then content; marks do not count.
impl Ord for Value {
    fn cmp(&self, other: &Self) -> Ordering {
        match (&self.kind, &other.kind) {
            (Kind::Bool(a), Kind::Bool(b)) => a.cmp(b),
            (Kind::Number(a), Kind::Number(b)) => a.cmp(b),
            (Kind::String(a), Kind::String(b)) => a.cmp(b),
            (Kind::Tuple(a), Kind::Tuple(b)) | (Kind::List(a), Kind::List(b)) | (Kind::Set(a), Kind::Set(b)) => {
                if Arc::ptr_eq(a, b) {
                    Ordering::Equal
                } else {
                    a.cmp(b)
                }
            }
            (Kind::Object(a), Kind::Object(b)) | (Kind::Map(a), Kind::Map(b)) => {
                if Arc::ptr_eq(&a.0, &b.0) {
                    Ordering::Equal
                } else {
                    a.cmp(b)
                }
            }
            (Kind::Unknown(a), Kind::Unknown(b)) => a.cmp(b),
            _ => self.rank().cmp(&other.rank()),
        }
    }
}

impl std::hash::Hash for Value {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.rank().hash(state);
        match &self.kind {
            Kind::Null | Kind::Unknown(_) => {}
            Kind::Bool(value) => value.hash(state),
            Kind::Number(number) => number.hash(state),
            Kind::String(text) => text.hash(state),
            Kind::Tuple(items) | Kind::List(items) | Kind::Set(items) => items.hash(state),
            Kind::Object(entries) | Kind::Map(entries) => entries.0.hash(state),
        }
    }
}

/// Shows the value for a test or a log; a sensitive one shows as `(sensitive)`.
impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_sensitive() {
            return f.write_str("(sensitive)");
        }
        match &self.kind {
            Kind::Null => f.write_str("null"),
            Kind::Bool(value) => value.fmt(f),
            Kind::Number(number) => number.fmt(f),
            Kind::String(text) => f.write_str(&crate::path::quote(text)),
            Kind::Tuple(items) | Kind::List(items) | Kind::Set(items) => f.debug_list().entries(items.iter()).finish(),
            Kind::Object(entries) | Kind::Map(entries) => f.debug_map().entries(entries.iter()).finish(),
            Kind::Unknown(unknown) => write!(f, "unknown({})", unknown.ty),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_of_parts_are_seen_from_outside() {
        let inner = Value::string("s").sensitive();
        let outer = Value::object(vec![("a".into(), Value::tuple(vec![inner]))]);
        assert!(outer.has_sensitive() && !outer.is_sensitive());
        let unknown = Value::tuple(vec![Value::unknown(Type::String, Residual::Local(0))]);
        assert!(unknown.is_known() && !unknown.is_wholly_known());
    }

    #[test]
    fn sensitive_values_never_show() {
        assert_eq!(format!("{:?}", Value::tuple(vec![Value::string("s3cret").sensitive()])), "[(sensitive)]");
    }

    #[test]
    fn sameness_ignores_how_a_collection_was_made() {
        let tuple = Value::tuple(vec![Value::int(1)]);
        assert!(tuple.is_same(&Value::list(vec![Value::int(1)])) && tuple != Value::list(vec![Value::int(1)]));
        let a = Value::object(vec![("x".into(), Value::NULL), ("y".into(), Value::int(1))]);
        assert!(a.is_same(&Value::map(vec![("y".into(), Value::int(1))])));
        assert!(!a.is_same(&Value::map(vec![("z".into(), Value::int(1))])));
    }

    #[test]
    fn identical_parts_are_shared_and_nothing_else() {
        let zones = || ("zones".into(), Value::tuple(vec![Value::string("a"), Value::string("b")]));
        let recorded = Value::object(vec![zones(), ("a".into(), Value::int(1)), ("s".into(), Value::string("x"))]);
        let written = Value::object(vec![zones(), ("a".into(), Value::int(2)), ("s".into(), Value::string("x"))]);
        let shared = written.clone().sharing(&recorded);
        assert_eq!(shared, written);
        let items = |value: &Value| value.get("zones").and_then(Value::items).map(<[Value]>::as_ptr);
        assert_eq!(items(&shared), items(&recorded));
        assert_ne!(items(&written), items(&recorded));
        let secret = Value::object(vec![("s".into(), Value::string("x").sensitive())]);
        assert!(secret.sharing(&recorded).get("s").unwrap().is_sensitive());
        assert!(!Value::tuple(vec![]).is_identical(&Value::list(vec![])));
    }

    #[test]
    fn of_equal_keys_the_last_stays() {
        let entries =
            Entries::new(vec![("a".into(), Value::int(1)), ("b".into(), Value::int(2)), ("a".into(), Value::int(3))]);
        assert_eq!(entries.len(), 2);
        assert_eq!(entries.get("a"), Some(&Value::int(3)));
    }

    #[test]
    fn a_value_is_three_words() {
        assert!(std::mem::size_of::<Value>() <= 32);
    }
}
