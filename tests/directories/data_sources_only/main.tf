# Reads and makes nothing.
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

data "aws_caller_identity" "here" {}

data "aws_iam_policy_document" "read" {
  statement {
    actions   = ["ssm:GetParameter"]
    resources = ["arn:aws:ssm:us-east-1:${data.aws_caller_identity.here.account_id}:parameter/x"]
  }
}

output "account" {
  value = data.aws_caller_identity.here.account_id
}

output "policy" {
  value = data.aws_iam_policy_document.read.json
}
