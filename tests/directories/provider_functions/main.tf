# Functions that the provider brings.
terraform {
  required_version = ">= 1.8"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "~> 5.100"
    }
    terraform = {
      source = "terraform.io/builtin/terraform"
    }
  }
}

provider "aws" {
  region = "us-east-1"

  default_tags {
    tags = { Environment = "dev", Project = "tap", ManagedBy = "terraform" }
  }
}

locals {
  role = provider::aws::arn_parse("arn:aws:iam::123456789012:role/path/reader")
}

resource "aws_ssm_parameter" "account" {
  name  = "/${local.role.account_id}/reader"
  type  = "String"
  value = provider::aws::arn_build("aws", "ssm", "us-east-1", local.role.account_id, "parameter/${local.role.service}")
}

resource "aws_cloudwatch_log_group" "this" {
  name              = "/functions"
  retention_in_days = length(provider::terraform::encode_expr([1, 2])) > 0 ? 14 : 30
  kms_key_id        = provider::aws::arn_build("aws", "kms", "us-east-1", local.role.account_id, "key/1")
}

output "resource" {
  value = local.role.resource
}
