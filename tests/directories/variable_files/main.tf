# Every place where Terraform looks for variables, each with a value that the next one overrules.
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

variable "days" {
  description = "14 at the end of all files; anything else breaks a policy."
  type        = number
  default     = 1
}

variable "name" {
  type = string
}

variable "sites" {
  type = map(object({ ports = list(number) }))
}

variable "prefix" {
  type = string
}

resource "aws_cloudwatch_log_group" "this" {
  for_each = var.sites

  name              = "/${var.prefix}/${var.name}/${each.key}"
  retention_in_days = var.days
  kms_key_id        = "arn:aws:kms:us-east-1:123456789012:key/11111111-2222-3333-4444-555555555555"
}

output "names" {
  value = values(aws_cloudwatch_log_group.this)[*].name
}
