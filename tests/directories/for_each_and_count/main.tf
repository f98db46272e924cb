# Instances from maps, sets, lists and conditions, of none as well, and blocks from a list.
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

variable "sites" {
  type = map(object({ tier = string, days = optional(number, 14) }))
  default = {
    north         = { tier = "Standard" }
    "south.coast" = { tier = "Standard", days = 14 }
  }
}

variable "with_audit" {
  type    = bool
  default = true
}

variable "offices" {
  type    = list(string)
  default = ["10.0.0.0/8", "0.0.0.0/0"]
}

locals {
  ports = [443, 8443]
}

resource "aws_ssm_parameter" "site" {
  for_each = { for name, site in var.sites : name => site if site.days > 0 }

  name  = "/sites/${each.key}"
  type  = "String"
  tier  = each.value.tier
  value = "${each.value.days} days"
}

resource "aws_ssm_parameter" "numbered" {
  count = 2

  name  = "/numbered/${count.index}"
  type  = "String"
  value = local.ports[count.index]
}

resource "aws_cloudwatch_log_group" "audit" {
  count = var.with_audit ? 1 : 0

  name              = "/audit"
  retention_in_days = values(var.sites)[1].days
  kms_key_id        = "arn:aws:kms:us-east-1:123456789012:key/11111111-2222-3333-4444-555555555555"
}

resource "aws_cloudwatch_log_group" "never" {
  count = var.with_audit ? 0 : 1

  name = "/never"
}

resource "aws_security_group" "web" {
  name        = "web"
  description = "From the two offices."

  dynamic "ingress" {
    for_each = toset([for port in local.ports : tostring(port)])
    iterator = port

    content {
      description = "port ${port.value}"
      from_port   = port.value
      to_port     = port.value
      protocol    = "tcp"
      cidr_blocks = port.value == "443" ? [var.offices[0]] : slice(var.offices, 1, 2)
    }
  }
}

output "parameters" {
  value = concat(values(aws_ssm_parameter.site)[*].name, aws_ssm_parameter.numbered[*].name)
}

output "audit" {
  value = one(aws_cloudwatch_log_group.audit[*].name)
}
