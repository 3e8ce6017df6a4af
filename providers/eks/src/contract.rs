//! The contract cases of the types of EKS, written for the sandbox: its first account and its network in eu-west-1.

use terrane_provider::contract::{Becomes, Contract, Edit, Emulated, Outside};

const fn edit(argument: &'static str, from: &'static str, to: &'static str, becomes: Becomes) -> Edit {
    Edit { argument, from, to, becomes, is_only_planned: false }
}

/// A replacement that needs what the sandbox does not have.
const fn planned(argument: &'static str, from: &'static str, to: &'static str) -> Edit {
    Edit { argument, from, to, becomes: Becomes::Replace, is_only_planned: true }
}

const fn outside(leaf: &'static str, pointer: &'static str, value: &'static str) -> Outside {
    Outside { leaf, pointer, value }
}

const fn emulated(kind: &'static str, name: &'static str) -> Option<Emulated> {
    Some(Emulated { kind, account: "111122223333", region: "eu-west-1", name })
}

/// At least one case for every type; together they edit every writable argument.
pub const CONTRACTS: &[Contract] = &[
    Contract {
        type_name: "eks_cluster",
        configuration: CLUSTER,
        address: "eks_cluster.core",
        object: emulated("cluster", "core"),
        ours: CLUSTER_OURS,
        foreign: &[outside("platform_version", "/platformVersion", "\"eks.99\"")],
        edits: CLUSTER_EDITS,
    },
    Contract {
        type_name: "eks_node_pool",
        configuration: POOL,
        address: "eks_node_pool.workers",
        object: emulated("node-group", "core/workers"),
        ours: POOL_OURS,
        foreign: &[outside("size.desired", "/scalingConfig/desiredSize", "3")],
        edits: POOL_EDITS,
    },
    Contract {
        type_name: "eks_node_pool",
        configuration: TEMPLATE_POOL,
        address: "eks_node_pool.workers",
        object: emulated("node-group", "core/workers"),
        ours: &[outside("labels.pool", "/labels/pool", "\"other\"")],
        foreign: &[],
        edits: TEMPLATE_EDITS,
    },
];

const CLUSTER: &str = r#"
locals {
  home = "eu-west-1"
}

data "eks_network" "of" {
  region = local.home
  filter = { "tag:team" = "platform" }
}

resource "eks_cluster" "core" {
  name    = "core"
  region  = local.home
  version = "1.33"
  network {
    subnets         = slice(data.eks_network.of.private_subnets, 0, 2)
    security_groups = []
    service_cidrs   = ["172.20.0.0/16"]
    ip_family       = "ipv4"
  }
  endpoint {
    public        = true
    private       = false
    allowed_cidrs = ["198.51.100.0/24"]
  }
  access {
    authentication_mode = "CONFIG_MAP"
    bootstrap_admin     = true
  }
  upgrade_policy {
    support_type = "EXTENDED"
  }
  logs                = ["api"]
  deletion_protection = false
  tier                = "standard"
  zonal_shift         = false
  tags                = { team = "platform" }
  credentials         = { session_name = "contract" }
}
"#;

const CLUSTER_OURS: &[Outside] = &[
    outside("tags.team", "/tags/team", "\"other\""),
    outside("endpoint.private", "/resourcesVpcConfig/endpointPrivateAccess", "true"),
    outside("deletion_protection", "/deletionProtection", "true"),
    outside("tier", "/controlPlaneScalingConfig/tier", "\"tier-xl\""),
];

