//! Changes of a cluster: configuration (one kind in a call), version, encryption.
//!
//! # Source
//! Amazon EKS API Reference, UpdateClusterConfig, UpdateClusterVersion, AssociateEncryptionConfig; Amazon EKS User
//! Guide, "Update existing cluster to new Kubernetes version" and "Kubernetes version skew policy".

use serde_json::{Value, json};

use super::cluster::logging;
use super::update::{self, Change, begin, cluster_is_free};
use super::{body, path, validate, versions};
use crate::aws::Cx;
use crate::aws::error::AwsError;
use crate::json::{flag, text, texts};

/// Minor versions that nodes may be behind their control plane.
const SKEW: u32 = 3;

/// One kind of change that UpdateClusterConfig knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Endpoints,
    Subnets,
    SecurityGroups,
    Egress,
    Logging,
    Access,
    AutoMode,
    /// A field that is replaced as a whole: name, update type, parameter type.
    Whole(&'static str, &'static str, &'static str),
}

const WHOLE: [Kind; 8] = [
    Kind::Whole("upgradePolicy", "UpgradePolicyUpdate", "UpgradePolicy"),
    Kind::Whole("zonalShiftConfig", "ZonalShiftConfigUpdate", "ZonalShiftConfig"),
    Kind::Whole("remoteNetworkConfig", "RemoteNetworkConfigUpdate", "RemoteNetworkConfig"),
    Kind::Whole("deletionProtection", "DeletionProtectionUpdate", "DeletionProtection"),
    Kind::Whole("controlPlaneScalingConfig", "ControlPlaneScalingConfigUpdate", "UpdatedTier"),
    Kind::Whole("kubeApiServerConfig", "ControlPlaneComponentConfigUpdate", "KubeApiServerConfig"),
    Kind::Whole("kubeSchedulerConfig", "ControlPlaneComponentConfigUpdate", "KubeSchedulerConfig"),
    Kind::Whole("kubeControllerManagerConfig", "ControlPlaneComponentConfigUpdate", "KubeControllerManagerConfig"),
];

fn kinds(request: &Value) -> Vec<Kind> {
    let has = |pointer: &str| request.pointer(pointer).is_some();
    let vpc = |field: &str| has(&format!("/resourcesVpcConfig/{field}"));
    let mut kinds = Vec::new();
    let mut add = |is_there: bool, kind: Kind| {
        if is_there {
            kinds.push(kind);
        }
    };
    let endpoints = ["endpointPublicAccess", "endpointPrivateAccess", "publicAccessCidrs"];
    add(endpoints.iter().any(|field| vpc(field)), Kind::Endpoints);
    add(vpc("subnetIds"), Kind::Subnets);
    add(vpc("securityGroupIds"), Kind::SecurityGroups);
    add(vpc("controlPlaneEgressMode"), Kind::Egress);
    add(has("/logging"), Kind::Logging);
    add(has("/accessConfig"), Kind::Access);
    let auto = has("/computeConfig") || has("/storageConfig") || has("/kubernetesNetworkConfig");
    add(auto, Kind::AutoMode);
    for kind in WHOLE {
        if let Kind::Whole(field, ..) = kind {
            add(request.get(field).is_some(), kind);
        }
    }
    kinds
}

/// UpdateClusterConfig.
pub(super) fn config(cx: &mut Cx<'_>) -> Result<Value, AwsError> {
    let (request, name) = (body(cx), path(cx, 0));
    let current = update::cluster(cx, name)?.own.doc.clone();
    let kinds = kinds(request);
    let kind = match kinds.as_slice() {
        [] => {
            return Err(AwsError::parameter("No changes needed: nothing to update was given"));
        }
        [kind] => *kind,
        _ => {
            return Err(AwsError::parameter("Only one type of update can be allowed.").with("clusterName", name));
        }
    };
    cluster_is_free(&update::cluster(cx, name)?.own, "UpdateClusterConfig")?;
    let change = match kind {
        Kind::Endpoints => endpoints(cx, &current, request)?,
        Kind::Subnets => subnets(cx, &current, request)?,
        Kind::SecurityGroups => security_groups(cx, &current, request)?,
        Kind::Egress => egress(cx, &current, request)?,
        Kind::Logging => log_types(cx, &current, request),
        Kind::Access => access(cx, &current, request)?,
        Kind::AutoMode => auto_mode(cx, &current, request)?,
        Kind::Whole(field, update, param) => whole(cx, &current, request, [field, update, param])?,
    };
    let is_same = change.changes.iter().all(|(pointer, value)| current.pointer(pointer) == Some(value));
    if is_same {
        let what: Vec<String> = change.params.iter().map(|(kind, value)| format!("{kind}: {value}")).collect();
        let text = format!("Cluster is already at the desired configuration with {}", what.join(", "));
        return Err(AwsError::parameter(text).with("clusterName", name));
    }
    start(cx, name, change)
}

fn start(cx: &mut Cx<'_>, name: &str, change: Change) -> Result<Value, AwsError> {
    let (now, failure) = (cx.now, cx.failure.take());
    Ok(begin(&mut update::cluster(cx, name)?.own, change, now, failure))
}

