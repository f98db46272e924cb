# expect: aws_lambda_function.without_group FAIL
# expect: aws_lambda_function.not_waiting FAIL
# expect: aws_lambda_function.group_waits_for_function FAIL
# expect: aws_lambda_function.of_another_function FAIL
# expect: aws_lambda_function.elsewhere FAIL

resource "aws_lambda_function" "without_group" {
  function_name = "exports"
  role          = "arn:aws:iam::123456789012:role/exports"
  runtime       = "python3.13"
  handler       = "handler.handle"
  filename      = "exports.zip"
}

# Terraform makes both at once: an early event makes Lambda the owner of the name.
resource "aws_cloudwatch_log_group" "not_waiting" {
  name              = "/aws/lambda/imports"
  retention_in_days = 14
}

resource "aws_lambda_function" "not_waiting" {
  function_name = "imports"
  role          = "arn:aws:iam::123456789012:role/imports"
  runtime       = "python3.13"
  handler       = "handler.handle"
  filename      = "imports.zip"
}

# The reference points the wrong way round.
resource "aws_lambda_function" "group_waits_for_function" {
  function_name = "reports"
  role          = "arn:aws:iam::123456789012:role/reports"
  runtime       = "python3.13"
  handler       = "handler.handle"
  filename      = "reports.zip"
}

resource "aws_cloudwatch_log_group" "group_waits_for_function" {
  name              = "/aws/lambda/${aws_lambda_function.group_waits_for_function.function_name}"
  retention_in_days = 14
}

resource "aws_lambda_function" "of_another_function" {
  function_name = "mails"
  role          = "arn:aws:iam::123456789012:role/mails"
  runtime       = "python3.13"
  handler       = "handler.handle"
  filename      = "mails.zip"

  depends_on = [aws_cloudwatch_log_group.by_name]
}

resource "aws_lambda_function" "elsewhere" {
  function_name = "audits"
  role          = "arn:aws:iam::123456789012:role/audits"
  runtime       = "python3.13"
  handler       = "handler.handle"
  filename      = "audits.zip"

  logging_config {
    log_format = "JSON"
    log_group  = "somebody/elses"
  }
}
