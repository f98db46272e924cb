# expect: aws_lambda_function.role_from_elsewhere UNKNOWN
# expect: aws_lambda_function.role_elsewhere UNKNOWN

# Its output is known after apply, like the answer of another system.
resource "terraform_data" "role" {
  input = "arn:aws:iam::111122223333:role/transfer"
}

resource "aws_lambda_function" "role_from_elsewhere" {
  function_name = "role_from_elsewhere"
  role          = terraform_data.role.output
  runtime       = "python3.13"
  handler       = "handler.handle"
  s3_bucket     = "acme-dev-packages"
  s3_key        = "role_from_elsewhere.zip"
}

# It may have the same one.
resource "aws_lambda_function" "role_elsewhere" {
  function_name = "role_elsewhere"
  role          = "arn:aws:iam::111122223333:role/archiver"
  runtime       = "python3.13"
  handler       = "handler.handle"
  s3_bucket     = "acme-dev-packages"
  s3_key        = "role_elsewhere.zip"
}
