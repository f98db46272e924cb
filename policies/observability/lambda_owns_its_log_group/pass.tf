# expect: aws_lambda_function.by_name PASS
# expect: aws_lambda_function.by_logging_config PASS
# expect: aws_lambda_function.through_policy PASS

resource "aws_cloudwatch_log_group" "by_name" {
  name              = "/aws/lambda/orders"
  retention_in_days = 14
}

resource "aws_lambda_function" "by_name" {
  function_name = "orders"
  role          = "arn:aws:iam::123456789012:role/orders"
  runtime       = "python3.13"
  handler       = "handler.handle"
  filename      = "orders.zip"

  depends_on = [aws_cloudwatch_log_group.by_name]
}

# A reference is a dependency.
resource "aws_cloudwatch_log_group" "by_logging_config" {
  name              = "functions/payments"
  retention_in_days = 14
}

resource "aws_lambda_function" "by_logging_config" {
  function_name = "payments"
  role          = "arn:aws:iam::123456789012:role/payments"
  runtime       = "python3.13"
  handler       = "handler.handle"
  filename      = "payments.zip"

  logging_config {
    log_format = "JSON"
    log_group  = aws_cloudwatch_log_group.by_logging_config.name
  }
}

# The function waits for the policy, which waits for the group.
resource "aws_cloudwatch_log_group" "through_policy" {
  name              = "/aws/lambda/refunds"
  retention_in_days = 14
}

resource "aws_iam_role_policy" "through_policy" {
  name = "refunds"
  role = "refunds"

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect   = "Allow"
      Action   = ["logs:CreateLogStream", "logs:PutLogEvents"]
      Resource = "${aws_cloudwatch_log_group.through_policy.arn}:*"
    }]
  })
}

resource "aws_lambda_function" "through_policy" {
  function_name = "refunds"
  role          = "arn:aws:iam::123456789012:role/refunds"
  runtime       = "python3.13"
  handler       = "handler.handle"
  filename      = "refunds.zip"

  depends_on = [aws_iam_role_policy.through_policy]
}
