# The fleet of examples/fleet-eks, less what moto does not keep (tests/moto/limits.toml says what).

terrane {
  required_version = ">= 0.1"
}

variable "fleet" {
  type = map(object({ region = string, pools = map(object({ types = list(string), min = number, max = number })) }))
}

data "eks_network" "of" {
  for_each = var.fleet
  region   = each.value.region
  filter   = { "tag:team" = "platform" }
}

locals {
  pools = merge([for c, f in var.fleet : { for p, s in f.pools : "${c}/${p}" => merge(s, { cluster = c, pool = p }) }]...)
}

resource "eks_cluster" "fleet" {
  for_each = var.fleet
  name     = each.key
  region   = each.value.region

  network {
    subnets = data.eks_network.of[each.key].private_subnets
  }
  logs = ["api", "audit"]
  tags = { team = "platform" }
}

resource "eks_node_pool" "fleet" {
  for_each = local.pools
  cluster  = eks_cluster.fleet[each.value.cluster].id
  name     = each.value.pool

  size {
    min = each.value.min
    max = each.value.max
  }
  instance { types = each.value.types }
  labels = { pool = each.value.pool }
}

output "clusters" {
  value = { for name, cluster in eks_cluster.fleet : name => cluster.arn }
}
