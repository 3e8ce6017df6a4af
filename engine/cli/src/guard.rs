//! What a plan has to keep to, whatever the configuration says: policies and the destroy budget.
//!
//! Both come from the command line and the environment alone. What the environment asks for cannot be taken away by a
//! flag: whoever runs the job decides, not whoever wrote the line in it. A saved plan is judged again when it is applied.

use crate::args::GuardArguments;
use crate::diag;
use crate::exit::Failure;
use crate::policy::{self, Finding, Policies, Weight};
use crate::render::json_plan::JsonPlan;
use std::path::Path;
use terrane_core::{Diagnostic, Place};
use terrane_plan::plan::Plan;
use terrane_plan::state::State;
use terrane_provider::Registry;

/// How many objects a plan may destroy.
const MAX_DESTROY: &str = "TERRANE_MAX_DESTROY";
/// Folders of policies, separated by colons.
const POLICY: &str = "TERRANE_POLICY";
/// The folder of policies beside the configuration.
const FOLDER: &str = "policy";
/// Objects that are named where the budget is exceeded.
const NAMED: usize = 50;

/// What plans have to keep to.
pub struct Guard {
    budget: Option<usize>,
    policies: Policies,
    /// Folders that the command line leaves out.
    left_out: Vec<String>,
}

impl Guard {
    /// What flags and environment ask for.
    ///
    /// # Errors
    /// A folder without policies, a budget that is no number.
    pub fn read(arguments: &GuardArguments) -> Result<Self, Failure> {
        let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        let of_environment = match variable(MAX_DESTROY) {
            None => None,
            Some(text) => Some(text.trim().parse().map_err(|_| {
                let place = Place::Argument(MAX_DESTROY.to_owned());
                diag::USAGE.at(place).detail(format!("`{text}` is no number of objects"))
            })?),
        };
        let mut policies = Policies::default();
        for folder in variable(POLICY).unwrap_or_default().split(':').filter(|folder| !folder.is_empty()) {
            policies.add(folder)?;
        }
        let beside = Path::new(FOLDER).is_dir().then(|| FOLDER.to_owned());
        let mut left_out: Vec<String> = beside.into_iter().chain(arguments.policy.iter().cloned()).collect();
        if !arguments.skip_policy {
            for folder in left_out.drain(..) {
                policies.add(&folder)?;
            }
        }
        let budget = of_environment.into_iter().chain(arguments.max_destroy).min();
        Ok(Self { budget, policies, left_out })
    }

    /// Judges a plan. `destroyed` is what earlier stages of the same run destroyed.
    ///
    /// # Errors
    /// A policy that cannot be evaluated.
    pub async fn judge(&self, judged: Judged<'_>) -> Result<Vec<Diagnostic>, Failure> {
        let mut problems = Vec::new();
        for folder in &self.left_out {
            problems.push(diag::POLICY_LEFT_OUT.at(Place::File(folder.clone())));
        }
        problems.extend(self.over_budget(&judged));
        if self.policies.is_empty() {
            return Ok(problems);
        }
        let Judged { plan, state, registry, .. } = judged;
        let document = serde_json::to_string(&JsonPlan { plan, state, registry }).map_err(std::io::Error::from)?;
        let findings = policy::judge(&self.policies, document).await?;
        problems.extend(findings.into_iter().map(problem));
        Ok(problems)
    }

    fn over_budget(&self, judged: &Judged<'_>) -> Option<Diagnostic> {
        let budget = self.budget?;
        let lost: Vec<String> = judged
            .plan
            .changes
            .iter()
            .filter(|change| change.action.destroys())
            .map(|change| change.addr.to_string())
            .collect();
        let total = lost.len() + judged.destroyed;
        if total <= budget {
            return None;
        }
        let more = lost.len().saturating_sub(NAMED);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        let named = lost.iter().take(NAMED).map(String::as_str).collect::<Vec<_>>().join(", ");
        let problem = diag::DESTROY_BUDGET_EXCEEDED.at(Place::Run);
        let problem = problem.with("destroys", total).with("allowed", budget);
        Some(problem.with("objects", format!("{named}{more}")))
    }
}

/// A plan that is judged, and what it stands in.
#[derive(Clone, Copy)]
pub struct Judged<'a> {
    /// The plan.
    pub plan: &'a Plan,
    /// The state it was made against.
    pub state: Option<&'a State>,
    /// The schemas of its types.
    pub registry: &'a Registry,
    /// Objects that earlier stages of the run destroyed.
    pub destroyed: usize,
}

fn problem(finding: Finding) -> Diagnostic {
    let kind = match finding.weight {
        Weight::Denies => &diag::POLICY_DENIED,
        Weight::Warns => &diag::POLICY_WARNS,
    };
    kind.at(Place::Run).detail(finding.message).with("policy", finding.rule)
}

/// The problems as a failure where one of them is an error, else the warnings.
///
/// # Errors
/// Those.
pub fn settled(problems: Vec<Diagnostic>) -> Result<Vec<Diagnostic>, Failure> {
    if problems.iter().any(Diagnostic::is_error) { Err(Failure::new(problems)) } else { Ok(problems) }
}
