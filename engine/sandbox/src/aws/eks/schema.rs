//! What a request of each operation may carry: field names, kinds and ranges.
//!
//! # Source
//! Amazon EKS API Reference (API version 2017-11-01), "Request Syntax" of each operation.

use super::check::{ANY_TEXT, Field, Kind, may, must};

const CONTROL_PLANE_EGRESS_MODE_TYPE: &[&str] = &["AWS_MANAGED", "CUSTOMER_ROUTED", "CUSTOMER_ISOLATED"];
const VPC_CONFIG_REQUEST: &[Field] = &[
    may("subnetIds", Kind::List(&ANY_TEXT, 100)),
    may("securityGroupIds", Kind::List(&ANY_TEXT, 100)),
    may("endpointPublicAccess", Kind::Flag),
    may("endpointPrivateAccess", Kind::Flag),
    may("publicAccessCidrs", Kind::List(&ANY_TEXT, 100)),
    may("controlPlaneEgressMode", Kind::OneOf(CONTROL_PLANE_EGRESS_MODE_TYPE)),
];
const IP_FAMILY: &[&str] = &["ipv4", "ipv6"];
const CRD_MANAGEMENT_CONFIGURATION: &[Field] = &[may("managed", Kind::Flag)];
const GATEWAY_API_CONFIGURATION: &[Field] = &[may("crds", Kind::Object(CRD_MANAGEMENT_CONFIGURATION))];
const ELASTIC_LOAD_BALANCING: &[Field] =
    &[may("enabled", Kind::Flag), may("gatewayApi", Kind::Object(GATEWAY_API_CONFIGURATION))];
const KUBERNETES_NETWORK_CONFIG_REQUEST: &[Field] = &[
    may("serviceIpv4Cidr", ANY_TEXT),
    may("ipFamily", Kind::OneOf(IP_FAMILY)),
    may("elasticLoadBalancing", Kind::Object(ELASTIC_LOAD_BALANCING)),
];
const LOG_TYPE: &[&str] = &["api", "audit", "authenticator", "controllerManager", "scheduler"];
const LOG_SETUP: &[Field] = &[may("types", Kind::List(&Kind::OneOf(LOG_TYPE), 100)), may("enabled", Kind::Flag)];
const LOGGING: &[Field] = &[may("clusterLogging", Kind::List(&Kind::Object(LOG_SETUP), 100))];
const PROVIDER: &[Field] = &[may("keyArn", ANY_TEXT)];
const ENCRYPTION_CONFIG: &[Field] =
    &[may("resources", Kind::List(&ANY_TEXT, 100)), may("provider", Kind::Object(PROVIDER))];
const SPREAD_LEVEL: &[&str] = &["host", "rack"];
const CONTROL_PLANE_PLACEMENT_REQUEST: &[Field] =
    &[may("groupName", ANY_TEXT), may("spreadLevel", Kind::OneOf(SPREAD_LEVEL))];
const ETCD_PLACEMENT_REQUEST: &[Field] = &[may("spreadLevel", Kind::OneOf(SPREAD_LEVEL))];
const OUTPOST_CONFIG_REQUEST: &[Field] = &[
    must("outpostArns", Kind::List(&ANY_TEXT, 100)),
    must("controlPlaneInstanceType", ANY_TEXT),
    may("controlPlanePlacement", Kind::Object(CONTROL_PLANE_PLACEMENT_REQUEST)),
    may("etcdInstanceType", ANY_TEXT),
    may("etcdPlacement", Kind::Object(ETCD_PLACEMENT_REQUEST)),
];
const AUTHENTICATION_MODE: &[&str] = &["API", "API_AND_CONFIG_MAP", "CONFIG_MAP"];
const CREATE_ACCESS_CONFIG_REQUEST: &[Field] = &[
    may("bootstrapClusterCreatorAdminPermissions", Kind::Flag),
    may("authenticationMode", Kind::OneOf(AUTHENTICATION_MODE)),
];
const SUPPORT_TYPE: &[&str] = &["STANDARD", "EXTENDED"];
const UPGRADE_POLICY_REQUEST: &[Field] = &[may("supportType", Kind::OneOf(SUPPORT_TYPE))];
const ZONAL_SHIFT_CONFIG_REQUEST: &[Field] = &[may("enabled", Kind::Flag)];
const REMOTE_NODE_NETWORK: &[Field] = &[may("cidrs", Kind::List(&ANY_TEXT, 100))];
const REMOTE_POD_NETWORK: &[Field] = &[may("cidrs", Kind::List(&ANY_TEXT, 100))];
const REMOTE_NETWORK_CONFIG_REQUEST: &[Field] = &[
    may("remoteNodeNetworks", Kind::List(&Kind::Object(REMOTE_NODE_NETWORK), 1)),
    may("remotePodNetworks", Kind::List(&Kind::Object(REMOTE_POD_NETWORK), 1)),
];
const COMPUTE_CONFIG_REQUEST: &[Field] =
    &[may("enabled", Kind::Flag), may("nodePools", Kind::List(&ANY_TEXT, 100)), may("nodeRoleArn", ANY_TEXT)];
