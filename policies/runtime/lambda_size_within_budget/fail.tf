# expect: aws_lambda_function.too_slow FAIL
# expect: aws_lambda_function.too_large FAIL

resource "aws_lambda_function" "too_slow" {
  function_name = "refunds"
  role          = "arn:aws:iam::111122223333:role/refunds"
  filename      = "refunds.zip"
  handler       = "handler.handle"
  runtime       = "python3.13"
  timeout       = 900
}

resource "aws_lambda_function" "too_large" {
  function_name = "reports"
  role          = "arn:aws:iam::111122223333:role/reports"
  filename      = "reports.zip"
  handler       = "handler.handle"
  runtime       = "python3.13"
  memory_size   = 2048
}
