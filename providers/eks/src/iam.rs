//! The roles that Terrane makes where the configuration names none.

use crate::client::Session;
use crate::error;
use crate::names::partition;
use crate::tags::{INTENT_TAG, Tags};
use serde::Deserialize;
use std::sync::OnceLock;
use terrane_provider::{Fault, FaultKind};

const TEXT: &str = include_str!("../data/policies.toml");

/// What roles trust and carry.
#[derive(Debug, Default, Deserialize)]
struct Table {
    cluster: Kind,
    node: Kind,
}

/// What roles of one kind trust and carry.
#[derive(Debug, Default, Deserialize)]
pub struct Kind {
    principal: String,
    policies: Vec<String>,
}

fn table() -> &'static Table {
    static TABLE: OnceLock<Table> = OnceLock::new();
    // A test proves that the file can be read, so the empty table is never used.
    TABLE.get_or_init(|| toml::from_str(TEXT).unwrap_or_default())
}

/// Roles of clusters.
pub fn cluster_kind() -> &'static Kind {
    &table().cluster
}

/// Roles of nodes.
pub fn node_kind() -> &'static Kind {
    &table().node
}

impl Kind {
    fn trust(&self, region: &str) -> String {
        // In China the EC2 principal has that partition's suffix; the EKS one is the same everywhere.
        let is_china_ec2 = partition(region) == "aws-cn" && self.principal.starts_with("ec2.");
        let suffix = if is_china_ec2 { ".cn" } else { "" };
        let principal = format!("{}{suffix}", self.principal);
        serde_json::json!({"Version": "2012-10-17", "Statement": [
            {"Effect": "Allow", "Principal": {"Service": principal}, "Action": "sts:AssumeRole"}
        ]})
        .to_string()
    }

    fn policy_arns(&self, region: &str) -> Vec<String> {
        let arn = |name: &String| format!("arn:{}:iam::aws:policy/{name}", partition(region));
        self.policies.iter().map(arn).collect()
    }
}

/// A role as it is.
#[derive(Clone, Debug, Default)]
pub struct Role {
    /// Its ARN.
    pub arn: String,
    /// The intent that made it; `None` where the role is not ours.
    pub intent: Option<String>,
    attached: Vec<String>,
}

impl Role {
    /// Whether it carries every policy of its kind.
    pub fn is_complete(&self, kind: &Kind, region: &str) -> bool {
        kind.policy_arns(region).iter().all(|arn| self.attached.contains(arn))
    }
}

/// Reads a role with its policies; `None` where the answer proves that there is none.
///
/// # Errors
/// Why it could not be read.
pub async fn find(session: &Session<'_>, name: &str) -> Result<Option<Role>, Fault> {
    let Some(mut role) = get(session, name).await? else { return Ok(None) };
    role.attached = match attached(session, name).await {
        Err(fault) if error::is_gone(&fault) => return Ok(None),
        other => other?,
    };
    Ok(Some(role))
}

async fn get(session: &Session<'_>, name: &str) -> Result<Option<Role>, Fault> {
    let request = session.clients.iam.get_role().role_name(name);
    let answer = match session.send("iam:GetRole", || request.clone().send()).await {
        Err(fault) if error::is_gone(&fault) => return Ok(None),
        other => other?,
    };
    let Some(role) = answer.role else {
        let message = "the answer holds no role";
        return Err(Fault::new(FaultKind::Unavailable, "iam:GetRole", message).code("unexpected-answer"));
    };
    let mark = role.tags().iter().find(|tag| tag.key() == INTENT_TAG).map(|tag| tag.value().to_owned());
    Ok(Some(Role { arn: role.arn().to_owned(), intent: mark, attached: Vec::new() }))
}

async fn attached(session: &Session<'_>, name: &str) -> Result<Vec<String>, Fault> {
    let (mut arns, mut marker) = (Vec::new(), None);
    for _ in 0..crate::limits::table().requests.most_pages {
        let request = session.clients.iam.list_attached_role_policies().role_name(name).set_marker(marker);
        let page = session.send("iam:ListAttachedRolePolicies", || request.clone().send()).await?;
        arns.extend(page.attached_policies().iter().filter_map(|policy| policy.policy_arn().map(str::to_owned)));
        marker = page.marker().filter(|_| page.is_truncated()).map(str::to_owned);
        if marker.is_none() {
            return Ok(arns);
        }
    }
    let message = "the list of attached policies does not end";
    Err(Fault::new(FaultKind::Unavailable, "iam:ListAttachedRolePolicies", message).code("unexpected-answer"))
}

