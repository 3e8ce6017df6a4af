//! Lists of names, page by page.

use crate::client::Session;
use crate::limits::table;
use terrane_core::Text;
use terrane_provider::{Fault, FaultKind};

/// Walks over pages: `request` with its token, sent, and the names of each answer.
macro_rules! names {
    ($session:expr, $operation:literal, $request:expr, $names:ident) => {{
        let (mut found, mut next) = (Vec::new(), None);
        for _ in 0..table().requests.most_pages {
            let request = $request.set_next_token(next);
            let page = $session.send($operation, || request.clone().send()).await?;
            found.extend(page.$names().iter().map(|name| Text::from(name.as_str())));
            next = page.next_token;
            if next.is_none() {
                found.sort();
                return Ok(found);
            }
        }
        Err(endless($operation))
    }};
}

fn endless(operation: &'static str) -> Fault {
    Fault::new(FaultKind::Unavailable, operation, "the list does not end").code("unexpected-answer")
}

/// Names of the clusters of a region.
///
/// # Errors
/// Why they could not be asked; so for all that follow.
pub async fn clusters(session: &Session<'_>) -> Result<Vec<Text>, Fault> {
    names!(session, "eks:ListClusters", session.clients.eks.list_clusters(), clusters)
}

/// Names of the managed node groups of a cluster.
pub async fn node_groups(session: &Session<'_>, cluster: &str) -> Result<Vec<Text>, Fault> {
    let request = || session.clients.eks.list_nodegroups().cluster_name(cluster);
    names!(session, "eks:ListNodegroups", request(), nodegroups)
}

/// Names of the Fargate profiles of a cluster.
pub async fn fargate_profiles(session: &Session<'_>, cluster: &str) -> Result<Vec<Text>, Fault> {
    let request = || session.clients.eks.list_fargate_profiles().cluster_name(cluster);
    names!(session, "eks:ListFargateProfiles", request(), fargate_profile_names)
}

/// Names of the add-ons of a cluster.
pub async fn addons(session: &Session<'_>, cluster: &str) -> Result<Vec<Text>, Fault> {
    let request = || session.clients.eks.list_addons().cluster_name(cluster);
    names!(session, "eks:ListAddons", request(), addons)
}