fn change(cx: &Cx<'_>, kind: &'static str, params: Vec<(&'static str, Value)>, changes: Vec<(&str, Value)>) -> Change {
    let changes = changes.into_iter().map(|(pointer, value)| (pointer.to_owned(), value)).collect();
    Change { kind, params, changes, lasts: cx.world.config.durations.config_update }
}

fn endpoints(cx: &Cx<'_>, current: &Value, request: &Value) -> Result<Change, AwsError> {
    let after = |field: &str| {
        let pointer = format!("/resourcesVpcConfig/{field}");
        request.pointer(&pointer).or_else(|| current.pointer(&pointer)).cloned().unwrap_or(Value::Null)
    };
    let (public, private) = (after("endpointPublicAccess"), after("endpointPrivateAccess"));
    let mut cidrs = after("publicAccessCidrs");
    if public == json!(true) && cidrs.as_array().is_none_or(Vec::is_empty) {
        cidrs = json!(["0.0.0.0/0"]);
    }
    let after = json!({"endpointPublicAccess": public, "endpointPrivateAccess": private, "publicAccessCidrs": cidrs});
    validate::endpoints(&after, text(current, "/kubernetesNetworkConfig/ipFamily"))?;
    let params = vec![
        ("EndpointPublicAccess", public.clone()),
        ("EndpointPrivateAccess", private.clone()),
        ("PublicAccessCidrs", cidrs.clone()),
    ];
    let changes = vec![
        ("/resourcesVpcConfig/endpointPublicAccess", public),
        ("/resourcesVpcConfig/endpointPrivateAccess", private),
        ("/resourcesVpcConfig/publicAccessCidrs", cidrs),
    ];
    Ok(change(cx, "EndpointAccessUpdate", params, changes))
}

fn subnets(cx: &mut Cx<'_>, current: &Value, request: &Value) -> Result<Change, AwsError> {
    let ids = texts(request, "/resourcesVpcConfig/subnetIds");
    if validate::subnets(cx, &ids, 2)? != text(current, "/resourcesVpcConfig/vpcId") {
        return Err(AwsError::parameter("Provided subnets must belong to the VPC of the cluster"));
    }
    let changes = vec![("/resourcesVpcConfig/subnetIds", json!(ids))];
    Ok(change(cx, "VpcConfigUpdate", vec![("Subnets", json!(ids))], changes))
}

fn security_groups(cx: &mut Cx<'_>, current: &Value, request: &Value) -> Result<Change, AwsError> {
    let ids = texts(request, "/resourcesVpcConfig/securityGroupIds");
    validate::security_groups(cx, &ids, text(current, "/resourcesVpcConfig/vpcId"))?;
    let changes = vec![("/resourcesVpcConfig/securityGroupIds", json!(ids))];
    Ok(change(cx, "VpcConfigUpdate", vec![("SecurityGroups", json!(ids))], changes))
}

fn egress(cx: &Cx<'_>, current: &Value, request: &Value) -> Result<Change, AwsError> {
    let pointer = "/resourcesVpcConfig/controlPlaneEgressMode";
    let (before, after) = (text(current, pointer), text(request, pointer));
    if after == "AWS_MANAGED" && before != "AWS_MANAGED" {
        return Err(AwsError::parameter(format!("controlPlaneEgressMode cannot go back from {before} to {after}")));
    }
    let params = vec![("ControlPlaneEgressMode", json!(after))];
    Ok(change(cx, "ControlPlaneEgressUpdate", params, vec![(pointer, json!(after))]))
}

fn log_types(cx: &Cx<'_>, current: &Value, request: &Value) -> Change {
    let shown = current.pointer("/logging/clusterLogging").and_then(Value::as_array);
    let on = shown.into_iter().flatten().filter(|setup| flag(setup, "/enabled") == Some(true));
    let before: Vec<String> = on.flat_map(|setup| texts(setup, "/types")).collect();
    let after = json!(logging(&before, request.get("logging")));
    let params = vec![("ClusterLogging", json!({"clusterLogging": after}))];
    change(cx, "LoggingUpdate", params, vec![("/logging/clusterLogging", after)])
}

fn access(cx: &Cx<'_>, current: &Value, request: &Value) -> Result<Change, AwsError> {
    let pointer = "/accessConfig/authenticationMode";
    let (before, after) = (text(current, pointer), text(request, pointer));
    let rank = |mode: &str| ["CONFIG_MAP", "API_AND_CONFIG_MAP", "API"].iter().position(|known| *known == mode);
    if rank(after) < rank(before) {
        let text = format!("Unsupported authentication mode update from {before} to {after}");
        return Err(AwsError::parameter(text));
    }
    // Only one step at a time: API needs the access entries that the mode between them makes.
    if before == "CONFIG_MAP" && after == "API" {
        let text = format!("Unsupported authentication mode update from {before} to {after}");
        return Err(AwsError::parameter(text));
    }
    let params = vec![("AuthenticationMode", json!(after))];
    Ok(change(cx, "AccessConfigUpdate", params, vec![(pointer, json!(after))]))
}

fn auto_mode(cx: &Cx<'_>, current: &Value, request: &Value) -> Result<Change, AwsError> {
    if validate::auto_mode(request)?.is_none() {
        return Err(AwsError::parameter(
            "computeConfig.enabled, blockStorage.enabled and elasticLoadBalancing.enabled are required together",
        ));
    }
    for field in ["serviceIpv4Cidr", "ipFamily"] {
        let pointer = format!("/kubernetesNetworkConfig/{field}");
        if request.pointer(&pointer).is_some_and(|wanted| current.pointer(&pointer) != Some(wanted)) {
            return Err(AwsError::parameter(format!("{field} cannot be changed")));
        }
    }
    let role = "/computeConfig/nodeRoleArn";
    let (before, after) = (current.pointer(role), request.pointer(role));
    if before.is_some() && after.is_some() && before != after {
        return Err(AwsError::parameter("nodeRoleArn cannot be changed once it is set"));
    }
    let mut compute = request.get("computeConfig").cloned().unwrap_or_default();
    if let (Some(before), None) = (before, after) {
        crate::json::set(&mut compute, "/nodeRoleArn", before.clone());
    }
    let storage = request.get("storageConfig").cloned().unwrap_or_default();
    let balancing = request.pointer("/kubernetesNetworkConfig/elasticLoadBalancing").cloned().unwrap_or_default();
    let params = vec![
        ("ComputeConfig", compute.clone()),
        ("StorageConfig", storage.clone()),
        ("KubernetesNetworkConfig", json!({"elasticLoadBalancing": balancing})),
    ];
    let changes = vec![
        ("/computeConfig", compute),
        ("/storageConfig", storage),
        ("/kubernetesNetworkConfig/elasticLoadBalancing", balancing),
    ];
    Ok(change(cx, "AutoModeUpdate", params, changes))
}

fn whole(cx: &Cx<'_>, current: &Value, request: &Value, names: [&'static str; 3]) -> Result<Change, AwsError> {
    let [field, kind, param] = names;
    let after = request.get(field).cloned().unwrap_or_default();
    let minor = versions::minor(text(current, "/version")).and_then(versions::find);
    let is_extended = minor.is_some_and(versions::Version::is_extended);
    if field == "upgradePolicy" && text(&after, "/supportType") == "STANDARD" && is_extended {
        let text = "The support type cannot be changed to STANDARD while the cluster is in extended support";
        return Err(AwsError::parameter(text));
    }
    Ok(change(cx, kind, vec![(param, after.clone())], vec![(format!("/{field}").as_str(), after)]))
}

