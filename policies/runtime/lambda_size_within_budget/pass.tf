# expect: aws_lambda_function.small PASS
# expect: aws_lambda_function.at_the_limit PASS

# 3 seconds and 128 MB, where nothing is set.
resource "aws_lambda_function" "small" {
  function_name = "orders"
  role          = "arn:aws:iam::111122223333:role/orders"
  filename      = "orders.zip"
  handler       = "handler.handle"
  runtime       = "python3.13"
}

resource "aws_lambda_function" "at_the_limit" {
  function_name = "payments"
  role          = "arn:aws:iam::111122223333:role/payments"
  filename      = "payments.zip"
  handler       = "handler.handle"
  runtime       = "python3.13"
  timeout       = 60
  memory_size   = 1024
}