/// Makes a role that carries our mark, and gives its ARN. A role of that name that an earlier try made is taken;
/// `None` where one is there and does not show yet.
///
/// # Errors
/// `Conflict` where somebody else has a role of that name.
pub async fn create(session: &Session<'_>, name: &str, kind: &Kind, tags: &Tags) -> Result<Option<String>, Fault> {
    let tag = |(key, value): (&String, &String)| {
        aws_sdk_iam::types::Tag::builder().key(key).value(value).build().map_err(|error| built("Tag", &error))
    };
    let list = tags.iter().map(tag).collect::<Result<Vec<_>, _>>()?;
    let request = session.clients.iam.create_role();
    let request = request
        .role_name(name)
        .assume_role_policy_document(kind.trust(&session.clients.region))
        .description("Made by Terrane, removed with its owner")
        .set_tags(Some(list));
    let fault = match session.send("iam:CreateRole", || request.clone().send()).await {
        Ok(answer) => return Ok(Some(answer.role.map(|role| role.arn().to_owned()).unwrap_or_default())),
        Err(fault) if error::is_taken(&fault) => fault,
        Err(fault) => return Err(fault),
    };
    match get(session, name).await? {
        None => Ok(None),
        Some(role) if role.intent.is_some() && role.intent.as_ref() == tags.get(INTENT_TAG) => Ok(Some(role.arn)),
        Some(_) => Err(fault.code("name-taken").help(format!(
            "a role named {name} is there already and is not this object's: name it as `role_arn` (of a node pool: \
             `node_role_arn`), or remove it"
        ))),
    }
}

/// Attaches the policies of a kind. What is attached already stays.
///
/// # Errors
/// Why that failed.
pub async fn attach(session: &Session<'_>, name: &str, kind: &Kind) -> Result<(), Fault> {
    for arn in kind.policy_arns(&session.clients.region) {
        let request = session.clients.iam.attach_role_policy().role_name(name).policy_arn(arn);
        session.send("iam:AttachRolePolicy", || request.clone().send()).await?;
    }
    Ok(())
}

/// Detaches every policy from a role and deletes it. A role that is not there is no fault.
///
/// # Errors
/// `Conflict` while something still uses the role.
pub async fn delete(session: &Session<'_>, name: &str) -> Result<(), Fault> {
    let gone = |result: Result<(), Fault>| match result {
        Err(fault) if error::is_gone(&fault) => Ok(()),
        other => other,
    };
    let policies = match attached(session, name).await {
        Err(fault) if error::is_gone(&fault) => return Ok(()),
        other => other?,
    };
    for arn in policies {
        let request = session.clients.iam.detach_role_policy().role_name(name).policy_arn(arn);
        gone(session.send("iam:DetachRolePolicy", || request.clone().send()).await.map(|_| ()))?;
    }
    let request = session.clients.iam.delete_role().role_name(name);
    gone(session.send("iam:DeleteRole", || request.clone().send()).await.map(|_| ()))
}

/// A request that the SDK would not build: our mistake.
pub fn built(what: &str, error: &dyn std::error::Error) -> Fault {
    Fault::bug(what.to_owned(), error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_can_be_read_and_gives_whole_arns() {
        let table: Table = toml::from_str(TEXT).expect("reads");
        assert_eq!(table.cluster.policy_arns("eu-west-1"), ["arn:aws:iam::aws:policy/AmazonEKSClusterPolicy"]);
        assert_eq!(table.node.policies.len(), 3);
        assert!(table.node.trust("cn-north-1").contains("ec2.amazonaws.com.cn"));
        assert!(table.cluster.trust("cn-north-1").contains("\"eks.amazonaws.com\""));
    }

    #[test]
    fn a_role_is_complete_with_all_its_policies() {
        let mut role = Role::default();
        assert!(!role.is_complete(node_kind(), "eu-west-1"));
        role.attached = node_kind().policy_arns("eu-west-1");
        assert!(role.is_complete(node_kind(), "eu-west-1"));
    }
}
