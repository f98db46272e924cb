# expect: aws_cloudwatch_log_group.two_weeks PASS
# expect: aws_cloudwatch_log_group.by_variable PASS

variable "retention" {
  type    = number
  default = 14
}

resource "aws_cloudwatch_log_group" "two_weeks" {
  name              = "/aws/lambda/orders"
  retention_in_days = 14
}

resource "aws_cloudwatch_log_group" "by_variable" {
  name              = "/aws/lambda/payments"
  retention_in_days = var.retention
}
