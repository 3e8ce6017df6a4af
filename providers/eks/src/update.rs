//! Updates under way, of clusters and node groups.

use crate::client::Session;
use crate::error;
use crate::limits::table;
use aws_sdk_eks::types::{Update, UpdateStatus};
use terrane_provider::{Fault, FaultKind};

/// What updates belong to.
#[derive(Clone, Copy, Debug)]
pub struct Of<'a> {
    /// The cluster.
    pub cluster: &'a str,
    /// The node group; `None` for updates of the cluster itself.
    pub pool: Option<&'a str>,
}

/// How an update stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// It goes on.
    Running,
    /// It succeeded.
    Done,
}

/// The id to ask for, of an update that an answer tells about; `None` where there is none, or it is over
/// already.
#[must_use]
pub fn open_id(update: Option<Update>) -> Option<String> {
    update.filter(|update| update.status() != Some(&UpdateStatus::Successful)).and_then(|update| update.id)
}

/// Asks how an update stands.
///
/// # Errors
/// `Invalid` with EKS's reasons when it failed, `Conflict` when somebody cancelled it.
pub async fn state(session: &Session<'_>, of: Of<'_>, id: &str) -> Result<State, Fault> {
    let update = describe(session, of, id).await?;
    match update.status() {
        Some(UpdateStatus::Successful) => Ok(State::Done),
        Some(UpdateStatus::Failed) => Err(failed(&update)),
        Some(UpdateStatus::Cancelled) => {
            let message = format!("somebody cancelled update {id}");
            Err(Fault::new(FaultKind::Conflict, "eks:DescribeUpdate", message).code("update-cancelled"))
        }
        _ => Ok(State::Running),
    }
}

async fn describe(session: &Session<'_>, of: Of<'_>, id: &str) -> Result<Update, Fault> {
    let request = session.clients.eks.describe_update().name(of.cluster).update_id(id);
    let request = request.set_nodegroup_name(of.pool.map(str::to_owned));
    let answer = session.send("eks:DescribeUpdate", || request.clone().send()).await?;
    answer.update.ok_or_else(|| {
        Fault::new(FaultKind::Unavailable, "eks:DescribeUpdate", "the answer holds no update").code("unexpected-answer")
    })
}

fn failed(update: &Update) -> Fault {
    let reason = |error: &aws_sdk_eks::types::ErrorDetail| {
        let code = error.error_code().map_or("Unknown", |code| code.as_str());
        format!("{code}: {} {}", error.error_message().unwrap_or_default(), error.resource_ids().join(", "))
    };
    let reasons: Vec<String> = update.errors().iter().map(|error| reason(error).trim_end().to_owned()).collect();
    let code =
        update.errors().first().and_then(|error| error.error_code()).map_or("update-failed", |code| code.as_str());
    let message = match reasons.is_empty() {
        true => "the update failed, and EKS does not say why".to_owned(),
        false => format!("the update failed: {}", reasons.join("; ")),
    };
    Fault::new(FaultKind::Invalid { argument: None }, "eks:DescribeUpdate", message).code(code)
}

/// The id of a running update of one of these types. A service that knows no updates runs none.
///
/// # Errors
/// Why it could not be asked.
pub async fn running(session: &Session<'_>, of: Of<'_>, types: &[&str]) -> Result<Option<String>, Fault> {
    for id in ids(session, of).await? {
        let update = describe(session, of, &id).await?;
        let is_wanted = update.r#type().is_some_and(|kind| types.contains(&kind.as_str()));
        if is_wanted && update.status() == Some(&UpdateStatus::InProgress) {
            return Ok(Some(id));
        }
    }
    Ok(None)
}

async fn ids(session: &Session<'_>, of: Of<'_>) -> Result<Vec<String>, Fault> {
    let (mut ids, mut next) = (Vec::new(), None);
    for _ in 0..table().requests.most_pages {
        let request = session.clients.eks.list_updates().name(of.cluster);
        let request = request.set_nodegroup_name(of.pool.map(str::to_owned)).set_next_token(next);
        let page = match session.send("eks:ListUpdates", || request.clone().send()).await {
            Err(fault) if error::is_gone(&fault) || &*fault.code == "unexpected-answer" => return Ok(ids),
            other => other?,
        };
        ids.extend(page.update_ids().iter().cloned());
        next = page.next_token;
        if next.is_none() {
            break;
        }
    }
    Ok(ids)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_update_that_is_over_is_not_asked_for() {
        let update = |status| Some(Update::builder().id("u").status(status).build());
        assert_eq!(open_id(update(UpdateStatus::InProgress)), Some("u".to_owned()));
        assert_eq!(open_id(update(UpdateStatus::Successful)), None);
        assert_eq!(open_id(None), None);
    }
}
