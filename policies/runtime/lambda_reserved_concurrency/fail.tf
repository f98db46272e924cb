# expect: aws_lambda_function.reserved FAIL
# expect: aws_lambda_function.stopped FAIL

resource "aws_lambda_function" "reserved" {
  function_name                  = "orders"
  role                           = "arn:aws:iam::111122223333:role/orders"
  filename                       = "orders.zip"
  handler                        = "handler.handle"
  runtime                        = "python3.13"
  reserved_concurrent_executions = 50
}

# 0 keeps it from running at all.
resource "aws_lambda_function" "stopped" {
  function_name                  = "refunds"
  role                           = "arn:aws:iam::111122223333:role/refunds"
  filename                       = "refunds.zip"
  handler                        = "handler.handle"
  runtime                        = "python3.13"
  reserved_concurrent_executions = 0
}
