//! What can go wrong at a remote side, classified by what to do about it.

use std::fmt;
use terrane_core::{Path, Text};

/// The class of a fault. It decides what the engine does; the text is for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FaultKind {
    /// Too many requests; try again after so many milliseconds, where the remote side says.
    Throttled {
        /// How long to wait, in milliseconds.
        after_ms: Option<u64>,
    },
    /// Something else is going on with the object, or the name is taken.
    Conflict,
    /// The credentials are missing, expired or may not do this.
    Denied {
        /// The missing permission, `eks:CreateCluster`, where the answer tells.
        permission: Option<Text>,
    },
    /// The remote side refuses a value.
    Invalid {
        /// The argument it is about, where that can be told.
        argument: Option<Path>,
    },
    /// A quota is used up.
    Quota,
    /// The object is not there, and the answer proves it.
    Gone,
    /// The remote side cannot be reached, or answers nonsense; trying again may help.
    Unavailable,
    /// The credentials belong to another account, project or subscription.
    WrongScope {
        /// Where the object belongs.
        expected: Text,
        /// What the credentials belong to.
        found: Text,
    },
    /// A mistake in Terrane.
    Bug,
}

impl FaultKind {
    /// Its name, for traces.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Throttled { .. } => "throttled",
            Self::Conflict => "conflict",
            Self::Denied { .. } => "denied",
            Self::Invalid { .. } => "invalid",
            Self::Quota => "quota",
            Self::Gone => "gone",
            Self::Unavailable => "unavailable",
            Self::WrongScope { .. } => "wrong-scope",
            Self::Bug => "bug",
        }
    }
}

/// A fault of one operation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Its class.
    pub kind: FaultKind,
    /// The operation, in the remote side's own words: `eks:CreateCluster`.
    pub operation: Text,
    /// The remote side's error code, or our own for what it never said (`no-credentials`).
    pub code: Text,
    /// What the remote side said.
    pub message: Text,
    /// The remote request id.
    pub request_id: Option<Text>,
    /// What to do, where it is more than the class says.
    pub help: Option<Text>,
}

impl Fault {
    /// A fault of `kind` in `operation`.
    #[must_use]
    pub fn new(kind: FaultKind, operation: impl Into<Text>, message: impl Into<Text>) -> Self {
        Self {
            kind,
            operation: operation.into(),
            code: "".into(),
            message: message.into(),
            request_id: None,
            help: None,
        }
    }

    /// A mistake in Terrane.
    #[must_use]
    pub fn bug(operation: impl Into<Text>, message: impl Into<Text>) -> Self {
        Self::new(FaultKind::Bug, operation, message)
    }

    /// Sets the error code.
    #[must_use]
    pub fn code(mut self, code: impl Into<Text>) -> Self {
        self.code = code.into();
        self
    }

    /// Sets the remote request id.
    #[must_use]
    pub fn request_id(mut self, id: Option<&str>) -> Self {
        self.request_id = id.map(Into::into);
        self
    }

    /// Sets what to do.
    #[must_use]
    pub fn help(mut self, help: impl Into<Text>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Whether the same request may succeed later without anybody doing anything.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        matches!(self.kind, FaultKind::Throttled { .. } | FaultKind::Unavailable)
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.operation, self.message)?;
        if !self.code.is_empty() {
            write!(f, " ({})", self.code)?;
        }
        if let Some(id) = &self.request_id {
            write!(f, ", request id {id}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Fault {}
