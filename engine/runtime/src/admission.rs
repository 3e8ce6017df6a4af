//! Whether a saved plan may be applied: everything that can be said before the first step.
//!
//! That the state is the one it was made against is for the schedule to say, which knows how the plan's own entries
//! count. A refusal changes nothing.

use crate::clock::{from_rfc3339, rfc3339};
use crate::diag;
use crate::session::Session;
use crate::signature::{self, AnyOf};
use crate::workspace::Configuration;
use terrane_core::{Diagnostic, Place, Text};
use terrane_plan::Plan;
use terrane_plan::saved::SavedPlan;

/// How long a saved plan may be applied, in milliseconds, where nobody says: a day.
pub const VALID_MS: u64 = 24 * 60 * 60 * 1_000;

/// Until when a plan that was made at `made_at` may be applied.
#[must_use]
pub fn expiry(made_at: &str, valid_ms: u64) -> Text {
    rfc3339(from_rfc3339(made_at).unwrap_or(0).saturating_add(valid_ms))
}

/// Refuses a plan of another version, of another configuration than `at_hand`, one that ended with errors, and
/// one without the signatures that are required.
///
/// A plan is complete, so a folder without configuration is fine. Where there is one, it has to be that of the plan:
/// otherwise the folder says one thing and the world becomes another.
///
/// # Errors
/// `plan-errored`, `plan-unsigned`, `plan-signature-wrong`, `plan-other-version`, `plan-other-configuration`.
pub fn admit(saved: &SavedPlan, at_hand: &Configuration, required: &[AnyOf]) -> Result<(), Box<Diagnostic>> {
    signature::check(saved, required)?;
    let plan = &saved.plan;
    if let Some(first) = plan.errors.first() {
        let problem = diag::PLAN_ERRORED.at(Place::Run).with("errors", plan.errors.len());
        return Err(Box::new(problem.with("first", format!("{} [{}]", first.summary, first.id))));
    }
    let ours = env!("CARGO_PKG_VERSION");
    if &*plan.terrane_version != ours {
        let problem = diag::PLAN_OTHER_VERSION.at(Place::Run);
        return Err(Box::new(problem.with("made by", &plan.terrane_version).with("this is", ours)));
    }
    let digest = at_hand.program.as_ref().map(|program| program.digest.as_str());
    let is_there = at_hand.sources.files().iter().any(|file| file.name.ends_with(".hcl"));
    if is_there && digest != Some(&*plan.fingerprint.configuration) {
        let problem = diag::PLAN_OTHER_CONFIGURATION.at(Place::Run);
        let found = digest.unwrap_or("the configuration here has errors");
        return Err(Box::new(problem.with("made from", &plan.fingerprint.configuration).with("here is", found)));
    }
    Ok(())
}
impl Session<'_> {
    /// Refuses a plan after its time. One that this state has begun with goes on.
    ///
    /// # Errors
    /// `plan-expired`.
    pub fn check_expiry(&self, plan: &Plan) -> Result<(), Box<Diagnostic>> {
        let applying = &self.state().applying;
        if applying.plan == plan.id && !applying.is_finished {
            return Ok(());
        }
        let made_at = &plan.made_at;
        let until = if plan.expires_at.is_empty() { expiry(made_at, VALID_MS) } else { plan.expires_at.clone() };
        let now_ms = self.workspace.base.clock.now_ms();
        if from_rfc3339(&until).is_some_and(|until_ms| now_ms < until_ms) {
            return Ok(());
        }
        let problem = diag::PLAN_EXPIRED.at(Place::Run).with("made at", made_at).with("valid until", until);
        Err(Box::new(problem.with("now", rfc3339(now_ms))))
    }
}
