# expect: aws_lambda_function.node FAIL
# expect: aws_lambda_function.python FAIL
# expect: aws_lambda_function.by_variable FAIL

variable "runtime" {
  type    = string
  default = "ruby2.7"
}

# Deprecated since 2023-03-31.
resource "aws_lambda_function" "node" {
  function_name = "orders"
  role          = "arn:aws:iam::111122223333:role/orders"
  filename      = "orders.zip"
  handler       = "index.handler"
  runtime       = "nodejs12.x"
}

# Deprecated since 2023-12-04.
resource "aws_lambda_function" "python" {
  function_name = "payments"
  role          = "arn:aws:iam::111122223333:role/payments"
  filename      = "payments.zip"
  handler       = "handler.handle"
  runtime       = "python3.7"
}

# Deprecated since 2023-12-07.
resource "aws_lambda_function" "by_variable" {
  function_name = "refunds"
  role          = "arn:aws:iam::111122223333:role/refunds"
  filename      = "refunds.zip"
  handler       = "handler.handle"
  runtime       = var.runtime
}
