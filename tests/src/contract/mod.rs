//! The contract suite: what every resource type has to pass, run from the cases that its provider holds as data.
//!
//! In: a [`Contract`]. Out: for each check a list of what is wrong, empty where nothing is. The engine is the real
//! one, in this process; the remote side is the sandbox; the state is in memory and can stop a run at any write.

pub mod adoption;
pub mod checks;
pub mod edits;
pub mod stand;
pub mod store;

use terrane_provider::contract::Contract;

/// The cases of all providers.
pub fn contracts() -> impl Iterator<Item = &'static Contract> {
    terrane_builtin::contract::CONTRACTS.iter().chain(terrane_eks::contract::CONTRACTS)
}
