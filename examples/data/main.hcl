# terrane_data stores a value and has no remote side: this runs anywhere, without an account or a sandbox.
terrane {
  required_version = ">= 0.1"
}

variable "regions" {
  type = map(list(string))
  default = {
    eu = ["dublin", "frankfurt"]
    us = ["virginia"]
  }
}

resource "terrane_data" "serial" {
  count = 3
  input = "item-${count.index}"
}

module "region" {
  source   = "./item"
  for_each = var.regions
  name     = each.key
  sites    = each.value
}

output "serials" {
  value = terrane_data.serial[*].output
}

output "sites" {
  value = { for name, region in module.region : name => region.sites }
}
