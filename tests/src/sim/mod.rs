//! The simulator: random programs, a cloud in memory, and a stop before and after every effect.
//!
//! It drives the planner and the schedule that the binary runs, one effect at a time, on a clock of its own. After
//! a stop, what was not durable is lost; the next run has only the log and the cloud. The log is a list in memory or, to
//! bring the store into it, a place of objects behind a bad line. Slow on purpose: it
//! looks at every effect. Do not add what a unit test can show.

pub mod cloud;
pub mod driver;
pub mod graphs;
pub mod provider;
pub mod shelf;

pub use cloud::Cloud;
pub use driver::{Crash, CrashAt, Mutant, Simulation};