const CLUSTER_EDITS: &[Edit] = &[
    edit("name", "\"core\"\n  region", "\"edge\"\n  region", Becomes::Replace),
    edit("region", "\"eu-west-1\"", "\"us-east-1\"", Becomes::Replace),
    edit("version", "\"1.33\"", "\"1.34\"", Becomes::Update),
    edit("version", "\"1.33\"", "\"1.35\"", Becomes::Refused("version-skip")),
    edit("version", "\"1.33\"", "\"1.32\"", Becomes::Refused("version-downgrade")),
    planned("role_arn", "  network {", "  role_arn = \"arn:aws:iam::111122223333:role/other\"\n  network {"),
    edit("network.subnets", "0, 2)", "0, 3)", Becomes::Update),
    edit("network.security_groups", "[]", "[\"sg-029878fb534acc218\"]", Becomes::Update),
    edit("network.service_cidrs", "172.20.0.0/16", "172.21.0.0/16", Becomes::Replace),
    edit(
        "network.ip_family",
        "    service_cidrs   = [\"172.20.0.0/16\"]\n    ip_family       = \"ipv4\"",
        "    ip_family       = \"ipv6\"",
        Becomes::Replace,
    ),
    edit(
        "endpoint.public",
        "public        = true\n    private       = false",
        "public        = false\n    private       = true",
        Becomes::Update,
    ),
    edit("endpoint.private", "private       = false", "private       = true", Becomes::Update),
    edit("endpoint.allowed_cidrs", "198.51.100.0/24", "203.0.113.0/24", Becomes::Update),
    edit("access.authentication_mode", "\"CONFIG_MAP\"", "\"API_AND_CONFIG_MAP\"", Becomes::Update),
    edit("access.bootstrap_admin", "bootstrap_admin     = true", "bootstrap_admin     = false", Becomes::Replace),
    edit("upgrade_policy.support_type", "\"EXTENDED\"", "\"STANDARD\"", Becomes::Update),
    edit("logs", "[\"api\"]", "[\"audit\", \"controller_manager\"]", Becomes::Update),
    edit(
        "encryption",
        "  logs ",
        "  encryption { kms_key = \"arn:aws:kms:eu-west-1:111122223333:key/k\" }\n  logs ",
        Becomes::Refused("not-in-this-version"),
    ),
    edit("deletion_protection", "deletion_protection = false", "deletion_protection = true", Becomes::Update),
    edit("tier", "\"standard\"", "\"tier-xl\"", Becomes::Update),
    edit("zonal_shift", "zonal_shift         = false", "zonal_shift         = true", Becomes::Update),
    edit("tags", "{ team = \"platform\" }\n  cred", "{ team = \"core\", stage = \"dev\" }\n  cred", Becomes::Update),
    edit("credentials", "\"contract\"", "\"another\"", Becomes::Update),
];

/// A configuration with a network and a cluster before the rest.
macro_rules! in_cluster {
    ($rest:literal) => {
        concat!(
            r#"
data "eks_network" "of" {
  region = "eu-west-1"
  filter = { "tag:team" = "platform" }
}

resource "eks_cluster" "core" {
  name    = "core"
  region  = "eu-west-1"
  version = "1.33"
  network {
    subnets = data.eks_network.of.private_subnets
  }
}
"#,
            $rest
        )
    };
}

const POOL: &str = in_cluster!(
    r#"
resource "eks_node_pool" "workers" {
  cluster         = eks_cluster.core.id
  name            = "workers"
  version         = "1.33"
  release_version = "1.33.5-20251001"
  size {
    min     = 1
    max     = 4
    desired = 2
  }
  instance {
    types = ["m6i.large"]
    image = "AL2023_x86_64_STANDARD"
    spot  = false
  }
  disk {
    size_gib = 30
  }
  subnets = slice(data.eks_network.of.private_subnets, 0, 2)
  labels  = { pool = "workers", stage = "dev" }
  taints {
    key    = "dedicated"
    value  = "workers"
    effect = "NoSchedule"
  }
  upgrade {
    max_unavailable = "10%"
  }
  tags = { team = "platform" }
}
"#
);

const POOL_OURS: &[Outside] = &[
    outside("labels.pool", "/labels/pool", "\"other\""),
    outside("size.max", "/scalingConfig/maxSize", "9"),
    outside("tags.team", "/tags/team", "\"other\""),
    outside("upgrade.max_unavailable", "/updateConfig", "{\"maxUnavailable\": 3}"),
];