/// UpdateClusterVersion.
pub(super) fn version(cx: &mut Cx<'_>) -> Result<Value, AwsError> {
    let (request, name) = (body(cx), path(cx, 0));
    let cluster = update::cluster(cx, name)?;
    let (before, after) = (text(&cluster.own.doc, "/version").to_owned(), text(request, "/version"));
    let from = versions::minor(&before).unwrap_or_default();
    let to = versions::minor(after).filter(|to| *to == from + 1);
    let to = to.ok_or_else(|| {
        AwsError::parameter(format!("Unsupported Kubernetes minor version update from {before} to {after}"))
            .with("clusterName", name)
    })?;
    cluster_is_free(&cluster.own, "UpdateClusterVersion")?;
    let too_old = |minor: u32| minor.saturating_add(SKEW) < to;
    let groups = cluster
        .node_groups
        .iter()
        .filter(|(_, group)| versions::minor(text(&group.doc, "/version")).is_some_and(too_old));
    let behind: Vec<&str> = groups.map(|(group, _)| group.as_str()).collect();
    if !behind.is_empty() {
        let text = format!(
            "Nodegroups {} must be updated to match cluster version {before} before updating cluster version",
            behind.join(", ")
        );
        return Err(AwsError::parameter(text).with("clusterName", name));
    }
    let target = versions::supported(Some(after))?;
    let mut change = change(
        cx,
        "VersionUpdate",
        vec![("Version", json!(after)), ("PlatformVersion", json!(target.platform))],
        vec![("/version", json!(after)), ("/platformVersion", json!(target.platform))],
    );
    change.lasts = cx.world.config.durations.version_update;
    start(cx, name, change)
}

/// AssociateEncryptionConfig.
pub(super) fn encryption(cx: &mut Cx<'_>) -> Result<Value, AwsError> {
    let (request, name) = (body(cx), path(cx, 0));
    let cluster = update::cluster(cx, name)?;
    let is_encrypted = cluster.own.doc.get("encryptionConfig").is_some();
    cluster_is_free(&cluster.own, "AssociateEncryptionConfig")?;
    if is_encrypted {
        return Err(AwsError::parameter("Encryption is already enabled on the cluster").with("clusterName", name));
    }
    let wanted = request.get("encryptionConfig").cloned().unwrap_or_default();
    validate::encryption(cx, &wanted)?;
    let params = vec![("EncryptionConfig", wanted.clone())];
    let change = change(cx, "AssociateEncryptionConfig", params, vec![("/encryptionConfig", wanted)]);
    start(cx, name, change)
}
