# expect: aws_lambda_function.no_key FAIL

resource "aws_lambda_function" "no_key" {
  function_name = "orders"
  role          = "arn:aws:iam::123456789012:role/orders"
  runtime       = "python3.13"
  handler       = "orders.handler"
  s3_bucket     = "acme-code"
  s3_key        = "orders.zip"

  environment {
    variables = {
      TABLE = "orders"
    }
  }
}
