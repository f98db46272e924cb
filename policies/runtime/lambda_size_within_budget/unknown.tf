# expect: aws_lambda_function.from_elsewhere UNKNOWN

# Its output is known after apply, like the answer of another system.
resource "terraform_data" "timeout" {
  input = 30
}

resource "aws_lambda_function" "from_elsewhere" {
  function_name = "exports"
  role          = "arn:aws:iam::111122223333:role/exports"
  filename      = "exports.zip"
  handler       = "handler.handle"
  runtime       = "python3.13"
  timeout       = terraform_data.timeout.output
}
