//! Kills the binary in the middle of its work, runs it again, and looks whether all of it is there once.
//!
//! The example fleet lives through three phases beside a sandbox, which kills the run of a phase around any of its
//! changing requests. Each shot starts from a fork of the fleet as it was before the phase. The same shots at
//! `terrane-subject`, a program with a fault in what makes recovery possible, show that the checks notice.

pub mod fleet;
pub mod home;
pub mod look;
pub mod run;
pub mod shot;
pub mod subject;

pub use fleet::Phase;
pub use home::{Fleet, Home, Moto};
pub use run::{Program, Stage, fire, stages};
pub use shot::{Request, Shot};
pub use subject::Mutant;
