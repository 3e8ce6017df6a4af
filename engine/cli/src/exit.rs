//! How a command ends: the exit code, the reason behind it, and problems that stopped it.
//!
//! Exit codes are Terraform's (0 done, 1 error, 2 changes or drift, `fmt -check` 3, no command 127, a bug 11), which
//! tell little apart; the reason does, and JSON output carries it.

use crate::diag;
use std::io;
use terrane_core::{Diagnostic, Place, SourceMap};
use terrane_runtime::backend::Refusal;

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ended {
    /// The exit code.
    pub code: u8,
    /// Why, in kebab-case; never renamed.
    pub reason: &'static str,
}

impl Ended {
    /// All is well.
    pub const OK: Self = Self { code: 0, reason: "ok" };
    /// There are changes, and `-detailed-exitcode` asks.
    pub const CHANGES: Self = Self { code: 2, reason: "changes" };
    /// Somebody changed something.
    pub const DRIFT: Self = Self { code: 2, reason: "drift" };
    /// There is nothing that could be adopted.
    pub const NOTHING_TO_ADOPT: Self = Self { code: 0, reason: "nothing-to-adopt" };
    /// Somebody changed something, and -detailed-exitcode=false makes that no matter.
    pub const DRIFT_TOLD: Self = Self { code: 0, reason: "drift" };
    /// Of some objects it cannot be told whether somebody changed them.
    pub const UNREADABLE: Self = Self { code: 1, reason: "unreadable" };
    /// A stage is done, another one waits.
    pub const DEFERRED: Self = Self { code: 0, reason: "deferred" };
    /// Somebody said no, or nobody was there to say yes.
    pub const DECLINED: Self = Self { code: 1, reason: "declined" };
    /// Some of it failed; the rest is done and recorded.
    pub const PARTIAL: Self = Self { code: 1, reason: "partial-apply" };
    /// A signal ended it.
    pub const INTERRUPTED: Self = Self { code: 1, reason: "interrupted" };
    /// The state could not be written.
    pub const STATE_FAILED: Self = Self { code: 1, reason: "state-not-written" };
    /// `fmt -check` found files to lay out.
    pub const UNFORMATTED: Self = Self { code: 3, reason: "unformatted" };

    /// An end with a code of somebody else's: the command that `sandbox exec` ran.
    pub fn with_code(code: u8) -> Self {
        Self { code, reason: if code == 0 { "ok" } else { "command-failed" } }
    }
}

/// What stopped a command.
#[derive(Debug)]
pub struct Failure {
    /// Errors, and warnings that go with them.
    pub problems: Vec<Diagnostic>,
    /// The texts that they point into; `None` where the command told about its texts already.
    pub sources: Option<SourceMap>,
    /// How the command ends.
    pub ended: Ended,
}

impl Failure {
    /// These problems, which say why.
    pub fn new(problems: Vec<Diagnostic>) -> Self {
        let ended = Ended { code: 1, reason: reason(&problems) };
        Self { problems, sources: None, ended }
    }

    /// With the texts that the problems point into.
    pub fn with_sources(mut self, sources: SourceMap) -> Self {
        self.sources = Some(sources);
        self
    }

    /// With another exit code.
    pub fn code(mut self, code: u8) -> Self {
        self.ended.code = code;
        self
    }
}

/// The reason that problems give: that of the first error.
fn reason(problems: &[Diagnostic]) -> &'static str {
    let id = problems.iter().find(|problem| problem.is_error()).map_or("error", |problem| problem.kind.id);
    match id {
        "state-locked" => "lock-busy",
        "plan-stale" => "stale-plan",
        other => other,
    }
}

impl From<Box<Diagnostic>> for Failure {
    fn from(problem: Box<Diagnostic>) -> Self {
        Self::new(vec![*problem])
    }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        Self::new(refusal.problems).with_sources(refusal.sources)
    }
}

impl From<Diagnostic> for Failure {
    fn from(problem: Diagnostic) -> Self {
        Self::new(vec![problem])
    }
}

/// Of standard output. Files have problems of their own that name them.
impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::new(vec![diag::OUTPUT_FAILED.at(Place::Run).detail(error.to_string())])
    }
}

/// What commands return.
pub type Outcome = Result<Ended, Failure>;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_tell_apart_what_the_code_does_not() {
        let of = |kind: &'static terrane_core::DiagnosticKind| Failure::from(kind.at(Place::Run)).ended;
        assert_eq!(of(&terrane_runtime::diag::STATE_LOCKED), Ended { code: 1, reason: "lock-busy" });
        assert_eq!(of(&terrane_plan::diag::PLAN_STALE).reason, "stale-plan");
        assert_eq!(of(&diag::DECLINED).reason, "declined");
    }
}
