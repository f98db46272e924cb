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
}
