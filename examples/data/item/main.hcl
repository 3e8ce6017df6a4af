# One region: a value for itself, and one for each of its sites.
variable "name" {
  type = string
}

variable "sites" {
  type = list(string)
}

resource "terrane_data" "region" {
  input = { name = var.name, sites = length(var.sites) }
}

resource "terrane_data" "site" {
  for_each         = toset(var.sites)
  input            = "${var.name}/${each.key}"
  triggers_replace = [terrane_data.region.id]
}

output "sites" {
  value = [for site in terrane_data.site : site.output]
}
