//! Huawei Cloud OBS, which keeps no state.
//!
//! Uploading by PUT replaces an object of the same name, and no header of the operation forbids that: two runs could
//! both write the same entry of a state and neither would know. The kind is here so that it is refused with that reason
//! when it is set up, and not found missing.
//!
//! # Source
//! Huawei Cloud OBS API reference, "Uploading Objects - PUT" (2024-11-15): request headers.

use super::kinds::Layout;
use super::{Objects, OpenError};
use crate::environment::Environment;
use crate::store::arguments::{Argument, Arguments, Form};
use std::sync::Arc;

/// What people write who try it.
pub(super) const ARGUMENTS: &[Argument] = &[
    Argument::required("bucket", "The bucket."),
    Argument::optional("key", Form::Text, "Where in the bucket the state stands."),
    Argument::optional("prefix", Form::Text, "Where in the bucket the states stand."),
    Argument::optional("region", Form::Text, "The region of the bucket."),
    Argument::optional("endpoint", Form::Text, "The address of the region."),
    Argument::secret("access_key", "An access key."),
    Argument::secret("secret_key", "Its secret."),
    Argument::secret("security_token", "The token of a session."),
];

pub(super) fn layout(_: &Arguments) -> Layout {
    Layout { default: String::new(), before: String::new(), after: String::new() }
}

pub(super) fn open(_: &Arguments, _: &str, _: &Environment) -> Result<Arc<dyn Objects>, OpenError> {
    Err(OpenError::NotConditional {
        reason: "uploading to OBS replaces what has the same name, and its API documents no header that forbids it",
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    // A6
    #[test]
    fn obs_is_refused_with_the_reason() {
        let opened = open(&Arguments::default(), "", &Environment::default()).err();
        assert!(matches!(opened, Some(OpenError::NotConditional { .. })));
    }
}
