# expect: aws_sqs_queue.none FAIL
# expect: aws_sqs_queue.one_missing FAIL
# expect: aws_sqs_queue.one_empty FAIL
# expect: aws_autoscaling_group.one_block_missing FAIL

resource "aws_sqs_queue" "none" {
  name = "orders"
}

resource "aws_sqs_queue" "one_missing" {
  name = "payments"

  tags = {
    Environment = "dev"
    ManagedBy   = "terraform"
  }
}

resource "aws_sqs_queue" "one_empty" {
  name = "refunds"

  tags = {
    Environment = "dev"
    Project     = ""
    ManagedBy   = "terraform"
  }
}

resource "aws_autoscaling_group" "one_block_missing" {
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
}
