//! The commands of a benchmark in their order, and what each has to answer.

use super::shape::Edit;

/// One row of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Step {
    Init,
    Validate,
    ColdPlan,
    Apply,
    StateList,
    NoopPlan,
    OneFieldPlan,
}

impl Step {
    /// In the order in which they run: each finds what the ones before it left.
    pub const ALL: [Self; 7] =
        [Self::Init, Self::Validate, Self::ColdPlan, Self::Apply, Self::StateList, Self::NoopPlan, Self::OneFieldPlan];

    /// Name of its row.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Init => "init",
            Self::Validate => "validate",
            Self::ColdPlan => "plan, cold",
            Self::Apply => "apply",
            Self::StateList => "state list",
            Self::NoopPlan => "plan, no change",
            Self::OneFieldPlan => "plan, one field",
        }
    }

    /// Arguments for the binary.
    #[must_use]
    pub fn arguments(self) -> &'static [&'static str] {
        match self {
            Self::Init => &["init", "-no-color", "-input=false"],
            Self::Validate => &["validate", "-no-color"],
            Self::ColdPlan | Self::NoopPlan | Self::OneFieldPlan => {
                &["plan", "-no-color", "-input=false", "-detailed-exitcode"]
            }
            Self::Apply => &["apply", "-auto-approve", "-no-color", "-input=false"],
            Self::StateList => &["state", "list"],
        }
    }

    /// The exit code of a right answer: a plan with changes says 2.
    #[must_use]
    pub fn code(self) -> i32 {
        match self {
            Self::ColdPlan | Self::OneFieldPlan => 2,
            Self::Init | Self::Validate | Self::Apply | Self::StateList | Self::NoopPlan => 0,
        }
    }

    /// The configuration it sees.
    #[must_use]
    pub fn edit(self) -> Edit {
        match self {
            Self::OneFieldPlan => Edit::OneField,
            Self::Init | Self::Validate | Self::ColdPlan | Self::Apply | Self::StateList | Self::NoopPlan => Edit::None,
        }
    }

    /// Whether running it again finds the same world.
    #[must_use]
    pub fn is_repeatable(self) -> bool {
        self != Self::Apply
    }
}
