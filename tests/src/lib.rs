//! What the suites over the whole of Terrane share.

pub mod around;
pub mod canary;
pub mod ci;
pub mod contract;
pub mod kill;
pub mod memory;
pub mod place;
pub mod race;
pub mod seen;
pub mod servers;
pub mod sim;
pub mod spec;
