//! Problems of the sandbox itself; what an emulated service answers is no error of the sandbox.

use std::fmt;

/// Why the sandbox could not do what its embedding program asked.
#[derive(Debug)]
pub enum SandboxError {
    /// The configuration contradicts itself.
    Config {
        /// What is wrong with it.
        problem: String,
    },
    /// No loopback port could be opened.
    Listen {
        /// The operating system's answer.
        source: std::io::Error,
    },
    /// An instruction named an object, a pointer or a process that does not exist.
    NotFound {
        /// What was looked for.
        what: String,
    },
    /// An instruction could not be understood.
    Instruction {
        /// What is wrong with it.
        problem: String,
    },
}

impl SandboxError {
    /// Stable id of the problem.
    pub const fn id(&self) -> &'static str {
        match self {
            Self::Config { .. } => "sandbox-config",
            Self::Listen { .. } => "sandbox-listen",
            Self::NotFound { .. } => "sandbox-not-found",
            Self::Instruction { .. } => "sandbox-instruction",
        }
    }
}

impl fmt::Display for SandboxError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Config { problem } => write!(out, "the sandbox cannot start: {problem}"),
            Self::Listen { .. } => write!(out, "no loopback port could be opened"),
            Self::NotFound { what } => write!(out, "the sandbox has no {what}"),
            Self::Instruction { problem } => write!(out, "instruction not understood: {problem}"),
        }
    }
}

impl std::error::Error for SandboxError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Listen { source } => Some(source),
            Self::Config { .. } | Self::NotFound { .. } | Self::Instruction { .. } => None,
        }
    }
}
