# expect: aws_lambda_function.perhaps_an_image UNKNOWN

# Its output is known after apply, like the answer of another system.
resource "terraform_data" "package_type" {
  input = "Image"
}

# Only a function that is no container image has a runtime of AWS's.
resource "aws_lambda_function" "perhaps_an_image" {
  function_name = "exports"
  role          = "arn:aws:iam::111122223333:role/exports"
  filename      = "exports.zip"
  handler       = "handler.handle"
  runtime       = "python3.13"
  package_type  = terraform_data.package_type.output
}
