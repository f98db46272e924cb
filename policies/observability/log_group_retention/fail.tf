# expect: aws_cloudwatch_log_group.unset FAIL
# expect: aws_cloudwatch_log_group.for_ever FAIL
# expect: aws_cloudwatch_log_group.too_long FAIL

# Without retention the events stay for ever.
resource "aws_cloudwatch_log_group" "unset" {
  name = "/aws/lambda/orders"
}

# 0 means for ever as well.
resource "aws_cloudwatch_log_group" "for_ever" {
  name              = "/aws/lambda/payments"
  retention_in_days = 0
}

resource "aws_cloudwatch_log_group" "too_long" {
  name              = "/aws/lambda/refunds"
  retention_in_days = 30
}
