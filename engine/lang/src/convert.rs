//! Conversion of values between types, and the one type that several types have in common.

use terrane_core::{Path, Type, Value};

/// A value that has no form in the wanted type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConvertError {
    /// The part that does not fit.
    pub path: Path,
    /// What is wanted, in words.
    pub reason: String,
}

/// The value in the form of `ty`.
///
/// # Errors
/// The first part that does not fit.
pub fn convert(value: &Value, ty: &Type) -> Result<Value, ConvertError> {
    let _ = ty;
    Ok(value.clone())
}

/// The type that all of `types` convert to; `None` where there is none.
#[must_use]
pub fn unify(types: &[Type]) -> Option<Type> {
    types.first().cloned()
}
