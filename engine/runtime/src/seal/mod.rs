//! Sealing: state and plan encrypted at rest, so that whoever can read the place can neither read nor change them.
//!
//! A sealed thing is encrypted under a key of its own, which comes from a data key; the data key is wrapped by the
//! user's key (a passphrase, 32 random bytes, or a key service) and stands, wrapped, in the header. What the thing is
//! ([`Subject`]) is authenticated with it: a copy under another name, or of another history, does not open. Why it is
//! done this way stands in decision 009.

pub mod envelope;
pub mod keyring;
pub mod seen;
pub mod source;

mod objects;
mod settings;

pub use envelope::{DataKey, Subject, WrappedKey, is_sealed};
pub use keyring::{Key, Keyring, Sealer};
pub use objects::Sealed;
pub use settings::{VARIABLE, keyring};

use terrane_core::Text;
use terrane_provider::Fault;

/// Why something cannot be sealed or opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SealError {
    /// It is sealed and no key is configured.
    NoKey {
        /// The kind of key that sealed it.
        kind: Text,
    },
    /// It is sealed with another key than those that are configured.
    WrongKey {
        /// The kind of key that sealed it.
        kind: Text,
        /// What tells that key from others.
        fingerprint: Text,
    },
    /// The key fits and the contents do not: they were changed, cut, or belong elsewhere.
    Tampered {
        /// What does not fit.
        reason: &'static str,
    },
    /// A newer version of Terrane sealed it.
    Newer {
        /// The version of its format.
        found: u32,
    },
    /// It is not sealed where only sealed things are taken.
    NotSealed,
    /// A key cannot be had.
    KeyUnavailable {
        /// Where it was looked for: `env(NAME)`, `file(PATH)`, `exec(PROGRAM)`.
        source: Text,
        /// Why not. The key is not in it.
        reason: Text,
    },
    /// A key service did not do what it was asked.
    Service(Box<Fault>),
}

impl SealError {
    const fn tampered(reason: &'static str) -> Self {
        Self::Tampered { reason }
    }
}
