# Recorded as plan.json and state.json beside this file; see README.md for how.
terraform {
  required_version = ">= 1.5"
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "~> 5.100"
    }
  }
}

variable "company" {
  type    = string
  default = "acme"
}

variable "environment" {
  type    = string
  default = "dev"
}

locals {
  name_prefix = "${var.company}-${var.environment}"
}

provider "aws" {
  region = "us-east-1"

  default_tags {
    tags = {
      Environment = var.environment
      Project     = "records"
      ManagedBy   = "terraform"
    }
  }
}

# A provider without default tags: its resources must bring their own.
provider "aws" {
  alias  = "west"
  region = "us-west-2"
}

resource "aws_kms_key" "main" {
  description         = "${local.name_prefix} data"
  enable_key_rotation = true
}

resource "aws_kms_key" "signing" {
  description              = "${local.name_prefix} signatures"
  customer_master_key_spec = "RSA_2048"
  key_usage                = "SIGN_VERIFY"
}

resource "aws_kms_key" "west" {
  provider    = aws.west
  description = "${local.name_prefix} without rotation and without tags"
}

resource "aws_dynamodb_table" "main" {
  name         = "${local.name_prefix}-table"
  billing_mode = "PAY_PER_REQUEST"
  hash_key     = "id"

  attribute {
    name = "id"
    type = "S"
  }

  point_in_time_recovery {
    enabled = true
  }

  server_side_encryption {
    enabled     = true
    kms_key_arn = aws_kms_key.main.arn
  }
}

resource "aws_cloudwatch_log_group" "fn" {
  for_each = toset(["reader", "writer"])

  name              = "/aws/lambda/${local.name_prefix}-${each.key}"
  retention_in_days = each.key == "reader" ? 30 : 14
  kms_key_id        = aws_kms_key.main.arn
}

module "archive" {
  source = "./archive"
  key    = aws_kms_key.main.arn
}

# What only AWS knows (the key's id) becomes a tag: unknown until applied.
resource "aws_sqs_queue" "dead_letters" {
  name                              = "${local.name_prefix}-dead-letters"
  kms_master_key_id                 = aws_kms_key.main.arn
  kms_data_key_reuse_period_seconds = 300

  tags = {
    KeyId = aws_kms_key.main.key_id
  }
}

data "aws_caller_identity" "current" {}

output "table_arn" {
  value = aws_dynamodb_table.main.arn
}
