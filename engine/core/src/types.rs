//! Types of values, as variables, attributes and conversions name them.

use crate::{Text, Value};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;

/// The type of a value.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Type {
    /// Any type; what a value has is kept.
    Any,
    /// `true` or `false`.
    Bool,
    /// An exact number.
    Number,
    /// Text.
    String,
    /// Values of one type in order.
    List(Box<Type>),
    /// Values of one type, each once, sorted.
    Set(Box<Type>),
    /// Values of one type by key.
    Map(Box<Type>),
    /// Values of a type each, in order.
    Tuple(Vec<Type>),
    /// Attributes with a type each.
    Object(BTreeMap<Text, Field>),
}

/// An attribute of an object type.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Field {
    /// Its type.
    #[serde(rename = "type")]
    pub ty: Type,
    /// `optional(T)`: may be missing.
    #[serde(default)]
    pub is_optional: bool,
    /// `optional(T, default)`: what stands in when it is missing or null; a constant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default: Option<Value>,
}

impl Field {
    /// An attribute that has to be there.
    #[must_use]
    pub fn required(ty: Type) -> Self {
        Self { ty, is_optional: false, default: None }
    }

    /// An attribute that may be missing.
    #[must_use]
    pub fn optional(ty: Type) -> Self {
        Self { ty, is_optional: true, default: None }
    }
}

impl Type {
    /// A list of `element`.
    #[must_use]
    pub fn list(element: Type) -> Self {
        Self::List(Box::new(element))
    }

    /// A set of `element`.
    #[must_use]
    pub fn set(element: Type) -> Self {
        Self::Set(Box::new(element))
    }

    /// A map of `element`.
    #[must_use]
    pub fn map(element: Type) -> Self {
        Self::Map(Box::new(element))
    }

    /// Whether values of this type have no parts.
    #[must_use]
    pub fn is_primitive(&self) -> bool {
        matches!(self, Self::Bool | Self::Number | Self::String)
    }

    /// The type of what `name` leads to inside a value of this type; `Any` where that is not known.
    #[must_use]
    pub fn attribute(&self, name: &str) -> Type {
        match self {
            Self::Object(fields) => fields.get(name).map_or(Self::Any, |f| f.ty.clone()),
            Self::Map(element) => (**element).clone(),
            _ => Self::Any,
        }
    }

    /// The type of the elements of a collection; `Any` where they differ or there are none.
    #[must_use]
    pub fn element(&self) -> Type {
        match self {
            Self::List(element) | Self::Set(element) | Self::Map(element) => (**element).clone(),
            _ => Self::Any,
        }
    }
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any => f.write_str("any"),
            Self::Bool => f.write_str("bool"),
            Self::Number => f.write_str("number"),
            Self::String => f.write_str("string"),
            Self::List(element) => write!(f, "list({element})"),
            Self::Set(element) => write!(f, "set({element})"),
            Self::Map(element) => write!(f, "map({element})"),
            Self::Tuple(items) => {
                f.write_str("tuple([")?;
                for (position, item) in items.iter().enumerate() {
                    if position > 0 {
                        f.write_str(", ")?;
                    }
                    item.fmt(f)?;
                }
                f.write_str("])")
            }
            Self::Object(fields) => {
                f.write_str("object({")?;
                for (position, (name, field)) in fields.iter().enumerate() {
                    f.write_str(if position > 0 { ", " } else { " " })?;
                    if field.is_optional {
                        write!(f, "{name} = optional({})", field.ty)?;
                    } else {
                        write!(f, "{name} = {}", field.ty)?;
                    }
                }
                f.write_str(if fields.is_empty() { "})" } else { " })" })
            }
        }
    }
}
