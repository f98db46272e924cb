terraform {
  required_providers {
    aws = {
      source = "hashicorp/aws"
    }
  }
}

variable "name" {
  type = string
}

variable "key_arn" {
  type = string
}

module "store" {
  source = "./store"
  count  = 2

  name = "${var.name}-${count.index}"
  encryption = {
    key     = var.key_arn
    enabled = true
  }
}

output "table_arns" {
  value = module.store[*].table.arn
}

output "table_names" {
  value = [for store in module.store : store.table.name]
}
