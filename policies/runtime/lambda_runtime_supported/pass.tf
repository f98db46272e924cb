# expect: aws_lambda_function.supported PASS
# expect: aws_lambda_function.own_runtime PASS

resource "aws_lambda_function" "supported" {
  function_name = "orders"
  role          = "arn:aws:iam::111122223333:role/orders"
  filename      = "orders.zip"
  handler       = "handler.handle"
  runtime       = "python3.13"
}

resource "aws_lambda_function" "own_runtime" {
  function_name = "payments"
  role          = "arn:aws:iam::111122223333:role/payments"
  filename      = "payments.zip"
  handler       = "bootstrap"
  runtime       = "provided.al2023"
}
