# expect: aws_lambda_function.no_environment NOT_APPLICABLE
# expect: aws_lambda_function.no_variables NOT_APPLICABLE

resource "aws_lambda_function" "no_environment" {
  function_name = "orders"
  role          = "arn:aws:iam::123456789012:role/orders"
  runtime       = "python3.13"
  handler       = "orders.handler"
  s3_bucket     = "acme-code"
  s3_key        = "orders.zip"
}

resource "aws_lambda_function" "no_variables" {
  function_name = "payments"
  role          = "arn:aws:iam::123456789012:role/payments"
  runtime       = "python3.13"
  handler       = "payments.handler"
  s3_bucket     = "acme-code"
  s3_key        = "payments.zip"

  environment {
    variables = {}
  }
}
