//! Policies: Rego over the JSON of a plan, in the shape that conftest made usual.
//!
//! In: `*.rego` files, and a document. Out: what `deny`, `violation` and `warn` (also `deny_something` and so on) of
//! every package hold, as texts. A policy sees the document and nothing else: no file, no network, no environment, no
//! clock. Whatever cannot be evaluated is an error, never a pass. Everything has a limit.

mod engine;
mod load;

pub use load::Policies;

use crate::diag;
use crate::exit::Failure;
use engine::{Engine, Stop};
use std::time::Duration;
use terrane_core::{Diagnostic, Place, SourceMap};

/// One rule is given up after this.
const RULE_LIMIT: Duration = Duration::from_secs(10);
/// All of them together.
const LIMIT: Duration = Duration::from_secs(60);
/// Rules call rules, and debug builds are wasteful.
const STACK: usize = 64 << 20;

/// How much a finding weighs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Weight {
    /// The plan is refused.
    Denies,
    /// People are told.
    Warns,
}

/// What a policy says of a document.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Finding {
    /// How much it weighs.
    pub weight: Weight,
    /// The rule: `main.deny`.
    pub rule: String,
    /// What it says.
    pub message: String,
}

/// Judges a document; findings sorted, those that deny first.
///
/// # Errors
/// `policy-invalid` where a policy cannot be read or evaluated, `policy-too-slow`.
pub async fn judge(policies: &Policies, document: String) -> Result<Vec<Finding>, Failure> {
    let (texts, sources) = (policies.texts(), policies.sources());
    if texts.is_empty() {
        return Ok(Vec::new());
    }
    let findings = apart(move || {
        let mut engine = Engine::new(&texts, RULE_LIMIT)?;
        engine.input(&document)?;
        let mut findings = Vec::new();
        for rule in engine.rules(&|package, name| !package.ends_with("_test") && weight(name).is_some()) {
            let Some(weight) = weight(&rule.name) else { continue };
            for message in engine.messages(&rule)? {
                findings.push(Finding { weight, rule: rule.to_string(), message });
            }
        }
        findings.sort();
        findings.dedup();
        Ok(findings)
    });
    findings.await.map_err(|stop| explain(stop, &sources))
}

/// What a test came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tested {
    /// The rule: `main_test.test_a_cluster_stays`.
    pub rule: String,
    /// Whether it is true.
    pub is_passed: bool,
}

/// Runs the rules whose names begin with `test_`.
///
/// # Errors
/// As [`judge`].
pub async fn test(policies: &Policies) -> Result<Vec<Tested>, Failure> {
    let (texts, sources) = (policies.texts(), policies.sources());
    let tested = apart(move || {
        let mut engine = Engine::new(&texts, RULE_LIMIT)?;
        let mut tested = Vec::new();
        for rule in engine.rules(&|_, name| name.starts_with("test_")) {
            tested.push(Tested { is_passed: engine.is_true(&rule)?, rule: rule.to_string() });
        }
        Ok(tested)
    });
    tested.await.map_err(|stop| explain(stop, &sources))
}

/// Works on a thread of its own, which is left behind when it takes too long.
async fn apart<T: Send + 'static>(work: impl FnOnce() -> Result<T, Stop> + Send + 'static) -> Result<T, Stop> {
    let (sender, receiver) = tokio::sync::oneshot::channel();
    let started = std::thread::Builder::new().name(String::from("policy")).stack_size(STACK).spawn(move || {
        // Nobody waits any more when it took too long.
        let _late = sender.send(work());
    });
    if let Err(error) = started {
        return Err(Stop::Failed(error.to_string()));
    }
    match tokio::time::timeout(LIMIT, receiver).await {
        Ok(Ok(outcome)) => outcome,
        Ok(Err(_)) => Err(Stop::Failed(String::from("the evaluation ended without an answer"))),
        Err(_) => Err(Stop::TooSlow),
    }
}

/// `deny`, `violation`, `warn`, alone or with more behind an underscore.
fn weight(name: &str) -> Option<Weight> {
    match name.split('_').next()? {
        "deny" | "violation" => Some(Weight::Denies),
        "warn" => Some(Weight::Warns),
        _ => None,
    }
}

fn explain(stop: Stop, sources: &SourceMap) -> Failure {
    let problem: Diagnostic = match stop {
        Stop::At { file, line, column, message } => {
            let place = load::span(sources, &file, line, column).map_or(Place::File(file), Place::Span);
            diag::POLICY_INVALID.at(place).detail(message).with("line", line).with("column", column)
        }
        Stop::Failed(message) => diag::POLICY_INVALID.at(Place::Run).detail(message),
        Stop::TooSlow => diag::POLICY_TOO_SLOW.at(Place::Run).with("seconds", RULE_LIMIT.as_secs()),
    };
    Failure::from(problem).with_sources(sources.clone())
}

#[cfg(test)]
mod tests;
