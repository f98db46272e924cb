# expect: aws_cloudwatch_log_group.no_key FAIL
# expect: aws_cloudwatch_log_group.null_key FAIL

variable "no_key_arn" {
  type    = string
  default = null
}

resource "aws_cloudwatch_log_group" "no_key" {
  name              = "/aws/lambda/orders"
  retention_in_days = 14
}

# Null is unset.
resource "aws_cloudwatch_log_group" "null_key" {
  name       = "/aws/lambda/payments"
  kms_key_id = var.no_key_arn
}
