//! The planner and the schedule: pure, deterministic state machines.
//!
//! [`planner::Planner`] turns a program, the recorded state and answers about the world into a [`Plan`].
//! [`schedule::Schedule`] turns a plan and outcomes into effects. Neither does input or output, reads a clock
//! or waits: whoever drives them does, one event at a time.

pub mod adopt;
pub mod audit;
pub mod condition;
pub mod diag;
pub mod drift;
pub mod file;
pub mod graph;
pub mod outline;
pub mod peek;
pub mod plan;
pub mod planner;
pub mod question;
pub mod saved;
pub mod schedule;
pub mod schemas;
pub mod state;

pub use plan::{Change, Deferred, Drift, LeafChange, Mode, OutputChange, Phase, Plan, Step};
pub use planner::{Options, Outcome, Planner, Selection};
pub use question::{Answer, Asked, Progress, Question, QuestionId};
pub use schedule::{Completed, Effect, Schedule, Ticket};
pub use state::{Entry, Partial, Recorded, State};
