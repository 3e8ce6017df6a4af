//! EKS: from paths to operations, and what all operations share.
//!
//! It leaves out access entries, pod identity, Outposts and connected clusters; add-ons and Fargate profiles can be listed,
//! and there are none.
//!
//! # Source
//! Amazon EKS API Reference (API version 2017-11-01): request syntax, errors and paging of each operation.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::Cx;
use super::call::{Input, Parsed};
use super::error::AwsError;
use super::query::percent_decode;
use super::sigv4::hex_digest;
use crate::json::text;
use crate::server::Incoming;
use crate::world::UsedToken;

mod check;
mod cidr;
mod cluster;
mod cluster_update;
mod node_group;
mod node_group_update;
mod schema;
mod tags;
mod update;
mod validate;
mod versions;

use check::Field;

/// One operation: method, path (`{}` stands for a name), query parameters, body.
struct Route {
    operation: &'static str,
    method: &'static str,
    path: &'static str,
    query: &'static [&'static str],
    body: Option<&'static [Field]>,
}

const PAGING: &[&str] = &["maxResults", "nextToken"];

const fn read(operation: &'static str, path: &'static str, query: &'static [&'static str]) -> Route {
    Route { operation, method: "GET", path, query, body: None }
}

const fn post(operation: &'static str, path: &'static str, body: &'static [Field]) -> Route {
    Route { operation, method: "POST", path, query: &[], body: Some(body) }
}

const fn delete(operation: &'static str, path: &'static str, query: &'static [&'static str]) -> Route {
    Route { operation, method: "DELETE", path, query, body: None }
}

const ROUTES: &[Route] = &[
    post("CreateCluster", "/clusters", schema::CREATE_CLUSTER),
    read("ListClusters", "/clusters", &["maxResults", "nextToken", "include"]),
    read("DescribeCluster", "/clusters/{}", &[]),
    delete("DeleteCluster", "/clusters/{}", &[]),
    post("UpdateClusterConfig", "/clusters/{}/update-config", schema::UPDATE_CLUSTER_CONFIG),
    post("UpdateClusterVersion", "/clusters/{}/updates", schema::UPDATE_CLUSTER_VERSION),
    post("AssociateEncryptionConfig", "/clusters/{}/encryption-config/associate", schema::ASSOCIATE_ENCRYPTION_CONFIG),
    read("ListUpdates", "/clusters/{}/updates", &["maxResults", "nextToken", "nodegroupName", "addonName"]),
    read("DescribeUpdate", "/clusters/{}/updates/{}", &["nodegroupName", "addonName"]),
    read(
        "DescribeClusterVersions",
        "/cluster-versions",
        &[
            "clusterType",
            "maxResults",
            "nextToken",
            "defaultOnly",
            "includeAll",
            "clusterVersions",
            "status",
            "versionStatus",
        ],
    ),
    post("CreateNodegroup", "/clusters/{}/node-groups", schema::CREATE_NODEGROUP),
    read("ListNodegroups", "/clusters/{}/node-groups", PAGING),
    read("DescribeNodegroup", "/clusters/{}/node-groups/{}", &[]),
    delete("DeleteNodegroup", "/clusters/{}/node-groups/{}", &[]),
    post("UpdateNodegroupConfig", "/clusters/{}/node-groups/{}/update-config", schema::UPDATE_NODEGROUP_CONFIG),
    post("UpdateNodegroupVersion", "/clusters/{}/node-groups/{}/update-version", schema::UPDATE_NODEGROUP_VERSION),
    read("ListAddons", "/clusters/{}/addons", PAGING),
    read("ListFargateProfiles", "/clusters/{}/fargate-profiles", PAGING),
    post("TagResource", "/tags/{}", schema::TAG_RESOURCE),
    delete("UntagResource", "/tags/{}", &["tagKeys"]),
    read("ListTagsForResource", "/tags/{}", &[]),
];

/// The names in a path that has the form of `pattern`.
fn captures(pattern: &str, path: &str) -> Option<Vec<String>> {
    let (wanted, found): (Vec<&str>, Vec<&str>) = (pattern.split('/').collect(), path.split('/').collect());
    if wanted.len() != found.len() {
        return None;
    }
    let mut names = Vec::new();
    for (wanted, found) in wanted.into_iter().zip(found) {
        if wanted == "{}" && !found.is_empty() {
            names.push(percent_decode(found, false));
        } else if wanted != found {
            return None;
        }
    }
    Some(names)
}