const BLOCK_STORAGE: &[Field] = &[may("enabled", Kind::Flag)];
const STORAGE_CONFIG_REQUEST: &[Field] = &[may("blockStorage", Kind::Object(BLOCK_STORAGE))];
const PROVISIONED_CONTROL_PLANE_TIER: &[&str] = &["standard", "tier-xl", "tier-2xl", "tier-4xl", "tier-8xl"];
const CONTROL_PLANE_SCALING_CONFIG: &[Field] = &[may("tier", Kind::OneOf(PROVISIONED_CONTROL_PLANE_TIER))];
const SERVICE_NODE_PORT_RANGE: &[Field] =
    &[may("minPort", Kind::Number(0, 2_147_483_647)), may("maxPort", Kind::Number(0, 2_147_483_647))];
const KUBE_API_SERVER_CONFIG_REQUEST: &[Field] =
    &[may("eventTtl", ANY_TEXT), may("serviceNodePortRange", Kind::Object(SERVICE_NODE_PORT_RANGE))];
const SCORING_STRATEGY_TYPE: &[&str] = &["LeastAllocated", "MostAllocated"];
const RESOURCE_WEIGHT: &[Field] = &[may("name", Kind::Text(1, 253)), may("weight", Kind::Number(1, 100))];
const SCORING_STRATEGY: &[Field] = &[
    may("type", Kind::OneOf(SCORING_STRATEGY_TYPE)),
    may("resources", Kind::List(&Kind::Object(RESOURCE_WEIGHT), 100)),
];
const NODE_RESOURCES_FIT_CONFIG: &[Field] = &[may("scoringStrategy", Kind::Object(SCORING_STRATEGY))];
const KUBE_SCHEDULER_CONFIG_REQUEST: &[Field] = &[may("nodeResourcesFit", Kind::Object(NODE_RESOURCES_FIT_CONFIG))];
const POD_GC_CONTROLLER_CONFIG_REQUEST: &[Field] = &[may("terminatedPodGcThreshold", Kind::Number(1, 1000000))];
const HORIZONTAL_POD_AUTOSCALER_CONTROLLER_CONFIG_REQUEST: &[Field] =
    &[may("horizontalPodAutoscalerSyncPeriod", ANY_TEXT)];
