# expect: aws_cloudwatch_log_group.own_key PASS
# expect: aws_cloudwatch_log_group.key_by_variable PASS

variable "key_arn" {
  type    = string
  default = "arn:aws:kms:us-east-1:123456789012:key/1f2e3d4c-0000-4000-8000-000000000000"
}

resource "aws_kms_key" "logs" {
  description = "Logs"
}

# Which key it will be is settled, although its ARN is known only after apply.
resource "aws_cloudwatch_log_group" "own_key" {
  name       = "/aws/lambda/orders"
  kms_key_id = aws_kms_key.logs.arn
}

resource "aws_cloudwatch_log_group" "key_by_variable" {
  name       = "/aws/lambda/payments"
  kms_key_id = var.key_arn
}
