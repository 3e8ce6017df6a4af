# A fleet: clusters and their node pools come out of one map. Regions are values, so no provider block is repeated.
terrane {
  required_version = ">= 0.1"
}

variable "fleet" {
  type = map(object({
    region  = string
    version = string
    pools = map(object({
      types = list(string)
      min   = number
      max   = number
    }))
  }))
}

variable "team" {
  type    = string
  default = "platform"
}

# The network that is there already: exactly one VPC of the region has the tag.
data "eks_network" "of" {
  for_each = var.fleet
  region   = each.value.region
  filter   = { "tag:team" = var.team }
}

# No role is named, so each cluster and each pool makes its own and takes it away when it goes.
resource "eks_cluster" "fleet" {
  for_each = var.fleet
  name     = each.key
  region   = each.value.region
  version  = each.value.version

  network {
    subnets = data.eks_network.of[each.key].private_subnets
  }
  endpoint {
    public        = true
    private       = true
    allowed_cidrs = ["198.51.100.0/24"]
  }
  logs = ["api", "audit"]
  tags = { team = var.team }
}

locals {
  pools = merge([
    for cluster, settings in var.fleet : {
      for pool, size in settings.pools : "${cluster}/${pool}" => merge(size, { cluster = cluster, pool = pool })
    }
  ]...)
}

resource "eks_node_pool" "fleet" {
  for_each = local.pools
  cluster  = eks_cluster.fleet[each.value.cluster].id
  name     = each.value.pool

  size {
    min = each.value.min
    max = each.value.max
  }
  instance {
    types = each.value.types
  }
  labels = {
    pool = each.value.pool
    team = var.team
  }
  upgrade {
    max_unavailable = "1"
  }
  tags = { team = var.team }
}

output "clusters" {
  description = "Id of each cluster"
  value       = { for name, cluster in eks_cluster.fleet : name => cluster.id }
}

output "pools" {
  description = "How many node pools there are"
  value       = length(local.pools)
}
