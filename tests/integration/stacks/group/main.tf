# One log group: the quickest thing on AWS that a policy has something to say about.
terraform {
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
  type    = number
  default = 14
}

resource "aws_cloudwatch_log_group" "one" {
  name              = "/one"
  retention_in_days = var.days
  kms_key_id        = "arn:aws:kms:us-east-1:123456789012:key/11111111-2222-3333-4444-555555555555"
}
