# expect: aws_lambda_function.own_key PASS

resource "aws_kms_key" "environment" {
  description = "Environment of functions"
}

resource "aws_lambda_function" "own_key" {
  function_name = "orders"
  role          = "arn:aws:iam::123456789012:role/orders"
  runtime       = "python3.13"
  handler       = "orders.handler"
  s3_bucket     = "acme-code"
  s3_key        = "orders.zip"
  kms_key_arn   = aws_kms_key.environment.arn

  environment {
    variables = {
      TABLE = "orders"
    }
  }
}
