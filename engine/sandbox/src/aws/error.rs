//! An error answer of an emulated service, before it is written in the protocol of that service.

use serde_json::{Map, Value};

/// What a service refuses with.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct AwsError {
    pub(crate) status: u16,
    pub(crate) code: String,
    pub(crate) message: String,
    /// More fields of a REST-JSON body, for instance `clusterName`.
    pub(crate) fields: Map<String, Value>,
    /// `Retry-After` in seconds.
    pub(crate) retry_after: Option<u64>,
}

impl AwsError {
    /// An error with a status and a code.
    pub(crate) fn new(status: u16, code: &str, message: impl Into<String>) -> Self {
        Self { status, code: code.to_owned(), message: message.into(), fields: Map::new(), retry_after: None }
    }

    /// Adds a field to a REST-JSON body.
    pub(crate) fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.fields.insert(name.to_owned(), value.into());
        self
    }

    /// 400 InvalidParameterException.
    pub(crate) fn parameter(message: impl Into<String>) -> Self {
        Self::new(400, "InvalidParameterException", message)
    }

    /// 400 InvalidRequestException.
    pub(crate) fn request(message: impl Into<String>) -> Self {
        Self::new(400, "InvalidRequestException", message)
    }

    /// 409 ResourceInUseException.
    pub(crate) fn in_use(message: impl Into<String>) -> Self {
        Self::new(409, "ResourceInUseException", message)
    }

    /// 404 ResourceNotFoundException.
    pub(crate) fn not_found(message: impl Into<String>) -> Self {
        Self::new(404, "ResourceNotFoundException", message)
    }
}
