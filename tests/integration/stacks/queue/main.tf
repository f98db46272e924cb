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
  kms_key_id        = "arn:aws:kms:us-east-1:123456789012:key/11111111-2222-3333-4444-555555555555"
}

resource "aws_sqs_queue" "slow" {
  name              = aws_cloudwatch_log_group.quick.name == "/quick" ? "slow" : "other"
  kms_master_key_id = "arn:aws:kms:us-east-1:123456789012:key/11111111-2222-3333-4444-555555555555"
}

output "queue_arn" {
  value = aws_sqs_queue.slow.arn
}
