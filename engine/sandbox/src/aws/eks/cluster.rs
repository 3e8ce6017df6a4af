//! Clusters: create, describe, list, delete.
//!
//! # Source
//! Amazon EKS API Reference, CreateCluster, DescribeCluster, ListClusters, DeleteCluster, "Cluster"; Amazon EKS
//! Service Quotas.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::update::{self, cluster_is_free};
use super::{body, page, path, tags, validate, versions};
use crate::aws::Cx;
use crate::aws::ec2::network;
use crate::aws::error::AwsError;
use crate::aws::sigv4::hex_digest;
use crate::clock::to_millis;
use crate::json::{flag, set, text, texts};
use crate::world::{Cluster, Goal, Managed, Pending};

/// All kinds of control plane logs.
pub(super) const LOG_TYPES: [&str; 5] = ["api", "audit", "authenticator", "controllerManager", "scheduler"];

/// CreateCluster.
pub(super) fn create(cx: &mut Cx<'_>) -> Result<Value, AwsError> {
    let request = body(cx);
    let name = text(request, "/name");
    validate::name("name", name, 100)?;
    if cx.region().clusters.contains_key(name) {
        let text = format!("Cluster already exists with name: {name}");
        return Err(AwsError::in_use(text).with("clusterName", name));
    }
    let quota = cx.world.config.quotas.clusters;
    if cx.region().clusters.len() >= quota {
        let text = format!("Cluster limit exceeded: {quota} clusters per region");
        return Err(AwsError::new(400, "ResourceLimitExceededException", text));
    }
    let version = versions::supported(request.pointer("/version").and_then(Value::as_str))?;
    check_settings(cx, request)?;
    let vpc = check_network(cx, request)?;
    validate::cluster_role(cx, text(request, "/roleArn"))?;
    let doc = document(cx, request, version, &vpc);
    let when_active = late_fields(cx, name);
    add_security_group(cx, name, &vpc, text(&doc, "/resourcesVpcConfig/clusterSecurityGroupId"));
    let (now, durations) = (cx.now, cx.world.config.durations);
    let pending = Pending { done_at: now + durations.cluster_create, goal: Goal::Active, failure: cx.failure.take() };
    let visible_at = now + cx.world.config.lag.eks;
    let own = Managed::new(doc.clone(), visible_at, pending);
    let cluster = Cluster { own, node_groups: BTreeMap::new(), when_active };
    cx.region().clusters.insert(name.to_owned(), cluster);
    Ok(json!({"cluster": doc}))
}

fn check_settings(cx: &Cx<'_>, request: &Value) -> Result<(), AwsError> {
    if request.get("outpostConfig").is_some() {
        let excluded = ["encryptionConfig", "kubernetesNetworkConfig"];
        if let Some(field) = excluded.iter().find(|field| request.get(**field).is_some()) {
            return Err(AwsError::parameter(format!("{field} is not supported for local clusters on Outposts")));
        }
        return Err(AwsError::parameter("The Outpost does not exist"));
    }
    if let Some(encryption) = request.get("encryptionConfig") {
        validate::encryption(cx, encryption)?;
    }
    if let Some(tags) = request.get("tags").and_then(Value::as_object) {
        tags::check(tags).map_err(AwsError::parameter)?;
    }
    validate::auto_mode(request)?;
    Ok(())
}

/// The VPC of the cluster.
fn check_network(cx: &mut Cx<'_>, request: &Value) -> Result<String, AwsError> {
    let vpc = validate::subnets(cx, &texts(request, "/resourcesVpcConfig/subnetIds"), 2)?;
    validate::security_groups(cx, &texts(request, "/resourcesVpcConfig/securityGroupIds"), &vpc)?;
    let family = ip_family(request);
    validate::endpoints(request.get("resourcesVpcConfig").unwrap_or(&Value::Null), family)?;
    let range = text(request, "/kubernetesNetworkConfig/serviceIpv4Cidr");
    if !range.is_empty() {
        if family == "ipv6" {
            return Err(AwsError::parameter("serviceIpv4Cidr is not supported when ipFamily is ipv6"));
        }
        validate::service_cidr(cx, range, &vpc)?;
    }
    Ok(vpc)
}

fn ip_family(request: &Value) -> &str {
    match text(request, "/kubernetesNetworkConfig/ipFamily") {
        "" => "ipv4",
        family => family,
    }
}

