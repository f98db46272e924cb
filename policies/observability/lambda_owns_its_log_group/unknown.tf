# expect: aws_lambda_function.name_from_elsewhere UNKNOWN

# Its output is known after apply, like the answer of another system.
resource "terraform_data" "name" {
  input = "invoices"
}

resource "aws_cloudwatch_log_group" "name_known" {
  name              = "/aws/lambda/invoices"
  retention_in_days = 14
}

resource "aws_lambda_function" "name_from_elsewhere" {
  function_name = terraform_data.name.output
  role          = "arn:aws:iam::123456789012:role/invoices"
  runtime       = "python3.13"
  handler       = "handler.handle"
  filename      = "invoices.zip"

  depends_on = [aws_cloudwatch_log_group.name_known]
}
