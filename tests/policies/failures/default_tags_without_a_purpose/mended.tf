provider "aws" {
  region = "us-east-1"

  default_tags {
    tags = {
      Environment = "dev"
      Project     = "orders"
      Purpose     = "events"
      ManagedBy   = "terraform"
    }
  }
}

resource "aws_sqs_queue" "jobs" {
  name = "acme-dev-jobs"
}