/// Reads a request.
pub(crate) fn parse(request: &Incoming) -> Parsed {
    let mut routes = ROUTES.iter().filter(|route| route.method == request.method);
    let found = routes.find_map(|route| captures(route.path, &request.path).map(|names| (route, names)));
    let Some((route, path)) = found else {
        return Parsed {
            operation: format!("{} {}", request.method, request.path),
            name: String::new(),
            is_mutating: false,
            input: Input::Rest { path: Vec::new(), query: Vec::new(), body: Value::Null },
            refusal: Some(AwsError::new(404, "UnknownOperationException", "Unknown operation")),
        };
    };
    let pairs = request.query.split('&').filter(|pair| !pair.is_empty());
    let query: Vec<(String, String)> = pairs
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .map(|(name, value)| (percent_decode(name, false), percent_decode(value, false)))
        .collect();
    let body = body_of(request, route);
    let refusal = body.as_ref().err().cloned().or_else(|| {
        let unknown = query.iter().find(|(name, _)| !route.query.contains(&name.as_str()));
        unknown.map(|(name, _)| AwsError::parameter(format!("Unknown query parameter '{name}'")))
    });
    let body = body.unwrap_or(Value::Null);
    let first = path.first().cloned().unwrap_or_default();
    let name = match route.operation {
        "CreateCluster" => text(&body, "/name").to_owned(),
        "CreateNodegroup" => format!("{first}/{}", text(&body, "/nodegroupName")),
        _ if route.path.contains("node-groups/{}") => path.join("/"),
        _ => first,
    };
    Parsed {
        operation: route.operation.to_owned(),
        name,
        is_mutating: route.method != "GET",
        input: Input::Rest { path, query, body },
        refusal,
    }
}

fn body_of(request: &Incoming, route: &Route) -> Result<Value, AwsError> {
    let Some(fields) = route.body else {
        return Ok(Value::Null);
    };
    let unreadable = |_| AwsError::new(400, "SerializationException", "The body is no JSON");
    let text: &[u8] = if request.body.is_empty() { b"{}" } else { &request.body };
    let value: Value = serde_json::from_slice(text).map_err(unreadable)?;
    check::body(&value, fields)?;
    Ok(without_nulls(value))
}

/// A field that is `null` is a field that is left out.
fn without_nulls(value: Value) -> Value {
    match value {
        Value::Object(map) => {
            let kept = map.into_iter().filter(|(_, value)| !value.is_null());
            Value::Object(kept.map(|(key, value)| (key, without_nulls(value))).collect())
        }
        Value::Array(items) => Value::Array(items.into_iter().map(without_nulls).collect()),
        other => other,
    }
}

/// Carries a request out.
pub(crate) fn execute(cx: &mut Cx<'_>) -> Result<Value, AwsError> {
    match cx.call.operation.as_str() {
        "CreateCluster" => with_token(cx, cluster::create),
        "ListClusters" => cluster::list(cx),
        "DescribeCluster" => cluster::describe(cx),
        "DeleteCluster" => cluster::delete(cx),
        "UpdateClusterConfig" => with_token(cx, cluster_update::config),
        "UpdateClusterVersion" => with_token(cx, cluster_update::version),
        "AssociateEncryptionConfig" => with_token(cx, cluster_update::encryption),
        "ListUpdates" => update::list(cx),
        "DescribeUpdate" => update::describe(cx),
        "DescribeClusterVersions" => versions::describe(cx),
        "CreateNodegroup" => with_token(cx, node_group::create),
        "ListNodegroups" => node_group::list(cx),
        "DescribeNodegroup" => node_group::describe(cx),
        "DeleteNodegroup" => node_group::delete(cx),
        "UpdateNodegroupConfig" => with_token(cx, node_group_update::config),
        "UpdateNodegroupVersion" => with_token(cx, node_group_update::version),
        "ListAddons" => none(cx, "addons"),
        "ListFargateProfiles" => none(cx, "fargateProfileNames"),
        "TagResource" => tags::tag(cx),
        "UntagResource" => tags::untag(cx),
        "ListTagsForResource" => tags::list(cx),
        other => Err(AwsError::new(404, "UnknownOperationException", format!("Unknown operation {other}"))),
    }
}

