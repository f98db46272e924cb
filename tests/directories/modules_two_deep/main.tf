# Modules two deep: each service calls a module of names, whose output names what the service makes.
terraform {
  required_version = ">= 1.6"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "~> 5.100"
    }
  }
}

provider "aws" {
  region = "us-east-1"

  default_tags {
    tags = { Environment = "dev", Project = "tap", ManagedBy = "terraform" }
  }
}

variable "billing_days" {
  type    = number
  default = 30
}

locals {
  services = {
    orders  = { days = 14 }
    billing = { days = var.billing_days }
  }
}

module "service" {
  source   = "./modules/service"
  for_each = local.services

  name = each.key
  days = each.value.days
}

module "audit" {
  source = "./modules/service"

  name = "audit-${length(module.service)}"
  days = 14
}

output "log_groups" {
  value = merge({ for name, service in module.service : name => service.log_group }, { audit = module.audit.log_group })
}
