//! Which part of the configuration and of the state a plan is about.

use terrane_core::{Selector, Text};

/// Which part a plan is about.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Selection {
    /// All of it.
    #[default]
    Everything,
    /// These and what they depend on. Each has to match something.
    Only(Vec<Selector>),
    /// What differs from another version of the configuration, and what it depends on.
    Changed(Changed),
    /// All but these and what depends on them. Each has to match something.
    AllBut(Vec<Selector>),
}

/// What differs from another version of the configuration.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changed {
    /// The other version, as the user wrote it.
    pub since: Text,
    /// What was changed, and all that refers to it. Blocks that are gone are among them, and may have no object.
    pub blocks: Vec<Selector>,
    /// Outputs of the root module that were changed, or refer to what was.
    pub outputs: Vec<Text>,
}

impl Selection {
    /// Only these, or everything where there are none.
    #[must_use]
    pub fn only(selectors: Vec<Selector>) -> Self {
        if selectors.is_empty() { Self::Everything } else { Self::Only(selectors) }
    }

    /// All but these.
    #[must_use]
    pub fn all_but(selectors: Vec<Selector>) -> Self {
        if selectors.is_empty() { Self::Everything } else { Self::AllBut(selectors) }
    }

    /// What alone takes part, with what it depends on; `None` where it is not said this way.
    #[must_use]
    pub fn targets(&self) -> Option<&[Selector]> {
        match self {
            Self::Only(selectors) => Some(selectors),
            Self::Changed(changed) => Some(&changed.blocks),
            Self::Everything | Self::AllBut(_) => None,
        }
    }

    /// What is left out.
    #[must_use]
    pub fn excludes(&self) -> &[Selector] {
        match self {
            Self::AllBut(selectors) => selectors,
            Self::Everything | Self::Only(_) | Self::Changed(_) => &[],
        }
    }

    /// Whether something is left out by name.
    #[must_use]
    pub fn is_all_but(&self) -> bool {
        matches!(self, Self::AllBut(_))
    }
}