const KUBE_CONTROLLER_MANAGER_CONFIG_REQUEST: &[Field] = &[
    may("podGcControllerConfig", Kind::Object(POD_GC_CONTROLLER_CONFIG_REQUEST)),
    may("horizontalPodAutoscalerControllerConfig", Kind::Object(HORIZONTAL_POD_AUTOSCALER_CONTROLLER_CONFIG_REQUEST)),
];
/// Body of CREATE_CLUSTER.
pub(super) const CREATE_CLUSTER: &[Field] = &[
    must("name", Kind::Text(1, 100)),
    may("version", ANY_TEXT),
    must("roleArn", ANY_TEXT),
    must("resourcesVpcConfig", Kind::Object(VPC_CONFIG_REQUEST)),
    may("kubernetesNetworkConfig", Kind::Object(KUBERNETES_NETWORK_CONFIG_REQUEST)),
    may("logging", Kind::Object(LOGGING)),
    may("clientRequestToken", ANY_TEXT),
    may("tags", Kind::Map),
    may("encryptionConfig", Kind::List(&Kind::Object(ENCRYPTION_CONFIG), 1)),
    may("outpostConfig", Kind::Object(OUTPOST_CONFIG_REQUEST)),
    may("accessConfig", Kind::Object(CREATE_ACCESS_CONFIG_REQUEST)),
    may("bootstrapSelfManagedAddons", Kind::Flag),
    may("upgradePolicy", Kind::Object(UPGRADE_POLICY_REQUEST)),
    may("zonalShiftConfig", Kind::Object(ZONAL_SHIFT_CONFIG_REQUEST)),
    may("remoteNetworkConfig", Kind::Object(REMOTE_NETWORK_CONFIG_REQUEST)),
    may("computeConfig", Kind::Object(COMPUTE_CONFIG_REQUEST)),
    may("storageConfig", Kind::Object(STORAGE_CONFIG_REQUEST)),
    may("deletionProtection", Kind::Flag),
    may("controlPlaneScalingConfig", Kind::Object(CONTROL_PLANE_SCALING_CONFIG)),
    may("kubeApiServerConfig", Kind::Object(KUBE_API_SERVER_CONFIG_REQUEST)),
    may("kubeSchedulerConfig", Kind::Object(KUBE_SCHEDULER_CONFIG_REQUEST)),
    may("kubeControllerManagerConfig", Kind::Object(KUBE_CONTROLLER_MANAGER_CONFIG_REQUEST)),
];
const UPDATE_ACCESS_CONFIG_REQUEST: &[Field] = &[may("authenticationMode", Kind::OneOf(AUTHENTICATION_MODE))];
/// Body of UPDATE_CLUSTER_CONFIG.
pub(super) const UPDATE_CLUSTER_CONFIG: &[Field] = &[
    may("resourcesVpcConfig", Kind::Object(VPC_CONFIG_REQUEST)),
    may("logging", Kind::Object(LOGGING)),
    may("clientRequestToken", ANY_TEXT),
    may("accessConfig", Kind::Object(UPDATE_ACCESS_CONFIG_REQUEST)),
    may("upgradePolicy", Kind::Object(UPGRADE_POLICY_REQUEST)),
    may("zonalShiftConfig", Kind::Object(ZONAL_SHIFT_CONFIG_REQUEST)),
    may("computeConfig", Kind::Object(COMPUTE_CONFIG_REQUEST)),
    may("kubernetesNetworkConfig", Kind::Object(KUBERNETES_NETWORK_CONFIG_REQUEST)),
    may("storageConfig", Kind::Object(STORAGE_CONFIG_REQUEST)),
    may("remoteNetworkConfig", Kind::Object(REMOTE_NETWORK_CONFIG_REQUEST)),
    may("deletionProtection", Kind::Flag),
    may("controlPlaneScalingConfig", Kind::Object(CONTROL_PLANE_SCALING_CONFIG)),
    may("kubeApiServerConfig", Kind::Object(KUBE_API_SERVER_CONFIG_REQUEST)),
    may("kubeSchedulerConfig", Kind::Object(KUBE_SCHEDULER_CONFIG_REQUEST)),
    may("kubeControllerManagerConfig", Kind::Object(KUBE_CONTROLLER_MANAGER_CONFIG_REQUEST)),
];
const ROLLBACK_CONFIG: &[Field] = &[may("timeoutMinutes", Kind::Number(0, 2_147_483_647))];
/// Body of UPDATE_CLUSTER_VERSION.
pub(super) const UPDATE_CLUSTER_VERSION: &[Field] = &[
    must("version", ANY_TEXT),
    may("clientRequestToken", ANY_TEXT),
    may("force", Kind::Flag),
    may("rollbackConfig", Kind::Object(ROLLBACK_CONFIG)),
];
/// Body of ASSOCIATE_ENCRYPTION_CONFIG.
pub(super) const ASSOCIATE_ENCRYPTION_CONFIG: &[Field] =
    &[must("encryptionConfig", Kind::List(&Kind::Object(ENCRYPTION_CONFIG), 1)), may("clientRequestToken", ANY_TEXT)];
