//! The steps that make and remove the role of a cluster or of a pool's nodes.

use crate::client::Session;
use crate::error;
use crate::iam::{self, Kind};
use crate::limits::table;
use crate::progress::{self, pending};
use crate::tags::Tags;
use terrane_core::{Text, Value};
use terrane_provider::{Fault, FaultKind, Progress, Resolution};

/// First step: the role with its trust.
pub const CREATE_ROLE: &str = "create-role";
/// Last step of a delete.
pub const DELETE_ROLE: &str = "delete-role";

/// A role that belongs to an object of ours.
#[derive(Clone, Copy)]
pub struct OwnedRole<'a> {
    /// Clients.
    pub session: &'a Session<'a>,
    /// Its name; `None` where the configuration names a role.
    pub name: Option<&'a str>,
    /// What it trusts and carries.
    pub kind: &'a Kind,
    /// The attribute that shows its ARN.
    pub arn_attribute: &'static str,
    /// The step that attaches its policies.
    pub attach_step: &'static str,
}

impl<'a> OwnedRole<'a> {
    fn named(&self, step: &str) -> Result<&'a str, Fault> {
        self.name.ok_or_else(|| Fault::bug(step.to_owned(), "the plan names no role of ours"))
    }

    /// What is seen of an object of which only the role is there.
    pub fn seen(&self, name: &str, arn: &str) -> Value {
        Value::object(vec![("owned_role".into(), Value::string(name)), (self.arn_attribute.into(), Value::string(arn))])
    }

    /// The steps of its creation that are done, and what is seen; `None` where nothing is there.
    ///
    /// # Errors
    /// Why it could not be read.
    pub async fn half(&self) -> Result<Option<(Vec<Text>, Value)>, Fault> {
        let Some(name) = self.name else { return Ok(None) };
        let Some(role) = iam::find(self.session, name).await? else { return Ok(None) };
        let mut done = vec![CREATE_ROLE.into()];
        if role.is_complete(self.kind, &self.session.clients.region) {
            done.push(self.attach_step.into());
        }
        Ok(Some((done, self.seen(name, &role.arn))))
    }

    /// Makes the role.
    ///
    /// # Errors
    /// `Conflict` where somebody else has a role of that name.
    pub async fn create(&self, tags: &Tags, tries: i64) -> Result<Progress, Fault> {
        let name = self.named(CREATE_ROLE)?;
        match iam::create(self.session, name, self.kind, tags).await? {
            Some(arn) => Ok(Progress::Done(self.seen(name, &arn))),
            None => self.later(tries, "a role of that name is there and does not show yet"),
        }
    }

    /// Attaches its policies. A role that was just made may not be there for this call yet.
    ///
    /// # Source
    /// IAM User Guide, "Troubleshoot IAM", eventual consistency (2025-11).
    ///
    /// # Errors
    /// Why that failed.
    pub async fn attach(&self, tries: i64) -> Result<Progress, Fault> {
        match iam::attach(self.session, self.named(self.attach_step)?, self.kind).await {
            Err(fault) if error::is_gone(&fault) && tries < table().propagation_tries() => {
                self.later(tries, "the role does not show yet")
            }
            other => other.map(|()| Progress::Done(Value::object(Vec::new()))),
        }
    }

    fn later(&self, tries: i64, message: &str) -> Result<Progress, Fault> {
        if tries >= table().propagation_tries() {
            let message = format!("{message}, and does not come to");
            return Err(Fault::new(FaultKind::Unavailable, "iam:GetRole", message));
        }
        let handle = progress::counted(progress::RETRY, tries + 1);
        Ok(pending(handle, table().waits.propagation_check_ms, message))
    }

    /// Removes it; while something still uses it, that is tried again.
    ///
    /// # Errors
    /// Why that failed.
    pub async fn delete(&self, tries: i64) -> Result<Progress, Fault> {
        let Some(name) = self.name else { return Ok(Progress::Done(Value::NULL)) };
        match iam::delete(self.session, name).await {
            Err(fault) if fault.kind == FaultKind::Conflict && tries < table().propagation_tries() => {
                let handle = progress::counted(progress::RETRY, tries + 1);
                Ok(pending(handle, table().check_ms(DELETE_ROLE), "the role is still in use"))
            }
            other => other.map(|()| Progress::Done(Value::NULL)),
        }
    }

    /// What became of the step that makes it.
    ///
    /// # Errors
    /// Why it could not be asked.
    pub async fn resolve_create(&self, intent: &str) -> Result<Resolution, Fault> {
        let Some(name) = self.name else { return Ok(Resolution::NotDone) };
        Ok(match iam::find(self.session, name).await? {
            None => Resolution::NotDone,
            Some(role) if role.intent.as_deref() == Some(intent) => Resolution::Done(self.seen(name, &role.arn)),
            Some(_) => Resolution::Unclear(unclear("IAM role", name)),
        })
    }

    /// What became of the step that attaches its policies.
    ///
    /// # Errors
    /// Why it could not be asked.
    pub async fn resolve_attach(&self) -> Result<Resolution, Fault> {
        let Some(name) = self.name else { return Ok(Resolution::NotDone) };
        let role = iam::find(self.session, name).await?;
        let complete = role.filter(|role| role.is_complete(self.kind, &self.session.clients.region));
        Ok(complete.map_or(Resolution::NotDone, |role| Resolution::Done(self.seen(name, &role.arn))))
    }

    /// What became of the step that removes it.
    ///
    /// # Errors
    /// Why it could not be asked.
    pub async fn resolve_delete(&self) -> Result<Resolution, Fault> {
        let Some(name) = self.name else { return Ok(Resolution::Done(Value::NULL)) };
        let is_gone = iam::find(self.session, name).await?.is_none();
        Ok(if is_gone { Resolution::Done(Value::NULL) } else { Resolution::NotDone })
    }
}

/// What to look at when something has the name and not our mark.
pub fn unclear(what: &str, name: &str) -> Text {
    format!(
        "there is an {what} named {name} without the mark of this run: look whether it is the one that was being \
         made; then import it, or remove it"
    )
    .into()
}
