//! All that touches the world: files, clock, environment, processes, remote sides.
//!
//! [`Workspace`] is what the command line talks to: it loads a configuration, plans, and, through a [`Session`]
//! under the lock, applies. The planner and the schedule decide; this crate asks, writes and waits for them.
//! It never prints: events go to an [`EventSink`], problems come back as values.

pub mod admission;
pub mod amend;
pub mod backend;
pub mod clock;
pub mod diag;
pub mod discover;
pub mod document;
pub mod environment;
pub mod events;
pub mod migrate;
pub mod modules;
pub mod run;
pub mod seal;
pub mod secrets;
pub mod selection;
pub mod services;
pub mod session;
pub mod signature;
pub mod sources;
pub mod store;
pub mod workspace;

mod answer;
mod command;
mod remote;
mod revision;
mod world;

#[cfg(test)]
mod testing;

pub use discover::{Survey, Surveyed};
pub use environment::Environment;
pub use events::{EventSink, SharedSink};
pub use run::Signal;
pub use secrets::SecretOverride;
pub use session::{Applied, ApplyRequest, Session};
pub use workspace::{Configuration, Folder, PlanRequest, Workspace};
