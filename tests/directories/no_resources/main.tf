# Nothing but names for values: there is nothing to judge, and that is said.
locals {
  regions = ["us-east-1", "eu-west-1"]
}

output "first" {
  value = local.regions[0]
}
