//! What the suites over the whole of Terrane share.

pub mod memory;
pub mod place;
pub mod sim;