const POOL_EDITS: &[Edit] = &[
    planned("cluster", "eks_cluster.core.id", "\"111122223333/eu-west-1/other\""),
    edit("name", "\"workers\"\n  version", "\"builders\"\n  version", Becomes::Replace),
    edit(
        "version",
        "version         = \"1.33\"",
        "version         = \"1.34\"",
        Becomes::Refused("version-above-cluster"),
    ),
    edit("release_version", "1.33.5-20251001", "1.33.6-20251101", Becomes::Update),
    edit("size.min", "min     = 1", "min     = 2", Becomes::Update),
    edit("size.min", "min     = 1", "min     = 3", Becomes::Refused("size-range")),
    edit("size.max", "max     = 4", "max     = 6", Becomes::Update),
    edit("size.desired", "    min     = 1\n    max     = 4\n    desired = 2", "    desired = 3", Becomes::Update),
    edit("size.desired", "desired = 2", "desired = 5", Becomes::Refused("size-range")),
    edit("instance.types", "\"m6i.large\"", "\"r6i.large\"", Becomes::Replace),
    edit("instance.image", "\"AL2023_x86_64_STANDARD\"", "\"BOTTLEROCKET_x86_64\"", Becomes::Replace),
    edit("instance.spot", "spot  = false", "spot  = true", Becomes::Replace),
    edit("disk.size_gib", "size_gib = 30", "size_gib = 40", Becomes::Replace),
    edit("subnets", "0, 2)", "1, 3)", Becomes::Replace),
    edit(
        "labels",
        "{ pool = \"workers\", stage = \"dev\" }",
        "{ pool = \"workers\", tier = \"gold\" }",
        Becomes::Update,
    ),
    edit("taints", "effect = \"NoSchedule\"", "effect = \"NoExecute\"", Becomes::Update),
    edit("upgrade.max_unavailable", "\"10%\"", "2", Becomes::Update),
    edit("tags", "tags = { team = \"platform\" }", "tags = { team = \"core\" }", Becomes::Update),
    planned(
        "node_role_arn",
        "  subnets = slice",
        "  node_role_arn = \"arn:aws:iam::111122223333:role/other\"\n  subnets = slice",
    ),
];

const TEMPLATE_POOL: &str = in_cluster!(
    r#"
resource "eks_node_pool" "workers" {
  cluster = eks_cluster.core.id
  name    = "workers"
  size {
    desired = 2
  }
  labels = { pool = "workers" }
  launch_template {
    id      = "lt-ae4fcec61aa6d9335"
    version = "1"
  }
}
"#
);

const TEMPLATE_EDITS: &[Edit] = &[
    planned("launch_template.id", "lt-ae4fcec61aa6d9335", "lt-00000000000000000"),
    edit("launch_template.version", "version = \"1\"\n", "version = \"2\"\n", Becomes::Update),
    edit(
        "launch_template.version",
        "version = \"1\"\n",
        "version = \"$Latest\"\n",
        Becomes::Refused("launch-template-version"),
    ),
    edit(
        "launch_template",
        "  launch_template {\n    id      = \"lt-ae4fcec61aa6d9335\"\n    version = \"1\"\n  }\n",
        "",
        Becomes::Replace,
    ),
];

#[cfg(test)]
mod tests {
    use super::*;
    use terrane_core::schema::{Block, Shape};

    fn writable(block: &Block, at: &str, found: &mut Vec<String>) {
        for attribute in block.attributes.iter().filter(|attribute| attribute.is_writable()) {
            let path = if at.is_empty() { attribute.name.to_string() } else { format!("{at}.{}", attribute.name) };
            match &attribute.shape {
                // A taint is edited as a whole, and `encryption` is refused as a whole.
                Shape::Block { block, .. } if path != "taints" && path != "encryption" => writable(block, &path, found),
                Shape::Block { .. } | Shape::Value(_) => found.push(path),
            }
        }
    }

    #[test]
    fn every_writable_argument_has_an_edit() {
        let provider = crate::provider();
        for part in provider.resource_types() {
            let schema = part.schema();
            let cases = || CONTRACTS.iter().filter(|contract| contract.type_name == &*schema.type_name);
            let mut arguments = Vec::new();
            writable(&schema.body, "", &mut arguments);
            let is_edited = |path: &String| cases().any(|case| case.edits.iter().any(|edit| edit.argument == path));
            let missing: Vec<&String> = arguments.iter().filter(|path| !is_edited(path)).collect();
            assert!(missing.is_empty(), "{} lacks {missing:?}", schema.type_name);
        }
    }

    #[test]
    fn an_edit_finds_its_text_once() {
        for contract in CONTRACTS {
            for edit in contract.edits {
                let count = contract.configuration.matches(edit.from).count();
                assert_eq!(count, 1, "{}: {:?}", edit.argument, edit.from);
            }
        }
    }
}
