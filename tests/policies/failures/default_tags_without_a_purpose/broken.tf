# found by CKV_TAP_501: aws_sqs_queue.jobs

provider "aws" {
  region = "us-east-1"

  default_tags {
    tags = {
      Environment = "dev"
      Project     = "orders"
      ManagedBy   = "terraform"
    }
  }
}

resource "aws_sqs_queue" "jobs" {
  name = "acme-dev-jobs"
}
