# Everything is switched off: resources are declared, and none is made.
variable "enabled" {
  type    = bool
  default = false
}

resource "terraform_data" "this" {
  count = var.enabled ? 1 : 0
}

module "inner" {
  source   = "./inner"
  for_each = toset(var.enabled ? ["one"] : [])
}

output "enabled" {
  value = var.enabled
}
