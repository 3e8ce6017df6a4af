//! What a plan does to an instance, and why.

use crate::{InstanceAddr, Path, Text};
use serde::{Deserialize, Serialize};
use std::fmt;

/// What happens to one instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// Nothing: desired and actual agree.
    NoOp,
    /// Data was read while planning.
    Read,
    /// The object is made.
    Create,
    /// The living object is changed.
    Update,
    /// The object is destroyed, then made anew.
    DeleteThenCreate,
    /// A new object is made, then the old one destroyed.
    CreateThenDelete,
    /// The object is destroyed.
    Delete,
    /// The state forgets the object; the object stays.
    Forget,
}

impl Action {
    /// Whether the action makes an object anew that is there.
    #[must_use]
    pub fn is_replace(self) -> bool {
        matches!(self, Self::DeleteThenCreate | Self::CreateThenDelete)
    }

    /// Whether the action destroys an object.
    #[must_use]
    pub fn destroys(self) -> bool {
        matches!(self, Self::Delete | Self::DeleteThenCreate | Self::CreateThenDelete)
    }

    /// Whether apply has to do something.
    #[must_use]
    pub fn is_change(self) -> bool {
        !matches!(self, Self::NoOp | Self::Read)
    }

    /// The mark that plans show: `+`, `~`, `-`, `-/+`, `+/-`, `<=`, `.`; empty for nothing.
    #[must_use]
    pub fn symbol(self) -> &'static str {
        match self {
            Self::NoOp => "",
            Self::Read => "<=",
            Self::Create => "+",
            Self::Update => "~",
            Self::DeleteThenCreate => "-/+",
            Self::CreateThenDelete => "+/-",
            Self::Delete => "-",
            Self::Forget => ".",
        }
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoOp => "no-op",
            Self::Read => "read",
            Self::Create => "create",
            Self::Update => "update",
            Self::DeleteThenCreate | Self::CreateThenDelete => "replace",
            Self::Delete => "delete",
            Self::Forget => "forget",
        })
    }
}

/// Why an action was chosen. The first reason is the main one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Reason {
    /// The configuration has it, the state does not.
    NotRecorded,
    /// The state has it, the remote side does not.
    Gone,
    /// An earlier run made a part of it.
    Incomplete {
        /// Steps that are done.
        done: Vec<Text>,
        /// The next step.
        next: Text,
    },
    /// A written value differs from the living object.
    Differs,
    /// A changed argument cannot change on a living object.
    CannotUpdate {
        /// The argument.
        path: Path,
        /// Why, in words of the type.
        why: Text,
    },
    /// `-replace` asked for it.
    ReplaceRequested,
    /// Somebody marked it as not fit to stay.
    Tainted,
    /// `replace_triggered_by` names something that changes.
    ReplaceTriggered {
        /// What changes.
        by: Text,
    },
    /// The configuration has no such block any more.
    NoResourceConfig,
    /// The block is repeated in another way now.
    WrongRepetition,
    /// `count` is smaller now.
    CountIndex,
    /// `for_each` lacks the key now.
    EachKey,
    /// The module call or its instance is gone.
    NoModule,
    /// A destroy was asked for.
    DestroyRequested,
    /// A replaced object that is still to be destroyed.
    Deposed,
    /// A `moved` block leads to an address that the configuration does not have.
    NoMoveTarget,
    /// The object is recorded at its new address already.
    Moved,
    /// A `removed` block says so, and that the object stays.
    Removed,
    /// The object it lives in goes too.
    ParentGoes {
        /// The parent.
        parent: InstanceAddr,
    },
}

impl Reason {
    /// The name that Terraform's plan JSON uses (`action_reason`), where it has one.
    #[must_use]
    pub fn terraform_name(&self) -> Option<&'static str> {
        match self {
            Self::CannotUpdate { .. } => Some("replace_because_cannot_update"),
            Self::ReplaceRequested => Some("replace_by_request"),
            Self::Tainted => Some("replace_because_tainted"),
            Self::ReplaceTriggered { .. } => Some("replace_by_triggers"),
            Self::NoResourceConfig => Some("delete_because_no_resource_config"),
            Self::WrongRepetition => Some("delete_because_wrong_repetition"),
            Self::CountIndex => Some("delete_because_count_index"),
            Self::EachKey => Some("delete_because_each_key"),
            Self::NoModule => Some("delete_because_no_module"),
            Self::NoMoveTarget => Some("delete_because_no_move_target"),
            Self::NotRecorded
            | Self::Gone
            | Self::Incomplete { .. }
            | Self::Differs
            | Self::DestroyRequested
            | Self::Deposed
            | Self::Moved
            | Self::Removed
            | Self::ParentGoes { .. } => None,
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotRecorded => f.write_str("it is new in the configuration"),
            Self::Gone => f.write_str("the remote side does not have it any more"),
            Self::Incomplete { next, .. } => write!(f, "it will be completed, next step {next}"),
            Self::Differs => f.write_str("the configuration differs from the object"),
            Self::CannotUpdate { path, why } => write!(f, "{path}: {why}"),
            Self::ReplaceRequested => f.write_str("-replace asks for it"),
            Self::Tainted => f.write_str("it is tainted"),
            Self::ReplaceTriggered { by } => write!(f, "replace_triggered_by: {by} changes"),
            Self::NoResourceConfig => f.write_str("it is not in the configuration"),
            Self::WrongRepetition => f.write_str("the block is repeated in another way now"),
            Self::CountIndex => f.write_str("its index is out of range for count"),
            Self::EachKey => f.write_str("its key is not in for_each"),
            Self::NoModule => f.write_str("its module is not in the configuration"),
            Self::DestroyRequested => f.write_str("destroy was asked for"),
            Self::Deposed => f.write_str("it was replaced, and is still there"),
            Self::NoMoveTarget => f.write_str("it was moved to an address that is not in the configuration"),
            Self::Moved => f.write_str("it is recorded at its new address already"),
            Self::Removed => f.write_str("a removed block says that it stays"),
            Self::ParentGoes { parent } => write!(f, "{parent} goes"),
        }
    }
}

/// Who answers for the value of a leaf.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Owner {
    /// It is written in the configuration.
    Ours,
    /// It is not written: the remote side chose it.
    Remote,
    /// Somebody else sets it by rule, `autoscaler`.
    Other(Text),
}
