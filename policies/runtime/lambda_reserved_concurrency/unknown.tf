# expect: aws_lambda_function.from_elsewhere UNKNOWN

# Its output is known after apply, like the answer of another system.
resource "terraform_data" "concurrency" {
  input = 50
}

resource "aws_lambda_function" "from_elsewhere" {
  function_name                  = "exports"
  role                           = "arn:aws:iam::111122223333:role/exports"
  filename                       = "exports.zip"
  handler                        = "handler.handle"
  runtime                        = "python3.13"
  reserved_concurrent_executions = terraform_data.concurrency.output
}
