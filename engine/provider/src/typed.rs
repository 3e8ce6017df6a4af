//! Rust values from and to [`Value`]: the run-time half of `#[derive(Resource)]`.
//!
//! A null or missing value is `None`, an empty collection or an error, as the Rust type allows. A value that is not
//! known yet is `None` where an `Option` stands, and an error elsewhere.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use terrane_core::{Block, Path, PathStep, Type, Value};

/// A value that does not fit a Rust type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TypedError {
    /// Where it stands.
    pub path: Path,
    /// What was wanted, `a whole number`.
    pub wanted: &'static str,
    /// What is there, `a string`.
    pub found: &'static str,
}

impl TypedError {
    /// `value` is not `wanted`.
    #[must_use]
    pub fn new(wanted: &'static str, value: &Value) -> Self {
        Self { path: Path::default(), wanted, found: name_of(value) }
    }

    /// The same error, seen from one step further out.
    #[must_use]
    pub fn inside(mut self, step: PathStep) -> Self {
        self.path.0.insert(0, step);
        self
    }
}

impl fmt::Display for TypedError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` has to be {}, and is {}", self.path, self.wanted, self.found)
    }
}

impl std::error::Error for TypedError {}

fn name_of(value: &Value) -> &'static str {
    use terrane_core::Kind;
    match value.kind() {
        Kind::Null => "null",
        Kind::Bool(_) => "a bool",
        Kind::Number(_) => "a number",
        Kind::String(_) => "a string",
        Kind::Tuple(_) | Kind::List(_) => "a list",
        Kind::Set(_) => "a set",
        Kind::Object(_) => "an object",
        Kind::Map(_) => "a map",
        Kind::Unknown(_) => "not known yet",
    }
}

/// A Rust type that stands for values.
pub trait Typed: Sized {
    /// The type of these values.
    fn ty() -> Type;

    /// Reads a value that is there.
    ///
    /// # Errors
    /// What does not fit, and where.
    fn from_value(value: &Value) -> Result<Self, TypedError>;

    /// The value.
    fn to_value(&self) -> Value;

    /// What a missing value means; `None` where it has to be there.
    #[must_use]
    fn absent() -> Option<Self> {
        None
    }
}

/// A struct that stands for a nested block or an object.
pub trait TypedBlock: Typed {
    /// Its attributes.
    fn block() -> Block;
}

/// A secret: an expression that only [`crate::Services::reveal`] turns into text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Secret(pub Value);

/// Refuses what is no object.
///
/// # Errors
/// What it is instead.
pub fn expect_object(value: &Value) -> Result<(), TypedError> {
    value.entries().map(|_| ()).ok_or_else(|| TypedError::new("an object", value))
}

/// Reads the attribute `name` of an object.
///
/// # Errors
/// What does not fit, and where.
pub fn field<T: Typed>(object: &Value, name: &str) -> Result<T, TypedError> {
    let found = object.get(name).filter(|value| !value.is_null());
    let read = match found {
        Some(value) => T::from_value(value),
        None => T::absent().ok_or_else(|| TypedError::new("there", &Value::NULL)),
    };
    read.map_err(|error| error.inside(PathStep::Name(name.into())))
}

/// Reads the attribute `name` of an object, or takes `default` where it is missing.
///
/// # Errors
/// What does not fit, and where.
pub fn field_or<T: Typed>(object: &Value, name: &str, default: impl FnOnce() -> T) -> Result<T, TypedError> {
    match object.get(name).filter(|value| !value.is_null()) {
        Some(_) => field(object, name),
        None => Ok(default()),
    }
}

/// A list as a set.
#[must_use]
pub fn as_set(value: Value) -> Value {
    match value.items() {
        Some(items) => Value::set(items.to_vec()),
        None => value,
    }
}

impl Typed for String {
    fn ty() -> Type {
        Type::String
    }
    fn from_value(value: &Value) -> Result<Self, TypedError> {
        value.as_str().map(str::to_owned).ok_or_else(|| TypedError::new("a string", value))
    }
    fn to_value(&self) -> Value {
        Value::string(self.as_str())
    }
}

impl Typed for bool {
    fn ty() -> Type {
        Type::Bool
    }
    fn from_value(value: &Value) -> Result<Self, TypedError> {
        value.as_bool().ok_or_else(|| TypedError::new("a bool", value))
    }
    fn to_value(&self) -> Value {
        Value::bool(*self)
    }
}

macro_rules! whole_numbers {
    ($($ty:ty),*) => {$(
        impl Typed for $ty {
            fn ty() -> Type {
                Type::Number
            }
            fn from_value(value: &Value) -> Result<Self, TypedError> {
                let number = value.as_i64().and_then(|number| Self::try_from(number).ok());
                number.ok_or_else(|| TypedError::new("a whole number that fits", value))
            }
            fn to_value(&self) -> Value {
                // What does not fit 64 bits with a sign is beyond every API; it would show as the largest number.
                Value::int(i64::try_from(*self).unwrap_or(i64::MAX))
            }
        }
    )*};
}
whole_numbers!(i64, i32, u64, u32, u16, u8);

impl Typed for Value {
    fn ty() -> Type {
        Type::Any
    }
    fn from_value(value: &Value) -> Result<Self, TypedError> {
        Ok(value.clone())
    }
    fn to_value(&self) -> Value {
        self.clone()
    }
    fn absent() -> Option<Self> {
        Some(Self::NULL)
    }
}

impl Typed for Secret {
    fn ty() -> Type {
        Type::String
    }
    fn from_value(value: &Value) -> Result<Self, TypedError> {
        Ok(Self(value.clone()))
    }
    fn to_value(&self) -> Value {
        self.0.clone()
    }
    fn absent() -> Option<Self> {
        Some(Self(Value::NULL))
    }
}

impl<T: Typed> Typed for Option<T> {
    fn ty() -> Type {
        T::ty()
    }
    fn from_value(value: &Value) -> Result<Self, TypedError> {
        if value.is_null() || !value.is_known() { Ok(None) } else { T::from_value(value).map(Some) }
    }
    fn to_value(&self) -> Value {
        self.as_ref().map_or(Value::NULL, T::to_value)
    }
    fn absent() -> Option<Self> {
        Some(None)
    }
}

fn each<T: Typed>(value: &Value) -> Result<Vec<T>, TypedError> {
    let items = value.items().ok_or_else(|| TypedError::new("a list or set", value))?;
    let read = |(position, item): (usize, &Value)| {
        let step = PathStep::Index(u64::try_from(position).unwrap_or(u64::MAX));
        T::from_value(item).map_err(|error| error.inside(step))
    };
    items.iter().enumerate().map(read).collect()
}

impl<T: Typed> Typed for Vec<T> {
    fn ty() -> Type {
        Type::list(T::ty())
    }
    fn from_value(value: &Value) -> Result<Self, TypedError> {
        each(value)
    }
    fn to_value(&self) -> Value {
        Value::list(self.iter().map(T::to_value).collect())
    }
    fn absent() -> Option<Self> {
        Some(Self::new())
    }
}

impl<T: Typed + Ord> Typed for BTreeSet<T> {
    fn ty() -> Type {
        Type::set(T::ty())
    }
    fn from_value(value: &Value) -> Result<Self, TypedError> {
        each(value).map(|items| items.into_iter().collect())
    }
    fn to_value(&self) -> Value {
        Value::set(self.iter().map(T::to_value).collect())
    }
    fn absent() -> Option<Self> {
        Some(Self::new())
    }
}

impl<T: Typed> Typed for BTreeMap<String, T> {
    fn ty() -> Type {
        Type::map(T::ty())
    }
    fn from_value(value: &Value) -> Result<Self, TypedError> {
        let entries = value.entries().ok_or_else(|| TypedError::new("a map", value))?;
        let read = |(key, item): (&terrane_core::Text, &Value)| {
            let item = T::from_value(item).map_err(|error| error.inside(PathStep::Name(key.clone())))?;
            Ok((key.to_string(), item))
        };
        entries.iter().map(read).collect()
    }
    fn to_value(&self) -> Value {
        Value::map(self.iter().map(|(key, item)| (key.as_str().into(), item.to_value())).collect())
    }
    fn absent() -> Option<Self> {
        Some(Self::new())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use terrane_core::Residual;

    #[test]
    fn what_is_missing_or_unknown_is_none_only_where_it_may_be() {
        let object = Value::object(vec![("a".into(), Value::unknown(Type::String, Residual::Local(0)))]);
        assert_eq!(field::<Option<String>>(&object, "a"), Ok(None));
        assert_eq!(field::<Option<String>>(&object, "b"), Ok(None));
        let error = field::<String>(&object, "a").expect_err("unknown");
        assert_eq!(error.to_string(), "`a` has to be a string, and is not known yet");
        assert!(field::<String>(&object, "b").is_err());
        assert_eq!(field::<Vec<String>>(&object, "b"), Ok(Vec::new()));
        assert_eq!(field_or(&object, "b", || 5_u32), Ok(5));
    }

    #[test]
    fn errors_name_the_leaf() {
        let object = Value::object(vec![("a".into(), Value::tuple(vec![Value::int(1), Value::int(-1)]))]);
        let error = field::<Vec<u32>>(&object, "a").expect_err("negative");
        assert_eq!(error.path.to_string(), "a[1]");
    }

    #[test]
    fn conversions_go_both_ways() {
        let map: BTreeMap<String, BTreeSet<i64>> =
            [("k".to_owned(), [2, 1].into_iter().collect())].into_iter().collect();
        assert_eq!(Typed::from_value(&map.to_value()), Ok(map.clone()));
        assert_eq!(BTreeMap::<String, BTreeSet<i64>>::ty(), Type::map(Type::set(Type::Number)));
    }
}
