//! The emulated world: accounts, their roles, and for each account and region a network and its clusters.
//!
//! In: the configuration and, later, changes by the services and by drift. Out: objects as JSON documents in the
//! words of the vendor's API. Rules of the services are in `aws`; here is only what there is.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::aws::ec2::network;
use crate::aws::sigv4::hex_digest;
use crate::clock::to_millis;
use crate::config::SandboxConfig;
use crate::json;

/// A role of IAM.
#[derive(Clone, Debug)]
pub(crate) struct Role {
    /// `RoleName`, `Arn`, `RoleId`, `Path`, `CreateDate`, `AssumeRolePolicyDocument`, `Tags`, `AttachedPolicies`, ..
    pub(crate) doc: Value,
    /// When IAM's own answers show it.
    pub(crate) visible_at: f64,
    /// When other services know it with its present trust policy.
    pub(crate) trusted_at: f64,
    /// When other services know an attachment; one that is not here is known.
    pub(crate) attached_at: BTreeMap<String, f64>,
}

/// What happens when a long-running operation ends.
#[derive(Clone, Debug)]
pub(crate) enum Goal {
    /// The object is there.
    Active,
    /// The object is gone.
    Gone,
    /// An update is done: these pointers get these values.
    Updated { update: String, changes: Vec<(String, Value)> },
}

/// A long-running operation under way.
#[derive(Clone, Debug)]
pub(crate) struct Pending {
    pub(crate) done_at: f64,
    pub(crate) goal: Goal,
    /// Code and message when it ends badly.
    pub(crate) failure: Option<(String, String)>,
}

/// A cluster or a node group: the document that a describe call answers, and what is under way.
#[derive(Clone, Debug)]
pub(crate) struct Managed {
    pub(crate) doc: Value,
    pub(crate) visible_at: f64,
    pub(crate) pending: Option<Pending>,
    /// Updates in the order they began.
    pub(crate) updates: Vec<Value>,
}

impl Managed {
    /// An object that becomes ACTIVE.
    pub(crate) const fn new(doc: Value, visible_at: f64, pending: Pending) -> Self {
        Self { doc, visible_at, pending: Some(pending), updates: Vec::new() }
    }

    /// Its `status`.
    pub(crate) fn status(&self) -> &str {
        json::text(&self.doc, "/status")
    }

    /// Id of the update in flight.
    pub(crate) fn update_in_flight(&self) -> Option<&str> {
        match self.pending.as_ref().map(|pending| &pending.goal) {
            Some(Goal::Updated { update, .. }) => Some(update),
            Some(Goal::Active | Goal::Gone) | None => None,
        }
    }

    /// Ends what is due; true when the object is gone.
    fn settle(&mut self, now: f64) -> bool {
        let Some(pending) = self.pending.take_if(|pending| pending.done_at <= now) else {
            return false;
        };
        match (pending.goal, pending.failure) {
            (Goal::Gone, None) => return true,
            (Goal::Updated { update, changes }, failure) => {
                self.end_update(&update, changes, failure);
                json::set(&mut self.doc, "/status", json!("ACTIVE"));
            }
            (Goal::Active, None) => {
                json::set(&mut self.doc, "/status", json!("ACTIVE"));
            }
            (goal, Some((code, message))) => {
                let is_node_group = self.doc.pointer("/nodegroupName").is_some();
                let status = match (is_node_group, goal) {
                    (true, Goal::Gone) => "DELETE_FAILED",
                    (true, _) => "CREATE_FAILED",
                    (false, _) => "FAILED",
                };
                let issue = json!({"code": code, "message": message, "resourceIds": []});
                json::set(&mut self.doc, "/health/issues", json!([issue]));
                json::set(&mut self.doc, "/status", json!(status));
            }
        }
        if self.doc.pointer("/modifiedAt").is_some() {
            json::set(&mut self.doc, "/modifiedAt", json!(to_millis(pending.done_at)));
        }
        false
    }