/// The body of a request.
fn body<'a>(cx: &Cx<'a>) -> &'a Value {
    match &cx.call.input {
        Input::Rest { body, .. } => body,
        Input::Form(_) => &Value::Null,
    }
}

/// A name of the path.
fn path<'a>(cx: &Cx<'a>, position: usize) -> &'a str {
    match &cx.call.input {
        Input::Rest { path, .. } => path.get(position).map(String::as_str).unwrap_or_default(),
        Input::Form(_) => "",
    }
}

/// All values of a query parameter.
fn query(cx: &Cx<'_>, name: &str) -> Vec<String> {
    match &cx.call.input {
        Input::Rest { query, .. } => {
            query.iter().filter(|(found, _)| found == name).map(|(_, value)| value.clone()).collect()
        }
        Input::Form(_) => Vec::new(),
    }
}

/// The same token with the same request gives the first answer again; with another request it is refused. A refused
/// request leaves its token unused, and tokens go when their object is gone.
///
/// # Source
/// Amazon EKS API Reference, `clientRequestToken` of CreateCluster; Amazon EC2 API Reference, "Ensuring idempotency".
fn with_token(cx: &mut Cx<'_>, run: fn(&mut Cx<'_>) -> Result<Value, AwsError>) -> Result<Value, AwsError> {
    let token = text(body(cx), "/clientRequestToken").to_owned();
    if token.is_empty() {
        return run(cx);
    }
    let digest = hex_digest(format!("{}\n{}", cx.call.name, body(cx)).as_bytes());
    let key = (cx.call.operation.clone(), token);
    if let Some(used) = cx.region().tokens.get(&key) {
        if used.digest == digest {
            return Ok(used.answer.clone());
        }
        let text = "The client request token was already used with other parameters";
        return Err(AwsError::parameter(text));
    }
    let answer = run(cx)?;
    let (cluster, node_group) = cx.call.name.split_once('/').unwrap_or((&cx.call.name, ""));
    let used =
        UsedToken { digest, answer: answer.clone(), cluster: cluster.to_owned(), node_group: node_group.to_owned() };
    cx.region().tokens.insert(key, used);
    Ok(answer)
}

/// A list of things in a cluster that cannot be made here.
fn none(cx: &mut Cx<'_>, list: &str) -> Result<Value, AwsError> {
    update::cluster(cx, path(cx, 0))?;
    page(cx, list, Vec::new())
}

/// One page of items in their order; the token carries the name of the last item shown.
fn page(cx: &Cx<'_>, list: &str, items: Vec<(String, Value)>) -> Result<Value, AwsError> {
    let size: usize = match query(cx, "maxResults").first() {
        None => 100,
        Some(size) => size.parse().unwrap_or(0),
    };
    if !(1..=100).contains(&size) {
        return Err(AwsError::parameter("maxResults must be between 1 and 100"));
    }
    let mut start = 0;
    if let Some(token) = query(cx, "nextToken").first() {
        let last = STANDARD.decode(token).ok().and_then(|bytes| String::from_utf8(bytes).ok());
        let last = last.ok_or_else(|| AwsError::parameter("nextToken is not valid"))?;
        // An item that is gone meanwhile still marks its place in an ordered list.
        start = items.iter().position(|(name, _)| *name == last).map_or_else(
            || items.iter().position(|(name, _)| *name > last).unwrap_or(items.len()),
            |position| position + 1,
        );
    }
    let has_more = items.len().saturating_sub(start) > size;
    let shown: Vec<(String, Value)> = items.into_iter().skip(start).take(size).collect();
    let next = shown.last().filter(|_| has_more).map(|(name, _)| STANDARD.encode(name));
    let values: Vec<Value> = shown.into_iter().map(|(_, value)| value).collect();
    let mut answer = json!({list: values});
    if let Some(next) = next {
        crate::json::set(&mut answer, "/nextToken", json!(next));
    }
    Ok(answer)
}