fn document(cx: &mut Cx<'_>, request: &Value, version: &versions::Version, vpc: &str) -> Value {
    let name = text(request, "/name");
    let security_group = network::id("sg", cx.account(), &cx.call.region, &format!("cluster/{name}/{}", cx.now));
    let mode = match text(request, "/accessConfig/authenticationMode") {
        "" => "CONFIG_MAP",
        mode => mode,
    };
    let mut doc = json!({
        "name": name, "arn": cx.arn("eks", &format!("cluster/{name}")), "createdAt": to_millis(cx.now),
        "version": version.name(), "platformVersion": version.platform, "status": "CREATING",
        "roleArn": request.get("roleArn"), "resourcesVpcConfig": vpc_config(request, vpc, &security_group),
        "kubernetesNetworkConfig": network_config(cx, request, vpc),
        "logging": {"clusterLogging": logging(&[], request.get("logging"))},
        "accessConfig": {"authenticationMode": mode, "bootstrapClusterCreatorAdminPermissions":
            flag(request, "/accessConfig/bootstrapClusterCreatorAdminPermissions").unwrap_or(true)},
        "upgradePolicy": request.get("upgradePolicy").cloned().unwrap_or_else(|| json!({"supportType": "EXTENDED"})),
        "deletionProtection": flag(request, "/deletionProtection").unwrap_or(false),
        "controlPlaneScalingConfig": request.get("controlPlaneScalingConfig").cloned()
            .unwrap_or_else(|| json!({"tier": "standard"})),
        "health": {"issues": []}, "certificateAuthority": {}, "tags": request.get("tags").cloned().unwrap_or_else(|| json!({})),
    });
    let kept = [
        "encryptionConfig",
        "zonalShiftConfig",
        "remoteNetworkConfig",
        "computeConfig",
        "storageConfig",
        "kubeApiServerConfig",
        "kubeSchedulerConfig",
        "kubeControllerManagerConfig",
    ];
    for field in kept {
        if let Some(value) = request.get(field) {
            set(&mut doc, &format!("/{field}"), value.clone());
        }
    }
    doc
}

fn vpc_config(request: &Value, vpc: &str, security_group: &str) -> Value {
    let anyone = match ip_family(request) {
        "ipv6" => json!(["0.0.0.0/0", "::/0"]),
        _ => json!(["0.0.0.0/0"]),
    };
    let given = |field: &str| request.pointer(&format!("/resourcesVpcConfig/{field}")).cloned();
    let public = flag(request, "/resourcesVpcConfig/endpointPublicAccess").unwrap_or(true);
    json!({
        "subnetIds": given("subnetIds"), "securityGroupIds": given("securityGroupIds").unwrap_or_else(|| json!([])),
        "clusterSecurityGroupId": security_group, "vpcId": vpc, "endpointPublicAccess": public,
        "endpointPrivateAccess": given("endpointPrivateAccess").unwrap_or(json!(false)),
        "publicAccessCidrs": given("publicAccessCidrs").unwrap_or_else(|| if public { anyone } else { json!([]) }),
        "controlPlaneEgressMode": given("controlPlaneEgressMode").unwrap_or_else(|| json!("AWS_MANAGED")),
    })
}

/// Without a wish EKS takes 10.100.0.0/16, or 172.20.0.0/16 when the VPC is within 10.0.0.0/8.
fn network_config(cx: &mut Cx<'_>, request: &Value, vpc: &str) -> Value {
    let balancing = flag(request, "/kubernetesNetworkConfig/elasticLoadBalancing/enabled").unwrap_or(false);
    if ip_family(request) == "ipv6" {
        let digest = hex_digest(format!("{}/{}", cx.account(), cx.call.name).as_bytes());
        let range = format!("fd{}:{}::/108", digest.get(..2).unwrap_or_default(), digest.get(2..6).unwrap_or_default());
        return json!({"ipFamily": "ipv6", "serviceIpv6Cidr": range, "elasticLoadBalancing": {"enabled": balancing}});
    }
    let block = cx.region().network.get(vpc).map(|doc| text(doc, "/cidrBlock").to_owned()).unwrap_or_default();
    let standard = if block.starts_with("10.") { "172.20.0.0/16" } else { "10.100.0.0/16" };
    let range = match text(request, "/kubernetesNetworkConfig/serviceIpv4Cidr") {
        "" => standard,
        range => range,
    };
    json!({"ipFamily": "ipv4", "serviceIpv4Cidr": range, "elasticLoadBalancing": {"enabled": balancing}})
}