    fn end_update(&mut self, id: &str, changes: Vec<(String, Value)>, failure: Option<(String, String)>) {
        if failure.is_none() {
            for (pointer, value) in changes {
                json::set(&mut self.doc, &pointer, value);
            }
        }
        let Some(update) = self.updates.iter_mut().find(|update| json::text(update, "/id") == id) else {
            return;
        };
        let status = if failure.is_none() { "Successful" } else { "Failed" };
        json::set(update, "/status", json!(status));
        if let Some((code, message)) = failure {
            let error = json!({"errorCode": code, "errorMessage": message, "resourceIds": []});
            json::set(update, "/errors", json!([error]));
        }
    }
}

/// A cluster and its node groups.
#[derive(Clone, Debug)]
pub(crate) struct Cluster {
    pub(crate) own: Managed,
    pub(crate) node_groups: BTreeMap<String, Managed>,
    /// What DescribeCluster shows only once the cluster is ACTIVE.
    pub(crate) when_active: Vec<(String, Value)>,
}

/// A client request token that has been used.
#[derive(Clone, Debug)]
pub(crate) struct UsedToken {
    pub(crate) digest: String,
    pub(crate) answer: Value,
    pub(crate) cluster: String,
    pub(crate) node_group: String,
}

/// One region of one account.
#[derive(Clone, Debug, Default)]
pub(crate) struct Region {
    /// EC2's objects by id; the prefix of the id tells the kind.
    pub(crate) network: BTreeMap<String, Value>,
    pub(crate) clusters: BTreeMap<String, Cluster>,
    /// KMS keys by id.
    pub(crate) keys: BTreeMap<String, Value>,
    /// By operation and token.
    pub(crate) tokens: BTreeMap<(String, String), UsedToken>,
}

impl Region {
    /// Ends what is due.
    pub(crate) fn settle(&mut self, now: f64) {
        let mut gone: Vec<(String, String)> = Vec::new();
        for (name, cluster) in &mut self.clusters {
            let was_creating = cluster.own.status() == "CREATING";
            if cluster.own.settle(now) {
                gone.push((name.clone(), String::new()));
            }
            if was_creating && cluster.own.status() == "ACTIVE" {
                for (pointer, value) in std::mem::take(&mut cluster.when_active) {
                    json::set(&mut cluster.own.doc, &pointer, value);
                }
            }
            for (group, managed) in &mut cluster.node_groups {
                if managed.settle(now) {
                    gone.push((name.clone(), group.clone()));
                }
            }
        }
        for (cluster, node_group) in gone {
            self.remove(&cluster, &node_group);
        }
    }

    /// Takes a cluster, or a node group of it, out of the world together with what hangs on it.
    pub(crate) fn remove(&mut self, cluster: &str, node_group: &str) -> bool {
        let is_about =
            |token: &UsedToken| token.cluster == cluster && (node_group.is_empty() || token.node_group == node_group);
        self.tokens.retain(|_, token| !is_about(token));
        if !node_group.is_empty() {
            let parent = self.clusters.get_mut(cluster);
            return parent.is_some_and(|parent| parent.node_groups.remove(node_group).is_some());
        }
        let Some(removed) = self.clusters.remove(cluster) else {
            return false;
        };
        self.network.remove(json::text(&removed.own.doc, "/resourcesVpcConfig/clusterSecurityGroupId"));
        true
    }
}

/// Temporary credentials from STS.
#[derive(Clone, Debug)]
pub(crate) struct Session {
    pub(crate) secret: String,
    pub(crate) token: String,
    pub(crate) account: String,
    pub(crate) arn: String,
    pub(crate) user_id: String,
    /// Real seconds since the Unix epoch.
    pub(crate) expires_at: f64,
}

/// Everything there is.
#[derive(Clone, Debug)]
pub(crate) struct World {
    pub(crate) config: SandboxConfig,
    /// Roles by account and name.
    pub(crate) roles: BTreeMap<String, BTreeMap<String, Role>>,
    pub(crate) regions: BTreeMap<(String, String), Region>,
    /// By access key id.
    pub(crate) sessions: BTreeMap<String, Session>,
    serial: u64,
}

