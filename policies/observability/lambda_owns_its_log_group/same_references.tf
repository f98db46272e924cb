# expect: aws_lambda_function.named_alike PASS

# Neither name is known yet, and yet they are made of the same.
resource "terraform_data" "suffix" {
  input = "7f3a"
}

resource "aws_cloudwatch_log_group" "named_alike" {
  name              = "/aws/lambda/ledger-${terraform_data.suffix.output}"
  retention_in_days = 14
}

resource "aws_lambda_function" "named_alike" {
  function_name = "ledger-${terraform_data.suffix.output}"
  role          = "arn:aws:iam::123456789012:role/ledger"
  runtime       = "python3.13"
  handler       = "handler.handle"
  filename      = "ledger.zip"

  depends_on = [aws_cloudwatch_log_group.named_alike]
}
