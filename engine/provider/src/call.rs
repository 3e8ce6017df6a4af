//! What a call to a remote side is given.

use crate::{Access, Async, BudgetKey, Fault, Limits};
use terrane_core::Value;

/// What came of a request, for the budget it was taken from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Feedback {
    /// It was answered.
    Answered,
    /// It was refused for being too many; hold back for so many milliseconds, where the answer says.
    Throttled {
        /// How long to hold back, in milliseconds.
        after_ms: Option<u64>,
    },
}

/// One attempt of a request to a remote side.
#[derive(Clone, Copy, Debug)]
pub struct Attempt<'a> {
    /// What is asked, `eks:DescribeCluster`.
    pub operation: &'a str,
    /// Where its permit comes from.
    pub budget: &'a BudgetKey,
    /// 1 for the first.
    pub number: u32,
}

/// A request under way; its place in the budget is free again when this is dropped.
pub trait Permit: Send {
    /// Notes why the request failed, for traces.
    fn failed(&mut self, fault: &Fault) {
        let _ = fault;
    }
}

/// A secret in the clear. It cannot be shown, copied or written down; it is wiped when dropped.
pub trait Revealed: Send {
    /// The text, for the one request that needs it.
    fn expose(&self) -> &str;
}

/// What providers ask from whoever runs them.
pub trait Services: Send + Sync {
    /// Waits until the budget of `attempt` has room for one request.
    fn permit<'a>(&'a self, attempt: Attempt<'a>, limits: &'a Limits) -> Async<'a, Box<dyn Permit>>;
    /// Tells the budget what came of a request.
    fn feedback(&self, budget: &BudgetKey, feedback: Feedback);
    /// Waits so many milliseconds of the remote side's time.
    fn pause(&self, ms: u64) -> Async<'_, ()>;
    /// Milliseconds of real time since the Unix epoch.
    fn now_ms(&self) -> u64;
    /// By how much the remote side's clock runs faster than ours; 1 but in a sandbox.
    fn clock_rate(&self) -> u32;
    /// Evaluates a secret expression. The text lives inside the call only.
    fn reveal<'a>(&'a self, secret: &'a Value) -> Async<'a, Result<Box<dyn Revealed>, Fault>>;
}

/// The context of one call, last parameter of everything that touches a remote side.
pub struct CallContext<'a> {
    /// How the object is reached.
    pub access: &'a Access,
    /// The provider block that `access` names: an object of the provider's schema, null where there is none.
    pub configuration: &'a Value,
    /// The account, project or subscription that the object is recorded in; empty where it is not known yet.
    pub account: &'a str,
    /// Permits, pauses, secrets.
    pub services: &'a dyn Services,
}