/// One object as the control endpoint and `Sandbox::objects` show it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ObjectView {
    /// `cluster`, `node-group`, `role`, or for EC2 `vpc`, `subnet`, `route-table`, `internet-gateway`,
    /// `nat-gateway`, `security-group`, `launch-template`.
    #[serde(rename = "type")]
    pub object_type: String,
    /// Twelve digits.
    pub account: String,
    /// Empty for roles.
    pub region: String,
    /// Name or id; a node group is `cluster/node-group`.
    pub name: String,
    /// The document, in the words of the vendor's API.
    pub value: Value,
}

/// A change behind the client's back.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "action", rename_all = "snake_case", deny_unknown_fields)]
pub enum Drift {
    /// Puts a value at a JSON pointer of an object's document; `null` removes.
    Set {
        /// As in [`ObjectView`].
        #[serde(rename = "type")]
        object_type: String,
        /// Twelve digits.
        account: String,
        /// Empty for roles.
        #[serde(default)]
        region: String,
        /// As in [`ObjectView`].
        name: String,
        /// RFC 6901; objects on the way are made, `-` appends to a list.
        pointer: String,
        /// The new value.
        value: Value,
    },
    /// Takes an object away at once, with its children.
    Delete {
        /// As in [`ObjectView`].
        #[serde(rename = "type")]
        object_type: String,
        /// Twelve digits.
        account: String,
        /// Empty for roles.
        #[serde(default)]
        region: String,
        /// As in [`ObjectView`].
        name: String,
    },
}

/// The type that a prefix of an EC2 id stands for.
const NETWORK_TYPES: &[(&str, &str)] = &[
    ("vpc", "vpc"),
    ("subnet", "subnet"),
    ("rtb", "route-table"),
    ("igw", "internet-gateway"),
    ("nat", "nat-gateway"),
    ("sg", "security-group"),
    ("lt", "launch-template"),
];

impl World {
    /// The world that a configuration describes, before the first request.
    pub(crate) fn new(config: SandboxConfig, now: f64) -> Self {
        let mut world =
            Self { config, roles: BTreeMap::new(), regions: BTreeMap::new(), sessions: BTreeMap::new(), serial: 0 };
        let accounts: Vec<String> = world.config.accounts.iter().map(|account| account.id.clone()).collect();
        for account in &accounts {
            world.seed_deployer(account, now);
            for region in world.config.regions.clone() {
                world.region(account, &region);
            }
        }
        world
    }

    fn seed_deployer(&mut self, account: &str, now: f64) {
        let trusted: Vec<String> =
            self.config.accounts.iter().map(|seed| format!("arn:aws:iam::{}:root", seed.id)).collect();
        let trust = json!({"Version": "2012-10-17", "Statement": [
            {"Effect": "Allow", "Principal": {"AWS": trusted}, "Action": "sts:AssumeRole"},
            {"Effect": "Allow", "Principal": {"Federated": format!("arn:aws:iam::{account}:oidc-provider/sandbox")},
             "Action": "sts:AssumeRoleWithWebIdentity"},
        ]});
        let name = "terrane-deployer";
        let doc = json!({
            "RoleName": name, "Path": "/", "Arn": format!("arn:aws:iam::{account}:role/{name}"),
            "RoleId": self.iam_id(account, name), "CreateDate": now, "MaxSessionDuration": 3600,
            "AssumeRolePolicyDocument": trust.to_string(), "Tags": {}, "AttachedPolicies": [],
        });
        let role = Role { doc, visible_at: now, trusted_at: now, attached_at: BTreeMap::new() };
        self.roles.entry(account.to_owned()).or_default().insert(name.to_owned(), role);
    }

    /// A number that no earlier call gave.
    pub(crate) const fn next_serial(&mut self) -> u64 {
        self.serial += 1;
        self.serial
    }

    /// `AROA..` for a role.
    pub(crate) fn iam_id(&mut self, account: &str, name: &str) -> String {
        let serial = self.next_serial();
        let digest = hex_digest(format!("role/{account}/{name}/{serial}").as_bytes()).to_uppercase();
        format!("AROASANDBOX{}", digest.get(..10).unwrap_or_default())
    }

