//! YAML text: reading and writing.

mod read;
mod scalar;
mod write;

pub use read::read;
pub use write::write;
