# expect: aws_lambda_function.image NOT_APPLICABLE

# A container image brings its own runtime.
resource "aws_lambda_function" "image" {
  function_name = "reports"
  role          = "arn:aws:iam::111122223333:role/reports"
  package_type  = "Image"
  image_uri     = "111122223333.dkr.ecr.us-east-1.amazonaws.com/reports:1"
}