    /// One region of an account; its network is made when it is first used.
    pub(crate) fn region(&mut self, account: &str, region: &str) -> &mut Region {
        let key = (account.to_owned(), region.to_owned());
        self.regions.entry(key).or_insert_with(|| Region {
            network: network::seed(account, region),
            keys: crate::aws::kms::seed(account, region),
            ..Region::default()
        })
    }

    /// Ends what is due everywhere.
    pub(crate) fn settle(&mut self, now: f64) {
        self.regions.values_mut().for_each(|region| region.settle(now));
    }

    /// Ends all session credentials.
    pub(crate) fn expire_sessions(&mut self) {
        let now = crate::clock::real_seconds();
        self.sessions.values_mut().for_each(|session| session.expires_at = session.expires_at.min(now));
    }

    /// Every live object.
    pub(crate) fn objects(&self) -> Vec<ObjectView> {
        let mut views = Vec::new();
        for (account, roles) in &self.roles {
            for (name, role) in roles {
                views.push(view("role", account, "", name, &role.doc));
            }
        }
        for ((account, region), place) in &self.regions {
            for (name, cluster) in &place.clusters {
                views.push(view("cluster", account, region, name, &cluster.own.doc));
                for (group, managed) in &cluster.node_groups {
                    let name = format!("{name}/{group}");
                    views.push(view("node-group", account, region, &name, &managed.doc));
                }
            }
            for (id, doc) in &place.network {
                let prefix = id.split('-').next().unwrap_or_default();
                let known = NETWORK_TYPES.iter().find(|(known, _)| *known == prefix);
                views.push(view(known.map_or(prefix, |(_, name)| name), account, region, id, doc));
            }
        }
        views
    }

    /// Makes a change behind the client's back; false when there is no such object or pointer.
    pub(crate) fn drift(&mut self, drift: Drift) -> bool {
        match drift {
            Drift::Set { object_type, account, region, name, pointer, value } => {
                let doc = self.doc(&object_type, &account, &region, &name);
                doc.is_some_and(|doc| json::set(doc, &pointer, value))
            }
            Drift::Delete { object_type, account, region, name } => {
                if object_type == "role" {
                    return self.roles.get_mut(&account).is_some_and(|roles| roles.remove(&name).is_some());
                }
                let Some(place) = self.regions.get_mut(&(account, region)) else {
                    return false;
                };
                match object_type.as_str() {
                    "cluster" => place.remove(&name, ""),
                    "node-group" => name.split_once('/').is_some_and(|(name, group)| place.remove(name, group)),
                    _ => place.network.remove(&name).is_some(),
                }
            }
        }
    }

    fn doc(&mut self, object_type: &str, account: &str, region: &str, name: &str) -> Option<&mut Value> {
        if object_type == "role" {
            return self.roles.get_mut(account)?.get_mut(name).map(|role| &mut role.doc);
        }
        let place = self.regions.get_mut(&(account.to_owned(), region.to_owned()))?;
        match object_type {
            "cluster" => place.clusters.get_mut(name).map(|cluster| &mut cluster.own.doc),
            "node-group" => {
                let (cluster, group) = name.split_once('/')?;
                let groups = &mut place.clusters.get_mut(cluster)?.node_groups;
                groups.get_mut(group).map(|managed| &mut managed.doc)
            }
            "key" => place.keys.get_mut(name),
            _ => place.network.get_mut(name),
        }
    }
}

fn view(object_type: &str, account: &str, region: &str, name: &str, doc: &Value) -> ObjectView {
    ObjectView {
        object_type: object_type.to_owned(),
        account: account.to_owned(),
        region: region.to_owned(),
        name: name.to_owned(),
        value: doc.clone(),
    }
}

/// An id that looks like a UUID and is the same for the same text.
pub(crate) fn uuid_of(text: &str) -> String {
    let digest = hex_digest(text.as_bytes());
    let part = |from: usize, to: usize| digest.get(from..to).unwrap_or_default();
    format!("{}-{}-{}-{}-{}", part(0, 8), part(8, 12), part(12, 16), part(16, 20), part(20, 32))
}
