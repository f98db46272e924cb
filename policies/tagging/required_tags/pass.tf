# expect: aws_sqs_queue.by_provider PASS
# expect: aws_sqs_queue.by_both PASS
# expect: aws_sqs_queue.by_itself PASS
# expect: aws_autoscaling_group.by_blocks PASS

provider "aws" {
  alias  = "tagged"
  region = "us-east-1"

  default_tags {
    tags = {
      Environment = "dev"
      Project     = "orders"
      ManagedBy   = "terraform"
    }
  }
}

# The provider adds its default tags.
resource "aws_sqs_queue" "by_provider" {
  provider = aws.tagged
  name     = "orders"
}

# The resource's own tag wins over the provider's.
resource "aws_sqs_queue" "by_both" {
  provider = aws.tagged
  name     = "payments"

  tags = {
    Project = "payments"
  }
}

resource "aws_sqs_queue" "by_itself" {
  name = "refunds"

  tags = {
    Environment = "dev"
    Project     = "refunds"
    ManagedBy   = "terraform"
  }
}

# Auto Scaling groups have a block per tag, and no default tags.
resource "aws_autoscaling_group" "by_blocks" {
  name                 = "workers"
  min_size             = 1
  max_size             = 2
  availability_zones   = ["us-east-1a"]
  launch_configuration = "workers"

  tag {
    key                 = "Environment"
    value               = "dev"
    propagate_at_launch = true
  }

  tag {
    key                 = "Project"
    value               = "orders"
    propagate_at_launch = true
  }

  tag {
    key                 = "ManagedBy"
    value               = "terraform"
    propagate_at_launch = true
  }
}