const NODEGROUP_SCALING_CONFIG: &[Field] = &[
    may("minSize", Kind::Number(0, 2_147_483_647)),
    may("maxSize", Kind::Number(1, 2_147_483_647)),
    may("desiredSize", Kind::Number(0, 2_147_483_647)),
];
const AMITYPES: &[&str] = &[
    "AL2_x86_64",
    "AL2_x86_64_GPU",
    "AL2_ARM_64",
    "CUSTOM",
    "BOTTLEROCKET_ARM_64",
    "BOTTLEROCKET_x86_64",
    "BOTTLEROCKET_ARM_64_FIPS",
    "BOTTLEROCKET_x86_64_FIPS",
    "BOTTLEROCKET_ARM_64_NVIDIA",
    "BOTTLEROCKET_x86_64_NVIDIA",
    "BOTTLEROCKET_ARM_64_NVIDIA_FIPS",
    "BOTTLEROCKET_x86_64_NVIDIA_FIPS",
    "WINDOWS_CORE_2019_x86_64",
    "WINDOWS_FULL_2019_x86_64",
    "WINDOWS_CORE_2022_x86_64",
    "WINDOWS_FULL_2022_x86_64",
    "WINDOWS_CORE_2025_x86_64",
    "WINDOWS_FULL_2025_x86_64",
    "AL2023_x86_64_STANDARD",
    "AL2023_ARM_64_STANDARD",
    "AL2023_x86_64_NEURON",
    "AL2023_x86_64_NVIDIA",
    "AL2023_ARM_64_NVIDIA",
];
const REMOTE_ACCESS_CONFIG: &[Field] =
    &[may("ec2SshKey", ANY_TEXT), may("sourceSecurityGroups", Kind::List(&ANY_TEXT, 100))];
const TAINT_EFFECT: &[&str] = &["NO_SCHEDULE", "NO_EXECUTE", "PREFER_NO_SCHEDULE"];
const TAINT: &[Field] =
    &[may("key", Kind::Text(1, 63)), may("value", Kind::Text(0, 63)), may("effect", Kind::OneOf(TAINT_EFFECT))];
