# expect: aws_sqs_queue.without_prefix FAIL
# expect: aws_sqs_queue.of_another_environment FAIL
# expect: aws_sqs_queue.without_name FAIL
# expect: aws_sqs_queue.wrong_prefix FAIL
# expect: aws_cloudwatch_log_group.without_prefix FAIL

resource "aws_sqs_queue" "without_prefix" {
  name = "orders"
}

# It begins with acme-dev, but is of no environment called dev.
resource "aws_sqs_queue" "of_another_environment" {
  name = "acme-develop-orders"
}

# The provider makes a name up: terraform-2025...
resource "aws_sqs_queue" "without_name" {
  delay_seconds = 5
}

resource "aws_sqs_queue" "wrong_prefix" {
  name_prefix = "orders-"
}

resource "aws_cloudwatch_log_group" "without_prefix" {
  name              = "/aws/lambda/orders"
  retention_in_days = 14
}
