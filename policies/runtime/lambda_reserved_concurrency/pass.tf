# expect: aws_lambda_function.unset PASS
# expect: aws_lambda_function.unreserved PASS

# It may use all of the account's concurrency.
resource "aws_lambda_function" "unset" {
  function_name = "orders"
  role          = "arn:aws:iam::111122223333:role/orders"
  filename      = "orders.zip"
  handler       = "handler.handle"
  runtime       = "python3.13"
}

# -1 stands for no reservation.
resource "aws_lambda_function" "unreserved" {
  function_name                  = "payments"
  role                           = "arn:aws:iam::111122223333:role/payments"
  filename                       = "payments.zip"
  handler                        = "handler.handle"
  runtime                        = "python3.13"
  reserved_concurrent_executions = -1
}
