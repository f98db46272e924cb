# A queue takes the provider's own waiters 25 seconds, whatever the server does.
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

resource "aws_cloudwatch_log_group" "quick" {
  name              = "/quick"
  retention_in_days = 14
}

resource "aws_sqs_queue" "slow" {
  name = aws_cloudwatch_log_group.quick.name == "/quick" ? "slow" : "other"
}