const LAUNCH_TEMPLATE_SPECIFICATION: &[Field] = &[may("name", ANY_TEXT), may("version", ANY_TEXT), may("id", ANY_TEXT)];
const NODEGROUP_UPDATE_STRATEGIES: &[&str] = &["DEFAULT", "MINIMAL"];
const NODEGROUP_UPDATE_CONFIG: &[Field] = &[
    may("maxUnavailable", Kind::Number(1, 2_147_483_647)),
    may("maxUnavailablePercentage", Kind::Number(1, 100)),
    may("updateStrategy", Kind::OneOf(NODEGROUP_UPDATE_STRATEGIES)),
];
const REPAIR_ACTION: &[&str] = &["Replace", "Reboot", "NoAction"];
const NODE_REPAIR_CONFIG_OVERRIDES: &[Field] = &[
    may("nodeMonitoringCondition", ANY_TEXT),
    may("nodeUnhealthyReason", ANY_TEXT),
    may("minRepairWaitTimeMins", Kind::Number(1, 2_147_483_647)),
    may("repairAction", Kind::OneOf(REPAIR_ACTION)),
];
const NODE_REPAIR_CONFIG: &[Field] = &[
    may("enabled", Kind::Flag),
    may("maxUnhealthyNodeThresholdCount", Kind::Number(1, 2_147_483_647)),
    may("maxUnhealthyNodeThresholdPercentage", Kind::Number(1, 100)),
    may("maxParallelNodesRepairedCount", Kind::Number(1, 2_147_483_647)),
    may("maxParallelNodesRepairedPercentage", Kind::Number(1, 100)),
    may("nodeRepairConfigOverrides", Kind::List(&Kind::Object(NODE_REPAIR_CONFIG_OVERRIDES), 100)),
];
const CAPACITY_TYPES: &[&str] = &["ON_DEMAND", "SPOT", "CAPACITY_BLOCK"];
const WARM_POOL_STATE: &[&str] = &["STOPPED", "RUNNING", "HIBERNATED"];
const WARM_POOL_CONFIG: &[Field] = &[
    may("enabled", Kind::Flag),
    may("minSize", Kind::Number(0, 2_147_483_647)),
    may("maxGroupPreparedCapacity", Kind::Number(0, 2_147_483_647)),
    may("poolState", Kind::OneOf(WARM_POOL_STATE)),
    may("reuseOnScaleIn", Kind::Flag),
];
/// Body of CREATE_NODEGROUP.
pub(super) const CREATE_NODEGROUP: &[Field] = &[
    must("nodegroupName", ANY_TEXT),
    may("scalingConfig", Kind::Object(NODEGROUP_SCALING_CONFIG)),
    may("diskSize", Kind::Number(0, 2_147_483_647)),
    must("subnets", Kind::List(&ANY_TEXT, 100)),
    may("instanceTypes", Kind::List(&ANY_TEXT, 100)),
    may("amiType", Kind::OneOf(AMITYPES)),
    may("remoteAccess", Kind::Object(REMOTE_ACCESS_CONFIG)),
    must("nodeRole", ANY_TEXT),
    may("labels", Kind::Map),
    may("taints", Kind::List(&Kind::Object(TAINT), 100)),
    may("tags", Kind::Map),
    may("clientRequestToken", ANY_TEXT),
    may("launchTemplate", Kind::Object(LAUNCH_TEMPLATE_SPECIFICATION)),
    may("updateConfig", Kind::Object(NODEGROUP_UPDATE_CONFIG)),
    may("nodeRepairConfig", Kind::Object(NODE_REPAIR_CONFIG)),
    may("capacityType", Kind::OneOf(CAPACITY_TYPES)),
    may("version", ANY_TEXT),
    may("releaseVersion", ANY_TEXT),
    may("warmPoolConfig", Kind::Object(WARM_POOL_CONFIG)),
];
const UPDATE_LABELS_PAYLOAD: &[Field] =
    &[may("addOrUpdateLabels", Kind::Map), may("removeLabels", Kind::List(&ANY_TEXT, 100))];
const UPDATE_TAINTS_PAYLOAD: &[Field] = &[
    may("addOrUpdateTaints", Kind::List(&Kind::Object(TAINT), 100)),
    may("removeTaints", Kind::List(&Kind::Object(TAINT), 100)),
];
/// Body of UPDATE_NODEGROUP_CONFIG.
pub(super) const UPDATE_NODEGROUP_CONFIG: &[Field] = &[
    may("labels", Kind::Object(UPDATE_LABELS_PAYLOAD)),
    may("taints", Kind::Object(UPDATE_TAINTS_PAYLOAD)),
    may("scalingConfig", Kind::Object(NODEGROUP_SCALING_CONFIG)),
    may("updateConfig", Kind::Object(NODEGROUP_UPDATE_CONFIG)),
    may("nodeRepairConfig", Kind::Object(NODE_REPAIR_CONFIG)),
    may("warmPoolConfig", Kind::Object(WARM_POOL_CONFIG)),
    may("clientRequestToken", ANY_TEXT),
];
/// Body of UPDATE_NODEGROUP_VERSION.
pub(super) const UPDATE_NODEGROUP_VERSION: &[Field] = &[
    may("version", ANY_TEXT),
    may("releaseVersion", ANY_TEXT),
    may("launchTemplate", Kind::Object(LAUNCH_TEMPLATE_SPECIFICATION)),
    may("force", Kind::Flag),
    may("clientRequestToken", ANY_TEXT),
];
/// Body of TAG_RESOURCE.
pub(super) const TAG_RESOURCE: &[Field] = &[must("tags", Kind::Map)];
