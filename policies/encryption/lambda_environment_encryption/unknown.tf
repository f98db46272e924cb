# expect: aws_lambda_function.key_from_elsewhere UNKNOWN
# expect: aws_lambda_function.variables_from_elsewhere UNKNOWN

# Its output is known after apply, like the answer of another system.
resource "terraform_data" "settings" {
  input = { key = null, variables = {} }
}

resource "aws_lambda_function" "key_from_elsewhere" {
  function_name = "orders"
  role          = "arn:aws:iam::123456789012:role/orders"
  runtime       = "python3.13"
  handler       = "orders.handler"
  s3_bucket     = "acme-code"
  s3_key        = "orders.zip"
  kms_key_arn   = terraform_data.settings.output.key

  environment {
    variables = {
      TABLE = "orders"
    }
  }
}

resource "aws_lambda_function" "variables_from_elsewhere" {
  function_name = "payments"
  role          = "arn:aws:iam::123456789012:role/payments"
  runtime       = "python3.13"
  handler       = "payments.handler"
  s3_bucket     = "acme-code"
  s3_key        = "payments.zip"

  environment {
    variables = terraform_data.settings.output.variables
  }
}