/// What is on before, changed by a request's `logging`, as EKS shows it: one entry of what is on, one of what is off.
pub(super) fn logging(before: &[String], request: Option<&Value>) -> Vec<Value> {
    let mut on: Vec<String> = before.to_vec();
    let setups = request.and_then(|logging| logging.get("clusterLogging")).and_then(Value::as_array);
    for setup in setups.into_iter().flatten() {
        let types = texts(setup, "/types");
        on.retain(|kind| !types.contains(kind));
        if flag(setup, "/enabled").unwrap_or(false) {
            on.extend(types);
        }
    }
    let pick = |is_on: bool| -> Vec<&str> {
        LOG_TYPES.into_iter().filter(|kind| on.iter().any(|one| one == kind) == is_on).collect()
    };
    let entries = [(pick(true), true), (pick(false), false)].into_iter();
    entries
        .filter(|(types, _)| !types.is_empty())
        .map(|(types, enabled)| json!({"types": types, "enabled": enabled}))
        .collect()
}

/// What a cluster has only once it is ACTIVE.
fn late_fields(cx: &mut Cx<'_>, name: &str) -> Vec<(String, Value)> {
    let serial = cx.world.next_serial();
    let digest = hex_digest(format!("{}/{}/{name}/{serial}", cx.account(), cx.call.region).as_bytes());
    let id = digest.get(..32).unwrap_or_default().to_uppercase();
    let region = &cx.call.region;
    let invented = STANDARD.encode(format!("-----BEGIN CERTIFICATE-----\nsandbox {id}\n-----END CERTIFICATE-----\n"));
    let (url, authority) = match &cx.world.config.kubernetes {
        Some(endpoint) => (endpoint.url.clone(), endpoint.ca_data.clone()),
        None => (format!("https://{id}.gr7.{region}.eks.amazonaws.com"), invented),
    };
    vec![
        ("/endpoint".to_owned(), json!(url)),
        ("/certificateAuthority/data".to_owned(), json!(authority)),
        ("/identity/oidc/issuer".to_owned(), json!(format!("https://oidc.eks.{region}.amazonaws.com/id/{id}"))),
    ]
}

fn add_security_group(cx: &mut Cx<'_>, name: &str, vpc: &str, id: &str) {
    let doc = json!({
        "groupId": id, "groupName": format!("eks-cluster-sg-{name}"), "vpcId": vpc, "ownerId": cx.account(),
        "groupDescription": "EKS created security group applied to ENI that is attached to EKS Control Plane master nodes",
        "ipPermissions": [], "ipPermissionsEgress": [],
        "tags": {format!("kubernetes.io/cluster/{name}"): "owned", "aws:eks:cluster-name": name},
    });
    cx.region().network.insert(id.to_owned(), doc);
}

/// DescribeCluster.
pub(super) fn describe(cx: &mut Cx<'_>) -> Result<Value, AwsError> {
    let cluster = update::cluster(cx, path(cx, 0))?;
    Ok(json!({"cluster": cluster.own.doc}))
}

/// ListClusters.
pub(super) fn list(cx: &mut Cx<'_>) -> Result<Value, AwsError> {
    let now = cx.now;
    let clusters = cx.region().clusters.iter().filter(|(_, cluster)| cluster.own.visible_at <= now);
    let names = clusters.map(|(name, _)| (name.clone(), json!(name))).collect();
    page(cx, "clusters", names)
}

/// DeleteCluster.
pub(super) fn delete(cx: &mut Cx<'_>) -> Result<Value, AwsError> {
    let name = path(cx, 0);
    let lasts = cx.world.config.durations.cluster_delete;
    let (now, failure) = (cx.now, cx.failure.take());
    let cluster = update::cluster(cx, name)?;
    if !cluster.node_groups.is_empty() {
        return Err(AwsError::in_use("Cluster has nodegroups attached").with("clusterName", name));
    }
    if flag(&cluster.own.doc, "/deletionProtection") == Some(true) {
        let text = format!("Cluster {name} cannot be deleted because deletion protection is enabled");
        return Err(AwsError::request(text).with("clusterName", name));
    }
    match cluster.own.status() {
        "FAILED" => {}
        "DELETING" => return Ok(json!({"cluster": cluster.own.doc})),
        _ => cluster_is_free(&cluster.own, "DeleteCluster")?,
    }
    set(&mut cluster.own.doc, "/status", json!("DELETING"));
    cluster.own.pending = Some(Pending { done_at: now + lasts, goal: Goal::Gone, failure });
    Ok(json!({"cluster": cluster.own.doc}))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logging_is_shown_as_what_is_on_and_what_is_off() {
        let request = json!({"clusterLogging": [{"types": ["audit", "api"], "enabled": true}]});
        let shown = logging(&["scheduler".to_owned()], Some(&request));
        assert_eq!(
            shown,
            [
                json!({"types": ["api", "audit", "scheduler"], "enabled": true}),
                json!({"types": ["authenticator", "controllerManager"], "enabled": false}),
            ]
        );
    }
}
