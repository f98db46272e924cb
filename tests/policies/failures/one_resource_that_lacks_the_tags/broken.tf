# found by CKV_TAP_501: aws_sns_topic.alarms

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

provider "aws" {
  alias  = "west"
  region = "us-west-2"
}

resource "aws_sns_topic" "alarms" {
  provider = aws.west
  name     = "acme-dev-alarms"
}

resource "aws_sqs_queue" "jobs" {
  name = "acme-dev-jobs"
}
