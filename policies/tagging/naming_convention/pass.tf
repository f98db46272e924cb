# expect: aws_sqs_queue.by_variables PASS
# expect: aws_sqs_queue.by_prefix PASS
# expect: aws_cloudwatch_log_group.in_lambdas_path PASS
# expect: aws_kms_key.without_name NOT_APPLICABLE
# expect: aws_kms_alias.alias PASS

variable "company" {
  type    = string
  default = "acme"
}

variable "environment" {
  type    = string
  default = "dev"
}

resource "aws_sqs_queue" "by_variables" {
  name = "${var.company}-${var.environment}-orders"
}

# Terraform completes it with a number.
resource "aws_sqs_queue" "by_prefix" {
  name_prefix = "${var.company}-${var.environment}-payments-"
}

# Lambda decides how the name begins; the convention is about the rest.
resource "aws_cloudwatch_log_group" "in_lambdas_path" {
  name              = "/aws/lambda/${var.company}-${var.environment}-orders"
  retention_in_days = 14
}

# A key has an id and no name; its alias has one.
resource "aws_kms_key" "without_name" {
  description         = "Orders"
  enable_key_rotation = true
}

resource "aws_kms_alias" "alias" {
  name          = "alias/${var.company}-${var.environment}-orders"
  target_key_id = aws_kms_key.without_name.key_id
}
